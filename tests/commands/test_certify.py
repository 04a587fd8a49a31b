"""certify(), and what searches and grids say of certificates."""

from __future__ import annotations

import json
import re
import shlex
import statistics
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import kendalltau

from nas_scale import certify
from nas_scale.architecture.files import load_space, net_from_document
from nas_scale.commands.certify.certificates import certificate_line
from nas_scale.commands.certify.nets import draw_nets
from nas_scale.commands.certify.options import Certify
from nas_scale.commands.shared.events import Note
from nas_scale.commands.shared.identity import net_key
from nas_scale.commands.shared.net_lookup import reference_net
from nas_scale.commands.shared.training import Training
from nas_scale.errors import RunFailed, UserError
from nas_scale.metrics.counts import cost
from nas_scale.runs.results import plain
from tests.support.command import SMALL, Answer, Command, finished

TINY: dict[str, Any] = {"space": "nas-bench-macro", "data": "digits", "proxy_resolution": 12, "device": "cpu"}
ASKED = ("certify", *SMALL, "--nets", "9")


@pytest.fixture(autouse=True)
def _elsewhere(nas_scale: Command) -> None:
    """An empty folder, and trainings that cost nothing."""


def test_nets_lie_across_all_costs_and_mostly_in_a_narrow_band() -> None:
    space = load_space("efficientnet")
    drawn = draw_nets(space, Certify(nets=18), 0, net_key)
    flops = [cost(net).flops for net in drawn.nets]
    inside = [each for each in flops if drawn.band.least <= each <= drawn.band.most]
    assert len(set(drawn.nets)) == 18
    assert 12 <= len(inside) <= 14
    assert max(inside) / min(inside) <= 1.05 / 0.95
    assert max(flops) / min(flops) > 3
    assert drawn == draw_nets(space, Certify(nets=18), 0, net_key)
    assert drawn != draw_nets(space, Certify(nets=18), 1, net_key)
    aimed = draw_nets(space, Certify(nets=6, target_flops=400e6, tolerance=0.02), 0, net_key)
    assert all(392e6 <= cost(net).flops <= 408e6 for net in aimed.nets[:4])


def test_nets_that_shrink_to_the_same_proxy_are_drawn_once() -> None:
    space = load_space("nas-bench-macro")
    few = draw_nets(space, Certify(nets=12), 0, lambda net: str(len(net.stages)))
    assert len({len(net.stages) for net in few.nets}) == len(few.nets) < 12
    with pytest.raises(UserError, match="too few nets that the proxy trains differently"):
        draw_nets(space, Certify(), 0, lambda net: "all alike")


def test_figures_are_those_of_the_trainings() -> None:
    document = plain(certify(nets=12, longer_seeds=2, seeds=3, **TINY))
    rows = document["nets"]
    assert len(rows) == 12
    assert all(len(row["proxy"]) == 3 and len(row["longer"]) == 2 for row in rows)
    truth = [statistics.fmean(row["longer"]) for row in rows]
    assert truth == sorted(truth, reverse=True)
    for row in rows:
        spent = cost(net_from_document(row["net"]))
        assert (row["flops"], row["params"], row["activations"]) == (spent.flops, spent.parameters, spent.activations)
        assert row["equal_cost"] == (document["band"][0] <= spent.flops <= document["band"][1])
        assert row["cheap"]["activations"] == spent.activations
        assert row["cheap"]["params"] == spent.parameters
    equal = [row for row in rows if row["equal_cost"]]
    assert 8 <= len(equal) < 12
    for score in document["judges"]:
        for key, group in (("all", rows), ("equal", equal)):
            own = [
                statistics.fmean(row["proxy"]) if score["name"] == "proxy" else row["cheap"][score["name"]]
                for row in group
            ]
            true = [statistics.fmean(row["longer"]) for row in group]
            assert score[key]["tau"] == pytest.approx(kendalltau(own, true).statistic)
            assert score[key]["n"] == len(group)
            assert score[key]["low"] <= score[key]["tau"] <= score[key]["high"]
    halves = kendalltau([row["longer"][0] for row in rows], [row["longer"][1] for row in rows]).statistic
    assert document["ceiling"]["of"] == "longer"
    assert document["ceiling"]["all"]["tau"] == pytest.approx(halves)
    noise = statistics.fmean(statistics.variance(row["proxy"]) for row in rows) ** 0.5
    assert document["proxy"]["seed_sd"] == pytest.approx(noise)
    between = statistics.variance([statistics.fmean(row["proxy"]) for row in rows])
    assert document["proxy"]["spread"]["all"] == pytest.approx((between - noise**2 / 3) ** 0.5)
    assert document["proxy"]["seconds"] == pytest.approx(0.03)  # three trainings of .01 s
    assert document["longer_recipe"]["images_per_second"] == 100


