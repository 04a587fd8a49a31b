"""How far a run of nas-scale has come, read from its study while it works."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from gpu_rows import keep

EVERY = 3.0  # seconds


@contextlib.contextmanager
def watched(results: Path) -> Iterator[None]:
    """Keeps how many trials each run under the folder `results` has finished, with the seconds since, on change."""
    over = threading.Event()
    started, known = time.perf_counter(), dict[str, int]()

    def look() -> None:
        for study in sorted(results.rglob("study.db")):
            name, finished = study.parent.relative_to(results).as_posix(), finished_trials(study)
            if finished and finished != known.get(name):
                known[name] = finished
                keep(run=name, trials_told=finished, after_seconds=round(time.perf_counter() - started, 1))

    def watch() -> None:
        while not over.wait(EVERY):
            look()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        look()


def finished_trials(study: Path) -> int:
    """How many there are; 0 where the study cannot be read just now."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{study}?mode=ro", uri=True, timeout=0.1)) as connection:
            query = "SELECT count(*) FROM trials WHERE state IN ('COMPLETE', 'PRUNED', 'FAIL')"
            return int(connection.execute(query).fetchone()[0])
    except sqlite3.Error:
        return 0
