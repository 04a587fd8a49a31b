"""The noise of training and the standard errors that follow from it: the one place where a variance is estimated.

The standard error of a network's accuracy p, the mean over n seeds on a validation set of m images, is

    sqrt(seed variance / n + p (1 - p) / m)

The first term is the noise of training, the second that of having drawn these m images and no others. Networks that
are scored on the same images are compared by the first term alone, unless it is zero. A training's own luck with
single images is in both terms; where images are of two halves it is estimated, and taken out of the second
(`luck_variance`).

Two or three seeds say little about a variance, and two that happen to agree would claim certainty. So the variance of
one network, on its n - 1 degrees of freedom, is averaged with the variance pooled over all networks, which counts as
PRIOR_FREEDOM degrees: the moderated variance of Smyth (2004, "Linear models and empirical Bayes methods for assessing
differential expression in microarray experiments", section 3). A network with one seed has the pooled variance.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from nas_scale.confidence import t_quantile
from nas_scale.training.job import Score

# Smyth's d0 is the larger the less the true variances differ. Estimated by his equation for the log variances on the
# trainings kept here, 66 networks in five runs (the grids and the certificate of results/reference, and
# benchmarks/results/proxy_noise-scenes.json), it is infinite in four of them and 7.6 in the fifth. 8 stays on the
# cautious side; benchmarks/coefficient_fit.py measures the intervals that it gives.
PRIOR_FREEDOM: Final = 8


@dataclass(frozen=True, slots=True)
class SeedNoise:
    """How much one network's accuracy differs between seeds.

    sd: standard deviation, pooled over all networks with two seeds or more; None where there is none of them.
    freedom: the degrees of freedom of that estimate.
    """

    sd: float | None
    freedom: int

    @classmethod
    def pooled(cls, groups: Iterable[Sequence[float]]) -> SeedNoise:
        """From the accuracies of each network, one a seed."""
        repeated = [group for group in groups if len(group) > 1]
        freedom = sum(len(group) - 1 for group in repeated)
        if not freedom:
            return cls(None, 0)
        squares = math.fsum((len(group) - 1) * statistics.variance(group) for group in repeated)
        return cls(math.sqrt(squares / freedom), freedom)

    def variance(self, accuracies: Sequence[float]) -> float:
        """The moderated variance of one seed of this network; 0 where no network has two seeds."""
        if self.sd is None:
            return 0.0
        freedom = len(accuracies) - 1
        own = statistics.variance(accuracies) if freedom else 0.0
        return (freedom * own + PRIOR_FREEDOM * self.sd**2) / (freedom + PRIOR_FREEDOM)

    def mean_variance(self, accuracies: Sequence[float]) -> float:
        """The variance of the network's mean accuracy that is due to the seeds."""
        return self.variance(accuracies) / len(accuracies)

    def comparable_variance(self, accuracies: Sequence[float], images: float) -> float:
        """Of the mean accuracy, where it is compared with others on the same images; `images`: the images' variance.

        Infinite for shares of images where the seeds' noise is not known: no difference is significant then.
        """
        if self.sd is None and images:
            return math.inf
        return self.mean_variance(accuracies) or images

    def half_width(self, seeds: float, images: float) -> float | None:
        """Of the 95% interval of a mean accuracy with these two variances; None where the first is not known.

        The seeds' variance is estimated, on `freedom` degrees of freedom, the images' is not.
        """
        if self.sd is None:
            return None
        return math.hypot(t_quantile(self.freedom) * math.sqrt(seeds), t_quantile(0) * math.sqrt(images))

    def spread(self, groups: Sequence[Sequence[float]]) -> float | None:
        """The standard deviation of the networks' true accuracies: that of their means, less the part of the seeds.

        groups: the accuracies of each network, one a seed. None for fewer than three networks or unknown noise.
        """
        if len(groups) < 3 or self.sd is None:
            return None
        seeds = min(map(len, groups))
        variance = statistics.variance([statistics.fmean(group) for group in groups])
        return math.sqrt(max(variance - self.sd**2 / seeds, 0.0))


def accuracies_of(scores: Iterable[Score]) -> tuple[float, ...]:
    """The accuracy of each seed."""
    return tuple(score.accuracy for score in scores)


def image_variance(scores: Sequence[Score]) -> float:
    """p (1 - p) / m; 0 for values that are no share of images, as a caller's own objective."""
    images = min(score.images for score in scores)
    p = statistics.fmean(accuracies_of(scores))
    return p * (1 - p) / images if images > 0 and 0 <= p <= 1 else 0.0


def luck_variance(groups: Iterable[Sequence[Score]]) -> float:
    """Of one training's accuracy on the crediting images, the variance that comes of its own luck with each of them.

    groups: the scores of each network, one a seed. What a training is better by than others of its network it is on
    both halves of the images; by how much more on one than on the other is luck with single images, since their ease
    for this network is the same for each seed. 0 where images are of one part, or no network has two seeds.
    """
    found = [group for group in groups if all(score.credit is not None for score in group)]
    between = SeedNoise.pooled([score.choice - score.to_credit().accuracy for score in group] for group in found)
    if between.sd is None:
        return 0.0
    credit = min(score.credit_images for group in found for score in group)
    choice = min(score.images - score.credit_images for group in found for score in group)
    return between.sd**2 * choice / (choice + credit)


def image_variance_at(accuracy: float, variance: float, measured_at: float) -> float:
    """The images' variance at one accuracy, from that at another on the same images: it goes with p (1 - p)."""
    if not 0 < measured_at < 1:
        return variance
    return variance * max(accuracy * (1 - accuracy), 0.0) / (measured_at * (1 - measured_at))
