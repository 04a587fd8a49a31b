"""How long each test took when that was last recorded, and which tests are short enough to be run.

tests/durations.json has the seconds of every test that took at least SHORTEST (`make durations`, two processes side by
side); what is not in it is short, or new. Those that are marked `core` are run however long they take.
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


def divided(items: Iterable[pytest.Item], at_most: float) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The tests that took at most so many seconds or are `core`, and the others."""
    recorded: dict[str, float] = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    short: list[pytest.Item] = []
    long: list[pytest.Item] = []
    for item in items:
        runs = recorded.get(item.nodeid, 0.0) <= at_most or item.get_closest_marker("core") is not None
        (short if runs else long).append(item)
    return short, long


class Recorder:
    """Adds up the seconds of each test, fixtures included, and writes them when all have run."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = defaultdict(float)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._seconds[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        rounded = {name: round(seconds, 1) for name, seconds in sorted(self._seconds.items())}
        kept = {name: seconds for name, seconds in rounded.items() if seconds >= SHORTEST}
        RECORDED.write_text(json.dumps(kept, indent=0) + "\n")
