"""What only a GPU can show: skipped without one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from statistics import fmean
from typing import Any

import pytest
import torch
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_pre_hook

from nas_scale.architecture.files import load_net
from nas_scale.nets.build import build
from nas_scale.training.augment import resolutions
from nas_scale.training.data import DataRef, load
from nas_scale.training.data.dataset import Dataset
from nas_scale.training.fit import evaluated
from nas_scale.training.images import Images, ResidentImages, StreamedImages
from nas_scale.training.job import Proxy, Recipe
from nas_scale.training.memory import sparing
from nas_scale.training.proxy import shrink
from nas_scale.training.trainer import Trainer
from nas_scale.training.worker import evaluate, follow
from tests.training.test_worker import JOB, in_turn

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")

B0 = load_net("efficientnet-b0")
NET = replace(shrink(B0, Proxy(32, 0.5), B0), classes=10)
PLAIN = Recipe(epochs=3, batch=32, learning_rate=0.1)
EVERYTHING = replace(PLAIN, policy="randaugment", mixup=0.2, cutout=0.25, start_resolution=0.75)
STEPS = 20
FEW = 4  # steps, until rounding has grown to a hundredth of a loss
BF16 = 0.05  # of a loss: bf16 keeps 8 bits, and errors of one step grow in the next


@pytest.fixture(scope="module")
def digits(_own_cache: None) -> Dataset:
    return load(DataRef("digits", 32, train=640, val=64))


def _losses(digits: Dataset, recipe: Recipe, device: str, kind: type[Images] = ResidentImages) -> list[float]:
    net = build(NET, 0).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer = Trainer(net, kind(digits, torch.device(device)), recipe, seed=0)
    found = list(trainer.losses(0))[:STEPS]
    assert trainer.not_recorded is None
    assert bool(trainer.recorded_resolutions) == (device == "cuda")
    return found


@pytest.mark.parametrize("recipe", [PLAIN, EVERYTHING], ids=["plain", "everything"])
@pytest.mark.parametrize("kind", [ResidentImages, StreamedImages])
def test_recorded_steps_follow_the_cpu_s(digits: Dataset, recipe: Recipe, kind: type[Images]) -> None:
    """float32 for some steps, until batch norm over small batches has made rounding grow; bf16 for two, and in the
    mean."""
    wanted = _losses(digits, recipe, "cpu")
    half = _losses(digits, recipe, "cuda", kind)
    assert half[:2] == pytest.approx(wanted[:2], rel=BF16)
    assert fmean(half) == pytest.approx(fmean(wanted), rel=0.15)
    with torch.backends.cudnn.flags(allow_tf32=False):
        whole = _losses(digits, replace(recipe, precision="float32"), "cuda", kind)
    assert whole[:FEW] == pytest.approx(wanted[:FEW], rel=0.01)


def _trainer(digits: Dataset, recipe: Recipe = PLAIN, recordable: bool = True) -> Trainer:
    net = build(NET, 0).to("cuda", memory_format=torch.channels_last)  # type: ignore[call-overload]
    return Trainer(net, ResidentImages(digits, torch.device("cuda")), recipe, 0, recordable)


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop"])
def test_recorded_float32_steps_are_the_eager_ones(digits: Dataset, optimizer: str) -> None:
    rate = 0.1 if optimizer == "sgd" else 0.016
    recipe = replace(PLAIN, precision="float32", optimizer=optimizer, learning_rate=rate)  # type: ignore[arg-type]
    found = []
    for recordable in (False, True):
        trainer = _trainer(digits, recipe, recordable)
        found.append(list(trainer.losses(0)))
        assert trainer.not_recorded is None
        assert bool(trainer.recorded_resolutions) == recordable
    assert found[1] == pytest.approx(found[0], rel=1e-2)


def test_recordings_of_several_resolutions_train_as_eager_steps_do(digits: Dataset) -> None:
    """In one pool of memory, with momentum under way and evaluations in between."""
    found = []
    for recordable in (False, True):
        trainer = _trainer(digits, replace(EVERYTHING, precision="float32"), recordable)
        losses = []
        for epoch in range(EVERYTHING.epochs):
            losses += trainer.losses(epoch)
            for _ in evaluated([trainer]):
                pass
        found.append(losses)
    wanted = set(resolutions(EVERYTHING, digits.train.images.shape[1], EVERYTHING.epochs))
    assert len(wanted) > 1
    assert set(trainer.recorded_resolutions) == wanted
    assert found[1] == pytest.approx(found[0], rel=0.05)


def test_nothing_in_a_step_waits_for_the_gpu(digits: Dataset) -> None:
    for precision in ("float32", "bfloat16"):
        trainer = _trainer(digits, replace(EVERYTHING, precision=precision), recordable=False)  # type: ignore[arg-type]
        trainer.begin(0)
        trainer.step()
        torch.cuda.set_sync_debug_mode("error")
        try:
            trainer.step()
        finally:
            torch.cuda.set_sync_debug_mode("default")


def test_what_comes_back_is_there_when_the_device_is_no_longer_behind(digits: Dataset) -> None:
    """Nothing waits for an epoch given at once; its mean is that of its losses read one by one."""
    trainer, slowly = _trainer(digits), _trainer(digits)
    trainer.begin(0)
    for _ in range(trainer.steps):
        trainer.step()
    mean = trainer.end()
    while trainer.behind():
        pass
    losses = list(slowly.losses(0))
    assert mean.item() == pytest.approx(sum(losses) / len(losses), rel=BF16)


def test_a_step_that_cannot_be_recorded_leaves_the_gpu_as_it_was(
    digits: Dataset,
) -> None:
    """Reading a value is what no recording allows. The steps after it go on, without the gradients of the one that was
    not done; the next net is recorded, and torch does not believe that a recording is still going on: it would give no
    memory back."""
    usual = list(_trainer(digits, recordable=False).losses(0))

    def reading(optimizer: Optimizer, *_: Any) -> None:
        optimizer.param_groups[0]["params"][0].sum().item()

    refused = _trainer(digits)
    hook = register_optimizer_step_pre_hook(reading)
    try:
        assert list(refused.losses(0)) == pytest.approx(usual, rel=BF16)
    finally:
        hook.remove()
    assert refused.not_recorded is not None
    assert refused.recorded_resolutions == ()
    after = _trainer(digits)
    assert list(after.losses(0)) == pytest.approx(usual, rel=BF16)
    assert after.recorded_resolutions
    del refused, after
    torch.cuda.synchronize()
    torch.cuda.empty_cache()


def test_nets_in_turn_in_one_process_score_about_as_each_alone() -> None:
    """Recorded while another's steps are under way."""
    job = replace(JOB, device="cuda", recipe=replace(JOB.recipe, epochs=12))
    wide = replace(job, architecture=replace(job.architecture, stem=32), seeds=(5,))
    for mine, theirs in zip(in_turn([follow(job), follow(wide)]), [evaluate(job), evaluate(wide)], strict=True):
        assert mine[0].losses[0] == pytest.approx(theirs[0].losses[0], rel=BF16)
        assert mine[0].accuracy == pytest.approx(theirs[0].accuracy, abs=0.1)


