"""Validation images of two halves: who is chosen by one, and how good the other says it is, in simulated searches."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy.stats import norm

from nas_scale.statistics.finals import Contender, FinalsPlan, next_round, winners
from nas_scale.statistics.variances import SeedNoise, accuracies_of, image_variance, luck_variance
from nas_scale.training.data.splits import crediting
from nas_scale.training.job import Score

PLAN = FinalsPlan(finalists=5, credit=2)
IMAGES, CLASSES = 240, 4
NETS, SPREAD = 20, 0.05
EASE, LUCK, SEED = 1.0, 0.6, 0.15  # sd of an image's ease for all nets, for one net, and of a training's quality


class Trainings:
    """Nets that answer an image rightly where the sum of their quality, its ease, its ease for this net whatever the
    seed, the training's quality and an own normal is above zero; so the truth on endless images is known exactly."""

    def __init__(self, draw: np.random.Generator, labels: np.ndarray) -> None:
        self._draw, self.credit = draw, crediting(labels)
        quality = 0.4 + SPREAD * draw.standard_normal(NETS)
        self.truth = norm.cdf(quality / (1 + EASE**2 + LUCK**2 + SEED**2) ** 0.5)
        ease = EASE * draw.standard_normal(IMAGES) + LUCK * draw.standard_normal((NETS, IMAGES))
        self.known = quality[:, None] + ease

    def scores(self, net: int, seeds: int) -> list[Score]:
        found = []
        for _ in range(seeds):
            shift = SEED * self._draw.standard_normal()
            right = self.known[net] + shift + self._draw.standard_normal(IMAGES) > 0
            credit, images = float(right[self.credit].mean()), int(self.credit.sum())
            found.append(Score(float(right.mean()), IMAGES, 1.0, 1, 1.0, 1.0, credit=credit, credit_images=images))
        return found


@dataclass(frozen=True)
class Credits:
    """optimism: of the winner's credit, in sd of a seed, but for what makes the images easy for all nets. held: how
    often its interval holds the truth."""

    optimism: float
    held: float

    @classmethod
    def of(cls, searches: int, halves: bool) -> Credits:
        draw = np.random.default_rng(3)
        labels = np.arange(IMAGES) % CLASSES
        excess, seed_sds, held = [], [], 0
        for _ in range(searches):
            made = Trainings(draw, labels)

            def trained(net: int, seeds: int, made: Trainings = made) -> list[Score]:
                return [score if halves else score.undivided() for score in made.scores(net, seeds)]

            first = [trained(net, 1)[0] for net in range(NETS)]
            known = {net: Contender(net, (score.choice,)) for net, score in enumerate(first)}
            again: dict[int, list[Score]] = {}
            while wanted := next_round(list(known.values()), PLAN):
                for net, more in wanted.items():
                    scores = trained(net, more)
                    again.setdefault(net, []).extend(scores)
                    known[net] = replace(known[net], fresh=(*known[net].fresh, *(each.choice for each in scores)))
            (winner,) = winners(list(known.values()))
            credited = trained(winner.number, PLAN.credit)
            rounds = [*again.values(), credited]
            noise = SeedNoise.pooled(accuracies_of(score.to_credit() for score in scores) for scores in rounds)
            own = [score.to_credit() for score in credited]
            accuracies = accuracies_of(own)
            half = noise.half_width(
                noise.mean_variance(accuracies), max(image_variance(own) - luck_variance(rounds), 0.0)
            )
            assert half is not None
            assert noise.sd is not None
            off = statistics.fmean(accuracies) - made.truth[winner.number]
            easy = np.mean([score.to_credit().accuracy for score in first] - made.truth)
            excess.append(off - float(easy))
            seed_sds.append(noise.sd)
            held += bool(abs(off) <= half)
        return cls(statistics.fmean(excess) / statistics.fmean(seed_sds), held / searches)


def test_a_trainings_own_luck_with_images_is_told_from_the_ease_that_seeds_share() -> None:
    draw = np.random.default_rng(5)
    made = Trainings(draw, np.arange(IMAGES) % CLASSES)
    groups = [made.scores(net, 60) for net in range(NETS)]
    spread = (1 + SEED**2) ** 0.5
    shares = norm.cdf(made.known[:, made.credit] / spread)  # of the trainings, by net and image
    assert luck_variance(groups) == pytest.approx((shares * (1 - shares)).mean() / (IMAGES // 2), rel=0.1)
    assert luck_variance([[score.undivided() for score in group] for group in groups]) == 0.0
    assert luck_variance([group[:1] for group in groups]) == 0.0, "no net has two seeds"


@pytest.mark.parametrize("searches", [300, pytest.param(8000, marks=pytest.mark.slow)])
def test_the_half_that_chooses_no_net_says_how_good_the_winner_is(searches: int) -> None:
    found = Credits.of(searches, halves=True)
    error = 1.3 / searches**0.5  # of so few searches
    assert abs(found.optimism) < 0.02 + 2 * error
    assert 0.93 < found.held < 0.97 + 0.5 * error


@pytest.mark.parametrize("searches", [300, pytest.param(8000, marks=pytest.mark.slow)])
def test_images_that_chose_a_net_flatter_it_whatever_the_seeds(searches: int) -> None:
    assert Credits.of(searches, halves=False).optimism > 0.1
