"""Spaces small enough to look at every net, and one of each kind of choice."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterator
from dataclasses import replace

from hypothesis import strategies as st

from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace, space_of
from nas_scale.architecture.spec import Architecture
from nas_scale.metrics.counts import Counts, cost
from nas_scale.metrics.limits import Limit, Limits, around
from nas_scale.metrics.metric import meters_of, metric_named, metrics

FRAME = Architecture((), stem=16, head=64, resolution=64, classes=10)

PLAIN = space_of(
    "plain",
    "three stages",
    FRAME,
    ["ds_r1_k{3,5}_s1_c{8,16}", "ir_r{1,2,3}_k3_s2_e{3,6}_c16*{.5,1,2}_se{0,.25}", "{cn,ir}_r2_k3_s2_e{2,4}_c{24,40}"],
    {},
)
HOLES = space_of(
    "holes",
    "everything open",
    FRAME,
    ["{ir,ds}_r{1,2}_k3_s{1,2}_e{1,3}_c{8,24}_{skip,noskip,poolskip}", "er_r{1,2}_k3_s2_e2_c{16,24}_n{re,sw}"],
    {"act": ("relu", "swish"), "stem": (8, 24), "head": (32, 64), "resolution": (32, 48)},
)
VANISHING = space_of(
    "vanishing",
    "identities",
    FRAME,
    [
        "id_s2_c16 | ir_k3_s2_e3_c16 | ir_k5_s2_e6_c16",
        "id_s1_c16 | ir_k3_s1_e3_c16 | ir_k5_s1_e6_c16",
        "{id,ir}_k3_e3_c{16,24}",
    ],
    {},
)
KEPT = space_of(
    "kept",
    "channels of the stage before, and kernels that may be missing",
    FRAME,
    ["uir_a{0,3}_k3_s2_e2_c{16,24}", "{id,uir}_a{0,3}_k{0,3}_e2_c=", "{id,uir}_a{0,3}_k{0,3}_e2_c="],
    {},
)
RESIDUAL = space_of(
    "residual",
    "blocks of ResNets, a pool behind the stem, and perhaps no head",
    replace(FRAME, stem_pool=2, stem_kernel=7),
    ["{bb,ds}_r{1,2}_k3_s1_c{16,24}_{skip,noskip}", "bt_r2_k3_s2_e{.25,.5}_c{32,64}_{noskip,skip}"],
    {"head": (0, 32)},
)
SPACES = (PLAIN, HOLES, VANISHING, KEPT, RESIDUAL)
spaces = st.sampled_from(SPACES)
METERS = meters_of(metrics())  # all that can be counted


def assignments(space: SearchSpace) -> Iterator[dict[str, Value]]:
    for options in itertools.product(*(choice.options for choice in space.choices.values())):
        yield dict(zip(space.choices, options, strict=True))


@functools.cache
def costs_of(name: str) -> list[Counts[int]]:
    """By metrics.counts alone: independent of what is tested."""
    space = next(space for space in SPACES if space.name == name)
    return [cost(space.net(params), METERS) for params in assignments(space)]


def admits(limits: Limits, counts: Counts[int]) -> bool:
    return all(limit.violation(counts) == 0 for limit in limits.limits)


@st.composite
def tight_limits(draw: st.DrawFn, space: SearchSpace) -> Limits:
    """Limits near real costs, so that about half of them can be met."""
    every = costs_of(space.name)
    limits = []
    names = [metric.name for metric in metrics()]
    for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True)):
        metric = metric_named(name)
        value = metric.of(every[draw(st.integers(0, len(every) - 1))]) * draw(st.floats(0.9, 1.1))
        kind = draw(st.sampled_from(["most", "least", "band"]))
        if kind == "band":
            limits.append(around(value, draw(st.sampled_from([0.001, 0.02, 0.1])), metric))
        else:
            limits.append(Limit(metric, **{kind: value}))
    return Limits(tuple(limits))
