"""A device's table from measurements of a machine that is made up: its design, its judgement, its kills."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nas_scale.architecture.files import load_space
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.latency import building, check
from nas_scale.commands.latency.build import build_latency
from nas_scale.commands.latency.check import check_latency
from nas_scale.commands.latency.design import HELD_OUT_OF, design
from nas_scale.commands.shared.identity import net_key
from nas_scale.devices.device_metric import latency_metric
from nas_scale.devices.latency import Latencies, combine
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.subject import Environment, Sampled, Subject, TimedRound, environment_changes
from nas_scale.devices.table import read_table, table_path
from nas_scale.errors import Interrupted, RunError, RunFailed, UserError
from nas_scale.feasible.encoding import encoding_for
from nas_scale.metrics.counts import cost
from tests.support.meters import TOY

SPACE = "small-images"


class Machine:
    """Takes what the toy device takes, with noise and a drift from process to process that its reference shows.

    Time goes by as nets are measured. dies_after: processes before Ctrl-C. fails: nets that cannot be measured.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, noise: float = 0.01, seconds: float = 4.0) -> None:
        self.rng = random.Random(0)
        self.noise, self.seconds, self.now = noise, seconds, 0.0
        self.measured: list[Architecture] = []
        self.processes = 0
        self.dies_after: int | None = None
        self.fails: Any = lambda net: False
        self.slower = 1.0
        self.hardware = "abacus"
        self.versions = {"torch": "1.0"}
        monkeypatch.setattr(building, "time_round", self.time_round)
        self.most_files = 0
        monkeypatch.setattr(building, "export_all", self.export_all)
        monkeypatch.setattr(building, "time", SimpleNamespace(monotonic=lambda: self.now))
        monkeypatch.setattr(check, "measure", self.measure)

    def export_all(self, subjects: Sequence[Subject], setting: DeviceSetting, folder: Path) -> dict[int, str]:
        for subject in subjects:
            (folder / subject.file_name(setting)).touch()
        self.most_files = max(self.most_files, len(list(folder.iterdir())))
        return {}

    def environment(self, setting: DeviceSetting) -> Environment:
        return Environment(setting, self.hardware, "dos", (0,), "rows", "none", self.versions, {}, "2020-01-01")

    def time_round(self, subjects: Sequence[Subject], setting: DeviceSetting, **_: Any) -> TimedRound:
        if self.processes == self.dies_after:
            raise KeyboardInterrupt
        self.processes += 1
        self.now += self.seconds * len(subjects)
        drift = self.rng.uniform(0.8, 1.4)
        return TimedRound(
            tuple(self._sampled(subject, drift) for subject in subjects), self.environment(setting), self.seconds
        )

    def _sampled(self, subject: Subject, drift: float) -> Sampled:
        assert isinstance(subject.net, Architecture)
        self.measured.append(subject.net)
        if self.fails(subject.net):
            return Sampled(reason="it exploded")
        exact = TOY.of_net(subject.net) * drift * self.slower * self.rng.gauss(1, self.noise)
        return Sampled((0.99 * exact, exact, 1.01 * exact), 20.0 * drift, resolution=subject.net.resolution)

    def measure(
        self, nets: Sequence[Architecture], setting: DeviceSetting, rounds: int = 3, reference: float | None = 20.0
    ) -> Latencies:
        subjects = [Subject(net) for net in nets]
        return combine(subjects, [self.time_round(subjects, setting) for _ in range(rounds)], reference)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def built(results: Path, **options: Any) -> Any:
    return build_latency(name="toy", space=SPACE, minutes=4, results=results, **options)


def held_out_of(table: Any) -> int:
    return len(table.rows) // HELD_OUT_OF


def test_a_design_has_different_nets_of_the_space_and_some_to_judge_by() -> None:
    space = load_space("mnasnet")
    plan = list(itertools.islice(design(space, 0), 60))
    assert len({net_key(planned.net) for planned in plan}) == 60
    assert [planned.held_out for planned in plan[: 2 * HELD_OUT_OF]] == [*[False] * (HELD_OUT_OF - 1), True] * 2
    whole = [planned.net for planned in plan if len(planned.net.stages) == len(space.stages)]
    assert all(space.assignment_of(net) is not None for net in whole)
    parts = [planned.net for planned in plan if len(planned.net.stages) < len(space.stages)]
    assert 5 <= len(parts) <= 20
    assert not any(planned.held_out and planned.net in parts for planned in plan)
    assert plan == list(itertools.islice(design(space, 0), 60))
    assert plan != list(itertools.islice(design(space, 1), 60))


