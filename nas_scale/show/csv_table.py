"""A result's rows as CSV, for spreadsheets and data frames: exact figures under the names that JSON gives them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from nas_scale.printable import REPLACEMENT, printable
from nas_scale.runs.results import plain

_FORMULA: Final = ("=", "+", "-", "@")  # a spreadsheet computes a text that begins so
_LEFT_OUT: Final = f" \t\n\xa0{REPLACEMENT}"  # before it, as far as some spreadsheets are concerned


def csv_text(rows: Sequence[Any], columns: Sequence[str] = ()) -> str:
    """A header and a line for each row (a result's row, or plain values), quoted as RFC 4180 says, lines ended by \\n.

    A field inside another is named with a dot (`net.stem`), a list is JSON in one cell, None is empty. Control
    characters are replaced, and a text that a spreadsheet would take for a formula has an apostrophe before it; a
    number never has. columns: the header where there are no rows.
    """
    found = [dict(_cells(plain(row))) for row in rows]
    names = list(dict.fromkeys(name for row in found for name in row)) or list(columns)
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(found)
    return text.getvalue()


def _cells(row: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _cells(value, f"{prefix}{name}.")
        else:
            yield prefix + name, _cell(value)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        return json.dumps(value)
    text = printable(value)
    return f"'{text}" if text.lstrip(_LEFT_OUT).startswith(_FORMULA) else text
