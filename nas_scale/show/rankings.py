"""A search's ranking as a table, with how the proxy was reduced above it and what it cannot tell below."""

from __future__ import annotations

from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from nas_scale.commands.search.result import RankingRow, SearchResult
from nas_scale.commands.shared.guessing import guessing_note
from nas_scale.commands.shared.lines import counted
from nas_scale.commands.shared.quality import REWARD, Quality
from nas_scale.metrics.metric import metric_named
from nas_scale.show.cells import header, place
from nas_scale.show.costs import cost_cells, cost_columns, cost_headings
from nas_scale.show.sheet import Sheet
from nas_scale.show.tables import compact
from nas_scale.statistics.controls import Control

MOST_ROWS: Final = 20
SEEDS_OF: Final = {"search": "", "final": " fresh", "credit": " unseen"}


def _cell(quality: Quality, value: float | None) -> str:
    return "" if value is None else quality.cell(value)


def ranking_table(found: SearchResult, rows: int = MOST_ROWS) -> RenderableType:
    """A search's ranking, with how the proxy was reduced above it and what it cannot tell below."""
    nets, quality = found.ranking, found.quality
    asked = [*(name for name, target in found.targets.items() if target), *found.most]
    costs = cost_columns([row.costs for row in nets], asked)
    scores = (f">{quality.heading}", ">+-", "seeds", ">search %" if quality.percent else ">search", ">reward")
    title = f"{found.run}: {len(nets)} net{'s' if len(nets) != 1 else ''}"
    reached = [">epochs"] if found.pruner else []
    run = tuple(metric_named(name) for name in dict.fromkeys(name for row in nets for name in row.measured))
    headings = (*cost_headings(costs), *(f">measured {metric.flag}" for metric in run))
    sheet = Sheet(title, ">rank", *scores, *reached, *headings, "net", words=1)
    for row in nets[:rows]:
        net = compact(row.architecture())
        failed = row.state in ("failed", "over")
        values = [metric.show(row.measured[metric.name]) if metric.name in row.measured else "" for metric in run]
        epochs = ["" if row.state == "failed" else f"{row.epochs} of {found.training.epochs}" for _ in reached]
        words = "\n".join([*_marks(row), net, *([row.reason or ""] if failed else [])])
        style = "" if row.rank is not None else "dim"
        sheet.add(
            place(row), *_scored(row, quality), *epochs, *cost_cells(costs, row.costs), *values, words, style=style
        )
    more = len(nets) - rows
    tail = [Text(f"and {more} more: nas-scale show {found.folder} --all", style="dim")] if more > 0 else []
    return Group(*header(found.header), sheet, *tail, *(Text(line) for line in ranking_notes(found)))


def _marks(row: RankingRow) -> list[str]:
    """Where a net comes from, when no sampler proposed it."""
    marks = [row.included or "", f"from {row.origin}" if row.origin else ""]
    return [" ".join(mark for mark in marks if mark)] if any(marks) else []


def _scored(row: RankingRow, quality: Quality) -> tuple[str, str, str, str, str]:
    """Accuracy, error, seeds, accuracy in the search, reward: as far as a net has them."""
    if row.rank is None:
        return _cell(quality, row.accuracy), "", str(row.seeds or ""), "", ""
    searched = sum(row.search) / len(row.search) if row.search else None
    seeds = f"{row.seeds}{SEEDS_OF[row.round]}"
    error = _cell(quality, row.stderr) if row.stderr or quality.percent else ""
    return _cell(quality, row.accuracy), error, seeds, _cell(quality, searched), _cell(REWARD, row.reward)


def ranking_notes(found: SearchResult) -> list[str]:
    """What the ranking can and cannot tell, in sentences."""
    notes = [*guessing_note(found.better_than_guessing, found.data), *_minutes_line(found)]
    if any(row.tied for row in found.ranked):
        whom = "finalists" if found.short_trials else "nets"
        notes.append(f"=N: does not differ significantly from place N (95%, over all {whom} together).")
    if found.short_trials:
        notes.append(
            f"Nets below the finalists had trainings {found.trial_length:.0%} as long: they are ranked by these alone, "
            "and compared with no finalist."
        )
    if any(row.state == "pruned" for row in found.ranking):
        notes.append("Nets that were stopped early have no place; their accuracy is that of the epoch where they were.")
    return notes + _credit_lines(found) + _control_lines(found) + (_noise_line(found) if found.trained else [])


