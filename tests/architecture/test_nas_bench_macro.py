"""NAS-Bench-Macro's own parameters and multiply-adds: 60 of its nets always, all 6,561 where its file is."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest

from nas_scale.architecture.files import load_space
from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.metrics.counts import cost

SAMPLE = Path(__file__).parents[1] / "data" / "nas-bench-macro-sample.json"
WHOLE = Path(os.environ.get("NAS_SCALE_TEST_DATA", "")) / "nas-bench-macro_cifar10.json"


@pytest.fixture(scope="module")
def space() -> SearchSpace:
    return load_space("nas-bench-macro")


def _net(space: SearchSpace, code: str) -> Architecture:
    """Digit n of a code names the option of layer n: 0 identity, 1 kernel 3 expansion 3, 2 kernel 5 expansion 6."""
    return space.net(
        {f"{layer}.block": space.choices[f"{layer}.block"].options[int(digit)] for layer, digit in enumerate(code, 1)}
    )


def _counted(space: SearchSpace, code: str) -> list[int]:
    spent = cost(_net(space, code))
    return [spent.parameters, spent.flops]


def test_the_sample_costs_what_the_benchmark_says(space: SearchSpace) -> None:
    published = json.loads(SAMPLE.read_text())["nets"]
    assert len(published) == 60
    assert {code: _counted(space, code) for code in published} == published


@pytest.mark.skipif(not WHOLE.is_file(), reason="NAS_SCALE_TEST_DATA names no folder with nas-bench-macro_cifar10.json")
def test_all_6561_nets_cost_what_the_benchmark_says(space: SearchSpace) -> None:
    published = {code: [row["params"], row["flops"]] for code, row in json.loads(WHOLE.read_text()).items()}
    assert len(published) == 6561
    assert {code: _counted(space, code) for code in published} == published


def test_its_codes_are_3969_nets(space: SearchSpace) -> None:
    """Identities that do nothing vanish, so that codes which only order them differently are one net."""
    assert space.size == 6561
    assert space.distinct() == 3969
    nets = {_net(space, "".join(code)) for code in itertools.product("012", repeat=8)}
    assert len(nets) == 3969


def test_an_identity_between_layers_moves_nothing(space: SearchSpace) -> None:
    assert _net(space, "20012120") == _net(space, "20012102")
    assert _net(space, "20012120") != _net(space, "20021120")
