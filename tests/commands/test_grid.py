"""grid() and what expand() makes of its fit."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from nas_scale import expand, grid, load_net, search
from nas_scale.architecture.files import net_from_document
from nas_scale.errors import RunError, RunFailed, UserError
from nas_scale.metrics.counts import cost
from nas_scale.runs.results import plain
from nas_scale.scaling.coefficients import AXES, read_coefficients
from tests.support.command import Command

TINY: dict[str, Any] = {"data": "digits", "proxy_resolution": 12, "device": "cpu"}
TINY_WORDS = ("--data", "digits", "--proxy-resolution", "12", "--device", "cpu")


@pytest.fixture(autouse=True)
def _elsewhere(nas_scale: Command) -> None:
    """An empty folder, and trainings that cost nothing."""


def test_a_dry_run_shows_networks_and_time_and_writes_nothing(tmp_path: Path) -> None:
    events: list[Any] = []
    found = grid("efficientnet-b0", dry_run=True, on_event=events.append, workers=2, **TINY)
    assert (found.seed_sd, found.fit, found.run) == (None, None, None)
    (plan,) = events
    assert plan == found
    assert len(plan.candidates) >= 7
    seeds = plain(found)["training"]["seeds"]
    assert plan.trainings == seeds * sum(alike is None for alike in (row.alike for row in plan.candidates))
    assert plan.estimated_seconds == pytest.approx(4 + 0.01 * math.ceil(plan.trainings / 2))
    assert list(tmp_path.iterdir()) == []


def test_chosen_networks_really_cost_what_was_asked() -> None:
    base = cost(load_net("mnasnet-b1")).flops
    plan = grid("mnasnet-b1", phi=1.5, dry_run=True, **TINY)
    for candidate in plan.candidates:
        assert cost(candidate.architecture()).flops / base == pytest.approx(2**1.5, rel=0.05)
    assert len({candidate.architecture() for candidate in plan.candidates}) == len(plan.candidates) >= 12
    most = [max(getattr(candidate.shares, axis) for candidate in plan.candidates) for axis in AXES]
    assert min(most) > 0.9  # the corners are in


def test_the_papers_grid_names_the_points_that_round_to_the_same_network(nas_scale: Command) -> None:
    found = grid("efficientnet-b0", method="cartesian", step=0.1, count=30, dry_run=True, **TINY)
    points = [point for row in plain(found)["candidates"] for point in row["points"]]
    assert len(points) == len({tuple(point) for point in points}) > 10
    for alpha, beta, gamma in points:
        assert abs(alpha * beta**2 * gamma**2 - 2) <= 0.1 + 1e-9


def test_a_fit_is_saved_and_expand_finds_it() -> None:
    with pytest.raises(UserError, match="there is no fit in results"):
        expand()
    first = grid("efficientnet-b0", **TINY)
    second = grid("mobilenetv2", count=8, seeds=2, **TINY)
    assert first.fit is not None
    assert second.fit is not None
    latest, named = expand(phi=[0, 1]), expand(coefficients="grid-001", phi=[0, 1])
    assert (latest.baseline.name, named.baseline.name) == ("mobilenetv2", "efficientnet-b0")
    assert latest.coefficients.values == second.fit.coefficients
    assert named.coefficients.values == first.fit.coefficients
    assert named.coefficients.source == "fitted in results/grid-001"
    other = expand("mnasnet-a1", "results/grid-001", phi=[1], save=False)
    assert other.baseline.name == "mnasnet-a1"
    assert other.coefficients.values == first.fit.coefficients
    with pytest.raises(RunError, match="holds no fitted coefficients"):
        expand(coefficients="expand-001")


def test_a_fit_that_cannot_tell_is_used_with_a_warning(nas_scale: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    found = grid("efficientnet-b0", count=4, seeds=2, **TINY)
    assert found.fit is not None
    assert not found.fit.significant
    family = expand(phi=[0, 1])
    assert family.note is not None
    assert "cannot tell" in family.note
    shown = nas_scale("show", "expand-001")
    said = " ".join(shown.out.split())
    assert "cannot tell how this net should grow: these coefficients are those of the published rule" in said
    assert expand("efficientnet-b0", "efficientnet", phi=[0], save=False).note is None


def test_what_a_fit_is_drawn_towards_is_asked_for(nas_scale: Command) -> None:
    asked = ("grid", "--baseline", "efficientnet-b0", "--count", "6", "--seeds", "1", "--prior", "1,1.3,1.1")
    found = nas_scale(*asked, *TINY_WORDS, "--run", "wide", "--json")
    fit = found.json["fit"]
    given = read_coefficients("1,1.3,1.1").shares
    assert fit["shares"] == fit["prior"] == pytest.approx(given)  # six networks are too few for a surface
    assert found.json["prior"] == "1,1.3,1.1"
    shown = " ".join(nas_scale("show", "wide").out.split())
    assert "prior 1,1.3,1.1" in shown
    assert "those of the coefficients 1,1.3,1.1" in shown
    alone = fit["alone"]
    assert f"The data alone: alpha {alone['alpha']:.3f}, beta {alone['beta']:.3f}" in shown
    assert f"depth {alone['shares'][0]:.2f}, width {alone['shares'][1]:.2f}" in shown
    assert nas_scale(*asked[:-1], "equal", *TINY_WORDS, "--run", "wide", "--resume").code == 2  # another question


def test_networks_that_shrink_to_the_same_proxy_are_trained_once_and_marked(
    nas_scale: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_COUNT", str(tmp_path / "count"))
    asked = ("grid", "--baseline", "efficientnet-b0", "--data", "digits", "--proxy-resolution", "12", "--device", "cpu")
    narrow = (*asked, "--proxy-width", "0.05", "--count", "40", "--seeds", "2", "--json")
    planned = nas_scale(*narrow, "--dry-run").json
    alike = [row["alike"] for row in planned["candidates"] if row["alike"]]
    assert alike
    assert planned["trainings"] == 2 * (len(planned["candidates"]) - len(alike))
    found = nas_scale(*narrow).json
    assert (tmp_path / "count").stat().st_size == found["trainings"] == planned["trainings"]
    rows = found["candidates"]
    for row in rows:
        if row["alike"]:
            assert row["search"] == rows[row["alike"] - 1]["search"]
    assert sum(bool(row["alike"]) for row in rows) == len(alike)
    assert found["fit"]["points"] <= len(rows) - len(alike)
    assert found["fit"]["sd"] == pytest.approx(found["seed_sd"]), "table and fit know the same noise"
    assert "same proxy as row" in nas_scale("show", "grid-001").out


def test_optuna_chooses_among_the_networks() -> None:
    found = grid("efficientnet-b0", method="optuna", count=12, seeds=1, **TINY)
    rows = plain(found)["candidates"]
    assert 2 <= len(rows) <= 12
    assert all(row["flops_ratio"] == pytest.approx(2, rel=0.05) for row in rows)
    assert any("TPE chooses" in line for line in plain(found)["header"])


def test_a_searchs_best_is_the_baseline_and_trained_as_it_was() -> None:
    found = search(max_flops=100e6, trials=3, epochs=2, proxy_width=0.5, seeds=1, space="nas-bench-macro", **TINY)
    planned = plain(grid(dry_run=True, device="cpu"))
    assert net_from_document(planned["baseline"]["net"]) == net_from_document(plain(found)["ranking"][0]["net"])
    training = planned["training"]
    assert (training["data"], training["epochs"], training["proxy_width"]) == ("digits", 2, 0.5)
    assert training["proxy_resolution"] == 12
    assert training["seeds"] > 1
    third = plain(grid("search-001:3", dry_run=True, device="cpu", epochs=1))
    assert net_from_document(third["baseline"]["net"]) == net_from_document(plain(found)["ranking"][2]["net"])
    assert third["training"]["epochs"] == 1
    other = plain(grid(dry_run=True, device="cpu", data="scenes", train_images=100, val_images=100))
    assert other["training"]["proxy_resolution"] != 12


def test_strides_that_a_search_reduced_on_demand_stay_reduced() -> None:
    search(max_flops=100e6, trials=2, space="nas-bench-macro", proxy_strides=1, **TINY)
    assert plain(grid(dry_run=True, device="cpu"))["training"]["proxy_strides"] == 1
    larger = plain(grid(dry_run=True, device="cpu", proxy_resolution=24))["training"]
    assert larger["proxy_strides"] == 3  # what 24 pixels bear, not what 12 did


def test_networks_too_large_to_be_timed_are_trained_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas_scale.commands.shared.estimates.seconds_each", lambda jobs, *_: [None for _ in jobs])
    found = grid("efficientnet-b0", count=4, seeds=1, **TINY)
    assert found.estimated_seconds is None
    assert len(found.candidates) == 4


def test_the_header_says_what_the_images_are() -> None:
    found = plain(grid("efficientnet-b0", dry_run=True, **TINY))
    assert any(line.startswith("images: 8x8 scans of digits, a smoke test") for line in found["header"])


def test_failing_networks_are_rows_and_left_out_of_the_fit(nas_scale: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_FAILING", "100")
    found = grid("efficientnet-b0", **TINY)
    failed = [row for row in found.candidates if row.rank is None]
    assert failed
    assert found.fit is not None
    assert found.fit.points <= len(found.candidates) - len(failed)
    assert "RunFailed: diverged" in nas_scale("show", "grid-001").out
    monkeypatch.setenv("FAKE_FAILING", "256")
    with pytest.raises(RunFailed, match="the first 8 trainings all failed alike: RunFailed: diverged"):
        grid("efficientnet-b0", **TINY)


def test_where_no_network_has_the_cost() -> None:
    with pytest.raises(UserError, match="raise --tolerance or change --phi"):
        grid("efficientnet-b0", phi=0.01, tolerance=0.001, **TINY)
