"""Trials of another run: taken whole, recorded before the first own, and every promise of the loop kept with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from nas_scale.engines.inline import InlineEngine
from nas_scale.errors import RunError
from nas_scale.training.job import Job, Score
from nas_scale.trials.events import Event, Resumed, TrialDone, TrialFailed, TrialStarted
from nas_scale.trials.finished import ORIGIN, FinishedTrial, finished_trials, read_outcome, stored_outcome
from nas_scale.trials.known import FILE, Known, add_known, keep, kept, known_fingerprint, known_trials
from nas_scale.trials.loop import run_trials
from nas_scale.trials.plan import Proposed
from nas_scale.trials.pruning import Kind
from tests.support import fake_search
from tests.support.fake_search import SPACE, evaluate, plain, plan, pruner, value_of
from tests.support.mortal_storage import Killed, MortalStorage
from tests.trials.test_loop import ShuffledEngine, ignore, new_study


def earlier(trials: int = 16, kind: Kind | None = None) -> tuple[optuna.Study, list[FinishedTrial]]:
    study = new_study()
    prune = pruner(kind) if kind else None
    return study, run_trials(study, plan(trials, pruner=prune), InlineEngine(evaluate), ignore)


KNOWN = known_trials(earlier()[0], "first")


def meaning(params: Mapping[str, Any]) -> Proposed:
    return fake_search.propose(optuna.trial.FixedTrial(dict(params)))  # type: ignore[arg-type]


def add(study: optuna.Study, known: tuple[Known, ...] = KNOWN) -> None:
    add_known(study, known, SPACE, meaning, value_of)


def go_on(
    study: optuna.Study,
    trials: int = 9,
    engine: InlineEngine | None = None,
    window: int = 3,
    kind: Kind | None = None,
    on_event: Callable[[Event], None] = ignore,
) -> list[FinishedTrial]:
    add(study)
    whole = replace(plan(trials + len(KNOWN), window, pruner=pruner(kind) if kind else None), known=len(KNOWN))
    return run_trials(study, whole, engine or InlineEngine(evaluate), on_event)


def test_only_trials_with_a_score_of_their_own_are_taken() -> None:
    for kind in (None, "halving"):
        study, finished = earlier(30, kind)  # type: ignore[arg-type]
        taken = known_trials(study, "first")
        wanted = [each for each in finished if each.reason is None and each.same_as is None and not each.pruned]
        assert [(known.params, known.scores) for known in taken] == [(each.params, each.scores) for each in wanted]
        assert {known.origin for known in taken} == {"first"}
        left = [each for each in finished if each not in wanted]
        assert any(each.reason for each in left)
        assert any(each.same_as is not None for each in left)
        assert any(each.pruned for each in left) == (kind is not None)


def test_they_are_the_first_trials_with_scores_and_a_value_of_this_search() -> None:
    study = new_study()
    add_known(study, KNOWN, SPACE, meaning, lambda proposed, scores: -value_of(proposed, scores))
    finished = finished_trials(study)
    assert [each.number for each in finished] == list(range(len(KNOWN)))
    assert [(each.params, each.scores) for each in finished] == [(known.params, known.scores) for known in KNOWN]
    assert [each.value for each in finished] == [-value_of(meaning(known.params), known.scores) for known in KNOWN]
    assert {each.attributes[ORIGIN] for each in finished} == {"first"}
    assert all(trial.state == TrialState.COMPLETE for trial in study.trials)
    again = known_trials(study, "second")
    assert again == KNOWN  # what was trained in the first stays the first's
    add(study)
    assert len(study.trials) == len(KNOWN)


def test_a_net_that_is_known_is_not_trained_again_and_the_sampler_learns_from_it() -> None:
    trained: list[str] = []

    def watched(job: Job) -> tuple[Score, ...]:
        trained.append(repr(job.architecture))
        return evaluate(job)

    finished = go_on(new_study(), 20, InlineEngine(watched))
    own = finished[len(KNOWN) :]
    repeats = [each for each in own if each.same_as is not None and each.same_as < len(KNOWN)]
    assert repeats
    assert not {repr(meaning(known.params).subject) for known in KNOWN} & set(trained)
    without = run_trials(new_study(), plan(20), InlineEngine(evaluate), ignore)
    assert [each.params for each in own] != [each.params for each in without]


@pytest.mark.parametrize("kind", [None, "halving", "hyperband"])
def test_any_number_of_workers_gives_the_same_study(kind: Kind | None) -> None:
    expected = plain(go_on(new_study(), kind=kind))
    for workers in (2, 4):
        study = new_study()
        assert plain(go_on(study, engine=ShuffledEngine(workers, workers), kind=kind)) == expected
        assert plain(finished_trials(study)) == expected


def test_a_kill_before_any_write_changes_nothing() -> None:
    """While they are added too."""
    whole = MortalStorage()
    expected = plain(go_on(new_study(whole)))
    assert whole.writes > len(KNOWN) + 50
    for moment in range(whole.writes):
        storage = MortalStorage()
        study = new_study(storage)
        storage.left = moment
        with pytest.raises(Killed):
            go_on(study, engine=ShuffledEngine(2, moment))
        storage.left = -1
        assert plain(go_on(new_study(storage))) == expected, f"killed before write {moment}"
        assert plain(finished_trials(study)) == expected


def test_events_count_this_runs_trials_alone() -> None:
    events: list[Event] = []
    study = new_study()
    finished = go_on(study, 4, on_event=events.append)
    assert events[0] == Resumed(0, 4, None)
    assert sum(isinstance(event, TrialDone | TrialFailed) for event in events) == 4
    assert [event.number for event in events if isinstance(event, TrialStarted)] == [
        len(KNOWN) + number for number in range(4)
    ]
    events.clear()
    go_on(study, 6, on_event=events.append)
    best = max(each.value for each in finished[len(KNOWN) :] if each.value is not None)
    assert events[0] == Resumed(4, 6, best)


def test_known_trials_stop_no_other() -> None:
    """Those that were stopped early are not among them, so the others would set too high a bar."""
    perfect = tuple(
        Known(known.params, tuple(replace(score, checks=((2, 1.0), (4, 1.0))) for score in known.scores), "first")
        for known in KNOWN
    )
    seen: list[Job] = []

    def watched(job: Job) -> tuple[Score, ...]:
        seen.append(job)
        return evaluate(job)

    study = new_study()
    add(study, perfect)
    whole = replace(plan(len(KNOWN) + 2, pruner=pruner("halving")), known=len(KNOWN))
    run_trials(study, whole, InlineEngine(watched), ignore)
    assert seen
    assert {stop.accuracy for job in seen for stop in job.stops} == {0.0}


def test_another_programs_trials_are_noticed() -> None:
    study = new_study()
    study.add_trial(optuna.trial.create_trial(value=1.0, params=dict(KNOWN[1].params), distributions=SPACE))
    with pytest.raises(RunError, match="another program has written to the study 'x'"):
        add(study)


def test_what_is_kept_comes_back_and_a_damaged_file_is_said(tmp_path: Path) -> None:
    assert kept(tmp_path) is None
    keep(tmp_path, KNOWN)
    assert kept(tmp_path) == KNOWN
    assert known_fingerprint(kept(tmp_path) or ()) == known_fingerprint(KNOWN)
    content = json.loads((tmp_path / FILE).read_text())
    for damage in ("nothing", "[{}]", json.dumps([{**content[0], "scores": [{"reason": "x"}]}])):
        (tmp_path / FILE).write_text(damage)
        with pytest.raises(RunError, match=r"known\.json is damaged"):
            kept(tmp_path)


@pytest.mark.parametrize("change", ["fewer", "another score", "another net"])
def test_a_fingerprint_changes_with_everything_that_is_said(change: str) -> None:
    first, *rest = KNOWN
    other = {
        "fewer": tuple(rest),
        "another score": (replace(first, scores=(replace(first.scores[0], accuracy=0.1),)), *rest),
        "another net": (replace(first, params={**first.params, "repeats": 7}), *rest),
    }[change]
    assert known_fingerprint(other) != known_fingerprint(KNOWN)


def test_scores_from_before_images_were_of_two_halves_are_of_one_part() -> None:
    stored = stored_outcome(Score(0.6, 100, 1.0, 2, 1.0, 1.0, credit=0.5, credit_images=50))
    read = read_outcome(stored)
    assert isinstance(read, Score)
    assert (read.choice, read.credit) == (0.7, 0.5)
    older = read_outcome({name: value for name, value in stored.items() if not name.startswith("credit")})
    assert isinstance(older, Score)
    assert (older.choice, older.to_credit().accuracy, older.credit) == (0.6, 0.6, None)
