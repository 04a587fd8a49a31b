"""Rankings, plans, fits and families as tables, drawn from the documents of runs: fresh or old, they look the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from nas_scale import numbers
from nas_scale.architecture.files import net_from_document
from nas_scale.metrics.metric import metrics
from nas_scale.show.costs import cost_cells, cost_columns, cost_headings
from nas_scale.show.sheet import Sheet
from nas_scale.show.tables import compact

if TYPE_CHECKING:
    from nas_scale.commands.grid.document import GridPlan

Document = Mapping[str, Any]
MOST_ROWS: Final = 20
LEAST_FREEDOM: Final = 3  # repeated seeds beyond the first, below which a deviation says next to nothing


def result_table(document: Document, rows: int = MOST_ROWS) -> RenderableType:
    """Any run's document as the table its command ended in; `rows` of a search's ranking."""
    match document["kind"]:
        case "search" if document.get("aims"):
            from nas_scale.commands.search.front import front_of
            from nas_scale.show.front import front_view

            return Group(ranking_table(document, rows), Text(""), front_view(front_of(document), rows))
        case "search":
            return ranking_table(document, rows)
        case "grid":
            return grid_table(document)
        case "certify":
            from nas_scale.show.certificates import certificate_table

            return certificate_table(document)
        case "family":
            parts = (result_table(document[part], rows) for part in ("search", "grid", "expand"))
            return Group(*(item for part in parts for item in (part, Text(""))))
    return expand_table(document)


def _percent(value: float | None) -> str:
    return "" if value is None else f"{value * 100:.1f}"


def _value(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _header(document: Document) -> list[RenderableType]:
    return [Text(line, style="dim") for line in document["header"]]


def _place(row: Document) -> str:
    """`3`, or `3 =1` for a net that is not told apart from the first."""
    if row["rank"] is None:
        return "stopped" if row["state"] == "pruned" else "failed"
    return f"{row['rank']} ={row['place']}" if row["tied"] and row["place"] != row["rank"] else f"{row['rank']}"


def ranking_table(document: Document, rows: int = MOST_ROWS) -> RenderableType:
    """A search's ranking, with what the proxy gave up above it and what it cannot tell below."""
    nets = document["ranking"]
    trained = document["objective"] == "proxy"
    costs = cost_columns(nets)
    scores = (">accuracy %" if trained else ">value", ">+-", "seeds", ">search %" if trained else ">search", ">reward")
    title = f"{document['run']}: {len(nets)} net{'s' if len(nets) != 1 else ''}"
    reached = [">epochs"] if document.get("pruner") else []
    sheet = Sheet(title, ">rank", *scores, *reached, *cost_headings(costs), "net", words=1)
    for row in nets[:rows]:
        net = compact(net_from_document(row["net"]))
        failed = row["state"] == "failed"
        epochs = ["" if failed else f"{row['epochs']} of {document['training']['epochs']}" for _ in reached]
        words = "\n".join([*_marks(row), net, *([row["reason"]] if failed else [])])
        style = "" if row["rank"] is not None else "dim"
        sheet.add(_place(row), *_scored(row, trained), *epochs, *cost_cells(costs, row), words, style=style)
    more = len(nets) - rows
    tail = [Text(f"and {more} more: nas-scale show {document['folder']} --all", style="dim")] if more > 0 else []
    return Group(*_header(document), sheet, *tail, *(Text(line) for line in ranking_notes(document)))


def _marks(row: Document) -> list[str]:
    """Where a net comes from, when no sampler proposed it."""
    origin = f"from {row['from']}" if row.get("from") else ""
    return [" ".join(mark for mark in (row.get("included"), origin) if mark)] if row.get("included") or origin else []


def _scored(row: Document, trained: bool) -> tuple[str, str, str, str, str]:
    """Accuracy, error, seeds, accuracy in the search, reward: as far as a net has them."""
    shown = _percent if trained else _value
    if row["rank"] is None:
        return shown(row["accuracy"]), "", str(row["seeds"] or ""), "", ""
    searched = sum(row["search"]) / len(row["search"]) if row["search"] else None
    seeds = f"{row['seeds']} fresh" if row["round"] == "final" else str(row["seeds"])
    error = shown(row["stderr"]) if row["stderr"] or trained else ""
    return shown(row["accuracy"]), error, seeds, shown(searched), _value(row["reward"])