def test_memory_does_not_grow_from_net_to_net() -> None:
    job = replace(JOB, device="cuda", recipe=replace(JOB.recipe, epochs=12))
    taken, whole = [], torch.cuda.get_device_properties(0).total_memory
    for channels in range(16, 16 + 8 * 40, 8):  # forty different nets
        evaluate(replace(job, architecture=replace(job.architecture, head=channels)))
        taken.append(torch.cuda.memory_allocated())
        assert torch.cuda.memory_reserved() < 0.6 * whole
    assert max(taken[20:]) < taken[5] + 64 * 2**20


def test_the_parent_holds_no_gpu_while_it_times_nets() -> None:
    code = (
        "import torch\n"
        "from dataclasses import replace\n"
        "from nas_scale.commands.shared.estimates import seconds_each\n"
        "from nas_scale.commands.shared.workers import choose_device\n"
        "from nas_scale.commands.shared.run_settings import RunSettings\n"
        "from tests.training.test_worker import JOB\n"
        "assert choose_device('auto') == 'cuda'\n"
        "(found,) = seconds_each([replace(JOB, device='cuda')], (256, 128), RunSettings(), 'cuda', 1)\n"
        "assert found is not None and 0 < found < 60, found\n"
        "assert not torch.cuda.is_initialized()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_seeds_side_by_side_score_about_as_each_alone() -> None:
    job = replace(JOB, device="cuda", recipe=replace(JOB.recipe, epochs=10))
    together = evaluate(replace(job, seeds=(3, 4)))
    alone = [evaluate(replace(job, seeds=(seed,)))[0] for seed in (3, 4)]
    for mine, theirs in zip(together, alone, strict=True):
        assert mine.losses[0] == pytest.approx(theirs.losses[0], rel=BF16)
        assert mine.accuracy == pytest.approx(theirs.accuracy, abs=0.1)


def test_sparing_memory_needs_less_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)  # a search for kernels takes memory of its own
    peaks = []
    for spare in (False, True):
        net = build(replace(B0, resolution=128), 0).to("cuda", memory_format=torch.channels_last)  # type: ignore[call-overload]
        images = torch.rand(64, 3, 128, 128, device="cuda").to(memory_format=torch.channels_last)
        torch.cuda.reset_peak_memory_stats()
        (sparing(net) if spare else net)(images).sum().backward()  # type: ignore[no-untyped-call]
        peaks.append(torch.cuda.max_memory_allocated())
    assert peaks[1] < 0.7 * peaks[0]
