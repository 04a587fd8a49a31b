"""Search spaces: sizes, sameness, membership, and the one traversal behind them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from nas_scale.architecture.blocks import plan
from nas_scale.architecture.files import known_spaces, load_net, load_space, parse_space
from nas_scale.architecture.space import SearchSpace, canonical
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.nets.build import build
from tests.support.random_nets import random_params

# Spaces small enough to build every net of, each with another reason why assignments may be the same net.
SMALL = {
    "skips that cannot act": (
        "head: 16\nstem: 16",
        ("ds_r{1,2}_s{1,2}_c{16,24}_{skip,noskip,poolskip}", "ir_r{1,2}_e3_c{16,24}_{skip,noskip}"),
    ),
    "fields that do not act": (
        "head: 16",
        ("{cn,ds,ir}_k{1,3}_s2_e{1,3}_c16_se{0,.25}_{noskip,skip,poolskip}", "{cn,er}_r{1,2}_e{2,3}_c16_{noskip,skip}"),
    ),
    "an open stem": ("stem: {16,24,32}\nhead: {32,64}", ("ds_c{16,24}_{skip,noskip}", "ir_e2_c24_{skip,noskip}")),
    "an open activation": (
        "head: 16\nact: {relu,swish}\nresolution: {32,48}",
        ("ds_c16 | ds_c16_nre | ds_c16_nhs | ds_c24", "ir_e2_c24_n{re,sw}"),
    ),
    "identities": (
        "head: 16",
        ("{id,ir}_r{1,2}_s{1,2}_e2_c{16,32}", "{id,ds}_r{1,2}_c{16,32}_{skip,noskip}", "{id,cn}_c32"),
    ),
    "whole blocks": (
        "head: 16",
        ("id_s2_c16 | ir_s2_e3_c16", "id_c16 | ir_e3_c16 | ir_e1_c16 | ds_k5_c16", "id_c16 | ir_e3_c16"),
    ),
    "channels kept": (
        "head: 16\nstem: {8,16}",
        ("ds_c{8,16}", "{id,uir}_r{1,2}_a{0,3}_k{0,3}_e{1,2}_c=", "{id,ds}_c="),
    ),
    "residual blocks": (
        "head: {0,16}\nhead_kind: linear\nstem: 16\nstem_pool: 2",
        ("{bb,bt,ds}_r{1,2}_s{1,2}_c16_{skip,noskip,poolskip}", "{bb,dsa}_c{16,24}_{skip,noskip}"),
    ),
    "everything differs": ("head: 16", ("ds_k{3,5}_s2_c{16,24}", "ir_r{1,2}_e{3,6}_c24_se{0,.25}")),
}


def _space(name: str) -> SearchSpace:
    properties, lines = SMALL[name]
    stages = "".join(f"  {line}\n" for line in lines)
    return parse_space(f"{properties}\nclasses: 4\nstages: |\n{stages}", "x.yaml", name)


def _assignments(space: SearchSpace) -> Iterator[dict[str, object]]:
    for options in itertools.product(*(choice.options for choice in space.choices.values())):
        yield dict(zip(space.choices, options, strict=True))


def _function(net: Architecture) -> object:
    """All that `build` makes a net of: what is equal here is the same function."""
    made = plan(net)
    return made.stem, made.pool, tuple(itertools.chain(*made.stages)), made.head, net.resolution


@pytest.mark.parametrize("name", sorted(SMALL))
def test_equal_nets_are_equal_functions_and_the_other_way_round(name: str) -> None:
    space = _space(name)
    nets = [space.net(params) for params in _assignments(space)]
    assert len(nets) == space.size
    functions: dict[object, set[Architecture]] = {}
    for net in nets:
        functions.setdefault(_function(net), set()).add(net)
    assert [same for same in functions.values() if len(same) > 1] == []
    assert len(functions) == len(set(nets)) == space.distinct()
    assert (space.distinct() < space.size) is (name != "everything differs")


@pytest.mark.parametrize("name", ["skips that cannot act", "fields that do not act", "identities", "whole blocks"])
def test_the_canonical_form_computes_what_the_assignment_computes(name: str) -> None:
    """The net as written and its canonical form, with the same weights, give the same logits."""
    space, rng = _space(name), random.Random(name)
    image = torch.randn(2, 3, 17, 17)
    changed = 0
    for _ in range(25):
        params = random_params(space, rng)
        written = replace(
            space.frame,
            stages=tuple(stage.resolve(lambda choice, own=params: own[choice.key]) for stage in space.stages),
        )
        changed += written != canonical(written)
        with torch.no_grad():
            logits = [build(net, seed=3).eval()(image) for net in (written, canonical(written))]
        assert torch.equal(*logits)
    assert changed > 5


@pytest.mark.parametrize("name", sorted(SMALL))
def test_every_net_of_a_small_space_is_found_again(name: str) -> None:
    space = _space(name)
    for params in _assignments(space):
        net = space.net(params)
        found = space.assignment_of(net)
        assert found is not None
        assert space.net(found) == net


@pytest.mark.parametrize("name", sorted(known_spaces()))
def test_random_nets_of_shipped_spaces_are_found_again(name: str) -> None:
    space, rng = load_space(name), random.Random(name)
    for _ in range(100):
        net = space.net(random_params(space, rng))
        found = space.assignment_of(net)
        assert found is not None
        assert set(found) == set(space.choices)
        assert space.net(found) == net


@pytest.mark.parametrize(
    ("name", "size", "distinct"),
    [
        # Products of the options, stage by stage; nothing of `efficientnet` or `small-images` coincides.
        ("efficientnet", 2 * (2 * 2 * 2 * 2) * (3 * 2 * 2 * 3 * 2) ** 5 * (2 * 2 * 2 * 3 * 2), None),
        ("small-images", 3 * 2 * 2 * (2 * 2) * (3 * 2 * 2 * 3 * 2) ** 2 * (4 * 2 * 2 * 3 * 2) ** 3, None),
        ("nas-bench-macro", 3**8, 3969),
        (
            "mnasnet",
            (2 * 2 * 2 * 2 * 2 * 3) * (3 * 3 * 2 * 2 * 3 * 2 * 3) ** 5 * (3 * 2 * 2 * 2 * 3 * 2 * 3),
            86_432_489_453_721_600,
        ),
    ],
)
def test_shipped_spaces_have_their_sizes(name: str, size: int, distinct: int | None) -> None:
    space = load_space(name)
    assert (space.size, space.distinct()) == (size, distinct or size)


@pytest.mark.parametrize("net", ["mobilenetv4-conv-small", "mobilenetv4-conv-medium"])
def test_the_mobilenetv4_space_contains_both_of_its_landmarks(net: str) -> None:
    space, wanted = load_space("mobilenetv4"), load_net(net)
    found = space.assignment_of(wanted)
    assert found is not None
    assert space.net(found) == replace(wanted, name=space.frame.name)


@pytest.mark.parametrize("net", ["efficientnet-b0", "mnasnet-a1", "mnasnet-b1"])
def test_the_efficientnet_space_contains_its_three_landmarks(net: str) -> None:
    space = load_space("efficientnet")
    found = space.assignment_of(load_net(net))
    assert found is not None
    made = space.net(found)
    wanted = load_net(net)
    assert (made.stages, made.stem, made.head, made.style.act) == (
        canonical(wanted).stages,
        wanted.stem,
        wanted.head,
        wanted.style.act,
    )
    assert load_space("mnasnet").assignment_of(wanted) is None


def test_the_efficientnet_space_at_240_pixels_contains_b1() -> None:
    space = load_space("efficientnet")
    assert space.assignment_of(load_net("efficientnet-b1")) is None
    grown = replace(space, frame=replace(space.frame, resolution=240))
    found = grown.assignment_of(load_net("efficientnet-b1"))
    assert found is not None
    assert grown.net(found).stages == load_net("efficientnet-b1").stages
    assert grown.assignment_of(load_net("efficientnet-b0")) is None


def test_a_net_that_differs_in_one_thing_is_not_in_the_space() -> None:
    space, net = load_space("efficientnet"), load_net("efficientnet-b0")
    for other in (
        replace(net, stem=40),
        replace(net, head=1024),
        replace(net, stem_stride=1),
        replace(net, stem_kernel=5),
        replace(net, stem_pool=2),
        replace(net, head=0),
        replace(net, style=replace(net.style, act="relu6")),
        replace(net, style=replace(net.style, se_of="expanded")),
        replace(net, stages=net.stages[:-1]),
        replace(net, stages=(*net.stages, net.stages[-1])),
        replace(net, stages=(*net.stages[:3], replace(net.stages[3], kernel=7), *net.stages[4:])),
    ):
        assert space.assignment_of(other) is None


def test_neighbours_differ_in_one_choice_and_are_all_there() -> None:
    space = load_space("small-images")
    params = random_params(space, random.Random(0))
    neighbours = list(space.neighbours(params))
    assert len(neighbours) == sum(len(choice.options) - 1 for choice in space.choices.values())
    assert all(sum(near[key] != params[key] for key in params) == 1 for near in neighbours)


def test_parameters_that_are_not_options_are_refused() -> None:
    space = load_space("small-images")
    params = random_params(space, random.Random(0))
    with pytest.raises(UserError, match="small-images: stem must be one of \\(16, 24, 32\\), not 17"):
        space.net({**params, "stem": 17})
    with pytest.raises(UserError, match="small-images: stem must be one of"):
        space.net({key: value for key, value in params.items() if key != "stem"})


def test_keys_name_the_stage_and_its_field() -> None:
    keys = list(load_space("small-images").choices)
    assert keys[:6] == ["stem", "head", "act", "1.channels", "1.se", "2.repeats"]
    assert keys[-1] == "6.se"
