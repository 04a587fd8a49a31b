"""search() as people call it from Python: with their own objective, or with trainings."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nas_scale import load_space, search
from nas_scale.architecture.files import net_from_document
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.options import Search
from nas_scale.commands.shared.events import Note, Phase, RunOpened
from nas_scale.errors import RunError, RunFailed, UserError
from nas_scale.metrics.counts import cost
from nas_scale.runs.results import plain
from nas_scale.runs.store import find_run
from nas_scale.trials.events import TrialDone, TrialFailed
from tests.support.command import Command
from tests.support.tiny_data import write_classes


def depth(arch: Architecture) -> float:
    """An objective: deeper is better."""
    return sum(stage.repeats for stage in arch.stages) / 30


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("sampler", ["random", "evolution", "tpe"])
def test_no_net_breaks_a_limit(sampler: str) -> None:
    found = search(
        evaluate=depth,
        target_flops=400e6,
        tolerance=0.05,
        max_params=4.5e6,
        max_activations=7e6,
        trials=25,
        sampler=sampler,
    )
    assert len(found.ranking) >= 20  # equal nets share a row
    for net in found.nets:
        spent = cost(net)
        assert 380e6 <= spent.flops <= 420e6
        assert spent.parameters <= 4.5e6
        assert spent.activations <= 7e6


def test_a_tight_budget_still_searches() -> None:
    """Nets that cost at most 5% more than the cheapest, with a second limit on top: a tiny part of the space."""
    found = search(evaluate=depth, max_flops=120e6, max_params=2.6e6, trials=6)
    assert len(found.nets) >= 4
    assert all(cost(net).flops <= 120e6 and cost(net).parameters <= 2.6e6 for net in found.nets)


def test_plain_objects_come_back_the_best_first() -> None:
    events: list[Any] = []
    found = search(evaluate=depth, max_flops=400e6, trials=6, on_event=events.append)
    values = [entry.accuracy for entry in found.ranking]
    assert values == sorted((depth(net) for net in found.nets), reverse=True)
    assert isinstance(found.best, Architecture)
    assert (found.run, found.folder) == ("search-001", "results/search-001")
    kinds = [type(event) for event in events]
    assert kinds[0] is RunOpened
    assert kinds.count(TrialDone) == 6
    assert [event.total for event in events if isinstance(event, Phase)] == [6]
    assert "objective: your own evaluate(architecture)" in [event.text for event in events if isinstance(event, Note)]


def test_an_objective_is_called_once_a_net_and_seed(tmp_path: Path) -> None:
    called: list[Architecture] = []

    def counted(arch: Architecture) -> float:
        called.append(arch)
        return depth(arch)

    search(evaluate=counted, trials=5, sampler="random")
    assert len(called) == 5
    called.clear()
    search(evaluate=counted, trials=5, sampler="random", seeds=2, finalists=2, final_seeds=3)
    assert len(called) == 5 * 2 + 2 * 1 + 3, "trials, finalists, the winner"


def test_failing_objectives_are_rows_with_their_reason_and_the_search_goes_on() -> None:
    answers: Any = iter([0.5, ValueError("no such\nthing"), math.nan, MemoryError(), -math.inf, 0.7])

    def moody(arch: Architecture) -> float:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return float(answer)

    events: list[Any] = []
    found = search(evaluate=moody, trials=6, sampler="random", on_event=events.append)
    rows = found.ranking
    assert [row.accuracy for row in rows[:2]] == [0.7, 0.5]
    assert [row.rank for row in rows[2:]] == [None] * 4
    reasons = [row.reason for row in rows[2:]]
    assert reasons == ["ValueError: no such", "its accuracy is nan", "MemoryError", "its accuracy is -inf"]
    assert [event.reason for event in events if isinstance(event, TrialFailed)] == reasons


def test_where_every_net_fails_the_run_says_so() -> None:
    def broken(arch: Architecture) -> float:
        raise ValueError("always")

    with pytest.raises(RunFailed, match="every net failed, the first with: ValueError: always"):
        search(evaluate=broken, trials=3)


def test_ctrl_c_and_a_second_call_that_goes_on() -> None:
    whole = search(evaluate=depth, trials=6, results="whole")
    calls: list[int] = []

    def stopped(arch: Architecture) -> float:
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return depth(arch)

    stopped.__qualname__ = depth.__qualname__  # the objective's name is part of what was asked
    with pytest.raises(KeyboardInterrupt):
        search(evaluate=stopped, trials=6)
    calls[:] = [1] * 4
    resumed = search(evaluate=stopped, trials=6, resume=True)
    assert resumed.run == "search-001"
    assert len(calls) == 4 + 3
    assert resumed.ranking == whole.ranking


def test_one_run_is_not_another(tmp_path: Path) -> None:
    search(evaluate=depth, trials=2, run="x")
    with pytest.raises(RunError, match="add --resume to go on"):
        search(evaluate=depth, trials=2, run="x")
    with pytest.raises(RunError, match=r"search\.final_seeds was 2, now 3"):
        search(evaluate=depth, trials=2, final_seeds=3, run="x", resume=True)
    with pytest.raises(RunError, match="objective was depth, now len"):
        search(evaluate=len, trials=2, run="x", resume=True)  # type: ignore[arg-type]


def test_a_space_of_ones_own_and_its_fingerprint(tmp_path: Path) -> None:
    text = "stages: |\n  ds_r1_k3_s1_c16\n  ir_r{1,2}_k{3,5}_s2_e3_c24\n"
    (tmp_path / "mine.yaml").write_text(text)
    found = search(evaluate=depth, space="mine.yaml", trials=4, run="x")
    assert search(evaluate=depth, space=load_space("mine.yaml"), trials=4).ranking == found.ranking
    (tmp_path / "mine.yaml").write_text(text.replace("c24", "c32"))
    with pytest.raises(RunError, match="space_fingerprint was"):
        search(evaluate=depth, space="mine.yaml", trials=4, run="x", resume=True)


def test_options_that_are_not_known_or_of_the_wrong_type(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no option 'trails'; did you mean trials"):
        search(evaluate=depth, trails=3)
    with pytest.raises(UserError, match="--trials 'three' is not a whole number; write it like 8"):
        search(evaluate=depth, trials="three")
    (tmp_path / "open.yaml").write_text("resolution: {192,224}\nstages: |\n  ir_r2_k{3,5}_s2_e3_c24\n")
    wanted = Search(space="open.yaml", resolution=64)
    with pytest.raises(UserError, match="leave out --resolution"):
        wanted.opened()


@pytest.mark.parametrize("reward", ["soft", "hard", "abs"])
def test_the_reward_is_what_ranks(reward: str) -> None:
    found = search(evaluate=depth, target_flops=400e6, tolerance=0.3, reward=reward, trials=8)
    reward_of = Search({"flops": 400e6}, reward=reward).reward_function()  # type: ignore[arg-type]
    assert reward_of is not None
    for entry in found.ranking:
        assert entry.accuracy is not None
        assert entry.reward == reward_of(entry.accuracy, entry.costs["flops"])
    rewards = [entry.reward for entry in found.ranking]
    assert rewards == sorted(rewards, reverse=True)  # type: ignore[type-var]


def test_cost_is_counted_at_the_target_and_training_is_not(nas_scale: Command) -> None:
    found = search(
        resolution=192, classes=10, target_flops=300e6, trials=2, data="digits", proxy_resolution=12, device="cpu"
    )
    for row in plain(found)["ranking"]:
        assert row["net"]["resolution"] == 192
        assert row["net"]["classes"] == 10
        assert row["flops"] == cost(net_from_document(row["net"])).flops
    assert "12 px instead of 192" in plain(found)["header"][1]


def test_diverging_nets_are_rows_and_all_of_them_end_the_run(
    nas_scale: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = (
        "search",
        "--max-flops",
        "400M",
        "--data",
        "digits",
        "--proxy-resolution",
        "12",
        "--trials",
        "8",
        "--device",
        "cpu",
    )
    monkeypatch.setenv("FAKE_FAILING", "128")
    answer = nas_scale(*asked)
    assert answer.code == 0
    assert "RunFailed: diverged: the loss was no longer finite after epoch 1" in answer.out
    assert "failed: RunFailed: diverged" in answer.err
    monkeypatch.setenv("FAKE_FAILING", "256")
    answer = nas_scale(*asked)
    assert answer.code == 1
    assert "every net failed, the first with: RunFailed: diverged" in answer.err.splitlines()[-1]


def test_what_the_proxy_gave_up_is_stored_with_every_trial(nas_scale: Command) -> None:
    found = search(max_flops=400e6, data="digits", proxy_resolution=12, trials=3, finalists=0, epochs=2, device="cpu")
    assert any(line.startswith("images: 8x8 scans of digits, a smoke test") for line in plain(found)["header"])
    trials = find_run(Path("results"), found.run).study.trials
    for trial in trials:
        proxy = trial.user_attrs["proxy"]
        assert {name: proxy[name] for name in ("resolution", "total_stride", "width", "epochs")} == {
            "resolution": 12,
            "total_stride": 4,
            "width": 0.25,
            "epochs": 2,
        }
        assert 0 < proxy["flops"] < trial.user_attrs["flops"] / 100
    assert len(trials) == 3


def test_an_image_that_cannot_be_decoded_is_an_error_of_the_input(nas_scale: Command, tmp_path: Path) -> None:
    photos = write_classes(tmp_path / "photos")
    broken = photos / "rose" / "007.jpg"
    broken.write_bytes(broken.read_bytes()[:300])
    answer = nas_scale("search", "--max-flops", "400M", "--data", "photos", "--trials", "2", "--device", "cpu")
    assert answer.code == 2
    assert "photos/rose/007.jpg cannot be read as an image" in answer.err.splitlines()[-1]
    assert list((tmp_path / "results").iterdir()) == []


def test_finalists_are_ranked_on_fresh_seeds_and_the_winner_is_credited_with_others(nas_scale: Command) -> None:
    found = search(
        max_flops=400e6, data="digits", proxy_resolution=12, trials=5, finalists=4, final_seeds=3, device="cpu"
    )
    rounds = [entry.round for entry in found.ranking]
    assert rounds == ["credit", "final", "final", "final", "search"]
    first, second, *others = found.ranking
    assert [len(row.final) for row in found.ranking] == [2, 2, 1, 1, 0], "halved"
    assert (first.seeds, len(first.credit), len(first.final), len(first.search)) == (3, 3, 2, 1)
    assert first.accuracy == pytest.approx(sum(first.credit) / 3)
    assert first.credit[:2] != first.final, "from other seeds"
    assert (second.seeds, second.credit) == (2, ())
    assert second.accuracy == pytest.approx(sum(second.final) / 2)
    values = [sum((*row.search, *row.final)) for row in (first, second)]
    assert values[0] >= values[1], "ranked by the seeds that chose, whatever the others say"
    least = min(row.search[0] + row.final[0] for row in (first, second))
    assert all(row.search[0] + row.final[0] <= least for row in others[:2]), "the better half went on"


PRUNED: Any = {
    "space": "nas-bench-macro",
    "data": "digits",
    "proxy_resolution": 12,
    "device": "cpu",
    "trials": 24,
    "epochs": 9,
    "seeds": 2,
    "finalists": 2,
}


@pytest.mark.parametrize(("sampler", "kind"), [("random", "halving"), ("tpe", "hyperband"), ("evolution", "halving")])
def test_stopped_nets_are_listed_after_the_others_and_are_no_finalists(
    nas_scale: Command, sampler: str, kind: str
) -> None:
    found = search(**PRUNED, pruner=kind, sampler=sampler, workers=1)
    states = [entry.state for entry in found.ranking]
    assert states == sorted(states, key=["complete", "pruned"].index)
    assert set(states) == {"complete", "pruned"}
    assert len(found.nets) == states.count("complete")
    for entry in found.ranking:
        assert entry.epochs in ((9,) if entry.state == "complete" else (1, 3))
        assert len(entry.search) == entry.seeds == 2 or entry.round != "search"
        if entry.state == "pruned":
            assert (entry.rank, entry.place, entry.stderr, entry.final) == (None, None, None, ())
            assert entry.accuracy == pytest.approx(sum(entry.search) / 2)
    assert [entry.round for entry in found.ranking[:3]] == ["credit", "final", "search"]
    assert plain(found)["pruner"] == {"kind": kind, "reduction": 3}
    more = search(**PRUNED, pruner=kind, sampler=sampler, workers=3, results="three")
    assert more.ranking == found.ranking


@pytest.mark.parametrize(
    "asked", [("search", "--trials", "3", "--finalists", "1"), ("grid", "--count", "8"), ("certify", "--nets", "8")]
)
def test_event_files_are_written_where_they_are_asked_for(nas_scale: Command, asked: tuple[str, ...]) -> None:
    command, *rest = asked
    net = ("--baseline", "mobilenetv2") if command == "grid" else ("--space", "nas-bench-macro")
    small = ("--data", "digits", "--proxy-resolution", "12", "--device", "cpu", "--json")
    plain = nas_scale(command, *net, *rest, *small)
    assert plain.code == 0, plain.err
    folder = Path(plain.json["folder"]) / "tensorboard"
    assert not folder.exists()
    again = nas_scale(command, *net, *rest, *small, "--run", plain.json["run"], "--resume", "--log", "tensorboard")
    assert again.json == plain.json
    trained = {place.name for place in folder.iterdir()}
    logged = nas_scale(command, *net, *rest, *small, "--log", "tensorboard")
    assert logged.code == 0, logged.err
    assert {place.name for place in (Path(logged.json["folder"]) / "tensorboard").iterdir()} == trained
    assert {"best", "trial-000", "trial-002"} <= trained


def test_event_files_of_a_finished_family_are_those_of_its_search_and_its_grid(nas_scale: Command) -> None:
    asked = ("family", "--space", "nas-bench-macro", "--target-flops", "60M", "--tolerance", "0.5", "--trials", "3")
    small = ("--count", "7", "--data", "digits", "--proxy-resolution", "12", "--device", "cpu", "--json")
    plain = nas_scale(*asked, *small)
    assert plain.code == 0, plain.err
    again = nas_scale(*asked, *small, "--run", plain.json["run"], "--resume", "--log", "tensorboard")
    assert again.json == plain.json
    for part in ("search", "grid"):
        written = {path.name for path in Path(plain.json["folder"], part, "tensorboard").iterdir()}
        assert {"best", "trial-000", "trial-002"} <= written


def test_a_pruner_needs_trainings_that_can_be_stopped() -> None:
    with pytest.raises(UserError, match="--pruner stops trainings, of which evaluate has none"):
        search(evaluate=depth, trials=2, pruner="halving")
    assert plain(search(evaluate=depth, trials=2, epochs=1))["pruner"] is None


SCRIPT = """
from nas_scale import search
found = search(max_flops=400e6, data="digits", epochs=1, train_images=200, val_images=100, proxy_resolution=12,
               trials=2, finalists=0, workers=1, device="cpu")
import json, sys
print(json.dumps([row.accuracy for row in found.ranking]))
"""


@pytest.mark.core
@pytest.mark.parametrize("how", ["a script without a main guard", "standard input, as from a notebook"])
def test_real_trainings_from_a_plain_script(tmp_path: Path, how: str) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    program = [sys.executable, "script.py"] if how.startswith("a script") else [sys.executable, "-"]
    done = subprocess.run(program, input=SCRIPT, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)) == 2


def test_a_learning_rate_too_high_diverges_for_real(tmp_path: Path) -> None:
    code = SCRIPT.replace("epochs=1,", "epochs=6, learning_rate=900.0, recipe='fast',")
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    assert "RunFailed: every net failed, the first with: RunFailed: diverged" in done.stderr
