"""profile --latency: nets side by side, with what was measured of each."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from nas_scale.commands.profile import measured
from nas_scale.commands.profile.run import profile
from nas_scale.devices.latency import Latencies, combine
from nas_scale.devices.measure import MeasuringProgress
from nas_scale.devices.memory import PeakMemory
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.subject import Environment, Sampled, Subject, TimedRound
from nas_scale.errors import UserError
from nas_scale.metrics.metric import MEMORY
from tests.support.command import Command

MILLISECONDS = {"mobilenetv2": 8.0, "mnasnet-a1": 8.2, "efficientnet-b0": 14.0}


@pytest.fixture(autouse=True)
def fake_measuring(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[Subject], DeviceSetting]]:
    """What was asked to be measured; nets that are not in MILLISECONDS fail."""
    asked: list[tuple[list[Subject], DeviceSetting]] = []

    def fake(
        subjects: Sequence[Subject], setting: DeviceSetting, *, stages: bool, memory: bool, report: Any
    ) -> Latencies:
        asked.append((list(subjects), setting))
        report(MeasuringProgress("timing, round 1 of 3", 0, len(subjects), subjects[0].name))
        environment = Environment(
            setting, "A Processor", "Linux", (1,), "channels last", "malloc", {"torch": "2.13"}, {"cpu": 2600.0}, "now"
        )
        found = combine(subjects, [TimedRound(tuple(map(sampled, subjects)), environment, 1.0)] * 3)
        peak = PeakMemory(40_000_000, "process")
        return replace(found, nets=tuple(replace(net, memory=None if net.reason else peak) for net in found.nets))

    def sampled(subject: Subject) -> Sampled:
        if subject.name not in MILLISECONDS:
            return Sampled(reason="MemoryError: too large")
        middle = MILLISECONDS[subject.name]
        samples = tuple(middle * (0.9 + step / 50) for step in range(11))
        parts = () if isinstance(subject.net, str) else tuple(range(1, len(subject.net.stages) + 4))
        return Sampled(samples, 8.0, waited=0.2, resolution=subject.resolution or 0, stages=parts)

    monkeypatch.setattr(measured, "measure", fake)
    return asked


def test_json_has_all_that_was_measured(nas_scale: Command) -> None:
    answer = nas_scale("profile", "efficientnet-b0", "mobilenetv2", "mnasnet-a1", "--latency", "--batch", "4", "--json")
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["measured_on"]["hardware"] == "A Processor"
    asked = {"device": "cpu", "runtime": "eager", "threads": 1, "batch": 4, "precision": "fp32"}
    assert asked.items() <= document["measured_on"].items()
    assert document["floor"] == 0.0
    assert document["tolerance"] == 0.05
    b0, v2, a1 = (net["latency"] for net in document["nets"])
    assert b0["milliseconds"] == pytest.approx(14.0)
    assert (b0["p10"], b0["p90"]) == pytest.approx((12.88, 15.12))
    assert b0["images_per_second"] == pytest.approx(4000 / 14)
    assert (b0["samples"], len(b0["rounds"])) == (33, 3)
    assert [(net["place"], net["tied"]) for net in (b0, v2, a1)] == [(3, False), (1, True), (1, True)]
    assert (b0["memory"]["measured"], b0["memory"]["measured_is"]) == (40_000_000, "process")
    assert sum(b0["stage_shares"]) == pytest.approx(1.0)
    assert len(b0["stage_shares"]) == len(document["nets"][0]["stages"])
    assert answer.err == "timing, round 1 of 3: 0/3 nets, efficientnet-b0\n"


def test_the_table_has_nets_side_by_side(nas_scale: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "140")
    shown = nas_scale("profile", "efficientnet-b0", "mobilenetv2", "mnasnet-a1", "--latency")
    rows = {line.split()[-1]: line.split()[:-1] for line in shown.out.splitlines() if line.strip()}
    assert rows["efficientnet-b0"] == ["1", "224", "14", "12.9-15.1", "1.68", "71", "27.2MB", "34MB", "40MB", "3"]
    assert rows["mobilenetv2"][-1] == rows["mnasnet-a1"][-1] == "=1"
    monkeypatch.setenv("COLUMNS", "80")
    narrow = nas_scale("profile", "efficientnet-b0", "mobilenetv2", "mnasnet-a1", "--latency").out.splitlines()
    assert {"net: efficientnet-b0", "net: mobilenetv2", "net: mnasnet-a1"} <= {line.strip() for line in narrow}
    assert "A Processor, 1 thread on core 1, eager fp32, channels last, malloc, cpu 2600 MHz" in shown.out
    assert "=N: medians within 5.0% of place N's are ties" in shown.out
    assert "other processes had the core for up to 20% of the time" in shown.out
    assert "of the time: parts timed one by one on their own inputs, as shares of their sum" in shown.out


def test_a_net_that_fails_has_its_reason(nas_scale: Command) -> None:
    shown = nas_scale("profile", "mobilenetv2", "efficientnet-b1", "--latency")
    assert "efficientnet-b1 could not be measured: MemoryError: too large" in shown.out
    document = nas_scale("profile", "mobilenetv2", "efficientnet-b1", "--latency", "--json").json
    assert document["nets"][1]["latency"] == {"reason": "MemoryError: too large"}
    alone = nas_scale("profile", "efficientnet-b1", "--latency")
    assert alone.code == 1
    assert alone.err.splitlines()[-1] == "nas-scale: no net could be measured: MemoryError: too large"


def test_nets_are_measured_at_the_resolution_they_are_counted_at(
    fake_measuring: list[tuple[list[Subject], DeviceSetting]],
) -> None:
    profile(["mobilenetv2", "efficientnet-b0"], resolution=96, latency=True, threads=1, runtime="compile")
    ((subjects, setting),) = fake_measuring
    assert [subject.resolution for subject in subjects] == [96, 96]
    assert setting == DeviceSetting(runtime="compile")


def test_the_estimate_is_the_metrics_for_one_float32_image() -> None:
    (usual,) = profile("mobilenetv2", latency=True)
    (half,) = profile("mobilenetv2", latency=True, batch=8, precision="bf16")
    assert usual.measured is not None
    assert half.measured is not None
    assert usual.cost is not None
    assert usual.measured.needs.planned == MEMORY.of(usual.cost)
    assert half.measured.needs.planned == 2 * (usual.cost.parameters + 8 * usual.cost.peak)


def test_nothing_is_measured_unless_asked(fake_measuring: list[Any], nas_scale: Command) -> None:
    assert "latency" not in nas_scale("profile", "mobilenetv2", "--json").json["nets"][0]
    assert fake_measuring == []
    with pytest.raises(UserError, match="--batch is for measuring; add --latency"):
        profile("mobilenetv2", batch=2)
    with pytest.raises(UserError, match="there is no option 'precison'; did you mean precision"):
        profile("mobilenetv2", latency=True, precison="bf16")
