"""Members smaller than the baseline, in multiples of channels and pixels, and how each came about."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nas_scale import expand, grid, load_net, profile
from nas_scale.errors import UserError
from nas_scale.metrics.counts import stage_profile
from nas_scale.runs.results import plain
from tests.support.command import SMALL, Command

PAPER = "1.2,1.1,1.15"


@pytest.fixture(autouse=True)
def _elsewhere(nas_scale: Command) -> None:
    """An empty folder, and trainings that cost nothing."""


def test_smaller_members_shrink_by_tinynets_rule_unless_told_otherwise(nas_scale: Command) -> None:
    found = nas_scale("expand", "--baseline", "mnasnet-b1", "--coefficients", PAPER, "--phi", "-2,-1,0", "--json").json
    assert [row["phi"] for row in found["family"]] == [-2, -1, 0]
    assert (found["shrink"]["source"], found["coefficients"]["source"]) == ("tinynet", "1.2,1.1,1.15")
    for row in found["family"]:
        assert row["ratio"] == pytest.approx(row["wanted_ratio"], rel=0.02)
    text = Path(found["files"][0]).read_text()
    assert "to phi -2 with alpha 1.097, beta 1.184, gamma 1.14 (tinynet)" in text
    said = " ".join(nas_scale("show", "expand-001").out.split())
    assert "those below phi 0 shrank with alpha 1.097, beta 1.184, gamma 1.140 (tinynet)" in said
    thin = expand("mnasnet-b1", PAPER, phi=[-1], shrink="width", save=False)
    assert thin.shrink is not None
    assert thin.shrink.source == "width"
    assert thin.members[0].resolution == 224
    assert thin.members[0].shares.width > 0.9
    assert expand("mnasnet-b1", PAPER, phi=[0, 1], save=False).shrink is None


def test_targets_on_both_sides_of_the_baseline() -> None:
    family = expand("efficientnet-b0", PAPER, targets=["100M", "200M", "800M"], save=False)
    for member in family.members:
        assert member.costs["flops"] == pytest.approx(member.target, rel=0.02)
    assert [member.phi < 0 for member in family.members] == [True, True, False]
    for small, large in pairwise(family.nets):
        assert small.resolution <= large.resolution
        assert all(a.channels <= b.channels for a, b in zip(small.stages, large.stages, strict=True))
    assert family.notes == ()


def test_the_papers_rule_shrinks_too() -> None:
    family = expand("efficientnet-b0", PAPER, phi=[-2, -1, 0], rule="paper", save=False)
    assert [member.resolution for member in family.members] == [172, 196, 224]
    assert family.members[0].asked is not None
    assert family.members[0].asked.resolution == pytest.approx(1.14005**-2, rel=1e-4)


def test_multiples_hold_in_expansions_and_grids_and_are_inherited(nas_scale: Command) -> None:
    coarse: dict[str, Any] = {"channel_multiple": 16, "resolution_multiple": 32}
    plan = grid("efficientnet-b0", data="digits", proxy_resolution=12, device="cpu", count=8, **coarse)
    line = "the baseline's 24 and 40 channels are no multiples of 16: it stays as it is"
    assert any(line in each for each in plan.header)
    family = expand(phi=[-1, 0, 1])
    assert any(line in each for each in family.notes)
    grown = [row.architecture() for row in plan.candidates] + [family.nets[0], family.nets[2]]
    for net in grown:
        assert net.resolution % 32 == 0
        assert all(each % 16 == 0 for each in (net.stem, net.head, *(stage.channels for stage in net.stages)))
    assert family.nets[1].stages == load_net("efficientnet-b0").stages
    assert load_net(family.files[2]).growth.channel_multiple == 16
    again = expand(family.files[2], PAPER, phi=[0.5], save=False).nets[0]
    assert all(stage.channels % 16 == 0 for stage in again.stages)


def test_a_family_in_one_go_has_them_and_smaller_members(nas_scale: Command) -> None:
    asked = ("--target-flops", "60M", "--tolerance", "0.5", "--trials", "3", "--count", "4", "--phi", "-0.5,0,1")
    found = nas_scale("family", *SMALL, *asked, "--channel-multiple", "16", "--shrink", "width", "--json").json
    rows = found["expand"]["family"]
    assert [row["phi"] for row in rows] == [-0.5, 0, 1]
    assert found["expand"]["shrink"]["source"] == "width"
    for row in (*found["grid"]["candidates"], rows[0], rows[2]):
        assert row["net"]["grow_channel_multiple"] == 16
        assert row["net"]["stem"] % 16 == 0
    assert rows[0]["flops"] < rows[1]["flops"] < rows[2]["flops"]


def test_a_member_is_explained_stage_by_stage(nas_scale: Command) -> None:
    family = expand("efficientnet-b0", PAPER, phi=[-1, 0, 2], run="grown")
    base, net = load_net("efficientnet-b0"), family.nets[2]
    (by_place,) = profile("grown:3", explain=True)
    (by_file,) = profile(family.files[2], explain=True)
    found = by_place.explanation
    assert found is not None
    assert found == by_file.explanation
    assert (found.name, found.baseline, found.phi) == ("efficientnet-b0-phi2", "efficientnet-b0", 2)
    asked = found.asked
    assert asked.depth * asked.width**2 * asked.resolution**2 == pytest.approx(4)  # the cost is solved for
    rows, own = stage_profile(net), stage_profile(base)
    assert [each.flops for each in found.stages] == [row.flops for row in rows]
    assert sum(each.share for each in found.stages) == pytest.approx(1)
    for each, row, before in zip(found.stages, rows, own, strict=True):
        assert each.times == pytest.approx(row.flops / before.flops)
        assert (each.channels.base, each.channels.made) == (before.channels, row.channels)
        assert (each.pixels.base, each.pixels.made) == (before.resolution, row.resolution)
    for each, stage, old in zip(found.stages[1:-2], net.stages, base.stages, strict=True):
        assert each.blocks is not None
        assert (each.blocks.base, each.blocks.made) == (old.repeats, stage.repeats)
        assert each.blocks.asked == pytest.approx(asked.depth * old.repeats)
        assert each.channels.asked == pytest.approx(asked.width * old.channels)
        assert each.pixels.asked == pytest.approx(asked.resolution * each.pixels.base)
    assert found.stages[-1].channels.asked == 1000  # classes are not scaled
    document = nas_scale("profile", "grown:3", "--explain", "--json").json["nets"][0]
    assert document["explained"] == plain(found)
    shown = " ".join(nas_scale("profile", "grown:1", "--explain").out.split())
    assert "efficientnet-b0-phi-1: efficientnet-b0 at phi -1 with alpha 1.097" in shown
    assert "asked: depth x 0.91, width x 0.84, resolution x 0.88, cost x 0.500" in shown


def test_what_a_fixed_end_is_asked_is_what_the_baseline_has() -> None:
    expand("efficientnet-lite0", PAPER, phi=[2], run="lite")
    found = profile("lite", explain=True)[0].explanation
    assert found is not None
    stem, first, *_, last, head, _ = found.stages
    assert (stem.channels.asked, head.channels.asked) == (32, 1280)
    assert first.blocks is not None
    assert last.blocks is not None
    assert (first.blocks.asked, last.blocks.asked) == (1, 1)


def test_nets_without_a_head_shrink_and_are_explained() -> None:
    family = expand("resnet-18", PAPER, phi=[-1, 1], channel_multiple=16)
    for member, net in zip(family.members, family.nets, strict=True):
        assert member.ratio == pytest.approx(member.wanted_ratio, rel=0.03)
        assert net.head == 0
        assert all(each % 16 == 0 for each in (net.stem, *(stage.channels for stage in net.stages)))
    found = profile("expand-001:1", explain=True)[0].explanation
    assert found is not None
    assert [each.stage for each in found.stages[:: len(found.stages) - 1]] == ["stem", "classifier"]
    assert len(found.stages) == len(family.nets[0].stages) + 2


def test_older_results_are_explained_by_their_coefficients() -> None:
    reference = Path(__file__).parents[2] / "results/reference"
    (found,) = profile("efficientnet-b0-family:3", explain=True, results=reference)
    assert found.explanation is not None
    used, asked = found.explanation.used, found.explanation.asked
    assert asked.width == pytest.approx(used.beta**found.explanation.phi)


def test_what_is_no_member_or_was_changed_is_refused() -> None:
    family = expand("mobilenetv2", PAPER, phi=[0, 1])
    changed = Path(family.files[1])
    changed.write_text(changed.read_text().replace("resolution: ", "resolution: 1"))
    with pytest.raises(UserError, match="is not as its run wrote it; name the member as results/expand-001:3"):
        profile(str(changed), explain=True)
    with pytest.raises(UserError, match="there is no number 3"):
        profile("expand-001:3", explain=True)
    with pytest.raises(UserError, match="explain needs a member of a family by its name"):
        profile(family.nets[1], explain=True)
