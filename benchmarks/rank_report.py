"""What proxy_rank.py shows: tau of every recipe and score as JSON and a table, and tau against seconds as a picture."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from macro_nets import BenchNet
from zero_cost_scores import zero_cost_scores

from nas_scale.atomic import write_bytes, write_text
from nas_scale.metrics.counts import cost
from nas_scale.statistics.agreement import Agreement, kendall
from nas_scale.statistics.variances import SeedNoise

Parts = Mapping[str, Sequence[BenchNet]]
Record = dict[str, Any]
WHOLE = "all 60"
READINGS = ("accuracy", "validation loss", "training loss")
WITH_ACTIVATIONS = "validation loss and activations"
MARKS = {"accuracy": "o", "validation loss": "s", "training loss": "^"}


def report(out: Path, name: str, parts: Parts, records: Sequence[Record], data: str) -> None:
    """Writes .json, .md and .svg beside `out`, and prints the table. Where it was trained is said of the last one."""
    groups = {**parts, WHOLE: [net for nets in parts.values() for net in nets]}
    found = {
        **records[-1]["made"],
        "list": name,
        "ceiling": {group: asdict(ceiling(nets)) for group, nets in groups.items()},
        "recipes": {recipe: of_recipe(kept, groups) for recipe, kept in by_recipe(records).items()},
        "judges": of_scores(zero_cost_scores(groups[WHOLE], data, out.with_suffix(".judges.json")), groups),
    }
    write_text(out.with_suffix(".json"), json.dumps(found, indent=1) + "\n")
    text = table(found)
    write_text(out.with_suffix(".md"), text)
    print(text)
    write_bytes(out.with_suffix(".svg"), picture(found))


def by_recipe(records: Sequence[Record]) -> dict[str, dict[str, Record]]:
    """Records by recipe, then by the net's code."""
    grouped: dict[str, dict[str, Record]] = {}
    for record in records:
        grouped.setdefault(record["recipe"], {})[record["code"]] = record
    return grouped


def readings(record: Record) -> dict[str, float]:
    """What a net's trainings say of it, larger is better; the mean over seeds. Training loss: of the last epoch."""
    return {
        "accuracy": statistics.fmean(record["accuracies"]),
        "validation loss": -statistics.fmean(record["val_losses"]),
        "training loss": -statistics.fmean(losses[-1] for losses in record["train_losses"]),
    }


def of_recipe(kept: Mapping[str, Record], groups: Parts) -> dict[str, Any]:
    """Tau by every reading in each group of nets, seconds a net, noise between seeds."""
    read = {code: readings(record) for code, record in kept.items()}
    taus: dict[str, dict[str, Any]] = {reading: {} for reading in (*READINGS, WITH_ACTIVATIONS)}
    for group, nets in groups.items():
        there = [net for net in nets if net.code in kept]
        scores = {reading: [read[net.code][reading] for net in there] for reading in READINGS}
        activations = [float(cost(net.net).activations) for net in there]
        scores[WITH_ACTIVATIONS] = together(scores["validation loss"], activations)
        for reading, by_group in taus.items():
            by_group[group] = asdict(kendall(scores[reading], [net.accuracy for net in there]))
    records = list(kept.values())
    return {
        "device": records[0]["device"],
        "training": records[0]["training"],
        "nets": len(records),
        "train_seconds": statistics.fmean(record["train_seconds"] for record in records),
        "seconds": statistics.fmean(record["seconds"] for record in records),
        "core_seconds": statistics.fmean(record["core_seconds"] for record in records),
        "accuracy": statistics.fmean(read[code]["accuracy"] for code in read),
        "seed_sd": SeedNoise.pooled(record["accuracies"] for record in records).sd,
        "tau": taus,
    }


def together(*scores: Sequence[float]) -> list[float]:
    """The sum of several scores of the same nets, each by its standard deviations among them."""
    standardised = [
        [(score - statistics.fmean(of_nets)) / (statistics.pstdev(of_nets) or 1.0) for score in of_nets]
        for of_nets in scores
        if of_nets
    ]
    return [sum(of_net) for of_net in zip(*standardised, strict=True)]


def of_scores(scores: Mapping[str, Mapping[str, float]], groups: Parts) -> dict[str, Any]:
    """Tau of every zero-cost score in each group of nets. scores: by name, then by code."""
    return {
        name: {
            group: asdict(kendall([by_code[net.code] for net in nets], [net.accuracy for net in nets]))
            for group, nets in groups.items()
        }
        for name, by_code in scores.items()
    }


def ceiling(nets: Sequence[BenchNet]) -> Agreement:
    """The benchmark's own first seed against the mean of its others: what no proxy of one training can be asked for."""
    return kendall([net.seeds[0] for net in nets], [statistics.fmean(net.seeds[1:]) for net in nets])


