"""What is learned from milliseconds of whole networks, on simulated devices whose truth is known."""

from __future__ import annotations

import pickle
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from benchmarks.simulated_devices import DEVICES, measured, random_nets, space_named, true_milliseconds
from nas_scale.architecture.files import load_net
from nas_scale.architecture.layers import layers
from nas_scale.architecture.spec import Architecture
from nas_scale.devices.latency_model import LatencyModel
from nas_scale.devices.measurement import Measurement
from nas_scale.devices.plain_fits import PlainFit
from nas_scale.devices.prediction_errors import prediction_errors
from nas_scale.devices.rows import LEAST_NETS
from nas_scale.errors import UserError
from nas_scale.metrics.counts import Meter, cost

NOISE = 0.02


@cache
def nets(space: str = "b0-like", count: int = 150) -> list[Architecture]:
    return random_nets(space_named(space), count, seed=3)


@cache
def model(device: str, space: str = "b0-like", learned: int = 50) -> LatencyModel:
    return LatencyModel.fit(measured(device, nets(space)[:learned], NOISE, seed=1))


def truth(device: str, unseen: list[Architecture]) -> np.ndarray:
    return np.array([true_milliseconds(device, net) for net in unseen])


def test_a_network_takes_the_sum_of_its_layers_to_the_nanosecond() -> None:
    learned, unseen = model("cpu"), nets()[50:]
    meter = Meter("latency@cpu", learned.layer_nanoseconds)
    sums = [sum(learned.layer_nanoseconds(layer) for layer in layers(net)) for net in unseen]
    assert sums == [cost(net, (meter,)).metered["latency@cpu"] for net in unseen]
    assert [each / 1e6 for each in sums] == [learned.milliseconds(net) for net in unseen]
    assert learned.predict(unseen)[0].tolist() == [learned.milliseconds(net) for net in unseen]


def test_no_layer_takes_less_than_nothing() -> None:
    for device in DEVICES:
        learned = model(device)
        every = {layer for net in [*nets(), *nets("mnasnet")] for layer in layers(net)}
        assert min(learned.layer_nanoseconds(layer) for layer in every) >= 0


@pytest.mark.parametrize("space", ["b0-like", "mnasnet"])
@pytest.mark.parametrize("device", DEVICES)
def test_fifty_rows_tell_a_device(device: str, space: str) -> None:
    learned, unseen = model(device, space), nets(space)[50:]
    found = prediction_errors(learned.predict(unseen)[0], truth(device, unseen))
    assert found.within_10_percent >= 0.95
    assert (found.spearman or 0) >= 0.985
    plain = PlainFit.of("six sums", measured(device, nets(space)[:50], NOISE, seed=1))
    assert found.within_10_percent >= prediction_errors(plain.predict(unseen), truth(device, unseen)).within_10_percent


def test_what_six_sums_describe_is_left_to_them() -> None:
    for space in ("b0-like", "mnasnet"):
        learned, unseen = model("linear", space), nets(space)[50:]
        plain = PlainFit.of("six sums", measured("linear", nets(space)[:50], NOISE, seed=1))
        ours = prediction_errors(learned.predict(unseen)[0], truth("linear", unseen))
        assert (
            ours.median_error <= prediction_errors(plain.predict(unseen), truth("linear", unseen)).median_error + 0.003
        )


@pytest.mark.parametrize("learned", [20, 50])
def test_intervals_hold_what_is_measured(learned: int) -> None:
    covered = []
    for space in ("b0-like", "mnasnet"):
        for number, device in enumerate(DEVICES):
            rows = measured(device, nets(space), NOISE, seed=number)
            guess, deviations = LatencyModel.fit(rows[:learned]).predict([row.net for row in rows[learned:]])
            truth = [row.milliseconds for row in rows[learned:]]
            covered.append(prediction_errors(guess, truth, deviations).covered or 0.0)
    assert 0.9 <= np.mean(covered) <= 0.99
    assert min(covered) >= 0.75


def test_the_same_rows_give_the_same_model() -> None:
    rows = measured("dpu", nets()[:30], NOISE, seed=1)
    first, second = LatencyModel.fit(rows), LatencyModel.fit(rows)
    assert first.chosen == second.chosen
    assert first.predict(nets())[0].tolist() == second.predict(nets())[0].tolist()


def test_what_was_chosen_gives_the_same_model_without_choosing() -> None:
    for device in ("linear", "gpu"):
        rows = measured(device, nets()[:30], NOISE, seed=1)
        first = LatencyModel.fit(rows)
        again = LatencyModel.fit(rows, first.chosen)
        for one, other in zip(first.predict(nets()), again.predict(nets()), strict=True):
            assert one.tolist() == other.tolist()