def _credit_lines(found: SearchResult) -> list[str]:
    """Which seeds chose, and which ones accuracies are of."""
    ranked, lines = found.ranked, []
    if any(row.final for row in ranked):
        whose = "all accuracies of theirs but rank 1's are" if ranked[0].credit else "their accuracy is"
        by = "the fresh seeds" if found.short_trials else "the seeds of the search and the fresh ones together"
        lines.append(
            f"Finalists are ranked by {by}; {whose} of the fresh ones alone, without what made them finalists."
        )
    best = ranked[0] if ranked else None
    if best is None or best.accuracy is None:
        return lines
    if best.credit:
        ends = [found.quality.cell(end) for end in best.interval or ()]
        between = f", {' to '.join(ends)} (95%)" if ends else ""
        images = f" on {found.data.credit:,} images that chose no net" if found.data and found.data.credit else ""
        lines.append(
            f"Rank 1 is credited with {counted(best.seeds, 'seed')} that no choice has seen{images}: "
            f"{found.quality.cell(best.accuracy)}{between}."
        )
    elif found.trained and len(ranked) > 1:
        remedy = "" if best.final else ": --finalists 3 credits the winner with others"
        lines.append(f"The seeds that put rank 1 first are those of its accuracy, and flatter it{remedy}.")
    return lines


def _noise_line(found: SearchResult) -> list[str]:
    """How much seeds and nets differ, and whether the proxy tells the nets apart."""
    if found.seed_sd is None:
        return [
            "No net was trained on two seeds, so no difference is significant and +- holds the error of the validation "
            "images alone: train with --seeds 2 or --finalists 3 to know more."
        ]
    known = f"sd, on {counted(found.seed_freedom, 'degree')} of freedom"
    seeds = f"Seeds of one net differ by {found.seed_sd * 100:.1f} points ({known})"
    if found.short_trials:
        return [f"{seeds}."]
    if found.spread is None:
        return []
    said = {
        None: "too few seeds were repeated to say whether the proxy tells nets apart",
        True: "the proxy tells these nets apart",
        False: "the proxy cannot tell most of these nets apart: more epochs or seeds may",
    }[found.proxy_tells_apart]
    return [f"{seeds}, true accuracies of the nets by about {found.spread * 100:.1f}: {said}."]


def _minutes_line(found: SearchResult) -> list[str]:
    """How many trials there was time for."""
    minutes = found.minutes
    if minutes is None:
        return []
    count = found.trials or 0
    said = f"{count} trial{'s' if count != 1 else ''} in {minutes.spent:.3g} of {minutes.asked:g} minutes"
    if minutes.ended == "repeats":
        return [f"{said}: the last ones were all of nets tried before, so nothing more was looked for."]
    if minutes.ended == "time" and count == 1:
        return [f"{said}: there was no time for a second net; one is always tried."]
    return [f"{said}."]


def _control_lines(found: SearchResult) -> list[str]:
    """What random search of the same budget would have come to, and the largest nets."""
    if found.random_search is None:
        return []
    best, rival = found.ranking[0], found.random_search
    measure = REWARD if any(found.targets.values()) else found.quality
    assert best.reward is not None
    lines = [
        f"Random search of {rival.trials} nets would be expected to report a best {measure.name} of "
        f"{_expected(measure, rival)}; {_chance(rival)} of such searches would reach the {measure.cell(best.reward)} "
        "found here."
    ]
    if found.largest_nets:
        filled = (
            f"{_expected(measure, control)} by {metric_named(name).label} ({_chance(control)})"
            for name, control in found.largest_nets.items()
        )
        lines.append(f"The largest nets inside the limits in their place: {', '.join(filled)}.")
    return lines


def _expected(measure: Quality, control: Control) -> str:
    return f"{measure.cell(control.expected)} +- {measure.cell(control.error)}"


def _chance(control: Control) -> str:
    return "fewer than 1%" if control.chance < 0.01 else f"{control.chance:.0%}"
