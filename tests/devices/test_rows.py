"""Measurements before they are learned from."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.simulated_devices import random_nets, space_named
from nas_scale.devices.measurement import Measurement
from nas_scale.devices.rows import contradictions, distinct_rows
from nas_scale.errors import UserError

NETS = random_nets(space_named("b0-like"), 12, seed=0)
ROWS = [Measurement(net, 10.0 + number) for number, net in enumerate(NETS)]


def test_rows_of_one_network_that_lie_far_apart_contradict_each_other() -> None:
    rows = [*ROWS, Measurement(replace(NETS[4], name="by another name"), 14.0 * 1.3), Measurement(NETS[2], 12.0 * 1.2)]
    assert contradictions(rows) == [(4, 12)]
    assert contradictions(rows, apart=0.1) == [(2, 13), (4, 12)]
    assert contradictions(ROWS) == []


def test_the_two_that_are_furthest_apart_are_named() -> None:
    assert contradictions([*ROWS, Measurement(NETS[0], 30.0), Measurement(NETS[0], 5.0)]) == [(12, 13)]


def test_another_batch_resolution_or_padding_is_no_contradiction() -> None:
    net = NETS[0]
    others = [
        Measurement(net, 80.0, batch=8),
        Measurement(replace(net, resolution=448), 40.0),
        Measurement(replace(net, style=replace(net.style, padding="same")), 40.0),
    ]
    assert contradictions([*ROWS, *others]) == []


def test_measurements_of_one_network_become_their_geometric_mean() -> None:
    found = distinct_rows([*ROWS, Measurement(NETS[3], 13.0 * 4)])
    assert [row.milliseconds for row in found] == pytest.approx([10, 11, 12, 26, 14, 15, 16, 17, 18, 19, 20, 21])
    assert [row.net for row in found] == NETS


def test_a_batch_of_none_is_refused() -> None:
    with pytest.raises(UserError, match="row 2: a batch of 0 is none"):
        distinct_rows([ROWS[0], replace(ROWS[1], batch=0)])
