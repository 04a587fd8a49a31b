"""Results are written and read back as they were, and a file that is none is refused with its field."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale import expand, search
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.results import read_any
from nas_scale.commands.search.result import SearchResult
from nas_scale.runs.results import plain, read_result, typed
from nas_scale.runs.store import find_run
from tests.support.command import Command
from tests.support.results import a_row, a_search

REFERENCE = Path(__file__).parents[2] / "results/reference"


def depth(arch: Architecture) -> float:
    return sum(stage.repeats for stage in arch.stages) / 30


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("objective", ["accuracy", "accuracy,flops,memory"])
def test_a_search_is_read_back_as_it_was(objective: str) -> None:
    found = search(evaluate=depth, space="nas-bench-macro", trials=4, objective=objective)
    assert read_result(find_run(Path("results"), found.run), SearchResult) == found
    assert found.ranking[0].costs.keys() >= {"flops", "params", "activations"}
    row = json.loads(Path("results", found.run, "result.json").read_text())["ranking"][0]
    assert {name: row[name] for name in found.ranking[0].costs} == found.ranking[0].costs
    assert "costs" not in row


shares = st.floats(0, 1)


@given(
    accuracies=st.lists(st.tuples(shares, shares), min_size=1, max_size=3),
    flops=st.integers(1, 2**62),
    sd=st.none() | shares,
    names=st.none() | st.text(max_size=5),
)
def test_what_is_written_is_what_is_read(
    accuracies: list[tuple[float, float]], flops: int, sd: float | None, names: str | None
) -> None:
    costs = {"flops": flops, "params": 3, "activations": 4}
    rows = tuple(
        a_row(accuracy=first, search=(first, second), costs=costs, origin=names) for first, second in accuracies
    )
    made = a_search(ranking=rows, seed_sd=sd)
    assert typed(json.loads(json.dumps(plain(made))), SearchResult) == made


def removed(document: Any) -> None:
    del document["ranking"][1]["accuracy"]


def without_cost(document: Any) -> None:
    del document["ranking"][1]["flops"]


def worded(document: Any) -> None:
    document["ranking"][0]["params"] = "many"


def foreign(document: Any) -> None:
    document["kind"] = "research"


def newer(document: Any) -> None:
    document["version"] = 99


def unreadable(document: Any) -> None:
    document["ranking"][1]["net"]["stages"][0] = "xx_r1"


def unlisted(document: Any) -> None:
    document["ranking"] = {"first": 1}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (removed, ("accuracy", "$.ranking[1]")),
        (without_cost, ("flops", "$.ranking[1]")),
        (worded, ("$.ranking[0].params", "str")),
        (foreign, ("kind",)),
        (newer, ("version 99", "upgrade")),
        (unreadable, ("`net`", "'xx'", "$.ranking[1]")),
        (unlisted, ("$.ranking", "array")),
    ],
)
def test_what_is_wrong_in_a_file_is_named_in_one_line(
    nas_scale: Command, change: Callable[[Any], None], named: tuple[str, ...]
) -> None:
    found = search(evaluate=depth, space="nas-bench-macro", trials=3)
    path = Path(found.folder, "result.json")
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))
    for command in (("show", found.run), ("profile", found.folder)):
        answer = nas_scale(*command)
        assert answer.code == 2
        assert len(answer.err.splitlines()) == 1
        assert all(text in answer.err for text in (str(path), *named)), answer.err
        assert ("is damaged" in answer.err) == (change is not newer)


def test_a_file_of_before_versions_is_read() -> None:
    found = expand("efficientnet-b0", "efficientnet", phi=[0, 1])
    document = plain(found)
    del document["version"]
    assert typed(document, type(found)) == found
    for folder in REFERENCE.iterdir():
        if folder.is_dir():
            run = find_run(REFERENCE, folder.name)
            assert plain(read_any(run))["kind"] == run.kind
