"""A certificate as a table: how well each judge orders nets, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from nas_scale import numbers
from nas_scale.architecture.files import net_from_document
from nas_scale.commands.certify.document import notes
from nas_scale.metrics.metric import metrics
from nas_scale.show.costs import cost_cells, cost_columns, cost_headings
from nas_scale.show.sheet import Sheet
from nas_scale.show.tables import compact
from nas_scale.statistics.verdict import figure
from nas_scale.zero_cost.names import WEIGHT_SCORES


def certificate_table(document: Mapping[str, Any]) -> RenderableType:
    """Judges against the longer recipe, then noise, spread and speed, then the verdict; the nets alone after a dry
    run."""
    head = [Text(line, style="dim") for line in document["header"]]
    if document["judges"] is None:
        return Group(*head, _nets(document), Text(_planned(document)))
    verdict = document["verdict"]
    names = {"proxy": "this proxy", **WEIGHT_SCORES, **{metric.name: metric.label for metric in metrics()}}
    sheet = Sheet(
        f"{document['run']}: agreement with the longer recipe (Kendall's tau, 95%)",
        *("judge", ">all nets", ">from", ">to", ">equal cost", ">from", ">to", ">s/net"),
    )
    for row in document["judges"]:
        seconds = document["proxy"]["seconds"] if row["name"] == "proxy" else row["seconds"]
        every, equal = row["all"], row["equal"]
        figures = [figure(group[key]) for group in (every, equal) for key in ("tau", "low", "high")]
        sheet.add(names[row["name"]], *figures, f"{seconds:.3g}", style="bold" if row["name"] == "proxy" else "")
    counts = document["judges"][0]
    of = Text(f"on {counts['all']['n']} nets, {counts['equal']['n']} of them of equal cost", style="dim")
    lines = [Text(line) for line in notes(document)]
    return Group(*head, sheet, of, *lines, Text(verdict["sentence"], style=_style(verdict["kind"])))


def _style(kind: str) -> str:
    return "bold" if kind == "worth" else "bold yellow"


def _nets(document: Mapping[str, Any]) -> Sheet:
    costs = cost_columns(document["nets"])
    sheet = Sheet(f"{len(document['nets'])} nets", ">#", *cost_headings(costs), "", "net", words=1)
    for number, row in enumerate(document["nets"], 1):
        equal = "equal cost" if row["equal_cost"] else ""
        sheet.add(str(number), *cost_cells(costs, row), equal, compact(net_from_document(row["net"])))
    return sheet


def _planned(document: Mapping[str, Any]) -> str:
    workers = f"{document['workers']} worker{'s' if document['workers'] > 1 else ''}"
    seconds = document["estimated_seconds"]
    took = "" if seconds is None else f", about {numbers.duration(seconds)} on {workers}"
    return f"{document['trainings']} trainings{took}"
