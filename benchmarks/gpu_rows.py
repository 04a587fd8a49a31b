"""What the processes of gpu.py's steps share: their options, the seconds they have, and the rows they keep as they go.

A row is written at once, so that a step which is killed loses nothing that it had measured.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROWS = "GPU_STEP_ROWS"  # the file that rows go to
UNTIL = "GPU_STEP_UNTIL"  # when the step is killed (time.time)
ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Options:
    """What all steps have in common. tiny: everything shrunk, for a rehearsal. cifar, bench, photos: None where there
    are no such data. out: a folder for files worth keeping; scratch: one that is removed in the end."""

    device: str
    tiny: bool
    out: Path
    scratch: Path
    cifar: Path | None = None
    bench: Path | None = None
    photos: Path | None = None

    @property
    def on_gpu(self) -> bool:
        return self.device.startswith("cuda")

    def arguments(self) -> list[str]:
        """As options of a step's program."""
        paths = {name: getattr(self, name) for name in ("out", "scratch", "cifar", "bench", "photos")}
        named = [part for name, path in paths.items() if path is not None for part in (f"--{name}", str(path))]
        return ["--device", self.device, *(["--tiny"] if self.tiny else []), *named]


def parser(description: str | None) -> argparse.ArgumentParser:
    """Reads the options of a step's program; `options_of` makes them a value."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--device", default="cuda", help="cuda or cpu")
    made.add_argument("--tiny", action="store_true", help="everything shrunk: a rehearsal")
    made.add_argument("--out", type=Path, default=Path("benchmarks/results/gpu"), help="for files worth keeping")
    made.add_argument("--scratch", type=Path, default=Path("/tmp"), help="for files that are not")
    made.add_argument("--cifar", type=Path, help="the folder of CIFAR-10's binary batches")
    made.add_argument("--bench", type=Path, help="NAS-Bench-Macro's nas-bench-macro_cifar10.json")
    made.add_argument("--photos", type=Path, help="an image folder with train/ and val/")
    return made


def options_of(asked: argparse.Namespace) -> Options:
    names = ("device", "tiny", "out", "scratch", "cifar", "bench", "photos")
    return Options(**{name: getattr(asked, name) for name in names})


def keep(**row: Any) -> None:
    """Keeps a row; without gpu.py around it, shows it alone."""
    text = json.dumps(finite(row), default=str)
    print(text if len(text) < 600 else text[:600] + " ...", flush=True)
    if path := os.environ.get(ROWS):
        with Path(path).open("a") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())


def finite(value: Any) -> Any:
    """The value without NaN and infinities, which are no JSON."""
    if isinstance(value, dict):
        return {key: finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The JSON lines of a file; one that a kill cut off is dropped."""
    found = []
    for line in path.read_text(errors="replace").splitlines() if path.is_file() else []:
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def left() -> float:
    """Seconds until this step is killed."""
    return float(os.environ.get(UNTIL, "inf")) - time.time()


def say(text: str) -> None:
    """A line for the log."""
    print(text, file=sys.stderr, flush=True)
