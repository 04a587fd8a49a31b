"""Timing trainings ahead."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from nas_scale.architecture.files import load_net
from nas_scale.commands.shared.estimates import seconds_each
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.engines.base import ignore_progress, resolve, run_job
from nas_scale.training import timing
from nas_scale.training.data.ref import DataRef
from nas_scale.training.job import Job, Proxy, Recipe
from nas_scale.training.proxy import shrink
from nas_scale.training.timing import Timing, seconds_of
from nas_scale.training.trainer import Trainer


def seconds(asked: Timing) -> float | None:
    found: float | None = run_job(seconds_of, asked, ignore_progress)
    return found


def job() -> Job:
    net = load_net("efficientnet-b0")
    return Job(shrink(net, Proxy(16, width=0.1), net), DataRef("digits", 16), Recipe(epochs=2, batch=4), seeds=(0,))


def test_more_images_take_longer() -> None:
    few, many = seconds(Timing(job(), 10, 10)), seconds(Timing(job(), 100_000, 10))
    assert few is not None
    assert many is not None
    assert 0 < 20 * few < many  # of ten thousand times as many images


def test_a_net_that_does_not_fit_into_memory_has_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr("nas_scale.nets.build.build", too_large)
    assert seconds(Timing(job(), 10, 10)) is None


def test_the_clock_is_read_when_the_device_has_done_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device that is given work ahead of doing it, which takes 5 ms a step: what counts is when that is done."""
    clock, owed = [0.0], [0]

    def step(self: Trainer) -> None:
        owed[0] += 1
        clock[0] += 1e-5

    def behind(self: Trainer) -> bool:
        if not owed[0]:
            return False
        clock[0] += 0.005
        owed[0] -= 1
        return True

    monkeypatch.setattr(Trainer, "step", step)
    monkeypatch.setattr(Trainer, "behind", behind)
    monkeypatch.setattr(timing.time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr("nas_scale.engines.base.WAIT_SECONDS", 0)
    found = seconds(Timing(job(), 4000, 0))
    assert found == pytest.approx(2 * 1000 * 0.00501, rel=1e-3)


def test_a_step_is_timed_as_it_will_run_recorded_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    usual = Trainer.__init__

    def made(self: Trainer, net: object, images: object, recipe: object, seed: int, recordable: bool) -> None:
        asked.append(recordable)
        usual(self, net, images, recipe, seed, recordable)  # type: ignore[arg-type]

    monkeypatch.setattr(Trainer, "__init__", made)
    seconds(Timing(job(), 80, 0))  # forty steps in all
    assert set(asked) == {False}
    asked.clear()
    seconds(Timing(job(), 400, 0))
    assert set(asked) == {True}


def test_it_is_found_by_its_name_and_runs_in_workers() -> None:
    """In the order of the jobs; what fails there has no time, and its training will say why. Times are not compared: a
    machine may do other things in between."""
    assert resolve(timing.TIME) is seconds_of
    broken = replace(job(), device="nowhere")
    first, failed, last = seconds_each([job(), broken, job()], (2000, 100), RunSettings(workers=2), "cpu", 1)
    assert failed is None
    assert first is not None
    assert last is not None
    assert min(first, last) > 0
