"""A metric is declared once: whatever uses metrics uses a new one at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from nas_scale import search
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.result import SearchResult
from nas_scale.commands.shared.net_lookup import net_attributes, stored_costs
from nas_scale.errors import UserError
from nas_scale.feasible.budget import ensure_possible, nearest
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.counts import Counts, cost
from nas_scale.metrics.limits import Limit, Limits, around
from nas_scale.metrics.metric import Metric, meters_of, metric_named, metrics, registered
from nas_scale.metrics.reward import Reward
from nas_scale.numbers import memory, read_bytes
from nas_scale.runs.results import plain, typed
from nas_scale.show.results import result_table
from tests.support.results import a_row
from tests.support.small_spaces import PLAIN, assignments, costs_of

WEIGHTS = Metric(
    name="weights",
    label="bytes of weights",
    unit="of weights",
    read=read_bytes,
    show=memory,
    of=lambda counts: 4 * counts.parameters,
    adds_up=True,
    usual=True,
)


@pytest.fixture
def toy() -> Iterator[Metric]:
    with registered(WEIGHTS) as metric:
        yield metric


def depth(net: Architecture) -> float:
    return float(sum(stage.repeats for stage in net.stages))


def drawn(text: object) -> str:
    screen = StringIO()
    Console(file=screen, width=200).print(text)
    return screen.getvalue()


def test_a_new_metric_is_an_objective_a_screen_a_column_and_a_json_field(
    toy: Metric, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = search(
        evaluate=depth,
        space="nas-bench-macro",
        trials=6,
        objective="accuracy,weights",
        max_params=2e6,
        screen="weights",
    )
    rows = plain(found)["ranking"]
    assert all(row["weights"] == 4 * row["params"] for row in rows)
    assert all(set(member.costs) == {"weights"} for member in found.pareto_front)
    table = drawn(result_table(found))
    assert "weights" in table
    assert memory(rows[0]["weights"]) in table


def test_a_new_metric_is_a_limit_and_a_target(toy: Metric) -> None:
    every = sorted(toy.of(spent) for spent in costs_of("plain"))
    limits = Limits((around(every[len(every) // 2], 0.05, toy),))
    region = FeasibleRegion(PLAIN, limits)
    codes = region.all_codes()
    assert codes is not None
    inside = [params for params in assignments(PLAIN) if limits.keeps(PLAIN.net(params))]
    assert len(codes) == len(inside) > 0
    ensure_possible(PLAIN, limits)
    with pytest.raises(UserError, match=r"at most 1KB of weights; .*raise --max-weights"):
        ensure_possible(PLAIN, Limits((Limit(toy, most=1000),)))
    assert nearest(PLAIN, Limits((Limit(toy, most=1000),))).certain


def test_a_new_metric_is_what_a_reward_counts(toy: Metric) -> None:
    net = PLAIN.net(next(assignments(PLAIN)))
    reward = Reward("soft", toy, 2 * toy.of_net(net), -0.07)
    assert reward(0.5, toy.of_net(net)) == pytest.approx(0.5 * 2**0.07)


def test_a_metric_registered_since_a_trial_is_counted_for_it() -> None:
    net = PLAIN.net(next(assignments(PLAIN)))
    kept = json.loads(json.dumps(net_attributes(net)))
    assert stored_costs(kept | {"params": 7})["params"] == 7, "what is kept is not counted again"
    assert {type(value) for value in stored_costs(kept).values()} == {int}, "whole numbers stay whole"
    with registered(WEIGHTS):
        assert stored_costs(kept) == {metric.name: metric.of_net(net) for metric in metrics()}


def test_what_is_registered_goes_again() -> None:
    before = metrics()
    with registered(WEIGHTS):
        assert metrics() == (*before, WEIGHTS)
        with pytest.raises(UserError, match="there is a metric 'weights' already"), registered(WEIGHTS):
            pass
        assert metric_named("weights") is WEIGHTS
    assert metrics() == before


def test_an_unknown_metric_is_refused_with_a_near_miss() -> None:
    with pytest.raises(UserError, match=r"there is no metric 'flop'; did you mean flops\?"):
        metric_named("flop")
    with pytest.raises(UserError, match="the metrics are flops, params, activations, memory"):
        metric_named("zzz")


def test_metrics_that_add_up_are_linear_and_ignore_the_peak() -> None:
    spent = cost(PLAIN.net(next(assignments(PLAIN))), meters_of(metrics()))
    for metric in metrics():
        metered = {
            meter.name: (2 if meter.adds_up else 7) * spent.metered[meter.name] for meter in meters_of(metrics())
        }
        double = Counts(2 * spent.flops, 2 * spent.parameters, 2 * spent.activations, 7 * spent.peak, metered)
        assert (metric.of(double) == 2 * metric.of(spent)) == metric.adds_up


def test_a_metric_cannot_take_the_place_of_a_field_of_a_row() -> None:
    with (
        registered(replace(WEIGHTS, name="seeds")),
        pytest.raises(UserError, match="a metric cannot be called 'seeds': RankingRow has a field of this name"),
    ):
        plain(a_row())


def test_what_is_limited_is_a_column_and_stays_in_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    limits = {"max_size": 3e6, "max_train_memory": 6e7}
    found = search(evaluate=depth, space="nas-bench-macro", trials=4, seed=1, **limits)
    assert all(row.costs["size"] <= 3e6 and row.costs["train_memory"] <= 6e7 for row in found.ranking)
    written = plain(found)
    assert {name: written[name] for name in limits} == limits
    assert typed(written, SearchResult).most == {"size": 3e6, "train_memory": 6e7}
    table = drawn(result_table(found))
    assert "train_memory" in table
    assert memory(found.ranking[0].costs["size"]) in table
    older = {name: value for name, value in written.items() if name not in limits}
    assert typed(older, SearchResult).most == {}
