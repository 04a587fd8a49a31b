"""Modules of benchmarks/, which are scripts beside the package and import each other by their names."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


def benchmark(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module of this name, found as the scripts themselves find it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return importlib.import_module(name)
