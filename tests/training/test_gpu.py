"""What only a GPU can show: skipped without one."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from nas_scale.arch.files import load_net
from nas_scale.nets.build import build
from nas_scale.training.data import DataRef, load
from nas_scale.training.data.dataset import Dataset
from nas_scale.training.images import Images, ResidentImages, StreamedImages
from nas_scale.training.job import Proxy, Recipe
from nas_scale.training.memory import sparing
from nas_scale.training.proxy import shrink
from nas_scale.training.trainer import Trainer
from nas_scale.training.worker import evaluate
from tests.training.test_worker import JOB

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

B0 = load_net("efficientnet-b0")
NET = replace(shrink(B0, Proxy(32, 0.5), B0), classes=10)
PLAIN = Recipe(epochs=3, batch=32, learning_rate=0.1)
EVERYTHING = replace(PLAIN, policy="randaugment", mixup=0.2, cutout=0.25, start_resolution=0.75)
STEPS = 20
BF16 = 0.05  # of a loss: bf16 keeps 8 bits, and errors of one step grow in the next


@pytest.fixture(scope="module")
def digits(_own_cache: None) -> Dataset:
    return load(DataRef("digits", 32, train=640, val=64))


def _losses(digits: Dataset, recipe: Recipe, device: str, kind: type[Images] = ResidentImages) -> list[float]:
    net = build(NET, 0).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer = Trainer(net, kind(digits, torch.device(device)), recipe, seed=0)
    return list(trainer.losses(0))[:STEPS]


@pytest.mark.parametrize("recipe", [PLAIN, EVERYTHING], ids=["plain", "everything"])
@pytest.mark.parametrize("kind", [ResidentImages, StreamedImages])
def test_recorded_bf16_steps_follow_the_cpu_s(digits: Dataset, recipe: Recipe, kind: type[Images]) -> None:
    assert _losses(digits, recipe, "cuda", kind) == pytest.approx(_losses(digits, recipe, "cpu"), rel=BF16)


def test_recorded_float32_steps_are_the_eager_ones(digits: Dataset) -> None:
    recipe = replace(PLAIN, precision="float32")
    images = ResidentImages(digits, torch.device("cuda"))
    found = []
    for recordable in (False, True):
        net = build(NET, 0).to("cuda", memory_format=torch.channels_last)  # type: ignore[call-overload]
        trainer = Trainer(net, images, recipe, seed=0, recordable=recordable)
        found.append(list(trainer.losses(0)))
        assert bool(trainer._recorded) == recordable
    assert found[1] == pytest.approx(found[0], rel=1e-2)


def test_seeds_side_by_side_score_about_as_each_alone() -> None:
    job = replace(JOB, device="cuda", recipe=replace(JOB.recipe, epochs=10))
    together = evaluate(replace(job, seeds=(3, 4)))
    alone = [evaluate(replace(job, seeds=(seed,)))[0] for seed in (3, 4)]
    for mine, theirs in zip(together, alone, strict=True):
        assert mine.losses[0] == pytest.approx(theirs.losses[0], rel=BF16)
        assert mine.accuracy == pytest.approx(theirs.accuracy, abs=0.1)


def test_sparing_memory_needs_less_of_it() -> None:
    peaks = []
    for spare in (False, True):
        net = build(replace(B0, resolution=128), 0).to("cuda", memory_format=torch.channels_last)  # type: ignore[call-overload]
        images = torch.rand(64, 3, 128, 128, device="cuda").to(memory_format=torch.channels_last)
        torch.cuda.reset_peak_memory_stats()
        (sparing(net) if spare else net)(images).sum().backward()  # type: ignore[no-untyped-call]
        peaks.append(torch.cuda.max_memory_allocated())
    assert peaks[1] < 0.5 * peaks[0]
