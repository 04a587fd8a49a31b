"""search --screen: a zero-cost score chooses from a pool what is trained."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import pytest

from nas_scale import search
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.metrics.counts import cost
from nas_scale.runs.results import plain
from tests.support.command import SMALL, Command, without_time

ASKED = ("search", *SMALL, "--trials", "4", "--finalists", "0", "--json")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def depth(arch: Architecture) -> float:
    return float(sum(stage.repeats for stage in arch.stages))


def mean_activations(**options: Any) -> float:
    found = search(evaluate=depth, target_flops=400e6, trials=6, sampler="random", **options)
    return statistics.fmean(entry.costs["activations"] for entry in found.ranking)


def test_nets_are_what_the_score_prefers_and_keep_the_limits() -> None:
    found = search(evaluate=depth, target_flops=400e6, trials=4, screen="activations", screen_pool=12)
    assert all(360e6 <= cost(net).flops <= 440e6 for net in found.nets)
    assert "each trial takes what counting activations favours of 12 proposals" in plain(found)["header"][0]
    assert mean_activations(screen="activations", screen_pool=12) > 1.05 * mean_activations()


def test_the_smallest_pool_screens_nothing() -> None:
    unscreened = search(evaluate=depth, trials=5).ranking
    assert search(evaluate=depth, trials=5, screen="flops", screen_pool=1).ranking == unscreened


@pytest.mark.parametrize("scorer", ["naswot", "synflow", "params"])
def test_every_score_screens_proxies_alike_for_any_number_of_workers(nas_scale: Command, scorer: str) -> None:
    asked = (*ASKED, "--screen", scorer, "--screen-pool", "6")
    first = nas_scale(*asked, "--workers", "1")
    assert first.code == 0, first.err
    assert without_time(nas_scale(*asked, "--workers", "2").json) == without_time(first.json)
    plain = without_time(nas_scale(*ASKED).json)
    assert plain["ranking"] != without_time(first.json)["ranking"]


def test_wrong_screens_are_refused() -> None:
    with pytest.raises(UserError, match="--screen naswot looks at proxies, of which evaluate has none"):
        search(evaluate=depth, screen="naswot")
    with pytest.raises(UserError, match="--screen 'magic' is not known; choose none, activation_memory, activations, "):
        search(evaluate=depth, screen="magic")
    with pytest.raises(UserError, match="--screen-pool 0 must lie in"):
        search(evaluate=depth, screen="flops", screen_pool=0)
