"""What a grid ends in: its networks in their ranking, and the fit; after a dry run, what would be trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import structs

from nas_scale.commands.grid.arms import followed, labels
from nas_scale.commands.grid.options import Method
from nas_scale.commands.shared.rows import AxisShares, Baseline, GrownRow
from nas_scale.commands.shared.training import Training
from nas_scale.metrics.metric import FLOPS
from nas_scale.runs.results import Costs, Result, WhereAny
from nas_scale.scaling.coefficients import Coefficients, Shares
from nas_scale.scaling.moves import Verdict
from nas_scale.scaling.rules import PUBLISHED
from nas_scale.statistics.ranked import State
from nas_scale.training.data.summary import DataSummary

if TYPE_CHECKING:
    from nas_scale.scaling.fit import Fit

Interval = tuple[float, float]


class GridBaseline(Baseline, frozen=True, kw_only=True):
    """The net that is grown. flops: its multiply-adds. cost: by the metric that was multiplied; None in older files."""

    flops: int
    cost: float | None = None


class GridNet(GrownRow, frozen=True, kw_only=True):
    """A network of a grid: how it was grown from the baseline, and what it scored.

    alpha, beta, gamma: of the shares that it really took of the metric that was multiplied. depth: its blocks over the
    baseline's. width: geometric mean of its stages' channels over the baseline's. resolution: pixels a side. points:
    the nominal grid points that round to it. alike: the row (from 1) of an earlier network with the same proxy. rank:
    None where it is not trained. accuracy: mean over `seeds`, with its standard error; search: that of each seed.
    """

    alpha: float
    beta: float
    gamma: float
    shares: AxisShares
    depth: float
    width: float
    resolution: int
    costs: Costs
    depths: tuple[int, ...]
    channels: tuple[int, ...]
    points: tuple[tuple[float, float, float], ...]
    alike: int | None
    rank: int | None = None
    place: int | None = None
    tied: bool = False
    accuracy: float | None = None
    stderr: float | None = None
    seeds: int = 0
    state: Literal["planned"] | State = "planned"
    reason: str | None = None
    search: tuple[float, ...] = ()


class GridDataAlone(msgspec.Struct, frozen=True, kw_only=True):
    """What the data alone would have given (scaling/triangle.py says what each figure is)."""

    alpha: float
    beta: float
    gamma: float
    shares: Shares
    accuracy: float


class GridFit(msgspec.Struct, frozen=True, kw_only=True):
    """How a doubling of the cost is best spent, and how sure that is (scaling/fit.py says what each figure is).

    prior, alone: None in files from when the coefficients were those of the data alone. towards: the prior in words.
    """

    alpha: float
    beta: float
    gamma: float
    ci: Mapping[str, Interval]
    shares: Shares
    possible: Mapping[str, Interval]
    excluded: float
    verdict: str
    significant: bool = msgspec.field(name="told")
    flat_p: float | None
    lack_of_fit_p: float | None
    sd: float | None
    best: tuple[float, float | None] | None
    points: int
    prior: Shares | None = None
    towards: str = "the published rule"
    alone: GridDataAlone | None = None

    def __post_init__(self) -> None:
        """Raises ValueError where a coefficient has no interval."""
        if missing := [name for name in ("alpha", "beta", "gamma") if name not in self.ci]:
            raise ValueError(f"`ci` has no {missing[0]}")

    @classmethod
    def of(cls, fit: Fit) -> GridFit:
        """The figures of a fit."""
        figures = {name: getattr(fit, name) for name in cls.__struct_fields__}
        return cls(**{**figures, "alone": GridDataAlone(**asdict(fit.alone))})

    @property
    def coefficients(self) -> Coefficients:
        return Coefficients(self.alpha, self.beta, self.gamma)


class GridArm(msgspec.Struct, frozen=True, kw_only=True):
    """One of several fits: its networks, the best first, all of one size and trained for as many epochs.

    pool, seed_sd, candidates, fit: as those of the whole result are of the fit that is followed.
    """

    phi: float
    epochs: int
    pool: int
    seed_sd: float | None = None
    candidates: tuple[GridNet, ...]
    fit: GridFit | None = None


class ArmNet(GridNet, frozen=True, kw_only=True):
    """A network of an arm as a row of a table of all arms."""

    phi: float
    epochs: int

    @classmethod
    def of(cls, row: GridNet, arm: GridArm) -> ArmNet:
        """The row with the size and epochs of its arm."""
        return cls(**structs.asdict(row), phi=arm.phi, epochs=arm.epochs)


class RankAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """Kendall's tau-b of the networks that trained in both of two arms (statistics/agreement.py).

    ci: its 95% interval. tau: None where there are fewer than two, or all are alike. ci: None where there are too few.
    """

    tau: float | None
    ci: Interval | None
    networks: int


class GridMove(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the answer of one fit holds for another (scaling/moves.py says what each figure is).

    first, second: of the arms, from 1. sentence: the verdict for a person. agreement: None where the arms' networks are
    not the same.
    """

    first: int = msgspec.field(name="from")
    second: int = msgspec.field(name="to")
    verdict: Verdict
    sentence: str
    lost: float | None
    stderr: float | None
    p: float | None
    possible: bool | None
    possible_back: bool | None
    agreement: RankAgreement | None = None


class GridResult(Result, frozen=True, kw_only=True, tag="grid"):
    """The networks, the best first, and the fit; of several, those of the fit that is followed (arms.py).

    After a dry run, and as a plan before the training: the networks as they are to be trained; run, folder and fit are
    None. header: what was asked and how the proxy is reduced, a sentence a line. pool: how many networks there were to
    choose from. estimated_seconds: of the training on `workers` workers, None where it was not timed. seed_sd: pooled
    deviation between seeds. scale_by: the name of the metric that the networks cost 2^phi times. prior: the rule that
    the fit is drawn towards, as it was asked for. data: what was understood of the images; None in older files.
    better_than_guessing: whether the best accuracy is significantly above the majority class's share; None where
    nothing is trained, and in older files. arms: the fits, where there are several, and moves: whether their
    answers hold for each other.
    """

    run: str | None = None
    folder: str | None = None
    header: tuple[str, ...]
    baseline: GridBaseline
    phi: float
    scale_by: str = FLOPS.name
    method: Method
    prior: str = PUBLISHED
    step: float
    tolerance: float
    count: int
    pool: int
    trainings: int
    workers: int
    estimated_seconds: float | None = None
    seconds: float = 0.0
    training: Training
    data: DataSummary | None = None
    better_than_guessing: bool | None = None
    seed_sd: float | None = None
    candidates: tuple[GridNet, ...]
    fit: GridFit | None = None
    arms: Annotated[tuple[GridArm, ...], WhereAny] = ()
    moves: Annotated[tuple[GridMove, ...], WhereAny] = ()

    @property
    def rows(self) -> tuple[GridNet, ...]:
        """The table's rows."""
        return tuple(ArmNet.of(row, arm) for arm in self.arms for row in arm.candidates) or self.candidates

    @property
    def labels(self) -> list[str]:
        """What tells the arms from each other."""
        return labels(self._pairs)

    @property
    def followed(self) -> int | None:
        """The place, from 1, of the arm that is followed; None where there are no several."""
        return followed(self._pairs) + 1 if self.arms else None

    @property
    def _pairs(self) -> list[tuple[float, int]]:
        return [(arm.phi, arm.epochs) for arm in self.arms]
