"""The benchmark of a proxy's noise: every score stands with its net and seed, however trainings are put into jobs."""

from __future__ import annotations

import json
import statistics
import sys
from collections import deque
from pathlib import Path
from typing import Any, Self

import pytest

from benchmarks import proxy_noise
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.jobs import Jobs
from nas_scale.commands.shared.training import Training
from nas_scale.engines.base import Done, Failed, News, Outcome
from nas_scale.training.job import Epoch, Job, Score

NETS = 3
SEEDS = 4
JOBS = {"cpu": NETS * SEEDS, "cuda": NETS}
REFERENCE, DRAWN = proxy_noise.draw("efficientnet", NETS, band=False)


def _accuracy(net: Architecture, seed: int) -> float:
    """Different for every net, as it is trained, and seed."""
    return 0.1 * seed + 0.001 * sum(stage.repeats + stage.channels for stage in net.stages) / len(net.stages)


def _seconds(seed: int) -> float:
    return 10.0 + seed


class _LastFirst:
    """An engine whose jobs end in the opposite order, each with news before; the ticket `failing` fails."""

    workers = 1

    def __init__(self, failing: int | None = None) -> None:
        self.jobs: list[Job] = []
        self._coming: deque[Outcome | News] = deque()
        self._failing = failing

    def submit(self, ticket: int, job: Job) -> None:
        self.jobs.append(job)
        scores = tuple(
            Score(_accuracy(job.architecture, seed), 100, 1.0, 1, _seconds(seed), 50.0) for seed in job.seeds
        )
        failed = ticket == self._failing
        self._coming.appendleft(Failed(ticket, "diverged") if failed else Done(ticket, scores))
        self._coming.appendleft(News(ticket, Epoch(1, 1, 1.0, 50.0)))

    def next(self) -> Outcome | News:
        return self._coming.popleft()

    def close(self) -> None:
        self._coming.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def _jobs(device: str) -> Jobs:
    training = Training(data="digits", seeds=SEEDS).checked().suited("cpu").for_reference(REFERENCE)
    return Jobs(training, REFERENCE, device)


@pytest.mark.parametrize("device", JOBS)
def test_accuracies_stand_by_net_and_seed(device: str) -> None:
    """On a GPU a job holds all seeds of a net, on a CPU one."""
    jobs, engine = _jobs(device), _LastFirst()
    accuracies, seconds = proxy_noise.measure(DRAWN, jobs, engine)
    assert len(engine.jobs) == JOBS[device]
    assert accuracies == [[_accuracy(jobs.small(net), seed) for seed in range(SEEDS)] for net in DRAWN]
    assert len({accuracy for each in accuracies for accuracy in each}) == NETS * SEEDS
    assert seconds == pytest.approx(statistics.fmean(map(_seconds, range(SEEDS))))


@pytest.mark.parametrize("device", JOBS)
def test_a_training_that_fails_ends_it_and_is_named(device: str) -> None:
    with pytest.raises(SystemExit, match="training 1 failed: diverged"):
        proxy_noise.measure(DRAWN, _jobs(device), _LastFirst(failing=1))


def _asked(monkeypatch: pytest.MonkeyPatch, options: str) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks/proxy_noise.py", *options.split()])
    proxy_noise.main()


@pytest.mark.parametrize("device", JOBS)
def test_what_was_asked_reaches_the_trainings_and_stands_with_the_figures(
    device: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine, out = _LastFirst(), tmp_path / "found.json"
    monkeypatch.setattr(proxy_noise, "training_engine", lambda *_: engine)
    monkeypatch.setattr(proxy_noise, "choose_device", lambda asked: asked)
    options = f"--data digits --nets {NETS} --seeds {SEEDS} --batch 24 --learning-rate 0.3 --val-images 77 --out {out}"
    options += f" --device {device}"
    _asked(monkeypatch, options)
    for job in engine.jobs:
        assert (job.device, job.data.val, job.recipe.batch, job.recipe.learning_rate) == (device, 77, 24, 0.3)
    found: dict[str, Any] = json.loads(out.read_text())
    assert found["command"] == f"python benchmarks/proxy_noise.py {options}"
    assert (found["device"], found["training"]["val_images"]) == (device, 77)
    assert [len(each) for each in found["accuracies"]] == [SEEDS] * NETS
    assert found["command"] in capsys.readouterr().out


@pytest.mark.parametrize("option", ["--nets", "--seeds"])
def test_what_has_no_spread_is_refused_before_it_is_trained(
    option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        _asked(monkeypatch, f"{option} 1")
    assert f"{option}: 1 has no spread" in capsys.readouterr().err
