"""Networks scaled from a baseline, with their real cost and shares; and the paper's two ways to make them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from nas_scale.architecture.growth import (
    Repeats,
    assemble,
    channels_of,
    group_depths,
    least_resolution,
    round_resolution,
    scalable_groups,
    scaled_channels,
    scaled_depths,
    whole_channels,
    whole_resolution,
)
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.metrics.metric import FLOPS, Metric
from nas_scale.scaling.coefficients import OF_FLOPS, Coefficients, Doublings, Shares

_MOST_DROPOUT: Final = 0.5
_DROPOUT_PER_PHI: Final = 0.3 / 7  # the paper: linearly from 0.2 for B0 to 0.5 for B7


@dataclass(frozen=True, slots=True)
class Candidate:
    """A network scaled up or down from a baseline, with its real cost and shares.

    depth: its blocks over the baseline's; width: geometric mean of its stages' channels over the baseline's.
    depths, channels: blocks and channels of every string of the notation; resolution in pixels.
    cost_ratio: what it costs over what the baseline costs, by the metric that was asked for (FLOPs unless another was).
    shares: log2 of the cost ratio when one axis alone is scaled, normalised to sum 1 (thirds where nothing grew).
    points: the nominal coefficients that led here, where there are any. doublings: of the metric.
    """

    architecture: Architecture
    depth: float
    width: float
    resolution: int
    depths: tuple[int, ...]
    channels: tuple[int, ...]
    cost_ratio: float
    shares: Shares
    points: tuple[Coefficients, ...] = ()
    doublings: Doublings = OF_FLOPS

    @property
    def coefficients(self) -> Coefficients:
        """Effective alpha, beta, gamma: those of the real shares, which nominally double the cost."""
        return Coefficients.from_shares(self.shares, self.doublings)

    @property
    def alpha(self) -> float:
        return self.coefficients.alpha

    @property
    def beta(self) -> float:
        return self.coefficients.beta

    @property
    def gamma(self) -> float:
        return self.coefficients.gamma


def normalised(log_ratios: Sequence[float], grew: bool = True) -> Shares:
    """Three log ratios over their sum; thirds where nothing grew, or shrank. One of the other sign counts as 0."""
    depth, width, resolution = (max(0.0, each if grew else -each) for each in log_ratios)
    total = math.fsum((depth, width, resolution))
    if total < 1e-9:
        return (1 / 3, 1 / 3, 1 / 3)
    return (depth / total, width / total, resolution / total)


def one_at_a_time_log_ratios(baseline: Architecture, arch: Architecture, by: Metric) -> tuple[float, float, float]:
    """log2 of the cost ratio when only the depth, the width or the resolution is that of `arch`."""
    own, depths = channels_of(baseline), group_depths(baseline)
    alone = (
        assemble(baseline, _depths_like(baseline, arch), own, baseline.resolution),
        assemble(baseline, depths, channels_of(arch), baseline.resolution),
        assemble(baseline, depths, own, arch.resolution),
    )
    base = by.of_net(baseline)
    depth, width, resolution = (math.log2(by.of_net(net) / base) for net in alone)
    return depth, width, resolution


def _depths_like(baseline: Architecture, arch: Architecture) -> tuple[int, ...]:
    return tuple(sum(arch.stages[index].repeats for index in group) for group in scalable_groups(baseline))


def candidate(
    baseline: Architecture,
    arch: Architecture,
    by: Metric = FLOPS,
    points: tuple[Coefficients, ...] = (),
    doublings: Doublings = OF_FLOPS,
) -> Candidate:
    """`arch`, which was scaled from `baseline`, with its real cost ratio and shares. doublings: those of `by`."""
    depths = tuple(stage.repeats for stage in arch.stages)
    channels = tuple(stage.channels for stage in arch.stages)
    ratio = by.of_net(arch) / by.of_net(baseline)
    logs = [math.log(new / old.channels) for new, old in zip(channels, baseline.stages, strict=True)]
    return Candidate(
        architecture=arch,
        depth=sum(depths) / max(1, sum(stage.repeats for stage in baseline.stages)),
        width=math.exp(math.fsum(logs) / max(1, len(logs))),
        resolution=arch.resolution,
        depths=depths,
        channels=channels,
        cost_ratio=ratio,
        shares=normalised(one_at_a_time_log_ratios(baseline, arch, by), ratio >= 1),
        points=points,
        doublings=doublings,
    )


def with_dropout(arch: Architecture, phi: float) -> Architecture:
    """Dropout that follows size as in the paper: by 0.3 over phi 0 to 7, to 0.5 at most; and down, to 0, below phi 0.

    Stochastic depth stays as the network has it: the published code keeps the last block's rate at 0.2 for B0 to B7.
    """
    if not phi:
        return arch
    rate = round(arch.dropout + _DROPOUT_PER_PHI * phi, 3)
    return replace(arch, dropout=max(arch.dropout, min(_MOST_DROPOUT, rate)) if phi > 0 else max(0.0, rate))


def grow(
    baseline: Architecture,
    coefficients: Coefficients,
    phi: float,
    repeats: Repeats = "ceil",
    by: Metric = FLOPS,
    doublings: Doublings = OF_FLOPS,
) -> Candidate:
    """Scaled by the paper's rule: depth by alpha^phi, width by beta^phi, resolution by gamma^phi, each rounded.

    by: the metric that its cost is told in, with its doublings. Raises UserError where phi is not finite.
    """
    if not math.isfinite(phi):
        raise UserError(f"phi {phi:g} must be a number")
    arch = _by_formula(baseline, coefficients, phi, repeats)
    return candidate(baseline, arch, by, (coefficients,), doublings)


def _by_formula(baseline: Architecture, coefficients: Coefficients, phi: float, repeats: Repeats) -> Architecture:
    """No axis turns round: nothing is smaller than the baseline above phi 0, nothing larger below it."""
    if not phi:
        return replace(baseline, name="")
    width, larger = coefficients.beta**phi, phi > 0
    channels = whole_channels(baseline, larger) if width == 1 else scaled_channels(baseline, width)
    pixels, own = baseline.resolution * coefficients.gamma**phi, whole_resolution(baseline, larger)
    rounded = round_resolution(baseline, pixels)
    resolution = max(rounded, own) if larger else max(least_resolution(baseline), min(rounded, own))
    depths = scaled_depths(baseline, coefficients.alpha**phi, repeats)
    return with_dropout(assemble(baseline, depths, channels, resolution), phi)


def cartesian(
    baseline: Architecture,
    phi: float = 1.0,
    step: float = 0.05,
    tolerance: float = 0.1,
    repeats: Repeats = "ceil",
) -> list[Candidate]:
    """The paper's grid: alpha in 1 to 2, beta and gamma in 1 to 1.5, |alpha * beta^2 * gamma^2 - 2| <= tolerance.

    109 points with step 0.05 and tolerance 0.1. Points that round to the same net are one candidate with several
    `points`. Raises UserError where the step or tolerance leaves nothing.
    """
    if not 0.005 <= step <= 0.5:
        raise UserError(f"step {step:g} must lie in 0.005 to 0.5, e.g. 0.05")
    led: dict[Architecture, list[Coefficients]] = {}
    for point in _grid_points(step, tolerance):
        led.setdefault(_by_formula(baseline, point, phi, repeats), []).append(point)
    if not led:
        raise UserError(
            f"no point of a grid with step {step:g} has a product within {tolerance:g} of 2; "
            "take a finer step or a wider tolerance"
        )
    return [candidate(baseline, net, FLOPS, tuple(points)) for net, points in led.items()]


def _grid_points(step: float, tolerance: float) -> Iterator[Coefficients]:
    def ticks(top: float) -> list[float]:
        return [round(1 + step * index, 9) for index in range(math.floor((top - 1) / step + 1e-9) + 1)]

    for alpha, beta, gamma in itertools.product(ticks(2), ticks(1.5), ticks(1.5)):
        point = Coefficients(alpha, beta, gamma)
        if abs(point.product - 2) <= tolerance + 1e-9:
            yield point
