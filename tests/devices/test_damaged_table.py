"""A device's table that is damaged in any place is one line that names its file, and is listed beside the others."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.command import Command
from tests.support.damage import every_damage

SOME = 397  # of the thousands of damages, spread over all places


def test_a_table_with_a_wrong_field_is_shown_or_named(nas_scale: Command, tmp_path: Path) -> None:
    rows = [f"ir_r{1 + each % 3}_k3_s2_e3_c{16 + 8 * each},{1 + each}" for each in range(12)]
    (tmp_path / "rows.csv").write_text("net,milliseconds\n" + "\n".join(rows))
    for name in ("whole", "x"):
        assert nas_scale("latency", "fit", "rows.csv", "--name", name, "--force").code == 0
    table = tmp_path / "results/devices/x.json"
    content = json.loads(table.read_text())
    content["rows"] = content["rows"][:10]
    for place, wrong, whole in every_damage(content, SOME):
        table.write_text(json.dumps(whole))
        listed = nas_scale("latency", "list", "--json")
        assert {device["name"] for device in listed.json["devices"]} >= {"whole"}, (place, wrong, listed)
        for command in (("show", "x"), ("show", "x", "mobilenetv2")):
            answer = nas_scale("latency", *command)
            told = answer.code == 0 or (answer.code == 2 and answer.err.count("\n") == 1 and "x" in answer.err)
            assert told, (place, wrong, answer)
