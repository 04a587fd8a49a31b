"""Everything that only a GPU can tell, in one call that ends in time: what works, how fast, and how well.

    bash benchmarks/gpu.sh --wheels WHEELS --photos PHOTOS.tar --cifar CIFAR --bench BENCH.json --out OUT
    bash benchmarks/gpu.sh --device cpu --tiny        (a rehearsal of all of it, about four minutes on two cores)
    python benchmarks/gpu.py --table OUT              (draws OUT/gpu.md from OUT/results.jsonl)

Twelve steps, most valuable first, each a process of its own with a limit of its own (gpu_steps.py); the last has all
the time that is left. A step that fails or hangs is killed with all that it started, and stops no other. As soon as a
step is over, a line goes to OUT/results.jsonl and OUT is packed into OUT/gpu.tar.gz: whenever the machine goes away,
what was measured is there.

 0 environment   1 every way of training against the CPU   2 the tests that need a GPU   3 a whole default search
 4 trainings at once   5 speed beside other loops   6 what a step costs   7 ranks of a proxy   8 time to accuracy
 9 a family on photographs   10 milliseconds of nets, and a device's table   11 memory, estimated and measured
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from gpu_process import run, versions
from gpu_rows import Options, read_rows
from gpu_steps import NUMBERS, Step, prepared, steps
from gpu_table import draw, summary

RESULTS = "results.jsonl"
ARCHIVE = "gpu.tar.gz"
ARCHIVE_BYTES = 15 * 2**20  # of what is packed, unpacked: the archive cannot be larger
LOG_BYTES = 200_000  # of each log, from its end
RESERVE = 10.0  # seconds kept for killing what hangs, and for packing


class Campaign:
    """The steps one after another; `stop` ends them soon, from a signal's handler too."""

    def __init__(
        self,
        out: Path,
        archive: Path,
        until: float,
        hidden: dict[str, str],
        environment: dict[str, str],
        on_gpu: bool = False,
    ) -> None:
        self.out, self.archive, self.until = out, archive, until
        self.hidden = hidden
        self.environment = environment
        self.stopped = ""
        self.versions = versions(on_gpu)
        (out / "logs").mkdir(parents=True, exist_ok=True)

    def stop(self, number: int, _: Any = None) -> None:
        self.stopped = f"stopped by {signal.Signals(number).name}"

    def carry_out(self, todo: Sequence[Step]) -> list[dict[str, Any]]:
        """Runs what there is time for; a line for every step."""
        lines = []
        for step in todo:
            seconds = self.until - RESERVE - time.time()
            seconds = seconds if step is todo[-1] else min(step.seconds, seconds)
            why_not = step.lacks or self.stopped
            if not why_not and seconds < step.least:
                why_not = f"no time left: {max(seconds, 0):.0f} s, and it takes {step.least:.0f} s at least"
            lines.append(self._skipped(step, why_not) if why_not else self._run(step, seconds))
            self._append(lines[-1])
            pack(self.out, self.archive)
            print(f"{step.label}: {lines[-1]['status']}, {lines[-1]['seconds']} s", flush=True)
        return lines

    def _skipped(self, step: Step, reason: str) -> dict[str, Any]:
        return self._line(step, "skipped", 0.0, {"rows": []}, reason)

    def _run(self, step: Step, seconds: float) -> dict[str, Any]:
        rows = self.out / f"{step.label}.jsonl"
        rows.unlink(missing_ok=True)
        log = self.out / "logs" / f"{step.label}.txt"
        started = time.time()
        status, error = run(step.command, log, rows, seconds, self.environment, lambda: self.stopped)
        return self._line(step, status, time.time() - started, {"rows": read_rows(rows)}, error)

    def _line(self, step: Step, status: str, seconds: float, result: dict[str, Any], error: str) -> dict[str, Any]:
        line = {
            "step": step.number,
            "name": step.name,
            "status": status,
            "seconds": round(seconds, 1),
            "command": " ".join(step.command),
            "result": result,
            "error": error,
            "date": datetime.now().astimezone().isoformat(timespec="seconds"),
            **self.versions,
        }
        return self._without_paths(line)

    def _without_paths(self, value: Any) -> Any:
        """With names in place of folders that mean nothing elsewhere."""
        if isinstance(value, dict):
            return {key: self._without_paths(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self._without_paths(each) for each in value]
        if isinstance(value, str):
            for path, name in self.hidden.items():
                value = value.replace(path, name)
        return value

    def _append(self, line: dict[str, Any]) -> None:
        with (self.out / RESULTS).open("a") as file:
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())


