"""Trainings that cost nothing and say clearly how to grow: short ones gain by depth, long ones lose by it.

In place of the usual fake trainings, whose networks differ by chance.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Generator
from typing import Final

import pytest

from nas_scale.training.job import Epoch, Job, Score

EVALUATE: Final = "tests.support.fake_growth:score"
LONG: Final = 5  # epochs from which on depth is worth less than nothing
BLOCKS: Final = 16  # of efficientnet-b0


def score(job: Job) -> Generator[Epoch, None, tuple[Score, ...]]:
    """2 points a doubling of the depth, more or less; seeds differ by .1 point."""
    epochs = job.recipe.epochs
    yield Epoch(epochs, epochs, 1.0, 100.0)
    depth = math.log2(sum(stage.repeats for stage in job.architecture.stages) / BLOCKS)
    mean = 0.7 + (0.02 if epochs < LONG else -0.02) * depth
    seen = f"{job.architecture!r} {epochs} ".encode()
    noises = [hashlib.sha256(seen + seed.to_bytes(8, "big")).digest()[0] / 255 - 0.5 for seed in job.seeds]
    return tuple(Score(mean + 0.004 * noise, 1000, 1.0, epochs, 0.01, 100.0, (1.0,) * epochs) for noise in noises)


def install(patch: pytest.MonkeyPatch) -> None:
    """Puts these in the place of the usual fake trainings."""
    patch.setattr("nas_scale.training.worker.EVALUATE", EVALUATE)
