"""How the scores of learning_curves.py vary: between nets, together, and between seeds; and nets drawn accordingly.

A score is the worth of its net under that column plus the luck of its training. Worths of one net under several columns
are normal with one covariance; the luck of one training is normal too, shared by what is read off it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FAR: Final = 3.0
FREEDOM: Final = 5  # degrees of freedom that luck is estimated on, at least
LEAST: Final = 8  # nets, below which a column says nothing
GUESSED: Final = 0.5  # share of what does not go with the truth that is taken for luck where no two trainings tell
METRICS: Final = ("accuracy", "even", "loss")  # on all validation images; on every second of them; on all, negated


@dataclass(frozen=True, slots=True, order=True)
class Column:
    """What is read off a training: of which recipe, after how many thirds of it, by which metric; higher is better."""

    recipe: str
    thirds: int = 3
    metric: str = "accuracy"

    def of(self, line: dict[str, Any]) -> float | None:
        """The value in a line of the records, in points; None where the line is of another recipe or has it not."""
        if line["recipe"] != self.recipe:
            return None
        check = next((each for each in line["checks"] if round(3 * each["share"]) == self.thirds), None)
        if check is None:
            return None
        if self.metric == "loss":
            return -100 * float(np.mean(check["loss"])) if "loss" in check else None
        if self.metric == "even":
            return 100 * check["accuracy"][0] if len(check["accuracy"]) > 1 else None
        return 100 * float(np.mean(check["accuracy"]))


@dataclass(frozen=True, slots=True)
class Scores:
    """By column: values by net and seed; columns that LEAST nets have. nets: how many there are, numbered from 0."""

    columns: tuple[Column, ...]
    nets: int
    values: dict[Column, dict[tuple[int, int], float]]

    @classmethod
    def of(cls, lines: Sequence[dict[str, Any]], columns: Iterable[Column]) -> Scores:
        numbers = {net: place for place, net in enumerate(sorted({line["net"] for line in lines}))}
        values: dict[Column, dict[tuple[int, int], float]] = {}
        for column in columns:
            found = [((numbers[line["net"]], line["seed"]), column.of(line)) for line in lines]
            kept = {key: value for key, value in found if value is not None}
            if len({net for net, _ in kept}) >= LEAST:
                values[column] = _clipped(_centred(kept))
        return cls(tuple(values), len(numbers), values)

    def resampled(self, rng: np.random.Generator) -> Scores:
        """As many nets drawn from these, some of them more than once and then as if they were different ones."""
        chosen = rng.integers(self.nets, size=self.nets)
        values = {}
        for column, every in self.values.items():
            own: dict[int, list[tuple[int, float]]] = defaultdict(list)
            for (net, seed), value in every.items():
                own[net].append((seed, value))
            kept = {(place, seed): value for place, net in enumerate(chosen) for seed, value in own[int(net)]}
            if len({net for net, _ in kept}) >= LEAST:
                values[column] = _centred(kept)
        return Scores(tuple(values), self.nets, values)


def _centred(values: dict[tuple[int, int], float]) -> dict[tuple[int, int], float]:
    """Less the mean of each seed, which all nets share, where enough nets have it; the others less that of all nets."""
    by_net: dict[int, list[float]] = defaultdict(list)
    by_seed: dict[int, list[float]] = defaultdict(list)
    for (net, seed), value in values.items():
        by_net[net].append(value)
        by_seed[seed].append(value)
    usual = float(np.mean([np.mean(each) for each in by_net.values()]))
    means = {seed: float(np.mean(each)) if len(each) >= LEAST else usual for seed, each in by_seed.items()}
    return {(net, seed): value - means[seed] for (net, seed), value in values.items()}


def _clipped(values: dict[tuple[int, int], float]) -> dict[tuple[int, int], float]:
    """None further than FAR robust standard deviations from the median: a net that hardly learns is bad, how bad is no
    matter, and one such would pass for a spread of all nets."""
    found = np.array(list(values.values()))
    middle = float(np.median(found))
    reach = FAR * 1.4826 * float(np.median(abs(found - middle)))
    return {key: min(max(value, middle - reach), middle + reach) for key, value in values.items()}


@dataclass(frozen=True, slots=True)
class Moments:
    """worth, luck [columns, columns]: covariances of nets' worths, and of the luck of one training, in points squared.

    Luck is 0 between columns of different recipes. As estimated from few nets they need not be possible ones; those of
    `only` are.
    """

    columns: tuple[Column, ...]
    worth: Floats
    luck: Floats

    @classmethod
    def of(cls, scores: Scores, truth: Column | None = None) -> Moments:
        """By moments: luck is what trainings of one net differ by, worth the rest of the variance.

        Of a recipe with one training a net the luck is guessed. Trainings of two recipes have no luck in common, of one
        seed either: they start from the same weights and see other batches.
        """
        columns, count, truth = scores.columns, len(scores.columns), truth or Column("long")
        worth, luck = np.zeros((count, count)), np.zeros((count, count))
        for a, b in itertools.product(range(count), repeat=2):
            same = columns[a].recipe == columns[b].recipe
            worth[a, b] = _product(scores, columns[a], columns[b], same)
            luck[a, b] = _within(scores, columns[a], columns[b]) if same else 0.0
        luck = _guessed(luck, worth, columns, truth)
        return cls(columns, worth - luck, luck)

    def place(self, column: Column) -> int:
        return self.columns.index(column)

    def only(self, columns: Sequence[Column]) -> Moments:
        """The nearest possible ones of some columns."""
        at = np.ix_(*[[self.place(column) for column in columns]] * 2)
        return Moments(tuple(columns), possible(self.worth[at]), possible(self.luck[at]))

    def correlation(self, a: Column, b: Column, trainings: int = 1) -> float:
        """Of the mean of so many trainings' `a` with the worth under `b`."""
        i, j = self.place(a), self.place(b)
        spread = (self.worth[i, i] + self.luck[i, i] / trainings) * self.worth[j, j]
        return float(self.worth[i, j] / max(spread, 1e-12) ** 0.5)


