"""What a run ends in: result.json in its folder, written whole or not at all, and read back as the same frozen type.

In the types a net's costs are one mapping by the metric's name; in JSON each is a field of the row that it belongs to.
`plain` and `typed` alone know of both.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeAlias, TypeVar, Union, get_args, get_origin

import msgspec

from nas_scale import atomic
from nas_scale.architecture.files import net_from_document
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import DamagedFileError, MissingFileError, NotationError, RunError, UserError
from nas_scale.files import json_of
from nas_scale.metrics.metric import ACTIVATIONS, FLOPS, LATENCY, PARAMS, metrics
from nas_scale.runs.resuming import resume_command
from nas_scale.runs.store import Run

FILE: Final = "result.json"
AGAIN: Final = "bring it back from a copy, or run it again under another name"
VERSION: Final = 1
# The costs that every row of a net has had since version 1; of a metric that is registered later, old files have none.
COUNTED: Final = (FLOPS.name, PARAMS.name, ACTIVATIONS.name)

# Figures by metric, which are fields of the row in JSON: what a net costs, is to cost, and may cost.
Costs: TypeAlias = Annotated[Mapping[str, int | float], msgspec.Meta(extra={"in JSON": ""})]
Targets: TypeAlias = Annotated[Mapping[str, int | float | None], msgspec.Meta(extra={"in JSON": "target_"})]
Most: TypeAlias = Annotated[Mapping[str, int | float], msgspec.Meta(extra={"in JSON": "max_"})]
PREFIX: Final = {Costs: "", Targets: "target_", Most: "max_"}
# A field that JSON leaves out where it is empty.
WhereAny: Final = msgspec.Meta(extra={"in JSON": "where any"})


class Result(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """The result of a command. version: of the format; a file without one has version 1."""

    version: int = VERSION


class NetRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row about one network. net: as `architecture.files.net_document` writes it."""

    net: Mapping[str, Any]

    def __post_init__(self) -> None:
        """Raises ValueError where the network cannot be read."""
        try:
            self.architecture()
        except NotationError as error:
            raise ValueError(f"`net`: {str(error).removeprefix('net: ')}") from error

    def architecture(self, name: str = "") -> Architecture:
        """The network, with this name. Raises NotationError."""
        return net_from_document(self.net, name)


R = TypeVar("R", bound=Result)


def write_result(run: Run, result: Result) -> None:
    """Writes the run's result file atomically. Raises UserError where it cannot be written."""
    atomic.write_text(run.folder / FILE, json.dumps(plain(result), indent=1, allow_nan=False) + "\n")


def read_result(run: Run, kind: type[R]) -> R:
    """The run's result. Raises RunError where there is none yet, or naming the file and the wrong field."""
    path = run.folder / FILE
    try:
        return typed(json_of(path), kind)
    except RunError as error:
        raise RunError(f"{path}: {error}") from None
    except MissingFileError:
        raise RunError(f"{run.folder} has no result yet: {_why(run)}") from None
    except DamagedFileError as error:
        raise RunError(f"{error}; {AGAIN}") from None
    except ValueError as error:  # msgspec's too
        raise RunError(f"{path} is damaged: {error}; {AGAIN}") from None


def plain(value: Any) -> Any:
    """A result, or any part of one, as plain values for JSON."""
    if isinstance(value, msgspec.Struct):
        return _plain_fields(value)
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, tuple | list) else value


def _plain_fields(value: msgspec.Struct) -> dict[str, Any]:
    config = value.__struct_config__
    found: dict[str, Any] = {str(config.tag_field): config.tag} if config.tag_field and config.tag else {}
    for item in msgspec.structs.fields(type(value)):
        part = plain(getattr(value, item.name))
        if item.type in PREFIX:
            figures = {f"{PREFIX[item.type]}{name}": figure for name, figure in part.items()}
            _refuse_taken(figures, value)
            found |= figures
        elif part or WhereAny not in getattr(item.type, "__metadata__", ()):
            found[item.encode_name] = part
    return found


def _refuse_taken(names: Iterable[str], row: msgspec.Struct) -> None:
    """Raises UserError where a metric has the name of a field of the row, of which it would take the place."""
    taken = sorted({*names} & {item.encode_name for item in msgspec.structs.fields(type(row))})
    if taken:
        raise UserError(f"a metric cannot be called {taken[0]!r}: {type(row).__name__} has a field of this name")


def typed(content: Any, kind: type[R]) -> R:
    """The result of type `kind` from plain values.

    Raises ValueError naming a missing or mistyped field, RunError where a newer nas-scale wrote them.
    """
    tag = kind.__struct_config__.tag
    if not isinstance(content, dict) or content.get("kind") != tag:
        raise ValueError(f"it is no result of {tag}: it must be an object whose `kind` is {tag!r}")
    version = content.get("version", VERSION)
    if isinstance(version, int) and version > VERSION:
        raise RunError(f"it is of a newer nas-scale (version {version}, this one reads {VERSION}); upgrade it")
    return msgspec.convert(_with_costs(content, kind, "$"), kind)


def _with_costs(value: Any, kind: Any, path: str) -> Any:
    """The same JSON, with the costs of every row in one mapping where the type has them so."""
    if get_origin(kind) is Annotated:
        return _with_costs(value, get_args(kind)[0], path)
    if get_origin(kind) in (Union, UnionType):
        (kind, *_) = (option for option in get_args(kind) if option is not NoneType)
    if isinstance(value, list) and get_origin(kind) is tuple:
        return [_with_costs(each, get_args(kind)[0], f"{path}[{at}]") for at, each in enumerate(value)]
    if not (isinstance(value, dict) and isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return value
    found = dict(value)
    for item in msgspec.structs.fields(kind):
        if item.type == Costs:
            found[item.encode_name] = _costs(value, path)
        elif item.type in (Targets, Most):
            prefix = PREFIX[item.type]
            fields_there = {field.removeprefix(prefix): field for field in value if field.startswith(prefix)}
            found[item.encode_name] = {name: value[fields_there[name]] for name in _metrics_among(fields_there)}
        elif item.encode_name in value:
            found[item.encode_name] = _with_costs(value[item.encode_name], item.type, f"{path}.{item.encode_name}")
    return found


def _costs(row: Mapping[str, Any], path: str) -> dict[str, int | float]:
    """The costs among a row's fields. Raises ValueError where one is missing, or no number."""
    for name in COUNTED:
        if name not in row:
            raise ValueError(f"Object missing required field `{name}` - at `{path}`")
    found = {name: row[name] for name in _metrics_among(row)}
    for name, cost in found.items():
        if not isinstance(cost, int | float) or isinstance(cost, bool):
            raise ValueError(f"Expected a number, got `{type(cost).__name__}` - at `{path}.{name}`")
    return found


def _metrics_among(names: Iterable[str]) -> list[str]:
    """Those that are metrics: registered ones in their order, then those of devices that may be gone by now."""
    there = list(names)
    registered = [metric.name for metric in metrics() if metric.name in there]
    return [*registered, *(name for name in there if name.startswith(f"{LATENCY}@") and name not in registered)]


def _why(run: Run) -> str:
    if run.state == "running":
        return "it is still at work"
    command = resume_command(run.record.command, run.name)
    return (
        f"it was interrupted; go on with: {command}"
        if command
        else "it was interrupted; call it again with resume=True"
    )
