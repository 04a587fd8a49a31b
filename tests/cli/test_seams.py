"""A command is one dataclass, one function and one line; an option is one field, from which all else follows."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nas_scale.cli.main import COMMANDS, run
from nas_scale.commands.family.run import family
from nas_scale.commands.search.options import Search
from nas_scale.commands.search.prepare import prepare
from nas_scale.commands.shared.options import check, keywords, specification, take
from nas_scale.errors import UserError
from nas_scale.metrics.metric import MEMORY, registered
from tests.support.command import finished
from tests.support.toy_command import Bake, baked

WITH_TOY = (*COMMANDS, "tests.support.toy_command")
DEFAULTS = {"town": "zug", "pieces": None, "crumbs": 1000, "box": None, "heat": 0.5, "crust": "thin", "sugar": None}


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    code = run(arguments, WITH_TOY)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def text(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    return " ".join(said(capsys, *arguments)[1].replace("│", " ").split())


def test_a_command_on_the_list_is_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert "bake Bake a cake." in text(capsys, "--help")
    assert said(capsys, "bake", "zug") == (0, "", "baked for zug\n")
    assert "Did you mean 'bake'?" in said(capsys, "bakk")[2]


def test_its_help_says_what_its_fields_say(capsys: pytest.CaptureFixture[str]) -> None:
    shown = text(capsys, "bake", "--help")
    for words in (
        "Example: nas-scale bake zurich --pieces 3",
        "Where it is eaten.",
        "─ Dough ─",
        "--pieces N Pieces of it (default: as many as fit).",
        "--crumbs N Crumbs (default: 1000). A crumb is small.",
        "thin or thick (default: thin).",
        "--sugar --no-sugar",
        "Do not wait.",
        "--results FOLDER Folder of all runs (default: results).",
        "--json",
    ):
        assert words in shown, words


def test_its_options_are_read_as_their_types(capsys: pytest.CaptureFixture[str]) -> None:
    given = (
        "zug --pieces 3 --crumbs 10K --box 64MB --heat 1 --crust thick --no-sugar --tins a --tins b --quick --results x"
    )
    found = json.loads(said(capsys, "bake", *given.split(), "--json")[1])
    assert found == {
        **DEFAULTS,
        "pieces": 3,
        "crumbs": 10_000,
        "box": 64_000_000,
        "heat": 1.0,
        "crust": "thick",
        "sugar": False,
        "tins": ["a", "b"],
        "results": "x",
    }


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("", "Missing argument 'TOWN'"),
        ("zug --pieces 13", "--pieces 13 must lie in 1 to 12"),
        ("zug --pieces many", "--pieces 'many' is not a whole number"),
        ("zug --crumbs 10Q", "--crumbs '10Q' is not a count"),
        ("zug --heat 2", "--heat 2 must lie in 0 to 1"),
        ("zug --heat nan", "--heat 'nan' is not a number"),
        ("zug --crust burnt", "--crust 'burnt' is not known; choose thin or thick"),
        ("zug --peices 3", "--pieces"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(capsys: pytest.CaptureFixture[str], given: str, message: str) -> None:
    code, out, err = said(capsys, "bake", *given.split())
    assert (code, out) == (2, "")
    assert err.startswith("nas-scale: ")
    assert err.count("\n") == 1
    assert message in err


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pieces": 13}, "--pieces 13 must lie in 1 to 12"),
        ({"pieces": 2.5}, "--pieces 2.5 must be a whole number"),
        ({"pieces": "three"}, "--pieces 'three' is not a whole number"),
        ({"pieces": True}, "--pieces True must be a whole number"),
        ({"pieces": np.True_}, "--pieces np.True_ must be a whole number"),
        ({"pieces": 10**400}, "--pieces with over 308 digits must lie in 1 to 12"),
        ({"heat": "warm"}, "--heat 'warm' is not a number"),
        ({"crust": "burnt"}, "--crust 'burnt' is not known; choose thin or thick"),
        ({"sugar": "yes"}, "--sugar 'yes' must be True or False"),
        ({"peices": 3}, "there is no option 'peices'; did you mean pieces?"),
    ],
)
def test_so_are_keywords_in_python(given: dict[str, object], message: str) -> None:
    with pytest.raises(UserError) as refused:
        baked(town="zug", **given)
    assert message in str(refused.value)


def test_a_keyword_that_is_none_was_not_given() -> None:
    assert baked(town="zug", crumbs=None, heat=None, crust=None, tins=None, quick=None) == {**DEFAULTS, "tins": ()}
    with pytest.raises(UserError, match="--crumbs None must be a whole number"):
        check(replace(Bake("zug"), crumbs=None))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="--pruner None is not known; choose none, halving or hyperband"):
        check(Search(pruner=None))  # type: ignore[arg-type]


def test_a_whole_float_is_a_whole_number() -> None:
    found = baked(town="zug", crumbs=1e4, pieces=2.0)
    assert (found["crumbs"], found["pieces"]) == (10_000, 2)
    assert {type(found["crumbs"]), type(found["pieces"])} == {int}


def test_texts_and_numbers_of_numpy_mean_in_python_what_they_mean_on_the_command_line() -> None:
    found = baked(town="zug", crumbs="10K", pieces=np.int64(3), heat=np.float32(0.5), box="64MB")
    assert [found[name] for name in ("crumbs", "pieces", "heat", "box")] == [10_000, 3, 0.5, 64_000_000]
    assert [type(found[name]) for name in ("pieces", "heat")] == [int, float]


def test_what_a_command_was_asked_can_be_asked_of_another() -> None:
    asked = Search(targeted={"flops": 4e8}, most={"params": 6e6}, trials=3)
    assert take(keywords(asked), Search) == asked


@pytest.mark.parametrize(
    "given", [{"pruner": None, "reward": None, "sampler": None, "objective": None}, {"log": None, "device": None}]
)
def test_so_it_is_for_a_search(given: dict[str, None], tmp_path: Path) -> None:
    usual, found = (prepare({"target_flops": 4e8, "results": tmp_path, **each}) for each in ({}, given))
    assert (found.wanted, found.settings) == (usual.wanted, usual.settings)


def test_a_family_takes_no_storage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UserError, match="there is no option 'storage'"):
        family(target_flops=4e8, storage="sqlite:///x.db")
    assert "--storage" in said(capsys, "family", "--target-flops", "400M", "--storage", "sqlite:///x.db")[2]


def test_a_specification_holds_what_decides_the_result() -> None:
    assert baked(town="zug", quick=True) == {**DEFAULTS, "tins": ()}
    assert take({"town": "zug", "epochs": 3}, Bake) == Bake("zug")
    check(Bake("zug", pieces=12))


def test_a_registered_metric_has_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    weight = replace(MEMORY, name="weight", label="bytes of weights", about="", of=lambda counts: 4 * counts.parameters)
    assert "--max-weight" not in text(capsys, "search", "--help")
    with registered(weight):
        shown = text(capsys, "search", "--help")
        assert "--target-weight N Bytes of weights to aim at" in shown
        assert "--max-weight N Upper limit of bytes of weights" in shown
        assert (
            "none, activation_memory, activations, flops, memory, params, size, train_memory, weight, naswot or "
            "synflow: of a pool" in shown
        )
        assert (
            "is of flops, params, activations, memory, activation_memory, size, train_memory, weight and "
            "latency@DEVICE; ends" in shown
        )
        asked = take({"target_weight": 5e6, "max_weight": 6e6, "max_flops": None}, Search)
        assert asked == Search(targeted={"weight": 5e6}, most={"weight": 6e6})
        assert {"target_weight": 5e6, "max_weight": 6e6}.items() <= specification(asked).items()
        assert "--max-weight '1X' is not an amount" in said(capsys, "search", "--max-weight", "1X")[2]
    assert "--max-weight" in said(capsys, "search", "--max-weight", "1MB")[2]


def test_one_target_is_aimed_at(capsys: pytest.CaptureFixture[str]) -> None:
    message = "--target-flops and --target-params cannot go together; leave out one of the two"
    given = ("--target-flops", "400M", "--target-params", "5M")
    assert message in said(capsys, "search", *given)[2]
    assert message in said(capsys, "family", *given)[2]


def completed(words: str, cwd: Path) -> list[str]:
    """What bash is offered for the last of these words."""
    code = (
        f"import sys; from nas_scale.cli.main import run; run([], {WITH_TOY!r}); "
        "sys.exit(' '.join(name for name in ('torch', 'optuna') if name in sys.modules) or 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env=environment(words),
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def environment(words: str) -> dict[str, str]:
    root = str(Path(__file__).parents[2])
    place = str(len(words.split(" ")) - 1)
    return {"PYTHONPATH": root, "_NAS_SCALE_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": place}


def test_names_are_completed(tmp_path: Path) -> None:
    (tmp_path / "results/search-007").mkdir(parents=True)
    (tmp_path / "results/search-007/run.json").write_text("{}")
    assert completed("nas-scale bake z", tmp_path) == ["zurich", "zug"]
    assert completed("nas-scale bake --crust thi", tmp_path) == ["thin", "thick"]
    assert "--pieces" in completed("nas-scale bake --pi", tmp_path)
    assert "search" in completed("nas-scale se", tmp_path)
    assert completed("nas-scale search --space mn", tmp_path) == ["mnasnet"]
    assert completed("nas-scale search --sampler ns", tmp_path) == ["nsga2"]
    assert completed("nas-scale search --data dig", tmp_path) == ["digits"]
    assert completed("nas-scale show sea", tmp_path) == ["search-007"]
    assert completed("nas-scale profile efficientnet-b0 mobilenetv2", tmp_path) == ["mobilenetv2"]
    assert completed("nas-scale grid --baseline sea", tmp_path) == ["search-007"]
    (tmp_path / "results/devices").mkdir()
    (tmp_path / "results/devices/mycpu.json").touch()
    assert completed("nas-scale latency bu", tmp_path) == ["build"]
    assert completed("nas-scale latency show my", tmp_path) == ["mycpu"]
    assert completed("nas-scale grid --scale-by latency@", tmp_path) == ["latency@mycpu"]


def test_the_script_of_a_shell_is_shown(tmp_path: Path) -> None:
    answer = finished(
        "--show-completion", "bash", cwd=tmp_path, fake=False, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1"
    )
    assert (answer.code, answer.err) == (0, "")
    assert "_NAS_SCALE_COMPLETE=complete_bash" in answer.out
