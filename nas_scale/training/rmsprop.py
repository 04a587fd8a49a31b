"""TensorFlow's RMSProp, with which MnasNet and EfficientNet were trained (Tan et al. 2019; Tan & Le 2019).

It differs from torch's RMSprop: epsilon is inside the square root, the average of squares starts at one, and the
momentum accumulates steps already multiplied by the learning rate:

    ms  = alpha * ms + (1 - alpha) * g^2        from ms = 1; g holds weight_decay * w
    mom = momentum * mom + lr * g / sqrt(ms + eps)
    w   = w - mom

From zero and with epsilon outside, the first step of every weight is lr / sqrt(1 - alpha), however small its gradient
(as long as that is well above epsilon); here it is about lr times the gradient, where that is small.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor


class RMSProp(torch.optim.Optimizer):
    """TensorFlow's RMSProp as a torch optimizer.

    params: parameters or parameter groups. lr: a number, or a scalar tensor on the parameters' device; a step with a
    tensor never synchronises with the host, so it can be recorded as a CUDA graph. `state[parameter]` has `square_avg`
    and `momentum_buffer` from the start, in the parameter's memory format. Parameters without a gradient are skipped.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor,
        alpha: float = 0.9,
        momentum: float = 0.9,
        eps: float = 1e-3,
        weight_decay: float = 0.0,
    ) -> None:
        usual = {"lr": lr, "alpha": alpha, "momentum": momentum, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, usual)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group and allocates its state at once, as a CUDA graph needs it before the first step."""
        super().add_param_group(param_group)
        for weight in self.param_groups[-1]["params"]:
            self.state[weight] = {
                "square_avg": torch.ones_like(weight, memory_format=torch.preserve_format),
                "momentum_buffer": torch.zeros_like(weight, memory_format=torch.preserve_format),
            }

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Updates the parameters; returns the loss of `closure`, which recomputes the gradients, where given."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._descend(group)
        return loss

    def _descend(self, group: dict[str, Any]) -> None:
        """Updates one group, each operator applied to all its parameters at once."""
        weights = [weight for weight in group["params"] if weight.grad is not None]
        if not weights:  # these operators refuse empty lists
            return
        slopes = [weight.grad for weight in weights]
        squares = [self.state[weight]["square_avg"] for weight in weights]
        momenta = [self.state[weight]["momentum_buffer"] for weight in weights]
        if group["weight_decay"] != 0:
            slopes = list(torch._foreach_add(slopes, weights, alpha=group["weight_decay"]))
        torch._foreach_mul_(squares, group["alpha"])
        torch._foreach_addcmul_(squares, slopes, slopes, 1 - group["alpha"])
        roots = torch._foreach_add(squares, group["eps"])
        torch._foreach_sqrt_(roots)
        steps = torch._foreach_div(slopes, roots)
        torch._foreach_mul_(steps, group["lr"])  # a factor may be a tensor, the `value` of an addcdiv may not
        torch._foreach_mul_(momenta, group["momentum"])
        torch._foreach_add_(momenta, steps)
        torch._foreach_sub_(weights, momenta)
