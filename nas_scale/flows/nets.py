"""A NET as people name it: a known net, a YAML file, a run's best, or a run's third."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nas_scale.arch.files import known_nets, load_net, net_from_document
from nas_scale.arch.spec import Architecture
from nas_scale.errors import RunError, UserError
from nas_scale.runs.results import read_document
from nas_scale.runs.store import RECORD, find_run


def looks_like_run(text: str, results: Path) -> bool:
    """Whether `text` (without a `:place`) is the folder or the name of a run."""
    return any((folder / RECORD).is_file() for folder in (Path(text), results / text))


def find_net(text: str, results: Path = Path("results")) -> Architecture:
    """The net that `text` names. Raises UserError in one line, naming near misses."""
    name, _, place = text.partition(":")
    if text in known_nets() or Path(text).suffix in (".yaml", ".yml"):
        return load_net(text)
    if looks_like_run(name, results):
        return net_of_run(name, place, results)
    if place or (Path(text).is_dir() or text.startswith(f"{results}/")):
        raise RunError(f"there is no run {name!r} in {results}; nas-scale show lists the runs")
    return load_net(text)


def net_of_run(name: str, place: str, results: Path) -> Architecture:
    """The net at `place` (from 1; empty means the best) of a run's ranking or family."""
    run = find_run(results, name)
    document = read_document(run)
    rows: Sequence[dict[str, Any]] = [row for row in document.get("ranking") or document.get("family") or () if row.get("rank", 1) is not None]
    if place and (not place.isdecimal() or int(place) < 1):
        raise UserError(f"{name}:{place} names no place; write {name}:3 for the third")
    index = int(place or 1) - 1
    if index >= len(rows):
        raise UserError(f"{name} has {len(rows)} nets; there is no number {index + 1}")
    label = rows[index].get("name") or (f"{run.name}-{index + 1}" if place else run.name)
    return net_from_document(rows[index]["net"], label)
