"""What a net costs, stage by stage, and whether another counter agrees."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nas_scale.architecture.files import net_document
from nas_scale.architecture.notation import format_stage
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.latency.options import Measuring
from nas_scale.commands.profile.explained import Explanation, explained
from nas_scale.commands.profile.measured import (
    MeasuredNet,
    latency_document,
    measured_nets,
    measurement_document,
    setting_to_measure,
)
from nas_scale.commands.profile.options import ProfileOptions
from nas_scale.commands.shared.given import given_options
from nas_scale.commands.shared.net_lookup import AnyNet, find_net, of_library
from nas_scale.commands.shared.options import take
from nas_scale.devices.measure import MeasuringProgress
from nas_scale.devices.subject import Subject
from nas_scale.engines.base import ignore_progress
from nas_scale.errors import NotationError, UserError
from nas_scale.metrics.counts import Counts, StageCounts, stage_profile, total
from nas_scale.metrics.in_bytes import FLOAT32
from nas_scale.metrics.memory import memory_needs
from nas_scale.metrics.metric import MEMORY, meters_of, metrics, values_stored_in
from nas_scale.paths import path_text
from nas_scale.runs.results import plain

if TYPE_CHECKING:
    from nas_scale.nets.oracle import OracleCount

MOST_BUILT: Final = 8e9  # bytes for one image; EfficientNet-B7 at 600 px needs half of one
MOST_BLOCKS_BUILT: Final = 1000  # EfficientNet-B7 has 55


@dataclass(frozen=True, slots=True)
class Profile:
    """A net's cost by stage and in all.

    What the notation cannot express of other libraries' nets has neither stages nor a cost of ours; `oracle` is
    fvcore's count, where it was asked for or is all there is.
    own_resolution: it is the one that the net was made for. measured: of this net among all that were measured
    together, where that was asked for. bytes_per_value: of weights and activations, for its metrics in bytes.
    explanation: how it was made of a family's baseline, where that was asked for.
    """

    name: str
    resolution: int
    architecture: Architecture | None
    labels: tuple[str, ...]
    stages: tuple[StageCounts, ...]
    cost: Counts[int] | None
    oracle: OracleCount | None = None
    own_resolution: bool = True
    measured: MeasuredNet | None = None
    bytes_per_value: int = FLOAT32
    explanation: Explanation | None = None


def profile(
    nets: Sequence[AnyNet] | AnyNet,
    *,
    results: str | Path = "results",
    on_progress: Callable[[MeasuringProgress], None] = ignore_progress,
    **options: Any,
) -> list[Profile]:
    """Profiles of nets: known ones, files, runs, `timm:NAME` and `torchvision:NAME` (those that the notation cannot
    express are counted by fvcore).

    on_progress: is told how far measuring is. options: the other fields of `ProfileOptions` and `Measuring`, named
    as on the command line. Raises UserError, and RunFailed where nothing could be measured.
    """
    options |= {"nets": _listed(nets)}
    options = given_options(options, ProfileOptions, Measuring)
    wanted = take(options, ProfileOptions).checked()
    setting = setting_to_measure(wanted.latency, options)
    builds = wanted.check or wanted.latency
    explanations = [_explained(net, Path(results)) if wanted.explain else None for net in wanted.nets]
    counted = (_profile(net, wanted.resolution, builds, wanted.check, Path(results)) for net in wanted.nets)
    profiles = [
        replace(item, bytes_per_value=wanted.bytes_per_value or FLOAT32, explanation=explanation)
        for item, explanation in zip(counted, explanations, strict=True)
    ]
    if setting is None:
        return profiles
    subjects = [Subject(item.architecture or item.name, item.resolution) for item in profiles]
    measured = measured_nets(subjects, [item.architecture for item in profiles], setting, on_progress)
    return [replace(item, measured=net) for item, net in zip(profiles, measured, strict=True)]


def _listed(nets: Any) -> list[str | Architecture]:
    """One net or several, as a list. Raises UserError for what is neither a network nor a name of one."""
    several = isinstance(nets, Iterable) and not isinstance(nets, str | os.PathLike)
    return [net if isinstance(net, Architecture) else path_text(net, "net") for net in (nets if several else [nets])]


def _explained(net: str | Architecture, results: Path) -> Explanation:
    if isinstance(net, Architecture):
        raise UserError(
            "explain needs a member of a family by its name, like results/expand-001:3, and not its network"
        )
    return explained(net, results)


def _refuse_unbuildable(arch: Architecture) -> None:
    """Raises UserError for a net that can be counted, and whose layers would take too much to be made."""
    needed = MEMORY.of_net(arch)
    blocks = sum(stage.repeats for stage in arch.stages)
    if needed > MOST_BUILT or blocks > MOST_BLOCKS_BUILT:
        raise UserError(
            f"{arch.name or 'the net'} is too large to be built here: {MEMORY.show(needed)} for one image and {blocks} "
            f"blocks, where {MEMORY.show(MOST_BUILT)} and {MOST_BLOCKS_BUILT} are the most; leave out --check and "
            "--latency to count it"
        )


def _profile(net: str | Architecture, resolution: int | None, builds: bool, check: bool, results: Path) -> Profile:
    try:
        arch = find_net(net, results) if isinstance(net, str) else net
    except NotationError:
        if isinstance(net, str) and of_library(net):
            return _peer_profile(net, resolution)
        raise
    own_resolution = resolution in (None, arch.resolution)
    arch = replace(arch, resolution=resolution or arch.resolution)
    if builds:
        _refuse_unbuildable(arch)
    meters = meters_of(metrics())
    rows = tuple(stage_profile(arch, meters))
    ends = [row.name for row in rows[1 + len(arch.stages) :]]
    labels = ("stem", *(format_stage(stage) for stage in arch.stages), *ends)
    counted = Profile(arch.name or "net", arch.resolution, arch, labels, rows, total(rows, meters))
    counted = replace(counted, own_resolution=own_resolution)
    if not check:
        return counted
    from nas_scale.nets.oracle import count_module, count_net

    if isinstance(net, str) and of_library(net):
        from nas_scale.nets.peers import peer

        return replace(counted, oracle=count_module(peer(net), arch.resolution))  # the library's own, not what was read
    return replace(counted, oracle=count_net(arch))


def _peer_profile(text: str, asked: int | None) -> Profile:
    """asked: the resolution, None for the one that the net was made for."""
    from nas_scale.nets.oracle import count_module
    from nas_scale.nets.peers import peer, peer_resolution

    module = peer(text)
    own = peer_resolution(text, module)
    resolution = asked or own
    counted = count_module(module, resolution)
    return Profile(text, resolution, None, (), (), None, counted, own_resolution=resolution == own)


def profile_document(profiles: Sequence[Profile]) -> dict[str, Any]:
    """The profiles as JSON values."""
    document: dict[str, Any] = {"nets": [_document(item) for item in profiles]}
    measured = next((item.measured for item in profiles if item.measured is not None), None)
    return document if measured is None else {**document, **measurement_document(measured.among)}


def profile_rows(profiles: Sequence[Profile]) -> list[dict[str, Any]]:
    """A row a net, as JSON values: all but its stages."""
    of_stages = ("stages", "explained")
    return [{name: value for name, value in _document(item).items() if name not in of_stages} for item in profiles]


def _document(item: Profile) -> dict[str, Any]:
    with values_stored_in(item.bytes_per_value):
        known = metrics()
    if item.cost is not None:
        totals = {metric.name: metric.of(item.cost) for metric in known}
    else:
        assert item.oracle is not None
        totals = item.oracle.costs
    document: dict[str, Any] = {"name": item.name, "resolution": item.resolution, **totals}
    if item.bytes_per_value != FLOAT32:
        document["bytes_per_value"] = item.bytes_per_value
    document["stages"] = []
    for label, row in zip(item.labels, item.stages, strict=True):
        document["stages"].append(
            {
                "stage": label,
                "resolution": row.resolution,
                "channels": row.channels,
                **{metric.name: metric.of(row) for metric in known if metric.adds_up},
            }
        )
    if item.measured is not None:
        document["latency"] = latency_document(item.measured)
    if item.explanation is not None:
        document["explained"] = plain(item.explanation)
    if item.architecture is not None:
        needs = asdict(memory_needs(item.architecture, number=item.bytes_per_value))
        runs_in_torch = item.bytes_per_value > 1  # whose eager convolutions have no int8
        document["memory_needs"] = needs if runs_in_torch else {name: needs[name] for name in ("planned", "sum")}
        document["net"] = net_document(item.architecture)
    if item.oracle is not None:
        document["fvcore"] = {
            "by_operator": item.oracle.by_operator,
            "total": item.oracle.total,
            **item.oracle.costs,
        }
    return document
