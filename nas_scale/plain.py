"""Values as JSON has them, and a hash that tells whether two of them are equal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def as_json(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The specification as it comes back from a file: tuples are lists, keys are strings."""
    plain: dict[str, Any] = json.loads(json.dumps(spec, allow_nan=False))
    return plain
