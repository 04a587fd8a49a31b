"""Which tests are short enough to be run: by the case, and `core` ones however long they take."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import durations

pytest_plugins = ["pytester"]

TESTS = """
import pytest

@pytest.mark.parametrize("size", ["small", "large"])
def test_it(size):
    pass

@pytest.mark.core
def test_a_promise():
    pass

def test_new():
    pass
"""


def test_long_cases_are_left_out_but_not_core_ones(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytester.makeini("[pytest]\nmarkers = core")
    items = pytester.getitems(TESTS)
    seconds = {"test_it[small]": 2.0, "test_it[large]": 2.1, "test_a_promise": 9.0}
    recorded = tmp_path / "durations.json"
    recorded.write_text(json.dumps({item.nodeid: seconds[item.name] for item in items if item.name in seconds}))
    monkeypatch.setattr(durations, "RECORDED", recorded)
    short, long = durations.divided(items, 2.0)
    assert [item.name for item in short] == ["test_it[small]", "test_a_promise", "test_new"]
    assert [item.name for item in long] == ["test_it[large]"]
