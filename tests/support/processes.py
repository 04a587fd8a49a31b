"""Which tests start processes, found by what their functions use."""

from __future__ import annotations

import inspect
import multiprocessing
import subprocess
from collections.abc import Iterable
from types import CodeType, FunctionType
from typing import Any, Final

import pytest

STARTERS: Final = ("subprocess", "multiprocessing", "LocalEngine", "RayEngine", "ProcessPoolExecutor")


def starts_processes(item: pytest.Function) -> bool:
    """Whether the test, a fixture of its module that it asks for, or a helper that one of these calls starts any."""
    fixtures = [vars(item.module)[name] for name in item.fixturenames if name in vars(item.module)]
    return _reaches_a_starter([item.function, *fixtures], set())


def _reaches_a_starter(values: Iterable[Any], seen: set[FunctionType]) -> bool:
    """Whether any of these is a starter or a function of the tests that names one, at any depth."""
    for value in values:
        if value is subprocess or value is multiprocessing or getattr(value, "__name__", "") in STARTERS:
            return True
        function = inspect.unwrap(value) if callable(value) else value
        if isinstance(function, FunctionType) and function.__module__.startswith("test") and function not in seen:
            seen.add(function)
            known = function.__globals__
            if _reaches_a_starter([known[name] for name in _names(function.__code__) if name in known], seen):
                return True
    return False


def _names(code: CodeType) -> set[str]:
    """The global names that a function uses, those of functions inside it too."""
    inner = (constant for constant in code.co_consts if isinstance(constant, CodeType))
    return set(code.co_names).union(*(_names(constant) for constant in inner))
