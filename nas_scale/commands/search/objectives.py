"""What a search aims at: accuracy, to be made large, and costs, to be made small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.quality import ACCURACY
from nas_scale.errors import UserError
from nas_scale.metrics.counts import cost
from nas_scale.metrics.metric import FLOPS, metric_named, metrics
from nas_scale.samplers.registry import SEVERAL_AIMS

MOST_AIMS: Final = 4
USUAL_OBJECTIVE: Final = f"{ACCURACY.name},{FLOPS.name}"  # where several aims are wanted and not named
USUAL_SAMPLER: Final = "nsga2"  # with several aims (benchmarks/front_quality.py)


def read_aims(objective: str | Sequence[str]) -> tuple[str, ...]:
    """'accuracy,flops' -> ('accuracy', 'flops'); names that were taken apart already stay so.

    Raises UserError for what is no list of one to four different aims that begins with accuracy.
    """
    costs = [metric.name for metric in metrics()]
    example = f"write --objective {USUAL_OBJECTIVE}, or with {', '.join(costs[1:])}"
    if not isinstance(objective, Sequence) or not all(isinstance(name, str) for name in objective):
        raise UserError(f"--objective {objective!r} is not understood; {example}")
    names = objective.split(",") if isinstance(objective, str) else objective
    aims = tuple(name.strip() for name in names)
    unknown = [name for name in aims if name not in (ACCURACY.name, *costs)]
    if unknown:
        raise UserError(f"--objective: {unknown[0]!r} is no aim; {example}")
    if not aims or aims[0] != ACCURACY.name:
        raise UserError(f"--objective {','.join(aims)} has to begin with {ACCURACY.name}; {example}")
    if len(set(aims)) < len(aims):
        raise UserError(f"--objective {','.join(aims)} names an aim twice; {example}")
    if len(aims) > MOST_AIMS:
        raise UserError(f"--objective names {len(aims)} aims; at most {MOST_AIMS} can be followed at once")
    return aims


def usual_for(options: Mapping[str, Any]) -> dict[str, Any]:
    """What a search with these options takes where they say nothing: with several aims a sampler that serves them."""
    several = len(read_aims(options.get("objective", ACCURACY.name))) > 1
    return {"sampler": USUAL_SAMPLER} if several else {}


def ensure_followed(objective: str, sampler: str, has_target: bool, pruner: str) -> None:
    """Raises UserError where the sampler, or the pruner, needs one value and there is none."""
    if len(read_aims(objective)) == 1:
        return
    if sampler not in SEVERAL_AIMS and not has_target:
        raise UserError(
            f"--sampler {sampler} follows one value, and --objective {objective} has several; give --target-flops, "
            f"whose reward it then follows, or --sampler {' or '.join(SEVERAL_AIMS)}"
        )
    if sampler in SEVERAL_AIMS and pruner != "none":
        raise UserError(
            f"--pruner {pruner} compares trials by one value, and --sampler {sampler} follows all of --objective "
            f"{objective}; leave out one of the three"
        )


def spent(net: Architecture, costs: Sequence[str]) -> tuple[float, ...]:
    """What a net costs, by these names."""
    counts = cost(net)
    return tuple(metric_named(name).of(counts) for name in costs)
