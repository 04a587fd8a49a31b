"""Tables are readable at any width, and say what cannot be told."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from rich.console import Console, RenderableType

from nas_scale.commands.certify.result import CertifyResult
from nas_scale.commands.results import AnyResult, read_any
from nas_scale.commands.search.result import SearchResult
from nas_scale.numbers import memory
from nas_scale.runs.store import find_run
from nas_scale.show.rankings import ranking_notes
from nas_scale.show.results import result_table
from nas_scale.show.sheet import Sheet
from nas_scale.show.tables import power
from nas_scale.statistics.controls import Control
from tests.commands.shared.test_guessing import DATA
from tests.support.command import SMALL, Command
from tests.support.results import a_row, a_search, result

REFERENCE = Path(__file__).parents[2] / "results/reference"
WIDTHS = (80, 100, 160)


def drawn(table: RenderableType, width: int) -> list[str]:
    """The table's lines as a screen of this width shows them."""
    console = Console(file=io.StringIO(), width=width)
    console.print(table)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def made_by(nas_scale: Command, kind: str) -> AnyResult:
    """A result of each kind, made by its command."""
    asked = {
        "search": ("search", "--max-flops", "600M", *SMALL[2:], "--trials", "3"),
        "grid": ("grid", "--baseline", "efficientnet-b0", *SMALL[2:], "--count", "8"),
        "expand": ("expand", "--baseline", "efficientnet-b0", "--coefficients", "efficientnet"),
    }
    return result(nas_scale(*asked[kind], "--json").json)


@pytest.mark.parametrize("kind", ["search", "grid", "expand"])
def test_no_figure_is_cut_and_no_word_broken_at_any_width(nas_scale: Command, kind: str) -> None:
    made = made_by(nas_scale, kind)
    at_160 = " ".join(drawn(result_table(made), 160)).split()
    for width in WIDTHS:
        lines = drawn(result_table(made), width)
        assert max(len(line) for line in lines) <= width
        words = " ".join(lines).split()
        # the same words, but for a first column that is repeated where words stand below the figures
        assert set(words) == set(at_160), width
        assert not any("…" in line for line in lines)


def test_words_go_below_the_figures_where_it_is_narrow() -> None:
    sheet = Sheet("nets", ">rank", ">FLOPs", "net", words=1)
    for rank in (1, 2):
        sheet.add(str(rank), "400M", " ".join(f"ir_r{rank}_k3_c{width}" for width in range(16, 80, 8)))
    wide, narrow = drawn(sheet, 160), drawn(sheet, 50)
    assert wide[1].split() == ["rank", "FLOPs", "net"]
    assert len(wide) == 4
    assert narrow[1].split() == ["rank", "FLOPs"]
    assert narrow[4].split() == ["rank", "net"]
    assert [line.split()[0] for line in narrow[5:] if line[:4].strip()] == ["1", "2"]
    assert all(line.startswith(" " * 6) or line[:4].strip() for line in narrow[5:])


def test_a_row_has_a_cell_for_every_column() -> None:
    with pytest.raises(ValueError, match="1 cells for 2 columns"):
        Sheet("", "a", "b").add("1")


def test_short_words_stay_beside_the_figures_on_narrow_screens() -> None:
    sheet = Sheet("", "run", ">trials", "best", words=1)
    sheet.add("search-001", "12", "81.2% at 400M")
    assert len(drawn(sheet, 60)) == 2


def ranked(**changes: Any) -> SearchResult:
    return a_search(**{"seed_sd": 0.01, "seed_freedom": 3, "spread": 0.03} | changes)


def test_a_ranking_shows_the_cost_that_was_aimed_at() -> None:
    shown = memory(a_row().costs["memory"])
    assert shown not in "\n".join(drawn(result_table(ranked(targets={"flops": 4e8})), 160))
    table = "\n".join(drawn(result_table(ranked(targets={"flops": None, "memory": 5e7})), 160))
    assert shown in table
    assert "memory" in table


