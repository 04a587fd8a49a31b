"""Trainings that cost nothing, in place of real ones: a score that depends on the net and the seed alone.

As a program it is `nas-scale` with these: fake_training.py ARGUMENTS. The environment says how they behave, so that
worker processes know it too: FAKE_PAUSE seconds each, FAKE_FAILING of 256 nets diverge, FAKE_COUNT a file that grows by
a byte with each training.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import time
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from nas_scale.architecture.files import net_document
from nas_scale.errors import RunFailed
from nas_scale.training.job import Epoch, Job, Score

if TYPE_CHECKING:
    import pytest

EVALUATE = "tests.support.fake_training:score"
SECONDS = 0.01  # that a training is said to take


def score(job: Job) -> Generator[Epoch, None, tuple[Score, ...]]:
    """Accuracy grows a little with depth; nets differ by 5 points, seeds by 1; half of it is there from the start."""
    if counter := os.environ.get("FAKE_COUNT"):
        with open(counter, "ab") as file:
            file.write(b".")
    document = net_document(replace(job.architecture, name=""))  # which new fields of a stage do not change
    net = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).digest()
    if net[0] < int(os.environ.get("FAKE_FAILING", "0")):
        raise RunFailed("diverged: the loss was no longer finite after epoch 1")
    depth = sum(stage.repeats for stage in job.architecture.stages)
    mean = 0.5 + 0.005 * depth + 0.1 * (net[1] / 255 - 0.5)
    noises = [hashlib.sha256(net + seed.to_bytes(8, "big")).digest()[0] / 255 - 0.5 for seed in job.seeds]
    ends = [mean + 0.02 * noise for noise in noises]
    epochs = job.recipe.epochs
    stops = {stop.epoch: stop.accuracy for stop in job.stops}
    checks: dict[int, list[float]] = {}
    for epoch in range(1, epochs + 1):
        time.sleep(float(os.environ.get("FAKE_PAUSE", "0")) / epochs)
        yield Epoch(epoch, epochs, 2.0 / epoch, 100.0)
        if epoch in stops:
            checks[epoch] = [end * (0.5 + 0.5 * epoch / epochs) for end in ends]
            if sum(checks[epoch]) / len(ends) < stops[epoch]:
                ends = checks[epoch]
                break
    losses = tuple(2.0 / past for past in range(1, epoch + 1))
    return tuple(
        Score(end, 1000, 1.0, epoch, 0.01, 100.0, losses, tuple((at, seeds[index]) for at, seeds in checks.items()))
        for index, end in enumerate(ends)
    )


def seconds_each(jobs: Sequence[Job], *_: object) -> list[float | None]:
    return [SECONDS for _ in jobs]


def install(patch: pytest.MonkeyPatch) -> None:
    """Puts these in the place of real trainings and of their timing."""
    patch.setattr("nas_scale.training.worker.EVALUATE", EVALUATE)
    patch.setattr("nas_scale.commands.shared.estimates.seconds_each", seconds_each)


def main() -> None:
    import nas_scale.commands.shared.estimates
    import nas_scale.training.worker
    from nas_scale.cli.main import main as usual
    from tests.support.disk import no_waiting

    nas_scale.training.worker.EVALUATE = EVALUATE
    nas_scale.commands.shared.estimates.seconds_each = seconds_each
    sys.argv[0] = "nas-scale"
    with no_waiting():
        usual()


if __name__ == "__main__":
    main()
