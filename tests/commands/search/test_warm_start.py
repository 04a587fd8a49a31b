"""--warm-start: a search that goes on from what another has trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from nas_scale import search
from nas_scale.architecture.files import net_from_document
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.options import Search
from nas_scale.commands.shared.events import Phase
from nas_scale.errors import RunError, UserError
from nas_scale.metrics.counts import cost
from nas_scale.runs.results import plain
from nas_scale.runs.store import find_run, list_runs
from nas_scale.trials.events import Resumed
from tests.support.command import SMALL, Command


def depth(arch: Architecture) -> float:
    return sum(stage.repeats for stage in arch.stages) / 30


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def later(**options: Any) -> Any:
    """A search of the smallest space."""
    return search(**{"evaluate": depth, "space": "nas-bench-macro", **options})


def first(trials: int = 8, **options: Any) -> Any:
    return later(sampler="random", trials=trials, run="first", **options)


def test_trials_inside_the_limits_are_ranked_and_all_of_them_teach() -> None:
    before = first()
    found = later(warm_start="first", max_flops=45e6, trials=3, run="second")
    study = find_run(Path("results"), "second").study
    assert [trial.user_attrs.get("from") for trial in study.trials] == ["first"] * 8 + [None] * 3
    within = [entry for entry in before.ranking if entry.costs["flops"] <= 45e6]
    assert 0 < len(within) < 8
    rows = plain(found)["ranking"]
    assert [row["flops"] <= 45e6 for row in rows] == [True] * (len(within) + 3)
    taken = [row for row in rows if row["from"] == "first"]
    assert {json.dumps(row["net"]) for row in taken} == {json.dumps(entry.net) for entry in within}
    assert [row["from"] for row in rows if row["trial"] >= 8] == [None] * 3
    (line,) = (line for line in plain(found)["header"] if line.startswith("warm start"))
    assert line.startswith(f"warm start: learns from 8 trials of first; {len(within)} of 8 lie")
    listed = {run.name: run.trials for run in list_runs(Path("results"))}
    assert listed == {"first": 8, "second": 3}


def test_the_reward_is_that_of_the_new_target() -> None:
    first()
    found = later(warm_start=["first"], target_flops=45e6, tolerance=0.8, trials=1, run="second")
    reward_of = Search({"flops": 45e6}).reward_function()
    assert reward_of is not None
    assert any(row["from"] for row in plain(found)["ranking"])
    for row in plain(found)["ranking"]:
        assert row["reward"] == reward_of(row["accuracy"], row["flops"])
    for trial in find_run(Path("results"), "second").study.trials:
        net = net_from_document(trial.user_attrs["net"])
        assert trial.value == reward_of(depth(net), cost(net).flops)


def test_a_known_net_is_not_evaluated_again_and_progress_counts_this_run_alone() -> None:
    known = net_from_document(plain(first(3))["ranking"][0]["net"], "mine")
    called: list[Architecture] = []

    def counted(arch: Architecture) -> float:
        called.append(arch)
        return depth(arch)

    counted.__qualname__ = "depth"
    events: list[Any] = []
    asked: dict[str, Any] = {"warm_start": "first", "include": known, "trials": 3}
    found = later(evaluate=counted, run="second", on_event=events.append, **asked)
    assert len(called) == 2
    (row,) = (row for row in plain(found)["ranking"] if row["included"])
    assert (row["included"], row["from"], row["trial"]) == ("mine", "first", row["trial"])
    assert row["trial"] < 3
    assert [event.total for event in events if isinstance(event, Phase)] == [3]
    assert [event for event in events if isinstance(event, Resumed)] == [Resumed(0, 3, None)]
    assert find_run(Path("results"), "second").record.finished.trials == 3  # type: ignore[union-attr]


def test_a_search_may_learn_from_several_and_from_one_that_learned_itself() -> None:
    first()
    later(warm_start="first", trials=2, run="second")
    found = later(warm_start=["results/second", "first"], trials=1, run="third")
    header = "learns from 10 trials of second and 8 trials of first (10 different nets); 10 of 10 lie"
    assert any(header in line for line in plain(found)["header"])
    assert sorted(str(row["from"]) for row in plain(found)["ranking"]) == ["None", *["first"] * 8, *["second"] * 2]


def test_the_earlier_run_may_go_or_grow() -> None:
    first()
    whole = later(warm_start="first", trials=6, run="whole")
    calls: list[int] = []

    def stopped(arch: Architecture) -> float:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return depth(arch)

    stopped.__qualname__ = "depth"
    with pytest.raises(KeyboardInterrupt):
        later(evaluate=stopped, warm_start="first", trials=6, run="second")
    shutil.rmtree("results/first")
    first(2, seed=1)  # another one of the same name
    for missing in (False, True):
        if missing:
            shutil.rmtree("results/first")
        again = later(evaluate=stopped, warm_start="first", trials=6, resume=True, run="second")
        assert (again.run, again.ranking) == ("second", whole.ranking)
    with pytest.raises(RunError, match="there is no run first in results"):
        later(warm_start="first", trials=6, run="fourth")


def test_what_changed_before_it_was_copied_is_refused() -> None:
    """A kill between the record and the copy leaves a run that knows by a fingerprint what it was to learn from."""
    first()
    later(warm_start="first", trials=2, run="second")
    Path("results/second/known.json").unlink()
    again = later(warm_start="first", trials=2, run="second", resume=True)
    assert again.run == "second"
    Path("results/second/known.json").unlink()
    shutil.rmtree("results/first")
    first(4)
    with pytest.raises(RunError, match="--warm-start first has changed since second was started; start another run"):
        later(warm_start="first", trials=2, run="second", resume=True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"warm_start": "nothing"}, "--warm-start: there is no run nothing in results"),
        ({"warm_start": ["first", "results/first"]}, "--warm-start first is given twice; leave out one of the two"),
        ({"warm_start": 3}, "--warm-start 3 is no run; give its name or folder"),
        ({"warm_start": "first", "space": "mnasnet"}, "--space is nas-bench-macro there and mnasnet here"),
        ({"warm_start": "first", "classes": 100}, "--classes is null there and 100 here"),
        ({"warm_start": "first", "evaluate": len}, "the objective is depth there and len here"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_before_anything_is_written(options: dict[str, Any], said: str) -> None:
    first(2)
    with pytest.raises(UserError, match=said):
        later(**options)
    assert [path.name for path in Path("results").iterdir()] == ["first"]


def test_a_run_without_a_score_is_refused() -> None:
    def broken(arch: Architecture) -> float:
        raise ValueError("always")

    broken.__qualname__ = "depth"
    with pytest.raises(Exception, match="every net failed"):
        later(evaluate=broken, trials=2, run="first")
    with pytest.raises(UserError, match="--warm-start first has no trial that ended with a score"):
        later(warm_start="first", trials=2)


TRAINED = ("search", *SMALL, "--finalists", "1", "--json")


def test_the_command_learns_from_trainings_that_were_alike(nas_scale: Command) -> None:
    assert nas_scale(*TRAINED, "--trials", "6", "--run", "first").code == 0
    free = ("--seeds", "2", "--window", "2", "--threads", "2", "--sampler", "tpe", "--max-flops", "60M")
    answer = nas_scale(*TRAINED, "--trials", "3", "--warm-start", "first", *free)
    assert answer.code == 0, answer.err
    assert "warm start: learns from 6 trials of first" in answer.err
    shown = nas_scale("show", answer.json["run"])
    assert "from first" in shown.out
    for setting, said in {
        ("--epochs", "3"): "--epochs is 8 there and 3 here",
        ("--seed", "1"): "--seed is 0 there and 1 here",
        ("--train-images", "100"): "--train-images is null there and 100 here",
        ("--mixup", "0.2"): "--mixup is 0.0 there and 0.2 here",
        ("--data", "scenes"): "--data is digits there and scenes here",
        ("--proxy-width", "0.5"): "--proxy-width is 0.25 there and 0.5 here",
    }.items():
        refused = nas_scale(*TRAINED, "--trials", "3", "--warm-start", "first", *setting)
        assert refused.code == 2
        assert refused.out == ""
        assert "nas-scale: --warm-start first cannot be compared with: " in refused.err
        assert said in refused.err


def test_a_family_is_a_search_to_learn_from_and_can_learn_itself(nas_scale: Command) -> None:
    small = ("--target-flops", "60M", "--tolerance", "0.5", *SMALL, "--trials", "3", "--finalists", "0")
    asked = ("family", *small, "--count", "7", "--grid-seeds", "1", "--phi", "0,1", "--json")
    assert nas_scale(*asked).code == 0
    again = nas_scale(*asked, "--warm-start", "family-001")
    assert again.code == 0, again.err
    assert {row["from"] for row in again.json["search"]["ranking"]} == {"family-001", None}
    resumed = nas_scale(*asked, "--warm-start", "family-001", "--run", "family-002", "--resume")
    assert resumed.json == again.json
    grid = nas_scale(*TRAINED, "--trials", "3", "--warm-start", "family-001/grid")
    assert "--warm-start family-001/grid is a grid; name a search" in grid.err


def test_event_files_are_of_this_runs_trials(nas_scale: Command) -> None:
    assert nas_scale(*TRAINED, "--trials", "4", "--run", "first").code == 0
    asked = (*TRAINED, "--trials", "2", "--warm-start", "first", "--run", "second", "--log", "tensorboard")
    for more in ((), ("--resume",)):
        answer = nas_scale(*asked, *more)
        assert answer.code == 0, answer.err
        folders = {path.name for path in Path("results/second/tensorboard").iterdir()}
        assert folders == {"best", "trial-004", "trial-005"}


@pytest.mark.parametrize("sampler", ["nsga2", "random"])
def test_a_search_of_several_objectives_learns_from_one_of_a_single_one_and_ends_in_time(
    sampler: str,
) -> None:
    first(22)
    found = later(warm_start="first", objective="accuracy,flops", sampler=sampler, trials=3, minutes=60, run="second")
    study = find_run(Path("results"), "second").study
    assert len(study.trials) == 25
    for trial in study.trials:
        net = net_from_document(trial.user_attrs["net"])
        assert trial.values == [depth(net), cost(net).flops]
    assert plain(found)["front"]
    assert plain(found)["trials"] == 3
    again = later(warm_start="second", trials=2, run="third")
    assert {row["from"] for row in plain(again)["ranking"]} == {"first", "second", None}


def test_a_run_with_keys_of_an_older_version_is_refused() -> None:
    first()
    record = Path("results/first/run.json")
    record.write_text(json.dumps(json.loads(record.read_text()) | {"format": 1, "versions": {"nas-scale": "0.0.9"}}))
    with pytest.raises(UserError, match=r"written by nas-scale 0\.0\.9 .* not be learnt from"):
        later(warm_start="first", trials=1)


def test_a_search_that_chose_by_all_images_is_neither_gone_on_with_nor_learnt_from(nas_scale: Command) -> None:
    assert nas_scale(*TRAINED, "--trials", "2", "--run", "first").code == 0
    record = Path("results/first/run.json")
    content = json.loads(record.read_text())
    assert content["spec"].pop("choosing_images") == "half"
    record.write_text(json.dumps(content | {"finished": None}))
    refused = nas_scale(*TRAINED, "--trials", "2", "--run", "first", "--resume")
    assert refused.code == 2
    assert "choosing_images was not set, now half" in refused.err
    refused = nas_scale(*TRAINED, "--trials", "2", "--warm-start", "first")
    assert "the part of the validation images that chooses is all there and half here" in refused.err
    assert nas_scale("show", "first").code == 0
