"""A search that costs nothing: a small space, a sampler that learns, an evaluation that fails now and then.

As a program: fake_search.py RESULTS TRIALS WORKERS PAUSE [PRUNER], which starts or resumes the run `x` and prints its
trials.
"""

from __future__ import annotations

import hashlib
import json
import random
import statistics
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, TrialState

from nas_scale.architecture.spec import Architecture, Stage
from nas_scale.engines.local import LocalEngine
from nas_scale.runs.opening import open_run
from nas_scale.training.data.ref import DataRef
from nas_scale.training.job import Epoch, Job, Recipe, Score
from nas_scale.trials.extra import run_jobs
from nas_scale.trials.finished import FinishedTrial
from nas_scale.trials.loop import run_trials
from nas_scale.trials.plan import Proposed, TrialPlan
from nas_scale.trials.pruning import Kind, Pruner
from nas_scale.trials.seeds import derived_seed
from tests.support.disk import no_waiting

EPOCHS = 9
# Chosen so that the tests' searches meet repeats, failures and successes.
LUCK = 11
SPACE = {
    "channels": CategoricalDistribution((8, 16, 24, 32, 40)),
    "kernel": CategoricalDistribution((3, 5)),
    "repeats": CategoricalDistribution((1, 2, 3)),
}


class Climber(BaseSampler):
    """Changes one choice of the best trial so far, every third time all; draws all parameters at once."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return dict(SPACE)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        drawn = {name: self._random.choice(choices.choices) for name, choices in SPACE.items()}
        finished = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if not finished or self._random.random() < 1 / 3:
            return drawn
        best = max(finished, key=lambda trial: (trial.values[0], -trial.number))
        changed = self._random.choice(list(SPACE))
        return {**best.params, changed: drawn[changed]}

    def sample_independent(self, *_: object) -> Any:
        raise AssertionError("nothing is left to draw")


def propose(trial: optuna.Trial) -> Proposed:
    picks = {name: trial.suggest_categorical(name, choices.choices) for name, choices in SPACE.items()}
    key = json.dumps(picks, sort_keys=True)
    return Proposed(Architecture((Stage("ir", **picks),), stem=8), key, {"net": [key], "flops": picks["channels"]})


def jobs(proposed: Proposed, number: int, seeds: int = 2) -> list[Job]:
    return [Job(proposed.subject, DataRef("digits", 32), Recipe(epochs=EPOCHS), (seed,)) for seed in range(seeds)]


def value_of(proposed: Proposed, scores: Sequence[Score]) -> float:
    return sum(score.accuracy for score in scores) / len(scores)


def luck(job: Job) -> float:
    """A number in 0..1 that depends on the net and the seeds alone: on the choices, as a stage may get new fields."""
    picks = [[getattr(stage, name) for name in SPACE] for stage in job.architecture.stages]
    return int(hashlib.sha256(json.dumps([picks, job.seeds, LUCK]).encode()).hexdigest()[:8], 16) / 2**32


def evaluate(job: Job) -> tuple[Score, ...]:
    """A seed's score is the same whatever seeds it is trained with, unless the job is stopped or one of them fails."""
    drawn = [luck(replace(job, seeds=(seed,))) for seed in job.seeds]
    if min(drawn) < 0.06:
        raise FloatingPointError(f"the loss is not finite (seed {job.seeds[drawn.index(min(drawn))]})")
    checks: dict[int, list[float]] = {}
    for stop in job.stops:
        checks[stop.epoch] = [learnt(job, each, stop.epoch) for each in drawn]
        if statistics.fmean(checks[stop.epoch]) < stop.accuracy:
            return _scores(checks[stop.epoch], checks, stop.epoch)
    return _scores([learnt(job, each, EPOCHS) for each in drawn], checks, EPOCHS)


def learnt(job: Job, drawn: float, epoch: int) -> float:
    """Accuracy after an epoch; nets whose kernels are large learn late."""
    stage = job.architecture.stages[0]
    end = min(1.0, 0.2 + 0.01 * stage.channels + 0.05 * stage.repeats + 0.1 * drawn)
    return float(end * (epoch / EPOCHS) ** (0.05 * stage.kernel))


def _scores(accuracies: Sequence[float], checks: Mapping[int, Sequence[float]], epochs: int) -> tuple[Score, ...]:
    return tuple(
        Score(
            accuracy,
            1000,
            1 - accuracy,
            epochs,
            0.0,
            0.0,
            losses=(0.5,) * epochs,
            checks=tuple((epoch, seeds[index]) for epoch, seeds in checks.items()),
        )
        for index, accuracy in enumerate(accuracies)
    )


def slow_evaluate(job: Job) -> Generator[Epoch, None, tuple[Score, ...]]:
    """With the length of the pause in place of the recipe's learning rate."""
    time.sleep(job.recipe.learning_rate * luck(job) / 2)
    yield Epoch(1, EPOCHS, 0.5, 100.0)
    time.sleep(job.recipe.learning_rate * luck(job) / 2)
    return evaluate(job)


def plan(
    trials: int,
    window: int = 3,
    jobs_of: Callable[[Proposed, int], Sequence[Job]] = jobs,
    sampler_for: Callable[[int], BaseSampler] = lambda number: Climber(derived_seed(5, number)),
    pruner: Pruner | None = None,
    costs: Callable[[Proposed], Sequence[float]] | None = None,
) -> TrialPlan:
    return TrialPlan(sampler_for, propose, jobs_of, value_of, trials, window, pruner, costs)


def channels(proposed: Proposed) -> tuple[float]:
    """A second objective: to be made small."""
    return (proposed.attributes["flops"],)


def pruner(kind: Kind) -> Pruner:
    return Pruner(kind, EPOCHS, 2 if kind == "halving" else 3)


def plain(finished: Sequence[FinishedTrial]) -> list[Mapping[str, Any]]:
    return [asdict(trial) for trial in finished]


def main(results: Path, trials: int, workers: int, pause: float, prune: Pruner | None) -> None:
    def slow_jobs(proposed: Proposed, number: int) -> list[Job]:
        recipe = Recipe(epochs=EPOCHS, learning_rate=pause)
        return [Job(proposed.subject, DataRef("digits", 32), recipe, (seed,)) for seed in range(2)]

    resume = (results / "x" / "run.json").exists()
    with (
        no_waiting(),
        open_run(results, "search", {"trials": trials}, "x", resume) as run,
        LocalEngine("tests.support.fake_search:slow_evaluate", workers, threads=1) as engine,
    ):
        finished = run_trials(run.study, plan(trials, jobs_of=slow_jobs, pruner=prune), engine, lambda event: None)
        extra = {(f"fresh {n}",): job for n, job in enumerate(slow_jobs(propose_again(finished), 0))}
        after = run_jobs(run.study, extra, engine, lambda event: None)
        run.finish(len(finished), "fake")
    print(json.dumps([plain(finished), {key: str(result) for key, result in after.items()}], indent=1))


def propose_again(finished: Sequence[FinishedTrial]) -> Proposed:
    best = max(finished, key=lambda trial: (trial.value or 0.0, -trial.number))
    return propose(optuna.trial.FixedTrial(dict(best.params)))  # type: ignore[arg-type]


if __name__ == "__main__":
    prune = pruner(sys.argv[5]) if len(sys.argv) > 5 else None  # type: ignore[arg-type]
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4]), prune)
