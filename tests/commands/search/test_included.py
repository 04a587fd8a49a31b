"""--include: known nets are the first trials; what does not fit is refused before anything is written."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nas_scale import load_space, search
from nas_scale.architecture.files import format_net, load_net, net_from_document
from nas_scale.architecture.space import canonical
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import RunError, UserError
from nas_scale.runs.results import plain
from nas_scale.runs.store import find_run
from nas_scale.samplers.registry import SAMPLERS
from tests.support.command import SMALL, Command

B0, A1 = load_net("efficientnet-b0"), load_net("mnasnet-a1")


def depth(arch: Architecture) -> float:
    return sum(stage.repeats for stage in arch.stages) / 30


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def tried(run: str) -> list[Architecture]:
    """The nets of a run's trials, in their order."""
    return [net_from_document(trial.user_attrs["net"]) for trial in find_run(Path("results"), run).study.trials]


@pytest.mark.parametrize("sampler", sorted(set(SAMPLERS) - {"gp"}))
def test_known_nets_are_the_first_trials_and_the_sampler_goes_on_after_them(sampler: str) -> None:
    found = search(
        evaluate=depth, include=["mnasnet-a1,efficientnet-b0"], trials=5, sampler=sampler, max_flops=400e6, run="x"
    )
    nets = tried("x")
    assert len(nets) == 5
    assert [net.stages for net in nets[:2]] == [
        load_space("efficientnet").net(load_space("efficientnet").assignment_of(net) or {}).stages for net in (A1, B0)
    ]
    assert len({json.dumps(str(net)) for net in nets}) == 5
    rows = {row["trial"]: row["included"] for row in plain(found)["ranking"]}
    assert rows == {0: "mnasnet-a1", 1: "efficientnet-b0", 2: None, 3: None, 4: None}
    assert "tried first: mnasnet-a1, efficientnet-b0" in plain(found)["header"]


def test_other_libraries_nets_may_be_among_them() -> None:
    search(evaluate=depth, include="timm:semnasnet_100,torchvision:efficientnet_b0", trials=2, run="x")
    assert [net.stages for net in tried("x")] == [canonical(net).stages for net in (A1, B0)]
    with pytest.raises(UserError, match=r"^--include timm:mixnet_s is not one of the nets that can be written"):
        search(evaluate=depth, include="timm:mixnet_s", trials=2, run="y")


def test_screening_does_not_choose_among_them() -> None:
    search(evaluate=depth, include="efficientnet-b0", trials=2, screen="activations", run="x")
    assert tried("x")[0].stages == B0.stages


def test_all_trials_may_be_known_nets_but_no_more_than_those() -> None:
    search(evaluate=depth, include=("efficientnet-b0", "mnasnet-a1"), trials=2, run="x")
    assert len(tried("x")) == 2
    with pytest.raises(UserError, match="--include names 2 nets, and --trials is 1; raise it"):
        search(evaluate=depth, include=("efficientnet-b0", "mnasnet-a1"), trials=1, run="y")


def test_cost_is_counted_at_the_resolution_and_classes_of_the_search() -> None:
    found = search(evaluate=depth, include=replace(B0, resolution=300, classes=7, name="mine"), trials=1, classes=10)
    (row,) = plain(found)["ranking"]
    assert row["included"] == "mine"
    assert (row["net"]["resolution"], row["net"]["classes"]) == (224, 10)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"include": "mobilenetv2"}, "--include mobilenetv2: its activation is relu6, where efficientnet offers swish"),
        (
            {"include": "efficientnet-b0", "max_flops": 350e6},
            "--include efficientnet-b0: it has 386M FLOPs, where at most 350M FLOPs are wanted",
        ),
        (
            {"include": "efficientnet-b0", "target_flops": 300e6, "max_params": 4e6},
            r"it has 386M FLOPs, where 300M FLOPs \(270M-330M\) are wanted and it has 5.29M parameters, where at most",
        ),
        ({"include": "efficientnet-bo"}, "--include there is no net 'efficientnet-bo'; did you mean"),
        ({"include": "nothing:3"}, "--include there is no run 'nothing:3'"),
        ({"include": "efficientnet-b0,efficientnet-b0"}, "are the same net; leave out one of the two"),
        ({"include": 3}, "--include 3 is no net"),
    ],
)
def test_what_cannot_be_tried_is_refused_before_anything_is_written(options: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        search(evaluate=depth, **options)
    assert not Path("results").exists()


def test_a_run_names_its_nets_and_a_resumed_run_is_held_to_the_nets_not_their_names() -> None:
    search(evaluate=depth, trials=3, run="x")
    second = tried("x")
    asked: dict[str, Any] = {"evaluate": depth, "trials": 4, "run": "y"}
    found = search(include=["x:2"], **asked)
    place = next(row for row in find_documents("x") if row["rank"] == 2)["trial"]
    assert tried("y")[0].stages == second[place].stages
    Path("mine.yaml").write_text(format_net(replace(tried("y")[0], name="other")))
    assert search(include=["mine.yaml"], resume=True, **asked).ranking == found.ranking
    Path("mine.yaml").write_text(format_net(B0))
    with pytest.raises(RunError, match=r"exists with other options .*included was"):
        search(include=["mine.yaml"], resume=True, **asked)
    with pytest.raises(RunError, match=r"exists with other options .*included was .* now not set"):
        search(resume=True, **asked)


def find_documents(run: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(Path("results", run, "result.json").read_text())["ranking"]
    return rows


def test_the_command_takes_it_in_commas_and_again_and_again(nas_scale: Command) -> None:
    trained = ("--data", "digits", "--proxy-resolution", "12", "--device", "cpu", "--finalists", "1")
    asked = ("search", *trained, "--include", "efficientnet-b0,mnasnet-a1", "--include", "mnasnet-b1", "--trials", "4")
    answer = nas_scale(*asked)
    assert answer.code == 0, answer.err
    assert "tried first: efficientnet-b0, mnasnet-a1, mnasnet-b1" in answer.out
    assert all(f"  {name} " in answer.out for name in ("efficientnet-b0", "mnasnet-a1", "mnasnet-b1"))
    refused = nas_scale("search", *SMALL, "--include", "efficientnet-b0")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        "nas-scale: --include efficientnet-b0: its activation is swish, where nas-bench-macro has relu\n"
    )


def test_a_family_may_start_from_a_known_net(nas_scale: Command) -> None:
    trained = ("--data", "digits", "--proxy-resolution", "12", "--device", "cpu")
    small = ("--trials", "2", "--finalists", "0", "--count", "7", "--grid-seeds", "1", "--phi", "0,1")
    answer = nas_scale("family", "--target-flops", "386M", *trained, *small, "--include", "efficientnet-b0", "--json")
    assert answer.code == 0, answer.err
    assert "efficientnet-b0" in [row["included"] for row in answer.json["search"]["ranking"]]