def test_it_tells_more_than_drawn_nets_do() -> None:
    """Choices that differ: all are seen, dear and rare ones too."""
    plan = [planned.net for planned in itertools.islice(design(load_space("mnasnet"), 0), 40)]
    flops = [cost(net).flops for net in plan]
    assert min(flops) < 60e6
    assert max(flops) > 600e6
    assert {stage.op for net in plan for stage in net.stages} == {"cn", "ds", "ir"}


def test_a_table_is_built_in_its_time_and_judged_on_nets_that_it_has_not_seen(machine: Machine, tmp_path: Path) -> None:
    table = built(tmp_path)
    assert len(table.rows) > 30
    assert machine.most_files <= 2 * building.TOGETHER + held_out_of(table)
    assert machine.now <= 4 * 60
    assert machine.now > 3 * 60
    assert table == read_table("toy", tmp_path)
    held_out = table.held_out
    assert held_out.nets >= 4
    assert held_out.within_10_percent >= 0.75
    assert held_out.remeasured is not None
    assert held_out.remeasured.within_10_percent == 1
    assert 0.002 < held_out.floor < 0.03
    assert held_out.flops_only.median_error > held_out.median_error
    assert table.environment["hardware"] == "abacus"
    assert table.setting == DeviceSetting()
    assert table.trusted
    assert not list(table_path("toy", tmp_path).parent.glob("*.building"))


def test_what_drifts_is_taken_out(machine: Machine, tmp_path: Path) -> None:
    """Processes are up to 1.7 times as slow as others; the reference net tells."""
    table = built(tmp_path)
    ratios = [row.milliseconds / TOY.of_net(row.measurement().net) for row in table.rows]
    assert max(ratios) / min(ratios) < 1.08


def test_an_interrupted_build_goes_on_where_it_was(machine: Machine, tmp_path: Path) -> None:
    whole = Machine(pytest.MonkeyPatch())
    undisturbed = built(tmp_path / "whole")
    machine.__init__(pytest.MonkeyPatch())  # type: ignore[misc]
    machine.dies_after = 3
    with pytest.raises(Interrupted, match="what was measured is kept, and the same command"):
        built(tmp_path / "killed")
    assert not table_path("toy", tmp_path / "killed").exists()
    before = len(machine.measured)
    with (tmp_path / "killed/devices/toy.building/timed.jsonl").open("ab") as file:
        file.write(b'{"net": 99, "sec')  # a kill in the middle of a line
    machine.dies_after = None
    table = built(tmp_path / "killed")
    assert [row.net for row in table.rows] == [row.net for row in undisturbed.rows]
    assert len(machine.measured) == len(whole.measured)
    fresh = [net_key(net) for net in machine.measured[:before]]
    assert len(set(fresh)) == len(fresh)


def test_other_options_do_not_go_on_with_it(machine: Machine, tmp_path: Path) -> None:
    machine.dies_after = 2
    with pytest.raises(Interrupted):
        built(tmp_path)
    with pytest.raises(UserError, match="was begun with other options; repeat them, or add --replace"):
        built(tmp_path, batch=8)
    machine.dies_after = None
    assert built(tmp_path, batch=8, replace=True).batch == 8
    machine.dies_after = machine.processes + 2
    with pytest.raises(Interrupted):
        built(tmp_path, batch=8, replace=True)
    machine.dies_after, before = None, machine.processes
    assert built(tmp_path, batch=8).batch == 8, "it goes on with the one that is to replace the other"
    assert machine.processes > before
    with pytest.raises(UserError, match="there is a device toy already"):
        built(tmp_path, batch=8)


