"""A certificate as plain values: what `--json` prints, `show` reads and tables draw."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from nas_scale import numbers
from nas_scale.architecture.files import net_document
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.certify.nets import Drawn
from nas_scale.commands.certify.options import Certify
from nas_scale.commands.search.document import proxy_line
from nas_scale.commands.shared.options import specification
from nas_scale.commands.shared.training import Training
from nas_scale.metrics.metric import FLOPS, costs_of
from nas_scale.runs.store import Run
from nas_scale.statistics.agreement import Agreement, kendall, split_half
from nas_scale.statistics.variances import SeedNoise, accuracies_of
from nas_scale.statistics.verdict import Verdict, figure, shown, verdict
from nas_scale.training.job import Score
from nas_scale.training.proxy import given_up
from nas_scale.zero_cost.names import score_names

CEILING_BY: Final = {"longer": "the longer recipe's seeds", "proxy": "the proxy's seeds"}


@dataclass(frozen=True, slots=True)
class Measured:
    """A net with all that was found out about it. proxy, longer: a score a seed. cheap: a score a judge. reason: why a
    training failed; the net then counts nowhere."""

    arch: Architecture
    in_band: bool
    proxy: tuple[Score, ...] = ()
    longer: tuple[Score, ...] = ()
    cheap: Mapping[str, float] | None = None
    reason: str | None = None

    @property
    def truth(self) -> float:
        """Mean accuracy under the longer recipe."""
        return statistics.fmean(accuracies_of(self.longer))


@dataclass(frozen=True, slots=True)
class CertifyPlan:
    """What is to be trained: nets, both recipes' trainings, and what is said of it above every table."""

    wanted: Certify
    space: str
    reference: Architecture
    training: Training
    longer: Training
    drawn: Drawn
    images: str
    workers: int

    @property
    def trainings(self) -> int:
        return len(self.drawn.nets) * (self.training.seeds + self.longer.seeds)

    def header(self) -> list[str]:
        """What is asked and what both recipes are, a sentence a line."""
        nets, band = self.drawn.nets, self.drawn.band
        equal = sum(map(self.drawn.in_band, nets))
        spent = sorted(FLOPS.of_net(net) for net in nets)
        across = f"{numbers.count(spent[0])} to {numbers.count(spent[-1])} FLOPs"
        narrow = f"{numbers.count(band.least)} to {numbers.count(band.most)}"
        return [
            f"space {self.space}, {len(nets)} nets of {across}, {equal} of them of equal cost ({narrow})",
            f"{proxy_line(self.reference, self.training)}; {_seeds(self.training.seeds)} each",
            f"longer recipe: the same nets at {given_up(self.reference, self.longer.proxy)}; "
            f"{_seeds(self.longer.seeds)} each, other than the proxy's",
        ]


def _seeds(count: int) -> str:
    return f"{count} seed{'s' if count != 1 else ''}"


def estimate_line(plan: CertifyPlan, seconds: float | None) -> str:
    """`16 nets: 48 trainings, about 27 min on 2 workers`."""
    workers = f"{plan.workers} worker{'s' if plan.workers > 1 else ''}"
    took = "" if seconds is None else f", about {numbers.duration(seconds)} on {workers}"
    return f"{len(plan.drawn.nets)} nets: {plan.trainings} trainings{took}"


def certify_document(
    plan: CertifyPlan,
    head: Sequence[str],
    estimated: float | None,
    run: Run | None = None,
    measured: Sequence[Measured] = (),
    judge_seconds: Mapping[str, float] | None = None,
    seconds: float = 0.0,
) -> dict[str, Any]:
    """The plan, and after training what was found, as JSON values; nets best first, as the longer recipe has them."""
    band = plan.drawn.band
    document: dict[str, Any] = {
        "kind": "certify",
        "run": run.name if run else None,
        "folder": str(run.folder) if run else None,
        "header": list(head),
        **specification(replace(plan.wanted, space=plan.space)),
        "band": [band.least, band.most],
        "images": plan.images,
        "trainings": plan.trainings,
        "workers": plan.workers,
        "estimated_seconds": estimated,
        "seconds": round(seconds, 1),
        "training": specification(plan.training),
        "longer_training": specification(plan.longer),
    }
    if run is None:
        rows = [_net(Measured(net, plan.drawn.in_band(net))) for net in plan.drawn.nets]
        return document | {"verdict": None, "judges": None, "nets": rows}
    return document | _found(measured, plan.training.seed, judge_seconds or {})


def _found(measured: Sequence[Measured], seed: int, judge_seconds: Mapping[str, float]) -> dict[str, Any]:
    """What the trainings say: agreements, noise, spread, speed, and the verdict."""
    trained = sorted((net for net in measured if net.reason is None), key=lambda net: -net.truth)
    failed = [net for net in measured if net.reason is not None]
    equal = [net for net in trained if net.in_band]
    decided = verdict_on(equal, seed)
    of_longer = all(len(net.longer) > 1 for net in trained)
    return {
        "verdict": _verdict(decided),
        "judges": [_judge(name, trained, equal, seed, judge_seconds) for name in ("proxy", *score_names())],
        "ceiling": {
            "of": "longer" if of_longer else "proxy",
            "all": asdict(ceiling(trained, of_longer, seed)),
            "equal": asdict(ceiling(equal, of_longer, seed)),
        },
        "proxy": _recipe([net.proxy for net in trained], [net.proxy for net in equal]),
        "longer_recipe": _recipe([net.longer for net in trained], [net.longer for net in equal]),
        "nets": [_net(net) for net in (*trained, *failed)],
    }


