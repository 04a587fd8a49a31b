"""Milliseconds from several processes' times: corrected for drift, with their spread and their ties."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Final

from nas_scale.confidence import places_where
from nas_scale.devices.memory import PeakMemory
from nas_scale.devices.subject import Environment, Sampled, Subject, TimedRound
from nas_scale.errors import RunFailed

LEAST_TIE: Final = 0.05  # relative difference of medians that is none, however well they repeat
NORMAL_SD: Final = 1.4826  # standard deviations in a median absolute deviation of normal values


@dataclass(frozen=True, slots=True)
class Latency:
    """A net's measured time for a batch, in milliseconds, or the reason why there is none.

    rounds: each process's median, corrected for drift. median: of these. p10, p90, iqr: of all samples, corrected.
    images_per_second: at the median. samples: how many calls were timed. settled: whether every process was warm when
    timing began. waited: share of the time that other processes had the core, which is not part of the times. stages:
    shares of the parts, stem to classifier, each run alone; they sum to 1. note: what was not as usual.
    """

    name: str
    resolution: int
    batch: int
    median: float = math.nan
    p10: float = math.nan
    p90: float = math.nan
    iqr: float = math.nan
    images_per_second: float = math.nan
    rounds: tuple[float, ...] = ()
    samples: int = 0
    settled: bool = True
    waited: float = 0.0
    stages: tuple[float, ...] = ()
    memory: PeakMemory | None = None
    note: str = ""
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Latencies:
    """A measurement: a latency for each subject, in their order.

    floor: by how much two measurements of one net like this one differ, relative, at most 19 times in 20; None where no
    net was measured in two processes. reference: the reference nets' milliseconds, their geometric mean.
    """

    nets: tuple[Latency, ...]
    floor: float | None
    reference: float
    environment: Environment

    @property
    def tolerance(self) -> float:
        """The relative difference within which medians are ties."""
        return max(LEAST_TIE, self.floor or 0.0)

    @property
    def places(self) -> tuple[int | None, ...]:
        """The place of each, 1 for the fastest; ties share that of the fastest among them. None for what failed."""
        ranked = sorted((net.median, index) for index, net in enumerate(self.nets) if net.reason is None)
        tolerance = self.tolerance
        places = places_where(len(ranked), lambda leader, other: ranked[other][0] > ranked[leader][0] * (1 + tolerance))
        found: list[int | None] = [None] * len(self.nets)
        for (_, index), place in zip(ranked, places, strict=True):
            found[index] = place
        return tuple(found)


def combine(subjects: Sequence[Subject], rounds: Sequence[TimedRound], reference: float | None = None) -> Latencies:
    """The measurement that these rounds of the same subjects make.

    A net's times are divided by how much slower the reference nets and the others ran over the same minutes. reference:
    the milliseconds of the reference nets that all is related to, so that measurements of other subjects can be joined
    to this one; None for their median in these rounds. Raises RunFailed where nothing was measured.
    """
    timed = [sampled for each in rounds for sampled in each.nets if sampled.milliseconds]
    if not timed:
        reasons = [sampled.reason for each in rounds for sampled in each.nets if sampled.reason is not None]
        raise RunFailed(f"no net could be measured: {reasons[0] if reasons else 'there was none'}")
    usual = median(sampled.reference for sampled in timed)
    factor = 1.0 if reference is None else reference / usual
    batch = rounds[0].environment.setting.batch
    nets = tuple(
        _latency(subject, [each.nets[index] for each in rounds], slowdowns, factor, batch)
        for index, (subject, slowdowns) in enumerate(zip(subjects, _slowdowns(rounds, usual), strict=True))
    )
    floor = remeasurement_floor([net.rounds for net in nets])
    return Latencies(nets, floor, usual * factor, rounds[0].environment)


def remeasurement_floor(medians: Sequence[Sequence[float]]) -> float | None:
    """How far apart, relative, two measurements of one net lie at most, 19 times in 20.

    medians: of each net, those of its processes. The differences between two processes, over all pairs and nets, are
    taken as normal around zero; a measurement is the median of as many processes.
    """
    pairs = [
        abs(math.log(first / second)) for each in medians for index, first in enumerate(each) for second in each[:index]
    ]
    if not pairs:
        return None
    processes = max(len(each) for each in medians)
    return math.expm1(2 * NORMAL_SD * median(pairs) / math.sqrt(processes))


def _slowdowns(rounds: Sequence[TimedRound], usual: float) -> list[list[float]]:
    """By how much each net's surroundings were slower than usual: [subject][round].

    The median over the references, taken as one, and all other nets that took turns with it. usual: the references'
    milliseconds.
    """
    count = len(rounds[0].nets)
    middles = [[median(net.milliseconds) if net.milliseconds else math.nan for net in each.nets] for each in rounds]
    columns = [[row[index] for row in middles] for index in range(count)]
    usuals = [math.nan if any(map(math.isnan, column)) else median(column) for column in columns]
    ratios = [[value / usuals[index] for index, value in enumerate(row)] for row in middles]

    def slowdown(number: int, index: int) -> float:
        nets, own = rounds[number].nets, rounds[number].nets[index]
        others = [
            ratios[number][other]
            for other in range(count)
            if other != index and nets[other].group == own.group and not math.isnan(ratios[number][other])
        ]
        return median([own.reference / usual, *others]) if own.milliseconds else 1.0

    return [[slowdown(number, index) for number in range(len(rounds))] for index in range(count)]


def _latency(
    subject: Subject, rounds: Sequence[Sampled], slowdowns: Sequence[float], factor: float, batch: int
) -> Latency:
    kept = [sampled for sampled in rounds if sampled.milliseconds]
    resolution = max(sampled.resolution for sampled in rounds)
    if len(kept) < len(rounds):
        reason = next(sampled.reason for sampled in rounds if sampled.reason is not None)
        return Latency(subject.name, resolution or subject.resolution or 0, batch, reason=reason)
    corrected = [
        [each * factor / slowdown for each in sampled.milliseconds]
        for sampled, slowdown in zip(rounds, slowdowns, strict=True)
    ]
    medians = tuple(median(samples) for samples in corrected)
    pooled = sorted(sample for samples in corrected for sample in samples)
    cuts = quantiles(pooled, n=20, method="inclusive")
    middle = median(medians)
    return Latency(
        name=subject.name,
        resolution=resolution,
        batch=batch,
        median=middle,
        p10=cuts[1],
        p90=cuts[17],
        iqr=cuts[14] - cuts[4],
        images_per_second=1000 * batch / middle,
        rounds=medians,
        samples=len(pooled),
        settled=all(sampled.settled for sampled in kept),
        waited=median(sampled.waited for sampled in kept),
        stages=_shares([sampled.stages for sampled in kept if sampled.stages]),
        note=next((sampled.note for sampled in kept if sampled.note), ""),
    )


def _shares(rounds: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Each part's share of their sum, from the medians over processes."""
    parts = [median(part) for part in zip(*rounds, strict=True)]
    return tuple(part / sum(parts) for part in parts)
