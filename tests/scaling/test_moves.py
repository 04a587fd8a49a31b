"""Whether an answer holds for another fit: what is said on surfaces that are known."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_scale.scaling.fit import Fit, fit
from nas_scale.scaling.maximum import possible_places, stays_possible
from nas_scale.scaling.moves import Move, moved
from nas_scale.scaling.surface import COARSE, grid_of

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module("fit_moves")


def hill(place: tuple[float, ...], seed: int = 0, noise: float = 0.05, unit: float = 1.0, axes: int = 3) -> Fit:
    """Of 16 networks at the same places of a quadratic hill, with 3 seeds."""
    rng = np.random.default_rng(seed)
    shares = np.zeros((16, 3))
    shares[:, :axes] = np.random.default_rng(99).dirichlet(np.ones(axes), 16)
    fall = 2 * ((shares - np.array(place)) ** 2).sum(axis=1)
    means = 80 - fall + noise * rng.standard_normal(16)
    names = ("depth", "width", "resolution")[:axes]
    return fit(shares, unit * means, np.full(16, unit * noise), np.full(16, 3), seed=seed, axes=names)


CENTRE, DEPTH, WIDTH = (1 / 3, 1 / 3, 1 / 3), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0)


def test_one_hill_holds_and_two_move() -> None:
    same = moved(hill(DEPTH), hill(DEPTH, seed=1))
    assert same.verdict == "holds"
    assert same.lost == pytest.approx(0, abs=0.2)
    assert (same.possible, same.possible_back) == (True, True)
    first = hill(DEPTH)
    apart = moved(first, hill(WIDTH, seed=1))
    assert apart.verdict == "moves"
    away = np.square(np.array(first.shares) - WIDTH).sum()
    assert apart.lost == pytest.approx(2 * away, abs=0.2)
    assert away == pytest.approx(2, abs=0.35)  # the squared distance of two corners
    assert apart.p is not None
    assert apart.p < 0.001
    assert (apart.possible, apart.possible_back) == (False, False)


def test_nothing_is_told_of_fits_that_cannot_tell() -> None:
    clear, noisy = hill(DEPTH), hill(WIDTH, noise=20.0)
    for pair in ((clear, noisy), (noisy, clear), (noisy, noisy)):
        assert moved(*pair).verdict == "cannot tell"
    few = fit(np.eye(3), [80.0, 79, 78], 0.1, 3)
    assert moved(clear, few) == moved(few, clear) == Move("cannot tell")
    assert moved(clear, hill((1.0, 0.0, 0.0), axes=2)) == Move("cannot tell")


@given(seed=st.integers(0, 10**6), unit=st.sampled_from([0.01, 30.0]), noise=st.sampled_from([0.05, 0.5]))
@settings(max_examples=8, deadline=None)
def test_the_unit_does_not_matter(seed: int, unit: float, noise: float) -> None:
    first, second = (moved(hill(CENTRE, seed, noise, by), hill(DEPTH, seed + 1, noise, by)) for by in (1.0, unit))
    assert first.verdict == second.verdict
    assert first.lost is not None
    assert first.stderr is not None
    assert second.lost == pytest.approx(unit * first.lost, rel=0.05, abs=0.02 * unit)
    assert second.stderr == pytest.approx(unit * first.stderr, rel=0.05)


def test_a_place_stays_possible_where_the_region_holds_it() -> None:
    surface = hill(CENTRE, noise=0.3).surface
    assert surface is not None
    possible = {tuple(place) for place in possible_places(surface)}
    assert 0 < len(possible) < len(grid_of(COARSE))
    for place in grid_of(COARSE):
        assert stays_possible(surface, place) == (tuple(place) in possible)


@pytest.mark.parametrize(("name", "sd"), [("quadratic, corner", 0.3), ("saturating, near an edge", 0.9), ("flat", 0.3)])
def test_of_equal_surfaces_it_is_seldom_said_that_the_answer_moves(benchmark: ModuleType, name: str, sd: float) -> None:
    """The second fit's noise is 0.3. A true rate of 5% gives more than 4 of 20 once in 400 times."""
    truth, rng = benchmark.NAMED[name], np.random.default_rng(5)
    seen = [
        benchmark.once((truth, truth), benchmark.Design.of("efficientnet-b0").shares, (sd, 0.3), rng) for _ in range(20)
    ]
    assert sum(each.moves for each in seen) <= 4
    assert abs(np.mean([each.error for each in seen])) < 0.15


@pytest.mark.slow
@pytest.mark.parametrize("sd", [(0.3, 0.3), (0.9, 0.3)])
def test_over_surfaces_of_every_shape_one_answer_in_twenty_is_said_to_move_and_does_not(
    benchmark: ModuleType, sd: tuple[float, float]
) -> None:
    rng = np.random.default_rng(7)
    seen = [
        benchmark.once(case[:2], benchmark.Design.of("efficientnet-b0").shares, sd, rng, case[2])
        for case in benchmark.ALIKE
        for _ in range(60)
    ]
    assert np.mean([each.moves for each in seen]) <= 0.05
    assert np.mean([each.held for each in seen]) >= 0.92


def test_an_optimum_that_goes_from_corner_to_corner_is_said_to_move(benchmark: ModuleType) -> None:
    rng = np.random.default_rng(6)
    pair = (benchmark.DEPTH, benchmark.CORNER)
    seen = [benchmark.once(pair, benchmark.Design.of("efficientnet-b0").shares, (0.3, 0.3), rng) for _ in range(10)]
    assert sum(each.moves for each in seen) == 10
    assert sum(each.holds for each in seen) == 0
    assert np.mean([each.held for each in seen]) >= 0.8
