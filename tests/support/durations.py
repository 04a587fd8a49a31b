"""How long each test took when that was last recorded, and which tests are short enough to be run.

tests/durations.json has the seconds of the longest case of every test function that took at least SHORTEST seconds
(`make durations`, two processes side by side); what is not in it is short, or new.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

RECORDED: Final = Path(__file__).parent.parent / "durations.json"
SHORTEST: Final = 0.3  # `make test-quick` asks for less: it runs what is not recorded


def function_of(name: str) -> str:
    """The test function of a case's name: `path::function[case]` without the case."""
    return name.partition("[")[0]


def divided(items: Iterable[pytest.Item], at_most: float) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The tests that took at most so many seconds, and the others."""
    recorded: dict[str, float] = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    short: list[pytest.Item] = []
    long: list[pytest.Item] = []
    for item in items:
        (short if recorded.get(function_of(item.nodeid), 0.0) <= at_most else long).append(item)
    return short, long


class Recorder:
    """Adds up the seconds of each case, fixtures included, and writes those of the functions when all have run."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        longest: dict[str, float] = {}
        for name, seconds in self._seconds.items():
            longest[function_of(name)] = max(round(seconds, 1), longest.get(function_of(name), 0.0))
        kept = {name: seconds for name, seconds in sorted(longest.items()) if seconds >= SHORTEST}
        RECORDED.write_text(json.dumps(kept, indent=0) + "\n")
