"""What search strategies are tried on: a table of trained nets, and two landscapes whose best net is known.

NAS-Bench-Macro (Su et al. 2021) as it is and under limits; and, on the space `efficientnet` at 400M multiply-adds, sums
over the stages of a net that a search over single choices is led astray by:

interactions    neighbouring stages suit each other or do not: 70% of the variance is in tables of two choices, one of
                each stage, 30% in the choices by themselves.
ridge           only nets whose choices balance are good: every option has a whole weight, and a net whose weights add
                up to 0 gains much, one at 3 next to nothing; a slope leads along the ridge. One change leaves it.

    python benchmarks/landscapes.py

prints the best net of each landscape, which the limits leave.
"""

from __future__ import annotations

import itertools
import json
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from macro_nets import SPACE, net_of

from nas_scale.architecture.files import load_space
from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace
from nas_scale.feasible.encoding import Encoding
from nas_scale.metrics.counts import cost
from nas_scale.metrics.limits import Limit, Limits, around
from nas_scale.metrics.metric import FLOPS

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Params = Mapping[str, Value]

MACRO_PARTS: Final = ("macro", "macro-noisy", "macro-30", "macro-band")
CHAINS: Final = ("interactions", "ridge")
PARTS: Final = (*MACRO_PARTS, *CHAINS)

PERCENTILE: Final = 0.3  # of the distinct nets' multiply-adds, for macro-30
BAND: Final = 0.02  # around the median, for macro-band
CHAIN_SPACE: Final = "efficientnet"
CHAIN_LIMITS: Final = Limits((around(4e8, 0.1),))
ADDITIVE: Final = 0.3  # of a landscape's variance
HEIGHT: Final = 3.0  # of the ridge, in standard deviations of the slope's whole landscape
WEIGHT: Final = 3  # most weight of an option on the ridge
STEP: Final = 2_000_000  # multiply-adds; partial nets nearer to each other than this are compared by value alone


@dataclass(frozen=True, slots=True)
class Task:
    """worth: what an assignment is really worth, larger is better. best: the most that the limits leave.

    trainings: what single trainings of an assignment gave, where a search is to see one of them instead of its worth.
    """

    space: SearchSpace
    limits: Limits
    worth: Callable[[Params], float]
    best: Callable[[], float]
    trainings: Callable[[Params], Sequence[float]] | None = None


@cache
def task(part: str, bench: Path | None) -> Task:
    """One of PARTS. bench: the table of NAS-Bench-Macro, for the parts that need it."""
    if part in CHAINS:
        chain = (interactions if part == "interactions" else ridge)(load_space(CHAIN_SPACE))
        return Task(chain.space, CHAIN_LIMITS, chain.worth, lambda: optimum(chain, CHAIN_LIMITS))
    if bench is None:
        raise ValueError(f"{part} needs the table of NAS-Bench-Macro")
    return _macro(part, read_table(bench))


@dataclass(frozen=True, slots=True)
class Trained:
    """A distinct net of the table: all trainings of all its codes, in per cent, and their mean."""

    flops: int
    accuracies: tuple[float, ...]
    mean: float


@cache
def read_table(path: Path) -> dict[str, Trained]:
    """code -> net; codes that build the same share one."""
    space, table = load_space(SPACE), json.loads(path.read_text())
    nets = {code: net_of(space, code) for code in sorted(table)}
    accuracies: dict[object, list[float]] = {}
    for code, net in nets.items():
        accuracies.setdefault(net, []).extend(table[code]["test_acc"])
    distinct = {
        net: Trained(cost(net).flops, tuple(seen), statistics.fmean(seen))  # type: ignore[arg-type]
        for net, seen in accuracies.items()
    }
    return {code: distinct[net] for code, net in nets.items()}


