"""Imports run one way, heavy ones where they are used; modules are short, names are unique, rooms say what they are."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "nas_scale"

# From the bottom up; packages of one row do not import each other.
ROWS = (
    {"errors"},
    {"atomic", "confidence", "extras", "files", "numbers", "optuna_private", "paths", "plain", "printable"},
    {"architecture"},
    {"metrics"},
    {"engines"},
    {"nets"},
    {"training", "devices"},
    {"feasible", "scaling", "zero_cost"},
    {"samplers", "trials"},
    {"runs", "statistics"},
    {"commands"},
    {"show"},
    {"cli"},
)
LEVEL = {name: level for level, row in enumerate(ROWS) for name in row}

# What takes long to import, and where it may stand at the top of a module: where its classes are extended or nothing
# works without it. Elsewhere it waits until the function that needs it runs.
HEAVY = {
    "torch",
    "optuna",
    "ray",
    "fvcore",
    "sklearn",
    "scipy",
    "matplotlib",
    "filelock",
    "torchvision",
    "timm",
    "tensorboardX",
    "onnx",
    "onnxruntime",
}
AT_THE_TOP = {
    "nets/": "torch",
    "devices/runtimes/": "torch",
    "zero_cost/networks.py": "torch",
    "training/augment.py": "torch",
    "training/capture.py": "torch",
    "training/fit.py": "torch",
    "training/half.py": "torch",
    "training/images.py": "torch",
    "training/memory.py": "torch",
    "training/policy.py": "torch",
    "training/rmsprop.py": "torch",
    "training/trainer.py": "torch",
    "samplers/": "optuna",
    "samplers/controller/policy.py": "torch",
    "scaling/sampler.py": "optuna",
    "trials/hindsight.py": "optuna",
}

LONGEST = 300  # lines of a module

# Names that several modules define at their top level, and why: the two halves, or the implementations, of one thing.
COMMANDS = ("certify", "compare", "expand", "family", "grid", "profile", "search")
SHARED_NAMES = {
    **dict.fromkeys(COMMANDS, "a command, of the command line and of the Python API"),
    "prepare": "the same step of search, grid, compare and certify",
    "estimate": "the same step of search, grid and certify",
    "spaces": "a command, and the completion of the names that it lists",
    "build": "of an architecture, and in the Python API of whatever names one",
    "load_net": "by a known name or from a file, and in the Python API from a run too",
}
PAIRS = ({"cli", "commands"}, {"nets", "commands"}, {"architecture", "commands"})


def _sources() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def _imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every module that is imported anywhere in the tree, in functions and under TYPE_CHECKING too, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = str(node.module)
            if module == "nas_scale":
                for alias in node.names:
                    yield f"nas_scale.{alias.name}", node.lineno
            else:
                yield module, node.lineno


def _home(module: str) -> str | None:
    """The package or base module inside nas_scale, or None for anything else."""
    parts = module.split(".")
    return parts[1] if parts[0] == "nas_scale" and len(parts) > 1 and parts[1] != "__version__" else None


def _violations(owner: str, source: str) -> list[str]:
    """Imports of `source`, a module of `owner`, that do not run downwards."""
    wrong = []
    for module, line in _imported(ast.parse(source)):
        home = _home(module)
        if home is None or home == owner:
            continue
        if home not in LEVEL or LEVEL[home] >= LEVEL[owner]:
            wrong.append(f"line {line}: {owner} imports {module}")
    return wrong


def _owner(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_package_has_its_row() -> None:
    assert {_owner(path) for path in _sources()} <= set(LEVEL)


@pytest.mark.parametrize("path", _sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_run_one_way(path: Path) -> None:
    assert _violations(_owner(path), path.read_text()) == []


@pytest.mark.parametrize(
    ("owner", "source"),
    [
        ("architecture", "from nas_scale.nets.build import build"),
        ("architecture", "import nas_scale.training.job"),
        ("architecture", "def f():\n    from nas_scale import commands"),
        ("architecture", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from nas_scale.cli import main"),
        ("engines", "from nas_scale.training.job import Job"),
        ("errors", "from nas_scale.numbers import count"),
        ("runs", "from nas_scale.newcomer import x"),
    ],
)
def test_an_import_that_runs_up_is_noticed(owner: str, source: str) -> None:
    assert len(_violations(owner, source)) == 1


def test_what_is_heavy_is_imported_where_it_is_used() -> None:
    wrong = []
    for path in _sources():
        name = str(path.relative_to(PACKAGE))
        allowed = {library for place, library in AT_THE_TOP.items() if name.startswith(place)}
        for node in ast.parse(path.read_text()).body:
            for module, line in _imported(node) if isinstance(node, ast.Import | ast.ImportFrom) else ():
                if module.split(".")[0] in HEAVY - allowed:
                    wrong.append(f"{name}:{line} imports {module}")
    assert wrong == []


@pytest.mark.parametrize(
    "module",
    [
        "nas_scale",
        "nas_scale.architecture.files",
        "nas_scale.scaling.candidates",
        "nas_scale.training.job",
        "nas_scale.training.data",
    ],
)
def test_a_light_module_loads_nothing_heavy(module: str) -> None:
    code = (
        f"import sys, {module}\n"
        "heavy = {'torch', 'optuna', 'ray', 'pydantic', 'sklearn', 'scipy', 'fvcore', 'pandas', 'torchvision', 'PIL'}\n"
        "sys.exit(', '.join(sorted(heavy & set(sys.modules))) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_public_names_are_where_they_are_said_to_be() -> None:
    import nas_scale

    for name in nas_scale.__all__:
        assert callable(getattr(nas_scale, name))
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        nas_scale.nothing  # noqa: B018


@pytest.mark.parametrize("path", _sources(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_is_long(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= LONGEST


def _shared_names() -> dict[str, tuple[str, ...]]:
    """The public classes and functions that several modules define, each with these modules."""
    modules: dict[str, list[str]] = {}
    for path in _sources():
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                found = modules.setdefault(node.name, [])
                if (module := str(path.relative_to(PACKAGE))) not in found:  # overloads are one function
                    found.append(module)
    return {name: tuple(found) for name, found in modules.items() if len(found) > 1}


def test_no_name_is_defined_for_two_things() -> None:
    def is_pair(name: str, modules: tuple[str, ...]) -> bool:
        rooms = {module.split("/")[0] for module in modules}
        return name in SHARED_NAMES and any(rooms <= pair for pair in PAIRS)

    shared = _shared_names()
    assert {name: modules for name, modules in shared.items() if not is_pair(name, modules)} == {}
    assert set(SHARED_NAMES) <= set(shared), "a name that is not shared any more needs no reason"


@pytest.mark.parametrize("room", sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py")))
def test_a_room_says_what_it_is_for_and_what_may_not_be_in_it(room: str) -> None:
    text = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text())) or ""
    purpose, _, excluded = text.partition("\n\n")
    assert purpose.endswith(".")
    assert "\n" not in purpose
    assert excluded.startswith("No")
