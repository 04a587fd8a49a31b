"""LocalEngine where things go wrong: killed workers, killed parents, Ctrl-C, noise, memory."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nas_scale.engines.base import WAIT_SECONDS, Done, Failed, Lost, News, Outcome, reason
from nas_scale.engines.local import LocalEngine
from nas_scale.errors import RunFailed
from tests.support.engine_jobs import double

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def engine_of(name: str, workers: int = 1, threads: int = 1, slots: int = 1) -> LocalEngine:
    return LocalEngine(f"tests.support.engine_jobs:{name}", workers, threads, slots)


def results_of(engine: LocalEngine, *jobs: Any) -> list[Outcome]:
    """The outcomes of these jobs, submitted all at once, in their order; news are passed over."""
    for ticket, job in enumerate(jobs):
        engine.submit(ticket, job)
    outcomes: dict[int, Outcome] = {}
    while len(outcomes) < len(jobs):
        if not isinstance(report := engine.next(), News):
            outcomes[report.ticket] = report
    return [outcomes[ticket] for ticket in range(len(jobs))]


def values_of(engine: LocalEngine, *jobs: Any) -> list[Any]:
    """The same of jobs that end well: what they return."""
    outcomes = results_of(engine, *jobs)
    assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
    return [outcome.result for outcome in outcomes if isinstance(outcome, Done)]


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def alive(pid: int) -> bool:
    """Running, not merely waiting to be reaped by an init that may be slow."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in ("Z", "X")
    return False


def test_threads_and_memory_are_set_before_anything_loads_and_torch_is_not_dragged_in() -> None:
    with engine_of("environment", threads=3) as engine:
        for name, value in {"OMP_NUM_THREADS": "3", "MALLOC_MMAP_MAX_": "0"}.items():
            engine.submit(0, name)
            assert engine.next() == Done(0, value)
    with engine_of("torch_loaded") as engine:
        engine.submit(0, 0)
        assert engine.next() == Done(0, False)


def test_two_workers_work_at_the_same_time() -> None:
    with engine_of("sleep", workers=2) as engine:
        for ticket in (0, 1):
            engine.submit(ticket, 0.0)
        for _ in range(2):
            engine.next()  # both are up
        start = time.monotonic()
        for ticket in (2, 3):
            engine.submit(ticket, 1.0)
        engine.next()
        engine.next()
        assert time.monotonic() - start < 1.8


def test_a_worker_killed_from_outside_is_replaced_and_its_job_done() -> None:
    with engine_of("sleep", workers=2) as engine:
        engine.submit(0, 0.0)
        engine.next()
        engine.submit(1, 1.0)
        engine.submit(2, 1.0)
        victim = engine.pids[0]
        time.sleep(0.2)
        os.kill(victim, signal.SIGKILL)
        assert {engine.next().ticket, engine.next().ticket} == {1, 2}
        assert victim not in engine.pids


def test_a_job_that_kills_its_worker_once_is_done_on_the_second_try(tmp_path: Path) -> None:
    with engine_of("die_once") as engine:
        engine.submit(0, str(tmp_path))
        assert engine.next() == Done(0, "survived")


def test_a_job_that_kills_its_worker_twice_is_lost_and_harms_no_other() -> None:
    with engine_of("die", workers=2) as engine:
        for ticket, job in enumerate((1, -1, 2, 3)):
            engine.submit(ticket, job)
        results = {outcome.ticket: outcome for outcome in (engine.next() for _ in range(4))}
    assert results[1] == Lost(1, "its worker died 2 times, the last one by signal 9: probably out of memory", True)
    assert [results[n] for n in (0, 2, 3)] == [Done(0, 1), Done(2, 2), Done(3, 3)]


def test_two_jobs_of_one_process_take_turns_and_one_that_waits_holds_up_no_other(tmp_path: Path) -> None:
    with engine_of("count_together", workers=2, slots=2) as engine:
        for ticket in (0, 1):
            engine.submit(ticket, (str(tmp_path), 2))
        news = [engine.next() for _ in range(6)]
        ends = [engine.next(), engine.next()]
        assert len(engine.pids) == 1
        assert {end.result for end in ends if isinstance(end, Done)} == set(engine.pids)
    reported = [(report.ticket, report.item) for report in news if isinstance(report, News)]
    assert sorted(reported) == [(ticket, item) for ticket in (0, 1) for item in range(3)]  # and no None
    tickets = [ticket for ticket, _ in reported]
    assert all(one != other for one, other in itertools.pairwise(tickets)), tickets


def test_a_process_whose_jobs_all_wait_does_not_spin() -> None:
    with engine_of("count_waits", workers=2, slots=2) as engine:
        turns = values_of(engine, 0.3, 0.3)
    assert all(1 < each <= 0.3 / WAIT_SECONDS + 2 for each in turns)


def test_an_exception_fails_one_job_of_a_process_alone() -> None:
    with engine_of("fail_when_negative", workers=3, slots=3) as engine:
        outcomes = results_of(engine, 1, -2, 3)
    assert outcomes == [Done(0, 1), Failed(1, "ValueError: -2 is negative"), Done(2, 3)]


def test_a_job_that_kills_its_worker_is_lost_alone_and_its_neighbour_succeeds(tmp_path: Path) -> None:
    jobs = [(role, str(tmp_path)) for role in ("killer", "neighbour", "later", "later")]
    with engine_of("kill_neighbour", workers=2, slots=2) as engine:
        outcomes = results_of(engine, *jobs)
    assert isinstance(outcomes[0], Lost)
    assert outcomes[0].reason.startswith("its worker died 2 times")
    assert outcomes[1:] == [Done(ticket, "survived") for ticket in (1, 2, 3)]