def test_a_model_travels_to_other_processes() -> None:
    learned = model("cpu")
    assert pickle.loads(pickle.dumps(learned)).milliseconds(nets()[60]) == learned.milliseconds(nets()[60])


def test_batches_and_resolutions_are_told_apart() -> None:
    def rows(some: list[Architecture]) -> list[Measurement]:
        sized = [replace(net, resolution=(160, 192, 224)[index % 3]) for index, net in enumerate(some)]
        batches = [(1, 8)[index % 2] for index in range(len(some))]
        return [
            Measurement(net, 1e3 * sum(8e-6 + batch * DEVICES["cpu"](layer) for layer in layers(net)), batch)
            for net, batch in zip(sized, batches, strict=True)
        ]

    learned = LatencyModel.fit(rows(nets()[:80]))
    others = rows(nets()[80:])
    guess = [learned.milliseconds(row.net, row.batch) for row in others]
    assert prediction_errors(guess, [row.milliseconds for row in others]).within_10_percent >= 0.9


def test_what_padding_takes_is_learned() -> None:
    def rows(some: list[Architecture]) -> list[Measurement]:
        padded = [
            replace(net, style=replace(net.style, padding=("same", "symmetric")[i % 2])) for i, net in enumerate(some)
        ]
        return [
            Measurement(
                net, 1e3 * sum(DEVICES["cpu"](layer) + layer.pads * layer.inputs / 4e8 for layer in layers(net))
            )
            for net in padded
        ]

    learned, others = LatencyModel.fit(rows(nets()[:60])), rows(nets()[60:])
    guess = [learned.milliseconds(row.net) for row in others]
    assert prediction_errors(guess, [row.milliseconds for row in others]).within_10_percent >= 0.97


def test_far_from_all_that_was_measured_it_is_less_sure() -> None:
    learned = model("cpu")
    _, (near, far) = learned.predict([nets()[60], replace(load_net("efficientnet-b7"), resolution=600)])
    assert far > 2 * near


def test_wrong_rows_do_not_bend_it() -> None:
    rows = measured("cpu", nets()[:50], NOISE, seed=1)
    bent = [
        replace(row, milliseconds=row.milliseconds * (1.6 if number % 16 == 0 else 1))
        for number, row in enumerate(rows)
    ]
    unseen = nets()[50:]
    assert prediction_errors(LatencyModel.fit(bent).predict(unseen)[0], truth("cpu", unseen)).within_10_percent >= 0.9


def test_it_is_judged_on_rows_that_it_has_not_seen_beside_plain_fits() -> None:
    rows = measured("dpu", nets()[:40], NOISE, seed=1)
    judged = LatencyModel.fit(rows).cross_validated
    assert judged.model.nets == 40
    assert judged.model.within_10_percent >= 0.95
    assert judged.model.covered is not None
    assert set(judged.plain) == {"six sums", "FLOPs", "FLOPs, parameters, activations"}
    assert all(plain.within_10_percent < 0.5 and plain.covered is None for plain in judged.plain.values())


def test_what_is_mostly_noise_is_judged_so_and_has_wide_intervals() -> None:
    learned = LatencyModel.fit(measured("cpu", nets()[:40], 0.3, seed=1))
    assert learned.noise > 0.15
    assert learned.cross_validated.model.within_10_percent < 0.5
    assert (learned.cross_validated.model.covered or 0) > 0.8


def test_the_words_say_what_mattered() -> None:
    assert "padded-128" in model("systolic").basis
    assert "launches" in model("dpu").basis


def test_few_rows_are_refused_with_how_many_are_needed() -> None:
    with pytest.raises(UserError, match=rf"of 3 different networks are too few.* {LEAST_NETS} or more"):
        LatencyModel.fit(measured("cpu", nets()[:3], NOISE, seed=1))
    assert LatencyModel.fit(measured("cpu", nets()[:LEAST_NETS], NOISE, seed=1)).milliseconds(nets()[60]) > 0


def test_one_network_measured_often_is_one() -> None:
    with pytest.raises(UserError, match="of 1 different networks"):
        LatencyModel.fit([Measurement(nets()[0], 5.0 + number / 100) for number in range(30)])


@pytest.mark.parametrize("wrong", [0.0, -3.0, float("nan"), float("inf")])
def test_what_is_no_time_is_refused_by_its_row(wrong: float) -> None:
    rows = measured("cpu", nets()[:30], NOISE, seed=1)
    rows[7] = replace(rows[7], milliseconds=wrong)
    with pytest.raises(UserError, match=r"^row 8: .* is no measurement"):
        LatencyModel.fit(rows)


def test_nothing_to_predict_is_nothing() -> None:
    times, deviations = model("cpu").predict([])
    assert times.shape == deviations.shape == (0,)
