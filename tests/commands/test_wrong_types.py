"""Values of wrong types in the Python API: where a name or a path is wanted, each is refused in a line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nas_scale import check_latency, expand, load_space, profile, search
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


@pytest.mark.parametrize("nets", [None, 1.5, b"x", [True], [["efficientnet-b0"]]])
def test_what_is_no_net_cannot_be_profiled(nets: Any) -> None:
    with pytest.raises(UserError, match="is no net; give a name or a path as text"):
        profile(nets)


def test_paths_are_profiled_as_their_texts_are(tmp_path: Path) -> None:
    (tmp_path / "small.yaml").write_text("stages: |\n  ir_r1_k3_s1_e6_c16\n")
    assert profile(tmp_path / "small.yaml") == profile([str(tmp_path / "small.yaml")])
