"""Says which images of a data set are broken: a few in the line, all of them in a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from nas_scale import atomic
from nas_scale.errors import DataError
from nas_scale.printable import one_line

_SHOWN: Final = 5
_ADVICE: Final = "repair or remove {}, or go on without {} by --skip-broken"


def broken_images(broken: Sequence[tuple[str, str]], place: Path) -> DataError:
    """The error that names broken images, each with its reason; where they are more than five, the file `place` lists
    all of them."""
    if len(broken) == 1:
        [(name, reason)] = broken
        return DataError(f"{one_line(name)} cannot be read as an image ({reason}); {_ADVICE.format('it', 'it')}")
    said = [f"{name} ({reason})" for name, reason in broken]
    line = f"{len(broken):,} files cannot be read as images: {one_line(', '.join(said[:_SHOWN]))}"
    if len(broken) > _SHOWN:
        atomic.write_bytes(place, "".join(f"{one}\n" for one in said).encode("utf-8", "surrogateescape"))
        line += f" and {len(broken) - _SHOWN:,} more, all listed in {place}"
    return DataError(f"{line}; {_ADVICE.format('them', 'them')}")
