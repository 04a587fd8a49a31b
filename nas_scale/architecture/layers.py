"""Every layer of a network with the map that it works on: what costs are sums over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from nas_scale.architecture.blocks import Block, Conv, after_stride, blocks, head, pads_first, stem
from nas_scale.architecture.spec import Architecture, Skip, Stage, Style


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution or linear layer on its input.

    size: pixels a side of the input map; of a pooled layer that of the map that was pooled. added: the skip connection
    whose value is added to the output. pads: the input is padded first, by an operation (`blocks.pads_first`).
    """

    conv: Conv
    size: int
    added: Skip = "none"
    pads: bool = False

    @property
    def out_size(self) -> int:
        """Pixels a side of the output: 1 for a pooled layer."""
        return 1 if self.conv.pooled else after_stride(self.size, self.conv.stride)

    @property
    def inputs(self) -> int:
        """Elements of the input of one image; those after pooling where it is pooled."""
        return self.conv.c_in * (1 if self.conv.pooled else self.size**2)

    @property
    def outputs(self) -> int:
        """Elements of the output of one image."""
        return self.conv.c_out * self.out_size**2

    @property
    def flops(self) -> int:
        """Multiply-adds of one image."""
        return self.conv.weights * self.out_size**2


def placed(conv: Conv, size: int, style: Style, added: Skip = "none") -> Layer:
    """A convolution of a network of this style on a size x size map."""
    return Layer(conv, size, added, pads=pads_first(conv, style))


def block_layers(block: Block, size: int, style: Style) -> Iterator[Layer]:
    """The layers of one block on a size x size map."""
    for index, conv in enumerate(block.convs):
        last = index == len(block.convs) - 1
        layer = placed(conv, size, style, block.skip if last else "none")
        yield layer
        size = size if conv.pooled else layer.out_size


@lru_cache(maxsize=65536)
def stage_layers(stage: Stage, c_in: int, size: int, style: Style) -> tuple[Layer, ...]:
    """The layers of a stage on a size x size map with c_in channels."""
    found: list[Layer] = []
    for block in blocks(stage, c_in, style):
        found += block_layers(block, size, style)
        size = after_stride(size, block.stride)
    return tuple(found)


def layers(arch: Architecture) -> Iterator[Layer]:
    """All layers of a network, stem first, classifier last, at its own resolution."""
    first = placed(stem(arch), arch.resolution, arch.style)
    yield first
    c_in, size = arch.stem, first.out_size
    for stage in arch.stages:
        yield from stage_layers(stage, c_in, size, arch.style)
        c_in, size = stage.channels, after_stride(size, stage.stride)
    for conv in head(arch):
        yield placed(conv, size, arch.style)
