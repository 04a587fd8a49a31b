"""Homes that are there, and homes that are not."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas_scale.errors import UserError
from nas_scale.paths import expanded
from nas_scale.training.data.cache import default_folder


def no_home(_: Path) -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_a_home_stands_for_its_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert expanded("~/x") == Path("/home/me/x")
    assert expanded("a~/x") == Path("a~/x")


def test_a_sign_without_a_home_is_part_of_a_name() -> None:
    assert expanded("~nosuchuser/x") == Path("~nosuchuser/x")


def test_a_user_without_a_home_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "expanduser", no_home)
    monkeypatch.delenv("NAS_SCALE_CACHE", raising=False)
    with pytest.raises(UserError, match=r"no folder for the image cache: .* has no home; .*or set NAS_SCALE_CACHE"):
        default_folder()
