"""How near a device's table comes to nets that it has not seen, beside measuring them a second time.

    python benchmarks/latency_prediction.py --runtime eager --minutes 10 --nets 60

A table is built as `nas-scale latency build` does. Then unseen random nets of the space between the two FLOPs are
measured twice, in processes of different company, and predicted by the table, by a fit to FLOPs alone and by one to
FLOPs, parameters and activations, both to the rows of the table. Nothing else may run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from nas_scale.architecture.files import load_space
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.latency.build import build_latency
from nas_scale.commands.shared.identity import net_key
from nas_scale.devices.measure import export_all, time_round
from nas_scale.devices.plain_fits import PlainFit
from nas_scale.devices.prediction_errors import prediction_errors
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.subject import Subject
from nas_scale.devices.table import DeviceTable, model_of
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.counts import cost
from nas_scale.metrics.limits import Limit, Limits
from nas_scale.metrics.metric import FLOPS

TOGETHER = 12
SECONDS = 0.5
GOAL_BEHIND, GOAL_SPEARMAN = 0.03, 0.98


def unseen_nets(space_name: str, count: int, table: DeviceTable, low: float, high: float) -> list[Architecture]:
    """Random nets of the space between two FLOPs, none of which the table has."""
    seen = {net_key(row.measurement().net) for row in table.rows}
    region = FeasibleRegion(load_space(space_name), Limits((Limit(FLOPS, low, high),)))
    codes = region.pool(random.Random(2026), 4 * count)
    nets = {net_key(net): net for net in (region.encoding.net(tuple(code)) for code in codes.tolist())}
    return [net for key, net in nets.items() if key not in seen][:count]


def measured(
    nets: list[Architecture], setting: DeviceSetting, reference: float, seed: int, folder: Path
) -> list[float]:
    """Milliseconds of each, in groups of a random order, related to the table's reference."""
    order = list(range(len(nets)))
    random.Random(seed).shuffle(order)
    found = [0.0] * len(nets)
    for start in range(0, len(order), TOGETHER):
        places = order[start : start + TOGETHER]
        subjects = [Subject(nets[place]) for place in places]
        failed = export_all(subjects, setting, folder)
        timed = time_round(subjects, setting, number=seed + start, seconds=SECONDS, exported=folder, failed=failed)
        for place, sampled in zip(places, timed.nets, strict=True):
            found[place] = median(sampled.milliseconds) * reference / sampled.reference
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runtime", default="eager", choices=("eager", "onnxruntime", "compile"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--space", default="mnasnet")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--nets", type=int, default=60)
    parser.add_argument("--between", nargs=2, type=float, default=(100e6, 600e6), help="multiply-adds")
    parser.add_argument("--out", type=Path, help="default: benchmarks/results/latency_prediction-RUNTIME.json")
    asked = parser.parse_args()
    out = asked.out or Path(__file__).parent / "results" / f"latency_prediction-{asked.runtime}.json"
    setting = DeviceSetting(device=asked.device, runtime=asked.runtime, batch=asked.batch)
    with tempfile.TemporaryDirectory() as folder:
        table = build_latency(
            name="table", space=asked.space, minutes=asked.minutes, results=folder, force=True,
            device=asked.device, runtime=asked.runtime, batch=asked.batch,
        )  # fmt: skip
        nets = unseen_nets(asked.space, asked.nets, table, *asked.between)
        assert table.reference is not None
        first, second = (measured(nets, setting, table.reference, seed, Path(folder)) for seed in (1, 2))
    rows = [row.measurement() for row in table.rows]
    expected, deviations = model_of(table).predict(nets, asked.batch)
    judged = {
        "table": prediction_errors(expected, first, deviations),
        "second measurement": prediction_errors(second, first),
        "FLOPs alone": prediction_errors(PlainFit.of("FLOPs", rows).predict(nets, asked.batch), first),
        "FLOPs, parameters, activations": prediction_errors(
            PlainFit.of("FLOPs, parameters, activations", rows).predict(nets, asked.batch), first
        ),
    }
    report(table, judged)
    document: dict[str, Any] = {
        "command": f"python benchmarks/latency_prediction.py --runtime {asked.runtime} --minutes {asked.minutes:g}"
        f" --nets {asked.nets}",
        "environment": table.environment,
        "table": {"nets": len(table.rows), "model": table.words, "judged": msgspec.to_builtins(table.held_out)},
        "judged": {name: msgspec.to_builtins(each) for name, each in judged.items()},
        "nets": [
            {"flops": cost(net).flops, "first": one, "second": two, "predicted": float(guess)}
            for net, one, two, guess in zip(nets, first, second, expected, strict=True)
        ],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(document, indent=1) + "\n")


def report(table: DeviceTable, judged: dict[str, Any]) -> None:
    print(f"{len(table.rows)} nets in the table; {judged['table'].nets} unseen ones, each measured twice")
    for name, found in judged.items():
        rho = "-" if found.spearman is None else f"{found.spearman:.4f}"
        print(
            f"{name:32s} within 10% {found.within_10_percent:6.1%}  "
            f"median error {found.median_error:5.2%}  rank corr. {rho}"
        )
    behind = judged["second measurement"].within_10_percent - judged["table"].within_10_percent
    met = behind <= GOAL_BEHIND and (judged["table"].spearman or 0) >= GOAL_SPEARMAN
    print(f"at most {GOAL_BEHIND:.0%} behind a second measurement, rank correlation {GOAL_SPEARMAN}: {met}")


if __name__ == "__main__":
    main()