def test_what_a_ranking_cannot_tell_is_said() -> None:
    (note,) = ranking_notes(ranked())
    assert note.endswith("the proxy tells these nets apart.")
    (not_told,) = ranking_notes(ranked(spread=0.019))
    assert "cannot tell most of these nets apart" in not_told
    (few,) = ranking_notes(ranked(seed_freedom=1))
    assert "on 1 degree of freedom), " in few
    assert "too few seeds were repeated" in few
    (same,) = ranking_notes(ranked(spread=0.0, seed_sd=0.0))
    assert "cannot tell most of these nets apart" in same
    (single,) = ranking_notes(ranked(seed_sd=None, spread=None))
    assert single.startswith("No net was trained on two seeds")
    assert ranking_notes(ranked(objective="mine", seed_sd=None, spread=None)) == []
    tied = a_row(tied=True, round="final", final=(0.5,))
    assert [note.split(":")[0] for note in ranking_notes(ranked(ranking=(tied,)))[:1]] == ["=N"]


def test_it_is_said_which_seeds_rank_1_is_credited_with() -> None:
    other = a_row("efficientnet-b1", rank=2)
    seeds = {"seeds": 2, "final": (0.7, 0.71), "credit": (0.6, 0.62), "accuracy": 0.61, "interval": (0.583, 0.637)}
    credited = ranked(ranking=(a_row(round="credit", **seeds), other))
    credit = ranking_notes(credited)[1]
    assert credit == "Rank 1 is credited with 2 seeds that no choice has seen: 61.0, 58.3 to 63.7 (95%)."
    split = structs.replace(credited, data=replace(DATA, validate=1000, credit=500))
    assert "2 seeds that no choice has seen on 500 images that chose no net: 61.0" in ranking_notes(split)[1]
    assert "2 unseen" in "\n".join(drawn(result_table(credited), 160))
    flattered = "The seeds that put rank 1 first are those of its accuracy, and flatter it"
    older = ranked(ranking=(a_row(round="final", seeds=2, final=(0.7, 0.71)), other))
    assert ranking_notes(older)[1] == f"{flattered}."
    once = ranked(ranking=(a_row(), other))
    assert ranking_notes(once)[0] == f"{flattered}: --finalists 3 credits the winner with others."
    assert not any(flattered in note for note in ranking_notes(ranked())), "one net alone was not chosen"


@pytest.mark.parametrize(
    ("targets", "measure", "filled"),
    [
        ({"flops": None}, "accuracy of 61.0 +- 2.0", ("62.0 +- 2.0", "63.0 +- 2.0")),
        ({"flops": 4e8}, "reward of 0.61 +- 0.02", ("0.62 +- 0.02", "0.63 +- 0.02")),
    ],
)
def test_the_best_is_held_against_random_search_and_the_largest_nets(
    targets: dict[str, float | None], measure: str, filled: tuple[str, str]
) -> None:
    best = (a_row(reward=0.635),)
    rival = Control(trials=50, expected=0.61, error=0.02, sd=0.03, chance=0.004)
    (line, _) = ranking_notes(ranked(ranking=best, random_search=rival, targets=targets))
    assert f"50 nets would be expected to report a best {measure}; fewer than 1% of such searches" in line
    (line, _) = ranking_notes(ranked(ranking=best, random_search=replace(rival, chance=0.125), targets=targets))
    assert "12% of such searches would reach" in line
    largest = {"flops": replace(rival, expected=0.62), "params": replace(rival, expected=0.63, chance=0.5)}
    (_, line, _) = ranking_notes(ranked(ranking=best, random_search=rival, largest_nets=largest, targets=targets))
    by_flops, by_parameters = filled
    assert line == (
        f"The largest nets inside the limits in their place: {by_flops} by FLOPs (fewer than 1%), "
        f"{by_parameters} by parameters (50%)."
    )


def test_a_search_says_what_random_and_the_largest_nets_would_have_come_to(nas_scale: Command) -> None:
    asked = ("search", *SMALL, "--trials", "8", "--sampler", "random", "--json")
    made = nas_scale(*asked).json
    assert made["random_search"]["trials"] == 8
    assert {name: control["trials"] for name, control in made["largest_nets"].items()} == {"flops": 8, "params": 8}
    assert "Random search of 8 nets would be expected to report" in nas_scale("show", made["run"]).out
    assert "The largest nets inside the limits in their place:" in nas_scale("show", made["run"]).out
    few = nas_scale(*asked, "--trials", "4").json
    assert (few["random_search"], few["largest_nets"]) == (None, {})
    older = {name: value for name, value in made.items() if name != "largest_nets"}
    assert result(older).largest_nets == {}


