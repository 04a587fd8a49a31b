"""Event files, read back by TensorBoard's own reader."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

from nas_scale.engines.inline import InlineEngine
from nas_scale.runs.tensorboard import TensorBoard
from nas_scale.training.job import Score
from nas_scale.trials.events import Event
from nas_scale.trials.finished import FinishedTrial, finished_trials
from nas_scale.trials.loop import run_trials
from nas_scale.trials.pruning import at_checks
from tests.support.command import SMALL, Command
from tests.support.fake_search import evaluate, plan, pruner

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_a_search_without_the_package_is_refused_before_it_makes_a_run(
    nas_scale: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    answer = nas_scale("search", *SMALL, "--target-flops", "100M", "--log", "tensorboard")
    assert answer.code == 2
    assert "pip install 'nas-scale[tensorboard]'" in answer.err.splitlines()[-1]
    assert not (tmp_path / "results").exists()


def study_in(storage: InMemoryStorage) -> optuna.Study:
    optuna.logging.set_verbosity(sys.maxsize)
    return optuna.create_study(study_name="x", storage=storage, direction="maximize", load_if_exists=True)


def logged(study: optuna.Study, folder: Path, trials: int, stop_after: int | None = None) -> list[FinishedTrial]:
    """Runs so many trials with event files; killed while trial `stop_after` is recorded, before its files are."""
    with TensorBoard(folder, finished_trials(study)) as board:

        def listen(event: Event) -> None:
            if stop_after is not None and len(finished_trials(study)) > stop_after:
                raise KeyboardInterrupt
            board(event)

        return run_trials(study, plan(trials, pruner=pruner("halving")), InlineEngine(evaluate), listen)


def read(folder: Path) -> EventAccumulator:
    found = EventAccumulator(str(folder))
    found.Reload()
    return found


def scalars(folder: Path, tag: str) -> list[tuple[int, Any]]:
    return [(event.step, pytest.approx(event.value)) for event in read(folder).Scalars(tag)]


def text(folder: Path) -> Any:
    (event,) = read(folder).Tensors("net/text_summary")
    return json.loads(event.tensor_proto.string_val[0])


def hyperparameters(folder: Path) -> dict[str, float]:
    content = read(folder).PluginTagToContent("hparams")["_hparams_/session_start_info"]
    found = HParamsPluginData.FromString(content).session_start_info.hparams
    return {name: value.number_value for name, value in found.items()}


def mean(scores: list[Score] | tuple[Score, ...]) -> float:
    return statistics.fmean(score.accuracy for score in scores)


def test_every_trial_is_a_run_and_the_best_so_far_another(tmp_path: Path) -> None:
    folder = tmp_path / "run" / "tensorboard"
    folder.parent.mkdir()
    finished = logged(study_in(InMemoryStorage()), folder, 20)
    own = [trial for trial in finished if trial.same_as is None]
    assert sorted(path.name for path in folder.iterdir()) == ["best", *(f"trial-{trial.number:03d}" for trial in own)]
    assert {trial.pruned for trial in own} == {True, False}
    for trial in own:
        place = folder / f"trial-{trial.number:03d}"
        assert place.stat().st_mode & 0o777 == 0o755
        kept = text(place)
        assert (kept["net"], kept["flops"]) == (trial.attributes["net"], trial.attributes["flops"])
        assert kept["state"] == ("failed" if trial.reason else "pruned" if trial.pruned else "complete")
        if trial.reason:
            assert kept["reason"] == trial.reason
            continue
        epochs = trial.scores[0].epochs
        assert scalars(place, "loss/train") == [(epoch, 0.5) for epoch in range(1, epochs + 1)]
        looked_at = {epoch: mean(scores) for epoch, scores in at_checks(trial.scores).items()}
        looked_at[epochs] = mean(trial.scores)
        assert scalars(place, "accuracy/validation") == list(looked_at.items())
        assert scalars(place, "value") == [(0, trial.value)]
        assert hyperparameters(place)["flops"] == trial.attributes["flops"]
    complete = [(trial.number, trial.value) for trial in finished if trial.reason is None and not trial.pruned]
    assert scalars(folder / "best", "value") == complete
    so_far = [
        (number, max(value or 0 for _, value in complete[: place + 1])) for place, (number, _) in enumerate(complete)
    ]
    assert scalars(folder / "best", "value/best_so_far") == so_far


def everything(folder: Path) -> dict[str, Any]:
    """All that TensorBoard would read, but for times; and how many files there are of each run."""
    found: dict[str, Any] = {}
    for place in sorted(folder.iterdir()):
        events = read(place)
        tags = events.Tags()
        values = {tag: [(event.step, event.value) for event in events.Scalars(tag)] for tag in tags["scalars"]}
        found[place.name] = (values, len(tags["tensors"]), len(list(place.iterdir())))
    return found


@pytest.mark.parametrize("stop_after", [0, 3, 7, 11])
def test_a_run_that_goes_on_writes_no_trial_twice_and_none_too_few(tmp_path: Path, stop_after: int) -> None:
    whole, killed = tmp_path / "whole" / "tensorboard", tmp_path / "killed" / "tensorboard"
    for folder in (whole, killed):
        folder.parent.mkdir()
    expected = logged(study_in(InMemoryStorage()), whole, 12)
    storage = InMemoryStorage()
    with pytest.raises(KeyboardInterrupt):
        logged(study_in(storage), killed, 12, stop_after)
    (killed.parent / ".tensorboard-left").mkdir()  # by a kill in the middle of a trial's files
    assert logged(study_in(storage), killed, 12) == expected
    assert everything(killed) == everything(whole)
    assert [path.name for path in killed.parent.iterdir()] == ["tensorboard"]
    logged(study_in(storage), killed, 12)
    assert everything(killed) == everything(whole)


def test_a_run_begun_without_it_is_written_from_its_finished_trials(tmp_path: Path) -> None:
    storage = InMemoryStorage()
    run_trials(study_in(storage), plan(8, pruner=pruner("halving")), InlineEngine(evaluate), _nothing)
    for name in ("late", "early"):
        (tmp_path / name).mkdir()
    logged(study_in(storage), tmp_path / "late" / "tensorboard", 12)
    logged(study_in(InMemoryStorage()), tmp_path / "early" / "tensorboard", 12)
    assert everything(tmp_path / "late" / "tensorboard") == everything(tmp_path / "early" / "tensorboard")


_nothing: Callable[[Event], None] = lambda event: None  # noqa: E731
