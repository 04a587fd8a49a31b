"""Any sampler of Optuna's kind can be named, and then keeps the limits."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas_scale import search
from nas_scale.architecture.files import load_space
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.identity import net_key
from nas_scale.errors import UserError
from nas_scale.metrics.counts import cost
from nas_scale.metrics.limits import Limits
from nas_scale.samplers.registry import propose, sampler

TOY = "tests.support.toy_sampler:Toy"


def depth(net: Architecture) -> float:
    return float(sum(stage.repeats for stage in net.stages))


def test_a_search_by_a_named_sampler_stays_inside_the_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = search(evaluate=depth, space="mnasnet", target_flops=400e6, trials=6, sampler=TOY)
    nets = found.nets
    assert len(nets) == len(set(map(net_key, nets))) == 6
    assert all(360e6 <= cost(net).flops <= 440e6 for net in nets)
    again = search(evaluate=depth, space="mnasnet", target_flops=400e6, trials=6, sampler=TOY)
    assert [net_key(net) for net in again.nets] == [net_key(net) for net in nets], "the seed decides"


def test_without_limits_it_proposes_what_it_draws() -> None:
    import optuna

    space = load_space("mnasnet")
    study = optuna.create_study(direction="maximize", sampler=sampler(TOY, space, Limits(), 3))
    params = propose(study.ask(), space)
    assert all(
        value in (space.choices[key].options[0], space.choices[key].options[-1]) for key, value in params.items()
    )


def test_optunas_own_samplers_can_be_named() -> None:
    import optuna

    space = load_space("mnasnet")
    study = optuna.create_study(
        direction="maximize", sampler=sampler("optuna.samplers:RandomSampler", space, Limits(), 3)
    )
    assert propose(study.ask(), space).keys() == space.choices.keys()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("no_such_package:Toy", "cannot be imported"),
        ("tests.support.toy_sampler:Nothing", "cannot be imported"),
        (":Toy", "cannot be imported"),
        (".:Toy", "cannot be imported"),
        ("failing_here:Toy", "cannot be imported \\(ZeroDivisionError"),
        ("ending_here:Toy", "cannot be imported \\(SystemExit"),
        ("random:Random", "extends optuna.samplers.BaseSampler"),
        ("tests.support.toy_sampler:Demanding", "temperature"),
    ],
)
def test_what_is_no_sampler_is_refused_in_a_line(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "failing_here.py").write_text("1 / 0")
    (tmp_path / "ending_here.py").write_text("raise SystemExit")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=message) as refused:
        search(evaluate=depth, space="mnasnet", trials=1, sampler=name)
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)
