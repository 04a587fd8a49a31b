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
    """The job of an own objective: one architecture and one seed."""

    architecture: Architecture
    seeds: tuple[int]


class Evaluator:
    """Calls the caller's function on a job and returns its value as a Score with no images."""

    def __init__(self, evaluate: Evaluate) -> None:
        self.evaluate = evaluate

    def __call__(self, asked: Asked) -> tuple[Score]:
        started = time.perf_counter()
        value = float(self.evaluate(asked.architecture))
        return (Score(value, 0, 0.0, 0, time.perf_counter() - started, 0.0),)
