"""Landscapes on a search space whose best net is known: sums over a net's stages, each with the one before it.

interactions    neighbouring stages suit each other or do not: 70% of the variance is in tables of two choices, one of
                each stage, 30% in the choices by themselves.
ridge           only nets whose choices balance are good: every option has a whole weight, and a net whose weights add
                up to 0 gains much, one at 3 next to nothing; a slope leads along the ridge. One change leaves it.
rare            a slope, and one dear resolution that pays; hardly any net within the limits has it.
together        a slope, and a dear resolution that pays where the last stage but one is deep, and nowhere else.
half            a slope, and a dear resolution that pays where the third stage's kernel is 5, and harms elsewhere.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.template import Choice
from nas_scale.feasible.encoding import Encoding

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Params = Mapping[str, Value]

ADDITIVE: Final = 0.3  # of the variance of interactions
HEIGHT: Final = 3.0  # of the ridge, in standard deviations of the slope's whole landscape
WEIGHT: Final = 3  # most weight of an option on the ridge
SLOPE: Final = 0.6  # standard deviation of the slope beside one dear option
REWARD: Final = 2.0  # of the dear option


@dataclass(frozen=True)
class Chain:
    """A landscape: a worth for the network-wide choices, and one for every stage with the one before it.

    net: [assignments of the network-wide choices]. pairs: of every stage [those, or 1; assignments of the stage before,
    or 1; assignments]. sides: [assignments], whole numbers that add up along the net;
    `bonus` of their sum is added in the end.
    """

    space: SearchSpace
    net: Floats
    pairs: tuple[Floats, ...]
    sides: tuple[Whole, ...]
    bonus: Callable[[Whole], Floats] = np.zeros_like

    def worth(self, params: Params) -> float:
        network = _number(self.space.net_choices.values(), params)
        total, side, last = float(self.net[network]), 0, 0
        for stage, pair, sides in zip(self.space.stages, self.pairs, self.sides, strict=True):
            now = _number(stage.choices, params)
            total += float(pair[min(network, len(pair) - 1), min(last, pair.shape[1] - 1), now])
            side += int(sides[now])
            last = now
        return total + float(self.bonus(np.array(side)))


def _number(choices: Iterable[Choice], params: Params) -> int:
    """The number of an assignment; the last choice changes fastest."""
    number = 0
    for choice in choices:
        number = number * len(choice.options) + choice.options.index(params[choice.key])
    return number


def interactions(space: SearchSpace, seed: int = 1) -> Chain:
    """In standard deviations over all assignments."""
    rng = np.random.default_rng(seed)
    codes = [_codes(space, stage) for stage in range(len(space.stages))]
    singles, net = _singles(space, codes, rng)
    crossed = [_crossed(before, after, rng) for before, after in itertools.pairwise(codes)]
    alone = math.sqrt(ADDITIVE / _variance(singles, net))
    together = math.sqrt((1 - ADDITIVE) / sum(float(np.var(table)) for table in crossed))
    pairs = [alone * singles[0][None, None, :]]
    pairs += [(together * table + alone * own)[None] for table, own in zip(crossed, singles[1:], strict=True)]
    return Chain(space, alone * net, tuple(pairs), _nothing(codes))


def ridge(space: SearchSpace, seed: int = 2) -> Chain:
    """The slope has standard deviation 1 over all assignments."""
    rng = np.random.default_rng(seed)
    codes = [_codes(space, stage) for stage in range(len(space.stages))]
    singles, net = _singles(space, codes, rng)
    slope = 1 / math.sqrt(_variance(singles, net))
    weights = [[rng.integers(-WEIGHT, WEIGHT + 1, digits.max() + 1) for digits in code.T] for code in codes]
    sides = tuple(
        np.sum([weight[digits] for weight, digits in zip(own, code.T, strict=True)], axis=0)
        for own, code in zip(weights, codes, strict=True)
    )
    middle = round(sum(float(np.mean(side)) for side in sides))
    sides = (sides[0] - middle, *sides[1:])
    return Chain(
        space,
        slope * net,
        tuple(slope * own[None, None, :] for own in singles),
        sides,
        lambda side: np.asarray(HEIGHT * np.exp(-np.square(side) / 2.0), dtype=np.float64),
    )


def rare(space: SearchSpace, seed: int = 3) -> Chain:
    """The largest resolution pays."""
    slope = _slope(space, seed)
    return Chain(space, slope.net + REWARD * _largest(space, 1), slope.pairs, slope.sides)


def together(space: SearchSpace, seed: int = 4) -> Chain:
    """The second largest resolution pays in nets whose last stage but one has the most blocks."""
    slope, stage = _slope(space, seed), len(space.stages) - 2
    pays = _largest(space, 2)[:, None, None] * _has(space, stage, "repeats")[None, None, :]
    pairs = list(slope.pairs)
    pairs[stage] = pairs[stage] + 1.5 * REWARD * pays
    return Chain(space, slope.net, tuple(pairs), slope.sides)


def half(space: SearchSpace, seed: int = 5) -> Chain:
    """The largest resolution pays in nets whose third stage has the larger kernel; in others it costs as much."""
    slope, stage = _slope(space, seed), 2
    pays = _largest(space, 1)[:, None, None] * (2 * _has(space, stage, "kernel") - 1)[None, None, :]
    pairs = list(slope.pairs)
    pairs[stage] = pairs[stage] + REWARD * pays
    return Chain(space, slope.net, tuple(pairs), slope.sides)


def _slope(space: SearchSpace, seed: int) -> Chain:
    """Choices one by one, of standard deviation SLOPE over all assignments; none for the resolution."""
    rng = np.random.default_rng(seed)
    codes = [_codes(space, stage) for stage in range(len(space.stages))]
    singles, net = _singles(space, codes, rng, without="resolution")
    slope = SLOPE / math.sqrt(_variance(singles, net))
    return Chain(space, slope * net, tuple(slope * own[None, None, :] for own in singles), _nothing(codes))


def _largest(space: SearchSpace, place: int) -> Floats:
    """[assignments of the network-wide choices]: 1 where the resolution is the largest, the second largest, ..."""
    at = list(space.net_choices).index("resolution")
    options = space.net_choices["resolution"].options
    wanted = options.index(sorted(options, reverse=True)[place - 1])  # type: ignore[type-var]
    return (_network_codes(space)[:, at] == wanted).astype(np.float64)


def _has(space: SearchSpace, stage: int, field: str) -> Floats:
    """[assignments of the stage]: 1 where this field takes its last option."""
    choices = space.stages[stage].choices
    at = next(index for index, choice in enumerate(choices) if choice.key.endswith(f".{field}"))
    return (_codes(space, stage)[:, at] == len(choices[at].options) - 1).astype(np.float64)


def _nothing(codes: list[Whole]) -> tuple[Whole, ...]:
    return tuple(np.zeros(len(code), dtype=np.int64) for code in codes)


def _codes(space: SearchSpace, stage: int) -> Whole:
    """[assignments, choices]: the option of every choice, the assignments of a stage in order."""
    return np.array(list(Encoding(space).assignments(stage)), dtype=np.int64)


def _network_codes(space: SearchSpace) -> Whole:
    """[assignments, choices] of the network-wide choices."""
    return np.array(list(Encoding(space).network_assignments()), dtype=np.int64)


def _singles(
    space: SearchSpace, codes: list[Whole], rng: np.random.Generator, without: str | None = None
) -> tuple[list[Floats], Floats]:
    """A worth for every option of every choice: [assignments] of each stage, and of the network-wide choices."""
    singles = [_additive(code, rng) for code in codes]
    net = np.zeros(len(_network_codes(space)))
    for name, digits in zip(space.net_choices, _network_codes(space).T, strict=True):
        if name != without:
            net += _centred(rng.standard_normal(digits.max() + 1))[digits]
    return singles, net


def _variance(singles: list[Floats], net: Floats) -> float:
    return sum(float(np.var(values)) for values in (*singles, net))


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
