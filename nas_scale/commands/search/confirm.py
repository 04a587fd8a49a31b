"""The best nets of a ranking, really run where a limit is on a device that is here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from nas_scale.architecture.files import net_from_document
from nas_scale.commands.shared.events import Listener, Note
from nas_scale.errors import NasScaleError
from nas_scale.metrics.limits import Limit
from nas_scale.statistics.ranked import RankedNet, Ranking, ScoredNet

TIE: Final = 0.05  # two measurements so close are one: a limit is broken by more than that
AT_ONCE: Final = 3  # nets that are measured together

Rank = Callable[[Sequence[ScoredNet]], Ranking]


@dataclass(frozen=True, slots=True)
class Confirmation:
    """candidates: with what was measured, and which limit one broke. notes: what a reader has to know of it."""

    candidates: tuple[ScoredNet, ...]
    notes: tuple[str, ...] = ()


def confirmed(
    candidates: Sequence[ScoredNet], limits: Sequence[Limit], ranked: Rank, on_event: Listener
) -> Confirmation:
    """The finalists measured, and the next best where none of them keeps the limits, until one does.

    limits: those that can be measured. A net that breaks one is passed over; where all break one none is, as then the
    prediction is what is wrong.
    """
    found = tuple(candidates)
    for limit in limits:
        try:
            found = _confirmed(found, limit, ranked, on_event)
        except NasScaleError as error:
            return Confirmation(tuple(candidates), (f"{limit.metric.name} is as predicted, not measured: {error}",))
    if not limits or any(not entry.over for entry in found if entry.measured):
        return Confirmation(found)
    notes = ("no net kept its limit when it was measured; the ranking goes by what was predicted",)
    return Confirmation(tuple(replace(entry, over=None) for entry in found), notes if found else ())


def _confirmed(
    candidates: tuple[ScoredNet, ...], limit: Limit, ranked: Rank, on_event: Listener
) -> tuple[ScoredNet, ...]:
    while True:
        entries = [entry for entry in ranked(candidates).entries if entry.rank is not None]
        name = limit.metric.name
        finalists = [entry for entry in entries if entry.round == "final" and name not in entry.measured]
        if not entries or (name in entries[0].measured and not finalists):
            return candidates
        todo = finalists or [entry for entry in entries if name not in entry.measured][:AT_ONCE]
        on_event(Note(f"measuring {len(todo)} of the best on {name.partition('@')[2]}"))
        values = _measured(todo, limit)
        candidates = tuple(
            _with_value(entry, limit, values[entry.trial]) if entry.trial in values else entry for entry in candidates
        )


def _measured(entries: Sequence[RankedNet], limit: Limit) -> Mapping[int, float]:
    """Values by trial; infinite for a net that fails."""
    assert limit.metric.measure is not None
    found = limit.metric.measure([net_from_document(entry.net) for entry in entries])
    return {entry.trial: float("inf") if value is None else value for entry, value in zip(entries, found, strict=True)}


def _with_value(entry: ScoredNet, limit: Limit, value: float) -> ScoredNet:
    metric, broken = limit.metric, value > limit.most * (1 + TIE)
    what = "it failed when it was measured" if value == float("inf") else f"it took {metric.show(value)} {metric.unit}"
    over = f"{what}, where at most {metric.show(limit.most)} are wanted"
    measured = {} if value == float("inf") else {metric.name: value}
    return replace(entry, measured={**entry.measured, **measured}, over=over if broken else entry.over)
