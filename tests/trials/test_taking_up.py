"""Trials that a killed process left running are taken up before any other is proposed.

Optuna 5's TPE counts running trials as bad ones (constant_liar), so a stale one would change what it proposes next.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from optuna.trial import TrialState

from nas_scale.architecture.files import load_space
from nas_scale.engines.inline import InlineEngine
from nas_scale.metrics.limits import Limits, around
from nas_scale.samplers.registry import propose, sampler
from nas_scale.trials.events import Event, TrialStarted
from nas_scale.trials.loop import run_trials
from nas_scale.trials.plan import Proposed, TrialPlan
from nas_scale.trials.seeds import derived_seed
from tests.support.fake_search import evaluate, jobs, value_of
from tests.support.mortal_storage import Killed, MortalStorage

SPACE = load_space("nas-bench-macro")
LIMITS = Limits((around(5.5e7, 0.1),))
TRIALS = 18  # TPE begins to learn after ten


def proposed(trial: optuna.Trial) -> Proposed:
    params = propose(trial, SPACE)
    return Proposed(SPACE.net(params), repr(params))


def suggestions(storage: InMemoryStorage) -> tuple[list[Mapping[str, Any]], list[int]]:
    """What all trials of the study proposed, and which of them this process took up, in its order."""
    plan = TrialPlan(
        sampler_for=lambda number: sampler("tpe", SPACE, LIMITS, derived_seed(3, number)),
        propose=proposed,
        jobs=jobs,
        value_of=value_of,
        trials=TRIALS,
        max_pending=3,
    )
    started: list[int] = []

    def hear(event: Event) -> None:
        if isinstance(event, TrialStarted):
            started.append(event.number)

    optuna.logging.set_verbosity(sys.maxsize)
    study = optuna.create_study(study_name="x", storage=storage, direction="maximize", load_if_exists=True)
    return [trial.params for trial in run_trials(study, plan, InlineEngine(evaluate), hear)], started


def running(storage: InMemoryStorage) -> list[int]:
    study = optuna.load_study(study_name="x", storage=storage)
    return [trial.number for trial in study.get_trials(states=(TrialState.RUNNING,))]


def test_a_resumed_search_by_tpe_suggests_what_an_uninterrupted_one_does() -> None:
    whole = MortalStorage()
    expected, _ = suggestions(whole)
    for writes in range(whole.writes // 2, whole.writes, whole.writes // 14):
        storage = MortalStorage()
        storage.left = writes
        with pytest.raises(Killed):
            suggestions(storage)
        storage.left = -1
        left = running(storage)
        assert left
        found, started = suggestions(storage)
        assert started[: len(left)] == left
        assert found == expected
