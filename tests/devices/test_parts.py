"""The parts of a net that are timed one by one are the rows of its profile."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from nas_scale.architecture.notation import parse_stage
from nas_scale.architecture.spec import Architecture, Style
from nas_scale.devices.runtimes.modules import parts
from nas_scale.metrics.counts import stage_profile
from nas_scale.nets.build import build

NET = Architecture((parse_stage("bt_s2_c32"), parse_stage("uir_a3_k0_e2_c32")), stem=8, resolution=32, classes=5)


@pytest.mark.parametrize(
    "net",
    [
        NET,
        replace(NET, head=0),
        replace(NET, head=0, stem_pool=2),
        replace(NET, head=16, style=Style(head="pooled-conv")),
    ],
)
def test_parts_are_rows_and_make_the_whole(net: Architecture) -> None:
    built, image = build(net, seed=0).eval(), torch.randn(2, 3, 32, 32)
    found = parts(built, image)
    assert len(found) == len(stage_profile(net))
    last, given = found[-1]
    assert torch.equal(last(given), built(image))
    for (_, handed), row in zip(found[1:-1], stage_profile(net), strict=False):
        assert handed.shape[1:] == (row.channels, row.resolution, row.resolution)
