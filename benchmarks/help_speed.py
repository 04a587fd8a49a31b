"""How long `nas-scale --help` takes beside importing typer and rich alone: python benchmarks/help_speed.py

Both are fresh interpreters without a terminal; the median of RUNS, taken in turns. At most four times is wanted.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

RUNS = 15
LEAST = "import typer, rich, rich.console, rich.table"
HELP = "from nas_scale.cli.main import run; run(['--help'])"


def seconds(code: str) -> float:
    """Wall time of a fresh interpreter that runs `code`."""
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def main() -> None:
    pairs = [(seconds(LEAST), seconds(HELP)) for _ in range(RUNS + 1)][1:]  # the first fills the disk's cache
    least, full = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"import typer, rich    {least * 1000:6.0f} ms")
    print(f"nas-scale --help      {full * 1000:6.0f} ms")
    print(f"ratio                 {full / least:6.2f}")


if __name__ == "__main__":
    main()
