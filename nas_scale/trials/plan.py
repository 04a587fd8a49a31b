"""What the loop of trials is given: how trials are proposed, trained and scored, and how many there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nas_scale.training.job import Job, Score
from nas_scale.trials.deadline import Deadline
from nas_scale.trials.pruning import Pruner

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler


@dataclass(frozen=True, slots=True)
class Proposed:
    """What a trial is about.

    subject: what is trained (an architecture, a candidate of a grid). key: equal for equal subjects. attributes: stored
    with the trial, as JSON: the net in notation, its costs, the proxy's reductions.
    """

    subject: Any
    key: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """How a run's trials are proposed, trained and scored.

    sampler_for: a trial's number -> a fresh sampler seeded from it (trials/seeds.py). It must draw all parameters at
        once in sample_relative: a kill may leave only some of them stored, and the others must come back as they were.
    propose: suggests a trial's parameters and says what they mean; depends on nothing else.
    jobs: the trainings of a trial, from the proposal and the trial's number; each of one seed or several, which
        together, in this order, are the trial's.
    value_of: the value to be maximised, from the proposal and all its scores; an exception fails the trial.
    trials: how many in all, the known ones among them. max_pending: how many may be proposed and not finished at once;
        part of what decides the result.
    pruner: stops trials that do badly; all seeds of a trial are then one job, which is stopped by their mean.
    costs: the objectives to be minimised besides, if any; the study has as many more directions, and no pruner.
    known: how many trials from elsewhere the study begins with (trials/known.py); they are never rivals of the pruner.
    deadline: may end the run earlier; trials that were proposed and have not started then are marked failed and
        ignored.
    """

    sampler_for: Callable[[int], BaseSampler]
    propose: Callable[[optuna.Trial], Proposed]
    jobs: Callable[[Proposed, int], Sequence[Job]]
    value_of: Callable[[Proposed, Sequence[Score]], float]
    trials: int
    max_pending: int
    pruner: Pruner | None = None
    costs: Callable[[Proposed], Sequence[float]] | None = None
    known: int = 0
    deadline: Deadline | None = None
