"""Families, the names that nets go by, and profiles."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from nas_scale import expand, load_net, profile
from nas_scale.commands.shared.net_lookup import find_net, run_named
from nas_scale.errors import RunError, UserError
from nas_scale.metrics.counts import cost
from nas_scale.metrics.metric import FLOPS, registered
from nas_scale.scaling.coefficients import Coefficients
from tests.support.command import SMALL, Command

PAPER = "1.2,1.1,1.15"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_the_budget_rule_costs_what_it_says() -> None:
    family = expand("efficientnet-b0", PAPER, phi=(0, 1, 2, 4), save=False)
    for member in family.members:
        assert member.costs["flops"] / 385_814_752 == pytest.approx(2**member.phi, rel=0.03)
    assert family.nets[0].stages == load_net("efficientnet-b0").stages
    assert (family.run, family.files) == (None, ())
    assert not Path("results").exists()


def test_the_papers_rule_applies_the_formula() -> None:
    (one,) = expand("efficientnet-b0", Coefficients(2, 1, 1), phi=[1], rule="paper", save=False).nets
    assert [stage.repeats for stage in one.stages] == [2, 4, 4, 6, 6, 8, 2]
    assert one.resolution == 224
    rounded = expand("efficientnet-b0", PAPER, phi=[1], rule="paper", repeats="round", save=False).members[0]
    ceiled = expand("efficientnet-b0", PAPER, phi=[1], rule="paper", save=False).members[0]
    assert rounded.costs["flops"] < ceiled.costs["flops"]


def test_members_say_what_dropout_and_stochastic_depth_they_have(nas_scale: Command) -> None:
    family = expand("efficientnet-b0", PAPER, phi=(0, 3.5, 7))
    assert [member.dropout for member in family.members] == pytest.approx([0.2, 0.35, 0.5], abs=0.001)
    assert [member.drop_path for member in family.members] == [0.2, 0.2, 0.2]  # the published code's, for B0 to B7
    for member, net, file in zip(family.members, family.nets, family.files, strict=True):
        assert (member.dropout, member.drop_path) == (net.dropout, net.drop_path)
        assert (load_net(file).dropout, load_net(file).drop_path) == (net.dropout, net.drop_path)
        assert f"dropout {net.dropout:g} and stochastic depth 0.2" in Path(file).read_text()
    said = " ".join(nas_scale("show", "expand-001").out.split())
    assert "dropout 0.2 to 0.5 and stochastic depth 0.2 (the rate of the last block)" in said


@pytest.mark.parametrize("rule", ["budget", "paper"])
def test_members_rise_in_cost_or_it_is_said(rule: str) -> None:
    phis = [0, 0.001, 0.002, 0.1, 0.5]
    family = expand("efficientnet-b0", PAPER, phi=phis, rule=rule, save=False)
    flat = [
        (small.name, large.name)
        for small, large in pairwise(family.members)
        if large.costs["flops"] <= small.costs["flops"]
    ]
    said = [note for note in family.notes if "are the same network" in note or "costs no more" in note]
    assert flat
    assert len(said) == len(flat)
    assert all(small in note and large in note for (small, large), note in zip(flat, said, strict=True))


def test_where_more_is_faster_it_is_said() -> None:
    backwards = replace(
        FLOPS, name="hurry", label="hurry", unit="units", of=lambda counts: 1e18 / counts.flops, adds_up=False
    )
    with registered(backwards):
        family = expand("efficientnet-b0", PAPER, phi=[0, 1], rule="paper", scale_by="hurry", save=False)
    assert "efficientnet-b0-phi1 costs no more hurry than efficientnet-b0-phi0: leave one of the two out" in (
        family.notes
    )


def test_files_are_the_nets_and_sizes_are_in_order() -> None:
    family = expand("efficientnet-b0", "efficientnet", phi=[2, 0.5, 0, 2], run="grown")
    assert [Path(file).name for file in family.files] == [
        "efficientnet-b0-phi0.yaml",
        "efficientnet-b0-phi0.5.yaml",
        "efficientnet-b0-phi2.yaml",
    ]
    for file, net in zip(family.files, family.nets, strict=True):
        assert load_net(file) == net
    with pytest.raises(RunError, match="results/grown exists"):
        expand("efficientnet-b0", "efficientnet", run="grown")


def test_sizes_that_look_alike_have_files_of_their_own() -> None:
    family = expand("efficientnet-b0", "efficientnet", phi=[0.1, 0.1000001], rule="paper")
    assert [Path(file).stem for file in family.files] == ["efficientnet-b0-phi0.1", "efficientnet-b0-phi0.1000001"]


def test_a_family_of_the_deepest_kind_can_be_read_again() -> None:
    family = expand("efficientnet-b0", "2,1,1", phi=[5])
    assert load_net(family.files[0]) == family.nets[0]


def test_what_refuses_leaves_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise UserError("no space left")

    monkeypatch.setattr("nas_scale.commands.expand.run.save_net", full)
    with pytest.raises(UserError, match="no space left"):
        expand("efficientnet-b0", "efficientnet")
    assert list(Path("results").iterdir()) == []


def test_nets_of_runs_by_place(nas_scale: Command) -> None:
    found = nas_scale("search", *SMALL, "--trials", "3", "--json").json
    best = found["ranking"][0]
    results = Path("results")
    for name in ("search-001", "results/search-001", "search-001:1", "results/search-001:1", "./results/search-001/"):
        assert cost(find_net(name, results)).flops == best["flops"]
    assert cost(find_net("results/search-001:3", results)).flops == found["ranking"][2]["flops"]
    with pytest.raises(UserError, match="has 3 nets; there is no number 4"):
        find_net("search-001:4", results)
    for wrong in ("search-001:0", "search-001:", "search-001:best", "search-001:-1"):
        with pytest.raises(UserError, match="names no place; write search-001:3"):
            find_net(wrong, results)
    family = expand("results/search-001:2", "efficientnet", phi=[0, 1])
    assert find_net("expand-001:2", results) == family.nets[1]
    assert family.nets[1].name == "search-001-2-phi1"


def test_a_run_without_a_result_says_how_to_go_on(nas_scale: Command, tmp_path: Path) -> None:
    nas_scale("expand", "--baseline", "efficientnet-b0", "--coefficients", "efficientnet", "--phi", "0", "--run", "x")
    result = tmp_path / "results/x/result.json"
    result.write_text('{"kind": "search"}')
    with pytest.raises(RunError, match=r"result\.json is damaged"):
        find_net("x", Path("results"))
    result.write_text("[" * 100_000)
    with pytest.raises(RunError, match=r"result\.json is damaged"):
        find_net("x", Path("results"))
    result.unlink()
    with pytest.raises(RunError, match="has no result yet"):
        find_net("x", Path("results"))


@pytest.mark.parametrize("name", ["efficientnet-b0", "mine.yaml", "nothing", "", "\0", "x" * 5000, "a:b:c"])
def test_what_is_no_run(name: str) -> None:
    assert run_named(name, Path("results")) is None


def test_a_folder_of_the_same_name_hides_no_known_net_or_rule() -> None:
    Path("mobilenetv2").mkdir()
    Path("efficientnet").mkdir()
    assert find_net("mobilenetv2", Path("results")) == load_net("mobilenetv2")
    assert expand("mobilenetv2", "efficientnet", phi=[0], save=False).coefficients.source == "efficientnet"
    with pytest.raises(RunError, match="there is no run 'efficientnet'"):
        find_net("efficientnet", Path("results"))


def test_profiles_are_of_the_resolution_asked_for() -> None:
    (small,) = profile("efficientnet-b0", resolution=32)
    assert small.cost is not None
    assert small.stages[0].resolution == 16
    assert small.cost.parameters == 5_288_548
    assert sum(stage.flops for stage in small.stages) == small.cost.flops
    with pytest.raises(UserError, match="--resolution 0 must lie in"):
        profile("efficientnet-b0", resolution=0)
    with pytest.raises(TypeError):
        profile("efficientnet-b0", 224)  # type: ignore[misc]


def test_fvcore_agrees_and_its_convention_is_explained(nas_scale: Command) -> None:
    (checked,) = profile("efficientnet-b0", check=True)
    assert checked.oracle is not None
    assert checked.cost is not None
    assert (checked.oracle.flops, checked.oracle.parameters) == (385_814_752, 5_288_548)
    assert checked.oracle.activations == checked.cost.activations == 6_748_036
    answer = nas_scale("profile", "efficientnet-b0", "--check")
    assert "FLOPs: the same" in answer.out
    assert "DIFFERENT" not in answer.out
    assert f"fvcore's own total is {checked.oracle.total:,}: it adds 2 per element of a batch norm" in answer.out
    assert checked.oracle.total > checked.oracle.flops
    document = nas_scale("profile", "efficientnet-b0", "--check", "--json").json["nets"][0]
    assert document["fvcore"]["by_operator"]["conv"] + document["fvcore"]["by_operator"]["linear"] == 385_814_752


def test_nets_of_other_libraries_are_nets_like_any_other(nas_scale: Command) -> None:
    theirs, other = nas_scale("profile", "torchvision:efficientnet_b1", "timm:mobilenetv2_100", "--json").json["nets"]
    (ours,) = profile("efficientnet-b1", resolution=240)
    assert ours.cost is not None
    assert (theirs["resolution"], theirs["flops"], len(theirs["stages"])) == (240, ours.cost.flops, 10)
    assert other["params"] == nas_scale("profile", "mobilenetv2", "--json").json["nets"][0]["params"]
    family = expand("torchvision:efficientnet_b1", "efficientnet", phi=[0, 1])
    assert [member.name for member in family.members] == [
        "torchvision-efficientnet_b1-phi0",
        "torchvision-efficientnet_b1-phi1",
    ]
    assert family.nets[0].stages == load_net("efficientnet-b1").stages
    assert load_net(family.files[1]) == family.nets[1]


def test_fvcore_counts_the_library_s_own_module() -> None:
    (checked,) = profile("timm:mobilenetv3_small_050", check=True)
    assert checked.cost is not None
    assert checked.oracle is not None
    assert (checked.oracle.flops, checked.oracle.parameters) == (checked.cost.flops, checked.cost.parameters)


def test_what_the_notation_lacks_is_counted_at_the_size_it_was_made_for(nas_scale: Command) -> None:
    net = nas_scale("profile", "timm:test_resnet", "--json").json["nets"][0]
    assert (net["resolution"], net["stages"]) == (160, [])
    assert "net" not in net
    shown = " ".join(nas_scale("profile", "timm:test_resnet").out.split())
    assert "timm:test_resnet at 160 px (the size it was made for), counted by fvcore" in shown
    asked = nas_scale("profile", "timm:test_resnet", "--resolution", "64").out
    assert "timm:test_resnet at 64 px, counted by fvcore" in asked
    refused = nas_scale("expand", "--baseline", "timm:test_resnet", "--coefficients", "efficientnet")
    assert refused.code == 2
    assert "timm:test_resnet is not one of the nets that can be written in this notation" in refused.err
    unknown = nas_scale("profile", "timm:efficientnet_z9")
    assert unknown.code == 2
    assert "timm has no net 'efficientnet_z9'" in unknown.err
