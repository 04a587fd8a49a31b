"""Scores networks without training: by the cost of the target network, or by a zero-cost proxy of the reduced one.

torch is imported only for zero-cost proxies.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np

from nas_scale.architecture.spec import Architecture
from nas_scale.metrics.metric import metric_named
from nas_scale.training import data
from nas_scale.training.data.ref import DataRef
from nas_scale.zero_cost.names import WEIGHT_SCORES

if TYPE_CHECKING:
    from torch import Tensor

SEED: Final = 0  # of the random weights, and of the choice of images
IMAGES: Final = 64  # for NASWOT


def score(name: str, arch: Architecture, small: Architecture, images: DataRef) -> float:
    """A network's score by the score function `name` (see names.py); higher is better.

    arch: the target network, whose cost is counted. small: the network as the proxy trains it, on `images`; zero-cost
    proxies look at this one, with random weights of seed 0 on one CPU thread, so that a score is reproducible.
    """
    if name not in WEIGHT_SCORES:
        return metric_named(name).of_net(arch)
    import torch

    from nas_scale.nets.build import build
    from nas_scale.zero_cost.networks import naswot, synflow

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        seen, classes = _images(images)
        net = build(replace(small, classes=classes), SEED)
        return naswot(net, seen) if name == "naswot" else synflow(net, (3, small.resolution, small.resolution))
    finally:
        torch.set_num_threads(threads)


@cache
def _images(ref: DataRef) -> tuple[Tensor, int]:
    """A random sample of IMAGES normalised training images (n, 3, h, w) without augmentation; the number of classes."""
    import torch

    from nas_scale.training.augment import normalise

    loaded = data.load(ref)
    count = len(loaded.train)
    chosen = np.sort(np.random.default_rng(SEED).permutation(count)[:IMAGES])
    pixels = torch.from_numpy(np.array(loaded.train.images[chosen]))
    batch = normalise(pixels, torch.tensor(loaded.mean), torch.tensor(loaded.std))
    return batch, len(loaded.classes)
