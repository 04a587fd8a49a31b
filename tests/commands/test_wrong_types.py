"""Values of wrong types in the Python API: where a name or a path is wanted, each is refused in a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nas_scale import check_latency, expand, load_space, search
from nas_scale.errors import UserError

CALLS: dict[str, Callable[[Any], object]] = {
    "space": load_space,
    "net": lambda value: expand(baseline=value, coefficients="efficientnet"),
    "device": check_latency,
    "folder of runs": lambda value: search(target_flops="400M", device="cpu", results=value),
}


@pytest.mark.parametrize("value", [True, 1.5, b"x", ["a"], {"a": 1}, int])
@pytest.mark.parametrize("what", CALLS)
def test_what_is_no_text_is_refused(what: str, value: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"is no {what}; give a name or a path as text"):
        CALLS[what](value)
