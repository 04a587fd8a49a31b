"""How well a device's milliseconds are learned from few measured networks, beside plain fits to the same rows.

    python benchmarks/latency_fit.py --rows 20 50 --seeds 5 --out results/latency_fit.md

Devices: simulated ones, whose truth is known (simulated_devices.py; noise of 2%), with networks drawn from two spaces,
and measured ones (latency_data/). `--csv FILE ...` takes one's own instead, as `nas-scale latency fit` reads them. Rows
to learn from are drawn anew from each seed, and predictions are judged on all others; where a file has few, at most two
thirds are learned from. Columns: share of predictions within 10%, median relative error, rank correlation; `covered` =
share of measurements inside the 95% interval; `s` = seconds of a fit on one core.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import scipy
from simulated_devices import DEVICES, measured, random_nets, space_named

from nas_scale.atomic import write_text
from nas_scale.commands.latency.csv_rows import read_rows
from nas_scale.devices.latency_model import LatencyModel
from nas_scale.devices.measurement import Measurement
from nas_scale.devices.plain_fits import PLAIN_COLUMNS, PlainFit
from nas_scale.devices.prediction_errors import PredictionErrors, prediction_errors
from nas_scale.devices.processor import processor
from nas_scale.devices.rows import distinct_rows

NOISE: Final = 0.02
NETS: Final = 300
OURS: Final = "ours"
Kept = dict[tuple[str, int], list[list[dict[str, PredictionErrors]]]]  # by kind and rows: devices, seeds
DATA: Final = Path(__file__).parent / "latency_data"


def simulated() -> Iterator[tuple[str, list[Measurement]]]:
    """Every simulated device with networks of both spaces."""
    for space in ("b0-like", "mnasnet"):
        nets = random_nets(space_named(space), NETS, seed=0)
        for number, device in enumerate(DEVICES):
            yield f"{device}, {space}", measured(device, nets, NOISE, seed=number)


def public(paths: Sequence[Path]) -> Iterator[tuple[str, list[Measurement]]]:
    """Measurements from files."""
    for path in paths:
        yield path.stem, [row.measurement for row in read_rows(path, Path("results"))]


def once(rows: Sequence[Measurement], learned: int, seed: int) -> tuple[dict[str, PredictionErrors], float]:
    """Judgements of every fit, and the seconds that ours took."""
    order = np.random.default_rng(seed).permutation(len(rows))
    known, others = ([rows[index] for index in part] for part in (order[:learned], order[learned:]))
    truth = np.array([row.milliseconds for row in others])
    start = time.perf_counter()
    model = LatencyModel.fit(known)
    seconds = time.perf_counter() - start
    guess, deviations = (np.array(part) for part in zip(*(one(model, row) for row in others), strict=True))
    found = {OURS: prediction_errors(guess, truth, deviations)}
    for name in PLAIN_COLUMNS:
        fit = PlainFit.of(name, known)
        found[name] = prediction_errors([float(fit.predict([row.net], row.batch)[0]) for row in others], truth)
    return found, seconds


def one(model: LatencyModel, row: Measurement) -> tuple[float, float]:
    """The prediction of a row, and its relative standard deviation."""
    (guess,), (deviation,) = model.predict([row.net], row.batch)
    return float(guess), float(deviation)


def mean(found: Sequence[float | None]) -> float:
    """Of those that are there."""
    return float(np.mean([each for each in found if each is not None] or [np.nan]))


def line(name: str, learned: int, trials: Sequence[tuple[dict[str, PredictionErrors], float]]) -> str:
    """A row of the table: means over seeds."""
    cells = [name, str(learned), str(trials[0][0][OURS].nets)]
    for fit in (OURS, *PLAIN_COLUMNS):
        each = [found[fit] for found, _ in trials]
        close, median = mean([found.within_10_percent for found in each]), mean([found.median_error for found in each])
        cells.append(f"{close:.3f} / {100 * median:.1f}% / {mean([found.spearman for found in each]):.3f}")
    covered = mean([found[OURS].covered for found, _ in trials])
    return "| " + " | ".join([*cells, f"{covered:.2f}", f"{mean([took for _, took in trials]):.2f}"]) + " |"


def summary(kept: Kept) -> Iterator[str]:
    """A sentence for each number of rows: means over devices, and where ours is behind six sums."""
    for (kind, learned), devices in sorted(kept.items()):
        rhos = [mean([found[OURS].spearman for found in seeds]) for seeds in devices]
        gains = [
            mean([found[OURS].within_10_percent - found["six sums"].within_10_percent for found in seeds])
            for seeds in devices
        ]
        close = [mean([found[OURS].within_10_percent for found in seeds]) for seeds in devices]
        yield (
            f"{len(devices)} {kind} devices, at most {learned} rows: mean share within 10% {np.mean(close):.3f}, "
            f"mean rank correlation {np.mean(rhos):.3f}, the least {min(rhos):.3f}; beside six sums the share is "
            f"{np.mean(gains):+.3f} in the mean, {min(gains):+.3f} at worst."
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[20, 50], help="how many rows to learn from")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--csv", type=Path, nargs="*", help="files of measurements, instead of all that is here")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    devices = public(options.csv) if options.csv else (*simulated(), *public(sorted(DATA.glob("*.csv"))))
    lines: list[str] = []
    kept: Kept = defaultdict(list)
    for name, measurements in devices:
        rows = distinct_rows(measurements)
        kind = "measured" if options.csv or (DATA / f"{name}.csv").is_file() else "simulated"
        most = 2 * len(rows) // 3
        for learned, wanted in {min(wanted, most): wanted for wanted in sorted(options.rows, reverse=True)}.items():
            trials = [once(rows, learned, seed) for seed in range(options.seeds)]
            kept[kind, wanted].append([found for found, _ in trials])
            lines.append(line(name, learned, trials))
            print(lines[-1], flush=True)
    given = f" --csv {' '.join(map(str, options.csv))}" if options.csv else ""
    wanted = " ".join(map(str, options.rows))
    command = f"latency_fit.py --rows {wanted} --seeds {options.seeds}{given}"
    head = ["device", "rows", "judged on", OURS, *PLAIN_COLUMNS, "covered", "s"]
    text = "\n".join(
        [
            "Share within 10% / median relative error / rank correlation, on networks not learned from; means over "
            f"{options.seeds} seeds. numpy {np.__version__}, scipy {scipy.__version__}, one core of {processor()}, "
            f"{datetime.now(UTC):%Y-%m-%d}; `{command}`.",
            "",
            *summary(kept),
            "",
            "| " + " | ".join(head) + " |",
            "|" + "---|" * len(head),
            *lines,
            "",
        ]
    )
    print(text)
    if options.out:
        write_text(options.out, text)


if __name__ == "__main__":
    main()
