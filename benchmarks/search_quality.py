"""How well and how fast every search strategy finds good nets, beside Optuna's samplers as shipped.

    python benchmarks/search_quality.py --bench nas-bench-macro_cifar10.json --seeds 200 --workers 2

tries every strategy of the registry on every part (landscapes.py says what they are) and writes tables with standard
errors to benchmarks/results/search_quality.json and .md. Every search is a line of the records as soon as it is done:
the same command goes on where it was ended, and others add to it (`--strategies gp --seeds 20` for the slow ones).
Records of other code than now stands in the rooms architecture, metrics, feasible and samplers are passed over, unless
--any-code is given.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything reads it: searches run side by side, not threads

import argparse
import json
import multiprocessing
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import optuna
from landscapes import PARTS
from search_report import report
from search_runs import FILLS, SHIPPED, code_digest, measure, overhead, strategies

from nas_scale.atomic import write_text
from nas_scale.errors import UserError
from nas_scale.samplers.registry import SAMPLERS, ensure_importable, is_dotted

OVERHEAD: Final = "overhead"
EVERY_PART: Final = (*PARTS, OVERHEAD)
HERE: Final = Path(__file__).parent
KEY: Final = ("part", "strategy", "seed", "window")
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line of the records, before it is measured."""

    part: str
    strategy: str
    seed: int
    window: int
    budgets: tuple[int, ...]
    bench: Path | None

    @property
    def key(self) -> tuple[str, str, int, int]:
        return (self.part, self.strategy, self.seed, self.window)


def run(wanted: Wanted, code: str) -> Record:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)
    head = {"part": wanted.part, "strategy": wanted.strategy, "seed": wanted.seed, "window": wanted.window}
    if wanted.part == OVERHEAD:
        return {**head, "code": code, "budgets": [], **overhead(wanted.strategy)}
    measured = measure(wanted.part, wanted.strategy, wanted.seed, wanted.budgets, wanted.window, wanted.bench)
    return {**head, "code": code, "budgets": list(wanted.budgets), **measured}


def read_records(path: Path, code: str | None) -> list[Record]:
    """The records of this code, or of any where it is None. A last line that was cut off is taken away."""
    if not path.exists():
        return []
    text = path.read_text()
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        write_text(path, whole)
    records = [json.loads(line) for line in whole.splitlines()]
    return [record for record in records if code is None or record["code"] == code]


def wanted_of(options: argparse.Namespace) -> list[Wanted]:
    """Seed by seed, so that every strategy has as many when the run is ended early."""
    budgets = tuple(sorted(options.budgets))
    searches = [
        Wanted(part, strategy, seed, options.window, budgets, options.bench)
        for seed in range(options.first_seed, options.first_seed + options.seeds)
        for part in options.parts
        if part != OVERHEAD
        for strategy in strategies(part, options.strategies)
    ]
    timed = [name for name in SAMPLERS if name in options.strategies and OVERHEAD in options.parts]
    return [*searches, *(Wanted(OVERHEAD, name, 0, 1, (), None) for name in timed)]


def measured(todo: list[Wanted], code: str, workers: int) -> Iterator[Record]:
    """As they end. What is timed runs by itself, in this process."""
    alone = [each for each in todo if workers == 1 or each.part == OVERHEAD]
    yield from (run(each, code) for each in alone)
    if len(alone) < len(todo):
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            under_way = [pool.submit(run, each, code) for each in todo if each not in set(alone)]
            yield from (done.result() for done in as_completed(under_way))


def strategy(name: str) -> str:
    """Raises ArgumentTypeError where there is none of this name."""
    try:
        if is_dotted(name):
            ensure_importable(name)
        elif name not in (*SAMPLERS, *FILLS, *SHIPPED):
            raise UserError(f"no strategy is called {name!r}")
    except UserError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return name


def main() -> None:
    every = [*SAMPLERS, *FILLS, *SHIPPED]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bench", type=Path, help="the benchmark's nas-bench-macro_cifar10.json")
    parser.add_argument("--parts", nargs="+", choices=EVERY_PART, default=EVERY_PART, metavar="PART")
    others = ", or package.module:Class, an Optuna sampler made to keep the limits"
    parser.add_argument(
        "--strategies", nargs="+", type=strategy, default=every, metavar="NAME", help=", ".join(every) + others
    )
    parser.add_argument("--budgets", nargs="+", type=int, default=[50, 100, 200], help="evaluations")
    parser.add_argument("--seeds", type=int, default=200, help="searches of each kind")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--window", type=int, default=1, help="trials under way at once")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    parser.add_argument("--records", type=Path, default=HERE.parent / "results" / "search_quality.jsonl")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "search_quality")
    parser.add_argument("--any-code", action="store_true", help="take records of other versions of the strategies too")
    options = parser.parse_args()
    if options.bench is None and any(part.startswith("macro") for part in options.parts):
        parser.error("the parts of NAS-Bench-Macro need --bench; or choose --parts interactions ridge overhead")
    if min(options.budgets) <= 20:
        parser.error("a budget of 20 evaluations or fewer leaves nothing to search beside its finalists")

    code = code_digest()
    records = read_records(options.records, None if options.any_code else code)
    there = {tuple(record[name] for name in KEY): set(record["budgets"]) for record in records}
    todo = [each for each in wanted_of(options) if each.key not in there or not set(each.budgets) <= there[each.key]]
    options.records.parent.mkdir(parents=True, exist_ok=True)
    with options.records.open("a") as file:
        for count, record in enumerate(measured(todo, code, options.workers), 1):
            file.write(json.dumps(record) + "\n")
            file.flush()
            records.append(record)
            if count % 50 == 0:
                print(f"{count} of {len(todo)} searches", flush=True)
    report(records, options.out, options.bench)


if __name__ == "__main__":
    main()
