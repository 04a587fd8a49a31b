"""What one candidate's costs take: ours, together and alone, beside fvcore, torch's FlopCounterMode, ptflops, torchinfo
and thop, on the same random nets in one run on one thread.

    pip install ptflops==0.7.5 torchinfo==1.8.0 thop==0.1.1.post2209072238
    OMP_NUM_THREADS=1 python benchmarks/cost_speed.py --nets 1000 --others 50

Ours are FLOPs, parameters, activations, memory, training memory, size and a device's milliseconds (of a table fitted to
latency_data/), exact, in one pass: `together` over --candidates codes of a table that has seen as many before, `alone`
as a search that has seen SEEN nets counts one more. Others count what they do, of nets that are built for them for
free: fvcore all nets, the rest the first --others. The script stops where ours and fvcore's FLOPs, parameters
or activations differ for any net, or ours together and alone in anything.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from nas_scale.architecture.files import load_space
from nas_scale.commands.latency.csv_rows import read_rows
from nas_scale.devices.latency_model import LatencyModel
from nas_scale.feasible.cost_table import CostTable
from nas_scale.feasible.encoding import Encoding
from nas_scale.metrics.counts import Meter, cost
from nas_scale.metrics.metric import ACTIVATIONS, FLOPS, PARAMS, Metric, latency_on, meters_of, metrics, registered
from nas_scale.nets.build import Net, build
from nas_scale.nets.oracle import count_module

HERE = Path(__file__).parent
SEEN = 2000
# ptflops imports torchvision, which beside a torch for CPUs alone misses these.
LIBRARY = torch.library.Library("torchvision", "DEF")
with contextlib.suppress(RuntimeError):  # they are there
    LIBRARY.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    LIBRARY.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

PEERS = ("ptflops", "torchinfo", "thop")


def a_device() -> Metric:
    """Milliseconds on a GPU, learned from public measurements."""
    rows = [row.measurement for row in read_rows(HERE / "latency_data" / "rtx4090-eager.csv", HERE)]
    model = LatencyModel.fit(rows)
    return latency_on(
        "gpu", lambda counts: counts.metered["latency@gpu"] / 1e6, Meter("latency@gpu", model.layer_nanoseconds)
    )


def counters(resolution: int) -> dict[str, Callable[[Net], Any]]:
    """Each takes a built net in eval mode."""
    shape = (1, 3, resolution, resolution)
    found: dict[str, Callable[[Net], Any]] = {
        "fvcore (FLOPs, activations, parameters)": lambda net: count_module(net, resolution),
        "FlopCounterMode (FLOPs)": lambda net: _flop_counter(net, shape),
    }
    with contextlib.suppress(ImportError):
        from ptflops import get_model_complexity_info

        found["ptflops (FLOPs, parameters)"] = lambda net: get_model_complexity_info(
            net, shape[1:], as_strings=False, print_per_layer_stat=False
        )
    with contextlib.suppress(ImportError):
        from torchinfo import summary

        found["torchinfo (FLOPs, parameters, sizes)"] = lambda net: summary(net, input_size=shape, verbose=0)
    with contextlib.suppress(ImportError):
        from thop import profile

        found["thop (FLOPs, parameters)"] = lambda net: profile(net, (torch.zeros(shape),), verbose=False)
    return found


def _flop_counter(net: Net, shape: tuple[int, ...]) -> int:
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net(torch.zeros(shape))
    return int(counter.get_total_flops())


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Microseconds, and what it returned."""
    started = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()):
        found = call()
    return (time.perf_counter() - started) * 1e6, found


def ours(space_name: str, nets: int, candidates: int, known: tuple[Metric, ...]) -> tuple[dict[str, float], list[Any]]:
    """Microseconds a candidate, together and alone, and the nets; stops where the two differ."""
    meters = meters_of(known)
    table, rng = CostTable(Encoding(load_space(space_name), meters)), random.Random(0)

    def every(counts: Any) -> list[Any]:
        return [metric.of(counts) for metric in known]

    every(table.cost(table.uniform(rng, candidates)))
    many = table.uniform(rng, candidates)
    together = timed(lambda: every(table.cost(many)))[0] / candidates
    codes = table.uniform(rng, nets)
    columns = [column.tolist() for column in every(table.cost(codes))]
    found = [table.encoding.net(tuple(code)) for code in codes.tolist()]
    for other in (table.encoding.net(tuple(code)) for code in table.uniform(rng, SEEN).tolist()):
        cost(other, meters)
    alone = []
    for place, net in enumerate(found):
        microseconds, counts = timed(lambda net=net: cost(net, meters))
        alone.append(microseconds)
        if every(counts) != [column[place] for column in columns]:
            raise SystemExit(f"ours differ, together and alone, on {net}")
    return {"together": together, "alone": statistics.median(alone)}, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--space", default="mnasnet")
    parser.add_argument("--nets", type=int, default=1000, help="that ours, alone and together, and fvcore agree on")
    parser.add_argument("--others", type=int, default=50, help="nets given to the other counters")
    parser.add_argument("--candidates", type=int, default=1_000_000, help="of one pass")
    parser.add_argument("--out", type=Path, help="JSON file")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    with registered(a_device()):
        known = metrics()
        times, nets = ours(asked.space, asked.nets, asked.candidates, known)
    print(f"{asked.space}: {', '.join(metric.name for metric in known)} of {asked.nets} nets")
    rows = {"ours, together": times["together"], "ours, alone": times["alone"]}
    others: dict[str, list[float]] = {}
    checked = 0
    for place, arch in enumerate(nets):
        built = build(arch).eval()
        for name, count in counters(arch.resolution).items():
            if place >= asked.others and not name.startswith("fvcore"):
                continue
            microseconds, found = timed(lambda count=count, built=built: count(built))
            others.setdefault(name, []).append(microseconds)
            if name.startswith("fvcore"):
                mine = [metric.of_net(arch) for metric in (FLOPS, PARAMS, ACTIVATIONS)]
                if mine != [found.flops, found.parameters, found.activations]:
                    raise SystemExit(f"fvcore counts otherwise: {found.flops} beside {mine} on {arch}")
                checked += 1
    rows |= {name: statistics.median(values) for name, values in others.items()}
    for name, value in rows.items():
        print(f"  {name:40s}{value:14,.2f} us a net{value / times['together']:14,.0f} times ours together")
    print(f"  {1e6 / times['together']:,.0f} candidates a second; 0 mismatches with fvcore in {checked} nets")
    missing = [name for name in PEERS if not any(row.startswith(name) for row in rows)]
    if missing:
        print(f"  not installed: {', '.join(missing)}")
    if asked.out:
        versions = {name: _version(name) for name in ("torch", "fvcore", *PEERS)}
        document = {"space": asked.space, "nets": asked.nets, "microseconds": rows, "checked": checked}
        asked.out.write_text(json.dumps({**document, "versions": versions}, indent=1) + "\n")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


if __name__ == "__main__":
    main()