def test_among_many_jobs_only_the_killers_are_lost() -> None:
    jobs = [1, -1, 2, 3, 4, -1, 5, 6, -1, 7]
    with engine_of("die", workers=4, slots=2) as engine:
        outcomes = results_of(engine, *jobs)
    assert [isinstance(outcome, Lost) for outcome in outcomes] == [job < 0 for job in jobs]


def test_processes_are_filled_evenly_and_no_more_jobs_run_than_asked_for(tmp_path: Path) -> None:
    with engine_of("pid", workers=4, slots=2) as engine:
        assert len(set(values_of(engine, 0, 0))) == 2
        assert set(Counter(values_of(engine, 0, 0, 0, 0)).values()) == {2}
    with engine_of("count_under_way", workers=3, slots=2) as engine:
        assert engine.workers == 3
        assert max(values_of(engine, *[str(tmp_path)] * 8)) == 3
        assert len(engine.pids) == 2


def test_environments_are_spread_evenly_and_kept_when_a_worker_is_replaced() -> None:
    two = ({"PLACE": "left"}, {"PLACE": "right"})
    with LocalEngine("tests.support.engine_jobs:environment_and_pid", 4, 1, environments=two) as engine:
        first = values_of(engine, *["PLACE"] * 4)
        assert Counter(place for place, _ in first) == {"left": 2, "right": 2}
        _, victim = first[1]
        os.kill(victim, signal.SIGKILL)
        values_of(engine, *["PLACE"] * 4)  # one of which finds that worker dead, and goes where there is room
        second = values_of(engine, *["PLACE"] * 4)
    assert Counter(place for place, _ in second) == {"left": 2, "right": 2}
    assert victim not in {process for _, process in second}


def test_few_jobs_go_where_no_other_job_is() -> None:
    two = ({"PLACE": "left"}, {"PLACE": "right"})
    with LocalEngine("tests.support.engine_jobs:environment", 8, 1, 2, two) as engine:
        values_of(engine, *["PLACE"] * 8)
        for _ in range(3):
            assert sorted(values_of(engine, "PLACE", "PLACE")) == ["left", "right"]


def test_memory_exhausted_in_a_job_is_its_loss_alone() -> None:
    with engine_of("exhaust") as engine:
        engine.submit(0, 0)
        assert engine.next() == Lost(0, "this machine's memory is full", perhaps_own=True)


def test_a_job_that_exits_or_returns_the_unsendable_has_failed() -> None:
    with engine_of("leave") as engine:
        engine.submit(0, 3)
        assert engine.next() == Failed(0, "SystemExit: 3")
    with engine_of("unpicklable") as engine:
        engine.submit(0, 1)
        engine.submit(1, 0)
        failed = engine.next()
        assert isinstance(failed, Failed)
        assert "pickle" in failed.reason
        assert engine.next() == Done(1, 0)


def test_a_function_that_cannot_be_loaded_ends_the_run_rather_than_failing_every_job() -> None:
    with LocalEngine("tests.support.engine_jobs:missing", 1, 1) as engine:
        engine.submit(0, 0)
        with pytest.raises(RunFailed, match=r"cannot load tests\.support\.engine_jobs:missing: AttributeError"):
            engine.next()


def test_what_a_job_prints_stays_off_standard_output_and_is_not_lost() -> None:
    """Whether or not the environment turns Python's buffers off."""
    code = (
        "from nas_scale.engines.local import LocalEngine\n"
        "with LocalEngine('tests.support.engine_jobs:say', 1, 1) as engine:\n"
        "    engine.submit(0, 'noise')\n"
        "    print(engine.next().result)\n"
    )
    environment = {**ENVIRONMENT, "PYTHONUNBUFFERED": ""}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"
    assert done.stderr.split() == ["noise", "noise"]


def test_a_script_without_a_main_guard_works(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from nas_scale.engines.local import LocalEngine\n"
        "engine = LocalEngine('tests.support.engine_jobs:double', 1, 1)\n"
        "engine.submit(0, 21)\n"
        "print(engine.next().result)\n"
        "engine.close()\n"
    )
    done = subprocess.run([sys.executable, script], env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("42\n", "")


def start_busy_parent(tmp_path: Path) -> tuple[subprocess.Popen[str], int]:
    """A parent whose worker is busy for ten minutes, and the worker's process id."""
    note = tmp_path / "worker"
    code = (
        "import signal\n"
        "from nas_scale.engines.local import LocalEngine\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # tests in the background are started without it
        "with LocalEngine('tests.support.engine_jobs:pid_then_sleep', 1, 1) as engine:\n"
        f"    engine.submit(0, {str(note)!r})\n"
        "    engine.next()\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], env=ENVIRONMENT, stderr=subprocess.PIPE, text=True)
    assert eventually(lambda: note.exists() and note.read_text() != "")
    return parent, int(note.read_text())


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    parent, worker = start_busy_parent(tmp_path)
    assert alive(worker)
    parent.kill()
    parent.wait()
    assert eventually(lambda: not alive(worker))


def test_control_c_gets_through_at_once_and_leaves_no_worker(tmp_path: Path) -> None:
    parent, worker = start_busy_parent(tmp_path)
    os.kill(worker, signal.SIGINT)  # as a terminal would send to the whole group
    time.sleep(0.2)
    assert alive(worker)
    start = time.monotonic()
    parent.send_signal(signal.SIGINT)
    _, errors = parent.communicate(timeout=10)
    assert time.monotonic() - start < 3
    assert "KeyboardInterrupt" in errors
    assert not alive(worker)


def test_reasons_are_one_short_line() -> None:
    assert reason(ValueError("a\nb")) == "ValueError: a"
    assert reason(KeyError()) == "KeyError"
    assert len(reason(ValueError("x" * 5000))) == 300
    assert double(2) == 4
