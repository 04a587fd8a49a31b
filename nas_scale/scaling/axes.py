"""The three axes on which a baseline is scaled: their settings, and the cost ratios of those."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from nas_scale.architecture.growth import (
    Channels,
    Repeats,
    assemble,
    channels_of,
    group_depths,
    scaled_channels,
    scaled_depths,
)
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.metrics.metric import FLOPS, Metric
from nas_scale.scaling.candidates import Candidate, candidate, normalised, with_dropout
from nas_scale.scaling.coefficients import AXES, OF_FLOPS, Doublings, Shares, round_resolution

_HOW: Final[tuple[Repeats, Repeats]] = ("ceil", "round")

Depths = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """A depth for every group of stages, the channels, and the resolution in pixels."""

    depths: Depths
    channels: Channels
    resolution: int


@dataclass(frozen=True, slots=True)
class Box:
    """Bounds of a setting on every axis; without `high` it is not bounded from above."""

    low: Setting
    high: Setting | None = None

    def depths(self, wanted: Depths) -> Depths:
        return _within(wanted, self.low.depths, self.high.depths if self.high else None)

    def channels(self, wanted: Channels) -> Channels:
        low, high = self.low.channels, self.high.channels if self.high else None
        stem, head = _within((wanted.stem, wanted.head), (low.stem, low.head), (high.stem, high.head) if high else None)
        return Channels(stem, _within(wanted.stages, low.stages, high.stages if high else None), head)

    def resolution(self, wanted: int) -> int:
        return _within((wanted,), (self.low.resolution,), (self.high.resolution,) if self.high else None)[0]


def _within(wanted: tuple[int, ...], low: tuple[int, ...], high: tuple[int, ...] | None) -> tuple[int, ...]:
    raised = tuple(map(max, wanted, low))
    return tuple(map(min, raised, high)) if high else raised


class CostRatios:
    """Cost of every setting over that of the baseline, each computed once."""

    def __init__(self, baseline: Architecture, by: Metric = FLOPS) -> None:
        self.baseline, self.by = baseline, by
        self.own = Setting(group_depths(baseline), channels_of(baseline), baseline.resolution)
        self._ratios: dict[Setting, float] = {}
        self._base = by.of_net(baseline)
        if not math.isfinite(self._base) or self._base <= 0:
            raise UserError(f"the baseline's {by.label}, {self._base:g}, must be above zero for it to grow by that")

    def net(self, setting: Setting) -> Architecture:
        return assemble(self.baseline, setting.depths, setting.channels, setting.resolution)

    def ratio(self, setting: Setting) -> float:
        """Cost over the baseline's."""
        found = self._ratios.get(setting)
        if found is None:
            found = self._ratios[setting] = self.by.of_net(self.net(setting)) / self._base
        return found

    def of_depths(self, depths: Depths) -> float:
        return self.ratio(replace(self.own, depths=depths))

    def of_channels(self, channels: Channels) -> float:
        return self.ratio(replace(self.own, channels=channels))

    def of_resolution(self, resolution: int) -> float:
        return self.ratio(replace(self.own, resolution=resolution))

    def shares(self, setting: Setting) -> Shares:
        """Real shares (see Candidate)."""
        alone = (
            self.of_depths(setting.depths),
            self.of_channels(setting.channels),
            self.of_resolution(setting.resolution),
        )
        return normalised([max(0.0, math.log2(ratio)) for ratio in alone])

    def candidate(self, setting: Setting, doublings: Doublings = OF_FLOPS) -> Candidate:
        arch = with_dropout(self.net(setting), math.log2(max(1.0, self.ratio(setting))))
        return candidate(self.baseline, arch, self.by, doublings=doublings)


class Axes:
    """The settings of every axis, from the baseline's own to those that alone cost `most` times as much.

    held: the axes (of AXES) that have the baseline's own setting alone.
    """

    def __init__(self, costs: CostRatios, most: float, held: frozenset[str] = frozenset()) -> None:
        self._costs, self._most = costs, most
        self.held = held

    @cached_property
    def depths(self) -> list[Depths]:
        """Every vector that some depth multiplier gives, by ceil or by rounding, in order of cost."""
        if AXES[0] in self.held:
            return [self._costs.own.depths]
        baseline, top = self._costs.baseline, 1.0
        while top < 1024 and self._grows(lambda d: self._costs.of_depths(scaled_depths(baseline, d, "ceil")), top):
            top *= 2
        steps = {k / (2 * own) for own in group_depths(baseline) for k in range(2 * own, math.ceil(2 * top * own) + 1)}
        found = {scaled_depths(baseline, d + tiny, how) for d in sorted(steps) for tiny in (0, 1e-5) for how in _HOW}
        return sorted(found | {self._costs.own.depths}, key=lambda depths: (sum(depths), depths))

    @cached_property
    def widths(self) -> list[float]:
        """Multipliers at which some channel count steps up, in order, with 1 before them."""
        if AXES[1] in self.held:
            return [1.0]
        baseline, top = self._costs.baseline, 1.0
        while top < 256 and self._grows(lambda w: self._costs.of_channels(scaled_channels(baseline, w)), top):
            top *= 2
        own = channels_of(baseline)
        counts = {own.stem, own.head, *own.stages} if baseline.growth.ends == "scaled" else set(own.stages)
        counts.discard(0)  # no head
        halves = {(8 * k + 4) / c for c in counts for k in range(c // 8, math.ceil(top * c / 8) + 1)}
        tenths = {8 * k / 0.9 / c + 1e-5 for c in counts for k in range(1, 5)}
        return [1.0, *sorted(step for step in halves | tenths if 1 < step <= top)]

    @cached_property
    def resolutions(self) -> list[int]:
        baseline, own = self._costs.baseline, self._costs.own.resolution
        if AXES[2] in self.held:
            return [own]
        top = own
        while top < 64 * own and self._costs.of_resolution(top) < self._most:
            top = round_resolution(baseline, top * 1.1) + baseline.stem_stride
        first = own // baseline.stem_stride * baseline.stem_stride + baseline.stem_stride
        return [own, *range(first, top + 1, baseline.stem_stride)]

    def _grows(self, ratio: Callable[[float], float], at: float) -> bool:
        value = ratio(at)
        return value < self._most and (ratio(2 * at) > value or at < 2)


def first_at_least(count: int, value: Callable[[int], float], target: float) -> int:
    """The least index whose value reaches the target, `count` where none does; values rise."""
    low, high = 0, count
    while low < high:
        middle = (low + high) // 2
        if value(middle) < target:
            low = middle + 1
        else:
            high = middle
    return low
