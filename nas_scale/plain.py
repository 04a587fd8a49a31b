"""Values as JSON has them, and a hash that tells whether two of them are equal."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any


def as_json(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The specification as it comes back from a file: tuples are lists, keys are strings."""
    plain: dict[str, Any] = json.loads(json.dumps(spec, allow_nan=False))
    return plain


def fingerprint(value: Any, version: int) -> str:
    """16 hexadecimal digits that change with any of these plain values, and with the version of what they mean."""
    canonical = json.dumps({"version": version, "value": value}, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]


def finite(value: Any) -> Any:
    """Plain values with None for what is no finite number, which JSON cannot say."""
    if isinstance(value, Mapping):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
