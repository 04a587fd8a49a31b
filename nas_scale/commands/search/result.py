"""What a search ends in: nets in their ranking, with what is known of how sure it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.quality import ACCURACY, VALUE, Quality
from nas_scale.commands.shared.training import Training
from nas_scale.metrics.in_bytes import FLOAT32
from nas_scale.runs.results import Costs, Most, NetRow, Result, Targets, WhereAny
from nas_scale.statistics.controls import Control
from nas_scale.statistics.ranked import Round, State
from nas_scale.training.data.summary import DataSummary

PROXY: Final = "proxy"  # the objective of a search that trains proxies
LEAST_FREEDOM: Final = 3  # repeated seeds beyond the first, below which a deviation says next to nothing
SURE_SPREAD: Final = 2.0  # times the deviation between seeds: nets that differ so much can be told apart by a proxy


class RankingRow(NetRow, frozen=True, kw_only=True):
    """A net of a ranking.

    rank: 1 is best; None for a net that was stopped early, whose accuracy is that of where it was, and for one that
    failed. place: the rank of the first net that it does not differ significantly from, else its own, None for one that
    was trained in a shorter trial alone; tied: whether it shares its place. accuracy (0..1, or a caller's own value),
    stderr, interval (95%) and reward are of `round`: the winner's of seeds that no choice has seen, other finalists' of
    their fresh seeds alone; and of the crediting half of the validation images (all of them where data.credit is 0).
    search, final, credit: accuracy of each seed by round, the first two on the choosing half, by which nets are ranked,
    the last on the crediting one. interval: None where the noise of seeds is not known, and in older files. epochs: how
    many it was trained in the first.
    measured: costs as they were when it was really run, by metric. included: the name of a known net that was to be
    tried. origin: the run that trained it, where that was another.
    """

    rank: int | None
    place: int | None
    tied: bool
    costs: Costs
    accuracy: float | None
    stderr: float | None
    seeds: int
    reward: float | None
    trial: int
    round: Round
    state: State
    reason: str | None
    epochs: int = 0
    measured: Annotated[Mapping[str, float], WhereAny] = msgspec.field(default_factory=dict)
    search: tuple[float, ...]
    final: tuple[float, ...]
    credit: tuple[float, ...] = ()
    interval: tuple[float, float] | None = None
    included: str | None = None
    origin: str | None = msgspec.field(default=None, name="from")


class FrontMember(msgspec.Struct, frozen=True, kw_only=True):
    """A net on the Pareto front. costs: those that were made small. significant: whether its accuracy differs from that
    of the member before it by more than their error (95%); None for the first, and where no error is known."""

    rank: int
    trial: int
    accuracy: float
    stderr: float
    costs: Mapping[str, int | float]
    significant: bool | None = msgspec.field(name="told")


class MinutesUsed(msgspec.Struct, frozen=True, kw_only=True):
    """How long a search was to take and took, in minutes. ended: by what, None where all trials were made."""

    asked: float
    spent: float
    ended: str | None


class PrunerUsed(msgspec.Struct, frozen=True, kw_only=True):
    """What stopped weak nets early; one in `reduction` goes on where it looks."""

    kind: str
    reduction: int


class SearchResult(Result, frozen=True, kw_only=True, tag="search"):
    """A search's ranking, the best first.

    header: what was asked and how the proxy is reduced, a sentence a line. objective: `proxy`, or the name of the
    caller's own function. targets: costs aimed at, by metric; None where the metric has none. most: costs not to be
    exceeded. bytes_per_value: of each weight and activation in costs in bytes, training memory aside. seed_sd: pooled
    deviation between seeds on the choosing images, on seed_freedom degrees; None where no net had two.
    spread: standard deviation of the nets' true accuracies. random_search: what random search of the same budget would
    have come to; largest_nets: what the nets inside the limits with the most of a metric would have, by its name; both
    empty where too little is known, the second in older files too. trials: of this run. trial_length: of the trials'
    trainings, as a share of the finalists'. data: what was understood of
    the images; None where there are none, and in older files. better_than_guessing: whether the best net's accuracy is
    significantly above the majority class's share; None where there is none. objectives and pareto_front: of a search
    with several objectives.
    """

    run: str
    folder: str
    header: tuple[str, ...]
    objective: str
    targets: Targets = msgspec.field(default_factory=dict)
    most: Most = msgspec.field(default_factory=dict)
    bytes_per_value: int = FLOAT32
    seed_sd: float | None
    seed_freedom: int = 0
    spread: float | None = None
    random_search: Control | None = None
    largest_nets: Mapping[str, Control] = msgspec.field(default_factory=dict)
    trials: int | None = None
    trial_length: float = 1.0
    minutes: MinutesUsed | None = None
    seconds: float = 0.0
    training: Training
    data: DataSummary | None = None
    better_than_guessing: bool | None = None
    pruner: PrunerUsed | None = None
    ranking: tuple[RankingRow, ...]
    objectives: Annotated[tuple[str, ...], WhereAny] = msgspec.field(default=(), name="aims")
    pareto_front: Annotated[tuple[FrontMember, ...], WhereAny] = msgspec.field(default=(), name="front")

    @property
    def trained(self) -> bool:
        """Whether accuracies are a proxy's, rather than a caller's own values."""
        return self.objective == PROXY

    @property
    def quality(self) -> Quality:
        """What accuracies are: a proxy's, or a caller's own values."""
        return ACCURACY if self.trained else VALUE

    @property
    def rows(self) -> tuple[RankingRow, ...]:
        """The table's rows."""
        return self.ranking

    @property
    def ranked(self) -> tuple[RankingRow, ...]:
        """The rows that have a rank."""
        return tuple(row for row in self.ranking if row.rank is not None)

    @property
    def nets(self) -> list[Architecture]:
        """All ranked nets, the best first."""
        return [row.architecture(f"{self.run}-{row.rank}") for row in self.ranked]

    @property
    def best(self) -> Architecture:
        """The best net."""
        return self.ranked[0].architecture(f"{self.run}-1")

    @property
    def front(self) -> list[Architecture]:
        """The nets of the Pareto front, the cheapest first; none where there is one objective."""
        by_rank = {row.rank: row for row in self.ranked}
        return [by_rank[member.rank].architecture(f"{self.run}-{member.rank}") for member in self.pareto_front]

    @property
    def short_trials(self) -> bool:
        """Whether the trials were shorter trainings than the finalists'."""
        return self.trial_length < 1

    @property
    def proxy_tells_apart(self) -> bool | None:
        """Whether nets differ in true accuracy so much more than seeds do that the proxy orders them; None where too
        few seeds were repeated to say so."""
        if self.short_trials or self.seed_sd is None or self.spread is None or self.seed_freedom < LEAST_FREEDOM:
            return None
        return self.spread > 0 and self.spread >= SURE_SPREAD * self.seed_sd


class FrontResult(msgspec.Struct, frozen=True, kw_only=True):
    """A Pareto front alone. majority_share: of the validation images, None where it is not known. confirmed: its nets
    were trained again on fresh seeds."""

    run: str
    objectives: tuple[str, ...] = msgspec.field(name="aims")
    majority_share: float | None = None
    confirmed: bool
    pareto_front: tuple[FrontMember, ...] = msgspec.field(name="front")
