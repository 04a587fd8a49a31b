"""A certificate as a table: how well each score orders nets, and what that is worth."""

from __future__ import annotations

from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from nas_scale import numbers
from nas_scale.commands.certify.result import Ceiling, CertifyResult, RecipeFigures
from nas_scale.commands.shared.guessing import guessing_note
from nas_scale.commands.shared.lines import trainings_line
from nas_scale.metrics.metric import metrics
from nas_scale.show.cells import header
from nas_scale.show.costs import cost_cells, cost_columns, cost_headings
from nas_scale.show.sheet import Sheet
from nas_scale.show.tables import compact
from nas_scale.statistics.verdict import figure, shown
from nas_scale.zero_cost.names import WEIGHT_SCORES

CEILING_BY: Final = {"longer": "the longer recipe's seeds", "proxy": "the proxy's seeds"}


def certificate_table(found: CertifyResult) -> RenderableType:
    """Scores against the longer recipe, then noise, spread and speed, then the verdict; the nets alone after a dry
    run."""
    verdict, agreements, proxy = found.verdict, found.agreements, found.proxy
    if verdict is None or agreements is None or proxy is None:
        line = trainings_line(found.trainings, found.estimated_seconds, found.workers)
        return Group(*header(found.header), _nets(found), Text(line))
    names = {"proxy": "this proxy", **WEIGHT_SCORES, **{metric.name: metric.label for metric in metrics()}}
    sheet = Sheet(
        f"{found.run}: agreement with the longer recipe (Kendall's tau, 95%)",
        *("score", ">all nets", ">from", ">to", ">equal cost", ">from", ">to", ">s/net"),
    )
    for row in agreements:
        seconds = proxy.seconds if row.name == "proxy" else row.seconds
        figures = [figure(value) for each in (row.all, row.equal) for value in (each.tau, each.low, each.high)]
        sheet.add(
            names.get(row.name, row.name), *figures, f"{seconds:.3g}", style="bold" if row.name == "proxy" else ""
        )
    of = Text(f"on {agreements[0].all.n} nets, {agreements[0].equal.n} of them of equal cost", style="dim")
    lines = [Text(line) for line in notes(found)]
    style = "bold" if verdict.kind == "worth" else "bold yellow"
    return Group(*header(found.header), sheet, of, *lines, Text(verdict.sentence, style=style))


def _nets(found: CertifyResult) -> Sheet:
    costs = cost_columns([row.costs for row in found.nets])
    sheet = Sheet(f"{len(found.nets)} nets", ">#", *cost_headings(costs), "", "net", words=1)
    for number, row in enumerate(found.nets, 1):
        sheet.add(
            str(number),
            *cost_cells(costs, row.costs),
            "equal cost" if row.equal_cost else "",
            compact(row.architecture()),
        )
    return sheet


def notes(found: CertifyResult) -> list[str]:
    """What the noise, the spread and the speed of both recipes say, in sentences."""
    assert found.ceiling is not None
    assert found.proxy is not None
    assert found.longer_recipe is not None
    lines = [_ceiling(found.ceiling), *_noise(found.proxy), _speed(found.proxy, found.longer_recipe)]
    lines += guessing_note(found.better_than_guessing, found.data)
    failed = [row for row in found.nets if row.reason]
    if failed:
        lines.append(f"{len(failed)} of {len(found.nets)} nets failed, the first with: {failed[0].reason}")
    return lines


def _ceiling(top: Ceiling) -> str:
    agree = f"Ceiling, how well {CEILING_BY[top.of]} agree among themselves"
    return f"{agree}: {shown(top.all)} over all nets, {shown(top.equal)} at equal cost."


def _noise(proxy: RecipeFigures) -> list[str]:
    """How much seeds and nets differ under the proxy; nothing where too few nets say so."""
    places = ((proxy.spread.all, "over all nets"), (proxy.spread.equal, "at equal cost"))
    between = [f"{spread * 100:.1f} {place}" for spread, place in places if spread is not None]
    if proxy.seed_sd is None or not between:
        return []
    true = " and ".join(between)
    return [
        f"Under the proxy, seeds of one net differ by {proxy.seed_sd * 100:.1f} points (sd), the nets' true accuracies "
        f"by about {true}."
    ]


def _speed(proxy: RecipeFigures, longer: RecipeFigures) -> str:
    return (
        f"The proxy took {numbers.duration(proxy.seconds)} a net at {proxy.images_per_second:,.0f} images/s, the "
        f"longer recipe {numbers.duration(longer.seconds)} at {longer.images_per_second:,.0f}."
    )
