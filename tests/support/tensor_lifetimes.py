"""A net's inference as a plain list of tensors, each with its size and its first and last use: an oracle for memory.

Written from the built order of operators alone, with batch norm, activation and addition in place: independent of what
layers say they keep.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nas_scale.architecture.blocks import Block, plan
from nas_scale.architecture.conv import after_stride
from nas_scale.architecture.spec import Architecture


@dataclass
class Lifetimes:
    """Tensors of one image, in elements. A step is one operator; `use` says that it reads or writes a tensor."""

    sizes: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    step: int = 0

    def made(self, elements: int, *read: int) -> int:
        """One operator that reads tensors and writes a new one."""
        self.use(*read)
        self.sizes.append(elements)
        self.first.append(self.step)
        self.last.append(self.step)
        self.step += 1
        return len(self.sizes) - 1

    def use(self, *read: int) -> None:
        for tensor in read:
            self.last[tensor] = self.step

    def in_place(self, *read: int) -> None:
        """One operator that writes to the first of these."""
        self.use(*read)
        self.step += 1

    def most_alive(self) -> int:
        """The largest sum of sizes of the tensors that are alive in one step."""
        return max(
            sum(
                size
                for size, first, last in zip(self.sizes, self.first, self.last, strict=True)
                if first <= step <= last
            )
            for step in range(self.step)
        )

    def placed(self) -> int:
        """The elements that a greedy planner takes: the largest tensors first, each into the smallest gap between those
        whose lifetimes meet its own, as ExecuTorch and TensorFlow Lite do (Pisarchyk & Lee 2020)."""
        offsets: dict[int, int] = {}
        for tensor in sorted(range(len(self.sizes)), key=lambda at: -self.sizes[at]):
            rivals = [
                at for at in offsets if self.first[at] <= self.last[tensor] and self.first[tensor] <= self.last[at]
            ]
            end, best, least = 0, None, None
            for at in sorted(rivals, key=lambda rival: offsets[rival]):
                gap = offsets[at] - end
                if gap >= self.sizes[tensor] and (least is None or gap < least):
                    best, least = end, gap
                end = max(end, offsets[at] + self.sizes[at])
            offsets[tensor] = end if best is None else best
        return max(offsets[at] + self.sizes[at] for at in offsets)


def inference(arch: Architecture) -> Lifetimes:
    """The tensors of a net that classifies one image."""
    made, found, size = plan(arch), Lifetimes(), arch.resolution
    image = found.made(3 * size**2)
    size = after_stride(size, made.stem.stride)
    value = found.made(made.stem.c_out * size**2, image)
    if made.pool > 1:
        size = after_stride(size, made.pool)
        value = found.made(made.stem.c_out * size**2, value)
    for stage in made.stages:
        for block in stage:
            value, size = _block(found, block, value, size)
    *before, classifier = made.head
    if not before:
        value = found.made(classifier.c_in, value)
    for last in before:
        if last.pooled:
            value = found.made(last.c_out, found.made(last.c_in, value))
        else:
            value = found.made(last.c_out, found.made(last.c_out * size**2, value))
    found.made(classifier.c_out, value)
    return found


def _block(found: Lifetimes, block: Block, entry: int, size: int) -> tuple[int, int]:
    end = after_stride(size, block.stride)
    kept = entry
    if block.skip == "pool":
        kept = found.made(min(block.c_in, block.c_out) * end**2, entry)
    value, pooled = entry, None
    for conv in block.convs:
        if conv.role == "squeeze":
            pooled = found.made(conv.c_out, found.made(conv.c_in, value))
        elif conv.role == "excite":
            assert pooled is not None
            found.in_place(value, found.made(conv.c_out, pooled, value))
        else:
            size = after_stride(size, conv.stride)
            value = found.made(conv.c_out * size**2, value)
    if block.projection is not None:
        kept = found.made(block.c_out * end**2, kept)
    if block.skip != "none":
        found.in_place(value, kept)
    return value, size
