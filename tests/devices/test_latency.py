"""From samples to milliseconds: drift, spread, floor and ties."""

from __future__ import annotations

import math
import random
from dataclasses import replace

import pytest

from nas_scale.devices.latency import Latencies, combine, remeasurement_floor
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.subject import Environment, Sampled, Subject, TimedRound
from nas_scale.errors import RunFailed

ENVIRONMENT = Environment(DeviceSetting(batch=4), "a processor", "a system", (0,), "channels last", "malloc", {})


def timed(*nets: Sampled) -> TimedRound:
    return TimedRound(nets, ENVIRONMENT, 1.0)


def around(middle: float, reference: float = 10.0) -> Sampled:
    """Eleven samples, from 95% to 105%."""
    return Sampled(tuple(middle * (0.95 + step / 100) for step in range(11)), reference, resolution=32)


def subjects(*names: str) -> list[Subject]:
    return [Subject(name) for name in names]


def measured(*medians: float, spread: float = 0.0) -> Latencies:
    """Each net in three processes, which differ by the spread, and not in common."""
    chance = random.Random(0)
    signs = [chance.sample((-1, 0, 1), 3) for _ in medians]
    rounds = [
        timed(*(around(each * (1 + spread * sign[number])) for each, sign in zip(medians, signs, strict=True)))
        for number in range(3)
    ]
    return combine(subjects(*(f"net{index}" for index in range(len(medians)))), rounds)


def test_a_latency_says_what_its_samples_say() -> None:
    (net,) = measured(20.0).nets
    assert (net.name, net.resolution, net.batch, net.samples) == ("net0", 32, 4, 33)
    assert net.median == pytest.approx(20.0)
    assert net.rounds == pytest.approx((20.0, 20.0, 20.0))
    assert (net.p10, net.p90) == pytest.approx((19.2, 20.8))
    assert net.iqr == pytest.approx(1.0, abs=0.21)
    assert net.images_per_second == pytest.approx(1000 * 4 / 20)


def test_the_drift_of_the_reference_corrects_the_others() -> None:
    rounds = [timed(around(20.0 * slow, 10.0 * slow)) for slow in (1.0, 1.3, 0.9)]
    found = combine(subjects("net"), rounds)
    assert found.reference == 10.0
    assert found.nets[0].rounds == pytest.approx((20.0, 20.0, 20.0))
    assert found.floor == pytest.approx(0.0, abs=1e-12)


def test_so_does_what_all_others_have_in_common() -> None:
    """The reference had bad luck in the second process, which five other nets did not have."""
    rounds = [
        timed(*(around(each, 10.0 * luck) for each in (20.0, 5.0, 8.0, 11.0, 14.0, 17.0))) for luck in (1.0, 1.2, 1.0)
    ]
    found = combine(subjects(*"abcdef"), rounds)
    assert found.nets[0].rounds == pytest.approx((20.0, 20.0, 20.0))
    alone = combine(subjects("a"), [timed(each.nets[0]) for each in rounds])
    assert alone.nets[0].rounds == pytest.approx((20.0, 20.0 / 1.2, 20.0))


def test_nets_of_another_group_were_there_at_another_time() -> None:
    def one(slow: float) -> TimedRound:
        early = [around(each) for each in (20.0, 5.0)]
        late = [replace(around(each * slow, 10.0 * slow), group=1) for each in (8.0, 11.0)]
        return timed(*early, *late)

    found = combine(subjects(*"abcd"), [one(1.0), one(1.0), one(1.5)])
    for net, truth in zip(found.nets, (20.0, 5.0, 8.0, 11.0), strict=True):
        assert net.rounds == pytest.approx((truth,) * 3)


def test_measurements_are_joined_by_their_reference() -> None:
    slow_day = combine(subjects("net"), [timed(around(24.0, 12.0))] * 3, reference=10.0)
    assert slow_day.nets[0].median == pytest.approx(20.0)


def test_the_floor_is_what_two_measurements_differ_by_19_times_in_20() -> None:
    chance = random.Random(1)

    def again() -> list[float]:
        return [math.exp(chance.gauss(0, 0.02)) for _ in range(3)]

    def middle(values: list[float]) -> float:
        return sorted(values)[1]

    floor = remeasurement_floor([again() for _ in range(2000)])
    assert floor is not None
    differences = [abs(math.log(middle(again()) / middle(again()))) for _ in range(4000)]
    within = sum(each <= floor for each in differences) / len(differences)
    assert 0.85 < within < 0.97
    assert remeasurement_floor([[5.0], [6.0]]) is None


def test_ties_are_within_five_percent_or_the_floor() -> None:
    steady = measured(20.0, 10.0, 10.4, 10.7)
    assert steady.tolerance == 0.05
    assert steady.places == (4, 1, 1, 3)
    noisy = measured(20.0, 10.0, 10.4, 10.7, spread=0.08)
    assert noisy.floor is not None
    assert noisy.tolerance == noisy.floor > 0.05
    assert replace(steady, floor=0.08).places == (4, 1, 1, 1)


def test_what_failed_has_a_reason_and_no_place() -> None:
    good, bad = around(10.0), Sampled(reason="out of memory")
    found = combine(subjects("bad", "good"), [timed(bad, good), timed(around(5.0), good), timed(bad, good)])
    assert found.nets[0].reason == "out of memory"
    assert math.isnan(found.nets[0].median)
    assert found.places == (None, 1)
    with pytest.raises(RunFailed, match="no net could be measured: out of memory"):
        combine(subjects("bad"), [timed(bad)])


def test_the_shares_of_stages_sum_to_one() -> None:
    parts = [(1.0, 2.0, 1.0), (1.1, 2.4, 0.9), (0.9, 2.0, 1.0)]
    found = combine(subjects("net"), [timed(replace(around(10.0), stages=each)) for each in parts])
    assert found.nets[0].stages == pytest.approx((0.25, 0.5, 0.25))
    assert sum(found.nets[0].stages) == pytest.approx(1.0)


def test_one_process_that_never_settled_is_known() -> None:
    good = around(10.0)
    found = combine(subjects("net"), [timed(good), timed(replace(good, settled=False, waited=0.3)), timed(good)])
    assert not found.nets[0].settled
    assert found.nets[0].waited == 0.0
