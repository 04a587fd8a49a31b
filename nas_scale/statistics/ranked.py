"""Nets before a ranking and in one: what is known of each, and its row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nas_scale.training.job import Score

Round = Literal["search", "final", "credit"]
State = Literal["complete", "over", "pruned", "failed"]


@dataclass(frozen=True, slots=True)
class ScoredNet:
    """A net to be ranked. key: equal for equal nets. net: as JSON. costs: by the name of each metric. trial: the number
    of the trial that proposed it.

    search: scores that the search saw. short: whether these are of shorter trainings than all others, with which they
    cannot be compared. final: scores on fresh seeds, for finalists. credit: scores on seeds that no choice has seen,
    for the winner; they do not change its place. reason: why the trial failed; such a net has no place, whatever some
    of its seeds scored. over: which limit it broke when it was measured; it has no place. measured: costs as they were
    when it was really run, by metric. pruned: its trainings were stopped early; it has no place either, since what it
    would have come to is not known.
    """

    key: str
    net: Mapping[str, Any]
    costs: Mapping[str, float]
    trial: int
    search: tuple[Score, ...] = ()
    final: tuple[Score, ...] = ()
    credit: tuple[Score, ...] = ()
    reason: str | None = None
    pruned: bool = False
    over: str | None = None
    short: bool = False
    measured: Mapping[str, float] = field(default_factory=dict)

    @property
    def scores(self) -> tuple[Score, ...]:
        """Those that its accuracy is of; none when it failed or was stopped early."""
        return () if self.pruned or self.reason is not None else self.credit or self.final or self.search

    @property
    def chose(self) -> tuple[Score, ...]:
        """Those that its place is by: of full trainings, where it has any."""
        return (self.final or self.search) if self.short else (*self.search, *self.final)

    @property
    def in_full(self) -> bool:
        """Whether those are full trainings."""
        return bool(self.final) or not self.short


Reward = Callable[[float, ScoredNet], float]


@dataclass(frozen=True, slots=True)
class RankedNet:
    """A row of the ranking.

    rank: 1 is best; None for a net that failed, for one that broke a limit when it was measured, and for one that was
    stopped early, whose accuracy is that of its last epoch. place: the rank of the first leader that it is not
    significantly below, its own where it is below all of them, None for one that others cannot be compared with, known
    by a shorter training alone, by which it is ranked. tied: whether it shares its place with another. accuracy (0..1),
    stderr, interval and reward are of `round`, on the crediting images: the winner's of seeds that no choice has seen,
    other finalists' of the fresh seeds alone, without the luck that made them finalists. seeds: how many those were.
    stderr: None where only the noise of longer trainings is known. interval: 95%, of this accuracy; None where the
    noise of seeds is not known. search, final, credit: each seed's accuracy, by round; the first two on the choosing
    images, by which it is ranked, the last on the crediting ones. epochs: how many it was trained for in the first; 0
    where it was not trained.
    """

    rank: int | None
    place: int | None
    tied: bool
    net: Mapping[str, Any]
    costs: Mapping[str, float]
    accuracy: float | None
    stderr: float | None
    seeds: int
    reward: float | None
    trial: int
    round: Round
    state: State
    reason: str | None
    search: tuple[float, ...]
    final: tuple[float, ...]
    credit: tuple[float, ...] = ()
    interval: tuple[float, float] | None = None
    epochs: int = 0
    measured: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ranking:
    """All entries, the best first. seed_sd: the pooled standard deviation between seeds on the choosing images, on
    `freedom` degrees of freedom, of full trainings; None when no network had two seeds. spread: the standard deviation
    of true accuracy between networks in the first round; None where it is not known."""

    entries: tuple[RankedNet, ...]
    seed_sd: float | None
    freedom: int = 0
    spread: float | None = None
