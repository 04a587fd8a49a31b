"""A device's table of this machine: built by the command, killed on the way, and used by a search that measures."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import pytest

from nas_scale.devices.table import read_table
from tests.support.command import finished, started

BUILD = ("latency", "build", "--name", "here", "--space", "small-images", "--minutes", "0.3")


def lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


@pytest.mark.slow
def test_a_killed_build_goes_on_and_its_table_limits_a_search_whose_winners_are_run(tmp_path: Path) -> None:
    timed = tmp_path / "results/devices/here.building/timed.jsonl"
    process = started(*BUILD, cwd=tmp_path, fake=False)
    until = time.monotonic() + 120
    while len(lines_of(timed)) < 2 and time.monotonic() < until:
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = [json.loads(line) for line in lines_of(timed)[1:]]
    assert before
    done = finished(*BUILD, "--force", cwd=tmp_path, fake=False)
    assert done.code == 0, done.err
    assert "this table" in done.out
    assert not timed.exists()
    table = read_table("here", tmp_path / "results")
    assert len(table.rows) >= 20
    speeds = {row.milliseconds / line["milliseconds"] for row, line in zip(table.rows, before, strict=False)}
    assert max(speeds) / min(speeds) < 2, "they are the lines of the process that was killed, for another speed at most"
    target = sorted(row.milliseconds for row in table.rows)[len(table.rows) // 2]
    search = ("search", "--space", "small-images", "--max-latency", f"{target:.3f}ms@here", "--data", "digits")
    found = finished(*search, "--epochs", "1", "--trials", "4", "--json", cwd=tmp_path, fake=False)
    assert found.code == 0, found.err
    first = found.json["ranking"][0]
    assert first["latency@here"] <= target
    assert first["measured"]["latency@here"] > 0
    held = finished("latency", "check", "here", "--nets", "3", "--json", cwd=tmp_path, fake=False)
    assert held.code == 0, held.err
    assert len(held.json["rows"]) == 3