def _macro(part: str, table: Mapping[str, Trained]) -> Task:
    space = load_space(SPACE)
    digits = [{value: str(at) for at, value in enumerate(choice.options)} for choice in space.choices.values()]

    def trained(params: Params) -> Trained:
        return table["".join(digit[params[key]] for digit, key in zip(digits, space.choices, strict=True))]

    distinct = list({id(net): net for net in table.values()}.values())
    flops = sorted(net.flops for net in distinct)
    limits = {
        "macro-30": Limits((Limit(FLOPS, most=flops[round(PERCENTILE * (len(flops) - 1))]),)),
        "macro-band": Limits((around(statistics.median(flops), BAND),)),
    }.get(part, Limits())
    best = max(net.mean for net in distinct if all(limit.least <= net.flops <= limit.most for limit in limits.limits))
    return Task(
        space,
        limits,
        worth=lambda params: trained(params).mean,
        best=lambda: best,
        trainings=(lambda params: trained(params).accuracies) if part == "macro-noisy" else None,
    )


@dataclass(frozen=True)
class Chain:
    """A landscape on a space: a sum over network-wide choices, and over stages, each with the one before it.

    net_choices: [options] of each. pairs: [assignments of the stage before, or 1; assignments] of every stage.
    sides: [assignments], whole numbers that add up along the net; `bonus` of their sum is added in the end.
    """

    space: SearchSpace
    net_choices: tuple[Floats, ...]
    pairs: tuple[Floats, ...]
    sides: tuple[Whole, ...]
    bonus: Callable[[Whole], Floats]

    def worth(self, params: Params) -> float:
        keys = iter(self.space.choices.values())
        total, side, last = 0.0, 0, 0
        for values in self.net_choices:
            choice = next(keys)
            total += float(values[choice.options.index(params[choice.key])])
        for stage, pair, sides in zip(self.space.stages, self.pairs, self.sides, strict=True):
            now = 0
            for choice in stage.choices:
                now = now * len(choice.options) + choice.options.index(params[choice.key])
            total += float(pair[last if len(pair) > 1 else 0, now])
            side += int(sides[now])
            last = now
        return total + float(self.bonus(np.array(side)))


def interactions(space: SearchSpace, seed: int = 1) -> Chain:
    """In standard deviations over all assignments."""
    rng = np.random.default_rng(seed)
    codes = [_codes(space, stage) for stage in range(len(space.stages))]
    singles = [_additive(code, rng) for code in codes]
    net_choices = [_centred(rng.standard_normal(len(choice.options))) for choice in space.net_choices.values()]
    crossed = [_crossed(before, after, rng) for before, after in itertools.pairwise(codes)]
    alone = math.sqrt(ADDITIVE / sum(float(np.var(values)) for values in (*singles, *net_choices)))
    together = math.sqrt((1 - ADDITIVE) / sum(float(np.var(table)) for table in crossed))
    pairs = [alone * singles[0][None, :]]
    pairs += [together * table + alone * own for table, own in zip(crossed, singles[1:], strict=True)]
    nothing = tuple(np.zeros(len(code), dtype=np.int64) for code in codes)
    return Chain(
        space, tuple(alone * choice for choice in net_choices), tuple(pairs), nothing, lambda side: np.zeros(side.shape)
    )


def ridge(space: SearchSpace, seed: int = 2) -> Chain:
    """The slope has standard deviation 1 over all assignments."""
    rng = np.random.default_rng(seed)
    codes = [_codes(space, stage) for stage in range(len(space.stages))]
    singles = [_additive(code, rng) for code in codes]
    net_choices = [_centred(rng.standard_normal(len(choice.options))) for choice in space.net_choices.values()]
    slope = 1 / math.sqrt(sum(float(np.var(values)) for values in (*singles, *net_choices)))
    weights = [[rng.integers(-WEIGHT, WEIGHT + 1, digits.max() + 1) for digits in code.T] for code in codes]
    sides = tuple(
        np.sum([weight[digits] for weight, digits in zip(own, code.T, strict=True)], axis=0)
        for own, code in zip(weights, codes, strict=True)
    )
    middle = round(sum(float(np.mean(side)) for side in sides))
    sides = (sides[0] - middle, *sides[1:])
    return Chain(
        space,
        tuple(slope * choice for choice in net_choices),
        tuple(slope * own[None, :] for own in singles),
        sides,
        lambda side: np.asarray(HEIGHT * np.exp(-np.square(side) / 2.0), dtype=np.float64),
    )


def _codes(space: SearchSpace, stage: int) -> Whole:
    """[assignments, choices]: the option of every choice, the assignments of a stage in order."""
    return np.array(list(Encoding(space).assignments(stage)), dtype=np.int64)


