"""Trials that are shorter trainings than those of the finalists."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from nas_scale import search
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.prepare import prepare
from nas_scale.commands.search.result import SearchResult
from nas_scale.commands.shared.events import Note
from nas_scale.errors import UserError
from nas_scale.runs.results import plain
from nas_scale.runs.store import find_run
from nas_scale.show.rankings import ranking_notes
from nas_scale.trials.finished import finished_trials

TINY: dict[str, Any] = {
    "data": "digits",
    "space": "nas-bench-macro",
    "proxy_resolution": 12,
    "proxy_width": 0.1,
    "train_images": 200,
    "val_images": 100,
    "sampler": "random",
    "run": "x",
}
SHORT: dict[str, Any] = {**TINY, "epochs": 2, "trial_length": 0.5, "trials": 5, "finalists": 3}


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def searched(**options: Any) -> SearchResult:
    return search(on_event=lambda event: None, **{**SHORT, **options})


def depth(arch: Architecture) -> float:
    return sum(stage.repeats for stage in arch.stages) / 30


def test_finalists_are_trained_in_full_and_ranked_by_that_alone() -> None:
    notes: list[str] = []
    found = search(on_event=lambda event: notes.append(event.text) if isinstance(event, Note) else None, **SHORT)
    assert "trials are 50% as long; finalists are trained in full, and ranked by that alone" in notes
    trials = finished_trials(find_run(Path("results"), "x").study)
    assert [score.epochs for trial in trials for score in trial.scores] == [1] * 5
    assert all(trial.attributes["proxy"]["epochs"] == 1 for trial in trials)
    assert found.trial_length == plain(found)["trial_length"] == 0.5
    finalists, others = found.ranked[:3], found.ranked[3:]
    assert [len(row.final) for row in finalists] == [2, 2, 1], "a seed each, then another of the better two"
    by_full = [sum(row.final) / len(row.final) for row in finalists]
    assert by_full[0] >= by_full[1]
    assert len(found.ranking[0].credit) == 2
    assert [row.place is None and not row.tied and row.stderr is None for row in others] == [True] * 2
    assert [row.search for row in others] == sorted((row.search for row in others), reverse=True)
    assert min(row.search for row in finalists) >= max(row.search for row in others)
    assert found.seed_freedom == 3, "two finalists with two seeds, and the winner's credit"
    assert found.proxy_tells_apart is None
    assert found.random_search is not None, "forecast on the scale of full trainings"
    assert abs(found.random_search.expected - (found.ranking[0].accuracy or 0)) < 4 * found.random_search.sd
    notes = ranking_notes(found)
    assert any(note.startswith("Nets below the finalists had trainings 50% as long") for note in notes)
    assert any(note.startswith("Finalists are ranked by the fresh seeds;") for note in notes)
    assert any(re.fullmatch(r"Seeds of one net differ by .* freedom\)\.", note) for note in notes)
    assert searched(resume=True) == found


def test_a_search_of_longer_trials_is_not_learned_from() -> None:
    searched(run="full", trial_length=1, trials=3)
    with pytest.raises(UserError, match=r"--trial-length.* 1.* 0\.5"):
        searched(run="short", warm_start="full")


def test_with_repeated_seeds_the_error_of_a_short_training_is_known() -> None:
    found = searched(seeds=2, trials=4, finalists=2)
    assert all(row.stderr and row.stderr > 0 for row in found.ranked)
    assert [row.place for row in found.ranked[2:]] == [None, None]


@pytest.mark.parametrize(
    ("options", "length", "trials", "finalists"),
    [
        ({"data": "scenes"}, 0.3333, 20, 4),
        ({"data": "scenes", "epochs": 6}, 0.3333, 20, 4),
        ({"data": "scenes", "trial_length": 0.5}, 0.5, 20, 4),
        ({"data": "scenes", "trial_length": 1}, 1, 8, 3),
        ({"data": "scenes", "trials": 90}, 0.3333, 90, 5),
        ({"data": "scenes", "train_images": 1000}, 1, 8, 3),  # too few steps to learn in
        ({"data": "scenes", "finalists": 0}, 1, 8, 0),
        ({"data": "scenes", "pruner": "halving", "epochs": 9}, 1, 8, 3),
        ({"data": "scenes", "objective": "accuracy,flops"}, 1, 8, 6),
        ({"data": "digits"}, 1, 8, 3),
    ],
)
def test_trials_are_shorter_where_that_suits_the_data_and_what_is_asked(
    options: dict[str, Any], length: float, trials: int, finalists: int
) -> None:
    wanted = prepare({"device": "cpu", **options}).wanted
    assert (wanted.trial_length, wanted.trials, wanted.finalists_among(trials)) == (length, trials, finalists)


def test_a_third_of_two_epochs_is_one_that_sees_two_thirds_of_the_images() -> None:
    prepared = prepare({"data": "scenes", "device": "cpu"})
    (short,) = prepared.trials.jobs(prepared.reference, [0])
    (full,) = prepared.objective.jobs(prepared.reference, [0])
    assert (full.recipe.epochs, full.recipe.epoch_share) == (2, 1)
    assert (short.recipe.epochs, short.recipe.epoch_share) == (1, pytest.approx(2 / 3))
    assert short.data == full.data, "no second copy of the images"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pruner": "halving", "epochs": 9}, "without a pruner"),
        ({"objective": "accuracy,flops", "sampler": "nsga2"}, "of one objective"),
        ({"evaluate": depth}, "evaluate has none"),
        ({"finalists": 0}, "--trial-length.*--finalists"),
        ({"trial_length": 1.5}, "--trial-length"),
    ],
)
def test_what_shorter_trials_do_not_go_with(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        searched(**{**{key: SHORT[key] for key in ("space", "run", "trial_length")}, **options})
    assert not Path("results").exists()
