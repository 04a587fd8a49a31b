"""What eager torch holds at most while a network classifies images: the peak of its allocator, without running it.

Batch norms and activations write new tensors, and a tensor lives as long as a Python frame refers to
it: an `nn.Sequential` is called with its input, and refers to what its running child works on. So the stem's output is
there until the last stage is done, a stage's input until the stage is, a block's until the block is. On a CPU oneDNN
copies weights into a layout of its own. cuDNN's workspaces and a GPU allocator's rounding to 512 bytes are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from nas_scale.architecture.blocks import Block, plan
from nas_scale.architecture.conv import after_stride
from nas_scale.architecture.layers import Layer, block_layers, head_layers, layers, stem_layer
from nas_scale.architecture.spec import Architecture, Style
from nas_scale.metrics.training_memory import INDEX

COUNTER: Final = 8  # bytes of a batch norm's count of batches
ONEDNN_ELEMENTS: Final = 20480  # of one image's input, from which torch leaves a small kernel to oneDNN
ONEDNN_BATCH: Final = 16  # from which it leaves a 1x1 convolution to it


def eager_elements(arch: Architecture, batch: int, device: str = "cpu") -> int:
    """The most elements alive at once beside the weights, in inference with images and network in channels_last.

    device: cpu (one thread) or cuda.
    """
    return max(_Eager(batch, device == "cpu", arch.style).peaks(arch))


def stored_bytes(arch: Architecture, bytes_per_number: int) -> int:
    """Bytes of all weights and of batch norms' running statistics, none of them folded."""
    held = 0
    for layer in layers(arch):
        conv = layer.conv
        held += (conv.parameters + 2 * conv.c_out * conv.norm) * bytes_per_number + COUNTER * conv.norm
    return held


@dataclass(frozen=True, slots=True)
class _Eager:
    """Inference of a batch. Figures are of elements: `held`, those that are referred to meanwhile, are of one image, as
    are values; what the methods give is of all images."""

    batch: int
    on_cpu: bool
    style: Style

    def peaks(self, arch: Architecture) -> Iterator[int]:
        """The most alive in each part. The images are there throughout, as whoever has them refers to them."""
        first = stem_layer(arch)
        yield self._layer(first, first.inputs)
        yield self.batch * (first.inputs + first.outputs + (1 + INDEX) * first.max_pooled)
        value, size = first.max_pooled or first.outputs, first.handed_size
        held = first.inputs + value
        entered = 0  # the running stage's input, where that is not the stem's output
        for stage in plan(arch).stages:
            for index, block in enumerate(stage):
                yield self._block(block, size, held + entered + (value if index else 0))
                size = after_stride(size, block.stride)
                value = block.c_out * size**2
            entered = value if stage else entered
        yield self._head(head_layers(arch, size), first.inputs + value)

    def _layer(self, layer: Layer, held: int) -> int:
        """A convolution, its batch norm and its activation. held: the input included."""
        conv, out = layer.conv, layer.outputs
        copied = layer.padded if layer.pads else 0
        writes = conv.norm or conv.act is not None
        convolving = self.batch * (held + copied + out) + (_scratch(layer, self.batch) if self.on_cpu else 0)
        return max(convolving, self.batch * (held + (2 if writes else 1) * out))

    def _block(self, block: Block, size: int, held: int) -> int:
        """held: the block's input included."""
        most, value = 0, 0  # value: what the branch has come to, where that is not the block's input
        for layer in block_layers(block, size, self.style):
            if layer.conv.role == "excite":  # the map, what it is scaled to, the pooled vector and the gate
                most = max(most, self.batch * (held + value + layer.mapped + 2 * layer.outputs))
            elif layer.conv.role == "shortcut":
                most = max(most, self._layer(layer, held + value))
            elif not layer.conv.pooled:
                most = max(most, self._layer(layer, held + value))
                value = layer.outputs
        return max(most, self.batch * (held + value + _skip_elements(block, value)))

    def _head(self, ends: tuple[Layer, ...], held: int) -> int:
        """held: the last stage's map included."""
        *before, classifier = ends
        logits = classifier.inputs + classifier.outputs
        if not before:
            return self.batch * (held + logits)
        last = before[0]
        if not last.conv.pooled:
            return max(self._layer(last, held), self.batch * (held + last.outputs + logits))
        return self.batch * (held + last.inputs + 2 * last.outputs + logits)


def _skip_elements(block: Block, out: int) -> int:
    """What a skip connection and the addition take beside the branch's value of `out` elements."""
    if block.skip == "none":
        return 0
    if block.skip == "identity":
        return out
    if block.skip == "projection":
        return 2 * out
    pooled = block.c_in * out // block.c_out
    return max(pooled + out, 2 * out) if block.c_out > block.c_in else pooled + out


def _scratch(layer: Layer, batch: int) -> int:
    """Elements that a convolution takes on a CPU while it runs: oneDNN's copy of the weights, or, where torch computes
    it by itself, the pixels under each position of the kernel (aten/src/ATen/native/Convolution.cpp, torch 2.13)."""
    conv = layer.conv
    plain = conv.kernel == conv.stride == conv.groups == 1
    if batch == 1 and conv.groups == 1 and conv.kernel <= 3 and layer.padded <= ONEDNN_ELEMENTS:
        return 0 if plain else conv.c_in * conv.kernel**2 * layer.out_size**2
    return 0 if plain and batch < ONEDNN_BATCH else conv.weights
