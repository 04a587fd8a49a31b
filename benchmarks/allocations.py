"""Plays searches out on nets whose worths are drawn: which nets get how long a training, and which is the answer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from curve_moments import Column, Floats, Moments, root_of

from nas_scale.samplers.predictor.regression import OneHot, Regression
from nas_scale.samplers.predictor.warp import Warp

START: Final = 5  # nets that the predictor draws at random
WINDOW: Final = 4  # nets proposed before the first of them is known
TEMPER: Final = 0.5


@dataclass(frozen=True, slots=True)
class Stage:
    """The best `nets` so far are trained once more from each of `seeds` seeds, and judged by `column`.

    nets None: as many as the budget leaves for the first stage. goes_on: the trainings of the stage before are
    continued, which costs only the rest of them. Nets are ordered by the mean of all their trainings of this
    recipe so far, judged by this column.
    """

    column: Column
    nets: int | None = None
    seeds: int = 1
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """Stages one after another; the answer is the best net of the last."""

    name: str
    stages: tuple[Stage, ...]


Costs = dict[str, float]  # of a whole training by recipe, validation included, in units of the budget


def share_cost(stage: Stage, before: Stage | None, costs: Costs) -> float:
    """What one training of a stage costs."""
    whole = costs[stage.column.recipe] * stage.column.thirds / 3
    if stage.goes_on and before is not None:
        return whole - costs[before.column.recipe] * before.column.thirds / 3
    return whole


def first_nets(policy: Policy, costs: Costs, budget: float) -> int:
    """How many nets the first stage can have; 0 where the budget is too small for what follows."""
    first, *later = policy.stages
    befores = policy.stages[:-1]
    after = sum(
        (stage.nets or 0) * stage.seeds * share_cost(stage, before, costs)
        for stage, before in zip(later, befores, strict=True)
    )
    count = math.floor((budget - after) / (first.seeds * share_cost(first, None, costs)) + 1e-9)
    count = count if first.nets is None else min(count, first.nets)
    return count if count >= max((stage.nets or 1 for stage in later), default=1) else 0


def answers(policy: Policy, moments: Moments, worths: Floats, rng: np.random.Generator) -> np.ndarray:
    """Places of the answers [replays], of nets proposed at random with these worths [replays, nets, columns]."""
    replays, nets, _ = worths.shape
    everyone = np.tile(np.arange(nets), (replays, 1))
    return _later(policy, moments, worths, everyone, _seen(policy.stages[0], moments, worths, rng), rng)


def _seen(stage: Stage, moments: Moments, worths: Floats, rng: np.random.Generator) -> Floats:
    """Scores of one training a seed under all columns, [replays, nets, seeds, columns]."""
    luck = rng.standard_normal((*worths.shape[:2], stage.seeds, len(moments.columns))) @ root_of(moments.luck).T
    return np.asarray(worths[:, :, None, :] + luck)


def _later(
    policy: Policy,
    moments: Moments,
    worths: Floats,
    alive: np.ndarray,
    seen: Floats,
    rng: np.random.Generator,
) -> np.ndarray:
    """The answers, once the first stage is over: alive [replays, nets] are in the order of `seen`."""
    first = policy.stages[0]
    sums: dict[Column, tuple[Floats, int]] = {}
    sums[first.column] = (seen[:, :, :, moments.place(first.column)].sum(axis=2), first.seeds)
    estimate = sums[first.column][0] / first.seeds
    for stage in policy.stages[1:]:
        kept = np.argsort(-estimate, axis=1)[:, : stage.nets]
        alive, estimate = np.take_along_axis(alive, kept, 1), np.take_along_axis(estimate, kept, 1)
        sums = {column: (np.take_along_axis(total, kept, 1), count) for column, (total, count) in sums.items()}
        own = np.take_along_axis(worths, alive[:, :, None], axis=1)
        if stage.goes_on:
            seen = np.take_along_axis(seen, kept[:, :, None, None], axis=1)
        else:
            seen = _seen(stage, moments, own, rng)
        before, counted = sums.get(stage.column, (0.0, 0))
        fresh = seen[:, :, :, moments.place(stage.column)].sum(axis=2)
        sums[stage.column] = (before + fresh, counted + stage.seeds)
        total, count = sums[stage.column]
        estimate = total / count
    best = estimate.argmax(axis=1)
    return np.take_along_axis(alive, best[:, None], axis=1)[:, 0]


def guided_answers(
    policy: Policy, moments: Moments, worths: Floats, levels: np.ndarray, encoding: OneHot, count: int, seed: int
) -> np.ndarray:
    """As `answers`, with the first stage's `count` nets proposed by the predictor from the pool [replays, nets,
    columns] with these levels [nets, choices]; places in the pool."""
    found = [
        _guided(policy, moments, own, levels, encoding, count, np.random.default_rng([seed, replay]))
        for replay, own in enumerate(worths)
    ]
    return np.array(found)


def _guided(
    policy: Policy,
    moments: Moments,
    worths: Floats,
    levels: np.ndarray,
    encoding: OneHot,
    count: int,
    rng: np.random.Generator,
) -> int:
    first = policy.stages[0]
    place = moments.place(first.column)
    chosen = list(rng.permutation(len(worths))[: min(START + WINDOW - 1, count)])
    seen = list(_seen(first, moments, worths[chosen][None], rng)[0])
    while len(chosen) < count:
        scores = np.array([each[:, place].mean() for each in seen])
        regression = Regression(encoding, levels[chosen], Warp.of(scores)(scores))
        for _ in range(min(WINDOW, count - len(chosen))):
            promised = regression.draw(rng, TEMPER)(levels)
            promised[chosen] = -np.inf
            new = int(promised.argmax())
            chosen.append(new)
            seen.extend(_seen(first, moments, worths[[new]][None], rng)[0])
    alive = np.array(chosen)[None]
    answer = _later(policy, moments, worths[None], alive, np.array(seen)[None], rng)
    return int(answer[0])


def regrets(chosen: np.ndarray, truth: Floats) -> Floats:
    """Points [replays] that the answers are behind the best of their pool [replays, nets]."""
    return np.asarray(truth.max(axis=1) - np.take_along_axis(truth, chosen[:, None], axis=1)[:, 0])


def ratio(of: Floats, to: Floats) -> tuple[float, float]:
    """Of two means, and its standard error; both from independent replays."""
    a, b = float(of.mean()), float(to.mean())
    error = a / b * ((of.var() / len(of)) / a**2 + (to.var() / len(to)) / b**2) ** 0.5
    return a / b, float(error)


def drawn(root: Floats, replays: int, nets: int, rng: np.random.Generator) -> Floats:
    """Worths of nets that are alike in nothing: [replays, nets, columns]."""
    return np.asarray(rng.standard_normal((replays, nets, len(root))) @ root.T)
