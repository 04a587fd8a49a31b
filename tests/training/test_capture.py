"""Recording a step leaves no trace in the net, and replaying it trains as plain steps do.

There is no GPU here: graphs are stood in for by ones that run the step again, on the places that were recorded. What
they cannot show, that CUDA records these kernels, is for a machine that has it.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nas_scale.errors import DEBUG
from nas_scale.nets.build import build
from nas_scale.training import capture, trainer
from nas_scale.training.augment import resolutions
from nas_scale.training.data import DataRef, load
from nas_scale.training.data.dataset import Dataset
from nas_scale.training.fit import train_nets
from nas_scale.training.images import Images, ResidentImages, StreamedImages
from nas_scale.training.job import Epoch, Recipe, Remark
from nas_scale.training.trainer import Trainer
from tests.training.test_fit import CPU, NET, RECIPE

EVERYTHING = replace(RECIPE, epochs=4, policy="randaugment", mixup=0.2, cutout=0.25, start_resolution=0.5)
RECIPES = [
    replace(RECIPE, epochs=3),
    replace(RECIPE, epochs=3, momentum=0.0),
    replace(RECIPE, epochs=3, precision="bfloat16"),
    replace(RECIPE, epochs=3, optimizer="rmsprop", schedule="paper", learning_rate=0.016),
    EVERYTHING,  # three resolutions: a recording each, the later ones with momentum under way
]
REFUSED = "CUDA error: operation not permitted when stream is capturing\nmore lines"


class _Graph:
    """In the place of a CUDA graph; what is replayed is set by `_replayed`. Keeps what was asked of it."""

    latest: _Graph
    replay: Callable[[], object]

    def __init__(self) -> None:
        self.calls: list[str] = []
        _Graph.latest = self

    def capture_begin(self, pool: Any, capture_error_mode: str) -> None:
        assert capture_error_mode == "thread_local"  # others of this process go on
        self.calls.append("begin")

    def capture_end(self) -> None:
        self.calls.append("end")


def _replayed(step: capture.Step, *others: Any) -> capture.Recorded:
    """A recording whose graph runs the step, into the place of the captured loss, where a GPU would replay kernels."""
    losses: list[Tensor] = []

    def captured() -> Tensor:
        losses.append(step())
        return losses[-1]

    recorded = capture.Recorded(captured, *others)
    _Graph.latest.replay = lambda: losses[-1].copy_(step())
    return recorded


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has trainers on a CPU record their steps, however few they are."""
    monkeypatch.setattr(trainer, "can_record", lambda device: True)
    monkeypatch.setattr(trainer, "WORTH_RECORDING", 0)
    monkeypatch.setattr(torch.cuda, "CUDAGraph", _Graph)
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: (0, 1))
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(trainer, "Recorded", _replayed)


@pytest.fixture(scope="module")
def digits(_own_cache: None) -> Dataset:
    return load(DataRef("digits", 16, train=160, val=32))


def _trainer(images: Images, recipe: Recipe = RECIPE, record: bool = True) -> Trainer:
    return Trainer(build(NET, seed=0), images, recipe, seed=0, recordable=record)


def _losses(made: Trainer) -> list[float]:
    return [loss for epoch in range(made.recipe.epochs) for loss in made.losses(epoch)]


