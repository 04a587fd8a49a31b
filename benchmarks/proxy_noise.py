"""Can a proxy tell nets apart? Spread between random nets against the noise of seeds, on the same images.

    python benchmarks/proxy_noise.py --nets 10 --seeds 3 [--data scenes] [--band] [--device cuda] [--out FILE.json]

Each net is drawn at random from a space (with --band: from those within 10% of 400M multiply-adds), shrunk as
`search` shrinks it, and trained on the same seeds. Noise is the pooled standard deviation between seeds of one net;
spread is the standard deviation between the nets' true accuracies: that of their means, less what seeds alone would
give. A ratio of 2 or more tells nets apart.
"""

from __future__ import annotations

import argparse
import json
import platform
import random
import shlex
import statistics
import sys
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from nas_scale.architecture.files import load_space
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.jobs import Jobs
from nas_scale.commands.shared.net_lookup import reference_net
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training
from nas_scale.commands.shared.workers import choose_device, training_engine
from nas_scale.engines.base import Engine, Failed, News, Outcome
from nas_scale.metrics.counts import cost
from nas_scale.metrics.limits import Limits, around
from nas_scale.show.tables import compact
from nas_scale.statistics.variances import SeedNoise
from nas_scale.training.job import Score


def draw(space_name: str, count: int, band: bool) -> tuple[Architecture, list[Architecture]]:
    """The space's reference net, and `count` different random nets."""
    space, rng = load_space(space_name), random.Random(1)
    limits = Limits((around(400e6, 0.1),)) if band else Limits()
    nets: dict[Architecture, None] = {}
    while len(nets) < count:
        net = space.resolve(lambda choice: rng.choice(choice.options))
        if limits.keeps(net):
            nets[net] = None
    return reference_net(space), list(nets)


def measure(nets: list[Architecture], jobs: Jobs, engine: Engine) -> tuple[list[list[float]], float]:
    """Accuracies by net and seed, and the mean seconds of a training. A job may hold one seed of a net, or them all."""
    made = [(index, job) for index, net in enumerate(nets) for job in jobs.seeds(net, range(jobs.training.seeds))]
    for ticket, (_, job) in enumerate(made):
        engine.submit(ticket, job)
    found: dict[int, tuple[Score, ...]] = {}
    for _ in track(made, "training", console=Console(stderr=True)):
        outcome = _outcome(engine)
        if isinstance(outcome, Failed):
            raise SystemExit(f"training {outcome.ticket} failed: {outcome.reason}")
        found[outcome.ticket] = outcome.result
    accuracies: list[list[float]] = [[] for _ in nets]
    for ticket, (index, _) in enumerate(made):  # jobs end in any order; tickets go by net, then seed
        accuracies[index].extend(score.accuracy for score in found[ticket])
    return accuracies, statistics.fmean(score.seconds for scores in found.values() for score in scores)


def _outcome(engine: Engine) -> Outcome:
    """Of the next job to end."""
    while isinstance(outcome := engine.next(), News):
        pass
    return outcome


def _at_least_two(text: str) -> int:
    """A number that a standard deviation can be had of: said before hours of training, not after."""
    if (count := int(text)) < 2:
        raise argparse.ArgumentTypeError(f"{count} has no spread; give 2 or more")
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = Training()
    parser.add_argument("--nets", type=_at_least_two, default=10)
    parser.add_argument("--seeds", type=_at_least_two, default=3)
    parser.add_argument("--space", default="efficientnet")
    parser.add_argument("--data", default=usual.data)
    parser.add_argument("--band", action="store_true")
    parser.add_argument("--epochs", type=int, default=usual.epochs)
    parser.add_argument("--width", type=float, default=usual.proxy_width)
    parser.add_argument("--resolution", type=int, default=None)
    parser.add_argument("--train-images", type=int, default=usual.train_images)
    parser.add_argument("--val-images", type=int, default=usual.val_images)
    parser.add_argument("--batch", type=int, default=usual.batch)
    parser.add_argument("--learning-rate", type=float, default=usual.learning_rate)
    parser.add_argument("--warmup", type=float, default=usual.warmup)
    parser.add_argument("--crop", type=float, default=usual.crop)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--workers", type=int, default=None)
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    reference, nets = draw(asked.space, asked.nets, asked.band)
    training = replace(
        usual,
        data=asked.data,
        epochs=asked.epochs,
        proxy_width=asked.width,
        proxy_resolution=asked.resolution,
        train_images=asked.train_images,
        val_images=asked.val_images,
        batch=asked.batch,
        learning_rate=asked.learning_rate,
        warmup=asked.warmup,
        crop=asked.crop,
        seeds=asked.seeds,
    )
    settings = RunSettings(device=asked.device, workers=asked.workers).checked()
    device = choose_device(settings.device)
    jobs = Jobs(training.checked().suited(device).for_reference(reference), reference, device)
    with training_engine(settings, jobs.device, jobs.training.threads) as engine:
        accuracies, seconds = measure(nets, jobs, engine)
    noise = SeedNoise.pooled(accuracies).sd or 0.0
    means = [statistics.fmean(each) for each in accuracies]
    spread = max(statistics.variance(means) - noise**2 / asked.seeds, 0.0) ** 0.5
    table = Table(
        "net",
        "FLOPs",
        "mean %",
        "seeds %",
        title=f"{asked.data}, {asked.nets} nets of {asked.space}{' near 400M' if asked.band else ''}",
    )
    for net, mean, each in sorted(zip(nets, means, accuracies, strict=True), key=lambda row: -row[1]):
        table.add_row(
            compact(net), f"{cost(net).flops / 1e6:.0f}M", f"{mean:.1%}", " ".join(f"{value:.1%}" for value in each)
        )
    Console(width=170).print(table)
    command = shlex.join(["python", *sys.argv])
    print(
        f"seed sd {noise:.2%}, spread between nets {spread:.2%}, ratio {spread / noise:.1f}, {seconds:.1f} s a training"
        f" ({command})"
    )
    if asked.out:
        found = {
            "noise": noise,
            "spread": spread,
            "ratio": spread / noise,
            "seconds": seconds,
            "accuracies": accuracies,
            "nets": [compact(net) for net in nets],
        }
        asked.out.write_text(
            json.dumps(
                {
                    "date": str(date.today()),
                    "command": command,
                    "machine": platform.platform(),
                    "device": jobs.device,
                    "training": asdict(jobs.training),
                    **found,
                },
                indent=1,
            )
        )


if __name__ == "__main__":
    main()
