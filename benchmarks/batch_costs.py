"""Costs of candidates in batches beside one by one: candidates a second, all that is counted, on one core.

    OMP_NUM_THREADS=1 python benchmarks/batch_costs.py --candidates 1000000

Both look up the same rows; the script stops where the two disagree on any of CHECKED random nets of a space. `rows` is
how many there are in the space's tables, `tables` the seconds that it takes to work them out, once in a process.
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import time

from nas_scale.architecture.files import known_spaces, load_space
from nas_scale.feasible.cost_table import CostTable
from nas_scale.feasible.encoding import Encoding
from nas_scale.metrics.counts import Counts

CHECKED = 10_000


def _scalar(encoding: Encoding, codes: list[tuple[int, ...]]) -> float:
    """Candidates a second."""
    started = time.process_time()
    for code in codes:
        encoding.cost(code)
    return len(codes) / (time.process_time() - started)


def _row(name: str, candidates: int) -> str:
    space, rng = load_space(name), random.Random(0)
    started = time.process_time()
    table = CostTable(Encoding(space))
    table.cost(table.uniform(rng, 50 * CHECKED))
    tables = time.process_time() - started
    codes = table.uniform(rng, CHECKED)
    scalar, ones = Encoding(space), [tuple(code) for code in codes.tolist()]
    costs = [scalar.cost(code) for code in ones]
    together = table.cost(codes)
    rows = (together.flops, together.parameters, together.activations, together.peak)
    if [Counts(*each) for each in zip(*(row.tolist() for row in rows), strict=True)] != costs:
        sys.exit(f"the costs of {name} differ from the scalar ones")
    many = table.uniform(rng, candidates)
    started = time.process_time()
    table.cost(many)
    rate = candidates / (time.process_time() - started)
    return f"{name:18s}{space.size:10.2g}{table.rows:8,}{tables:9.2f} s{_scalar(scalar, ones):14,.0f}{rate:14,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=1_000_000, help="priced in one call")
    candidates = parser.parse_args().candidates
    print(f"{'space':18s}{'assignments':>13s}{'rows':>8s}{'tables':>11s}{'one by one':>14s}{'in batches':>14s}")
    for name in known_spaces():
        print(_row(name, candidates))
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"candidates a processor second, {CHECKED:,} of them compared; {used:.0f} MB at most in use by the process")


if __name__ == "__main__":
    main()
