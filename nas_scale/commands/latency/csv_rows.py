"""Somebody's measurements from a CSV file: nets as notation, names or files, and how long they took."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final, get_args

from nas_scale import numbers
from nas_scale.architecture.files import net_document, net_from_document
from nas_scale.architecture.spec import Architecture, Op
from nas_scale.commands.shared.net_lookup import find_net
from nas_scale.devices.measurement import Measurement
from nas_scale.errors import NasScaleError, NotationError, UserError
from nas_scale.files import text_of
from nas_scale.numbers import shortened

# What a column of times may be called, with what its plain numbers are of; where that is "", each has to say so.
TIMES: Final = {
    **dict.fromkeys(("milliseconds", "ms", "latency_ms", "time_ms"), "ms"),
    **dict.fromkeys(("microseconds", "us", "latency_us"), "us"),
    **dict.fromkeys(("seconds", "s", "latency_s"), "s"),
    **dict.fromkeys(("latency", "time"), ""),
}
# Beside the stages of a notation.
OF_NET: Final = (
    *("resolution", "classes", "stem", "stem_stride", "stem_kernel", "stem_pool", "head", "head_kind", "act"),
)
OF_NAMED: Final = ("resolution", "classes")  # of a net that is known otherwise
MOST_BATCH: Final = 65536
LARGEST: Final = 64 * 2**20  # bytes; a row has 100
_STAGE: Final = re.compile(rf"\+?({'|'.join(get_args(Op))})(_|$)")
NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
EXAMPLE: Final = "net,milliseconds"


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A line of the file, counted from 1 with the header."""

    line: int
    measurement: Measurement


def read_rows(path: Path, results: Path) -> list[CsvRow]:
    """All rows of a CSV file. Raises UserError naming the line that is wrong.

    Columns: `net`, which is a known net, a YAML file, a run, stages in notation (parted by blanks, commas or |) or a
    net as JSON; one of TIMES; where wanted `batch`, and OF_NET. Other columns are passed over.
    """
    lines = text_of(path, LARGEST).split("\n")
    reader = csv.reader(lines, skipinitialspace=True, delimiter=_delimiter(lines))
    header = [name.strip().lower() for name in next(_rows(reader, path), [])]
    column = _time_column(header, path)
    return [
        CsvRow(line, _measurement(dict(zip(header, cells, strict=False)), column, path, line, results))
        for line, cells in _cells(reader, path)
    ]


def _delimiter(lines: list[str]) -> str:
    first = lines[0] if lines else ""
    return max(",;\t", key=first.count)


def _rows(reader: Iterator[list[str]], path: Path) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: {error}") from None  # type: ignore[attr-defined]


def _cells(reader: Iterator[list[str]], path: Path) -> Iterator[tuple[int, list[str]]]:
    for cells in _rows(reader, path):
        if any(cell.strip() for cell in cells) and not cells[0].startswith("#"):
            yield reader.line_num, cells  # type: ignore[attr-defined]


def _time_column(header: list[str], path: Path) -> str:
    column = next((name for name in header if name in TIMES), None)
    if "net" not in header or column is None:
        missing = "`net`" if "net" not in header else "of times, e.g. `milliseconds`"
        raise UserError(f"{path} has no column {missing}; its first line has to name the columns, e.g. {EXAMPLE}")
    return column


def _measurement(cells: Mapping[str, str], column: str, path: Path, line: int, results: Path) -> Measurement:
    try:
        net = net_of_text(cells.get("net", "").strip(), results, path.parent, _given(cells))
        return Measurement(net, _milliseconds(cells.get(column, "").strip(), column), _batch(cells.get("batch", "")))
    except NasScaleError as error:
        raise UserError(f"{path}, line {line}: {error}") from None


def _given(cells: Mapping[str, str]) -> dict[str, str]:
    """What a line says of its net beside the stages."""
    return {name: cells[name].strip() for name in OF_NET if cells.get(name, "").strip()}


def _batch(text: str) -> int:
    try:
        batch = numbers.whole(text.strip() or "1")
    except UserError:
        batch = 0
    if not 1 <= batch <= MOST_BATCH:
        raise UserError(f"batch {shortened(text)} must be a whole number of 1 to {MOST_BATCH}")
    return batch


def _milliseconds(text: str, column: str) -> float:
    unit = TIMES[column]
    bare = re.fullmatch(r"[-+0-9.eE]+|nan|inf", text) is not None
    if bare and not unit:
        raise UserError(f"{text[:20]} has no unit; write {text[:20]}ms, or call the column milliseconds")
    return numbers.read_milliseconds(f"{text}{unit}" if bare else text)


def net_of_text(text: str, results: Path, folder: Path = Path(), given: Mapping[str, str] = NOTHING) -> Architecture:
    """A known net, a YAML file (also beside those of `folder`), a run, a net as JSON, or stages in notation.

    given: properties beside the stages, as far as they hold for what is named so. Raises NasScaleError.
    """
    if not text:
        raise UserError("there is no net")
    parts = [part for part in re.split(r"[\s,|;]+", text) if part]
    if all(_STAGE.match(part) for part in parts):
        return net_from_document({**given, "stages": parts})
    if text.startswith("{"):
        net = _from_json(text)
    else:
        beside = folder / text
        net = find_net(str(beside) if beside.suffix in (".yaml", ".yml") and beside.is_file() else text, results)
    own = {name: given[name] for name in OF_NAMED if name in given}
    return net_from_document({**net_document(net), **own}, net.name) if own else net


def _from_json(text: str) -> Architecture:
    try:
        return net_from_document(json.loads(text))
    except NotationError:
        raise
    except (ValueError, AttributeError, RecursionError):
        raise UserError(f"{shortened(text)} is no net as JSON") from None
