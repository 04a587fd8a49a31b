"""Recording a step leaves no trace in the net, and replaying it trains as plain steps do.

There is no GPU here: graphs are stood in for by ones that run the step again, on the inputs that were recorded. What
they cannot show, that CUDA records these kernels, is for a machine that has it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nas_scale.nets.build import build
from nas_scale.training import capture, trainer
from nas_scale.training.augment import BatchDraws
from nas_scale.training.data import DataRef, load
from nas_scale.training.data.dataset import Dataset
from nas_scale.training.images import Images, ResidentImages, Rows, StreamedImages
from nas_scale.training.job import Recipe
from nas_scale.training.trainer import Trainer
from tests.training.test_fit import CPU, NET, RECIPE

EVERYTHING = replace(RECIPE, epochs=4, policy="randaugment", mixup=0.2, cutout=0.25, start_resolution=0.5)
RECIPES = [
    replace(RECIPE, epochs=3),
    replace(RECIPE, epochs=3, momentum=0.0),
    replace(RECIPE, epochs=3, optimizer="rmsprop", schedule="paper", learning_rate=0.016),
    EVERYTHING,  # three resolutions: a recording each, the later ones with momentum under way
]


class _Graph:
    """In the place of a CUDA graph; what is replayed is set by `_Replayed`."""


class _Replayed(capture.Recorded):
    """Runs the step where a GPU would replay its kernels."""

    def __init__(self, step: capture.Step, *others: Any) -> None:
        super().__init__(step, *others)
        self._graph.replay = lambda: self._loss.copy_(step(self._rows, self._draws))  # type: ignore[method-assign]


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextlib.contextmanager
    def graph(*_: object, **__: object) -> Iterator[None]:
        yield

    monkeypatch.setattr(torch.cuda, "CUDAGraph", _Graph)
    monkeypatch.setattr(torch.cuda, "graph", graph)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: None)
    monkeypatch.setattr(trainer, "Recorded", _Replayed)


@pytest.fixture(scope="module")
def digits(_own_cache: None) -> Dataset:
    return load(DataRef("digits", 16, train=160, val=32))


def _losses(images: Images, recipe: Recipe, record: bool) -> tuple[list[float], nn.Module]:
    net = build(NET, seed=0)
    made = Trainer(net, images, recipe, seed=0)
    made._recordable = record
    found = [loss.item() for epoch in range(recipe.epochs) for loss in made.epoch(epoch)]
    assert bool(made._recorded) == record
    return found, net


@pytest.mark.usefixtures("recording")
@pytest.mark.parametrize("kind", [ResidentImages, StreamedImages])
@pytest.mark.parametrize("recipe", RECIPES, ids=["sgd", "no-momentum", "rmsprop", "everything"])
def test_recorded_steps_train_as_plain_ones_do(digits: Dataset, recipe: Recipe, kind: type[Images]) -> None:
    images = kind(digits, CPU)
    plain, plain_net = _losses(images, recipe, record=False)
    recorded, recorded_net = _losses(images, recipe, record=True)
    assert recorded == pytest.approx(plain, rel=1e-5)
    for mine, theirs in zip(recorded_net.state_dict().values(), plain_net.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("recording")
def test_what_cuda_cannot_record_is_trained_step_by_step(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA error: operation not permitted when stream is capturing")

    plain, _ = _losses(ResidentImages(digits, CPU), RECIPE, record=False)
    monkeypatch.setattr(torch.cuda, "graph", refuse)
    made = Trainer(build(NET, seed=0), ResidentImages(digits, CPU), RECIPE, seed=0)
    made._recordable = True
    losses = [loss.item() for epoch in range(RECIPE.epochs) for loss in made.epoch(epoch)]
    assert losses == pytest.approx(plain, rel=1e-5)
    assert made._recorded == {}


@pytest.mark.usefixtures("recording")
def test_a_lack_of_memory_while_recording_is_passed_on(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.cuda, "graph", full)
    made = Trainer(build(NET, seed=0), ResidentImages(digits, CPU), RECIPE, seed=0)
    made._recordable = True
    with pytest.raises(torch.OutOfMemoryError):
        next(made.epoch(0))


@pytest.mark.usefixtures("recording")
def test_images_on_the_device_are_not_copied_into_the_recording() -> None:
    images = torch.zeros(100, 4, 4, 3, dtype=torch.uint8)
    rows = Rows(images, torch.arange(8), torch.zeros(8, dtype=torch.int64))
    draws = BatchDraws(torch.zeros(8, 2, dtype=torch.int64), torch.zeros(8, dtype=torch.bool))
    net = nn.Linear(1, 1)

    def step(rows: Rows, draws: BatchDraws) -> Tensor:
        return rows.chosen.sum().float()

    recorded = _Replayed(step, rows, draws, images, net, torch.optim.SGD(net.parameters(), 1.0))
    assert recorded._rows.images is images
    assert recorded._rows.chosen is not rows.chosen
    assert recorded(replace(rows, chosen=torch.arange(8) * 2), draws).item() == 56
