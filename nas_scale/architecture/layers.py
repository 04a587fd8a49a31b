"""Every layer of a network with the map that it works on: what costs are sums over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from nas_scale.architecture.blocks import Block, Shortcut, blocks, head, stem
from nas_scale.architecture.conv import Conv, after_stride, pads_first
from nas_scale.architecture.spec import Act, Architecture, Stage, Style


@dataclass(frozen=True, slots=True)
class Layer:
    """A convolution or linear layer on its input.

    size: pixels a side of the input map; of a pooled layer that of the map that was pooled, 0 where none was. added:
    the skip connection whose value is added to the output. pads: the input is padded first, by an operation
    (`conv.pads_first`). beside: elements that the block's skip connection keeps alive meanwhile: the block's input
    behind its first layer, or what the pool made of it; behind the branch what that came to. entry: elements of the
    input of a block that has a skip connection, the gradient of which waits for the branch's (of a projection those of
    the branch, which wait for its own); else 0. pools: channels that are pooled for the skip connection which is added;
    else 0. then: the activation behind the addition. pool: stride of the max-pool behind the layer, 1 for none.
    """

    conv: Conv
    size: int
    added: Shortcut = "none"
    pads: bool = False
    beside: int = 0
    entry: int = 0
    pools: int = 0
    then: Act | None = None
    pool: int = 1

    @property
    def out_size(self) -> int:
        """Pixels a side of the output: 1 for a pooled layer."""
        return 1 if self.conv.pooled else after_stride(self.size, self.conv.stride)

    @property
    def handed_size(self) -> int:
        """Pixels a side of what the next layer is handed: behind the max-pool where there is one."""
        return after_stride(self.out_size, self.pool)

    @property
    def max_pooled(self) -> int:
        """Elements that the max-pool puts out; 0 where there is none."""
        return self.conv.c_out * self.handed_size**2 if self.pool > 1 else 0

    @property
    def act(self) -> Act | None:
        """The activation at the end of it: behind the addition, where there is one there."""
        return self.then or self.conv.act

    @property
    def inputs(self) -> int:
        """Elements of the input of one image; those after pooling where it is pooled."""
        return self.conv.c_in * (1 if self.conv.pooled else self.size**2)

    @property
    def padded(self) -> int:
        """Elements of the input as the convolution keeps it: those of the padded copy where there is one."""
        if not self.pads:
            return self.inputs
        margin = max((self.out_size - 1) * self.conv.stride + self.conv.kernel - self.size, 0)
        return self.conv.c_in * (self.size + margin) ** 2

    @property
    def mapped(self) -> int:
        """Elements of the map that a squeeze-excite scales, or that a head pools; else 0."""
        return (self.conv.c_out if self.conv.role == "excite" else self.conv.c_in) * self.size**2 * self.conv.pooled

    @property
    def outputs(self) -> int:
        """Elements of the output of one image."""
        return self.conv.c_out * self.out_size**2

    @property
    def flops(self) -> int:
        """Multiply-adds of one image."""
        return self.conv.weights * self.out_size**2


def _beside(block: Block, size: int, index: int) -> int:
    """`Layer.beside` of layer `index`: a pool is taken first, and its missing channels are zeros that need no place."""
    if block.skip == "pool":
        return min(block.c_in, block.c_out) * after_stride(size, block.stride) ** 2
    return block.c_in * size**2 if block.skip in ("identity", "projection") and index else 0


def block_layers(block: Block, size: int, style: Style) -> Iterator[Layer]:
    """The layers of one block on a size x size map."""
    entry = 0 if block.skip == "none" else block.c_in * size**2
    besides = [_beside(block, size, index) for index in range(len(block.convs))]
    entry_size = size
    for index, conv in enumerate(block.convs):
        adds = index == len(block.convs) - 1 and block.projection is None
        added = block.skip if adds else "none"
        pools = block.c_in if added == "pool" else 0
        then = block.act if adds else None
        layer = Layer(conv, size, added, pads_first(conv, style), besides[index], entry, pools, then)
        yield layer
        size = size if conv.pooled else layer.out_size
    if block.projection is not None:
        branch = block.c_out * size**2
        pads = pads_first(block.projection, style)
        yield Layer(block.projection, entry_size, block.skip, pads, branch, branch, then=block.act)


@lru_cache(maxsize=65536)
def stage_layers(stage: Stage, c_in: int, size: int, style: Style) -> tuple[Layer, ...]:
    """The layers of a stage on a size x size map with c_in channels."""
    found: list[Layer] = []
    for block in blocks(stage, c_in, style):
        found += block_layers(block, size, style)
        size = after_stride(size, block.stride)
    return tuple(found)


def stem_layer(arch: Architecture) -> Layer:
    """The stem on an image of the network's own resolution."""
    return Layer(stem(arch), arch.resolution, pads=pads_first(stem(arch), arch.style), pool=arch.stem_pool)


def head_layers(arch: Architecture, size: int) -> tuple[Layer, ...]:
    """Head, if any, and classifier on the last stage's size x size map: the first of them that is pooled pools it."""
    *before, classifier = head(arch)
    pooled = any(conv.pooled for conv in before)
    return *(Layer(conv, size) for conv in before), Layer(classifier, 0 if pooled else size)


def layers(arch: Architecture) -> Iterator[Layer]:
    """All layers of a network, stem first, classifier last, at its own resolution."""
    first = stem_layer(arch)
    yield first
    c_in, size = arch.stem, first.handed_size
    for stage in arch.stages:
        yield from stage_layers(stage, c_in, size, arch.style)
        c_in, size = stage.channels, after_stride(size, stage.stride)
    yield from head_layers(arch, size)
