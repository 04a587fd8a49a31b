"""A caller's own objective in the place of trainings."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from nas_scale.architecture.spec import Architecture
from nas_scale.training.job import Score

Evaluate: TypeAlias = Callable[[Architecture], float]


@dataclass(frozen=True, slots=True)
class Asked:
    """What it is asked, in the place of a job: a net, for one of the trial's seeds."""

    architecture: Architecture
    seeds: tuple[int]


class Evaluator:
    """What an engine runs: its value as a score on no images."""

    def __init__(self, evaluate: Evaluate) -> None:
        self.evaluate = evaluate

    def __call__(self, asked: Asked) -> tuple[Score]:
        started = time.perf_counter()
        value = float(self.evaluate(asked.architecture))
        return (Score(value, 0, 0.0, 0, time.perf_counter() - started, 0.0),)
