"""What a comparison ends in: its nets, who beats whom, and by how much."""

from __future__ import annotations

from typing import Literal

import msgspec

from nas_scale.commands.shared.rows import AxisShares, Baseline
from nas_scale.commands.shared.training import Training
from nas_scale.metrics.metric import FLOPS
from nas_scale.runs.results import Costs, NetRow, Result
from nas_scale.training.data.summary import DataSummary


class ComparedNet(NetRow, frozen=True, kw_only=True):
    """A net of a comparison.

    phi: of a rule, how many doublings it was grown; 0 for the baseline; None where nets are compared as they are.
    ratio, shares: of a rule, its cost over the baseline's, and the part of its growth that each axis took. place: 1 for
    the best, shared by nets that do not differ significantly from its leader; None for one that is compared with none,
    or failed. accuracy: as if all nets of its phi had been trained on all seeds. stderr: with the noise of seeds and of
    having drawn these images. scores: the accuracy of each seed. alike: the name of an earlier net with the same proxy,
    whose trainings are its own, with its phi where that is another.
    """

    name: str
    phi: float | None = None
    costs: Costs
    ratio: float | None = None
    shares: AxisShares | None = None
    place: int | None = None
    tied: bool = False
    accuracy: float | None = None
    stderr: float | None = None
    seeds: int = 0
    scores: tuple[float, ...] = ()
    alike: str | None = None
    state: Literal["planned", "complete", "failed"] = "planned"
    reason: str | None = None


class ComparedPair(msgspec.Struct, frozen=True, kw_only=True):
    """Two nets of one phi by name; a is the better where they differ. Nets with the same proxy are no pair.

    difference: accuracy of a less that of b, over the `seeds` that both have. ci: its 95% interval, which holds
    together with those of all other pairs of this phi. significant: whether a beats b.
    """

    a: str
    b: str
    phi: float | None = None
    difference: float
    stderr: float
    ci: tuple[float, float]
    seeds: int
    significant: bool


class CompareResult(Result, frozen=True, kw_only=True, tag="compare"):
    """Nets, the best first of each phi, and their pairs; after a dry run as they are to be trained.

    header: what was asked and how the proxy is reduced, a sentence a line. by: the metric of equal cost; at: that cost,
    where nets were brought to one. baseline, source: of rules, what was grown, and where the fitted coefficients are
    from. trainings: at least, with `training.seeds` seeds each. seed_sd: of one seed, what it does to all nets alike
    taken out; None where no net trained. credited: whether accuracies are of the images alone that choose no net of a
    search. better_than_guessing: whether the best accuracy is significantly above the majority class's share.
    """

    run: str | None = None
    folder: str | None = None
    header: tuple[str, ...]
    by: str = FLOPS.name
    at: float | None = None
    baseline: Baseline | None = None
    source: str | None = None
    most_seeds: int
    trainings: int
    workers: int
    estimated_seconds: float | None = None
    seconds: float = 0.0
    training: Training
    data: DataSummary | None = None
    seed_sd: float | None = None
    credited: bool = False
    better_than_guessing: bool | None = None
    nets: tuple[ComparedNet, ...]
    pairs: tuple[ComparedPair, ...] = ()

    @property
    def rows(self) -> tuple[ComparedNet, ...]:
        """The table's rows."""
        return self.nets
