"""Limits of a microcontroller: activations and weights apart, at so many bytes a value, decided before training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nas_scale import profile, search
from nas_scale.architecture.files import load_net
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.profile.run import profile_rows
from nas_scale.errors import UserError
from nas_scale.feasible.cost_table import cost_table_for
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.counts import cost
from nas_scale.metrics.in_bytes import PRECISIONS, stored_metrics
from nas_scale.metrics.limits import Limit, Limits
from nas_scale.metrics.metric import ACTIVATION_MEMORY, MEMORY, SIZE, metrics, values_stored_in
from nas_scale.nets.build import build
from nas_scale.runs.results import plain, typed
from tests.support.command import Command
from tests.support.small_spaces import PLAIN, assignments
from tests.support.tensor_lifetimes import inference


def weights(net: Architecture) -> int:
    """Elements of all parameters, as torch has them."""
    return sum(parameter.numel() for parameter in build(net, seed=0).parameters())


@pytest.mark.parametrize("number", PRECISIONS)
def test_figures_are_those_of_lifetimes_and_of_torch(number: int) -> None:
    net = load_net("mobilenetv2")
    memory, activation_memory, size = stored_metrics(number)
    assert size.of_net(net) == number * weights(net)
    assert activation_memory.of_net(net) == number * inference(net).most_alive()
    assert memory.of_net(net) == size.of_net(net) + activation_memory.of_net(net)


def test_float32_is_what_is_usual() -> None:
    assert stored_metrics(4) == (MEMORY, ACTIVATION_MEMORY, SIZE)
    before = metrics()
    with values_stored_in(1):
        assert [metric.name for metric in metrics()] == [metric.name for metric in before]
        assert metrics() != before
    assert metrics() == before


def test_both_limits_are_kept_exactly_by_the_tables() -> None:
    """Of a whole space, against explicit lifetimes of tensors."""
    nets = [PLAIN.net(params) for params in assignments(PLAIN)]
    alive = [inference(net).most_alive() for net in nets]
    held = [cost(net).parameters for net in nets]
    _, activation_memory, size = stored_metrics(1)
    most_alive, most_held = sorted(alive)[len(nets) // 2], sorted(held)[len(nets) // 2]
    limits = Limits((Limit(activation_memory, most=most_alive), Limit(size, most=most_held)))
    codes = FeasibleRegion(PLAIN, limits).all_codes()
    assert codes is not None
    wanted = sum(one <= most_alive and other <= most_held for one, other in zip(alive, held, strict=True))
    assert 0 < len(codes) == wanted < len(nets)
    spent = cost_table_for(PLAIN).cost(codes)
    assert activation_memory.of(spent).max() <= most_alive
    assert size.of(spent).max() <= most_held


def kernels(net: Architecture) -> float:
    return float(sum(stage.kernel for stage in net.stages))


def found(tmp_path: Path, **options: Any) -> Any:
    return search(evaluate=kernels, space="nas-bench-macro", trials=3, results=tmp_path, **options)


def test_a_search_says_what_its_bytes_are_and_keeps_them(tmp_path: Path) -> None:
    result = found(tmp_path, bytes_per_value=1, max_activation_memory=200_000, max_size=1e6, run="x")
    assert result.bytes_per_value == 1
    assert "memory, activation memory and size are of int8: 1 byte a value" in result.header
    for row in result.ranking:
        assert row.costs["size"] == row.costs["params"] <= 1e6
        assert row.costs["activation_memory"] == inference(row.architecture()).most_alive() <= 200_000
    assert typed(plain(result), type(result)) == result
    with pytest.raises(UserError, match="bytes_per_value was 1, now 2"):
        found(tmp_path, bytes_per_value=2, max_activation_memory=200_000, max_size=1e6, run="x", resume=True)


def test_what_is_impossible_is_refused_in_these_bytes(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"at most 100 of activation memory.*raise --max-activation-memory"):
        found(tmp_path, bytes_per_value=1, max_activation_memory=100)
    whole = found(tmp_path)
    assert whole.bytes_per_value == 4
    assert not any("a value" in line for line in whole.header)


def test_profiles_in_these_bytes() -> None:
    (row,) = profile_rows(profile("mobilenetv2", bytes_per_value=1))
    assert (row["size"], row["activation_memory"]) == (3_504_872, 1_505_280)
    assert row["bytes_per_value"] == 1
    assert set(row["memory_needs"]) == {"planned", "sum"}
    (usual,) = profile_rows(profile("mobilenetv2"))
    assert "bytes_per_value" not in usual
    assert usual["size"] == 4 * row["size"]


def test_the_command_line_takes_kibibytes(nas_scale: Command) -> None:
    asked = ("search", "--max-activation-memory", "1KiB", "--max-size", "1MB", "--bytes-per-value", "1")
    answer = nas_scale(*asked)
    assert answer.code == 2
    assert "at most 1.02KB of activation memory" in answer.err
    shown = nas_scale("profile", "mobilenetv2", "--bytes-per-value", "1").out
    assert "memory of one int8 image: 1.51MB of planned activations and 3.5MB of weights" in shown.replace("\n", " ")