def _product(scores: Scores, a: Column, b: Column, same: bool) -> float:
    """Mean product of a net's values under both columns, of one training or of any two."""
    others: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for (net, seed), value in scores.values[b].items():
        others[net].append((seed, value))
    by_net: dict[int, list[float]] = defaultdict(list)
    for (net, seed), value in scores.values[a].items():
        by_net[net] += [value * there for other, there in others[net] if other == seed or not same]
    found = [float(np.mean(each)) for each in by_net.values() if each]
    return float(np.mean(found)) * len(found) / (len(found) - 1) if len(found) > 2 else 0.0


def _within(scores: Scores, a: Column, b: Column) -> float:
    """Covariance between trainings of one net, pooled over nets; nan on fewer than FREEDOM degrees of freedom."""
    pairs: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for (net, seed), value in scores.values[a].items():
        if (net, seed) in scores.values[b]:
            pairs[net].append((value, scores.values[b][net, seed]))
    freedom = sum(len(each) - 1 for each in pairs.values())
    if freedom < FREEDOM:
        return float("nan")
    moved = [np.array(each) - np.mean(each, axis=0) for each in pairs.values()]
    return float(sum((each[:, 0] * each[:, 1]).sum() for each in moved)) / freedom


def _guessed(luck: Floats, worth: Floats, columns: Sequence[Column], truth: Column) -> Floats:
    """With the luck of recipes that have one training a net: half of what does not go with the truth, and of the truth
    itself as much as of a whole training."""
    filled, at = luck.copy(), columns.index(truth) if truth in columns else None
    for recipe in dict.fromkeys(column.recipe for column in columns):
        own = np.array([place for place, column in enumerate(columns) if column.recipe == recipe])
        if np.isfinite(luck[own, own]).all():
            continue
        block = np.ix_(own, own)
        if at is None or recipe == truth.recipe:
            whole = [place for place, column in enumerate(columns) if column == Column("whole")]
            known = luck[whole[0], whole[0]] if whole and np.isfinite(luck[whole[0], whole[0]]) else 0.0
            filled[block] = np.eye(len(own)) * known
        else:
            slopes = worth[own, at] / max(worth[at, at], 1e-9)
            filled[block] = GUESSED * (worth[block] - np.outer(slopes, slopes) * worth[at, at])
    return np.where(np.isfinite(filled), filled, 0.0)


def possible(covariance: Floats) -> Floats:
    """The nearest covariance that there can be: what came out below zero becomes a thousandth of the mean variance."""
    spread = np.sqrt(np.maximum(np.diag(covariance), 1e-6))
    values, vectors = np.linalg.eigh(np.clip(covariance / np.outer(spread, spread), -1, 1))
    repaired = (vectors * np.maximum(values, 1e-3)) @ vectors.T
    scale = np.sqrt(np.diag(repaired))
    return np.asarray(repaired / np.outer(scale, scale) * np.outer(spread, spread))


def root_of(covariance: Floats) -> Floats:
    """A matrix whose product with its transpose is this covariance."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
