"""A device learned from a file: judged, kept, listed, shown, and used."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from nas_scale.architecture.files import known_nets, load_net
from nas_scale.commands.latency.fit import fit_latency
from nas_scale.commands.latency.listing import list_tables, predict_latency
from nas_scale.devices.device_metric import latency_metric
from nas_scale.devices.table import model_of, read_table, table_path
from nas_scale.errors import UserError
from nas_scale.metrics.metric import latency_on
from tests.support.command import Command, finished
from tests.support.device_tables import toy_measurements, write_csv
from tests.support.meters import TOY


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs with the device `toy`."""
    folder = tmp_path_factory.mktemp("fit") / "results"
    fit_latency(rows=write_csv(folder.parent / "rows.csv", toy_measurements(24)), name="toy", results=folder)
    return folder


def test_it_predicts_nets_that_it_has_not_seen_and_says_how_well(results: Path) -> None:
    table = read_table("toy", results)
    unseen = toy_measurements(60, noise=0.0)[24:]
    predicted = [model_of(table).milliseconds(row.net) for row in unseen]
    errors = [abs(guess / row.milliseconds - 1) for guess, row in zip(predicted, unseen, strict=True)]
    assert sum(error < 0.1 for error in errors) >= 0.95 * len(errors)
    held_out = table.held_out
    assert held_out.nets == 24
    assert held_out.within_10_percent >= 0.9
    assert held_out.median_error < held_out.flops_only.median_error
    assert held_out.counts_only.within_10_percent <= 1


def test_a_table_read_back_predicts_the_same_to_the_nanosecond(results: Path) -> None:
    from nas_scale.devices.latency_model import LatencyModel

    rows = [row.measurement() for row in read_table("toy", results).rows]
    fresh = LatencyModel.fit(rows)
    metric = latency_metric(read_table("toy", results))
    for row in toy_measurements(30)[24:]:
        assert metric.of_net(row.net) == fresh.milliseconds(row.net)
    assert metric.identity == read_table("toy", results).fingerprint


def test_predictions_have_intervals_that_hold_most_nets(results: Path) -> None:
    unseen = toy_measurements(60, noise=0.01)[24:]
    answer = predict_latency("toy", [row.net for row in unseen], results=results)
    assert (answer.device, answer.errors) == ("toy", None)
    found = answer.predictions
    inside = [one.low <= row.milliseconds <= one.high for one, row in zip(found, unseen, strict=True)]
    assert sum(inside) >= 0.8 * len(inside)
    assert all(one.low < one.milliseconds < one.high for one in found)


def test_another_resolution_is_another_prediction(results: Path) -> None:
    (small,) = predict_latency("toy", ["mobilenetv2"], 96, results=results).predictions
    (large,) = predict_latency("toy", ["mobilenetv2"], 192, results=results).predictions
    assert small.milliseconds < large.milliseconds
    assert (small.resolution, large.resolution) == (96, 192)


def test_predictions_are_compared_with_measurements_of_a_file(results: Path) -> None:
    unseen = toy_measurements(60, noise=0.01)[24:]
    found = predict_latency("toy", against=write_csv(results.parent / "unseen.csv", unseen), results=results)
    assert [one.measured for one in found.predictions] == pytest.approx([row.milliseconds for row in unseen], abs=1e-6)
    errors = [abs(one.milliseconds / row.milliseconds - 1) for one, row in zip(found.predictions, unseen, strict=True)]
    assert found.errors is not None
    assert found.errors.within_10_percent == sum(error <= 0.1 for error in errors) / len(errors)
    assert found.errors.covered is not None
    assert found.errors.covered >= 0.8


def test_every_known_net_is_predicted(results: Path) -> None:
    found = predict_latency("toy", known_nets(), results=results).predictions
    assert [one.name for one in found] == list(known_nets())
    assert all(0 <= one.low < one.milliseconds < one.high for one in found)


def test_a_net_may_be_stages_in_notation(results: Path) -> None:
    text = "ds_r1_k3_s1_c16 ir_r2_k3_s2_e6_c24"
    (found,) = predict_latency("toy", [text], results=results).predictions
    assert found.name == text
    assert found.milliseconds > 0


def test_it_is_listed_and_a_damaged_one_says_so(results: Path) -> None:
    path = table_path("broken", results)
    path.write_text("{")
    try:
        broken, toy = list_tables(results)
    finally:
        path.unlink()
    assert (toy.name, toy.nets, toy.source, toy.trusted) == ("toy", 24, "rows.csv", True)
    assert broken.problem is not None
    assert "is damaged" in broken.problem