def test_the_longer_recipe_is_what_was_asked_on_other_seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    found = plain(certify(nets=6, longer=4, longer_width=0.5, longer_resolution=20, epochs=3, dry_run=True, **TINY))
    longer = found["longer_training"]
    assert (longer["epochs"], longer["proxy_width"], longer["proxy_resolution"]) == (12, 0.5, 20)
    assert longer["proxy_strides"] > found["training"]["proxy_strides"]  # as many as 20 pixels bear
    assert "longer recipe: the same nets at 20 px" in found["header"][2]
    assert "channels x 0.5, 12 epochs in batches of 32; 1 seed each, other than the proxy's" in found["header"][2]


def test_with_one_longer_seed_the_ceiling_is_the_proxys() -> None:
    document = plain(certify(nets=6, **TINY))
    assert document["ceiling"]["of"] == "proxy"
    rows = document["nets"]
    own = kendalltau([row["proxy"][0] for row in rows], [row["proxy"][1] for row in rows]).statistic
    assert document["ceiling"]["all"]["tau"] == pytest.approx(own)


def test_a_dry_run_times_and_writes_nothing(nas_scale: Command, tmp_path: Path) -> None:
    answer = nas_scale(*ASKED, "--dry-run", "--workers", "2", "--json")
    document = answer.json
    assert (document["run"], document["judges"], document["verdict"]) == (None, None, None)
    assert document["trainings"] == 9 * (2 + 1)
    assert document["estimated_seconds"] == pytest.approx(4 + 0.01 * (9 + 5))  # on two workers
    assert list(tmp_path.iterdir()) == []
    shown = nas_scale(*ASKED, "--dry-run")
    assert "27 trainings, about" in shown.out
    assert shown.out.count("equal cost") >= 6


def test_show_prints_the_same_again(nas_scale: Command) -> None:
    answer = nas_scale(*ASKED)
    assert answer.code == 0, answer.err
    assert "9 nets: 27 trainings, about" in answer.err
    assert answer.out == nas_scale("show", "certify-001").out
    for name in ("this proxy", "activations", "FLOPs", "parameters", "NASWOT", "SynFlow"):
        assert re.search(rf"^{name} +-?\.?\d", answer.out, re.MULTILINE), name
    document = nas_scale("show", "certify-001", "--json").json
    assert document["verdict"]["sentence"] in " ".join(answer.out.split())
    assert document["verdict"]["kind"] in nas_scale("show").out
    best = nas_scale("profile", "results/certify-001", "--json").json["nets"][0]
    assert best["flops"] == document["nets"][0]["flops"]


def test_nets_that_fail_count_nowhere(monkeypatch: pytest.MonkeyPatch, nas_scale: Command) -> None:
    monkeypatch.setenv("FAKE_FAILING", "60")
    document = nas_scale("certify", *SMALL, "--nets", "16", "--json").json
    failed = [row for row in document["nets"] if row["reason"]]
    assert 0 < len(failed) < 10
    assert document["nets"][-len(failed) :] == failed
    assert document["judges"][0]["all"]["n"] == 16 - len(failed)
    shown = said(nas_scale("show", "certify-001"))
    assert re.search(rf"{len(failed)} of 16 nets failed, the first with: .*diverged", shown)
    monkeypatch.setenv("FAKE_FAILING", "256")
    with pytest.raises(RunFailed, match=r"nearly every net failed, the first with: .*diverged"):
        certify(nets=5, **TINY)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seeds": 1}, "--seeds 1 does not show how much seeds differ; give 2 or more"),
        ({"longer": 1}, "the longer recipe is the proxy itself"),
        ({"longer": 0.5}, "--longer 0.5 must lie in"),
        ({"nets": 3}, "--nets 3 must lie in"),
        ({"longer_seeds": 0}, "--longer-seeds 0 must lie in"),
        ({"longer_resolution": 2}, "--longer-resolution 2 must lie in"),
        ({"target_flops": 1e6}, "no net of nas-bench-macro has 1M FLOPs"),
        ({"trials": 3}, "there is no option 'trials'"),
        ({"data": "cats"}, "is no data source and no folder"),
    ],
)
def test_wrong_input_is_refused_in_a_line(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=re.escape(message)):
        certify(**{**TINY, **options})
    assert list(tmp_path.glob("results/*")) == []


SEARCH = ("search", *SMALL, "--trials", "2", "--finalists", "0")
GRID = ("grid", "--baseline", "efficientnet-b0", *SMALL[2:], "--dry-run")
MORE = ("--proxy-width", "0.2", "--no-flips", "--results", "my runs")


def said(answer: Answer) -> str:
    """All that was printed, unfolded."""
    assert answer.code == 0, answer.err
    return " ".join((answer.err + answer.out).split())