def verdict_on(equal: Sequence[Measured], seed: int) -> Verdict:
    """Whether the proxy is worth using, by the nets of equal cost (statistics/verdict.py has the rule).

    FLOPs are no rival: there they are equal by construction, and nothing is gained by screening for what is left.
    """
    rivals = [name for name in score_names() if name != FLOPS.name]
    cheap = {judge: [_cheap(net, judge) for net in equal] for judge in rivals}
    return verdict([_mean(net.proxy) for net in equal], cheap, [net.truth for net in equal], seed)


def ceiling(nets: Sequence[Measured], of_longer: bool, seed: int) -> Agreement:
    """How well two halves of one recipe's own seeds agree: what no judge can be expected to exceed by much."""
    scores = [net.longer if of_longer else net.proxy for net in nets]
    return split_half([accuracies_of(each) for each in scores], seed)


def _judge(
    name: str, nets: Sequence[Measured], equal: Sequence[Measured], seed: int, judge_seconds: Mapping[str, float]
) -> dict[str, Any]:
    """A judge's agreement with the longer recipe, over all nets and over those of equal cost, and its time a net."""

    def agreement(group: Sequence[Measured]) -> dict[str, Any]:
        scores = [_mean(net.proxy) if name == "proxy" else _cheap(net, name) for net in group]
        return asdict(kendall(scores, [net.truth for net in group], seed))

    return {"name": name, "all": agreement(nets), "equal": agreement(equal), "seconds": judge_seconds.get(name, 0.0)}


def _recipe(scores: Sequence[Sequence[Score]], equal: Sequence[Sequence[Score]]) -> dict[str, Any]:
    """A recipe's noise and spread (standard deviations of accuracy), and its speed; seconds: of a net, all seeds."""
    every = [score for each in scores for score in each]
    accuracies, narrow = [accuracies_of(each) for each in scores], [accuracies_of(each) for each in equal]
    noise = SeedNoise.pooled(accuracies)
    means = [statistics.fmean(each) for each in accuracies]
    return {
        "seed_sd": noise.sd,
        "spread": {"all": noise.spread(accuracies), "equal": noise.spread(narrow)},
        "accuracy": [min(means), max(means)],
        "images_per_second": statistics.fmean(score.images_per_second for score in every),
        "seconds": statistics.fmean(sum(score.seconds for score in each) for each in scores),
    }


def _net(net: Measured) -> dict[str, Any]:
    return {
        "net": net_document(net.arch),
        **costs_of(net.arch),
        "equal_cost": net.in_band,
        "proxy": list(accuracies_of(net.proxy)),
        "longer": list(accuracies_of(net.longer)),
        "cheap": {name: _known(score) for name, score in (net.cheap or {}).items()},
        "reason": net.reason,
    }


def _verdict(decided: Verdict) -> dict[str, Any]:
    lead = None if decided.lead is None else asdict(decided.lead)
    return {"kind": decided.kind, "sentence": decided.sentence, "rival": decided.rival, "lead": lead}


def notes(document: Mapping[str, Any]) -> list[str]:
    """What noise, spread and speed of a certificate's document say, in sentences."""
    top, proxy, longer = document["ceiling"], document["proxy"], document["longer_recipe"]
    every, equal = (shown(Agreement(**top[key])) for key in ("all", "equal"))
    agree = f"Ceiling, how well {CEILING_BY[top['of']]} agree among themselves"
    speed = (
        f"The proxy took {numbers.duration(proxy['seconds'])} a net at {proxy['images_per_second']:,.0f} images/s, the "
        f"longer recipe {numbers.duration(longer['seconds'])} at {longer['images_per_second']:,.0f}."
    )
    lines = [f"{agree}: {every} over all nets, {equal} at equal cost.", *_noise(proxy), speed]
    failed = [row for row in document["nets"] if row["reason"]]
    if failed:
        lines.append(f"{len(failed)} of {len(document['nets'])} nets failed, the first with: {failed[0]['reason']}")
    return lines


def _noise(proxy: Mapping[str, Any]) -> list[str]:
    """How much seeds and nets differ under the proxy; nothing where too few nets say so."""
    sd, spread = proxy["seed_sd"], proxy["spread"]
    places = (("all", "over all nets"), ("equal", "at equal cost"))
    between = [f"{spread[key] * 100:.1f} {place}" for key, place in places if spread[key] is not None]
    if sd is None or not between:
        return []
    true = " and ".join(between)
    return [
        f"Under the proxy, seeds of one net differ by {sd * 100:.1f} points (sd), the nets' true accuracies by about "
        f"{true}."
    ]


def _cheap(net: Measured, judge: str) -> float:
    assert net.cheap is not None
    return next(score for name, score in net.cheap.items() if name == judge)


def _known(score: float) -> float | None:
    return score if math.isfinite(score) else None


def _mean(scores: Sequence[Score]) -> float:
    return statistics.fmean(accuracies_of(scores))


def in_short(document: Mapping[str, Any]) -> str:
    """The verdict in a line of a list of runs."""
    row = next(each for each in document["judges"] if each["name"] == "proxy")
    return f"{document['verdict']['kind']}, tau {figure(row['equal']['tau'])} at equal cost"
