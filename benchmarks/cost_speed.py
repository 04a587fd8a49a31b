"""What one net's cost takes: the closed form beside fvcore and torch's FlopCounterMode, on the same random nets.

    python benchmarks/cost_speed.py --nets 20

All three must agree on multiply-adds (the script stops where they do not). The closed form is timed with empty caches,
as for the first net of a space, and as for a net that a search has not seen yet, after SEEN others. fvcore counts
flops alone here (a trace), and FlopCounterMode runs the net on the meta device; both are given the built net for free.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Callable

import torch
from fvcore.nn import FlopCountAnalysis
from torch.utils.flop_counter import FlopCounterMode

from nas_scale.architecture import blocks as ops
from nas_scale.architecture.files import known_spaces, load_space
from nas_scale.architecture.spec import Architecture
from nas_scale.metrics import counts as cost_module
from nas_scale.metrics.counts import cost
from nas_scale.nets.build import Net, build
from nas_scale.nets.oracle import MULTIPLY_ADDS

SEEN = 2000


def _random_nets(space_name: str, amount: int, seed: int) -> list[Architecture]:
    space, rng = load_space(space_name), random.Random(seed)
    pick = {key: choice.options for key, choice in space.choices.items()}
    return [space.net({key: rng.choice(options) for key, options in pick.items()}) for _ in range(amount)]


def _forget() -> None:
    ops.blocks.cache_clear()
    cost_module.stage_counts.cache_clear()


def _fvcore(net: Net, resolution: int) -> int:
    counted = FlopCountAnalysis(net, torch.zeros(1, 3, resolution, resolution))
    by_operator = counted.unsupported_ops_warnings(False).uncalled_modules_warnings(False).by_operator()
    return round(sum(by_operator[name] for name in MULTIPLY_ADDS))


def _flop_counter(net: Net, resolution: int) -> int:
    with FlopCounterMode(display=False) as counter:
        net(torch.zeros(1, 3, resolution, resolution, device="meta"))
    return counter.get_total_flops() // 2  # it counts a multiply-add as two


def _timed(count: Callable[[], int]) -> tuple[float, int]:
    """Microseconds, and the count."""
    started = time.perf_counter()
    counted = count()
    return (time.perf_counter() - started) * 1e6, counted


@torch.no_grad()
def _row(arch: Architecture, seen: list[Architecture]) -> dict[str, float]:
    _forget()
    first = _timed(lambda: cost(arch).flops)
    _forget()
    for other in seen:
        cost(other)
    later = _timed(lambda: cost(arch).flops)
    net = build(arch).eval()
    with torch.device("meta"):
        shadow = build(arch).eval()
    timed = {
        "ours, first net": first,
        "ours, in a search": later,
        "fvcore": _timed(lambda: _fvcore(net, arch.resolution)),
        "FlopCounterMode": _timed(lambda: _flop_counter(shadow, arch.resolution)),
    }
    counts = {counted for _, counted in timed.values()}
    if len(counts) != 1:
        raise SystemExit(f"the counters disagree on {arch}: {timed}")
    return {name: microseconds for name, (microseconds, _) in timed.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nets", type=int, default=20, help="random nets of each space")
    amount = parser.parse_args().nets
    torch.set_num_threads(1)
    print(f"microseconds a net, median (worst) of {amount} random nets of each space; torch {torch.__version__}")
    for name in known_spaces():
        seen = _random_nets(name, SEEN, seed=1)
        # The first row pays for what is loaded once.
        rows = [_row(arch, seen) for arch in _random_nets(name, amount + 1, seed=0)][1:]
        print(f"\n{name}")
        for counter in rows[0]:
            times = [row[counter] for row in rows]
            print(f"  {counter:20s} {statistics.median(times):12,.1f} ({max(times):,.1f})")


if __name__ == "__main__":
    main()
