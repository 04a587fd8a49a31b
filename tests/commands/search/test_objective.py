"""What a search maximises is an object that it asks: another one works without any change to the search."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.evaluate import Asked, Evaluator
from nas_scale.commands.search.objective import Difference, Objective, Spec
from nas_scale.commands.search.options import Search
from nas_scale.commands.search.prepare import prepare
from nas_scale.commands.search.run import run_search
from nas_scale.commands.shared.events import Event, Note, Phase
from nas_scale.commands.shared.quality import Quality
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training
from nas_scale.engines.base import Engine
from nas_scale.engines.inline import InlineEngine
from nas_scale.errors import UserError
from nas_scale.runs.store import find_run
from nas_scale.trials.finished import finished_trials


@dataclass(frozen=True)
class Shallow:
    """Measures how shallow a network is, which takes no training."""

    training: Training

    name = "shallow"
    quality = Quality("shallowness", percent=True)
    device = "cpu"
    usual_finalists = 1

    def of_trials(self, wanted: Search) -> tuple[Objective, float]:
        return self, 1.0

    def ensure_suits(self, wanted: Search) -> None:
        if wanted.pruner != "none":
            raise UserError("--pruner has nothing to stop")

    def images(self) -> None:
        return None

    def differences(self, there: Spec, here: Spec) -> Iterator[Difference]:
        return iter(())

    def lines(self, wanted: Search) -> list[str]:
        return ["objective: few blocks"]

    def data_summary(self) -> None:
        pass

    def lines_on_trust(self, settings: RunSettings, space: str) -> list[str]:
        return [f"blocks of {space} can be counted without error"]

    def engine(self, settings: RunSettings) -> Engine:
        return InlineEngine(Evaluator(lambda arch: 1 / blocks(arch)))

    def jobs(self, arch: Architecture, seeds: Sequence[int]) -> Sequence[Any]:
        return [Asked(arch, (seed,)) for seed in seeds]

    def attributes(self, arch: Architecture) -> dict[str, Any]:
        return {"blocks": blocks(arch)}

    def weight_score(self, name: str) -> Callable[[Architecture], float]:
        raise UserError(f"--screen {name} has no weights to look at")


def blocks(arch: Architecture) -> int:
    return sum(stage.repeats for stage in arch.stages)


def shallow(training: Training, reference: Architecture, settings: RunSettings) -> Objective:
    return Shallow(training.suited("cpu"))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_search_with_an_objective_that_it_does_not_know() -> None:
    events: list[Event] = []
    prepared = prepare({"trials": 5, "sampler": "random", "run": "x"}, shallow)
    found = run_search(prepared, events.append)
    depths = [blocks(net) for net in found.nets]
    assert depths == sorted(depths)
    assert found.objective == "shallow"
    assert found.ranking[0].accuracy == pytest.approx(1 / depths[0])
    assert [row.round for row in found.ranked].count("credit") == 1, "as many finalists as are usual with it"
    notes = [event.text for event in events if isinstance(event, Note)]
    assert notes[1:] == ["objective: few blocks", "blocks of efficientnet can be counted without error"]
    assert next(event.measure for event in events if isinstance(event, Phase)) == Quality("shallowness", percent=True)
    assert run_search(prepare({"trials": 5, "sampler": "random", "run": "x", "resume": True}, shallow), print) == found


def test_its_refusals_come_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--pruner has nothing to stop"):
        prepare({"trials": 5, "pruner": "halving"}, shallow)
    assert not any(tmp_path.iterdir())


def test_what_it_keeps_with_a_trial() -> None:
    found = run_search(prepare({"trials": 3, "sampler": "random"}, shallow), print)
    trials = finished_trials(find_run(Path("results"), found.run).study)
    assert all(trial.attributes["blocks"] == round(1 / trial.scores[0].accuracy) for trial in trials)
