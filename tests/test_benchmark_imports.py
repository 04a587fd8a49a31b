"""Benchmarks are run by hand, and seldom: what they import from the package has to be there all the same."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

BENCHMARKS = sorted((Path(__file__).parent.parent / "benchmarks").glob("*.py"))


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_what_a_benchmark_imports_exists(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "nas_scale":
            module = importlib.import_module(node.module or "")
            for name in node.names:
                submodule = (
                    importlib.util.find_spec(f"{node.module}.{name.name}") if hasattr(module, "__path__") else None
                )
                assert hasattr(module, name.name) or submodule is not None, f"{path.name}:{node.lineno}: {name.name}"
