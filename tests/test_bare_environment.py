"""The tests that a GPU machine runs are found where little more than torch is installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GPU_TESTS = [f"tests/training/test_{name}.py" for name in ("gpu", "equivalence", "capture")]
ABSENT = (
    "fvcore",
    "hypothesis",
    "matplotlib",
    "optuna",
    "ray",
    "sqlalchemy",
    "tensorboardX",
    "timm",
    "torchvision",
    "xdist",
)
ABSENCE = f"""
# Python imports this at its start. To look for such a package finds nothing, as torch does to know what it may use.
import sys
from importlib.machinery import PathFinder


class Without(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in {ABSENT!r} else super().find_spec(name, path, target)


sys.meta_path[sys.meta_path.index(PathFinder)] = Without
"""


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a Python without these packages, and of a pytest that looks for no plugins."""
    (tmp_path / "sitecustomize.py").write_text(ABSENCE)
    return {**os.environ, "PYTHONPATH": str(tmp_path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}


def _run(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", ABSENT)
def test_the_bare_environment_lacks_the_packages(bare: dict[str, str], package: str) -> None:
    done = _run(bare, "-c", f"import {package}")
    assert done.returncode == 1
    assert f"No module named '{package}'" in done.stderr


def test_the_gpu_tests_are_collected_without_them(bare: dict[str, str]) -> None:
    done = _run(bare, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q", *GPU_TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    for file in GPU_TESTS:
        assert f"{file}::test_" in done.stdout


def test_tests_run_there_too(bare: dict[str, str]) -> None:
    """What the root conftest does around every test needs no database and no properties."""
    done = _run(bare, "-m", "pytest", "-p", "no:cacheprovider", "-q", "tests/training/test_schedule.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
