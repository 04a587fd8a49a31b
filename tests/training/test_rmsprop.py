"""RMSProp takes TensorFlow's steps, which are timm's and not torch's, and does nothing that a recording forbids."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from nas_scale.training.rmsprop import RMSProp
from tests.support.oracles import timm

STEPS = 20
RATE = 0.016
Make = Callable[[list[nn.Parameter]], Optimizer]


def _net() -> nn.Module:
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.SiLU(), nn.Conv2d(8, 4, 1), nn.Flatten(), nn.Linear(256, 5)
    )
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload,no-any-return]


def _trained(make: Make) -> list[Tensor]:
    """The weights after STEPS steps, all from the same weights on the same images, at falling learning rates."""
    net = _net()
    optimizer = make(list(net.parameters()))
    draws = torch.Generator().manual_seed(1)
    for step in range(STEPS):
        _set_rate(optimizer, RATE * 0.9**step)
        images, labels = torch.randn(6, 3, 8, 8, generator=draws), torch.randint(0, 5, (6,), generator=draws)
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(images), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return [weight.detach() for weight in net.parameters()]


def _set_rate(optimizer: Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def _distance(ours: list[Tensor], theirs: list[Tensor]) -> float:
    return max((one - other).abs().max().item() for one, other in zip(ours, theirs, strict=True))


def _timms(decay: float) -> list[Tensor]:
    timm()
    from timm.optim.rmsprop_tf import RMSpropTF

    usual: dict[str, Any] = {"alpha": 0.9, "eps": 1e-3, "momentum": 0.9, "lr_in_momentum": True}
    return _trained(lambda weights: RMSpropTF(weights, RATE, weight_decay=decay, **usual))


@pytest.mark.parametrize("kind", [float, torch.tensor], ids=["float", "tensor"])
@pytest.mark.parametrize("decay", [0.0, 1e-5])
def test_twenty_steps_are_timm_s(decay: float, kind: Callable[[float], float | Tensor]) -> None:
    """At another rate each step, so that where the rate enters shows."""
    ours = _trained(lambda weights: RMSProp(weights, kind(RATE), weight_decay=decay))
    assert _distance(ours, _timms(decay)) < 1e-6


def test_torch_s_own_takes_other_steps_and_weight_decay_shows() -> None:
    """What the comparison above can tell apart."""
    ours = _trained(lambda weights: RMSProp(weights, RATE))
    torchs = _trained(lambda weights: torch.optim.RMSprop(weights, RATE, alpha=0.9, eps=1e-3, momentum=0.9))
    assert _distance(torchs, _timms(0.0)) > 0.05
    decayed = _trained(lambda weights: RMSProp(weights, RATE, weight_decay=1e-5))
    assert _distance(ours, decayed) > 3e-6


def test_the_first_two_steps_are_those_computed_by_hand() -> None:
    weight = nn.Parameter(torch.tensor([2.0, -1.0]))
    optimizer = RMSProp([weight], lr=0.1, alpha=0.9, momentum=0.5, eps=0.01, weight_decay=0.25)
    weight.grad = torch.tensor([0.5, 1.0])
    optimizer.step()
    # g = (0.5 + 0.25 * 2, 1 - 0.25 * 1) = (1, 0.75); ms = 0.9 + 0.1 * g^2 = (1, 0.95625)
    first = (0.1 * 1 / math.sqrt(1 + 0.01), 0.1 * 0.75 / math.sqrt(0.95625 + 0.01))
    assert weight.tolist() == pytest.approx([2 - first[0], -1 - first[1]])
    assert optimizer.state[weight]["square_avg"].tolist() == pytest.approx([1, 0.95625])
    assert optimizer.state[weight]["momentum_buffer"].tolist() == pytest.approx(first)
    _set_rate(optimizer, 0.0)  # what is left is the momentum, which keeps the rate of its time
    optimizer.step()
    assert weight.tolist() == pytest.approx([2 - 1.5 * first[0], -1 - 1.5 * first[1]])


def test_state_is_there_from_the_start_and_laid_out_as_the_weights_are() -> None:
    net = _net()
    groups = [{"params": [weight]} for weight in net.parameters()]
    optimizer = RMSProp(groups, lr=torch.tensor(RATE))
    for weight in net.parameters():
        state = optimizer.state[weight]
        assert (state["square_avg"] == 1).all()
        assert (state["momentum_buffer"] == 0).all()
        assert {tensor.stride() for tensor in state.values()} == {weight.stride()}
    later = nn.Parameter(torch.zeros(3))
    optimizer.add_param_group({"params": [later]})
    assert set(optimizer.state[later]) == {"square_avg", "momentum_buffer"}


def test_parameters_without_a_gradient_stay_as_they_are() -> None:
    used, unused, alone = (nn.Parameter(torch.ones(2)) for _ in range(3))
    optimizer = RMSProp([{"params": [used, unused]}, {"params": [alone]}], lr=0.1, weight_decay=0.1)
    used.grad = torch.ones(2)
    optimizer.step()
    assert (used < 1).all()
    for weight in (unused, alone):
        assert (weight == 1).all()
        assert (optimizer.state[weight]["square_avg"] == 1).all()


def test_a_step_brings_no_number_to_the_host() -> None:
    """Tensors of the meta device have no values: whoever asks for one is refused, as while a CUDA graph is recorded."""
    rate = torch.tensor(RATE, device="meta")
    with pytest.raises(RuntimeError):
        rate.item()
    weights = list(_net().to("meta").parameters())
    optimizer = RMSProp(weights, lr=rate, weight_decay=1e-5)
    for weight in weights:
        weight.grad = torch.ones_like(weight)
    optimizer.step()


def test_weights_and_state_keep_their_places() -> None:
    net = _net()
    optimizer = RMSProp(net.parameters(), lr=torch.tensor(RATE), weight_decay=1e-5)
    kept = chain(net.parameters(), *(optimizer.state[weight].values() for weight in net.parameters()))
    places = {tensor.data_ptr() for tensor in kept}
    net(torch.randn(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    now = chain(net.parameters(), *(optimizer.state[weight].values() for weight in net.parameters()))
    assert {tensor.data_ptr() for tensor in now} == places


def test_a_closure_s_loss_is_returned_and_its_gradients_are_those_of_the_step() -> None:
    weight = nn.Parameter(torch.tensor([3.0]))
    optimizer = RMSProp([weight], lr=0.1)

    def closure() -> float:
        optimizer.zero_grad()
        loss = (weight**2).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.item()

    assert optimizer.step(closure) == 9.0
    assert weight.item() < 3