def cell(agreement: Mapping[str, Any]) -> str:
    if agreement["tau"] is None:
        return "-"
    if agreement["low"] is None:
        return f"{agreement['tau']:.2f}"
    return f"{agreement['tau']:.2f} ({agreement['low']:.2f} to {agreement['high']:.2f})"


def table(found: Mapping[str, Any]) -> str:
    """The report as Markdown."""
    groups = list(found["ceiling"])
    lines = [
        f"# Kendall's tau on NAS-Bench-Macro's {found['list']}, CIFAR-10",
        "",
        f"{found['device']}, torch {found['torch']}, Python {found['python']}, {found['date']}. "
        "In brackets: 95% bootstrap interval over nets.",
        "",
        "| score | " + " | ".join(groups) + " | s a net | CPU-s a net |",
        "|---" * (len(groups) + 3) + "|",
    ]
    for name, recipe in sorted(found["recipes"].items(), key=lambda item: item[1]["seconds"]):
        for reading, taus in recipe["tau"].items():
            cells = [cell(taus[group]) for group in groups]
            spent = [f"{recipe[key]:.1f}" for key in ("seconds", "core_seconds")]
            lines.append("| " + " | ".join([f"{name}, {reading}", *cells, *spent]) + " |")
    for name, taus in {**found["judges"], "one full training of the benchmark": found["ceiling"]}.items():
        lines.append("| " + " | ".join([name, *(cell(taus[group]) for group in groups), "", ""]) + " |")
    lines += ["", "| recipe | options | nets | accuracy | seed sd |", "|---|---|---|---|---|"]
    for name, recipe in found["recipes"].items():
        sd = "" if recipe["seed_sd"] is None else f"{recipe['seed_sd']:.2%}"
        lines.append(
            f"| {name} | {changed_options(recipe['training'])} | {recipe['nets']} | {recipe['accuracy']:.1%} | {sd} |"
        )
    return "\n".join(lines) + "\n"


def changed_options(training: Mapping[str, Any]) -> str:
    """A recipe's options that differ from Training's own defaults."""
    from nas_scale.commands.shared.training import Training

    usual = asdict(Training())
    return ", ".join(f"{key} {value}" for key, value in training.items() if key != "data" and value != usual.get(key))


def draw_reading(axis: Any, recipes: Mapping[str, Any], reading: str, group: str, seconds_key: str) -> None:
    """One reading's taus against seconds, the recipe's name beside the accuracy's."""
    points = [(name, each[seconds_key], each["tau"][reading][group]) for name, each in recipes.items()]
    points = sorted((point for point in points if point[2]["low"] is not None), key=lambda point: point[1])
    seconds, taus = [point[1] for point in points], [point[2]["tau"] for point in points]
    below = [point[2]["tau"] - point[2]["low"] for point in points]
    above = [point[2]["high"] - point[2]["tau"] for point in points]
    axis.errorbar(seconds, taus, yerr=[below, above], fmt=MARKS[reading], capsize=3, alpha=0.8, label=reading)
    if reading == READINGS[0]:
        for name, where, agreement in points:
            axis.annotate(name, (where, agreement["tau"]), xytext=(4, 4), textcoords="offset points", fontsize=7)


def picture(found: Mapping[str, Any]) -> bytes:
    """Tau against seconds a net, across the space and inside the band, as SVG; activations as a dashed line."""
    import io

    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams.update({"svg.hashsalt": "proxy_rank", "svg.fonttype": "none"})  # the same bytes each time
    from matplotlib import pyplot

    on_cpu = all(recipe["device"] == "cpu" for recipe in found["recipes"].values())
    seconds_key = "core_seconds" if on_cpu else "seconds"  # a core's own, which others' work lengthens less
    figure, axes = pyplot.subplots(1, 2, figsize=(11, 4), sharey=True, layout="constrained")
    for axis, group in zip(axes, ("across", "band"), strict=True):
        for reading in READINGS:
            draw_reading(axis, found["recipes"], reading, group, seconds_key)
        for (name, given), color in zip(found["judges"].items(), matplotlib.colormaps["Set2"](range(8)), strict=False):
            if given[group]["tau"] is not None:
                axis.axhline(given[group]["tau"], linestyle="--", linewidth=1, color=color, label=name)
        axis.set_title({"across": "across the space", "band": "inside the 45-55% FLOPs band"}[group])
        axis.set_xlabel(f"{'CPU-' if on_cpu else ''}seconds a net ({found['device']})")
        axis.set_xscale("log")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("Kendall's tau, 95% interval")
    figure.legend(*axes[0].get_legend_handles_labels(), fontsize=8, loc="outside right upper")
    drawn = io.BytesIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    pyplot.close(figure)
    return drawn.getvalue()
