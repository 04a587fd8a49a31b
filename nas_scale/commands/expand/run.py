"""A baseline and coefficients to a family of nets."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from msgspec import structs

from nas_scale.architecture.files import net_document, save_net
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.expand.options import OF_RUN, Expand
from nas_scale.commands.expand.result import ExpandResult, Factors, GrowthUsed, Member
from nas_scale.commands.expand.targets import phis_for, target_words, targets_of
from nas_scale.commands.shared.device_metrics import device_metrics, devices_named, with_device_metrics
from nas_scale.commands.shared.enlarged import enlarged_line
from nas_scale.commands.shared.events import ignore
from nas_scale.commands.shared.given import given_options
from nas_scale.commands.shared.known_growth import KnownGrowth, growth_of
from nas_scale.commands.shared.lines import net_comment
from nas_scale.commands.shared.multiples import multiples_line, with_multiples
from nas_scale.commands.shared.net_lookup import find_net, last_search
from nas_scale.commands.shared.opening import opened
from nas_scale.commands.shared.options import take
from nas_scale.commands.shared.rows import AxisShares, Baseline
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.scale_by import held_line, scaling_metric
from nas_scale.metrics.counts import cost
from nas_scale.metrics.metric import FLOPS, Metric, caveats, costs_of
from nas_scale.runs.results import write_result
from nas_scale.scaling.candidates import Candidate, grow
from nas_scale.scaling.coefficients import Coefficients
from nas_scale.scaling.members import CLOSE, at_budget, in_a_row
from nas_scale.scaling.reach import Reach, reach_of

_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class _Size:
    """A member that is wanted. word: its end of the name. target: what it is to cost, where sizes are costs."""

    phi: float
    word: str
    target: float | None = None


def member_name(baseline: Architecture, word: str) -> str:
    """`efficientnet-b0-phi1.5`; what cannot stand in a file's name becomes a dash."""
    return f"{_UNFIT.sub('-', baseline.name) or 'net'}-{_UNFIT.sub('-', word)}"


def grown(
    baseline: Architecture, coefficients: Coefficients, phis: Sequence[float], wanted: Expand, by: Metric, reach: Reach
) -> list[Candidate]:
    """The family's candidates by either rule. reach: of `by`."""
    shrink, _ = wanted.shrinking
    if wanted.targets is not None:
        return in_a_row(baseline, coefficients, phis, by, shrink)
    if wanted.rule == "budget":
        return at_budget(baseline, coefficients, phis, by, shrink)
    return [
        grow(baseline, coefficients if phi >= 0 else shrink, phi, wanted.repeats, by, reach.doublings) for phi in phis
    ]


@with_device_metrics
def expand(
    baseline: str | Architecture | None = None,
    coefficients: str | Coefficients | None = None,
    *,
    save: bool = True,
    **options: Any,
) -> ExpandResult:
    """Grows a baseline into a family, without any training.

    baseline: a net or its name (None: the one the coefficients were fitted on, else the latest search's best).
    coefficients: values, `1.2,1.1,1.15`, a published rule, or a run with a fit (None: the latest).
    options: the other fields of `Expand`, and `results` and `run`, named as on the command line. Files go to
    results/<run>/ where `save`. Raises UserError.
    """
    options = given_options(options | {"baseline": baseline, "coefficients": coefficients}, Expand, OF_RUN)
    wanted, settings = take(options, Expand).checked(), take(options, RunSettings).checked()
    growth = growth_of(wanted.coefficients, settings.folder)
    base = _baseline(wanted.baseline, growth, settings.folder)
    base = with_multiples(base, wanted.channel_multiple, wanted.resolution_multiple)
    of_fit = devices_named({"scale_by": growth.scale_by}) if wanted.scale_by is None else []
    with device_metrics(of_fit, settings.folder):
        family = _family(base, growth, wanted)
        return _saved(family, wanted, settings) if save else family


def _family(base: Architecture, growth: KnownGrowth, wanted: Expand) -> ExpandResult:
    by, sizes = _sizes(wanted, growth, base)
    reach = reach_of(base, by)
    held = held_line(base, by, reach) if wanted.rule == "budget" else None
    made = grown(base, growth.coefficients, [size.phi for size in sizes], wanted, by, reach)
    used = _used(growth, wanted, reach)
    members = tuple(
        _member(base, size, candidate, _asked(size.phi, used[size.phi < 0].values, wanted, reach))
        for size, candidate in zip(sizes, made, strict=True)
    )
    enlarged = enlarged_line([(member.name, member.resolution) for member in members], "members", growth.side)
    said = (*caveats([by]), held, multiples_line(base), *_refitted(growth, by), *_notes(members, wanted, by), enlarged)
    return ExpandResult(
        baseline=Baseline(name=base.name, net=net_document(base)),
        coefficients=used[0],
        shrink=used[1] if sizes[0].phi < 0 else None,
        note=growth.note,
        rule=wanted.rule,
        scale_by=by.name,
        members=members,
        notes=tuple(line for line in said if line),
    )


