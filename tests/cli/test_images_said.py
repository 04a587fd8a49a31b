"""What was understood of one's images: on stderr before the training, above the table, and as a field of --json."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.command import Command
from tests.support.tiny_data import write_images

LINE = (
    "6 images of 2 classes (\ufffd[31mred, caf\ufffd), 4 train, 2 validate; majority class 50%; "
    "1 file passed over (.txt 1)"
)


def test_a_search_says_it_whatever_names_are_made_of(nas_scale: Command, tmp_path: Path) -> None:
    write_images(tmp_path / "photos", "caf\udce9/*.png", "\x1b[31mred/*.png", "\x1b[31mred/\udcff.txt")
    words = ("--space", "nas-bench-macro", "--data", "./photos", "--proxy-resolution", "12", "--device", "cpu")
    words = ("search", *words, "--trials", "1", "--epochs", "1", "--finalists", "0", "--run", "x")
    fresh = nas_scale(*words)
    assert fresh.code == 0, fresh.err
    assert fresh.err.index(LINE) < fresh.err.index("searching:")
    assert LINE in " ".join(fresh.out.split())
    shown = nas_scale("show", "x", "--json")
    assert LINE in json.loads(shown.out)["header"]
    assert any("too few to choose nets by one half" in line for line in json.loads(shown.out)["header"])
    assert json.loads(shown.out)["data"] == {
        "about": "your images; a fifth of each class, drawn by seed, is for validation",
        "train": 4,
        "validate": 2,
        "available": 6,
        "classes": ["\ufffd[31mred", "caf\ufffd"],
        "majority_class": "\ufffd[31mred",
        "majority_share": 0.5,
        "passed_over": {".txt": 1},
        "left_out": {},
        "broken": 0,
        "credit": 0,
        "side": 9,
    }
    assert not {"\x1b", "\udce9"} & {*fresh.out, *fresh.err, *shown.out}
