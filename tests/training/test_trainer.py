"""How a trainer treats its device, as far as it shows without a GPU: streams, casts, copies, shapes."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.utils._python_dispatch import TorchDispatchMode

from nas_scale.nets.build import build
from nas_scale.training.data import DataRef, load
from nas_scale.training.data.dataset import Dataset
from nas_scale.training.data.splits import crediting
from nas_scale.training.fit import evaluated
from nas_scale.training.images import NO_LABEL, Images, ResidentImages, StreamedImages
from nas_scale.training.trainer import Trainer
from tests.training.test_fit import CPU, NET, RECIPE

HALF = replace(RECIPE, precision="bfloat16")


@pytest.fixture(scope="module")
def digits(_own_cache: None) -> Dataset:
    return load(DataRef("digits", 16, train=160, val=50))


class _Operators(TorchDispatchMode):
    """Counts every operator."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.counts[func.overloadpacket.__name__] += 1
        return func(*args, **(kwargs or {}))


def _operators_of_a_step(made: Trainer) -> Counter[str]:
    """Of the second step, for which all buffers are there."""
    made.begin(0)
    made.step()
    with _Operators() as seen:
        made.step()
    return seen.counts


def test_losses_are_read_inside_the_stream_that_computes_them(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere `item` waits for another stream, and reads what is there before the step is done."""
    made = Trainer(build(NET, 0), ResidentImages(digits, CPU), RECIPE, seed=0)
    inside, read = [0], []

    @contextlib.contextmanager
    def on_stream() -> Iterator[None]:
        inside[0] += 1
        yield
        inside[0] -= 1

    item = Tensor.item
    monkeypatch.setattr(made, "on_stream", on_stream)
    monkeypatch.setattr(Tensor, "item", lambda self: (read.append(inside[0]), item(self))[1])
    for _ in made.losses(0):
        assert inside == [0]  # whoever gets it is outside again: others take their turns
    assert read.count(1) >= made.steps
    assert 0 not in read


def test_a_step_waits_for_nothing_and_is_sent_nothing(digits: Dataset) -> None:
    """All that a step needs is on the device before, and which step it is a counter there says."""
    counts = _operators_of_a_step(Trainer(build(NET, 0), ResidentImages(digits, CPU), RECIPE, seed=0))
    waiting = {"nonzero", "masked_select", "is_nonzero", "_local_scalar_dense", "lift_fresh"}
    # Fused SGD on a CPU reads its rate, once for each group of weights; on a GPU its kernel does.
    assert {name: counts[name] for name in counts.keys() & waiting} in ({}, {"_local_scalar_dense": 2})


def test_no_norm_counts_its_batches(digits: Dataset) -> None:
    made = Trainer(build(NET, 0), ResidentImages(digits, CPU), RECIPE, seed=0)
    assert not any(name.endswith("num_batches_tracked") for name, _ in made.net.named_buffers())


def test_in_bf16_weights_are_cast_once_a_step_by_one_operator(digits: Dataset) -> None:
    net = build(NET, 0)
    layers = sum(isinstance(module, nn.Conv2d | nn.Linear) for module in net.modules())
    counts = _operators_of_a_step(Trainer(net, ResidentImages(digits, CPU), HALF, seed=0))
    assert layers > 10
    assert counts["_foreach_copy_"] == 2  # gradients to float32, weights to bf16
    assert counts["_to_copy"] < 6  # images on the way in, pooled features on the way out, and their gradients


def test_in_bf16_the_classifier_and_norms_stay_in_float32_and_weights_follow_their_masters(digits: Dataset) -> None:
    net = build(NET, 0)
    made = Trainer(net, ResidentImages(digits, CPU), HALF, seed=0)
    optimizers: list[Optimizer] = []
    hook = register_optimizer_step_post_hook(lambda optimizer, *_: optimizers.append(optimizer))
    list(made.losses(0))
    hook.remove()
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear | nn.BatchNorm2d):
            whole = module is net.classifier or isinstance(module, nn.BatchNorm2d)
            assert module.weight.dtype == (torch.float32 if whole else torch.bfloat16)
    masters = [weight for group in optimizers[-1].param_groups for weight in group["params"]]
    assert {weight.dtype for weight in masters} == {torch.float32}
    assert len(masters) == len(list(net.parameters()))
    cast = sorted(weight.to(torch.bfloat16).double().sum().item() for weight in masters if weight.ndim > 1)
    used = sorted(
        weight.detach().to(torch.bfloat16).double().sum().item() for weight in net.parameters() if weight.ndim > 1
    )
    assert used == cast
    assert made.logits(torch.zeros(2, 3, 16, 16)).dtype == torch.float32


@pytest.mark.parametrize("kind", [ResidentImages, StreamedImages])
@pytest.mark.parametrize("most", [512, 50, 49, 24, 7, 1])
def test_validation_comes_in_batches_of_one_shape_and_counts_every_image_once(
    digits: Dataset, kind: type[Images], most: int
) -> None:
    batches = list(kind(digits, CPU).validation(most))
    assert len({images.shape for images, _, _ in batches}) == 1
    assert len(batches[0][1]) <= most
    images = torch.cat([images[labels != NO_LABEL] for images, labels, _ in batches])
    labels = torch.cat([labels[labels != NO_LABEL] for _, labels, _ in batches])
    credit = torch.cat([credit[labels != NO_LABEL] for _, labels, credit in batches])
    assert torch.equal(images, torch.tensor(digits.val.images))
    assert torch.equal(labels, torch.tensor(digits.val.labels))
    assert torch.equal(credit, torch.tensor(crediting(digits.val.labels)))
    repeated = sum(len(labels) for _, labels, _ in batches) - len(digits.val)
    assert repeated < len(batches)


def test_a_score_does_not_depend_on_the_size_of_evaluation_batches(
    digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Trainer(build(NET, 0), ResidentImages(digits, CPU), RECIPE, seed=0)
    list(made.losses(0))
    found = []
    for most in (512, 7):
        monkeypatch.setattr("nas_scale.training.fit.USUAL_EVALUATION_BATCH", most)
        work = evaluated([made])
        with pytest.raises(StopIteration) as end:
            next(work)
        found.append(end.value.value[0])
    assert (found[1].right, found[1].right_of_credit) == (found[0].right, found[0].right_of_credit)
    assert found[1].loss == pytest.approx(found[0].loss, rel=1e-5)
