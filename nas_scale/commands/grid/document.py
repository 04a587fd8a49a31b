"""A grid's plan, and its result as plain values: what `--json` prints, `show` reads and tables draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nas_scale.architecture.files import net_document
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.grid.options import Grid
from nas_scale.commands.search.document import proxy_line
from nas_scale.commands.shared.options import specification
from nas_scale.commands.shared.training import Jobs, Training
from nas_scale.metrics.counts import cost
from nas_scale.metrics.metric import costs_of
from nas_scale.runs.store import Run
from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.fit import Fit
from nas_scale.statistics import ranking as rankings
from nas_scale.statistics.ranking import RankedNet, Ranking


@dataclass(frozen=True, slots=True)
class GridPlan:
    """What will be trained, and how long it will take on `workers` workers (None where it was not timed).

    pool: how many networks there were to choose from. alike: for every chosen network the number (from 1) of an earlier
    one that shrinks to the same proxy, or None.
    """

    baseline: Architecture
    candidates: tuple[Candidate, ...]
    alike: tuple[int | None, ...]
    pool: int
    header: tuple[str, ...]
    trainings: int
    workers: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with its scores. proxy: equal for networks that shrink to the same proxy and share a training."""

    scored: rankings.ScoredNet
    candidate: Candidate
    proxy: str


def plan_header(baseline: Architecture, wanted: Grid, jobs: Jobs) -> tuple[str, ...]:
    """What is asked and what the proxy gives up, a sentence a line."""
    flops = cost(baseline).flops
    first = f"baseline {baseline.name or 'net'}: {flops:,} multiply-adds at {baseline.resolution} px"
    how = f"{first}; phi {wanted.phi:g}, method {wanted.method}"
    seeds = jobs.training.seeds
    lines = [how, f"{proxy_line(baseline, jobs.training)}; {seeds} seed{'s' if seeds > 1 else ''} each"]
    if wanted.method == "optuna":
        lines.append("TPE chooses the networks as it goes; these show what there is to choose from")
    return tuple(lines)


def plan_rows(plan: GridPlan) -> list[dict[str, Any]]:
    """The chosen networks as JSON values."""
    return [candidate_document(each, alike) for each, alike in zip(plan.candidates, plan.alike, strict=True)]


def grid_document(
    plan: GridPlan,
    wanted: Grid,
    training: Training,
    run: Run | None = None,
    result: tuple[Ranking, Sequence[Trained], Fit] | None = None,
    seconds: float = 0.0,
) -> dict[str, Any]:
    """The plan, and after training the ranking and the fit, as JSON values."""
    document: dict[str, Any] = {
        "kind": "grid",
        "run": run.name if run else None,
        "folder": str(run.folder) if run else None,
        "header": list(plan.header),
        "baseline": {
            "name": plan.baseline.name,
            "net": net_document(plan.baseline),
            "flops": cost(plan.baseline).flops,
        },
        **specification(wanted),
        "pool": plan.pool,
        "trainings": plan.trainings,
        "workers": plan.workers,
        "estimated_seconds": plan.seconds,
        "seconds": round(seconds, 1),
        "training": specification(training),
    }
    if result is None:
        return document | {"candidates": plan_rows(plan), "fit": None}
    ranking, trained, fit = result
    rows = _ranked_rows(ranking, trained)
    return document | {"seed_sd": ranking.seed_sd, "candidates": rows, "fit": fit.document()}


def _ranked_rows(ranking: Ranking, trained: Sequence[Trained]) -> list[dict[str, Any]]:
    """The networks in their ranking; `alike` is the row (from 1) of an earlier one with the same proxy."""
    by_trial = {each.scored.trial: each for each in trained}
    first: dict[str, int] = {}
    rows = []
    for number, entry in enumerate(ranking.entries, 1):
        each = by_trial[entry.trial]
        same = first.setdefault(each.proxy, number)
        rows.append(candidate_document(each.candidate, same if same != number else None) | _scored(entry))
    return rows


def candidate_document(candidate: Candidate, alike: int | None) -> dict[str, Any]:
    """A network of a grid as JSON values; `points` are the nominal grid points that round to it."""
    depth, width, resolution = candidate.shares
    return {
        "alpha": candidate.alpha,
        "beta": candidate.beta,
        "gamma": candidate.gamma,
        "flops_ratio": candidate.flops_ratio,
        "shares": {"depth": depth, "width": width, "resolution": resolution},
        "depth": candidate.depth,
        "width": candidate.width,
        "resolution": candidate.resolution,
        **costs_of(candidate.architecture),
        "depths": list(candidate.depths),
        "channels": list(candidate.channels),
        "points": [[point.alpha, point.beta, point.gamma] for point in candidate.points],
        "alike": alike,
        "net": net_document(candidate.architecture),
    }


def _scored(entry: RankedNet) -> dict[str, Any]:
    names = ("rank", "place", "tied", "accuracy", "stderr", "seeds", "state", "reason")
    return {name: getattr(entry, name) for name in names} | {"search": list(entry.search)}
