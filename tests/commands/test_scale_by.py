"""--scale-by and --targets: grids, families and their tables when something else than FLOPs doubles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from nas_scale import expand, grid, load_net
from nas_scale.commands.expand.targets import phis_for, target_words, targets_of
from nas_scale.errors import UserError
from nas_scale.metrics.counts import cost
from nas_scale.metrics.metric import ACTIVATIONS, FLOPS, MEMORY, PARAMS, metric_named, registered
from nas_scale.runs.results import plain
from tests.support.command import SMALL, Command, finished
from tests.support.device_tables import toy_measurements, write_csv
from tests.support.meters import TOY
from tests.support.results import result
from tests.support.scaled_metrics import LAYERS

TINY: dict[str, Any] = {"data": "digits", "proxy_resolution": 12, "device": "cpu"}
REFERENCE = Path(__file__).parents[2] / "results/reference"
EXPAND = ("expand", "--baseline", "efficientnet-b0", "--coefficients", "efficientnet")


@pytest.fixture(autouse=True)
def _elsewhere(nas_scale: Command) -> None:
    """An empty folder, and trainings that cost nothing."""


@pytest.mark.parametrize("name", ["params", "activations", "memory"])
def test_a_grid_doubles_what_it_is_asked_to(name: str) -> None:
    plan = grid("mnasnet-b1", scale_by=name, dry_run=True, **TINY)
    metric, baseline = metric_named(name), load_net("mnasnet-b1")
    own = metric.of_net(baseline)
    assert (plan.scale_by, plan.baseline.cost) == (name, own)
    for row in plan.candidates:
        assert row.cost_ratio == pytest.approx(metric.of_net(row.architecture()) / own)
        assert row.cost_ratio == pytest.approx(2, rel=0.05)
        assert row.flops_ratio == pytest.approx(cost(row.architecture()).flops / cost(baseline).flops)
        assert row.shares.depth + row.shares.width + row.shares.resolution == pytest.approx(1)
    assert f"scaled by {metric.label}" in plan.header[0]
    held = "resolution alone cannot double the parameters: held at 224 px, growth is by depth and width"
    assert (held in plan.header) is (name == "params")


def test_a_device_can_be_scaled_by_and_its_fit_is_expanded_by_it(nas_scale: Command) -> None:
    with registered(TOY):
        found = grid("efficientnet-b0", scale_by="latency@toy", count=8, seeds=2, **TINY)
        family = expand(phi=[0, 1, 2])
        assert family.scale_by == "latency@toy"
        own = TOY.of_net(load_net("efficientnet-b0"))
        for member, ratio in zip(family.members, (1, 2, 4), strict=True):
            assert member.costs["latency@toy"] == TOY.of_net(member.architecture())
            assert member.costs["latency@toy"] / own == pytest.approx(ratio, rel=0.02)
        by_target = expand(targets=["120ms@toy", "250ms@toy"])
        assert [member.target for member in by_target.members] == [120, 250]
        for member in by_target.members:
            assert member.costs["latency@toy"] == pytest.approx(member.target, rel=0.02)
            assert "on toy" in Path(by_target.files[0]).read_text()
        assert [Path(file).name for file in by_target.files] == [
            "efficientnet-b0-120ms.yaml",
            "efficientnet-b0-250ms.yaml",
        ]
        told = expand(phi=[1], scale_by="flops", save=False)
        assert told.members[0].flops_ratio == pytest.approx(2, rel=0.02)
        assert any("fitted to networks scaled by latency@toy" in note for note in told.notes)
    assert found.fit is not None
    assert found.fit.coefficients.growth_of((1, 1, 1)) > 1
    # shown again where the device's table is not at hand
    shown = nas_scale("show", "expand-001")
    assert shown.code == 0
    assert "scaled by latency@toy" in shown.out
    assert "x latency@toy" in shown.out
    assert nas_scale("show", "grid-001").code == 0
    refused = nas_scale("expand")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "there is no device 'toy' in results" in refused.err


def test_an_axis_that_has_no_effect_takes_no_part_in_the_fit() -> None:
    found = grid("efficientnet-b0", scale_by="params", **TINY)
    assert found.fit is not None
    assert found.fit.shares[2] == 0
    assert found.fit.gamma == 1
    family = expand(phi=[1, 3])
    assert family.scale_by == "params"
    assert {member.resolution for member in family.members} == {224}
    for member in family.members:
        assert member.costs["params"] / 5_288_548 == pytest.approx(2**member.phi, rel=0.02)
    assert family.coefficients.nominal_growth == pytest.approx(2)


def test_one_axis_alone_is_no_grid() -> None:
    with registered(LAYERS), pytest.raises(UserError, match="only depth doubles the layers of this net"):
        grid("efficientnet-b0", scale_by="layers", dry_run=True, **TINY)


def test_the_papers_rule_tells_its_cost_by_the_metric() -> None:
    family = expand("efficientnet-b0", "efficientnet", phi=[1], rule="paper", scale_by="params", save=False)
    (member,) = family.members
    assert member.resolution == 258
    assert member.cost_ratio == pytest.approx(9_109_994 / 5_288_548, rel=0.001)
    assert family.coefficients.growth is not None
    assert family.coefficients.growth < 1.92  # resolution brings no parameters
    assert family.notes == ()


@pytest.mark.parametrize(
    ("targets", "metric"),
    [
        (["400M", "800M", "1.2G"], FLOPS),
        (["30MB", "60MB"], MEMORY),
        ([5e8, 6e8], FLOPS),
    ],
)
def test_targets_are_met(targets: Sequence[str | float], metric: Any) -> None:
    family = expand("efficientnet-b0", "efficientnet", targets=targets, save=False)
    assert family.scale_by == metric.name
    for member in family.members:
        assert member.costs[metric.name] == pytest.approx(member.target, rel=0.02)
        assert member.wanted_ratio == pytest.approx(member.target / metric.of_net(load_net("efficientnet-b0")))
    for small, large in pairwise(family.members):
        assert small.costs[metric.name] < large.costs[metric.name]


@pytest.mark.parametrize("name", ["params", "activations"])
def test_targets_are_of_what_is_asked_for(name: str) -> None:
    family = expand("mnasnet-b1", "efficientnet", targets=["20M", "10M", "10M"], scale_by=name, save=False)
    assert [member.target for member in family.members] == [10e6, 20e6]
    assert [member.name for member in family.members] == ["mnasnet-b1-10M", "mnasnet-b1-20M"]
    for member in family.members:
        assert member.costs[name] == pytest.approx(member.target, rel=0.01)


def test_members_that_coincide_or_miss_are_said() -> None:
    family = expand("efficientnet-b0", "efficientnet", targets=["400M", "400.1M", "402M", "800M"], save=False)
    flops = [member.costs["flops"] for member in family.members]
    assert flops == sorted(flops)
    same = [note for note in family.notes if "are the same network" in note]
    pairs = sum(a.architecture() == b.architecture() for a, b in pairwise(family.members))
    assert len(same) == pairs > 0
    assert len({member.name for member in family.members}) == 4
    missed = expand("efficientnet-b0", "depth", targets=["390M", "800M"], save=False)
    off = missed.members[0].costs["flops"] / 390e6 - 1
    assert (abs(off) > 0.02) is any("comes nearer to the cost of efficientnet-b0-390M" in each for each in missed.notes)


def test_the_baseline_itself_is_a_target() -> None:
    family = expand("efficientnet-b0", "efficientnet", targets=["385.8M"], save=False)
    assert family.nets[0].stages == load_net("efficientnet-b0").stages


def test_what_targets_are_of() -> None:
    with registered(TOY):
        assert targets_of(["10ms@toy", "5ms@toy"], None, FLOPS) == (TOY, (5.0, 10.0))
        assert targets_of(["5ms"], None, FLOPS) == (TOY, (5.0,))
        assert targets_of(["5"], "latency@toy", FLOPS) == (TOY, (5.0,))
    assert targets_of(["6M"], None, PARAMS) == (PARAMS, (6e6,))
    assert targets_of(["6M"], "activations", PARAMS) == (ACTIVATIONS, (6e6,))
    assert targets_of(["6MB"], None, PARAMS) == (MEMORY, (6e6,))
    assert target_words(FLOPS, (400_000_000, 400_100_000)) == ("400000000", "400100000")
    assert phis_for(load_net("efficientnet-b0"), FLOPS, (385_814_752, 4 * 385_814_752)) == (0, 2)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            "--targets 1M,400M",
            "1M FLOPs (phi -8.59) cannot be had from this baseline: its smallest net has 1.42M (phi -8",
        ),
        ("--phi -7.5", "--phi -7.5 must lie in -7 to 7"),
        ("--phi -1 --shrink tiny", "--shrink: 'tiny' is no rule; take one of tinynet, efficientnet,"),
        ("--phi -1 --shrink 1.2,1.1", "--shrink: '1.2,1.1' are not three coefficients"),
        ("--phi 0..2 --shrink depth", "--shrink is for sizes below the baseline; leave it out"),
        ("--phi -1 --scale-by params --shrink resolution", "which is doubled by depth or width"),
        ("--phi 1 --channel-multiple 0", "--channel-multiple 0 must lie in 1 to 1024"),
        ("--phi 1 --channel-multiple 8.5", "--channel-multiple '8.5' is not a whole number"),
        ("--phi 1 --resolution-multiple 2000", "--resolution-multiple 2000 must lie in 1 to 1024"),
        ("--targets 4T", "times the baseline's 386M FLOPs; take at most 128 times that"),
        ("--targets 400M,50MB", "are no costs of one kind"),
        ("--targets many", "--targets many are no costs of one kind"),
        ("--targets ''", "--targets '' is not understood"),
        ("--targets 400M,", "is not understood"),
        ("--targets 0", "are no costs of one kind"),
        ("--targets 5ms@", "names no device"),
        ("--targets 50MB --scale-by flops", "--targets '50MB' is not a count"),
        ("--targets 400M --phi 1", "--phi and --targets cannot go together"),
        ("--targets 400M --rule paper", "leave out --rule paper"),
        ("--targets 5ms@nowhere", "there is no device 'nowhere' in results/devices"),
        ("--scale-by flips", "--scale-by: there is no metric 'flips'; did you mean flops?"),
        ("--scale-by latency@", "--scale-by: there is no metric 'latency@'"),
        ("--scale-by params --coefficients resolution", "which is doubled by depth or width"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(nas_scale: Command, options: str, words: str) -> None:
    answer = nas_scale(*EXPAND, *(each.strip("'") for each in options.split()))
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert words in answer.err


@pytest.mark.parametrize(
    ("targets", "asked", "words"),
    [
        (["5ms@a", "6ms@b"], None, "must all be of one metric"),
        (["5ms@a", "400M"], None, "must all be of one metric"),
        (["5ms@a"], "flops", "must all be of one metric, flops"),
        (["5MB@a"], None, "is not a time"),
    ],
)
def test_targets_are_of_one_metric(targets: list[str], asked: str | None, words: str) -> None:
    with pytest.raises(UserError, match=words):
        targets_of(targets, asked, FLOPS)


def test_a_devices_table_is_found_again_by_what_a_fit_was_scaled_by(nas_scale: Command, tmp_path: Path) -> None:
    rows = write_csv(tmp_path / "rows.csv", toy_measurements(30, 0.002, "mnasnet"))
    assert nas_scale("latency", "fit", str(rows), "--name", "pixel").code == 0
    asked = ("--baseline", "mnasnet-b1", "--scale-by", "latency@pixel", "--data", "digits", "--proxy-resolution", "12")
    found = nas_scale("grid", *asked, "--count", "8", "--device", "cpu", "--json").json
    assert found["scale_by"] == "latency@pixel"
    assert all(row["ratio"] == pytest.approx(2, rel=0.05) for row in found["candidates"])
    grown = nas_scale("expand", "--phi", "0,1,2", "--json").json
    small, *larger = (row["latency@pixel"] for row in grown["family"])
    assert grown["scale_by"] == "latency@pixel"
    assert [each / small for each in larger] == pytest.approx([2, 4], rel=0.02)
    target = round(3 * small, 3)
    (met,) = nas_scale("expand", "--targets", f"{target}ms@pixel", "--json").json["family"]
    assert met["latency@pixel"] == pytest.approx(target, rel=0.02)
    (again,) = nas_scale("expand", "--targets", f"{target}ms", "--json").json["family"]
    assert again["net"] == met["net"]
    assert "scaled by latency@pixel" in nas_scale("show", "expand-001").out


def test_the_papers_grid_is_of_flops(nas_scale: Command) -> None:
    answer = nas_scale("grid", "--baseline", "efficientnet-b0", "--scale-by", "params", "--method", "cartesian")
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert "grows by the paper's formula, which is of flops, and not by params" in answer.err


def test_a_process_of_its_own(tmp_path: Path) -> None:
    asked = (*EXPAND[:3], "--coefficients", "1.2,1.1,1.15", "--scale-by", "memory", "--targets", "40MB,80MB")
    found = json.loads(finished(*asked, "--json", cwd=tmp_path, fake=False).out)
    assert (found["scale_by"], found["notes"]) == ("memory", [])
    assert [row["target"] for row in found["family"]] == [40e6, 80e6]
    for row in found["family"]:
        assert row["memory"] == pytest.approx(row["target"], rel=0.02)
        assert row["ratio"] == pytest.approx(row["wanted_ratio"], rel=0.02)
        assert row["ratio"] != row["flops_ratio"]
    again = finished("show", found["run"], cwd=tmp_path, fake=False)
    assert again.code == 0
    assert "scaled by memory" in again.out
    assert "x memory" in again.out


def test_a_family_in_one_go_is_scaled_so() -> None:
    from nas_scale import family

    found = family(
        target_flops=60e6,
        tolerance=0.5,
        trials=3,
        space="nas-bench-macro",
        count=7,
        phi=[0, 1],
        scale_by="params",
        **TINY,
    )
    assert (found.grid.scale_by, found.expand.scale_by) == ("params", "params")
    small, large = found.expand.members
    assert large.costs["params"] / small.costs["params"] == pytest.approx(2, rel=0.03)


SEARCHED = ("--target-flops", "60M", "--tolerance", "0.5", "--trials", "3", "--count", "7")


def test_a_family_in_one_go_has_the_sizes_that_are_asked_for(nas_scale: Command) -> None:
    asked = ("family", *SMALL, *SEARCHED, "--targets", "2M,4M", "--scale-by", "params", "--json")
    found = nas_scale(*asked).json
    assert (found["grid"]["scale_by"], found["expand"]["scale_by"]) == ("params", "params")
    assert [row["target"] for row in found["expand"]["family"]] == [2e6, 4e6]
    for row in found["expand"]["family"]:
        assert row["params"] == pytest.approx(row["target"], rel=0.02)
    assert nas_scale(*asked, "--resume").json == found
    assert "other options" in nas_scale(*asked[:-5], "--targets", "3M", "--run", "family-001", "--resume").err


def test_a_familys_grid_doubles_what_its_targets_are_of(nas_scale: Command) -> None:
    found = nas_scale("family", *SMALL, *SEARCHED, "--targets", "20MB", "--json").json
    assert (found["grid"]["scale_by"], found["expand"]["scale_by"]) == ("memory", "memory")
    assert found["expand"]["family"][0]["memory"] == pytest.approx(20e6, rel=0.02)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("--targets 20G", "--targets 20G is 222 times the most that the baseline may cost, 90M FLOPs"),
        ("--targets many", "--targets many are no costs of one kind"),
        ("--targets 20MB --scale-by flops", "--targets '20MB' is not a count"),
        ("--targets 1G --phi 0..2", "--phi and --targets cannot go together"),
        ("--targets 1G --rule paper", "leave out --rule paper"),
    ],
)
def test_a_familys_sizes_are_refused_before_it_searches(
    nas_scale: Command, tmp_path: Path, given: str, words: str
) -> None:
    answer = nas_scale("family", *SMALL, *SEARCHED, *given.split())
    assert (answer.code, answer.err.count("\n")) == (2, 1)
    assert words in answer.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["grid-001", "expand-001", "efficientnet-b0-family", "cifar10-grid"])
def test_results_from_before_are_of_flops(name: str) -> None:
    document = json.loads((REFERENCE / name / "result.json").read_text())
    assert "scale_by" not in document
    found: Any = result(document)
    assert found.scale_by == "flops"
    rows = found.candidates if hasattr(found, "candidates") else found.members
    assert all(row.cost_ratio == row.flops_ratio for row in rows)
    assert plain(found)["scale_by"] == "flops"
    if hasattr(found, "members"):
        assert found.coefficients.nominal_growth == found.coefficients.values.product
