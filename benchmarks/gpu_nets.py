"""Nets, proxies and images that gpu.py's steps 1, 4 and 6 train: three kinds of proxies, on made-up images, since speed
does not depend on what is in them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import macro_nets
import numpy as np

from nas_scale.architecture.files import load_space
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.net_lookup import reference_net
from nas_scale.metrics.limits import Limits, around
from nas_scale.training.data.dataset import Dataset, Split
from nas_scale.training.job import Proxy, Recipe
from nas_scale.training.proxy import shrink

CLASSES = 10


@dataclass(frozen=True)
class Kind:
    """A kind of proxy: nets of about equal cost from a space, shrunk, and what they train on."""

    name: str
    space: str
    proxy: Proxy
    train: int
    val: int

    def nets(self) -> Iterator[Architecture]:
        """Nets at their full size, different ones as long as there are any."""
        if self.space == macro_nets.SPACE:
            space = load_space(self.space)
            lists = macro_nets.read_lists().values()
            while True:
                yield from (macro_nets.net_of(space, code) for parts in lists for code in parts["band"])
        space, rng, limits = load_space(self.space), random.Random(1), Limits((around(400e6, 0.1),))
        while True:
            net = space.resolve(lambda choice: rng.choice(choice.options))
            if limits.keeps(net):
                yield net

    def small(self, net: Architecture) -> Architecture:
        """As it is trained."""
        return replace(shrink(net, self.proxy, reference_net(load_space(self.space))), classes=CLASSES)


def kinds(tiny: bool) -> list[Kind]:
    """The proxies of CIFAR-10 and of scenes as they were chosen on a CPU, and photographs near to their real size."""
    small = Recipe(epochs=4, batch=128, learning_rate=1.0, warmup=0.25)
    scenes = Recipe(epochs=2, batch=64, warmup=0.5, crop=0.05)
    photos = Recipe(epochs=4, batch=128)
    found = [
        Kind("cifar 12px", macro_nets.SPACE, Proxy(12, 0.25, recipe=small), 25_000, 20_000),
        Kind("scenes 40px", "efficientnet", Proxy(40, 0.25, recipe=scenes), 17_408, 8_192),
        Kind("photos 96px", "efficientnet", Proxy(96, 0.5, recipe=photos), 8_000, 2_000),
    ]
    return [_shrunk(kind) for kind in found] if tiny else found


def _shrunk(kind: Kind) -> Kind:
    recipe = replace(kind.proxy.recipe, epochs=1, batch=16)
    return replace(kind, proxy=Proxy(12, 0.25, recipe=recipe), train=64, val=32)


def pictures(train: int, val: int, size: int, classes: int = CLASSES) -> Dataset:
    """Noise on a brightness of its own for every class."""
    rng = np.random.default_rng(0)

    def split(count: int) -> Split:
        labels = np.arange(count) % classes
        images = rng.integers(0, 128, (count, size, size, 3), dtype=np.uint8)
        return Split(images + (12 * labels)[:, None, None, None].astype(np.uint8), labels.astype(np.int64))

    names = tuple(str(label) for label in range(classes))
    return Dataset("noise", split(train), split(val), names, (0.45,) * 3, (0.2,) * 3, True, "")


def placed(net: Any, device: str) -> Any:
    """The module on a device, as trainings have it."""
    import torch

    return net.to(device, memory_format=torch.channels_last)
