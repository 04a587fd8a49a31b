"""The steps of gpu.py: what each runs, for how long at most, and why it may be unable to run here."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import gpu_data
from gpu_rows import ROOT, Options

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Step:
    """One measurement, a process of its own.

    seconds: it is killed after so many, where others are to come. least: with less left it is not begun. lacks: why it
    cannot be run, or "".
    """

    number: int
    name: str
    command: tuple[str, ...]
    seconds: float
    least: float = 10.0
    lacks: str = ""

    @property
    def label(self) -> str:
        """Of its files."""
        return f"{self.number}-{self.name}"


# Number, name, program and its arguments, most seconds on a GPU, least, and what data it cannot do without. The limits
# let a call of nine minutes come through step 4, whatever hangs.
STEPS = (
    (0, "environment", ("gpu_runs.py", "environment"), 30, 5, ()),
    (1, "ways", ("gpu_ways.py",), 100, 15, ()),
    (2, "tests", ("gpu_runs.py", "tests"), 70, 20, ()),
    (3, "search", ("gpu_runs.py", "search"), 240, 20, ()),
    (4, "at-once", ("gpu_at_once.py",), 150, 60, ()),
    (5, "speed", ("gpu_runs.py", "speed"), 200, 40, ()),
    (6, "costs", ("gpu_costs.py",), 70, 20, ()),
    (7, "rank", ("gpu_runs.py", "rank"), 240, 30, ("cifar", "bench")),
    (8, "accuracy", ("gpu_runs.py", "accuracy"), 100, 30, ("cifar",)),
    (9, "family", ("gpu_runs.py", "family"), 900, 60, ("photos",)),
    (10, "latency", ("gpu_latency.py",), 300, 60, ()),
    (11, "memory", ("gpu_runs.py", "memory"), 70, 20, ()),
)
NUMBERS = tuple(row[0] for row in STEPS)


def steps(numbers: Sequence[int], options: Options, lacking: dict[str, str]) -> list[Step]:
    """Those of these numbers, in this order. lacking: why data are not there, by their option's name."""
    found = []
    for number in numbers:
        _, name, (program, *rest), seconds, least, needed = STEPS[number]
        command = (sys.executable, str(HERE / program), *rest, *options.arguments())
        lacks = "; ".join(lacking[each] for each in needed if each in lacking)
        found.append(Step(number, name, command, seconds, 1.0 if options.tiny else least, lacks))
    return found


def prepared(options: Options) -> tuple[Options, dict[str, str]]:
    """Data as folders, unpacked or for a rehearsal made up, and why others are not there."""
    lacking: dict[str, str] = {}
    if options.tiny:
        options = _made_up(options)
    for name, find in (("cifar", gpu_data.cifar), ("photos", gpu_data.photos), ("bench", _existing)):
        path: Path | None = getattr(options, name)
        try:
            if path is None:
                raise FileNotFoundError(f"--{name} was not given")
            options = replace(options, **{name: find(path, options.scratch)})
        except Exception as error:  # whatever is wrong with an archive is a reason to go on without it
            lacking[name] = str(error) if path is None else f"--{name} {path.name}: {type(error).__name__}: {error}"
            options = replace(options, **{name: None})
    return options, lacking


def _existing(path: Path, _: Path) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"{path.name} is no file")
    return path.resolve()


def _made_up(options: Options) -> Options:
    """With data for a rehearsal in place of those that were not given."""
    lists = json.loads((ROOT / "benchmarks" / "macro_nets.json").read_text())
    codes = [code for part in lists["list-1"].values() for code in part]
    return replace(
        options,
        cifar=options.cifar or gpu_data.write_cifar(options.scratch / "cifar", each=40),
        bench=options.bench or gpu_data.write_bench(options.scratch / "bench.json", codes),
        photos=options.photos or gpu_data.write_photos(options.scratch / "photos"),
    )
