"""A comparison as tables: the nets, who beats whom by how much, and what that says in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from nas_scale.commands.compare.entrants import FITTED, GIVEN
from nas_scale.commands.compare.result import ComparedNet, ComparedPair, CompareResult
from nas_scale.commands.shared.guessing import guessing_note
from nas_scale.commands.shared.lines import counted, trainings_line
from nas_scale.commands.shared.options import words_of
from nas_scale.show.cells import header, percent
from nas_scale.show.costs import cost_cells, cost_columns, cost_headings, ratio_heading
from nas_scale.show.sheet import Sheet
from nas_scale.show.tables import compact

MOST_COLUMNS: Final = 12  # nets in a table of all differences; of more, only those that are significant are listed


def comparison_table(found: CompareResult) -> RenderableType:
    """The nets, and after the training their differences; of rules, for each phi."""
    scored = found.run is not None
    parts: list[RenderableType] = [*header(found.header), _nets(found, scored)]
    if not scored:
        return Group(*parts, Text(_seeds_line(found)))
    for phi in dict.fromkeys(pair.phi for pair in found.pairs):
        nets = [net for net in found.nets if net.phi == phi and net.place is not None]
        pairs = [pair for pair in found.pairs if pair.phi == phi]
        where = "" if phi is None else f" at phi {phi:g}"
        parts += [Text(""), _differences(nets, pairs, where), *(Text(line) for line in _said(nets, pairs, where))]
    return Group(*parts, Text(""), *(Text(line) for line in _notes(found)))


def _seeds_line(found: CompareResult) -> str:
    line = trainings_line(found.trainings, found.estimated_seconds, found.workers)
    more = found.most_seeds > found.training.seeds
    return f"{line}; more where seeds decide something, up to {found.most_seeds} a net" if more else line


def _nets(found: CompareResult, scored: bool) -> Sheet:
    costs = cost_columns([row.costs for row in found.nets], (found.by,))
    rules = found.baseline is not None
    figures = [">place", ">accuracy %", ">+-", ">behind", ">from", ">to", ">seeds"] if scored else []
    grown = [ratio_heading(found.by), ">depth", ">width", ">res."] if rules else []
    title = f"{found.run}: {len(found.nets)} nets" if scored else f"{len(found.nets)} nets"
    sheet = Sheet(
        title, *([">phi"] if rules else []), *figures, *grown, ">px", *cost_headings(costs), "name", "also", words=2
    )
    for row in found.nets:
        shares = [f"{getattr(row.shares, axis):.2f}" if row.shares else "" for axis in ("depth", "width", "resolution")]
        sheet.add(
            *([f"{row.phi:g}"] if rules and row.phi is not None else []),
            *([_place(row), *_scored(row, found), str(row.seeds)] if scored else []),
            *([f"{row.ratio:.3f}" if row.ratio else "", *shares] if rules else []),
            str(row.architecture().resolution),
            *cost_cells(costs, row.costs),
            row.name,
            "; ".join(_also(row)) or ("" if rules else compact(row.architecture())),
        )
    return sheet


def _scored(row: ComparedNet, found: CompareResult) -> tuple[str, ...]:
    """Accuracy, its error, and by how much it is behind the first of its phi, with the interval."""
    own = (percent(row.accuracy), percent(row.stderr))
    first = next((net.name for net in found.nets if net.phi == row.phi and net.place is not None), None)
    for pair in found.pairs:
        if pair.phi == row.phi and {pair.a, pair.b} == {first, row.name}:
            sign = 1 if pair.a == first else -1
            ends = sorted(sign * end for end in pair.ci)
            return (*own, *map(points, (sign * pair.difference, *ends)))
    return (*own, "", "", "")


def _place(row: ComparedNet) -> str:
    if row.state == "failed":
        return "failed"
    return "" if row.place is None else f"{'=' if row.tied else ''}{row.place}"


def _also(row: ComparedNet) -> Iterator[str]:
    if row.alike:
        yield f"same proxy as {row.alike}"
    if row.reason:
        yield row.reason


def _differences(nets: Sequence[ComparedNet], pairs: Sequence[ComparedPair], where: str) -> RenderableType:
    """Every net against every other, or the significant pairs alone where these are too many for columns."""
    if len(nets) > MOST_COLUMNS:
        sheet = Sheet(f"significant differences{where}, in points", ">difference", ">from", ">to", "nets", words=1)
        for pair in pairs:
            if pair.significant:
                sheet.add(*map(points, (pair.difference, *pair.ci)), f"{pair.a} over {pair.b}")
        return sheet
    known = {(pair.a, pair.b): pair for pair in pairs}
    title = f"row less column{where}, in points; * significant"
    sheet = Sheet(title, ">#", *(f">{number}" for number in range(1, len(nets) + 1)), "name", words=1)
    for number, net in enumerate(nets, 1):
        sheet.add(str(number), *(_cell(known, net, other) for other in nets), net.name)
    return sheet


def _cell(known: dict[tuple[str, str], ComparedPair], net: ComparedNet, other: ComparedNet) -> str:
    for pair, sign in ((known.get((net.name, other.name)), 1), (known.get((other.name, net.name)), -1)):
        if pair is not None:
            return f"{points(sign * pair.difference)}{'*' if pair.significant else ' '}"
    return ""


def points(share: float) -> str:
    """`+1.2` for .012: a difference of two accuracies in points."""
    return f"{round(share * 100, 1) + 0:+.1f}"  # no -0.0


def _said(nets: Sequence[ComparedNet], pairs: Sequence[ComparedPair], where: str) -> Iterator[str]:
    """Which nets the best, and of rules the one that was asked about, are known to beat and to be beaten by."""
    asked = [net for net in nets if net.name in (FITTED, GIVEN)]
    for net in dict.fromkeys([nets[0].name, *(net.name for net in asked)]):
        beaten = [pair.b for pair in pairs if pair.a == net and pair.significant]
        better = [pair.a for pair in pairs if pair.b == net and pair.significant]
        alike = [other.name for other in nets if other.name not in (net, *beaten, *better)]
        said = (("beats", beaten, "all others"), ("is beaten by", better, "all others"))
        every = (*said, ("does not differ significantly from", alike, "any other"))
        parts = [
            f"{verb} {others if len(names) == len(nets) - 1 > 1 else words_of(names, 'and')}"
            for verb, names, others in every
            if names
        ]
        yield f"{net}{where} {'; '.join(parts)}."


def _notes(found: CompareResult) -> list[str]:
    lines = guessing_note(found.better_than_guessing, found.data)
    many = "of a phi " if found.baseline is not None else ""
    lines.append(
        f"Differences are of trainings on the same seeds; their intervals (95%) hold for all pairs {many}together, "
        "however many seeds it took. =N: does not differ significantly from place N's leader. behind: the first "
        f"{'of the same phi' if many else 'of the table'}, in points, with the interval."
    )
    if found.seed_sd is not None:
        lines.append(
            f"Seeds of one net differ by {found.seed_sd * 100:.1f} points (sd) beyond what they do to all alike."
        )
    if found.credited and found.data is not None and found.data.credit:
        lines.append(f"Accuracies are on {found.data.credit:,} images that choose no net of a search.")
    if found.pairs and not any(pair.significant for pair in found.pairs):
        lines.append(
            f"Nothing differs significantly with up to {counted(found.most_seeds, 'seed')} a net: more --epochs, "
            "images or --most-seeds may tell more."
        )
    return lines
