"""The objectives of a search: accuracy, to be made large, and costs, to be made small."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.budget_options import counted_metrics
from nas_scale.commands.shared.options import words_of
from nas_scale.commands.shared.quality import ACCURACY
from nas_scale.errors import UserError
from nas_scale.metrics.metric import FLOPS, LATENCY, metric_named, metrics
from nas_scale.samplers.registry import SEVERAL_OBJECTIVES

MOST_OBJECTIVES: Final = 4
USUAL_OBJECTIVE: Final = f"{ACCURACY.name},{FLOPS.name}"  # where several objectives are wanted and not named
USUAL_SAMPLER: Final = "nsga2"  # with several objectives (benchmarks/front_quality.py)


def objective_help() -> str:
    """Of --objective, which names the costs that there are."""
    costs = words_of([*(metric.name for metric in counted_metrics()), f"{LATENCY}@DEVICE"], "and")
    return (
        f"accuracy, or several objectives like accuracy,flops: what is made small beside it is of {costs}; ends in a "
        "Pareto front of nets that no other beats in all of them."
    )


def read_objectives(objective: str | Sequence[str]) -> tuple[str, ...]:
    """'accuracy,flops' -> ('accuracy', 'flops'); names that were taken apart already stay so.

    Raises UserError for what is no list of one to four different objectives that begins with accuracy.
    """
    costs = [metric.name for metric in metrics()]
    example = f"write --objective {USUAL_OBJECTIVE}, or with {', '.join(costs[1:])}"
    if not isinstance(objective, Sequence) or not all(isinstance(name, str) for name in objective):
        raise UserError(f"--objective {objective!r} is not understood; {example}")
    names = objective.split(",") if isinstance(objective, str) else objective
    objectives = tuple(name.strip() for name in names)
    unknown = [name for name in objectives if name not in (ACCURACY.name, *costs)]
    if LATENCY in unknown:
        raise UserError(f"--objective: {LATENCY!r} is of a device; write {LATENCY}@DEVICE (nas-scale latency list)")
    if unknown:
        raise UserError(f"--objective: {unknown[0]!r} is no objective; {example}")
    if not objectives or objectives[0] != ACCURACY.name:
        raise UserError(f"--objective {','.join(objectives)} has to begin with {ACCURACY.name}; {example}")
    if len(set(objectives)) < len(objectives):
        raise UserError(f"--objective {','.join(objectives)} names an objective twice; {example}")
    if len(objectives) > MOST_OBJECTIVES:
        raise UserError(f"--objective has {len(objectives)} names; at most {MOST_OBJECTIVES} can be followed at once")
    return objectives


def usual_for(options: Mapping[str, Any]) -> dict[str, Any]:
    """Defaults that follow from these options: with several objectives a sampler that serves them."""
    several = len(read_objectives(options.get("objective", ACCURACY.name))) > 1
    return {"sampler": USUAL_SAMPLER} if several else {}


def ensure_followed(objective: str, sampler: str, has_target: bool, pruner: str) -> None:
    """Raises UserError where the sampler, or the pruner, needs one value and there is none."""
    if len(read_objectives(objective)) == 1:
        return
    if sampler not in SEVERAL_OBJECTIVES and not has_target:
        raise UserError(
            f"--sampler {sampler} follows one value, and --objective {objective} has several; give a target, e.g. "
            f"--target-flops 400M, whose reward it then follows, or --sampler {' or '.join(SEVERAL_OBJECTIVES)}"
        )
    if sampler in SEVERAL_OBJECTIVES and pruner != "none":
        raise UserError(
            f"--pruner {pruner} compares trials by one value, and --sampler {sampler} follows all of --objective "
            f"{objective}; leave out one of the three"
        )


def spent(net: Architecture, costs: Sequence[str]) -> tuple[float, ...]:
    """What a net costs, by these names."""
    return tuple(metric_named(name).of_net(net) for name in costs)
