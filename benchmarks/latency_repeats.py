"""How well milliseconds repeat between fresh processes, with and without correcting for drift, and what they cost.

    python benchmarks/latency_repeats.py --runtime onnxruntime --rounds 6

Standard deviations are of the logarithms of a net's medians over processes, averaged over nets: as they are, divided by
the reference nets' alone, and as a measurement corrects them. Whole measurements are compared too: the first half of
the processes with the second.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from nas_scale.architecture.files import load_net
from nas_scale.devices.latency import combine
from nas_scale.devices.measure import export_all, subjects_of, time_round
from nas_scale.devices.setting import DeviceSetting, Runtime

NETS = (
    "efficientnet-b0",
    "efficientnet-b1",
    "mnasnet-a1",
    "mobilenetv3-large",
    "efficientnetv2-b0",
    "efficientnet-lite1",
)


def _spread(medians: Sequence[Sequence[float]]) -> float:
    """[net][process] -> the mean over nets of the standard deviation between processes, relative."""
    return statistics.fmean(statistics.stdev(math.log(value) for value in each) for each in medians)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runtime", choices=get_args(Runtime), default="eager")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seconds", type=float, default=0.5)
    given = parser.parse_args()
    setting = DeviceSetting(device=given.device, runtime=given.runtime)
    subjects = subjects_of([load_net(name) for name in NETS])
    with tempfile.TemporaryDirectory() as folder:
        start = time.monotonic()
        export_all(subjects, setting, Path(folder))
        print(f"exported in {time.monotonic() - start:.1f} s")
        rounds = [
            time_round(subjects, setting, number=number, seconds=given.seconds, exported=Path(folder))
            for number in range(given.rounds)
        ]
    found = combine(subjects, rounds)
    raw = [[statistics.median(each.nets[net].milliseconds) for each in rounds] for net in range(len(subjects))]
    references = [[each.nets[net].reference for each in rounds] for net in range(len(subjects))]
    by_reference = [[a / b for a, b in zip(*rows, strict=True)] for rows in zip(raw, references, strict=True)]
    print(f"a process took {statistics.fmean(each.seconds for each in rounds):.1f} s for {len(subjects)} nets")
    print(f"others had the core for {statistics.fmean(net.waited for net in found.nets):.0%} of the time")
    print(f"between processes: {_spread(raw):.1%} as they are, {_spread(by_reference):.1%} by the references alone,")
    print(f"  {_spread([net.rounds for net in found.nets]):.1%} as corrected; floor {found.floor or 0:.1%}")
    half = given.rounds // 2
    first, second = combine(subjects, rounds[:half], found.reference), combine(subjects, rounds[half:], found.reference)
    for one, two in zip(first.nets, second.nets, strict=True):
        print(f"{one.name:20} {one.median:8.3f} ms, then {two.median:8.3f}: {two.median / one.median - 1:+.1%}")
    print(found.environment)


if __name__ == "__main__":
    main()
