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
    least_resolution,
    resolution_step,
    round_resolution,
    scaled_channels,
    scaled_depths,
    whole_channels,
    whole_resolution,
)
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.metrics.metric import FLOPS, Metric
from nas_scale.scaling.candidates import Candidate, candidate, normalised, with_dropout
from nas_scale.scaling.coefficients import AXES, OF_FLOPS, Doublings, Shares

_HOW: Final[tuple[Repeats, Repeats]] = ("ceil", "round")
_LEAST_WIDTH: Final = 1e-6  # a multiplier that leaves every layer one multiple of channels

Depths = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """A depth for every group of stages, the channels, and the resolution in pixels."""

    depths: Depths
    channels: Channels
    resolution: int


@dataclass(frozen=True, slots=True)
class Box:
    """Bounds of a setting on every axis; without `high` it is not bounded from above.

    grows: whether it is searched from its low end upwards, or from its high end downwards.
    """

    low: Setting
    high: Setting | None = None
    grows: bool = True

    @property
    def start(self) -> Setting:
        """The end nearest to the baseline."""
        return self.low if self.grows or self.high is None else self.high

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
        self._starts = {larger: self._whole(larger) for larger in (True, False)}
        self._ratios: dict[Setting, float] = {}
        self._base = by.of_net(baseline)
        if not math.isfinite(self._base) or self._base <= 0:
            raise UserError(f"the baseline's {by.label}, {self._base:g}, must be above zero for it to grow by that")

    def _whole(self, larger: bool) -> Setting:
        channels, resolution = whole_channels(self.baseline, larger), whole_resolution(self.baseline, larger)
        return Setting(self.own.depths, channels, resolution)

    def start(self, grows: bool) -> Setting:
        """The baseline with its channels and pixels at the next multiples: where growing, or shrinking, begins."""
        return self._starts[grows]

    def smallest(self, held: frozenset[str] = frozenset()) -> Setting:
        """The smallest setting there is, with the axes that are held as shrinking begins with them."""
        start = self.start(grows=False)
        depths = scaled_depths(self.baseline, _LEAST_WIDTH, "round")
        channels = scaled_channels(self.baseline, _LEAST_WIDTH)
        return Setting(
            start.depths if AXES[0] in held else depths,
            start.channels if AXES[1] in held else channels,
            start.resolution if AXES[2] in held else least_resolution(self.baseline),
        )

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
        return normalised([math.log2(ratio) for ratio in alone], self.ratio(setting) >= 1)

    def candidate(self, setting: Setting, doublings: Doublings = OF_FLOPS) -> Candidate:
        arch = with_dropout(self.net(setting), math.log2(self.ratio(setting)))
        return candidate(self.baseline, arch, self.by, doublings=doublings)


class Axes:
    """The settings of every axis, from the least on.

    To grow: from the baseline's own to those that alone cost `most` times as much. To shrink: from the smallest there
    is to the baseline's own. held: the axes (of AXES) that have the baseline's own setting alone.
    """

    def __init__(self, costs: CostRatios, most: float, held: frozenset[str] = frozenset(), grows: bool = True) -> None:
        self._costs, self._most = costs, most
        self._start = costs.start(grows)
        self.held, self.grows = held, grows

    @cached_property
    def depths(self) -> list[Depths]:
        """Every vector that some depth multiplier gives, by ceil or by rounding, in order of cost."""
        if AXES[0] in self.held:
            return [self._start.depths]
        baseline = self._costs.baseline
        top = self._top(1024, lambda d: self._costs.of_depths(scaled_depths(baseline, d, "ceil")))
        steps = {k / (2 * own) for own in group_depths(baseline) for k in self._span(2 * own, top)}
        found = {scaled_depths(baseline, d + tiny, how) for d in sorted(steps) for tiny in (0, 1e-5) for how in _HOW}
        within = {depths for depths in found if self.grows or all(map(int.__le__, depths, self._start.depths))}
        return sorted(within | {self._start.depths}, key=lambda depths: (sum(depths), depths))

    @cached_property
    def widths(self) -> list[float]:
        """Multipliers at which some channel count steps up, in order, with 1 before them, or behind."""
        if AXES[1] in self.held:
            return [1.0]
        baseline = self._costs.baseline
        top = self._top(256, lambda w: self._costs.of_channels(scaled_channels(baseline, w)))
        own, of = channels_of(baseline), baseline.growth.channel_multiple
        counts = {own.stem, own.head, *own.stages} if baseline.growth.ends == "scaled" else set(own.stages)
        counts.discard(0)  # no head
        halves = {of * (k + 0.5) / c for c in counts for k in self._span(c / of, top)}
        tenths = {of * k / 0.9 / c + 1e-5 for c in counts for k in range(1, 5)}
        if self.grows:
            return [1.0, *sorted(step for step in halves | tenths if 1 < step <= top)]
        return [_LEAST_WIDTH, *sorted(step for step in halves | tenths if step < 1), 1.0]

    def _span(self, own: float, top: float) -> range:
        """Whole numbers over which an axis of this size is stepped through: to `top` times it, or from 0 to it."""
        return range(math.floor(own), math.ceil(top * own) + 1) if self.grows else range(math.ceil(own) + 1)

    @cached_property
    def resolutions(self) -> list[int]:
        baseline, own = self._costs.baseline, self._start.resolution
        if AXES[2] in self.held:
            return [own]
        step = resolution_step(baseline)
        if not self.grows:
            return [*range(least_resolution(baseline), own + 1, step)]
        top = own
        while top < 64 * own and self._costs.of_resolution(top) < self._most:
            top = round_resolution(baseline, top * 1.1) + step
        return [*range(own, top + 1, step)]

    def _top(self, most: float, ratio: Callable[[float], float]) -> float:
        """The multiple of the baseline's own to which an axis is stepped through."""
        top = 1.0
        while self.grows and top < most and (value := ratio(top)) < self._most and (ratio(2 * top) > value or top < 2):
            top *= 2
        return top


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
