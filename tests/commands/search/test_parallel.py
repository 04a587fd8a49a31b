"""Several trainings at once, with every strategy: no net is trained twice, and the answer is that of one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nas_scale import search
from nas_scale.engines.local import LocalEngine
from nas_scale.runs.store import find_run
from nas_scale.samplers.registry import SAMPLERS
from nas_scale.training import worker
from tests.support.command import Command


class _SideBySide(LocalEngine):
    """Two jobs in each process, as on a GPU."""

    def __init__(self, function: str, workers: int, threads: int, *_: object) -> None:
        super().__init__(function, workers, threads, slots=2)


REAL = worker.EVALUATE  # before a test puts another in its place

TRIALS = 16  # beyond what strategies draw at random before they learn


pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    "sampler", [pytest.param(name, marks=[pytest.mark.slow] * (name == "gp")) for name in SAMPLERS]
)
def test_two_workers_train_no_net_twice(
    nas_scale: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sampler: str
) -> None:
    counter = tmp_path / "count"
    monkeypatch.setenv("FAKE_COUNT", str(counter))
    monkeypatch.setenv("FAKE_PAUSE", "0.02")
    asked: dict[str, Any] = {
        **{"space": "nas-bench-macro", "data": "digits", "proxy_resolution": 12, "device": "cpu", "finalists": 0},
        **{"sampler": sampler, "trials": TRIALS, "target_flops": 55e6},
    }
    found = search(**asked, workers=2, run="two")
    assert counter.stat().st_size == TRIALS
    trials = find_run(Path("results"), "two").study.trials
    assert len({trial.user_attrs["key"] for trial in trials}) == TRIALS
    assert not any("same_as" in trial.user_attrs for trial in trials)
    assert search(**asked, workers=1, run="one").ranking == found.ranking


def test_nets_side_by_side_in_one_process_give_the_same_study(
    nas_scale: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Real trainings: each has a turn after the other's epoch. On a CPU that is not usual."""
    monkeypatch.setattr("nas_scale.training.worker.EVALUATE", REAL)
    monkeypatch.setattr("nas_scale.engines.local.LocalEngine", _SideBySide)
    asked: dict[str, Any] = {
        **{"space": "nas-bench-macro", "data": "digits", "proxy_resolution": 12, "device": "cpu", "epochs": 2},
        **{"train_images": 100, "trials": 3, "seeds": 2, "finalists": 1, "target_flops": 55e6},
    }
    alone = search(**asked, workers=1)
    assert search(**asked, workers=4).ranking == alone.ranking
