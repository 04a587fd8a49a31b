"""Where things are shown: tables on stdout, messages and progress on stderr, JSON alone on stdout."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from rich.console import Console

PIPED_WIDTH = 160  # columns of a table that goes into a file or another program


def output() -> Console:
    """stdout; without colour and control characters when it is no terminal."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH, soft_wrap=False)


def messages() -> Console:
    """stderr."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else PIPED_WIDTH)


def print_json(document: Mapping[str, Any]) -> None:
    """The document alone on stdout."""
    sys.stdout.write(json.dumps(document, indent=1, allow_nan=False) + "\n")
