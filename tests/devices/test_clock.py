"""Time that a process spends is told from time that it waits for a core."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nas_scale.devices.clock import SCHEDSTAT, Clock


def spin(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_calls_take_what_they_take() -> None:
    taken = Clock().time(lambda: spin(0.02), 3)
    assert len(taken) == 3
    assert all(19 < each < 60 for each in taken)


def test_it_works_where_the_system_does_not_say() -> None:
    clock = Clock("/no/such/file")
    (taken,) = clock.time(lambda: time.sleep(0.02), 1)
    assert taken > 19
    assert clock.waited == 0


def test_a_file_that_says_something_else_is_not_believed(tmp_path: Path) -> None:
    (tmp_path / "schedstat").write_text("version 15\n")
    assert Clock(str(tmp_path / "schedstat")).time(lambda: None, 1)[0] >= 0


@pytest.mark.skipif(not os.path.exists(SCHEDSTAT), reason="Linux alone says how long a thread waits")
def test_waiting_for_another_process_is_not_counted() -> None:
    core = max(os.sched_getaffinity(0))
    before = os.sched_getaffinity(0)
    rival = subprocess.Popen(
        [sys.executable, "-c", f"import os; os.sched_setaffinity(0, {{{core}}})\nprint(flush=True)\nwhile True: pass"],
        stdout=subprocess.PIPE,
    )
    try:
        assert rival.stdout is not None
        rival.stdout.readline()
        os.sched_setaffinity(0, {core})
        clock = Clock()
        start = time.perf_counter()
        taken = clock.time(lambda: spin(0.3), 1)[0]
        elapsed = 1000 * (time.perf_counter() - start)
    finally:
        os.sched_setaffinity(0, before)
        rival.kill()
        rival.communicate()
    assert elapsed > 400
    assert 290 < taken < 0.8 * elapsed
    assert clock.waited == pytest.approx(elapsed - taken, abs=5)
