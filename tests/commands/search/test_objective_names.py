"""Which objectives can be asked for, and which sampler follows them."""

from __future__ import annotations

import pytest

from nas_scale.architecture.files import load_net
from nas_scale.commands.search.objective_names import read_objectives, spent
from nas_scale.commands.search.objectives import objective_for
from nas_scale.commands.search.prepare import prepare
from nas_scale.errors import UserError
from nas_scale.metrics.counts import cost
from nas_scale.samplers.registry import SAMPLERS, SEVERAL_OBJECTIVES


@pytest.mark.parametrize(
    ("objective", "objectives"),
    [
        ("accuracy", ("accuracy",)),
        ("accuracy,flops", ("accuracy", "flops")),
        ("accuracy, params ,memory", ("accuracy", "params", "memory")),
        (["accuracy", "activations"], ("accuracy", "activations")),
        (("accuracy", "flops", "params", "memory"), ("accuracy", "flops", "params", "memory")),
    ],
)
def test_objectives_are_read_from_text_and_from_names(objective: str, objectives: tuple[str, ...]) -> None:
    assert read_objectives(objective) == objectives
    assert read_objectives(objectives) == objectives


@pytest.mark.parametrize(
    ("objective", "what"),
    [
        ("", "'' is no objective"),
        ((), "has to begin with accuracy"),
        ("flops", "--objective flops has to begin with accuracy; write --objective accuracy,flops"),
        ("flops,accuracy", "has to begin with accuracy"),
        ("accuracy,latency", "'latency' is of a device; write latency@DEVICE"),
        ("accuracy,parameters", "or with params, activations, memory"),
        ("accuracy,flops,flops", "names an objective twice"),
        ("accuracy,flops,params,activations,memory", "has 5 names; at most 4"),
        (3, "is not understood"),
        (("accuracy", 3), "is not understood"),
    ],
)
def test_other_objectives_are_refused(objective: str, what: str) -> None:
    with pytest.raises(UserError, match=what):
        read_objectives(objective)


def test_costs_are_those_of_the_net() -> None:
    net = load_net("efficientnet-b0")
    total = cost(net)
    memory = 4 * (total.parameters + total.peak)
    names = ("flops", "params", "activations", "memory")
    assert spent(net, names) == (total.flops, total.parameters, total.activations, memory)


def depth(arch: object) -> float:
    return 0.5


own = objective_for(depth)


def test_with_several_objectives_a_sampler_that_serves_them_is_the_usual_one() -> None:
    alone, several = prepare({}, own), prepare({"objective": "accuracy,flops"}, own)
    assert alone.wanted.sampler not in SEVERAL_OBJECTIVES
    assert several.wanted.sampler == "nsga2"
    assert several.wanted.followed_costs == ("flops",)
    assert several.spec()["directions"] == ["maximize", "minimize"]
    assert "directions" not in alone.spec()
    asked = {"objective": "accuracy,flops", "data": "digits", "device": "cpu"}
    assert [prepare(asked).wanted.finalists_among(trials) for trials in (8, 200)] == [6, 20]
    assert prepare(asked | {"objective": "accuracy"}).wanted.finalists_among(8) == 3
    assert prepare(asked | {"sampler": "random", "finalists": 2}).wanted.finalists_among(200) == 2
    assert several.wanted.finalists_among(200) == 0, "a caller's own values are not asked for again"


@pytest.mark.parametrize("name", [name for name in SAMPLERS if name not in SEVERAL_OBJECTIVES])
def test_other_samplers_follow_the_reward_or_are_refused(name: str) -> None:
    asked = {"objective": ("accuracy", "flops"), "sampler": name}
    with pytest.raises(UserError, match=f"--sampler {name} follows one value.*give a target, e.g. --target-flops 400M"):
        prepare(asked, own)
    prepared = prepare(asked | {"target_flops": 400e6}, own)
    assert prepared.wanted.followed_costs == ()
    assert "directions" not in prepared.spec()


def test_a_pruner_needs_one_value() -> None:
    asked = {"objective": "accuracy,flops", "data": "digits", "device": "cpu", "epochs": 9, "pruner": "halving"}
    with pytest.raises(UserError, match="--pruner halving compares trials by one value"):
        prepare(asked)
    assert prepare(asked | {"sampler": "tpe", "target_flops": 400e6}).wanted.pruner == "halving"
    assert prepare(asked | {"objective": "accuracy"}).wanted.pruner == "halving"
