from __future__ import annotations

import numpy as np
import pytest

from nas_scale.samplers.predictor.regression import OneHot, PosteriorSample, Regression

ENCODING = OneHot(np.array([2, 3, 3, 4, 2]), np.array([0, 1, 1, 2, 3]))


def nets(amount: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.integers(count, size=amount) for count in ENCODING.counts])


def landscape(pairs: float, seed: int = 0) -> PosteriorSample:
    rng = np.random.default_rng(seed)
    options = int(ENCODING.counts.sum())
    return PosteriorSample(
        ENCODING,
        70.0,
        rng.standard_normal(options),
        pairs * (ENCODING.masks()[0] > 0) * rng.standard_normal((options, options)),
    )


def test_a_surface_adds_up_the_weights_of_options_and_of_pairs() -> None:
    truth = landscape(1.0)
    starts = np.array([0, 2, 5, 8, 12])
    for levels, worth in zip(nets(20, 1), truth(nets(20, 1)), strict=True):
        at = levels + starts
        wanted = 70 + truth.single[at].sum() + sum(truth.pairs[a, b] for i, a in enumerate(at) for b in at[i + 1 :])
        assert worth == pytest.approx(wanted)


def test_the_masks_give_every_net_the_same_sum() -> None:
    encoded = ENCODING.one_hot(nets(10, 0))
    for mask in ENCODING.masks():
        assert ((encoded @ mask) * encoded).sum(axis=1) == pytest.approx(np.ones(10))


@pytest.mark.parametrize("pairs", [0.0, 0.7])
def test_what_is_a_sum_over_options_and_pairs_is_learned(pairs: float) -> None:
    truth, known, unknown = landscape(pairs), nets(120, 2), nets(200, 3)
    expected = Regression(ENCODING, known, truth(known)).draw(np.random.default_rng(0), temper=0)
    assert np.corrcoef(expected(unknown), truth(unknown))[0, 1] > (0.99 if pairs == 0 else 0.9)
    assert expected(known) == pytest.approx(truth(known), abs=0.2)


def test_draws_are_as_likely_as_a_gaussian_process_says() -> None:
    """Their mean and covariance are those of the textbook's equations (Rasmussen & Williams 2006, eq. 2.23-2.24), of a
    kernel with the fitted shares that is scaled to a mean variance of 1 among the known nets."""
    truth, known, unknown = landscape(0.5), nets(25, 4), nets(6, 5)
    scores = truth(known) + np.random.default_rng(1).standard_normal(25)
    fitted = Regression(ENCODING, known, scores)
    every, near = ENCODING.masks()
    single = np.eye(len(every)) / len(ENCODING.counts)
    centering = np.eye(25) - 1 / 25

    def shared(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        a, b = ENCODING.one_hot(first), ENCODING.one_hot(second)
        total = fitted.shares[0] * a @ single @ b.T
        for share, mask in zip(fitted.shares[1:], (every, near), strict=True):
            for i, j in zip(*np.nonzero(mask), strict=True):
                total = total + share * mask[i, j] * np.outer(a[:, i] * a[:, j], b[:, i] * b[:, j])
        return total

    scale = np.trace(centering @ shared(known, known) @ centering) / 25

    def kernel(first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return 1.0 + shared(first, second) / scale

    solved = np.linalg.solve(kernel(known, known) + fitted.noise * np.eye(25), kernel(known, unknown))
    mean = scores.mean() + solved.T @ (scores - scores.mean())
    variance = fitted.noise_sd**2 / fitted.noise
    covariance = variance * (kernel(unknown, unknown) - kernel(unknown, known) @ solved)
    rng = np.random.default_rng(2)
    assert fitted.draw(rng, temper=0)(unknown) == pytest.approx(mean)
    drawn = np.array([fitted.draw(rng)(unknown) for _ in range(4000)])
    deviation = np.sqrt(np.diag(covariance))
    assert abs(drawn.mean(axis=0) - mean).max() < 5 * deviation.max() / 4000**0.5
    assert abs(np.cov(drawn.T) - covariance).max() < 0.1 * deviation.max() ** 2


def test_noise_is_told_from_what_the_nets_are_worth() -> None:
    truth, known = landscape(0.0), nets(100, 6)
    rng = np.random.default_rng(3)
    quiet = Regression(ENCODING, known, truth(known) + 0.01 * rng.standard_normal(100))
    loud = Regression(ENCODING, known, truth(known) + 2 * truth(known).std() * rng.standard_normal(100))
    assert quiet.noise <= 0.01
    assert loud.noise >= 1
    assert quiet.shares[0] >= 0.7


def test_equal_scores_and_thousands_of_nets_are_borne() -> None:
    even = Regression(ENCODING, nets(12, 7), np.full(12, 3.0)).draw(np.random.default_rng(0), temper=0)
    assert even(nets(5, 8)) == pytest.approx(np.full(5, 3.0))
    truth, known = landscape(0.5), nets(3000, 9)
    many = Regression(ENCODING, known, truth(known)).draw(np.random.default_rng(0), temper=0)
    best = known[truth(known).argmax()][None]
    assert many(best) == pytest.approx(truth(best), abs=0.5)
