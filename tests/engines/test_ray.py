"""RayEngine where things go wrong. Slow: each test starts Ray in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_starts_and_stops_its_own_ray_and_a_killed_task_is_run_again(tmp_path: Path) -> None:
    out = run(
        "from nas_scale.engines.ray import RayEngine\n"
        "import ray\n"
        "with RayEngine('tests.support.engine_jobs:die_once', workers=1, threads=1) as engine:\n"
        f"    engine.submit(7, {str(tmp_path)!r})\n"
        "    print(engine.next())\n"
        "print(ray.is_initialized())\n"
    )
    assert out.splitlines() == ["Done(ticket=7, result='survived')", "False"]


def test_a_task_that_always_dies_is_lost_and_threads_are_set() -> None:
    out = run(
        "from nas_scale.engines.ray import RayEngine\n"
        "from nas_scale.engines.base import Lost\n"
        "with RayEngine('tests.support.engine_jobs:die', workers=1, threads=1) as engine:\n"
        "    engine.submit(1, -1)\n"
        "    failed = engine.next()\n"
        "    assert isinstance(failed, Lost) and failed.perhaps_own and 'died' in failed.reason.lower(), failed\n"
        "    engine.submit(2, 5)\n"
        "    print(engine.next().result)\n"
        "with RayEngine('tests.support.engine_jobs:environment', workers=1, threads=2) as engine:\n"
        "    engine.submit(3, 'OMP_NUM_THREADS')\n"
        "    print(engine.next().result)\n"
    )
    assert out.split() == ["5", "2"]


def test_what_a_killed_raylet_had_is_lost_and_nothing_hangs() -> None:
    out = run(
        "import os, signal, subprocess\n"
        "from nas_scale.engines.ray import RayEngine\n"
        "with RayEngine('tests.support.engine_jobs:sleep', workers=1, threads=1) as engine:\n"
        "    engine.submit(0, 60)\n"
        "    engine.submit(1, 60)\n"
        "    rows = subprocess.run(['ps', '-eo', 'pid,ppid,comm'], capture_output=True, text=True).stdout\n"
        "    ours = [row.split() for row in rows.splitlines()]\n"
        "    ours = [pid for pid, parent, name in ours if parent == str(os.getpid()) and name == 'raylet']\n"
        "    os.kill(int(ours[0]), signal.SIGKILL)\n"
        "    for _ in range(2):\n"
        "        lost = engine.next()\n"
        "        print(type(lost).__name__, lost.perhaps_own)\n"
    )
    assert out.split() == ["Lost", "False"] * 2
