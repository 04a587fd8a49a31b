"""Measurements from a CSV file, and the line that is named where one is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas_scale.architecture.files import load_net, net_document, save_net
from nas_scale.commands.latency.csv_rows import read_rows
from nas_scale.errors import UserError
from nas_scale.plain import as_json
from tests.support.device_tables import notation, toy_measurements, write_csv

B0 = load_net("efficientnet-b0")
STAGES = notation(B0)


def read(tmp_path: Path, text: str) -> list[tuple[int, str, float, int, int]]:
    path = tmp_path / "rows.csv"
    path.write_text(text)
    rows = [(row.line, row.measurement) for row in read_rows(path, tmp_path)]
    return [(line, one.net.name, one.milliseconds, one.batch, one.net.resolution) for line, one in rows]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    rows = toy_measurements(12)
    found = [row.measurement for row in read_rows(write_csv(tmp_path / "rows.csv", rows), tmp_path)]
    assert [notation(one.net) for one in found] == [notation(row.net) for row in rows]
    assert [one.net.stages for one in found] == [row.net.stages for row in rows]
    assert [(one.net.resolution, one.net.stem, one.net.head) for one in found] == [
        (row.net.resolution, row.net.stem, row.net.head) for row in rows
    ]
    assert [one.milliseconds for one in found] == pytest.approx([row.milliseconds for row in rows], abs=1e-6)


def test_a_net_is_a_name_a_file_notation_or_json(tmp_path: Path) -> None:
    import json

    save_net(B0, tmp_path / "mine.yaml")
    document = json.dumps(as_json(net_document(B0))).replace('"', '""')
    text = f'net,ms\nefficientnet-b0,5\nmine.yaml,6\n"{STAGES}",7\n"{STAGES.replace(" ", ", ")}",8\n'
    text += f'{STAGES.replace(" ", "|")},9\n"{document}",10\n'
    path = tmp_path / "rows.csv"
    path.write_text(text)
    rows = read_rows(path, tmp_path)
    assert [row.measurement.net.stages for row in rows] == [B0.stages] * 6
    assert [row.measurement.milliseconds for row in rows] == [5, 6, 7, 8, 9, 10]


def test_resolution_batch_and_units(tmp_path: Path) -> None:
    text = "\ufeffNet,resolution,latency,batch,note\nefficientnet-b0,240,5ms,8,x\n\n# by hand\nmobilenetv2,,250us,,\n"
    assert read(tmp_path, text) == [(2, "efficientnet-b0", 5.0, 8, 240), (5, "mobilenetv2", 0.25, 1, 224)]
    assert read(tmp_path, "net;seconds\nmobilenetv2;0.01\n") == [(2, "mobilenetv2", 10.0, 1, 224)]
    assert read(tmp_path, "net\tus\nmobilenetv2\t1500.0\n") == [(2, "mobilenetv2", 1.5, 1, 224)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no column `net`; its first line has to name the columns"),
        ("model,ms\nmobilenetv2,5\n", "has no column `net`"),
        ("net,accuracy\nmobilenetv2,5\n", "has no column of times, e.g. `milliseconds`"),
        ("net,ms\nmobilenetv2,5\nmobilnetv2,6\n", "line 3: there is no net 'mobilnetv2'; did you mean mobilenetv2?"),
        ("net,ms\nir_r2_k3_s9_c16,5\n", "line 2: .*s9"),
        ("net,ms\nmobilenetv2,fast\n", "line 2: 'fast' is not a time"),
        ("net,ms\nmobilenetv2,-5\n", "line 2: '-5ms' is not a time"),
        ("net,ms\nmobilenetv2,0\n", "line 2: '0ms' is not a time above zero"),
        ("net,ms\nmobilenetv2,nan\n", "line 2: 'nanms' is not a time"),
        ("net,ms\nmobilenetv2\n", "line 2: '' is not a time"),
        ("net,latency\nmobilenetv2,5\n", "line 2: 5 has no unit; write 5ms, or call the column milliseconds"),
        ("net,ms\n,5\n", "line 2: there is no net"),
        ("net,ms,batch\nmobilenetv2,5,0\n", "line 2: batch '0' must be a whole number of 1 to 65536"),
        ("net,ms,resolution\nmobilenetv2,5,big\n", "line 2: .*resolution is 'big'; it must be a whole number"),
        ('net,ms\n"{1}",5\n', r"line 2: '\{1\}' is no net as JSON"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path, text)


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*none\.csv: No such file"):
        read_rows(tmp_path / "none.csv", tmp_path)
    (tmp_path / "picture.csv").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(UserError, match="it is UTF-16; save it as UTF-8"):
        read_rows(tmp_path / "picture.csv", tmp_path)
