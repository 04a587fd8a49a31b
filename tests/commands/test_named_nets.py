"""Networks in the Python API, by any of their names, and what is said where there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nas_scale
from nas_scale.architecture.files import load_net as load_known
from nas_scale.architecture.files import save_net
from nas_scale.architecture.notation import parse_stage
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError

TINY = Architecture((parse_stage("ds_s2_c8"),), stem=8, head=8, resolution=16, classes=5, name="tiny")


def test_every_kind_of_name_is_built(tmp_path: Path) -> None:
    save_net(TINY, tmp_path / "tiny.yaml")
    for named in (TINY, str(tmp_path / "tiny.yaml"), tmp_path / "tiny.yaml"):
        assert nas_scale.load_net(named) == TINY
        assert nas_scale.build(named)(torch.zeros(2, 3, 16, 16)).shape == (2, 5)
    assert nas_scale.load_net("efficientnet-b0") == load_known("efficientnet-b0")


def test_other_libraries_nets_are_built_where_the_notation_has_them() -> None:
    net = nas_scale.load_net("torchvision:mnasnet0_5", classes=7)
    assert (net.name, net.resolution, net.classes) == ("torchvision:mnasnet0_5", 224, 7)
    assert nas_scale.build("torchvision:mnasnet0_5", classes=7)(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


def test_classes_and_channels_are_those_asked_for() -> None:
    with torch.device("meta"):
        net = nas_scale.build("efficientnet-b0", classes=10, in_channels=1)
        assert net(torch.empty(2, 1, 64, 64)).shape == (2, 10)
    assert nas_scale.load_net("efficientnet-b0", classes=10) == replace(load_known("efficientnet-b0"), classes=10)
    assert nas_scale.build(TINY, classes=np.int64(7), in_channels=np.uint8(4))(torch.zeros(1, 4, 8, 8)).shape == (1, 7)
    assert nas_scale.build(TINY, classes=1)(torch.zeros(1, 3, 8, 8)).shape == (1, 1)


def test_other_channels_change_the_stem_s_weights_alone() -> None:
    three, one = (nas_scale.build(TINY, in_channels=channels) for channels in (3, 1))
    sizes = [{name: weight.numel() for name, weight in net.named_parameters()} for net in (three, one)]
    assert {name for name in sizes[0] if sizes[0][name] != sizes[1][name]} == {"stem.0.weight"}
    assert sizes[0]["stem.0.weight"] == 3 * sizes[1]["stem.0.weight"]


def test_weights_are_drawn_as_torch_s_users_expect() -> None:
    torch.manual_seed(5)
    first = nas_scale.build(TINY).classifier.weight
    assert not torch.equal(first, nas_scale.build(TINY).classifier.weight)
    torch.manual_seed(5)
    assert torch.equal(first, nas_scale.build(TINY).classifier.weight)
    state = torch.get_rng_state()
    seeded = nas_scale.build(TINY, np.int64(3)).classifier.weight
    assert torch.equal(seeded, nas_scale.build(TINY, seed=3).classifier.weight)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    ("net", "said"),
    [
        ("nonsense", "there is no net 'nonsense'"),
        ("efficientnet-b9", "did you mean efficientnet-b"),
        ("", "there is no net ''"),
        ("no\0name", "there is no net"),
        ("missing.yaml", "cannot read missing.yaml"),
        (Path("missing"), "there is no net 'missing'"),
        ("results/x:3", "there is no run 'results/x:3'"),
        ("mnasnet", "'mnasnet' is a space with choices left open"),
        (
            "timm:ghostnet_050",
            "timm:ghostnet_050 is not one of the nets that can be written in this notation: its class",
        ),
        ("torchvision:mnasnet9", "torchvision has no net 'mnasnet9'; did you mean mnasnet"),
        (5, "5 is no net; it must be a known net's name, a YAML file's path, a run"),
        (None, "None is no net"),
        (True, "True is no net"),
        (b"efficientnet-b0", "is no net"),
        (["efficientnet-b0"], "a value of type list is no net"),
        (torch.nn.Linear(1, 1), "a value of type Linear is no net"),
        (Architecture, "a value of type type is no net"),
        (replace(TINY, classes=0), "classes is 0; it must be a whole number in 1 to 1000000"),
    ],
    ids=str,
)
def test_what_is_no_net_is_said_in_a_line(net: Any, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for call in (nas_scale.build, nas_scale.load_net):
        with pytest.raises(UserError) as caught:
            call(net)
        assert said in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_space_with_open_choices_is_no_net() -> None:
    with pytest.raises(UserError, match="mnasnet is a space with choices left open, not a net"):
        nas_scale.build(nas_scale.load_space("mnasnet"))  # type: ignore[arg-type]


WRONG = [-1, True, np.bool_(True), 2.0, 2.5, float("nan"), "3", [3], pytest.param(10**5000, id="long")]


@pytest.mark.parametrize("value", WRONG)
@pytest.mark.parametrize("name", ["classes", "in_channels", "seed"])
def test_numbers_that_cannot_be_are_said_in_a_line(name: str, value: Any) -> None:
    with pytest.raises(UserError, match=rf"^{name} is .{{1,60}}; it must be a whole number in \d+ to \d+$"):
        nas_scale.build(TINY, **{name: value})


@pytest.mark.parametrize("value", [0, None])
def test_an_image_has_channels(value: Any) -> None:
    with pytest.raises(UserError, match=f"in_channels is {value}"):
        nas_scale.build(TINY, in_channels=value)
