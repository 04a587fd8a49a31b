"""Kendall's tau of the nets that proxy_rank.py has trained, as far as it came: its own report scores all nets without
training too, which takes a core minutes."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import macro_nets
from gpu_rows import keep
from proxy_rank import read_records
from rank_report import by_recipe, readings

from nas_scale.metrics.counts import cost
from nas_scale.statistics.agreement import kendall


def keep_taus(out: Path, bench: Path) -> None:
    """A row for every recipe and part of the list. Raises SystemExit where nothing was trained."""
    records = read_records(out)
    if not records:
        raise SystemExit("proxy_rank.py trained nothing")
    table = json.loads(bench.read_text())
    parts = macro_nets.read_lists()["list-1"]
    for recipe, by_code in by_recipe(records).items():
        for part, codes in parts.items():
            there = [by_code[code] for code in codes if code in by_code]
            if there:
                keep(recipe=recipe, part=part, **agreement(there, table))


def trained(out: Path) -> bool:
    """Whether there is anything in the file yet."""
    return bool(read_records(out))


def agreement(records: list[dict[str, Any]], table: Mapping[str, Any]) -> dict[str, Any]:
    """Taus of these nets' trainings with their accuracies in the benchmark, and what a net took."""
    truth = [statistics.fmean(table[record["code"]]["test_acc"]) for record in records]
    space = macro_nets.load_space(macro_nets.SPACE)
    read = [readings(record) for record in records]
    scores = {name: [each[name] for each in read] for name in read[0]}
    scores["activations"] = [float(cost(macro_nets.net_of(space, record["code"])).activations) for record in records]
    return {
        "nets": len(records),
        "seconds_a_net": statistics.fmean(record["seconds"] for record in records),
        "train_seconds_a_net": statistics.fmean(record["train_seconds"] for record in records),
        "tau": {name: asdict(kendall(of_nets, truth)) for name, of_nets in scores.items()},
    }
