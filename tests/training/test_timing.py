"""Timing trainings ahead."""

from __future__ import annotations

import pytest
import torch

from nas_scale.arch.files import load_net
from nas_scale.training.data.ref import DataRef
from nas_scale.training.job import Job, Proxy, Recipe
from nas_scale.training.proxy import shrink
from nas_scale.training.timing import seconds_per_job


def job() -> Job:
    net = load_net("efficientnet-b0")
    return Job(shrink(net, Proxy(16, width=0.1), net), DataRef("digits", 16), Recipe(epochs=2, batch=4), seeds=(0,))


def test_more_images_take_longer() -> None:
    few, many = seconds_per_job(job(), 10, 10), seconds_per_job(job(), 10_000, 10)
    assert few is not None
    assert many is not None
    assert 0 < 20 * few < many


def test_a_net_that_does_not_fit_into_memory_has_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("out of memory")

    monkeypatch.setattr("nas_scale.nets.build.build", too_large)
    assert seconds_per_job(job(), 10, 10) is None
