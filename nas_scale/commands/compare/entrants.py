"""The nets of a comparison: named ones, as they are or brought to one cost, or one baseline grown by every rule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.compare.options import Compare
from nas_scale.commands.shared.known_growth import KnownGrowth, growth_of
from nas_scale.commands.shared.net_lookup import find_net, last_search
from nas_scale.commands.shared.scale_by import held_line, scaling_metric
from nas_scale.errors import UserError
from nas_scale.metrics.metric import FLOPS, Metric, metric_named, value_on_device
from nas_scale.scaling.candidates import Candidate, candidate
from nas_scale.scaling.coefficients import Coefficients
from nas_scale.scaling.members import CLOSE, at_budget
from nas_scale.scaling.reach import reach_of
from nas_scale.scaling.rules import RULES
from nas_scale.scaling.to_cost import by_resolution, by_width

FITTED: Final = "fitted"
GIVEN: Final = "given"
BASELINE: Final = "baseline"


@dataclass(frozen=True, slots=True)
class Entrant:
    """A net that is compared with those of its own phi.

    name: as it was named, or the rule's. phi: None where nets are compared as they are; 0 for the baseline of rules,
    which is compared with none. grown: of a rule, how it grew.
    """

    name: str
    architecture: Architecture
    phi: float | None = None
    grown: Candidate | None = None


@dataclass(frozen=True, slots=True)
class Entrants:
    """What is compared.

    by: the metric of equal cost. value: that cost, where nets were brought to one. growth: of rules. lines: what is to
    be known of the nets.
    """

    nets: tuple[Entrant, ...]
    by: Metric
    reference: Architecture
    value: float | None = None
    growth: KnownGrowth | None = None
    lines: tuple[str, ...] = ()


def entrants(wanted: Compare, results: Path) -> Entrants:
    """The nets of a comparison. Raises UserError."""
    return _by_rules(wanted, results) if wanted.rules else _named(wanted, results)


def _named(wanted: Compare, results: Path) -> Entrants:
    found = [_at_resolution(_found(each, results), wanted.resolution) for each in wanted.nets]
    nets = [replace(net, classes=found[0].classes) for net in found]  # or a larger classifier would cost more
    names = [net.name or f"net {number}" for number, net in enumerate(nets, 1)]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"{twice[0]} is named twice; name each NET once")
    by, value = FLOPS, None
    if wanted.at is not None:
        by, value = _cost(wanted.at)
        change = by_width if wanted.at_by == "width" else by_resolution
        nets = [replace(change(net, by, value), name=net.name) for net in nets]
    made = tuple(Entrant(name, net) for name, net in zip(names, nets, strict=True))
    return Entrants(made, by, nets[0], value, lines=tuple(_misses(made, by, value)))


def _found(net: str | Architecture, results: Path) -> Architecture:
    return net if isinstance(net, Architecture) else replace(find_net(net, results), name=net)


def _at_resolution(net: Architecture, pixels: int | None) -> Architecture:
    return net if pixels is None else replace(net, resolution=pixels)


def _cost(text: str) -> tuple[Metric, float]:
    """'flops=60M', '60M' or '5ms@mycpu' -> the metric and the value. Raises UserError."""
    name, equals, value = text.partition("=")
    try:
        if "@" in text and not equals:
            name, milliseconds = value_on_device(text)
            return metric_named(name), milliseconds
        metric = metric_named(name.strip()) if equals else FLOPS
        return metric, metric.read(value.strip() if equals else text)
    except UserError as error:
        raise UserError(f"--at {error}") from None


def _misses(nets: Sequence[Entrant], by: Metric, value: float | None) -> Iterator[str]:
    for net in nets if value is not None else ():
        assert value is not None
        miss = by.of_net(net.architecture) / value - 1
        if abs(miss) > 2 * CLOSE:
            yield (
                f"{net.name} comes no nearer to {by.show(value)} {by.label}: it has {abs(miss):.1%} "
                f"{'more' if miss > 0 else 'less'}"
            )


def _by_rules(wanted: Compare, results: Path) -> Entrants:
    growth = growth_of(wanted.coefficients, results)
    baseline = _baseline(wanted, growth, results)
    by = scaling_metric(wanted.scale_by or growth.scale_by)
    reach = reach_of(baseline, by)
    rules = {name: rule.coefficients for name, rule in RULES.items()}
    own = FITTED if growth.baseline is not None else GIVEN
    every = {own: growth.coefficients, **{name: each for name, each in rules.items() if each != growth.coefficients}}
    made = [Entrant(BASELINE, baseline, 0.0, candidate(baseline, baseline, by, doublings=reach.doublings))]
    unable = []
    for name, coefficients in every.items():
        if coefficients.growth_of(reach.doublings) <= 1:
            unable.append(f"rule {name} grows nothing that could raise the {by.label} of this net, and is left out")
            continue
        made += _grown(name, baseline, coefficients, wanted.phi, by)
    held = held_line(baseline, by, reach)
    lines = (*([held] if held else []), *unable, *_rule_misses(made, by))
    return Entrants(tuple(made), by, baseline, None, growth, lines)


def _grown(
    name: str, baseline: Architecture, coefficients: Coefficients, phis: Sequence[float], by: Metric
) -> Iterator[Entrant]:
    for phi, grown in zip(phis, at_budget(baseline, coefficients, phis, by), strict=True):
        yield Entrant(name, replace(grown.architecture, name=f"{name} phi {phi:g}"), phi, grown)


def _rule_misses(nets: Sequence[Entrant], by: Metric) -> Iterator[str]:
    for net in nets:
        assert net.grown is not None
        assert net.phi is not None
        miss = net.grown.cost_ratio / 2**net.phi - 1
        if abs(miss) > 2 * CLOSE:
            yield (
                f"{net.name} at phi {net.phi:g} comes no nearer: it has {abs(miss):.1%} "
                f"{'more' if miss > 0 else 'less'} {by.label} than 2^phi baselines"
            )


def _baseline(wanted: Compare, growth: KnownGrowth, results: Path) -> Architecture:
    if isinstance(wanted.baseline, Architecture):
        return wanted.baseline
    if wanted.baseline is not None:
        return find_net(wanted.baseline, results)
    return growth.baseline or find_net(str(last_search(results).folder), results)