def ranking_notes(document: Document) -> list[str]:
    """What the ranking can and cannot tell, in sentences."""
    ranked = [row for row in document["ranking"] if row["rank"] is not None]
    trained = document["objective"] == "proxy"
    sd, spread = document["seed_sd"], document.get("spread")
    notes = _minutes_line(document)
    if any(row["tied"] for row in ranked):
        notes.append("=N: not told apart from place N (95%).")
    if any(row["state"] == "pruned" for row in document["ranking"]):
        notes.append("Nets that were stopped early have no place; their accuracy is that of the epoch where they were.")
    if any(row["round"] == "final" for row in ranked):
        notes.append(
            "Finalists are ranked by all their seeds; their accuracy is of the fresh ones alone: `search` is what made "
            "them finalists."
        )
    notes += _random_line(document)
    if sd is None and trained:
        notes.append(
            "No net was trained on two seeds, so +- holds the error of the validation images alone: train with "
            "--seeds 2 or --finalists 3 to know more."
        )
    elif sd is not None and spread is not None and trained:
        freedom = document.get("seed_freedom", 0)
        if freedom < LEAST_FREEDOM:
            told = "too few seeds were repeated to say whether the proxy tells nets apart"
        elif spread > 0 and spread >= 2 * sd:
            told = "the proxy tells these nets apart"
        else:
            told = "the proxy cannot tell most of these nets apart: more epochs or seeds may"
        notes.append(
            f"Seeds of one net differ by {sd * 100:.1f} points (sd, on {freedom} degrees of freedom), "
            f"true accuracies of the nets by about {spread * 100:.1f}: {told}."
        )
    return notes


def _minutes_line(document: Document) -> list[str]:
    """How many trials there was time for."""
    minutes = document.get("minutes")
    if minutes is None:
        return []
    count = document["trials"]
    said = f"{count} trial{'s' if count != 1 else ''} in {minutes['spent']:.3g} of {minutes['asked']:g} minutes"
    if minutes["ended"] == "repeats":
        return [f"{said}: the last ones were all of nets tried before, so nothing more was looked for."]
    if minutes["ended"] == "time" and count == 1:
        return [f"{said}: there was no time for a second net; one is always tried."]
    return [f"{said}."]


def _random_line(document: Document) -> list[str]:
    """What random search of the same budget would have come to."""
    baseline = document.get("random_search")
    if baseline is None:
        return []
    best = document["ranking"][0]
    trained = document["objective"] == "proxy"
    targets = [document.get(f"target_{metric.name}") for metric in metrics()]
    measure = "reward" if any(targets) else "accuracy" if trained else "value"
    shown = _percent if measure == "accuracy" else _value
    chance = "fewer than 1%" if baseline["chance"] < 0.01 else f"{baseline['chance']:.0%}"
    return [
        f"Random search of {baseline['trials']} nets would be expected to report a best {measure} of "
        f"{shown(baseline['expected'])} "
        f"+- {shown(baseline['error'])}; {chance} of such searches would reach the {shown(best['reward'])} found here."
    ]


def plan_table(plan: GridPlan) -> RenderableType:
    """The networks a grid will train, before it does."""
    from nas_scale.commands.grid.document import plan_rows

    rows = plan_rows(plan)
    table = _candidates(f"{len(rows)} networks of {plan.pool}, spread over the triangle of shares", rows, scored=False)
    workers = f"{plan.workers} worker{'s' if plan.workers > 1 else ''}"
    took = "" if plan.seconds is None else f", about {numbers.duration(plan.seconds)} on {workers}"
    return Group(*(Text(line, style="dim") for line in plan.header), table, Text(f"{plan.trainings} trainings{took}"))


