"""Locks: who has one, who is refused, and that looking at one disturbs nobody."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nas_scale.errors import RunError
from nas_scale.runs.lock import Lock, is_held


def test_a_second_one_is_refused_until_the_first_is_released(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    assert not path.exists(), "looking makes no file"
    lock = Lock(path)
    assert is_held(path)
    with pytest.raises(RunError, match=f"in use by process {os.getpid()}; wait") as caught:
        Lock(path)
    assert "\n" not in str(caught.value)
    lock.release()
    lock.release()
    assert not is_held(path)
    Lock(path).release()


def test_those_who_look_at_once_neither_meet_each_other_nor_keep_anyone_out(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with ThreadPoolExecutor(4) as lookers:
        assert not any(lookers.map(is_held, [path] * 400))
        looks = [lookers.submit(is_held, path) for _ in range(400)]
        lock = Lock(path)
        assert is_held(path)
        for look in looks:
            look.cancel()
    lock.release()


def test_whether_one_is_held_can_be_seen_without_the_right_to_write(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = Lock(path)
    path.chmod(0o444)
    assert is_held(path)
    lock.release()
    assert not is_held(path)
