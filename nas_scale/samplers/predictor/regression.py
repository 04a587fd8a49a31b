"""Bayesian linear regression on the options of a net and on their pairs.

Every option has a weight, every pair of options has one, and pairs within a stage or between a stage and the next have
another: Gaussian weights with three prior variances. This is a Gaussian process whose kernel counts the choices and
pairs of choices in which two nets agree, so the posterior is computed among the known nets, however many weights there
are. A sample from it is a table of weights again, which predicts thousands of nets by one matrix product. The prior
variances and that of the noise maximise the marginal likelihood on a grid (Rasmussen & Williams 2006, chapter 5).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from nas_scale.feasible.cost_table import Longs

Floats = npt.NDArray[np.float64]

# Shares of the variance: options one by one, all pairs of them, pairs of neighbours.
SHARES: Final = (
    (1.0, 0.0, 0.0),
    (0.6, 0.2, 0.2),
    (0.3, 0.7, 0.0),
    (0.3, 0.0, 0.7),
    (0.05, 0.95, 0.0),
    (0.05, 0.0, 0.95),
)
NOISES: Final = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # its variance, in units of that of the known nets' worth
TRIED: Final = 100  # nets on which shares and noise are compared
KNOWN: Final = 400  # nets that are learned from: the best, and others


@dataclass(frozen=True, slots=True)
class OneHot:
    """The one-hot encoding of a net. counts: levels of each choice. groups: the stage each choice belongs to."""

    counts: Longs
    groups: Longs

    def one_hot(self, levels: Longs) -> Floats:
        """[nets, choices] -> [nets, options]."""
        starts = np.concatenate([[0], self.counts.cumsum()[:-1]])
        encoded = np.zeros((len(levels), int(self.counts.sum())))
        encoded[np.arange(len(levels))[:, None], levels + starts] = 1
        return encoded

    def masks(self) -> tuple[Floats, Floats]:
        """Weights of all pairs of options, and of pairs in neighbouring stages alone: [options, options] each.

        The later option stands in the column; the weights of a net's pairs sum to 1.
        """
        choice = np.repeat(np.arange(len(self.counts)), self.counts)
        group = self.groups[choice]
        every = (choice[:, None] < choice[None, :]).astype(np.float64)
        near = every * (abs(group[:, None] - group[None, :]) <= 1)
        choices = np.arange(len(self.counts))
        pairs = choices[:, None] < choices[None, :]
        close = pairs & (abs(self.groups[:, None] - self.groups[None, :]) <= 1)
        return every / max(1, pairs.sum()), near / max(1, close.sum())


@dataclass(frozen=True, slots=True)
class PosteriorSample:
    """A function drawn from the posterior: constant + weights of a net's options + weights of its pairs of options."""

    encoding: OneHot
    constant: float
    single: Floats
    pairs: Floats

    def __call__(self, levels: Longs) -> Floats:
        """[nets, choices] -> [nets]."""
        encoded = self.encoding.one_hot(levels)
        return np.asarray(self.constant + encoded @ self.single + ((encoded @ self.pairs) * encoded).sum(axis=1))


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Prior variances. shares: of options, of pairs and of neighbouring pairs. noise: of a score, in units of the
    variance of the nets' worth. scale: gives the kernel of these shares a mean variance of 1. variance: of standardised
    scores, the likeliest, on `freedom` degrees. likelihood: the log of the marginal one, whatever mean and variance
    are, but for a constant of the scores."""

    likelihood: float
    shares: tuple[float, float, float]
    noise: float
    scale: float
    variance: float
    freedom: int


class Regression:
    """The posterior given nets, [two or more, choices] of levels (feasible/canonical.py), and their scores.

    given: the prior variances; by default the likeliest of the grid.
    """

    def __init__(self, encoding: OneHot, levels: Longs, scores: Floats, given: Hyperparameters | None = None) -> None:
        chosen = given or max(hyperparameters(encoding, levels, scores), key=lambda each: each.likelihood)
        self.encoding = encoding
        kept = _kept(scores)
        self._levels, scores = levels[kept], scores[kept]
        self._center, self._spread = float(scores.mean()), float(scores.std()) or 1.0
        self._targets = (scores - self._center) / self._spread
        self.shares, self.noise, self._variance = chosen.shares, chosen.noise, chosen.variance
        self._weights = np.array(self.shares) / chosen.scale
        kernels = _kernels(encoding, self._levels)
        known = np.tensordot(self._weights, kernels, 1) + 1.0  # 1: the constant's own variance
        self._root = np.linalg.cholesky(known + self.noise * np.eye(len(known)))

    @property
    def noise_sd(self) -> float:
        """Standard deviation of a score's noise, as estimated from the scores."""
        return float(self._spread * (self._variance * self.noise) ** 0.5)

    def draw(self, generator: np.random.Generator, temper: float = 1.0) -> PosteriorSample:
        """A function drawn from the posterior, its standard deviation times `temper`; 0 gives the posterior mean.

        Drawn from the prior and corrected by the residuals at the known nets (Matheron's rule; Wilson et al. 2020).
        """
        every, near = self.encoding.masks()
        variances = self._weights[1] * every + self._weights[2] * near
        encoded = self.encoding.one_hot(self._levels)
        options, spread = encoded.shape[1], temper * self._variance**0.5
        constant = spread * float(generator.standard_normal())
        single = spread * (self._weights[0] / len(self.encoding.counts)) ** 0.5 * generator.standard_normal(options)
        pairs = spread * np.sqrt(variances) * generator.standard_normal((options, options))
        noise = spread * self.noise**0.5 * generator.standard_normal(len(encoded))
        prior = PosteriorSample(self.encoding, constant, single, pairs)(self._levels)
        missing = self._solve(self._targets - prior - noise)
        return PosteriorSample(
            self.encoding,
            self._center + self._spread * (constant + float(missing.sum())),
            self._spread * (single + self._weights[0] / len(self.encoding.counts) * (missing @ encoded)),
            self._spread * (pairs + variances * (encoded.T @ (missing[:, None] * encoded))),
        )

    def _solve(self, values: Floats) -> Floats:
        from scipy.linalg import cho_solve

        return np.asarray(cho_solve((self._root, True), values))