def _candidates(title: str, rows: Sequence[Document], scored: bool) -> RenderableType:
    places = [">rank", ">accuracy %", ">+-"] if scored else [">#"]
    effective = (">alpha", ">beta", ">gamma")
    shares = (">depth", ">width", ">res.")
    sheet = Sheet(title, *places, ">x base", *effective, *shares, ">px", "blocks", "channels", "also", words=3)
    for number, row in enumerate(rows, 1):
        sheet.add(
            *([_place(row), _percent(row["accuracy"]), _percent(row["stderr"])] if scored else [str(number)]),
            f"{row['flops_ratio']:.3f}",
            *(f"{row[name]:.3f}" for name in ("alpha", "beta", "gamma")),
            *(f"{row['shares'][axis]:.2f}" for axis in ("depth", "width", "resolution")),
            str(row["resolution"]),
            "-".join(str(depth) for depth in row["depths"]),
            "-".join(str(channels) for channels in row["channels"]),
            "; ".join(_also(row, scored)),
        )
    return sheet


def _also(row: Document, scored: bool) -> list[str]:
    """What else is to be known of a network."""
    notes = []
    if row["alike"]:
        notes.append(f"same proxy as {'row ' if scored else ''}{row['alike']}")
    if len(row["points"]) > 1:
        notes.append(f"{len(row['points'])} grid points")
    if scored and row["reason"]:
        notes.append(str(row["reason"]))
    return notes


def grid_table(document: Document) -> RenderableType:
    """A grid's ranked networks and the fit."""
    rows = document["candidates"]
    if document["fit"] is None:
        return Group(*_header(document), _candidates(f"{len(rows)} networks", rows, scored=False))
    table = _candidates(f"{document['run']}: {len(rows)} networks", rows, scored=True)
    notes = []
    if any(row["tied"] for row in rows):
        notes.append(Text("=N: not told apart from place N (95%). depth, width, res.: the shares each really took."))
    return Group(*_header(document), table, *notes, *_fit_lines(document["fit"], document["seed_sd"]))


def _fit_lines(fit: Document, seed_sd: float | None) -> list[RenderableType]:
    values = (
        f"{name} {fit[name]:.3f} ({fit['ci'][name][0]:.2f} to {fit['ci'][name][1]:.2f})"
        for name in ("alpha", "beta", "gamma")
    )
    noise = "" if seed_sd is None else f" Seeds of one network differ by {seed_sd * 100:.1f} points (sd)."
    return [
        Text(f"{', '.join(values)}, 95% intervals", style="bold"),
        Text(fit["verdict"] + noise, style="" if fit["told"] else "yellow"),
    ]


def expand_table(document: Document) -> RenderableType:
    """The family that an expansion made."""
    values = document["coefficients"]
    grown = f"alpha {values['alpha']:.3f}, beta {values['beta']:.3f}, gamma {values['gamma']:.3f}"
    name = document["baseline"]["name"] or "net"
    title = f"{name} grown with {grown} ({values['source']}), rule {document['rule']}"
    first, *others = cost_columns(document["family"])
    costs = (*cost_headings([first]), ">x base", ">2^phi", *cost_headings(others))
    sheet = Sheet(title, ">phi", ">depth", ">width", ">px", *costs, "blocks", "name", words=2)
    for row in document["family"]:
        sheet.add(
            f"{row['phi']:g}",
            f"{row['depth']:.2f}",
            f"{row['width']:.2f}",
            str(row["resolution"]),
            *cost_cells([first], row),
            f"{row['flops_ratio']:.2f}",
            f"{row['wanted_ratio']:.2f}",
            *cost_cells(others, row),
            "-".join(str(stage.repeats) for stage in net_from_document(row["net"]).stages),
            row["name"],
        )
    product = values["alpha"] * values["beta"] ** 2 * values["gamma"] ** 2
    note = f"a doubling nominally multiplies the cost by {product:.3f}; x base is what each net really costs"
    warning = [Text(document["note"], style="yellow")] if document.get("note") else []
    return Group(sheet, Text(note, style="dim"), *warning)
