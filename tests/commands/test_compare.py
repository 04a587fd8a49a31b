"""compare(): named nets, nets at equal cost, and rules that grow one baseline."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from nas_scale import compare
from nas_scale.architecture.files import load_net, net_from_document, save_net
from nas_scale.commands.compare.race import Race
from nas_scale.errors import RunFailed
from nas_scale.metrics.counts import cost
from nas_scale.runs.results import plain
from nas_scale.scaling.rules import RULES
from nas_scale.statistics.paired import compare_all
from tests.support.command import SMALL, Command, finished, without_time

DIGITS = SMALL[2:]
TINY: dict[str, Any] = {"data": "digits", "proxy_resolution": 12, "device": "cpu"}
NETS = ("efficientnet-b0", "mobilenetv2", "mnasnet-a1")
RULED = ("compare", "--rules", "--baseline", "mobilenetv2", "--coefficients", "1.3,1.15,1.08", *DIGITS)


@pytest.fixture(autouse=True)
def _elsewhere(nas_scale: Command) -> None:
    """An empty folder, and trainings that cost nothing."""


def test_figures_are_those_of_the_trainings() -> None:
    document = plain(compare(*NETS, most_seeds=5, **TINY))
    rows = {row["name"]: row for row in document["nets"]}
    assert set(rows) == set(NETS)
    assert [row["place"] for row in document["nets"]] == sorted(row["place"] for row in document["nets"])
    names = list(NETS)
    found = compare_all([rows[name]["scores"] for name in names], 3, 5)
    for name, accuracy, place in zip(names, found.accuracies, found.places, strict=True):
        assert rows[name]["accuracy"] == pytest.approx(accuracy)
        assert rows[name]["place"] == place
        assert 3 <= rows[name]["seeds"] == len(rows[name]["scores"]) <= 5
    assert len(document["pairs"]) == 3
    by_names = {(names[pair.first], names[pair.second]): pair for pair in found.pairs}
    for row in document["pairs"]:
        pair = by_names[row["a"], row["b"]]
        assert (row["difference"], row["seeds"]) == (pytest.approx(pair.difference), pair.seeds)
        assert row["ci"] == pytest.approx([pair.low, pair.high])
        assert row["significant"] == (row["ci"][0] > 0)
    assert document["trainings"] == sum(row["seeds"] for row in rows.values())


def test_nets_are_brought_to_one_cost_at_one_resolution() -> None:
    by_width = compare(*NETS, at="flops=60M", resolution=96, dry_run=True, **TINY)
    by_pixels = compare(*NETS, at="60M", at_by="resolution", dry_run=True, **TINY)
    by_params = compare(*NETS, at="params=2M", dry_run=True, **TINY)
    for row in by_width.nets:
        assert row.costs["flops"] == pytest.approx(60e6, rel=0.02)
        assert row.architecture().resolution == 96
    assert all(row.costs["flops"] == pytest.approx(60e6, rel=0.1) for row in by_pixels.nets)
    assert {row.costs["params"] for row in by_pixels.nets} == {cost(load_net(name)).parameters for name in NETS}
    assert all(row.costs["params"] == pytest.approx(2e6, rel=0.02) for row in by_params.nets)


def test_costs_are_with_as_many_classes_for_all(tmp_path: Path) -> None:
    save_net(replace(load_net("mobilenetv2"), classes=21_000), tmp_path / "many.yaml")
    found = compare("mobilenetv2", str(tmp_path / "many.yaml"), "mnasnet-a1", dry_run=True, **TINY)
    first, many, _ = found.nets
    assert first.costs == many.costs


def test_every_rule_grows_the_baseline_to_equal_cost(nas_scale: Command) -> None:
    answer = nas_scale(*RULED, "--json")
    assert answer.code == 0, answer.err
    document = answer.json
    base, *grown = document["nets"]
    assert (base["name"], base["phi"], base["place"]) == ("baseline", 0, None)
    for phi in (1, 2):
        rows = [row for row in grown if row["phi"] == phi]
        assert {row["name"] for row in rows} == {"given", *RULES}
        assert all(row["ratio"] == pytest.approx(2**phi, rel=0.03) for row in rows)
        assert all(cost(net_from_document(row["net"])).flops == row["flops"] for row in rows)
        pairs = [pair for pair in document["pairs"] if pair["phi"] == phi]
        twins = sum(one["scores"] == other["scores"] for one, other in combinations(rows, 2))
        assert len(pairs) == len(rows) * (len(rows) - 1) // 2 - twins
    alone = {row["name"]: row["shares"] for row in grown if row["phi"] == 2}
    for axis in ("depth", "width", "resolution"):
        assert alone[axis][axis] > 0.9
    shown = " ".join(nas_scale("show", "compare-001").out.split())
    assert "row less column at phi 2, in points; * significant" in shown
    assert "hold for all pairs of a phi together" in shown


def test_the_fitted_rule_is_the_grids_and_is_trained_as_it_was(nas_scale: Command) -> None:
    grid = nas_scale("grid", "--baseline", "mobilenetv2", *DIGITS, "--count", "8", "--epochs", "3", "--json").json
    found = nas_scale("compare", "--rules", "--phi", "1", "--device", "cpu", "--json").json
    assert found["source"] == "fitted in results/grid-001"
    assert found["baseline"]["name"] == "mobilenetv2"
    names = {row["name"] for row in found["nets"]}
    assert "fitted" in names
    for name in ("data", "epochs", "proxy_resolution", "epoch_share"):
        assert found["training"][name] == grid["training"][name]
    assert found["training"]["seeds"] == 3
    assert "fitted at phi 1" in " ".join(nas_scale("show", "compare-001").out.split())


def test_a_rule_that_grows_nothing_is_left_out(nas_scale: Command) -> None:
    answer = nas_scale(*RULED, "--scale-by", "params", "--dry-run")
    assert answer.code == 0, answer.err
    text = " ".join(answer.out.split())
    assert "rule resolution grows nothing that could raise the parameters of this net, and is left out" in text
    assert "resolution alone cannot double the parameters: held at 224 px" in text


def test_nets_with_one_proxy_share_its_trainings_and_its_pairs(nas_scale: Command, tmp_path: Path) -> None:
    deep = replace(load_net("efficientnet-b4"), name="deep")  # of which made-up trainings think better
    shallow = replace(load_net("mobilenetv2"), name="shallow")
    found = compare(deep, shallow, replace(shallow, dropout=0.5, name="twin"), **TINY)
    rows = {row.name: row for row in found.nets}
    assert rows["twin"].alike == "shallow"
    assert rows["twin"].scores == rows["shallow"].scores
    assert [(row.name, row.place, row.tied) for row in found.nets] == [
        ("deep", 1, False),
        ("shallow", 2, True),
        ("twin", 2, True),
    ]
    assert found.trainings == rows["deep"].seeds + rows["twin"].seeds
    assert {(pair.a, pair.b) for pair in found.pairs} == {("deep", "shallow"), ("deep", "twin")}
    assert "deep beats all others." in nas_scale("show", "compare-001").out


def test_rules_with_one_proxy_at_two_sizes_share_further_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    some = {name: RULES[name] for name in ("efficientnet", "fast-compound", "depth", "resolution")}
    monkeypatch.setattr("nas_scale.commands.compare.entrants.RULES", some)
    ruled: dict[str, Any] = {"rules": True, "baseline": "mobilenetv2", "coefficients": "1.3,1.15,1.08", **TINY}
    rows = compare(phi=(1, 1.0001), most_seeds=4, **ruled).nets
    shared = [row for row in rows if row.phi == 1.0001 and row.alike == f"{row.name} at phi 1"]
    scores = {row.name: row.scores for row in rows if row.phi == 1}
    assert all(row.scores == scores[row.name] for row in shared)
    assert max(row.seeds for row in shared) == 4  # each counted once


def test_a_net_that_fails_is_compared_with_none(monkeypatch: pytest.MonkeyPatch, nas_scale: Command) -> None:
    monkeypatch.setenv("FAKE_FAILING", "90")
    answer = nas_scale(*RULED, "--phi", "1", "--json")
    assert answer.code == 0, answer.err
    failed = [row["name"] for row in answer.json["nets"] if row["state"] == "failed"]
    assert 0 < len(failed) < 8
    assert not {name for pair in answer.json["pairs"] for name in (pair["a"], pair["b"])} & set(failed)
    assert "diverged" in nas_scale("show", "compare-001").out


def fails() -> None:
    with pytest.raises(RunFailed, match=r"fewer than two nets could be trained: .*diverged"):
        compare("efficientnet-b0", "mobilenetv2", **TINY)


def test_all_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FAILING", "256")
    fails()


def test_all_but_the_first_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    start = Race.start

    def without_the_last(race: Race) -> None:
        start(race)
        race.reasons[1] = "diverged"

    monkeypatch.setattr(Race, "start", without_the_last)
    fails()


def test_further_seeds_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    def diverged(study: object, jobs: dict[tuple[str, ...], object], *_: object) -> dict[str, str]:
        return {key: "diverged" for keys in jobs for key in keys}

    monkeypatch.setattr("nas_scale.commands.compare.race.next_seeds", lambda groups, first, *_: {1: first + 1})
    monkeypatch.setattr("nas_scale.commands.compare.race.run_jobs", diverged)
    fails()


def test_a_dry_run_times_and_writes_nothing(nas_scale: Command, tmp_path: Path) -> None:
    answer = nas_scale("compare", *NETS, *DIGITS, "--dry-run", "--workers", "2", "--json")
    assert answer.json["run"] is None
    assert answer.json["trainings"] == 9
    assert answer.json["estimated_seconds"] == pytest.approx(4 + 0.01 * 5)
    assert list(tmp_path.iterdir()) == []
    shown = nas_scale("compare", *NETS, *DIGITS, "--dry-run").out
    assert "9 trainings, about" in shown
    assert "more where seeds decide something, up to 6 a net" in " ".join(shown.split())


def test_show_and_other_commands_read_it(nas_scale: Command) -> None:
    answer = nas_scale("compare", *NETS, *DIGITS)
    assert answer.code == 0, answer.err
    assert answer.out == nas_scale("show", "compare-001").out
    best = nas_scale("show", "compare-001", "--json").json["nets"][0]
    assert nas_scale("profile", "compare-001:1", "--json").json["nets"][0]["flops"] == best["flops"]
    listed = nas_scale("show", "--json").json["runs"]
    assert re.search(r"3 nets, \d of 3 pairs differ", json.dumps(listed))
    assert len(nas_scale("show", "compare-001", "--csv").out.splitlines()) == 4


def test_neither_workers_nor_a_finished_run_change_anything(nas_scale: Command) -> None:
    asked = (*RULED, "--phi", "1", "--json")
    one, three = (nas_scale(*asked, "--workers", workers).json for workers in ("1", "3"))
    again = nas_scale(*asked, "--run", "compare-001", "--resume").json
    assert without_time(one) == without_time(three)
    assert one == again


@pytest.mark.slow
def test_a_real_one_on_digits(tmp_path: Path) -> None:
    few = ("--train-images", "100", "--val-images", "80", "--epochs", "1", "--seeds", "2", "--most-seeds", "3")
    answer = finished("compare", "mobilenetv2", "mnasnet-a1", *DIGITS, *few, "--json", cwd=tmp_path, fake=False)
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["data"]["credit"] == 40
    assert all(round(score * 40, 6).is_integer() for row in document["nets"] for score in row["scores"])
    again = ("--run", "compare-001", "--resume", "--cams", "looks.png")
    looked = finished("compare", "mobilenetv2", "mnasnet-a1", *DIGITS, *few, *again, cwd=tmp_path, fake=False)
    assert looked.code == 0, looked.err
    assert "saved: looks.png" in looked.err
    assert (tmp_path / "looks.png").read_bytes().startswith(b"\x89PNG")
    weights = sorted(path.name for path in (tmp_path / "results/compare-001/weights").iterdir())
    assert weights == ["0.safetensors", "1.safetensors"]
