"""A convolution as a plain value: what a network is lowered to."""

from __future__ import annotations

from dataclasses import dataclass

from nas_scale.architecture.spec import Act, Style


@dataclass(frozen=True, slots=True)
class Conv:
    """A convolution or linear layer, with the batch norm and activation that follow it.

    role: stem, start, expand, reduce, spatial, squeeze, excite, project, end, shortcut, head or classifier; those of a
    block differ, as its modules are named so. norm: followed by a batch norm; without one the layer has a bias.
    pooled: applied to one globally pooled pixel (squeeze-excite, a head behind the pooling, classifier).
    """

    role: str
    c_in: int
    c_out: int
    kernel: int = 1
    stride: int = 1
    groups: int = 1
    norm: bool = True
    act: Act | None = None
    pooled: bool = False

    @property
    def weights(self) -> int:
        """The number of weights, without bias and batch norm."""
        return self.c_in // self.groups * self.c_out * self.kernel**2

    @property
    def parameters(self) -> int:
        """The number of trainable parameters: weights, and the batch norm's scale and shift or else the bias."""
        return self.weights + (2 if self.norm else 1) * self.c_out


def pads_first(conv: Conv, style: Style) -> bool:
    """Whether the input is padded in an operation of its own: TensorFlow's SAME at stride 2, which is asymmetric."""
    return style.padding == "same" and conv.stride > 1


def after_stride(size: int, stride: int) -> int:
    """Pixels a side after a padded convolution: 7 at stride 2 -> 4. For odd kernels, symmetric or TF-SAME padding."""
    return -(-size // stride)