def _kept(scores: Floats) -> Longs:
    """Indices of the nets to learn from: all, or KNOWN: half of them the best, and half evenly from the rest."""
    if len(scores) <= KNOWN:
        return np.arange(len(scores))
    order = np.argsort(-scores, kind="stable")
    others = order[KNOWN // 2 :]
    even = others[np.linspace(0, len(others) - 1, KNOWN - KNOWN // 2).astype(np.int64)]
    return np.sort(np.concatenate([order[: KNOWN // 2], even]))


def _kernels(encoding: OneHot, levels: Longs) -> Floats:
    """Kernels: the shares of options, of pairs and of neighbouring pairs in which nets agree, [3, nets, nets]."""
    choices = len(encoding.counts)
    agree = []
    for group in range(int(encoding.groups.max()) + 1):
        own = encoding.groups == group
        encoded = OneHot(encoding.counts[own], encoding.groups[own]).one_hot(levels[:, own])
        agree.append(encoded @ encoded.T)
    total = np.sum(agree, axis=0)
    near = sum(((own * own - own) / 2 for own in agree), np.zeros_like(total))
    near += sum((own * after for own, after in itertools.pairwise(agree)), np.zeros_like(total))
    pairs = max(1.0, choices * (choices - 1) / 2)
    return np.array([total / choices, (total * total - total) / 2 / pairs, near / max(1.0, float(near[0, 0]))])


def compared(scores: Floats) -> Longs:
    """Indices of the nets on which shares and noise are compared: TRIED of those learned from."""
    kept = _kept(scores)
    return kept[np.linspace(0, len(kept) - 1, min(TRIED, len(kept))).astype(np.int64)]


def hyperparameters(encoding: OneHot, levels: Longs, scores: Floats) -> list[Hyperparameters]:
    """The whole grid of shares and noise, each with its marginal likelihood."""
    from scipy.linalg import helmert

    kept, some = scores[_kept(scores)], compared(scores)
    kernels, targets = _kernels(encoding, levels[some]), (scores[some] - kept.mean()) / (kept.std() or 1.0)
    contrasts = helmert(len(targets))  # [nets - 1, nets]: all that is left of scores once their mean is taken out
    contrasted, freedom = contrasts @ targets, len(targets) - 1
    found = []
    for shares in SHARES:
        kernel = contrasts @ np.tensordot(np.array(shares), kernels, 1) @ contrasts.T
        scale = max(float(np.trace(kernel)) / len(targets), 1e-9)
        values, vectors = np.linalg.eigh(kernel / scale)
        power = np.square(vectors.T @ contrasted)
        for noise in NOISES:
            spread = np.maximum(values, 0) + noise
            variance = max(float((power / spread).sum()) / freedom, 1e-9)
            likelihood = float(-freedom / 2 * np.log(variance) - np.log(spread).sum() / 2)
            found.append(Hyperparameters(likelihood, shares, noise, scale, variance, freedom))
    return found