@pytest.mark.usefixtures("recording")
@pytest.mark.parametrize("kind", [ResidentImages, StreamedImages])
@pytest.mark.parametrize("recipe", RECIPES, ids=["sgd", "no-momentum", "bf16", "rmsprop", "everything"])
def test_recorded_steps_train_as_plain_ones_do(digits: Dataset, recipe: Recipe, kind: type[Images]) -> None:
    images = kind(digits, CPU)
    plain, recorded = _trainer(images, recipe, record=False), _trainer(images, recipe)
    assert _losses(recorded) == pytest.approx(_losses(plain), rel=1e-5)
    assert set(recorded.recorded_resolutions) == set(resolutions(recipe, images.size, recipe.epochs))
    assert plain.recorded_resolutions == ()
    for mine, theirs in zip(recorded.net.state_dict().values(), plain.net.state_dict().values(), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("recording")
def test_an_epoch_of_fewer_steps_than_warming_up_takes_is_recorded(digits: Dataset) -> None:
    recipe = replace(RECIPE, epochs=6, batch=80)  # two steps
    images = ResidentImages(digits, CPU)
    assert _losses(_trainer(images, recipe)) == pytest.approx(_losses(_trainer(images, recipe, record=False)), rel=1e-5)


def _refuse(self: _Graph, **_: object) -> None:
    raise RuntimeError(REFUSED)


@pytest.mark.usefixtures("recording")
def test_what_cuda_cannot_record_is_trained_step_by_step_and_says_why(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = ResidentImages(digits, CPU)
    plain = _losses(_trainer(images, record=False))
    monkeypatch.setattr(_Graph, "capture_begin", _refuse)
    made = _trainer(images)
    assert _losses(made) == pytest.approx(plain, rel=1e-5)
    assert made.recorded_resolutions == ()
    assert made.not_recorded == "CUDA error: operation not permitted when stream is capturing"


@pytest.mark.usefixtures("recording")
def test_the_reason_is_news_of_the_training(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Graph, "capture_begin", _refuse)
    news = list(train_nets({0: build(NET, 0)}, ResidentImages(digits, CPU), replace(RECIPE, epochs=2)))
    assert [type(item) for item in news] == [Remark, Epoch, Epoch]
    assert isinstance(news[0], Remark)
    assert news[0].text.endswith("could not be recorded: CUDA error: operation not permitted when stream is capturing")


@pytest.mark.usefixtures("recording")
def test_to_debug_it_is_an_error(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_Graph, "capture_begin", _refuse)
    monkeypatch.setenv(DEBUG, "1")
    with pytest.raises(RuntimeError, match="when stream is capturing"):
        next(_trainer(ResidentImages(digits, CPU)).losses(0))


@pytest.mark.usefixtures("recording")
def test_a_lack_of_memory_while_recording_is_passed_on(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(_Graph, "capture_begin", full)
    with pytest.raises(torch.OutOfMemoryError):
        next(_trainer(ResidentImages(digits, CPU)).losses(0))


@pytest.mark.usefixtures("recording")
def test_where_memory_runs_out_recording_is_tried_once_more_with_what_torch_kept(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []

    def full_at_first(self: _Graph, **_: object) -> None:
        calls.append("begin")
        if len(calls) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(_Graph, "capture_begin", full_at_first)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: calls.append("empty"))
    images = ResidentImages(digits, CPU)
    made = _trainer(images, replace(RECIPE, epochs=1))
    assert _losses(made) == pytest.approx(_losses(_trainer(images, replace(RECIPE, epochs=1), record=False)), rel=1e-5)
    assert calls == ["begin", "empty", "begin"]
    assert made.recorded_resolutions == (16,)


def _linear() -> tuple[nn.Linear, Callable[[], list[Tensor]]]:
    net = nn.Linear(2, 1)
    return net, lambda: list(net.parameters())


def _failing_after(calls: int, net: nn.Linear) -> capture.Step:
    """A step that changes the net and fails at the call after so many."""
    made: list[int] = []

    def step() -> Tensor:
        with torch.no_grad():
            net.weight += 1
        made.append(1)
        if len(made) > calls:
            raise RuntimeError(REFUSED)
        return torch.zeros(())

    return step


@pytest.mark.usefixtures("recording")
def test_a_capture_that_fails_is_ended_and_the_state_is_as_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where ending it fails, as it does for a capture that CUDA has abandoned: memory then comes from its pool."""
    undone: list[object] = []
    monkeypatch.setattr(torch._C, "_cuda_endAllocateToPool", lambda _, pool: undone.append(pool), raising=False)
    for ends_well in (True, False):
        net, state = _linear()
        before = net.weight.detach().clone()
        if not ends_well:
            monkeypatch.setattr(_Graph, "capture_end", _refuse)
        with pytest.raises(RuntimeError, match="when stream is capturing"):
            capture.Recorded(_failing_after(capture.WARM_UP, net), state, (0, 7))
        assert torch.equal(net.weight, before)
        assert _Graph.latest.calls == (["begin", "end"] if ends_well else ["begin"])
        assert undone == ([] if ends_well else [(0, 7)])


@pytest.mark.usefixtures("recording")
def test_nothing_is_collected_while_a_step_is_captured() -> None:
    _, state = _linear()
    seen: list[bool] = []

    def step() -> Tensor:
        seen.append(gc.isenabled())
        return torch.zeros(())

    capture.Recorded(step, state, (0, 1))
    assert seen == [True] * capture.WARM_UP + [False]
    assert gc.isenabled()
