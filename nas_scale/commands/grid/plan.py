"""What a grid will train, as its result before any training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nas_scale.architecture.files import net_document
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.certify.certificates import certificate_line
from nas_scale.commands.grid.arms import Arm, followed
from nas_scale.commands.grid.options import Grid
from nas_scale.commands.grid.result import GridArm, GridBaseline, GridNet, GridResult
from nas_scale.commands.shared.lines import grid_lines
from nas_scale.commands.shared.multiples import multiples_line
from nas_scale.commands.shared.rows import AxisShares
from nas_scale.commands.shared.scale_by import held_line, scaling_metric
from nas_scale.metrics.counts import cost
from nas_scale.metrics.metric import FLOPS, caveats, costs_of
from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.reach import reach_of


def planned(baseline: Architecture, wanted: Grid, arms: Sequence[Arm], workers: int, results: Path) -> GridResult:
    """The plan of these arms, which takes the images for granted."""
    assert wanted.tolerance is not None
    at = followed([arm.pair for arm in arms])
    jobs = arms[at].jobs
    by = scaling_metric(wanted.scale_by)
    said = (held_line(baseline, by, reach_of(baseline, by)), multiples_line(baseline))
    flops = cost(baseline).flops
    lines = (*grid_lines(baseline, wanted, jobs), *caveats([by]), *(line for line in said if line))
    parts = [_planned_arm(arm, flops) for arm in arms]
    return GridResult(
        header=(*lines, certificate_line(results, jobs.training, baseline, jobs.device)),
        baseline=GridBaseline(name=baseline.name, net=net_document(baseline), flops=flops, cost=by.of_net(baseline)),
        phi=arms[at].phi,
        scale_by=by.name,
        method=wanted.method,
        prior=wanted.prior,
        step=wanted.step,
        tolerance=wanted.tolerance,
        count=wanted.count,
        pool=len(arms[at].pool),
        trainings=sum(arm.trainings for arm in arms),
        workers=workers,
        training=jobs.training,
        candidates=parts[at].candidates,
        arms=tuple(parts) if len(parts) > 1 else (),
    )


def _planned_arm(arm: Arm, flops: int) -> GridArm:
    first: dict[str, int] = {}
    rows = [(number, first.setdefault(key, number)) for number, key in enumerate(arm.keys, 1)]
    alike = [same if same != number else None for number, same in rows]
    nets = tuple(planned_row(candidate, flops, same) for candidate, same in zip(arm.chosen, alike, strict=True))
    return GridArm(phi=arm.phi, epochs=arm.epochs, pool=len(arm.pool), candidates=nets)


def planned_row(candidate: Candidate, flops: int, alike: int | None) -> GridNet:
    """A network as it is to be trained.

    flops: the baseline's multiply-adds. alike: the row (from 1) of an earlier one with the same proxy.
    """
    costs = costs_of(candidate.architecture)
    return GridNet(
        alpha=candidate.alpha,
        beta=candidate.beta,
        gamma=candidate.gamma,
        flops_ratio=costs[FLOPS.name] / flops,
        ratio=candidate.cost_ratio,
        shares=AxisShares.of(candidate.shares),
        depth=candidate.depth,
        width=candidate.width,
        resolution=candidate.resolution,
        costs=costs,
        depths=candidate.depths,
        channels=candidate.channels,
        points=tuple((point.alpha, point.beta, point.gamma) for point in candidate.points),
        alike=alike,
        net=net_document(candidate.architecture),
    )