def pack(out: Path, archive: Path) -> None:
    """Everything in `out`, logs by their ends, as one archive that is whole at any time. What would make it too large
    is left out, the largest first."""
    import io
    import tarfile

    files = [file for file in out.rglob("*") if file.is_file() and file != archive and file.suffix != ".packing"]
    contents = {file.relative_to(out).as_posix(): _packed(file) for file in files}
    room = ARCHIVE_BYTES
    temporary = archive.with_name(archive.name + ".packing")
    with tarfile.open(temporary, "w:gz", compresslevel=6) as packed:
        for name, content in sorted(contents.items(), key=lambda item: (item[0] != RESULTS, len(item[1]))):
            room -= len(content)
            if room < 0:
                break
            entry = tarfile.TarInfo(name)
            entry.size, entry.mtime = len(content), int(time.time())
            packed.addfile(entry, io.BytesIO(content))
    os.replace(temporary, archive)


def _packed(file: Path) -> bytes:
    with file.open("rb") as stream:
        if file.parent.name == "logs":
            stream.seek(max(0, file.stat().st_size - LOG_BYTES))
        return stream.read()


def step_numbers(words: Sequence[str]) -> list[int]:
    """`0 3 5` or `0,3,5`."""
    parts = [part for word in words for part in word.split(",") if part]
    unknown = [part for part in parts if part not in map(str, NUMBERS)]
    if unknown:
        raise SystemExit(f"--steps: there is no step {unknown[0]}; choose from 0 to {NUMBERS[-1]}")
    return [int(part) for part in parts]


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda", help="cuda or cpu")
    parser.add_argument("--tiny", action="store_true", help="everything shrunk, data made up: a rehearsal")
    parser.add_argument("--seconds", type=float, default=540.0, help="the whole call ends before")
    parser.add_argument("--steps", nargs="+", default=[str(number) for number in NUMBERS], help="0 3 5 or 0,3,5")
    parser.add_argument("--wheels", type=Path, help="folder of wheels to use (gpu.sh installs them)")
    parser.add_argument("--photos", type=Path, help="photographs as train/ and val/, a folder or a tar")
    parser.add_argument("--cifar", type=Path, help="CIFAR-10's binary batches, all or a part, a folder or a tar")
    parser.add_argument("--bench", type=Path, help="NAS-Bench-Macro's nas-bench-macro_cifar10.json")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "gpu")
    parser.add_argument("--archive", type=Path, help="default: OUT/gpu.tar.gz")
    parser.add_argument("--table", type=Path, nargs="?", const=Path(), help="draw OUT/gpu.md and do nothing else")
    return parser.parse_args()


def hidden_paths(asked: argparse.Namespace, scratch: Path) -> dict[str, str]:
    """What stands for folders in results, the innermost first."""
    names = {str(scratch): "TMP", sys.executable: "python", f"{asked.out}": "OUT"}
    names |= {str(path.resolve()): name.upper() for name in ("cifar", "photos", "bench") if (path := vars(asked)[name])}
    names |= {f"{Path(__file__).resolve().parents[1]}/": ""}
    return dict(sorted(names.items(), key=lambda item: -len(item[0])))


def main() -> None:
    started = float(os.environ.get("GPU_STARTED", time.time()))
    asked = parsed()
    if asked.table is not None:
        print(draw(asked.table if asked.table != Path() else asked.out))
        return
    numbers = step_numbers(asked.steps)
    asked.out = asked.out.resolve()
    asked.out.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="gpu-"))
    archive = (asked.archive or asked.out / ARCHIVE).resolve()
    archive.parent.mkdir(parents=True, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a step that hangs is made to abort, to see where it was
    environment = {"NAS_SCALE_CACHE": str(scratch / "cache")}
    until, on_gpu = started + asked.seconds, asked.device.startswith("cuda")
    campaign = Campaign(asked.out, archive, until, hidden_paths(asked, scratch), environment, on_gpu)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, campaign.stop)
    try:
        wanted = Options(asked.device, asked.tiny, asked.out, scratch, asked.cifar, asked.bench, asked.photos)
        options, lacking = prepared(wanted)
        campaign.carry_out(steps(numbers, options, lacking))
        draw(asked.out)
        pack(asked.out, archive)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    print(summary(asked.out), flush=True)
    if campaign.stopped:
        raise SystemExit(f"gpu.py: {campaign.stopped}")


if __name__ == "__main__":
    main()