def test_a_design_of_another_order_does_not_go_on_with_it(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a version whose features are others: a place in the log would be another net's."""
    from nas_scale.commands.latency import design as module

    machine.dies_after = 2
    with pytest.raises(Interrupted):
        built(tmp_path)
    machine.dies_after = None
    monkeypatch.setattr(module, "GROUPS", ("sums",))
    with pytest.raises(UserError, match="was begun with other options"):
        built(tmp_path)


def test_two_cannot_build_one_table_at_once(machine: Machine, tmp_path: Path) -> None:
    from nas_scale.commands.latency.build_log import building as log

    with log("toy", tmp_path, "x", False), pytest.raises(RunError, match="is in use by process"):
        built(tmp_path)


def test_nets_that_fail_are_left_out_and_nothing_but_failures_is_an_error(machine: Machine, tmp_path: Path) -> None:
    machine.fails = lambda net: net.style.act == "swish" and net.stem == 32
    table = built(tmp_path)
    assert not any(machine.fails(row.measurement().net) for row in table.rows)
    machine.fails = lambda net: True
    with pytest.raises(RunFailed, match="no net could be measured: it exploded"):
        built(tmp_path, replace=True)


def test_a_machine_that_cannot_be_predicted_makes_a_poor_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Machine(monkeypatch, noise=0.4)
    assert not built(tmp_path).trusted
    with pytest.raises(UserError, match=r"predicts poorly .* --force"):
        latency_metric(read_table("toy", tmp_path))
    Machine(monkeypatch, noise=0.4)
    assert built(tmp_path, replace=True, force=True).trusted


def test_a_check_says_whether_it_holds(machine: Machine, tmp_path: Path) -> None:
    table = built(tmp_path)
    scale = sum(row.milliseconds for row in table.rows) / sum(TOY.of_net(row.measurement().net) for row in table.rows)
    machine.slower = scale
    held = check_latency("toy", results=tmp_path)
    assert held.holds
    assert len(held.rows) == 5
    assert held.changes == ()
    machine.slower, machine.hardware = 1.3 * scale, "slide rule"
    broken = check_latency("toy", results=tmp_path, nets=3)
    assert not broken.holds
    assert "no longer holds: all nets take about +" in broken.verdict
    assert broken.changes == ("hardware was abacus, and is slide rule",)


def test_what_changed_is_said_one_by_one() -> None:
    then = {"hardware": "a", "versions": {"torch": "1", "python": "3"}, "date": "x"}
    now = {"hardware": "a", "versions": {"torch": "2", "onnx": "1", "python": "3"}, "date": "y"}
    assert environment_changes(then, now) == ["onnx was absent, and is 1", "torch was 1, and is 2"]


def test_nets_measured_for_a_search_are_those_of_the_machine(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nas_scale.devices import device_metric

    monkeypatch.setattr(device_metric, "measure", machine.measure)
    usual = built(tmp_path).reference / 20  # of a machine whose speed changes from process to process
    metric = latency_metric(read_table("toy", tmp_path))
    encoding = encoding_for(load_space(SPACE))
    nets = [encoding.net(encoding.uniform(random.Random(seed))) for seed in range(3)]
    assert metric.measure is not None
    values = metric.measure(nets)
    assert values == pytest.approx([usual * TOY.of_net(net) for net in nets], rel=0.05)
    machine.versions = {"torch": "2.0"}
    with pytest.raises(UserError, match=r"toy has changed since it was built: torch was 1\.0, and is 2\.0"):
        metric.measure(nets)
    machine.hardware = "slide rule"
    with pytest.raises(UserError, match="toy is abacus, and this machine is slide rule"):
        metric.measure(nets)
    assert metric.caveat.startswith("latency@toy is predicted from ")


def test_its_file_can_be_read_by_people(machine: Machine, tmp_path: Path) -> None:
    built(tmp_path)
    lines = table_path("toy", tmp_path).read_text().splitlines()
    rows = [line for line in lines if line.strip().startswith('{"milliseconds"')]
    assert len(rows) == len(read_table("toy", tmp_path).rows)
    assert json.loads(rows[0].rstrip(","))["net"]["stages"]
    assert {"runtime", "threads", "precision", "layout", "batch", "clocks", "date", "versions"} <= set(
        read_table("toy", tmp_path).environment
    )