def _centred(values: Floats) -> Floats:
    return np.asarray(values - values.mean())


def _additive(codes: Whole, rng: np.random.Generator) -> Floats:
    """[assignments]: a worth for every option of every choice, added up."""
    return np.asarray(sum(_centred(rng.standard_normal(digits.max() + 1))[digits] for digits in codes.T))


def _crossed(before: Whole, after: Whole, rng: np.random.Generator) -> Floats:
    """[assignments, assignments]: a table for choices of one stage with those of the next, nothing additive."""
    total = np.zeros((len(before), len(after)))
    for first in before.T:
        for second in after.T:
            table = rng.standard_normal((first.max() + 1, second.max() + 1))
            table -= table.mean(axis=0)
            table -= table.mean(axis=1, keepdims=True)
            total += table[first[:, None], second[None, :]]
    return total


@dataclass(frozen=True, slots=True)
class _Partial:
    """Nets up to a stage. All [nets]; last: assignment of the last stage, 0 where the next does not look at it."""

    value: Floats
    flops: Whole
    side: Whole
    last: Whole
    channels: Whole
    size: int


def optimum(chain: Chain, limits: Limits, step: int = STEP) -> float:
    """The most worth under a limit on multiply-adds: stage by stage, of partial nets that the rest of the net cannot
    tell apart (but for less than `step` multiply-adds) the best alone goes on. What it finds is always a net."""
    (limit,) = limits.limits
    encoding = Encoding(chain.space)
    assert set(chain.space.net_choices) <= {"act"}, "other network-wide choices change the cost"
    ends = encoding.ends((0,) * len(encoding.keys))
    nothing = np.zeros(1, dtype=np.int64)
    partial = _Partial(
        np.zeros(1), nothing + ends.stem.flops, nothing, nothing, nothing + ends.stem.channels, ends.stem.resolution
    )
    for stage in range(len(chain.pairs)):
        partial = _longer(chain, encoding, partial, stage, limit.most, step)
    heads = {
        int(channels): sum(row.flops for row in encoding.head(int(channels), partial.size, ends.head))
        for channels in np.unique(partial.channels)
    }
    flops = partial.flops + np.array([heads[int(channels)] for channels in partial.channels])
    inside = (flops >= limit.least) & (flops <= limit.most)
    worth = partial.value + chain.bonus(partial.side) + sum(float(choice.max()) for choice in chain.net_choices)
    return float(worth[inside].max())


def _longer(chain: Chain, encoding: Encoding, before: _Partial, stage: int, most: float, step: int) -> _Partial:
    assignments, pair = list(encoding.assignments(stage)), chain.pairs[stage]
    looks_back = stage + 1 < len(chain.pairs) and len(chain.pairs[stage + 1]) > 1
    widths = np.unique(before.channels)
    rows = [
        [encoding.row(stage, int(width), before.size, assignment) for assignment in assignments] for width in widths
    ]
    spent = np.array([[row.flops for row in of_width] for of_width in rows])
    channels = np.array([row.channels for row in rows[0]])
    shape = (len(before.value), len(assignments))
    value = (before.value[:, None] + pair[before.last if len(pair) > 1 else np.zeros_like(before.last)]).ravel()
    flops = (before.flops[:, None] + spent[np.searchsorted(widths, before.channels)]).ravel()
    side = (before.side[:, None] + chain.sides[stage]).ravel()
    assignment = np.broadcast_to(np.arange(len(assignments)), shape).ravel()
    last = assignment if looks_back else np.zeros_like(assignment)
    kept = np.flatnonzero(flops <= most)
    same = np.stack([last[kept], channels[assignment[kept]], side[kept], flops[kept] // step])
    order = kept[np.lexsort((-value[kept], *same))]
    keys = np.stack([last[order], channels[assignment[order]], side[order], flops[order] // step])
    first = np.concatenate([[True], np.any(keys[:, 1:] != keys[:, :-1], axis=0)])
    best = order[first]
    return _Partial(value[best], flops[best], side[best], last[best], channels[assignment[best]], rows[0][0].resolution)


def main() -> None:
    for name in CHAINS:
        print(f"{name}: the best net has {task(name, None).best():.4f}")


if __name__ == "__main__":
    main()
