"""Scores of nets without training: what a net costs, and zero-cost scores of the net that would be trained. torch is
imported where a zero-cost score is asked for."""

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

SEED: Final = 0  # of the weights that zero-cost scores look at, and of the choice of images
IMAGES: Final = 64  # that NASWOT looks at


def score(name: str, arch: Architecture, small: Architecture, images: DataRef) -> float:
    """A net's score by a score function of names.py; larger is better.

    arch: the target net, whose cost is counted. small: the net as it is trained, on `images`, which zero-cost scores
    look at; with random weights of seed 0, on one thread of the CPU, so that a score is the same wherever it is asked.
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
    """IMAGES of the training images, drawn once, as training sees them but for augmentation: (n, 3, h, w), and how many
    classes there are."""
    import torch

    from nas_scale.training.augment import normalise

    loaded = data.load(ref)
    count = len(loaded.train)
    chosen = np.sort(np.random.default_rng(SEED).permutation(count)[:IMAGES])
    pixels = torch.from_numpy(np.array(loaded.train.images[chosen]))
    batch = normalise(pixels, torch.tensor(loaded.mean), torch.tensor(loaded.std))
    return batch, len(loaded.classes)
