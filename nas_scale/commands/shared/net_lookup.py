"""A NET as people name it: a known net, a YAML file, a run's best, or a run's third."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from nas_scale.architecture.files import known_nets, load_net, net_document, net_from_document
from nas_scale.architecture.space import SearchSpace, canonical
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import RunError, UserError
from nas_scale.metrics.metric import costs_of
from nas_scale.runs.results import read_document
from nas_scale.runs.store import RECORD, Run, find_run, latest


def net_attributes(arch: Architecture) -> dict[str, Any]:
    """A net and what it costs, as a trial keeps them."""
    return {"net": net_document(arch), **costs_of(arch)}


def run_named(text: str, results: Path) -> Run | None:
    """The run that `text` names, by name or folder, with or without a `:place`; None where it names none."""
    if text in known_nets() or Path(text).suffix in (".yaml", ".yml"):
        return None
    name = text.rpartition(":")[0]
    for candidate in (text, name):
        if candidate and any(os.path.isfile(folder / RECORD) for folder in (Path(candidate), results / candidate)):
            return find_run(results, candidate)
    return None


def find_net(text: str, results: Path) -> Architecture:
    """The net that `text` names. Raises UserError in one line, naming near misses."""
    run = run_named(text, results)
    if run is not None:
        return net_of_run(run, text)
    if text not in known_nets() and (":" in text or os.path.isdir(text) or Path(text).parent == results):
        raise RunError(f"there is no run {text!r}; nas-scale show lists the runs in {results}")
    return load_net(text)


def net_of_run(run: Run, text: str) -> Architecture:
    """The net of a run that `text`, its name with or without `:place` (from 1), means.

    Raises UserError.
    """
    name, colon, place = (text, "", "") if Path(text).name == run.name else text.rpartition(":")
    rows = [row for row in _rows(read_document(run)) if row.get("rank", 1) is not None]
    if colon and (not place.isdecimal() or int(place) < 1):
        raise UserError(f"{text} names no place; write {name}:3 for the third")
    index = int(place or 1) - 1
    if index >= len(rows):
        raise UserError(f"{name} has {len(rows)} net{'s' if len(rows) != 1 else ''}; there is no number {index + 1}")
    label = rows[index].get("name") or (f"{run.name}-{index + 1}" if colon else run.name)
    return net_from_document(rows[index]["net"], label)


def _rows(document: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The nets of a run's document, the best first; a family's are those it grew."""
    if document["kind"] == "family":
        return _rows(document["expand"])
    key = {"search": "ranking", "grid": "candidates", "expand": "family", "certify": "nets"}[document["kind"]]
    return list(document[key])


def last_search(results: Path) -> Run:
    """The latest complete search. Raises UserError where there is none."""
    run = latest(results, "search")
    if run is None:
        raise UserError(
            f"there is no finished search in {results}; give --baseline efficientnet-b0, or run nas-scale search first"
        )
    return run


def net_key(arch: Architecture) -> str:
    """Equal for nets that compute the same."""
    return hashlib.sha256(repr(replace(canonical(arch), name="")).encode()).hexdigest()[:16]


def reference_net(space: SearchSpace) -> Architecture:
    """A net of the space whose strides and resolution the proxy's are measured against."""
    net = space.resolve(lambda choice: choice.options[-1])
    return replace(net, name=space.name)
