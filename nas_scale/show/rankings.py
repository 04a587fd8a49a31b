"""Rankings, plans and fits as tables, drawn from the documents that runs keep: fresh or years old, they look the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from nas_scale import numbers
from nas_scale.arch.files import net_from_document
from nas_scale.show.tables import compact, table

if TYPE_CHECKING:
    from nas_scale.flows.grid import GridPlan

Document = Mapping[str, Any]
MOST_ROWS = 20


def _percent(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value * 100:.{digits}f}"


def _header(document: Document) -> list[RenderableType]:
    return [Text(line, style="dim") for line in document["header"]]


def _place(row: Document) -> str:
    """`3`, or `3 =1` for a net that is not told apart from the first."""
    if row["rank"] is None:
        return "failed"
    return f"{row['rank']} ={row['place']}" if row["tied"] and row["place"] != row["rank"] else f"{row['rank']}"


def ranking_table(document: Document, rows: int = MOST_ROWS) -> RenderableType:
    """A search's ranking, with what the proxy gave up above it and what it cannot tell below."""
    made = table(
        f"{document['run']}: {len(document['ranking'])} nets", ">rank", "net", ">FLOPs", ">params", ">activations", ">accuracy %", ">+-", "seeds", ">search %", ">reward"
    )
    for row in document["ranking"][:rows]:
        net = compact(net_from_document(row["net"]))
        costs = [numbers.count(row[key]) for key in ("flops", "params", "activations")]
        if row["rank"] is None:
            made.add_row("failed", f"{net}\n{row['reason']}", *costs, "", "", "", "", "", style="dim")
            continue
        searched = _percent(sum(row["search"]) / len(row["search"])) if row["search"] else ""
        seeds = f"{row['seeds']} fresh" if row["round"] == "final" else str(row["seeds"])
        made.add_row(_place(row), net, *costs, _percent(row["accuracy"]), _percent(row["stderr"]), seeds, searched, f"{row['reward']:.4f}")
    more = len(document["ranking"]) - rows
    tail = [Text(f"and {more} more: nas-scale show {document['run']} --all", style="dim")] if more > 0 else []
    return Group(*_header(document), made, *tail, *(Text(line) for line in ranking_notes(document)))


def ranking_notes(document: Document) -> list[str]:
    """What the ranking can and cannot tell, in sentences."""
    ranked = [row for row in document["ranking"] if row["rank"] is not None]
    notes = []
    if any(row["tied"] for row in ranked):
        notes.append("=N: not told apart from place N (95%). Finalists are ranked on fresh seeds alone; `search %` is what made them finalists.")
    sd, spread = document["seed_sd"], document.get("spread")
    if sd is None:
        notes.append("No net was trained on two seeds, so +- holds the error of the validation images alone: train with --seeds 2 or --finalists 3 to know more.")
    elif spread is not None:
        told = "tells these nets apart" if spread >= 2 * sd else "does not tell these nets apart well: train longer, wider or on more seeds"
        notes.append(f"Seeds of one net differ by {sd:.1%} (sd), true accuracies of the nets by about {spread:.1%}: the proxy {told}.")
    return notes


def plan_table(plan: GridPlan) -> RenderableType:
    """The networks a grid will train, before it does."""
    from nas_scale.flows.grid import candidate_document

    rows = [candidate_document(candidate, alike) for candidate, alike in zip(plan.candidates, plan.alike, strict=True)]
    made = _candidates_table(f"{len(rows)} networks of {plan.pool}, spread over the triangle of shares", rows, scored=False)
    took = "" if plan.seconds is None else f", about {numbers.duration(plan.seconds)} on {plan.workers} worker{'s' if plan.workers > 1 else ''}"
    return Group(*(Text(line, style="dim") for line in plan.header), made, Text(f"{plan.trainings} trainings{took}"))


def _candidates_table(title: str, rows: Sequence[Document], scored: bool) -> RenderableType:
    places = [">rank", ">accuracy %", ">+-"] if scored else [">#"]
    made = table(title, *places, ">x base", ">alpha", ">beta", ">gamma", ">depth", ">width", ">res.", ">px", "blocks", "channels", "also")
    for index, row in enumerate(rows, 1):
        front = [_place(row), _percent(row["accuracy"]), _percent(row["stderr"])] if scored else [str(index)]
        shares = [f"{row['shares'][axis]:.2f}" for axis in ("depth", "width", "resolution")]
        also = [f"same proxy as {row['alike']}"] if row["alike"] else []
        also += [f"{len(row['points'])} grid points"] if len(row["points"]) > 1 else []
        also += [str(row["reason"])] if scored and row["reason"] else []
        made.add_row(
            *front,
            f"{row['flops_ratio']:.3f}",
            *(f"{row[name]:.3f}" for name in ("alpha", "beta", "gamma")),
            *shares,
            str(row["resolution"]),
            "-".join(str(depth) for depth in row["depths"]),
            "-".join(str(channels) for channels in row["channels"]),
            "; ".join(also),
        )
    return made


def grid_table(document: Document) -> RenderableType:
    """A grid's ranked networks and the fit."""
    made = _candidates_table(f"{document['run']}: {len(document['candidates'])} networks", document["candidates"], scored=True)
    fit = document["fit"]
    return Group(*_header(document), made, *_fit_lines(fit, document["seed_sd"]))


def _fit_lines(fit: Document, seed_sd: float | None) -> list[RenderableType]:
    values = ", ".join(f"{name} {fit[name]:.3f} ({fit['ci'][name][0]:.2f} to {fit['ci'][name][1]:.2f})" for name in ("alpha", "beta", "gamma"))
    noise = "" if seed_sd is None else f" Seeds of one network differ by {seed_sd:.1%} (sd)."
    return [Text(f"{values}, 95% intervals", style="bold"), Text(fit["verdict"] + noise, style="" if fit["told"] else "yellow")]


def family_document_table(document: Document) -> RenderableType:
    """An expand run's family, from its document."""
    values = document["coefficients"]
    title = f"{document['baseline']['name'] or 'net'} grown with alpha {values['alpha']:.3f}, beta {values['beta']:.3f}, gamma {values['gamma']:.3f} ({values['source']}), rule {document['rule']}"
    made = table(title, ">phi", "name", ">depth", ">width", ">px", ">FLOPs", ">x base", ">2^phi", ">params", ">activations", "blocks")
    for row in document["family"]:
        net = net_from_document(row["net"])
        made.add_row(
            f"{row['phi']:g}",
            row["name"],
            f"{row['depth']:.2f}",
            f"{row['width']:.2f}",
            str(row["resolution"]),
            numbers.count(row["flops"]),
            f"{row['flops_ratio']:.2f}",
            f"{row['wanted_ratio']:.2f}",
            numbers.count(row["params"]),
            numbers.count(row["activations"]),
            "-".join(str(stage.repeats) for stage in net.stages),
        )
    product = values["alpha"] * values["beta"] ** 2 * values["gamma"] ** 2
    return Group(made, Text(f"a doubling nominally multiplies the cost by {product:.3f}; x base is what each net really costs", style="dim"))


def result_table(document: Document, rows: int = MOST_ROWS) -> RenderableType:
    """Any run's document as the table its command ended in."""
    if document.get("kind") == "search":
        return ranking_table(document, rows)
    if document.get("kind") == "grid":
        return grid_table(document)
    if document.get("kind") == "family":
        return Group(*(item for part in ("search", "grid", "expand") for item in (result_table(document[part], rows), Text(""))))
    return family_document_table(document)
