"""Does a search with a latency target keep it when its winner is really run, and is it worth more than one by FLOPs?

    python benchmarks/latency_search.py --results FOLDER --device-name mycpu --seeds 10

FOLDER holds the device's table (`nas-scale latency build --name mycpu --results FOLDER` on this machine). The target is
what a middling net of the space takes. Each seed is a search with the target and one that aims at the FLOPs that nets
of the target's milliseconds have in the middle, with as many trainings (short ones: the question is milliseconds). All
winners are then measured together once more, by nobody who searched. Nothing else may run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
from pathlib import Path
from typing import Any

from nas_scale.architecture.files import load_space
from nas_scale.commands.search.run import search
from nas_scale.devices.device_metric import latency_metric
from nas_scale.devices.measure import measure
from nas_scale.devices.table import read_table
from nas_scale.feasible.cost_table import cost_table_for
from nas_scale.metrics.metric import Metric

SHORT = {
    "data": "digits",
    "epochs": 3,
    "train_images": 600,
    "trials": 10,
    "finalists": 3,
    "final_seeds": 2,
    "device": "cpu",
    "workers": 2,
}
SAMPLE = 20_000
LOW, HIGH = 0.90, 1.05  # of the target: where a winner's measured milliseconds are to lie


def middling(metric: Metric, space: str) -> tuple[float, float]:
    """Milliseconds of a net in the middle of the space, and the middle FLOPs of nets that take about as long."""
    table = cost_table_for(load_space(space), metric.meters)
    counts = table.cost(table.uniform(random.Random(0), SAMPLE))
    times = metric.of(counts)
    target = round(float(statistics.median(times)), 1)
    like = (times > 0.95 * target) & (times <= target)
    return target, float(statistics.median(counts.flops[like].tolist()))


def one(seed: int, target: float, flops: float, asked: argparse.Namespace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "devices").symlink_to((asked.results / "devices").resolve())
        common: dict[str, Any] = {**SHORT, "space": asked.space, "seed": seed, "results": folder}
        timed = search(target_latency=f"{target}ms@{asked.device_name}", **common)
        counted = search(target_flops=flops, **common)
    rows = {"latency": timed.ranking[0], "flops": counted.ranking[0]}
    key = f"latency@{asked.device_name}"
    found: dict[str, Any] = {"seed": seed, "passed_over": sum(row.state == "over" for row in timed.ranking)}
    for name, row in rows.items():
        found[name] = {
            "net": row.architecture(name),
            "accuracy": row.accuracy,
            "stderr": row.stderr,
            "flops": row.costs["flops"],
            "predicted": row.costs.get(key),
            "measured": row.measured.get(key),
        }
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--device-name", required=True)
    parser.add_argument("--space", default="mnasnet")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "latency_search.json")
    asked = parser.parse_args()
    table = read_table(asked.device_name, asked.results)
    assert table.setting is not None
    target, flops = middling(latency_metric(table), asked.space)
    print(f"target {target} ms on {asked.device_name}; nets of about so many have {flops / 1e6:.0f}M FLOPs", flush=True)
    runs = [one(seed, target, flops, asked) for seed in range(asked.seeds)]
    nets = [run[kind].pop("net") for run in runs for kind in ("latency", "flops")]
    again = measure(nets, table.setting, reference=table.reference)
    times = iter(again.nets)
    kept = better = 0
    for run in runs:
        for kind in ("latency", "flops"):
            run[kind]["measured_again"] = next(times).median
        ratio, other = (run[kind]["measured_again"] / target for kind in ("latency", "flops"))
        gap = run["latency"]["accuracy"] - run["flops"]["accuracy"]
        error = 1.96 * (run["latency"]["stderr"] ** 2 + run["flops"]["stderr"] ** 2) ** 0.5
        loses = gap < -error and other <= ratio  # less accurate, and no faster for it
        kept += LOW <= ratio <= HIGH
        better += not loses
        print(
            f"seed {run['seed']}: {ratio:6.1%} of the target, {run['passed_over']} passed over; by FLOPs {other:6.1%}; "
            f"accuracy {run['latency']['accuracy']:.3f} and {run['flops']['accuracy']:.3f} +- {error:.3f}"
            f"{', LOST' if loses else ''}"
        )
    print(f"{kept} of {len(runs)} winners within {LOW:.0%} to {HIGH:.0%}; {better} of {len(runs)} not lost to FLOPs")
    document = {
        "command": f"python benchmarks/latency_search.py --results FOLDER --device-name {asked.device_name}",
        "environment": table.environment,
        "target": target,
        "flops": flops,
        "floor": again.floor,
        "runs": runs,
    }
    asked.out.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
