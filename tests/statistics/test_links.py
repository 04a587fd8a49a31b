"""What short trainings tell of full ones: recovered where there are many nets, open where there are few."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from nas_scale.statistics.links import Finals, Link, Noise, posterior

Floats = npt.NDArray[np.float64]

SHORT = np.random.default_rng(1).standard_normal(100)
NOISE = Noise(0.1, 0.6)


def finals(places: range, slope: float, own: float, seed: int = 0) -> Finals:
    """Nets of level 5, the first half of them with two seeds."""
    generator = np.random.default_rng(seed)
    seeds = [1 + (place < len(places) // 2) for place in range(len(places))]
    full = 5 + slope * SHORT[list(places)] + own * generator.standard_normal(len(places))
    noisy = full + 0.1 / np.sqrt(seeds) * generator.standard_normal(len(places))
    return Finals(tuple(places), tuple(noisy.tolist()), tuple(seeds))


def draws(short: Floats, given: Finals, noise: Noise = NOISE) -> list[Link]:
    made, generator = posterior(short, given, noise), np.random.default_rng(0)
    return [made.draw(generator) for _ in range(400)]


@pytest.mark.parametrize(("slope", "own"), [(0.4, 0.2), (1.7, 1.0), (0.8, 0.0)])
def test_many_finalists_tell_the_line_and_what_is_beside_it(slope: float, own: float) -> None:
    found = draws(SHORT, finals(range(100), slope, own))
    assert np.mean([link.slope for link in found]) == pytest.approx(slope, rel=0.25)
    assert np.mean([link.own for link in found]) == pytest.approx(own, abs=0.15)
    assert np.mean([link.level for link in found]) == pytest.approx(5, abs=0.3)


def test_one_finalist_tells_the_level_and_leaves_the_slope_as_it_was() -> None:
    found = draws(SHORT, Finals((0,), (5.0,), (1,)))
    slopes = np.array([link.slope for link in found])
    assert np.quantile(slopes, 0.05) < 0.15
    assert np.quantile(slopes, 0.95) > 2
    assert np.median([link.level + link.slope * SHORT[0] for link in found]) == pytest.approx(5, abs=0.2)


def test_a_link_moves_and_scales_with_full_values() -> None:
    """In other units, as far as the grid's edges are not met."""
    given = finals(range(60), 0.5, 0.1)
    step = 30 ** (1 / 16)
    moved = Finals(given.places, tuple(step * mean + 7 for mean in given.means), given.seeds)
    for link, other in zip(draws(SHORT, given), draws(SHORT, moved, Noise(step * 0.1, 0.6)), strict=True):
        assert other.slope == pytest.approx(step * link.slope)
        assert other.own == pytest.approx(step * link.own)
        assert other.level == pytest.approx(step * link.level + 7)


def test_unknown_noise_is_that_of_short_trainings_by_the_slope() -> None:
    given = finals(range(4), 0.5, 0.1)
    assert all(link.noise == pytest.approx(0.6 * link.slope) for link in draws(SHORT, given, Noise(None, 0.6)))
    assert {link.noise for link in draws(SHORT, given)} == {0.1}


def test_each_net_has_a_part_of_its_own() -> None:
    link, generator = Link(level=5, slope=2, own=0.5, noise=0.1), np.random.default_rng(0)
    full = link(np.ones(4000), generator)
    assert full.mean() == pytest.approx(7, abs=0.05)
    assert full.std() == pytest.approx(0.5, rel=0.05)


@pytest.mark.parametrize("short", [SHORT, np.zeros(100)])
def test_seeds_that_agree_and_worths_that_do_not_differ_give_finite_links(short: Floats) -> None:
    for noise in (Noise(0.0, 0.0), Noise(None, 0.0)):
        for link in draws(short, Finals((0, 1, 2), (0.5, 0.5, 0.5), (1, 1, 1)), noise):
            assert np.isfinite([link.level, link.slope, link.own, link.noise]).all()


def test_four_finalists_hold_the_truth_as_often_as_they_say() -> None:
    """The full worth of a net of short worth 0, in 95%: finalists are those of the best short values."""
    held = []
    for seed in range(150):
        generator = np.random.default_rng(seed)
        short = generator.standard_normal(40)
        slope, share = 10 ** generator.uniform(-0.7, 0.2), generator.uniform(0, 1.2)
        full = 5 + slope * short + share * slope * generator.standard_normal(40)
        best = np.argsort(-(short + 0.6 * generator.standard_normal(40)))[:4]
        noisy = full[best] + 0.1 * generator.standard_normal(4)
        made = posterior(short, Finals(tuple(best.tolist()), tuple(noisy.tolist()), (1,) * 4), NOISE)
        low, high = np.quantile([made.draw(generator).level for _ in range(100)], (0.025, 0.975))
        held.append(low <= 5 <= high)
    assert 0.9 < np.mean(held) < 0.99
