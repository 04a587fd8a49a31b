"""Lines for a person that a search's result carries with it."""

from __future__ import annotations

from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.options import Search
from nas_scale.commands.search.result import SearchResult
from nas_scale.metrics.limits import Limit
from nas_scale.metrics.metric import FLOPS
from nas_scale.training.data.splits import LEAST_TO_SPLIT
from nas_scale.training.data.summary import DataSummary
from nas_scale.zero_cost.names import score_label


def asked_line(wanted: Search, space: SearchSpace, reference: Architecture) -> str:
    """What is searched, inside which limits, by which objectives."""
    bounds = ", ".join(_bound(limit) for limit in wanted.limits().limits) or "no limit"
    pixels = f"{reference.resolution} px" if len(space.resolutions) == 1 else "each net's own resolution"
    line = f"space {space.name}, {bounds}; cost counted at {pixels} and {reference.classes} classes"
    if wanted.screen != "none":
        line += f"; each trial takes what {score_label(wanted.screen)} favours of {wanted.screen_pool} proposals"
    if len(wanted.objectives) > 1:
        line += f"; objectives: {' and '.join(wanted.objectives)}, followed by {wanted.sampler}"
        line += "" if wanted.followed_costs else " through the reward"
    return line


def images_line(data: DataSummary) -> str:
    """Which of the validation images choose nets, and which say how good the chosen are."""
    if data.credit:
        return f"of the images that validate {data.validate - data.credit:,} choose nets, {data.credit:,} credit them"
    return (
        "the images that validate are too few to choose nets by one half and credit them by the other "
        f"({LEAST_TO_SPLIT} at least, and 2 of each class), so they flatter rank 1"
    )


def short_trials_line(wanted: Search) -> str:
    """How long trials are."""
    assert wanted.trial_length is not None
    return f"trials are {wanted.trial_length:.0%} as long; finalists are trained in full, and ranked by that alone"


def _bound(limit: Limit) -> str:
    show, unit = limit.metric.show, limit.metric.unit
    if limit.least:
        return f"{show(limit.least)} to {show(limit.most)} {unit}"
    return f"at most {show(limit.most)} {unit}"


def best_line(found: SearchResult) -> str:
    """The best of a ranking in a line of a list of runs."""
    best = found.ranking[0]
    assert best.accuracy is not None
    spent = f"{FLOPS.show(best.costs[FLOPS.name])} {FLOPS.unit}"
    error = f" +- {found.quality.show(best.stderr)}" if found.trained and best.stderr is not None else ""
    return f"{found.quality.show(best.accuracy)}{error} at {spent}"
