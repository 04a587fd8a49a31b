"""A NET as people name it: a known net, a YAML file, a run's best, a run's third, or another library's network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec

from nas_scale import numbers
from nas_scale.architecture.files import known_nets, load_net, net_document, net_from_document
from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.certify.result import CertifyResult
from nas_scale.commands.compare.result import CompareResult
from nas_scale.commands.family.result import FamilyResult
from nas_scale.commands.grid.result import GridResult
from nas_scale.commands.results import AnyResult, read_any
from nas_scale.commands.search.result import SearchResult
from nas_scale.errors import RunError, UserError
from nas_scale.metrics.metric import costs_of, metrics
from nas_scale.numbers import shortened
from nas_scale.paths import path_text
from nas_scale.runs.results import NetRow
from nas_scale.runs.store import RECORD, Run, find_run, latest
from nas_scale.trials.finished import damage_named

AnyNet: TypeAlias = str | os.PathLike[str] | Architecture
LIBRARIES: Final = ("timm", "torchvision")


def net_attributes(arch: Architecture) -> dict[str, Any]:
    """A net and what it costs, as a trial keeps them."""
    return {"net": net_document(arch), **costs_of(arch)}


def stored_net(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    """A trial's network, from its attributes. Raises RunError where it cannot be read."""
    with damage_named("a trial's attribute 'net'"):
        net: Mapping[str, Any] = msgspec.convert(attributes.get("net"), dict[str, Any])
        net_from_document(net)
    return net


def stored_costs(attributes: Mapping[str, Any]) -> dict[str, float]:
    """The costs of a trial's network by metric, from its attributes; counted again where a metric is newer than it.

    Raises RunError where one is no number.
    """
    names = [metric.name for metric in metrics()]
    if not all(name in attributes for name in names):
        return costs_of(net_from_document(stored_net(attributes)))
    with damage_named("a trial's costs"):
        return msgspec.convert({name: attributes[name] for name in names}, dict[str, int | float])


def of_library(text: str) -> bool:
    """Whether `text` names another library's network: `timm:NAME` or `torchvision:NAME`."""
    library, colon, _ = text.partition(":")
    return bool(colon) and library in LIBRARIES


def run_named(text: str, results: Path) -> Run | None:
    """The run that `text` names, by name or folder, with or without a `:place`; None where it names none."""
    text = path_text(text, "net")
    if text in known_nets() or of_library(text) or Path(text).suffix in (".yaml", ".yml"):
        return None
    name = text.rpartition(":")[0]
    for candidate in (text, name):
        if candidate and any(os.path.isfile(folder / RECORD) for folder in (Path(candidate), results / candidate)):
            return find_run(results, candidate)
    return None


def find_net(text: str, results: Path) -> Architecture:
    """The net that `text` names.

    Raises UserError in one line, naming near misses; NotationError for another library's that has no notation.
    """
    run = run_named(text, results)
    if run is not None:
        return net_of_run(run, text)
    if of_library(text):
        from nas_scale.nets.reading.architecture_read import architecture_of

        return architecture_of(text)
    is_file = Path(text).suffix in (".yaml", ".yml")
    if (
        text not in known_nets()
        and not is_file
        and (":" in text or os.path.isdir(text) or Path(text).parent == results)
    ):
        raise RunError(f"there is no run {text!r}; nas-scale show lists the runs in {results}")
    return load_net(text)


def net_of_run(run: Run, text: str) -> Architecture:
    """The net of a run that `text`, its name with or without `:place` (from 1), means.

    Raises UserError.
    """
    found = named_nets(read_any(run))
    index = index_named(run, text, len(found))
    label, net = found[index]
    return net.architecture(label or (run.name if Path(text).name == run.name else f"{run.name}-{index + 1}"))


def index_named(run: Run, text: str, count: int) -> int:
    """The index, from 0, of the net of a run with `count` nets that `text` means; 0 where it names no place.

    Raises UserError.
    """
    place = place_named(run, text)
    index = (place or 1) - 1
    if index >= count:
        name = text if place is None else text.rpartition(":")[0]
        raise UserError(f"{name} has {count} net{'s' if count != 1 else ''}; there is no number {index + 1}")
    return index


def place_named(run: Run, text: str) -> int | None:
    """The place, from 1, that `text`, a run's name with or without `:place`, names; None where it names none.

    Raises UserError where what stands there is no place.
    """
    if Path(text).name == run.name:
        return None
    name, _, place = text.rpartition(":")
    if _place(place) < 1:
        raise UserError(f"{shortened(text)} names no place; write {name}:3 for the third")
    return _place(place)


def _place(text: str) -> int:
    """A place from 1; 0 where the text is none."""
    try:
        return max(0, numbers.whole(text))
    except UserError:
        return 0


def named_nets(result: AnyResult) -> list[tuple[str, NetRow]]:
    """The nets of a result, the best first, with their names where they have any; a family's are those it grew."""
    match result:
        case SearchResult():
            return [("", row) for row in result.ranked]
        case GridResult():
            return [("", row) for row in result.candidates if row.rank is not None]
        case CertifyResult():
            return [("", row) for row in result.nets]
        case CompareResult():
            return [(row.name, row) for row in result.nets if row.state != "failed"]
        case FamilyResult():
            return named_nets(result.expand)
    return [(member.name, member) for member in result.members]


def last_search(results: Path) -> Run:
    """The latest complete search. Raises UserError where there is none."""
    run = latest(results, "search")
    if run is None:
        raise UserError(
            f"there is no finished search in {results}; give --baseline efficientnet-b0, or run nas-scale search first"
        )
    return run


def reference_net(space: SearchSpace) -> Architecture:
    """A net of the space whose strides and resolution the proxy's are measured against."""
    net = space.resolve(lambda choice: choice.options[-1])
    return replace(net, name=space.name)