def test_a_name_is_taken_once(results: Path) -> None:
    csv = results.parent / "rows.csv"
    with pytest.raises(UserError, match="there is a device toy already; choose another --name, or add --replace"):
        fit_latency(rows=csv, name="toy", results=results)
    with pytest.raises(UserError, match="cannot be a device's name"):
        fit_latency(rows=csv, name="../toy", results=results)


def test_rows_that_contradict_each_other_are_named(tmp_path: Path) -> None:
    rows = toy_measurements(12)
    wrong = (*rows, replace(rows[3], milliseconds=2 * rows[3].milliseconds))
    with pytest.raises(UserError, match=r"line 14: .* contradicts line 5, which has .* for the same net"):
        fit_latency(rows=write_csv(tmp_path / "rows.csv", wrong), name="toy", results=tmp_path)
    assert not table_path("toy", tmp_path).exists()


def test_too_few_rows_are_refused(tmp_path: Path) -> None:
    csv = write_csv(tmp_path / "rows.csv", toy_measurements(4))
    with pytest.raises(UserError, match=r"rows\.csv: measurements of 4 different networks are too few"):
        fit_latency(rows=csv, name="toy", results=tmp_path)


def test_a_poor_table_is_used_only_where_that_is_wanted(tmp_path: Path) -> None:
    """Milliseconds that have nothing to do with the nets."""
    rows = toy_measurements(16)
    shuffled = tuple(replace(row, milliseconds=3 ** (7 * at % 5)) for at, row in enumerate(rows))
    csv = write_csv(tmp_path / "rows.csv", shuffled)
    assert not fit_latency(rows=csv, name="odd", results=tmp_path).trusted
    with pytest.raises(UserError, match=r"the table of odd predicts poorly .* --force"):
        latency_metric(read_table("odd", tmp_path))
    assert fit_latency(rows=csv, name="odd", results=tmp_path, replace=True, force=True).trusted
    assert latency_metric(read_table("odd", tmp_path)).of_net(load_net("mobilenetv2")) >= 0


def test_a_device_that_is_gone_still_has_its_figures_shown() -> None:
    gone = latency_on("gone")
    assert gone.show(4.9871) == "4.99ms"
    with pytest.raises(UserError, match="what a net takes on gone is not known here"):
        gone.of_net(load_net("mobilenetv2"))


def test_the_commands(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command, there = Command(capsys), ("--results", str(results))
    answer = command("latency", "list", *there)
    assert answer.code == 0
    assert "toy" in answer.out
    shown = command("latency", "show", "toy", *there)
    assert "24 nets learned from rows.csv" in shown.out
    assert "FLOPs alone" in shown.out
    document = command("latency", "show", "toy", "--json", *there).json
    assert {"within_10_percent", "spearman"} <= set(document["judged"])
    assert len(document["device"]["rows"]) == 24
    asked = command("latency", "show", "toy", "mobilenetv2", "--json", *there).json
    assert asked["predictions"][0]["low"] < asked["predictions"][0]["milliseconds"]
    missing = command("latency", "show", "tol", *there)
    assert missing.code == 2
    assert "there is no device 'tol'" in missing.err
    assert "(there are toy)" in missing.err


def test_a_file_becomes_a_device_that_a_search_aims_at(tmp_path: Path) -> None:
    write_csv(tmp_path / "rows.csv", toy_measurements(14))
    made = finished("latency", "fit", "rows.csv", "--name", "toy", "--json", cwd=tmp_path)
    assert made.code == 0, made.err
    assert made.json["judged"]["nets"] == 14
    exact = sorted(TOY.of_net(row.net) for row in toy_measurements(14))[7]
    search = ["search", "--space", "small-images", "--target-latency", f"{exact:.4f}ms@toy", "--trials", "3"]
    answer = finished(*search, "--data", "digits", "--json", cwd=tmp_path)
    assert answer.code == 0, answer.err
    for row in answer.json["ranking"]:
        assert 0.9 * exact <= row["latency@toy"] * 1.0001
        assert row["latency@toy"] <= exact * 1.0001
    assert answer.json["target_latency@toy"] == pytest.approx(exact, abs=1e-4)
    table_path("toy", tmp_path / "results").unlink()
    again = finished("show", "search-001", "--json", cwd=tmp_path)
    assert json.loads(again.out) == answer.json
    refused = finished(*search, cwd=tmp_path)
    assert refused.code == 2
    assert "there is no device 'toy'" in refused.err
