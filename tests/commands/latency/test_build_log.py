"""The log of a build that is damaged is one line that names its file and says how to begin again."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import torch

from nas_scale.commands.latency.build_log import LINES, building
from nas_scale.devices.table import Positive
from nas_scale.errors import UserError

GOOD = b'{"net":0,"seconds":1.5,"milliseconds":2.0}\n'


@pytest.mark.parametrize(
    "line",
    [
        b"{}",
        b"null",
        b"[" * 100_000,
        b'{"net":"0","seconds":1}',
        b'{"net":-1,"seconds":1}',
        b'{"net":5000,"seconds":1}',
        b'{"net":1' + b"0" * 400 + b',"seconds":1}',
        b'{"net":0,"seconds":-1}',
        b'{"net":0,"seconds":NaN}',
        b'{"net":0,"seconds":1,"milliseconds":0}',
        b'{"net":0,"seconds":1,"milliseconds":1e400}',
        b"\xff\xfe",
    ],
)
def test_a_wrong_line_is_named_with_its_file(tmp_path: Path, line: bytes) -> None:
    with building("x", tmp_path, "same", False) as log:
        file = log.folder / LINES
    file.write_bytes(file.read_bytes() + GOOD)
    with building("x", tmp_path, "same", False) as log:
        assert [each.net for each in log.timed] == [0]
    file.write_bytes(file.read_bytes() + line + b"\n")
    with (
        pytest.raises(UserError, match=rf"{LINES} is damaged: .*; add --replace to begin again"),
        building("x", tmp_path, "same", False),
    ):
        pass


def test_no_time_at_all_is_wrong_in_a_process_that_has_trained_too() -> None:
    """Trainings have torch take the least numbers for 0, and with them what is only just above it."""
    torch.set_flush_denormal(True)
    try:
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(b"0", type=Positive)
        assert msgspec.json.decode(b"1e-300", type=Positive) == 1e-300
    finally:
        torch.set_flush_denormal(False)