@pytest.mark.parametrize(
    ("asked", "more"), [(SEARCH, ()), (SEARCH, MORE), (GRID, MORE)], ids=["search", "more", "grid"]
)
def test_the_command_that_is_named_makes_the_certificate_that_is_missing(
    nas_scale: Command, asked: tuple[str, ...], more: tuple[str, ...]
) -> None:
    missing = re.search(
        r"no certificate for this data and proxy; nas-scale (certify .*?) tells how far to trust it",
        said(nas_scale(*asked, *more)),
    )
    assert missing is not None
    certified = nas_scale(*shlex.split(missing[1]), "--nets", "6", "--json")
    assert certified.code == 0, certified.err
    sentence = certified.json["verdict"]["sentence"]
    assert f"certificate certify-001: {sentence}" in said(nas_scale(*asked, *more))


def line(space: str = "nas-bench-macro", **options: Any) -> str:
    """What a search of that space with these training options says of certificates."""
    reference = reference_net(load_space(space))
    training = Training(**{"data": "digits", "proxy_resolution": 12, **options}).suited("cpu").for_reference(reference)
    return certificate_line(Path("results"), training, reference, "cpu", space)


def test_certificates_are_for_one_proxy_and_one_kind_of_images() -> None:
    assert line().startswith("no certificate")
    found = certify(nets=6, **TINY)
    assert line() == f"certificate certify-001: {found.verdict.sentence}"
    assert line(seed=7, seeds=3, window=2, threads=2) == line()
    for other in ({"epochs": 3}, {"proxy_width": 0.5}, {"train_images": 100}, {"batch": 16}, {"mixup": 0.2}):
        assert line(**other).startswith("no certificate for this data and proxy; nas-scale certify "), other
    assert line(data="scenes").startswith("no certificate")
    command = line(data="scenes:fine", flips=False, mixup=0.2, batch=16)
    assert "certify --space nas-bench-macro --data scenes:fine --proxy-resolution 12" in command
    assert all(part in command for part in ("--no-flips", "--mixup 0.2", "--batch 16"))


def test_the_latest_counts_but_of_the_own_space_first() -> None:
    certify(nets=6, **TINY)
    certify(nets=6, **TINY)
    assert line().startswith("certificate certify-002: ")
    assert line("small-images").startswith("certificate certify-002, on nets of nas-bench-macro: ")
    certify(nets=6, **{**TINY, "space": "small-images"})
    assert line("small-images").startswith("certificate certify-003: ")
    assert line().startswith("certificate certify-002: ")


def test_a_damaged_certificate_and_one_under_way_are_none() -> None:
    certify(nets=6, **TINY)
    result = Path("results/certify-001/result.json")
    whole = json.loads(result.read_text())
    for damaged in ("{", "[]", json.dumps(whole | {"training": {"epochs": "many"}})):
        result.write_text(damaged)
        assert line().startswith("no certificate")
    result.write_text(json.dumps(whole))
    assert line().startswith("certificate certify-001")
    record = Path("results/certify-001/run.json")
    record.write_text(json.dumps(json.loads(record.read_text()) | {"finished": None}))
    assert line().startswith("no certificate")


def test_a_familys_parts_find_the_certificate_beside_it(nas_scale: Command) -> None:
    assert nas_scale(*ASKED).code == 0
    asked = ("family", "--target-flops", "60M", "--tolerance", "0.5", *SMALL, "--trials", "2", "--finalists", "0")
    assert "certificate certify-001: " in said(nas_scale(*asked, "--count", "7", "--phi", "0"))


def test_events_say_what_comes_before_it_does() -> None:
    events: list[Any] = []
    certify(nets=5, on_event=events.append, **TINY)
    said = [event.text for event in events if isinstance(event, Note)]
    kinds = [type(event).__name__ for event in events]
    assert kinds.index("Phase") > max(at for at, kind in enumerate(kinds[:8]) if kind == "Note")
    assert any(re.match(r"5 nets: 15 trainings, about ", text) for text in said)


def test_a_real_one_on_digits(tmp_path: Path) -> None:
    few = ("--train-images", "100", "--val-images", "50", "--epochs", "1", "--longer", "2", "--nets", "4")
    answer = finished("certify", *SMALL, *few, "--workers", "1", "--json", cwd=tmp_path, fake=False)
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    rows = document["nets"]
    assert len(rows) == 4
    assert all(0 <= accuracy <= 1 for row in rows for accuracy in (*row["proxy"], *row["longer"]))
    assert document["proxy"]["seed_sd"] > 0
    assert document["proxy"]["images_per_second"] > 0
    assert len({row["cheap"]["naswot"] for row in rows}) == 4
    assert document["verdict"]["kind"] == "too few"
