"""Where the nets of a comparison look: class activation maps of a few validation images.

Each net that is drawn is trained once more from its first seed, for its weights; they are kept in the run's folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from nas_scale.commands.compare.entrants import BASELINE, FITTED, GIVEN, Entrant
from nas_scale.commands.compare.prepare import COMPARED_SEEDS_FROM, PreparedComparison
from nas_scale.commands.compare.result import CompareResult
from nas_scale.engines.base import Done, Failed, Lost
from nas_scale.errors import RunFailed
from nas_scale.runs.store import Run
from nas_scale.training import data
from nas_scale.training.job import Job

if TYPE_CHECKING:
    from nas_scale.engines.base import Engine

IMAGES: Final = 6
MOST_NETS: Final = 6
# Of rules, those that the paper's figure 7 shows: the baseline, one axis alone, and all together.
SHOWN: Final = (BASELINE, "depth", "width", "resolution", FITTED, GIVEN)
WEIGHTS: Final = "weights"  # folder in the run's


@dataclass(frozen=True, slots=True)
class Look:
    """A net's answer to an image. heat (h, w): where it looked for that, in 0..1. right: whether it is the image's."""

    heat: npt.NDArray[np.float32]
    answer: str
    probability: float
    right: bool


@dataclass(frozen=True, slots=True)
class Looks:
    """images (size, size, channels), uint8, of these classes (truths), drawn at random, one a class; nets: by name;
    looks: of each image, one a net."""

    images: tuple[npt.NDArray[np.uint8], ...]
    truths: tuple[str, ...]
    nets: tuple[str, ...]
    looks: tuple[tuple[Look, ...], ...]


def looks_of(prepared: PreparedComparison, run: Run, found: CompareResult, engine: Engine) -> Looks:
    """Trains the nets to be drawn whose weights are not there yet, and looks. Raises RunFailed where one fails."""
    nets = nets_to_draw(prepared, found)
    files = {at: run.folder / WEIGHTS / f"{at}.safetensors" for at in nets}
    _train(prepared, {at: file for at, file in files.items() if not file.is_file()}, engine)
    training = prepared.jobs.training
    own = data.load(training.images(training.proxy.resolution))
    chosen = some_of_each(own.val.labels, training.seed)
    columns = [_looked(prepared, prepared.nets[at], files[at], chosen, own.classes) for at in nets]
    largest = max(prepared.jobs.small(prepared.nets[at].architecture).resolution for at in nets)
    shown_at = data.load(training.images(largest)).val
    return Looks(
        images=tuple(np.asarray(shown_at.images[at]) for at in chosen),
        truths=tuple(own.classes[own.val.labels[at]] for at in chosen),
        nets=tuple(prepared.nets[at].name for at in nets),
        looks=tuple(zip(*columns, strict=True)),
    )


def nets_to_draw(prepared: PreparedComparison, found: CompareResult) -> list[int]:
    """The nets that are drawn, by index: the first of the ranking; of rules those of `SHOWN`, at the largest phi."""
    index = {(net.name, net.phi): at for at, net in enumerate(prepared.nets)}
    left = [row for row in found.nets if row.state == "complete"]
    if not prepared.wanted.rules:
        return [index[row.name, row.phi] for row in left[:MOST_NETS]]
    largest = max(row.phi or 0.0 for row in left)
    rows = [row for name in SHOWN for row in left if row.name == name and row.phi in (0, largest)]
    return [index[row.name, row.phi] for row in rows]


def some_of_each(labels: npt.NDArray[np.int64], seed: int) -> list[int]:
    """Indices of `IMAGES` images, each of another class as far as there are as many, drawn at random."""
    order = np.random.default_rng([seed, *b"looks"]).permutation(len(labels))
    first = dict.fromkeys(labels[order].tolist())
    by_class = {label: [int(at) for at in order if labels[at] == label] for label in first}
    rounds = (members[number] for number in range(IMAGES) for members in by_class.values() if number < len(members))
    return list(rounds)[:IMAGES]


def _train(prepared: PreparedComparison, missing: dict[int, Path], engine: Engine) -> None:
    jobs: list[Job] = []
    for at, file in missing.items():
        file.parent.mkdir(exist_ok=True)
        (job,) = prepared.jobs.seeds(prepared.nets[at].architecture, [COMPARED_SEEDS_FROM])
        jobs.append(replace(job, weights=str(file.absolute())))
    for ticket, job in enumerate(jobs):
        engine.submit(ticket, job)
    under_way = len(jobs)
    while under_way:
        report = engine.next()
        if isinstance(report, Failed | Lost):
            raise RunFailed(f"a net could not be trained again for its weights: {report.reason}")
        under_way -= isinstance(report, Done)


def _looked(
    prepared: PreparedComparison, net: Entrant, weights: Path, chosen: Sequence[int], classes: Sequence[str]
) -> list[Look]:
    import torch

    from nas_scale.nets.activation_maps import activation_maps
    from nas_scale.nets.build import build
    from nas_scale.nets.weights import load_weights
    from nas_scale.training.augment import normalise

    small = prepared.jobs.small(net.architecture)
    images = data.load(prepared.jobs.training.images(small.resolution))
    built = build(replace(small, classes=len(images.classes)))
    load_weights(built, weights)
    mean, std = (torch.tensor(values) for values in (images.mean, images.std))
    pictures = torch.stack([torch.from_numpy(np.array(images.val.images[at])) for at in chosen])
    found = activation_maps(built, normalise(pictures, mean, std))
    return [
        Look(
            heat=found.maps[row].numpy(),
            answer=classes[int(found.classes[row])],
            probability=float(found.probabilities[row]),
            right=int(found.classes[row]) == int(images.val.labels[at]),
        )
        for row, at in enumerate(chosen)
    ]
