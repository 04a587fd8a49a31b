"""A run that is damaged in any place is one line that names its file, and never hides the runs beside it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.command import SMALL, Answer, Command, finished
from tests.support.damage import damaged, every_damage, shortened

REFERENCE: Final = Path(__file__).parents[2] / "results/reference"
STORED: Final = {
    "search": "search-001",
    "grid": "grid-001",
    "expand": "expand-001",
    "certify": "certify-photos-64",
    "compare": "flowers-compare",
}
# What reads a run of each kind.
READERS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "search": (("show", "x"), ("show", "x", "--pareto"), ("show", "x", "--json"), ("profile", "x:2", "--json")),
    "grid": (("show", "x"), ("expand", "--coefficients", "x", "--phi", "0,1", "--rule", "paper", "--run", "grown")),
    "expand": (("show", "x"), ("show", "x", "--csv")),
    "certify": (("show", "x"), ("show", "x", "--json")),
    "compare": (("show", "x"), ("show", "x", "--json"), ("profile", "x:2", "--json")),
}
SOME: Final = 401  # of the thousands of damages, spread over all places


def two_runs(folder: Path, kind: str) -> Path:
    """The runs `whole` and `x` of a kind; the folder of the second."""
    for name in ("whole", "x"):
        (folder / "results" / name).mkdir(parents=True)
        for file in ("run.json", "result.json"):
            shutil.copy(REFERENCE / STORED[kind] / file, folder / "results" / name / file)
    return folder / "results/x"


def is_told(answer: Answer, *names: str) -> bool:
    """Whether it worked, or was refused in one line that has one of the names, and no trace of an unexpected error."""
    if answer.code == 0:
        return True
    one_line = answer.err.startswith("nas-scale: ") and answer.err.count("\n") == 1
    return answer.code in (1, 2) and one_line and "should not" not in answer.err and any(n in answer.err for n in names)


def refuse_to_crash(nas_scale: Command, folder: Path, kind: str, each: int) -> None:
    content = shortened(json.loads((folder / "result.json").read_text()))
    for place, wrong, whole in every_damage(content, each, each // 2):
        (folder / "result.json").write_text(json.dumps(whole))
        for command in READERS[kind]:
            shutil.rmtree(folder.parent / "grown", ignore_errors=True)
            answer = nas_scale(*command)
            assert is_told(answer, "results/x"), (command, place, wrong, answer)


@pytest.mark.parametrize("kind", STORED)
def test_a_result_with_a_wrong_field_is_shown_or_named(nas_scale: Command, tmp_path: Path, kind: str) -> None:
    refuse_to_crash(nas_scale, two_runs(tmp_path, kind), kind, SOME)


@pytest.mark.parametrize(
    ("place", "wrong"),
    [
        (("fit", "ci"), {}),
        (("fit", "shares"), [1e308, 0, 0]),
        (("candidates", 0, "shares", "depth"), -1),
        (("candidates", 0, "ratio"), 0),
        (("candidates", 0, "alpha"), 1e29),
        (("candidates", 0, "search"), [7, 8]),
    ],
)
def test_a_fit_that_cannot_be_made_again_is_shown_without_its_picture_or_named(
    nas_scale: Command, tmp_path: Path, place: tuple[Any, ...], wrong: Any
) -> None:
    folder = two_runs(tmp_path, "grid")
    content = json.loads((folder / "result.json").read_text())
    (folder / "result.json").write_text(json.dumps(damaged(content, place, wrong)))
    shown, drawn = nas_scale("show", "x"), nas_scale("show", "x", "--plot", "x.svg")
    assert is_told(shown, "results/x"), shown
    assert "depth only" not in shown.out
    assert drawn.code in (1, 2)
    assert drawn.err.count("\n") == 1
    assert "damaged" in drawn.err
    assert not (tmp_path / "x.svg").exists()


@pytest.mark.slow
@pytest.mark.parametrize("kind", STORED)
def test_every_wrong_field_of_a_result_is_shown_or_named(nas_scale: Command, tmp_path: Path, kind: str) -> None:
    refuse_to_crash(nas_scale, two_runs(tmp_path, kind), kind, 1)


def test_a_record_with_a_wrong_field_hides_no_other_run(nas_scale: Command, tmp_path: Path) -> None:
    folder = two_runs(tmp_path, "search")
    content = json.loads((folder / "run.json").read_text())
    for place, wrong, whole in every_damage(content, 97):
        (folder / "run.json").write_text(json.dumps(whole))
        listed, shown = nas_scale("show", "--json"), nas_scale("show", "x")
        assert {run["name"] for run in listed.json["runs"]} == {"whole", "x"}, (place, wrong, listed)
        assert is_told(shown, "results/x/run.json", "results/x"), (place, wrong, shown)


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


@pytest.mark.parametrize("file", ["run.json", "result.json"])
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(b""), "damaged"),
        (lambda path: path.write_bytes(b"\x00" * 1000), "damaged"),
        (lambda path: path.write_text("[" * 100_000), "nested too deeply"),
        (lambda path: path.write_bytes('{"kind": "größe"}'.encode("latin-1")), "damaged"),
        (lambda path: path.mkdir(), "it is a folder"),
        (lambda path: path.symlink_to(path), "levels of symbolic links"),
        (lambda path: path.symlink_to("/dev/zero"), "it is a device"),
        (a_pipe, "it is a pipe"),
    ],
)
def test_a_file_that_is_no_json_is_named(nas_scale: Command, tmp_path: Path, file: str, damage: Any, said: str) -> None:
    folder = two_runs(tmp_path, "search")
    (folder / file).unlink()
    damage(folder / file)
    listed = nas_scale("show", "--json")
    assert {run["name"] for run in listed.json["runs"]} >= {"whole"}
    answer = nas_scale("show", str(folder))
    assert is_told(answer, file), answer
    assert answer.code == 2
    assert said in answer.err


def test_baselines_coefficients_and_teachers_that_are_damaged_are_named(nas_scale: Command, tmp_path: Path) -> None:
    folder = two_runs(tmp_path, "search")
    content = json.loads((folder / "result.json").read_text())
    for damage in ({"epochs": -1}, {"epochs": "four"}, {"data": 7}, {"seeds": 10**18}):
        training = content["training"] | damage
        (folder / "result.json").write_text(json.dumps(content | {"training": training}))
        answer = nas_scale("grid", "--baseline", "x", "--device", "cpu", "--dry-run")
        assert answer.code == 2, (damage, answer)
        assert is_told(answer, "results/x/result.json"), (damage, answer)
    (folder / "result.json").write_text(json.dumps(content | {"ranking": 7}))
    for option in ("--include", "--warm-start"):
        answer = nas_scale("search", "--target-flops", "400M", "--device", "cpu", option, "x")
        assert answer.code == 2
        assert is_told(answer, "results/x", "x"), answer


@pytest.mark.parametrize("name", ["net", "flops", "score:0", "key"])
def test_a_study_with_a_wrong_attribute_is_named(nas_scale: Command, tmp_path: Path, name: str) -> None:
    asked = ("search", *SMALL, "--trials", "2", "--finalists", "0", "--run", "x")
    assert nas_scale(*asked).code == 0
    folder = tmp_path / "results/x"
    record = json.loads((folder / "run.json").read_text())
    (folder / "result.json").unlink()
    for wrong in ('"word"', "null", "-1", "[[]]", "NaN", "1" + "0" * 400, "{broken"):
        (folder / "run.json").write_text(json.dumps(record | {"finished": None}))
        with sqlite3.connect(folder / "study.db") as database:
            database.execute("UPDATE trial_user_attributes SET value_json = ? WHERE key = ?", [wrong, name])
        answer = nas_scale(*asked, "--resume")
        last = Answer(answer.code, answer.out, answer.err.splitlines()[-1] + "\n")
        assert is_told(last, "study", "trial"), (name, wrong, answer)
        assert nas_scale("show").code == 0


def test_a_real_process_says_the_same(tmp_path: Path) -> None:
    folder = two_runs(tmp_path, "grid")
    (folder / "result.json").write_text('{"kind": "grid", "version": "one"}')
    answer = finished("show", "x", cwd=tmp_path, fake=False)
    assert answer.code == 2
    assert "results/x/result.json is damaged: Expected `int`, got `str` - at `$.version`" in answer.err
    assert "x" in finished("show", cwd=tmp_path, fake=False).out