def test_how_far_nets_got_is_shown_where_some_were_stopped(nas_scale: Command) -> None:
    asked = ("search", *SMALL, "--trials", "16", "--epochs", "9", "--finalists", "0", "--sampler", "random", "--json")
    plain = drawn(result_table(result(nas_scale(*asked).json)), 160)
    assert not any("epochs" in line.split() and "rank" in line.split() for line in plain)
    made = nas_scale(*asked, "--pruner", "halving").json
    lines = drawn(result_table(result(made)), 160)
    (header,) = (line for line in lines if line.split()[:1] == ["rank"])
    assert "reward epochs FLOPs" in " ".join(header.split())
    rows = {state: [row for row in made["ranking"] if row["state"] == state] for state in ("complete", "pruned")}
    assert len([line for line in lines if "9 of 9" in line]) == len(rows["complete"])
    stopped = [line.split() for line in lines if line.split()[:1] == ["stopped"]]
    assert [line[1] for line in stopped] == [f"{row['accuracy'] * 100:.1f}" for row in rows["pruned"]]
    assert [line[3] for line in stopped] == [str(row["epochs"]) for row in rows["pruned"]]
    assert {row["epochs"] for row in rows["pruned"]} <= {1, 3}
    assert rows["pruned"]
    assert "pruner halving: trainings are stopped after 1 or 3 of 9 epochs unless among the best 1/3" in " ".join(lines)
    assert "Nets that were stopped early have no place" in " ".join(lines)


def test_long_rankings_are_cut_and_say_how_to_see_the_rest(nas_scale: Command) -> None:
    nas_scale("search", *SMALL, "--trials", "24", "--sampler", "random", "--finalists", "0", "--seeds", "1")
    short, whole = nas_scale("show", "search-001"), nas_scale("show", "search-001", "--all")
    assert "more: nas-scale show results/search-001 --all" in short.out
    assert "more:" not in whole.out
    assert len(whole.out.splitlines()) > len(short.out.splitlines())


def test_columns_are_those_of_the_screen_or_of_the_environment(
    nas_scale: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    widths = {}
    for columns in ("80", "160", None):
        if columns is None:
            monkeypatch.delenv("COLUMNS")
        else:
            monkeypatch.setenv("COLUMNS", columns)
        out = nas_scale("profile", "efficientnet-b0").out
        widths[columns] = max(len(line.rstrip()) for line in out.splitlines())
    assert widths["80"] <= 80
    assert 80 < widths["160"] == widths[None]


def test_runs_are_listed_the_latest_first(nas_scale: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    for _ in range(2):
        nas_scale("expand", "--baseline", "mobilenetv2", "--coefficients", "efficientnet", "--phi", "0")
    (header, *rows) = nas_scale("show").out.strip().splitlines()
    assert header.split()[:4] == ["run", "kind", "state", "trials"]
    assert [row.split()[0] for row in rows] == ["expand-002", "expand-001"]


def test_spaces_and_one_of_them(nas_scale: Command) -> None:
    assert "nas-bench-macro" in nas_scale("spaces").out
    one = nas_scale("spaces", "nas-bench-macro").out
    assert "6,561 assignments, 3,969 different nets; 32 px, 10 classes" in one


@pytest.mark.parametrize(
    ("count", "text"), [(1, "1"), (6561, "6,561"), (2_972_033_482_752, "3.0e12"), (10**30, "1.0e30")]
)
def test_powers(count: int, text: str) -> None:
    assert power(count) == text


def test_a_score_that_is_not_known_here_is_shown_by_its_name() -> None:
    found = read_any(find_run(REFERENCE, "certify-photos-64"))
    assert isinstance(found, CertifyResult)
    assert found.agreements is not None
    renamed = structs.replace(
        found, agreements=(*found.agreements, structs.replace(found.agreements[0], name="energy"))
    )
    assert "energy" in "\n".join(drawn(result_table(renamed), 160))
