"""--json prints one document on stdout and nothing else there; `show` prints the same again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from nas_scale.architecture.files import load_net, net_from_document
from nas_scale.metrics.counts import cost
from tests.support.command import SMALL, Answer, Command, finished

SEARCH = ("search", *SMALL, "--trials", "3", "--max-flops", "100M")
GRID = ("grid", "--baseline", "efficientnet-b0", *SMALL[2:], "--count", "8")


def document(answer: Answer) -> Any:
    """The one document on stdout."""
    assert answer.code == 0, answer.err
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", answer.out)
    return json.loads(answer.out)


def is_exact(row: Any) -> bool:
    """Its figures are whole numbers, and those of its net."""
    spent = cost(net_from_document(row["net"]))
    figures = (row["flops"], row["params"], row["activations"])
    return figures == (spent.flops, spent.parameters, spent.activations) and all(type(n) is int for n in figures)


def test_search(nas_scale: Command, tmp_path: Path) -> None:
    found = document(nas_scale(*SEARCH, "--json"))
    assert found["run"] == "search-001"
    assert Path(found["folder"]) == Path("results/search-001")
    rows = found["ranking"]
    fields = {"rank", "net", "flops", "params", "activations", "accuracy", "stderr", "seeds", "reward"}
    assert all(fields <= set(row) for row in rows)
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(is_exact(row) for row in rows)
    assert all({"stages", "stem", "head", "resolution"} <= set(row["net"]) for row in rows)
    assert all(isinstance(stage, str) for row in rows for stage in row["net"]["stages"])
    assert document(nas_scale("show", "search-001", "--json")) == found
    assert document(nas_scale("show", "results/search-001", "--json")) == found


def test_grid_and_its_dry_run(nas_scale: Command, tmp_path: Path) -> None:
    planned = document(nas_scale(*GRID, "--dry-run", "--json"))
    assert not (tmp_path / "results").exists()
    assert planned["fit"] is None
    assert planned["run"] is None
    found = document(nas_scale(*GRID, "--json"))
    fields = {"alpha", "beta", "gamma", "flops_ratio", "accuracy", "stderr"}
    assert all(fields <= set(row) for row in found["candidates"])
    assert all(is_exact(row) for row in found["candidates"])
    assert {"alpha", "beta", "gamma", "ci", "verdict"} <= set(found["fit"])
    assert all(len(found["fit"]["ci"][name]) == 2 for name in ("alpha", "beta", "gamma"))
    nets = [json.dumps(row["net"], sort_keys=True) for row in planned["candidates"]]
    assert sorted(nets) == sorted(json.dumps(row["net"], sort_keys=True) for row in found["candidates"])
    assert document(nas_scale("show", "grid-001", "--json")) == found


def test_expand(nas_scale: Command) -> None:
    asked = ("expand", "--baseline", "efficientnet-b0", "--coefficients", "1.2,1.1,1.15", "--phi", "0,0.5,2")
    found = document(nas_scale(*asked, "--json"))
    fields = {"name", "phi", "depth", "width", "resolution", "flops", "params", "activations"}
    assert all(fields <= set(row) for row in found["family"])
    assert [row["phi"] for row in found["family"]] == [0, 0.5, 2]
    assert all(is_exact(row) for row in found["family"])
    for row, file in zip(found["family"], found["files"], strict=True):
        assert cost(load_net(file)).flops == row["flops"]
    assert document(nas_scale("show", found["run"], "--json")) == found


def test_family_holds_the_three(nas_scale: Command) -> None:
    asked = ("family", *SMALL, "--target-flops", "60M", "--tolerance", "0.5", "--trials", "3", "--count", "7")
    found = document(nas_scale(*asked, "--phi", "0,1", "--json"))
    assert set(found) == {"kind", "version", "run", "folder", "search", "grid", "expand"}
    assert found["search"]["ranking"][0]["net"]["stages"] == found["grid"]["baseline"]["net"]["stages"]
    assert found["expand"]["family"][0]["flops"] == found["search"]["ranking"][0]["flops"]
    assert found["expand"]["coefficients"]["alpha"] == found["grid"]["fit"]["alpha"]
    assert document(nas_scale("show", "family-001", "--json")) == found
    for part in ("search", "grid", "expand"):
        assert document(nas_scale("show", f"results/family-001/{part}", "--json")) == found[part]


def test_lists_and_profiles(nas_scale: Command) -> None:
    assert document(nas_scale("show", "--json")) == {"runs": []}
    nas_scale("expand", "--baseline", "mobilenetv2", "--coefficients", "efficientnet", "--phi", "0")
    (listed,) = document(nas_scale("show", "--json"))["runs"]
    assert (listed["name"], listed["kind"], listed["state"]) == ("expand-001", "expand", "complete")
    profiled = document(nas_scale("profile", "efficientnet-b0", "mobilenetv2", "--json"))["nets"]
    assert profiled[0]["flops"] == 385_814_752
    assert profiled[0]["params"] == 5_288_548
    for net in profiled:
        assert {"name", "flops", "params", "activations", "stages"} <= set(net)
        for key in ("flops", "params", "activations"):
            assert sum(stage[key] for stage in net["stages"]) == net[key]
    spaces = document(nas_scale("spaces", "--json"))["spaces"]
    assert {"mnasnet", "efficientnet", "small-images", "nas-bench-macro"} <= {space["name"] for space in spaces}
    assert all({"name", "size", "choices"} <= set(space) for space in spaces)
    (one,) = document(nas_scale("spaces", "nas-bench-macro", "--json"))["spaces"]
    assert (one["size"], one["distinct"]) == (6561, 3969)


@pytest.mark.parametrize("json_too", [False, True])
def test_a_process_writes_no_control_characters_and_keeps_progress_off_stdout(tmp_path: Path, json_too: bool) -> None:
    answer = finished(*SEARCH, *(["--json"] if json_too else []), cwd=tmp_path)
    assert answer.code == 0
    assert "searching: 3/3 nets" in answer.err
    assert "searching" not in answer.out
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", answer.out + answer.err)
    if json_too:
        assert answer.json["kind"] == "search"
