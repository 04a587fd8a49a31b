"""What a fit is worth on simulated surfaces: its errors, what it gives away, and that it says when it cannot tell."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from nas_scale.commands.grid.prepare import SEEDS

FOLDER = Path(__file__).parents[2] / "benchmarks"
Simulate = Callable[[str, float, int], dict[str, Any]]


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("coefficient_fit")


@pytest.fixture
def simulate(benchmark: ModuleType) -> Simulate:
    """Grids on a surface with this noise, so many: the mean of every figure of the benchmark."""
    design = benchmark.Design.of("efficientnet-b0")

    def means(name: str, sd: float, repeats: int) -> dict[str, Any]:
        (truth,) = (each for each in benchmark.TRUTHS if each.name == name)
        rng = np.random.default_rng(sum(map(ord, name)))
        seen = [benchmark.once(truth, design, sd, SEEDS, rng) for _ in range(repeats)]
        return {column: benchmark.mean(seen, column) for column in (*benchmark.LOSSES, *benchmark.SAID)}

    return means


def test_every_surface_is_greatest_where_it_says(benchmark: ModuleType) -> None:
    places = np.random.default_rng(0).dirichlet(np.ones(3), 20_000)
    for truth in benchmark.TRUTHS:
        corners = truth(np.eye(3))
        assert truth(places).max() <= truth.top + 1e-9, truth.name
        assert truth.top - corners.mean() == pytest.approx(0 if truth.name == "flat" else benchmark.FALL), truth.name


def test_where_nothing_is_told_the_answer_loses_less_than_the_data_alone(simulate: Simulate) -> None:
    found = simulate("quadratic, EfficientNet", 1.2, 60)
    assert found["significant"] < 0.6
    assert found["answer_untold"] < 0.5 * found["alone_untold"]
    assert found["answer"] < 0.5 * found["best"]


def test_the_expected_accuracy_is_not_flattered_by_the_choice(simulate: Simulate) -> None:
    found = simulate("flat", 1.2, 80)
    assert found["optimism"] > 0.6
    assert abs(found["error"]) < 0.2  # three standard errors of 80 grids
    assert found["held"] >= 0.88
    assert found["significant"] <= 0.12


@pytest.mark.parametrize("name", ["skewed, width to resolution", "saturating, near an edge"])
def test_the_best_place_stays_possible_where_the_surface_is_no_quadratic(simulate: Simulate, name: str) -> None:
    found = simulate(name, 0.3, 40)
    assert found["covered"] >= 0.9
    assert found["width"] < 0.75


SLOW = 100
POINTED = ("cone", "ridge", "bump", "two hills", "saturating, ")  # no smooth surface has a tip, or falls at once


@pytest.mark.slow
@pytest.mark.parametrize("sd", [0.3, 0.6, 1.2])
def test_on_every_surface_what_is_said_holds(simulate: Simulate, benchmark: ModuleType, sd: float) -> None:
    for truth in benchmark.TRUTHS:
        found = simulate(truth.name, sd, SLOW)
        assert found["covered"] >= 0.9, (truth.name, found)
        if truth.name == "flat":
            assert found["significant"] <= 0.1, found
        pointed = truth.name.startswith(POINTED)
        uneven = "noisy depth" in truth.name or "collapse" in truth.name  # the noise of all is taken for that of each
        assert abs(found["error"]) <= 0.07 + sd / 10 + 0.1 * pointed + 0.2 * uneven, (truth.name, found)
        assert found["held"] >= (0.7 if pointed else 0.88), (truth.name, found)
