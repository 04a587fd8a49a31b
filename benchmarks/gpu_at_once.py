"""How many nets a minute for how many trainings at once? Step 4 of gpu.py.

    python benchmarks/gpu_at_once.py --device cuda

Nets of about equal cost, each another, of three kinds of proxies (gpu_nets.py), with 1, 2, 4 and 8 trainings under way
at once: as slots of one process, and as processes of their own. Every process has trained before. A cell is timed from
its first start to its last end, and trains its number of nets once or several times over, so that they begin and end
about together. What is trained on is made up: no figure of accuracy comes of it.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import gpu_data
from gpu_nets import Kind, kinds
from gpu_rows import Options, keep, left, options_of, parser, say

from nas_scale.engines.base import Engine, Failed, News
from nas_scale.engines.local import LocalEngine
from nas_scale.training.data.ref import DataRef
from nas_scale.training.job import Job, Remark
from nas_scale.training.worker import EVALUATE

# What searches may choose between comes first.
CELLS = (("slots", 1), ("slots", 4), ("processes", 4), ("slots", 8), ("processes", 8), ("slots", 2), ("processes", 2))
TINY_CELLS = (("slots", 1), ("slots", 2), ("processes", 2))
LONGEST = 10.0  # seconds of a cell
SHORTEST = 2.0


@dataclass
class Timed:
    """What a cell has seen. seconds: from the first start to the last end."""

    ended: int = 0
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)
    remarks: set[str] = field(default_factory=set)

    @property
    def rate(self) -> float | None:
        """Trainings a second."""
        return self.ended / self.seconds if self.ended else None


class Trainings:
    """Jobs of a kind of proxy, one net after another, and the engines that run them."""

    def __init__(self, options: Options, most: int) -> None:
        each = 60 if options.tiny else 9_000
        self.options = options
        self.folder = gpu_data.write_cifar(options.scratch / "noise", each)
        self.engines: dict[str, Engine] = {
            "slots": LocalEngine(EVALUATE, workers=most, threads=1, slots=most),
            "processes": LocalEngine(EVALUATE, workers=most, threads=1),
        }
        self.tickets = itertools.count()

    def jobs(self, kind: Kind) -> Iterator[Job]:
        images = DataRef(f"cifar10:{self.folder}", kind.proxy.resolution, kind.train, kind.val, 0)
        for net in kind.nets():
            yield Job(kind.small(net), images, kind.proxy.recipe, (0,), self.options.device)

    def warm_up(self, how: str, jobs: Iterator[Job], most: int) -> None:
        """Trains for an epoch in each process or slot, all at once: images are there then, and the device is known."""
        engine = self.engines[how]
        for job in itertools.islice(jobs, most):
            engine.submit(next(self.tickets), replace(job, recipe=replace(job.recipe, epochs=1)))
        for _ in range(most):
            self._wait(engine, Timed())

    def timed(self, how: str, at_once: int, jobs: Iterator[Job], seconds: float) -> Timed:
        """Trains so many at once, and goes on as long as so many more would end in about so many seconds."""
        engine, found = self.engines[how], Timed()
        started = time.perf_counter()
        for job in itertools.islice(jobs, at_once):
            engine.submit(next(self.tickets), job)
        begun = under_way = at_once
        while under_way:
            self._wait(engine, found)
            under_way -= 1
            spent = time.perf_counter() - started
            another = begun % at_once or spent * (1 + at_once / begun) < seconds
            if another and not found.failed:
                engine.submit(next(self.tickets), next(jobs))
                begun, under_way = begun + 1, under_way + 1
        found.seconds = time.perf_counter() - started
        return found

    def _wait(self, engine: Engine, found: Timed) -> None:
        """Until a training is over."""
        while isinstance(heard := engine.next(), News):
            if isinstance(heard.item, Remark):
                found.remarks.add(heard.item.text)
        if isinstance(heard, Failed):
            found.failed.append(heard.reason)
        else:
            found.ended += 1

    def close(self) -> None:
        for engine in self.engines.values():
            engine.close()


def measure(options: Options) -> None:
    cells = TINY_CELLS if options.tiny else CELLS
    most = max(at_once for _, at_once in cells)
    trainings = Trainings(options, most)
    ended, failed = 0, list[str]()
    try:
        todo = kinds(options.tiny)
        for place, kind in enumerate(todo):
            jobs = trainings.jobs(kind)
            trainings.warm_up("processes", jobs, 1)  # compiles what the others then find on disk
            for how in trainings.engines:
                started = time.perf_counter()
                trainings.warm_up(how, jobs, most)
                keep(proxy=kind.name, warm_up=how, seconds=round(time.perf_counter() - started, 1))
            for number, (how, at_once) in enumerate(cells):
                to_come = len(cells) - number + (len(todo) - place - 1) * (len(cells) + 2)
                seconds = min(LONGEST, max(left() - 8, 0) / to_come)
                if seconds < (0 if options.tiny else SHORTEST):
                    say(f"no time for {kind.name}, {at_once} {how}")
                    continue
                found = trainings.timed(how, at_once, jobs, 1.0 if options.tiny else seconds)
                keep_cell(kind, how, at_once, found)
                ended, failed = ended + found.ended, failed + found.failed
    finally:
        trainings.close()
    if failed and not ended:
        raise SystemExit(f"every training failed, the first with: {failed[0]}")


def keep_cell(kind: Kind, how: str, at_once: int, found: Timed) -> None:
    recipe = kind.proxy.recipe
    images = kind.train // recipe.batch * recipe.batch * recipe.epochs
    rate = found.rate
    keep(
        proxy=kind.name,
        kind=how,
        at_once=at_once,
        nets=found.ended,
        seconds=round(found.seconds, 2),
        nets_per_minute=None if rate is None else 60 * rate,
        images_per_second=None if rate is None else images * rate,
        epochs=recipe.epochs,
        images=kind.train,
        batch=recipe.batch,
        failed=found.failed,
        remarks=sorted(found.remarks),
    )


if __name__ == "__main__":
    measure(options_of(parser(__doc__).parse_args()))
