"""What a grid ends in: its networks in their ranking, and the fit; after a dry run, what would be trained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Literal

import msgspec

from nas_scale.commands.grid.options import Method
from nas_scale.commands.shared.rows import AxisShares, Baseline, GrownRow
from nas_scale.commands.shared.training import Training
from nas_scale.metrics.metric import FLOPS
from nas_scale.runs.results import Costs, Result
from nas_scale.scaling.coefficients import Coefficients, Shares
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


class GridResult(Result, frozen=True, kw_only=True, tag="grid"):
    """The networks, the best first, and the fit.

    After a dry run, and as a plan before the training: the networks as they are to be trained; run, folder and fit are
    None. header: what was asked and how the proxy is reduced, a sentence a line. pool: how many networks there were to
    choose from. estimated_seconds: of the training on `workers` workers, None where it was not timed. seed_sd: pooled
    deviation between seeds. scale_by: the name of the metric that the networks cost 2^phi times. prior: the rule that
    the fit is drawn towards, as it was asked for. data: what was understood of the images; None in older files.
    better_than_guessing: whether the best accuracy is significantly above the majority class's share; None where
    nothing is trained, and in older files.
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

    @property
    def rows(self) -> tuple[GridNet, ...]:
        """The table's rows."""
        return self.candidates
