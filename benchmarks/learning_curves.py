"""Records learning curves of random nets of the default space, for five_minutes.py to replay searches on.

    python benchmarks/learning_curves.py --photos PHOTOS --minutes 100 [--workers 2]

Nets lie inside the default search's limits and are trained as it trains them, in full and in part (RECIPES). Each
training is a line of results/five_minutes/scenes.jsonl or photos.jsonl, written at once: the same command goes on where
it was stopped, and the order (PLAN) leaves a balanced set wherever it stops. A line holds accuracy and loss on the even
and the odd validation images apart, at every third of the training, and the processor seconds of training until there.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from datetime import date
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nas_scale.architecture.files import load_space, net_document, net_from_document
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.jobs import Jobs
from nas_scale.commands.shared.net_lookup import reference_net
from nas_scale.commands.shared.training import Training
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.limits import Limits, around
from nas_scale.training.data.ref import DataRef
from nas_scale.training.job import Job

if TYPE_CHECKING:
    from nas_scale.training.images import Images
    from nas_scale.training.trainer import Trainer

RESULTS: Final = Path(__file__).parent / "results" / "five_minutes"
KEPT: Final = Path(__file__).parents[1] / "results" / "reference"
SPACE, TARGET, TOLERANCE = "efficientnet", 400e6, 0.1
DRAWN: Final = 64  # nets that there may be
LONG: Final = (1000,)  # seeds: what longer trainings tell is not to share its seeds with what is judged by it
THIRDS: Final = 3

_PHOTOS: Final = Training(train_images=6000, epochs=2)
# By kind of images: `whole` is what a search trains, on photographs a quarter as long as usual, which is the longest
# that five minutes leave for eight nets; the others are parts of it and one three times as long.
RECIPES: Final = {
    "scenes": {
        "sixth": Training(train_images=5803, epochs=1),
        "third": Training(train_images=11605, epochs=1),
        "whole": Training(),
        "long": Training(epochs=6),
    },
    "photos": {
        "third": replace(_PHOTOS, train_images=4000, epochs=1),
        "half": replace(_PHOTOS, epochs=1),
        "whole": _PHOTOS,
        "fewer pixels": replace(_PHOTOS, proxy_resolution=40, batch=64),
        "long": replace(_PHOTOS, epochs=6),
    },
}
WITH_CHECKS: Final = ("whole", "long")  # recipes with checks at every third; the others are judged at their end


@dataclass(frozen=True, slots=True)
class Task:
    """One training: of which net, on which kind of images, under which recipe, from which seed."""

    kind: str
    net: int
    recipe: str
    seed: int


# (first net, one past the last, kind, recipe, seeds): what comes first is recorded first, two nets at a time.
PLAN: Final = (
    ((DRAWN, DRAWN + 8), (("scenes", "third", (0,)), ("scenes", "sixth", (0,)))),
    (
        (0, 10),
        (
            ("photos", "third", (0, 1)),
            ("photos", "whole", (0,)),
            ("scenes", "third", (0,)),
            ("scenes", "whole", (0,)),
        ),
    ),
    ((0, 14), (("photos", "fewer pixels", (0,)), ("photos", "half", (0,)))),
    (
        (10, DRAWN),
        (
            ("photos", "third", (0, 1)),
            ("photos", "whole", (0,)),
            ("scenes", "third", (0,)),
            ("scenes", "whole", (0,)),
            ("photos", "fewer pixels", (0,)),
            ("photos", "half", (0,)),
        ),
    ),
    ((0, DRAWN), (("scenes", "third", (1,)), ("scenes", "whole", (1,)), ("photos", "fewer pixels", (1,)))),
    ((DRAWN, DRAWN + 8), (("scenes", "third", (1,)), ("scenes", "sixth", (1,)))),
    ((0, DRAWN), (("scenes", "long", LONG), ("photos", "long", LONG), ("scenes", "sixth", (0, 1)))),
)


def tasks() -> Iterator[Task]:
    """All trainings in their order."""
    for (first, end), steps in PLAN:
        for start in range(first, end, 2):
            for kind, recipe, seeds in steps:
                yield from (
                    Task(kind, net, recipe, seed) for net in range(start, min(start + 2, end)) for seed in seeds
                )


@cache
def nets(kind: str) -> tuple[Architecture, ...]:
    """Nets by number. On photographs the first are those of a kept certificate that cost the same, on scenes the last
    those of a kept search: what these were trained for counts too (curve_records.py)."""
    space = load_space(SPACE)
    region = FeasibleRegion(space, Limits((around(TARGET, TOLERANCE),)))
    rng, taken, drawn = random.Random(13), set[bytes](), list[Architecture]()
    while len(drawn) < DRAWN:
        params = region.draw(rng, taken)
        taken.add(region.key(region.encoding.code(params)))
        drawn.append(space.net(params))
    kept = [net_from_document(row["net"]) for row in kept_rows(kind)]
    return (*kept, *drawn) if kind == "photos" else (*drawn, *kept)


def kept_rows(kind: str) -> list[dict[str, Any]]:
    """The kept certificate's rows of nets of equal cost, or the kept search's ranking."""
    if kind == "photos":
        return [
            row for row in json.loads((KEPT / "certify-photos-64/result.json").read_text())["nets"] if row["equal_cost"]
        ]
    ranking: list[dict[str, Any]] = json.loads((KEPT / "search-001/result.json").read_text())["ranking"]
    return ranking


def job_of(task: Task, photos: str) -> Job:
    reference = reference_net(load_space(SPACE))
    training = replace(RECIPES[task.kind][task.recipe], data=photos if task.kind == "photos" else task.kind)
    jobs = Jobs(training.checked().suited("cpu").for_reference(reference), reference, "cpu")
    return jobs.seeds(nets(task.kind)[task.net], [task.seed])[0]


def record(task: Task, photos: str) -> dict[str, Any]:
    """Trains, and returns the line."""
    import torch

    from nas_scale.nets.build import build, zero_residuals
    from nas_scale.training.trainer import Trainer
    from nas_scale.training.worker import prepare_process

    job = job_of(task, photos)
    prepare_process(1)
    images, classes = placed(job.data)
    net = build(replace(job.architecture, classes=classes), task.seed)
    if job.recipe.zero_residuals:
        zero_residuals(net)
    net = net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    trainer = Trainer(net, images, job.recipe, task.seed)
    total = trainer.steps * job.recipe.epochs
    at = {round(total * third / THIRDS) for third in range(1, THIRDS + 1)} if task.recipe in WITH_CHECKS else {total}
    seconds, done, checks = 0.0, 0, []
    for epoch in range(job.recipe.epochs):
        begun = time.process_time()
        trainer.begin(epoch)
        for _ in range(trainer.steps):
            trainer.step()
            done += 1
            if done in at:
                seconds += time.process_time() - begun
                checks.append({"share": done / total, "seconds": round(seconds, 2), **halves(trainer)})
                begun = time.process_time()
        seconds += time.process_time() - begun
    return {
        "kind": task.kind,
        "net": task.net,
        "recipe": task.recipe,
        "seed": task.seed,
        "images": done * trainer.batch,
        "checks": checks,
        "date": str(date.today()),
        "document": net_document(nets(task.kind)[task.net]),
    }


@lru_cache(maxsize=4)
def placed(ref: DataRef) -> tuple[Images, int]:
    """The images, and of how many classes they are."""
    import torch

    from nas_scale.training.data import load
    from nas_scale.training.images import place_images

    data = load(ref)
    return place_images(data, torch.device("cpu")), len(data.classes)


def halves(trainer: Trainer) -> dict[str, Any]:
    """Accuracies and losses on the even and the odd validation images, and puts the net back to training."""
    import torch
    import torch.nn.functional as F

    from nas_scale.training.augment import normalise
    from nas_scale.training.fit import USUAL_EVALUATION_BATCH
    from nas_scale.training.images import NO_LABEL

    images, right, losses = trainer.images, [], []
    trainer.net.eval()
    with torch.no_grad():
        for pictures, labels, _ in images.validation(USUAL_EVALUATION_BATCH):
            logits, own = trainer.logits(normalise(pictures, images.mean, images.std)), labels != NO_LABEL
            right.append((logits.argmax(1) == labels)[own].float())
            losses.append(F.cross_entropy(logits, labels, reduction="none", ignore_index=NO_LABEL)[own])
    trainer.net.train()
    found, lost = torch.cat(right), torch.cat(losses)
    return {
        "accuracy": [round(float(found[half::2].mean()), 5) for half in (0, 1)],
        "loss": [round(float(lost[half::2].mean()), 5) for half in (0, 1)],
    }


def read_lines(out: Path) -> list[dict[str, Any]]:
    """The trainings that were kept; a line cut off by a kill is dropped."""
    kept = []
    for path in sorted(out.glob("*.jsonl")):
        for line in path.read_text().splitlines():
            try:
                kept.append(json.loads(line))
            except json.JSONDecodeError:
                continue
    return kept


def task_of(line: dict[str, Any]) -> Task:
    return Task(line["kind"], line["net"], line["recipe"], line["seed"])


def keep(out: Path, line: dict[str, Any]) -> None:
    path = out / f"{line['kind']}.jsonl"
    cut = path.exists() and path.stat().st_size and not path.read_bytes().endswith(b"\n")
    with path.open("a") as file:
        file.write(("\n" if cut else "") + json.dumps(line) + "\n")


def carry_out(todo: Sequence[Task], photos: str, out: Path, workers: int, until: float) -> None:
    """Trains what there is time for: none is begun after `until` (time.monotonic)."""
    waiting = iter(todo)
    with ProcessPoolExecutor(workers) as pool:
        under_way: set[Future[dict[str, Any]]] = set()
        while True:
            while len(under_way) < workers and time.monotonic() < until and (task := next(waiting, None)):
                under_way.add(pool.submit(record, task, photos))
            if not under_way:
                return
            ended, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for future in ended:
                line = future.result()
                keep(out, line)
                print(f"{line['kind']} {line['net']} {line['recipe']} {line['seed']}: {line['checks'][-1]}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", required=True, help="a folder of photographs in 20 classes, with train/ and val/")
    parser.add_argument("--minutes", type=float, default=100.0, help="no training is begun after so many")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    asked = parser.parse_args()
    until = time.monotonic() + 60 * asked.minutes
    asked.out.mkdir(parents=True, exist_ok=True)
    done = {task_of(line) for line in read_lines(asked.out)}
    carry_out([task for task in tasks() if task not in done], asked.photos, asked.out, asked.workers, until)


if __name__ == "__main__":
    main()