def _used(growth: KnownGrowth, wanted: Expand, reach: Reach) -> tuple[GrowthUsed, GrowthUsed]:
    """What members above the baseline grow with, and what those below it shrink with."""
    pairs = ((growth.coefficients, growth.source), wanted.shrinking)
    grown, shrunk = (GrowthUsed.of(values, source, values.growth_of(reach.doublings)) for values, source in pairs)
    return grown, shrunk


def _asked(phi: float, values: Coefficients, wanted: Expand, reach: Reach) -> Factors:
    """What coefficients ask of a size; where its cost is to be met, those of their shares, which double it."""
    if wanted.rule == "budget" and phi:
        values = Coefficients.from_shares(values.shares_of(reach.doublings), reach.doublings)
    return Factors(depth=values.alpha**phi, width=values.beta**phi, resolution=values.gamma**phi)


def _sizes(wanted: Expand, growth: KnownGrowth, baseline: Architecture) -> tuple[Metric, list[_Size]]:
    """What is scaled by, and the members that are wanted, from the smallest."""
    if wanted.targets is None:
        by = scaling_metric(wanted.scale_by or growth.scale_by)
        return by, [_Size(phi, word) for phi, word in zip(wanted.phi, _phi_words(wanted.phi), strict=True)]
    texts = [str(each) for each in wanted.targets]
    by, values = targets_of(texts, wanted.scale_by, scaling_metric(growth.scale_by))
    phis, words = phis_for(baseline, by, values), target_words(by, values)
    return by, [_Size(*each) for each in zip(phis, words, values, strict=True)]


def _phi_words(phis: Sequence[float]) -> list[str]:
    """`phi1.5`; in full where two would have one name."""
    short = [f"phi{phi:g}" for phi in phis]
    return short if len(set(short)) == len(short) else [f"phi{phi!r}" for phi in phis]


def _refitted(growth: KnownGrowth, by: Metric) -> list[str]:
    """A note where a fit by one metric is used to grow by another."""
    if growth.baseline is None or by.name == growth.scale_by:
        return []
    return [f"the coefficients were fitted to networks scaled by {growth.scale_by}, and here {by.label} grow"]


def _notes(members: Sequence[Member], wanted: Expand, by: Metric) -> list[str]:
    """Which members are one network or cost no more than the one before, and which miss what they are to cost."""
    same = [note for small, large in pairwise(members) if (note := _no_step(small, large, by))]
    if wanted.rule == "paper":
        return same
    off = [(member, member.cost_ratio / member.wanted_ratio - 1) for member in members]
    return same + [
        f"no network found comes nearer to the cost of {member.name}: it has {abs(miss):.1%} "
        f"{'more' if miss > 0 else 'less'} {by.label} than that"
        for member, miss in off
        if abs(miss) > 2 * CLOSE
    ]


def _no_step(small: Member, large: Member, by: Metric) -> str | None:
    """What is to be said where the larger of two neighbours costs no more; None where it does."""
    first, second = small.architecture(), large.architecture()
    if first == replace(second, dropout=first.dropout):
        return f"{small.name} and {large.name} are the same network: there is none between them"
    if large.costs[by.name] > small.costs[by.name]:
        return None
    return f"{large.name} costs no more {by.label} than {small.name}: leave one of the two out"


def _member(baseline: Architecture, size: _Size, candidate: Candidate, asked: Factors) -> Member:
    costs = costs_of(candidate.architecture)
    return Member(
        name=member_name(baseline, size.word),
        phi=size.phi,
        depth=candidate.depth,
        width=candidate.width,
        resolution=candidate.resolution,
        costs=costs,
        flops_ratio=costs[FLOPS.name] / cost(baseline).flops,
        ratio=candidate.cost_ratio,
        wanted_ratio=2**size.phi,
        target=size.target,
        dropout=candidate.architecture.dropout,
        drop_path=candidate.architecture.drop_path,
        asked=asked,
        shares=AxisShares.of(candidate.shares),
        net=net_document(candidate.architecture),
    )


def _baseline(asked: str | Architecture | None, growth: KnownGrowth, results: Path) -> Architecture:
    if isinstance(asked, Architecture):
        return asked
    if asked is not None:
        return find_net(asked, results)
    return growth.baseline or find_net(str(last_search(results).folder), results)


def _saved(family: ExpandResult, wanted: Expand, settings: RunSettings) -> ExpandResult:
    values = family.coefficients
    spec = {
        "baseline": family.baseline.net,
        "coefficients": [values.alpha, values.beta, values.gamma],
        "phi": [member.phi for member in family.members],
        "rule": family.rule,
        "repeats": wanted.repeats,
        "scale_by": family.scale_by,
        **({"shrink": [shrink.alpha, shrink.beta, shrink.gamma]} if (shrink := family.shrink) else {}),
    }
    with opened(settings, "expand", spec, ignore, has_study=False) as run:
        files = []
        for member in family.members:
            path = run.folder / f"{member.name}.yaml"
            save_net(member.architecture(member.name), path, comment=net_comment(family, member))
            files.append(path)
        family = structs.replace(family, run=run.name, files=tuple(str(path) for path in files))
        write_result(run, family)
        run.finish(len(files), f"{family.baseline.name or 'net'} to {files[-1].stem}")
    return family
