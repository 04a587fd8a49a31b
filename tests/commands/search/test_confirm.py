"""The best of a search are really run where a limit is on a device that is here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.run import search
from nas_scale.errors import UserError
from nas_scale.metrics.metric import Metric, registered
from nas_scale.runs.results import plain
from nas_scale.show.results import result_table
from tests.support.meters import TOY

LIMIT = 40.0


def stages(net: Architecture) -> float:
    """Deeper is better: what a limit holds back."""
    return sum(stage.repeats for stage in net.stages) + 1e-3 * TOY.of_net(net)


class Measuring:
    """Takes what the toy device is said to, times a factor for each net; keeps what was asked."""

    def __init__(self, factor: float, *, only_first: bool = False, fails: bool = False) -> None:
        self.asked: list[Architecture] = []
        self._factor, self._only_first, self._fails = factor, only_first, fails

    def __call__(self, nets: Sequence[Architecture]) -> list[float | None]:
        found: list[float | None] = []
        for net in nets:
            slow = not self._only_first or not self.asked
            self.asked.append(net)
            found.append(None if self._fails and slow else TOY.of_net(net) * (self._factor if slow else 1.0))
        return found


def found_with(measuring: Any, tmp_path: Path, **options: Any) -> Any:
    metric: Metric = replace(TOY, measure=measuring)
    with registered(metric):
        return search(
            evaluate=stages, space="mnasnet", trials=12, max_latency=f"{LIMIT}@toy", results=tmp_path, **options
        )


def drawn(found: Any) -> str:
    screen = StringIO()
    Console(file=screen, width=250).print(result_table(found))
    return screen.getvalue()


def test_prediction_and_measurement_stand_side_by_side(tmp_path: Path) -> None:
    measuring = Measuring(1.03)
    found = found_with(measuring, tmp_path)
    best = found.ranking[0]
    assert best.measured["latency@toy"] == pytest.approx(1.03 * best.costs["latency@toy"])
    assert best.costs["latency@toy"] <= LIMIT
    assert len(measuring.asked) == 3  # no finalists are trained again: the first three are measured
    assert "measured latency" in drawn(found)
    row = plain(found)["ranking"][0]
    assert row["measured"] == {"latency@toy": best.measured["latency@toy"]}
    assert "measured" not in plain(found)["ranking"][-1]


def test_a_net_that_breaks_its_limit_is_passed_over_for_the_next(tmp_path: Path) -> None:
    plainly = found_with(None, tmp_path / "unmeasured")
    assert not any(row.measured for row in plainly.ranking)
    found = found_with(Measuring(2.0, only_first=True), tmp_path / "measured")
    assert found.ranking[0].net == plainly.ranking[1].net
    assert found.best.stages == plainly.nets[1].stages
    (over,) = [row for row in found.ranking if row.state == "over"]
    assert over.net == plainly.ranking[0].net
    assert over.rank is None
    assert over.reason is not None
    assert "on toy, where at most 40ms are wanted" in over.reason
    assert over.accuracy == plainly.ranking[0].accuracy
    assert len(found.ranked) == len(plainly.ranked) - 1
    text = drawn(found)
    assert "over" in text
    assert "where at most 40ms are wanted" in text


def test_a_net_that_cannot_be_run_is_passed_over_too(tmp_path: Path) -> None:
    found = found_with(Measuring(1.0, only_first=True, fails=True), tmp_path)
    (over,) = [row for row in found.ranking if row.state == "over"]
    assert over.reason == "it failed when it was measured, where at most 40ms are wanted"
    assert not over.measured


def test_where_no_net_keeps_the_limit_the_prediction_ranks_and_it_is_said(tmp_path: Path) -> None:
    measuring = Measuring(2.0)
    found = found_with(measuring, tmp_path)
    assert all(row.state == "complete" for row in found.ranking)
    assert len(measuring.asked) == len(found.ranking)
    assert found.header[-1] == "no net kept its limit when it was measured; the ranking goes by what was predicted"


def test_another_machine_is_no_reason_to_fail(tmp_path: Path) -> None:
    def elsewhere(nets: Sequence[Architecture]) -> Sequence[float | None]:
        raise UserError("toy is a phone, and this machine is a computer")

    found = found_with(elsewhere, tmp_path)
    assert found.header[-1] == (
        "latency@toy is as predicted, not measured: toy is a phone, and this machine is a computer"
    )
    assert not any(row.measured for row in found.ranking)


def test_a_target_is_the_most_and_what_is_near_it_is_admitted(tmp_path: Path) -> None:
    with registered(TOY):
        found = search(evaluate=stages, space="mnasnet", trials=6, target_latency="40ms@toy", results=tmp_path)
    assert all(38.0 <= row.costs["latency@toy"] <= 40.0 for row in found.ranking)
    assert found.targets["latency@toy"] == 40.0


def test_a_run_knows_its_device_by_what_it_measures(tmp_path: Path) -> None:
    options: dict[str, Any] = {"evaluate": stages, "space": "mnasnet", "trials": 3, "results": tmp_path}
    with registered(TOY):
        first = search(max_latency="40ms@toy", **options)
        assert search(max_latency="40ms@toy", resume=True, run=first.run, **options).ranking == first.ranking
    with registered(replace(TOY, identity="toy-2")), pytest.raises(UserError, match="devices"):
        search(max_latency="40ms@toy", resume=True, run=first.run, **options)


def test_objectives_may_be_milliseconds(tmp_path: Path) -> None:
    with registered(TOY):
        found = search(
            evaluate=stages, space="mnasnet", trials=12, objective="accuracy,latency@toy", results=tmp_path, seed=1
        )
    costs = [member.costs["latency@toy"] for member in found.pareto_front]
    assert costs == sorted(costs)
    assert "latency@toy" in drawn(found)


def test_where_nothing_is_to_be_measured_nothing_is_said_of_it(tmp_path: Path) -> None:
    found = search(evaluate=stages, space="nas-bench-macro", trials=3, max_size=1e8, results=tmp_path)
    assert not [line for line in found.header if "measured" in line]
