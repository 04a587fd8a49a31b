"""Mixed precision: the network computes in bf16, the optimizer updates float32 weights."""

from __future__ import annotations

from itertools import chain

import torch
from torch import Tensor, nn

from nas_scale.nets.build import Net


class HalfPrecision:
    """Converts `net` in place: its convolutions and linear layers hold bf16 copies of their float32 weights.

    One operator updates all copies once a step, where autocast would cast each weight at each use. Batch norms stay in
    float32, and so does the classifier, whose logits decide the ranking.
    """

    def __init__(self, net: Net) -> None:
        self._weights: list[Tensor] = []
        self._copies: list[Tensor] = []
        self._gradients: list[Tensor] = []
        for module in net.modules():
            if isinstance(module, nn.Conv2d | nn.Linear) and module is not net.classifier:
                self._take(module)
        net.classifier.register_forward_pre_hook(_in_float32)
        copies = {id(copy) for copy in self._copies}
        self._others: list[Tensor] = [weight for weight in net.parameters() if id(weight) not in copies]

    def _take(self, module: nn.Conv2d | nn.Linear) -> None:
        for name, weight in list(module.named_parameters(recurse=False)):
            copy = nn.Parameter(weight.detach().to(torch.bfloat16))
            weight.grad = torch.zeros_like(weight)
            setattr(module, name, copy)
            self._weights.append(weight)
            self._gradients.append(weight.grad)
            self._copies.append(copy)

    def parameters(self) -> list[Tensor]:
        """All trainable weights in float32, for the optimizer."""
        return [*self._weights, *self._others]

    def forget_gradients(self) -> None:
        """Clears all gradients; to be called after an optimizer step."""
        for weight in chain(self._copies, self._others):
            weight.grad = None

    @torch.no_grad()
    def gather_gradients(self) -> None:
        """Copies the gradients of the bf16 copies to the float32 weights; to be called after a backward pass."""
        torch._foreach_copy_(self._gradients, [copy.grad for copy in self._copies])  # type: ignore[misc]

    @torch.no_grad()
    def spread_weights(self) -> None:
        """Copies the float32 weights to their bf16 copies; to be called after an optimizer step."""
        torch._foreach_copy_(self._copies, self._weights)


def _in_float32(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return tuple(value.float() for value in inputs)
