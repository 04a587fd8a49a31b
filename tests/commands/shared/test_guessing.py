"""A table whose best net has learned nothing says so."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from nas_scale.commands.search.front import front_of
from nas_scale.commands.shared.guessing import better_than_guessing, guessing_note
from nas_scale.runs.results import plain, typed
from nas_scale.show.front import front_notes
from nas_scale.show.rankings import ranking_notes
from nas_scale.training.data.summary import DataSummary
from tests.support.command import SMALL, Command
from tests.support.results import a_search

DATA = DataSummary(
    about="",
    train=48,
    validate=100,
    available=148,
    classes=("cat", "dog", "owl"),
    majority_class="cat",
    majority_share=0.34,
    passed_over={},
    left_out={},
)


def error(accuracy: float, images: int = 100, seeds: float = 0.0) -> float:
    return math.sqrt(accuracy * (1 - accuracy) / images + seeds**2)


@pytest.mark.parametrize(
    ("accuracy", "stderr", "better"),
    [
        (0.34, error(0.34), False),  # it always answers "cat"
        (0.20, error(0.20), False),  # significantly below is no better
        (0.40, error(0.40), False),  # 6 points above, the error is 4.9
        (0.45, error(0.45), True),
        (0.45, error(0.45, seeds=0.05), False),  # seeds differ as much
        (0.40, error(0.40, images=1000), True),
        (1.0, 0.0, True),
        (None, None, None),
    ],
)
def test_better_is_significantly_above_the_majority(
    accuracy: float | None, stderr: float | None, better: bool | None
) -> None:
    assert better_than_guessing(accuracy, stderr, DATA) == better
    assert better_than_guessing(accuracy, stderr, None) is None


def test_one_frequent_class_is_hard_to_beat() -> None:
    assert better_than_guessing(0.92, error(0.92), replace(DATA, majority_share=0.9)) is False


def test_a_ranking_warns_and_its_json_has_both() -> None:
    found = a_search(data=DATA, better_than_guessing=False)
    (warning,) = guessing_note(False, DATA)
    assert ranking_notes(found)[0] == warning
    assert "most frequent class (cat, 34% of the validation images; 95%)" in warning
    written = plain(found)
    assert (written["better_than_guessing"], written["data"]["majority_share"]) == (False, 0.34)
    assert typed(written, type(found)) == found
    older = {name: value for name, value in written.items() if name not in ("data", "better_than_guessing")}
    assert not any("guessing" in note for note in ranking_notes(typed(older, type(found))))
    assert not any("guessing" in note for note in ranking_notes(a_search(data=DATA, better_than_guessing=True)))


def test_a_front_alone_says_the_share() -> None:
    front = front_of(a_search(data=DATA))
    assert front_notes(front, 9)[-1] == "Always guessing the most frequent class would score 34%."
    assert plain(front.result())["majority_share"] == 0.34


@pytest.mark.slow
def test_searches_grids_and_certificates_know_it(nas_scale: Command) -> None:
    """Fake trainings are right on half of ten classes."""
    for asked in (
        ("search", *SMALL, "--trials", "2"),
        ("grid", "--baseline", "efficientnet-b0", *SMALL[2:], "--count", "6"),
        ("certify", *SMALL, "--nets", "5"),
    ):
        answer = nas_scale(*asked, "--json")
        assert answer.code == 0, answer.err
        assert answer.json["better_than_guessing"] is True
        assert 0 < answer.json["data"]["majority_share"] < 0.2
