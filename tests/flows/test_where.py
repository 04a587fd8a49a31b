"""Devices are chosen without loading torch where there can be no GPU; folders of refused runs go again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from nas_scale.errors import UserError
from nas_scale.flows import where as module
from nas_scale.flows.events import ignore
from nas_scale.flows.where import Where, choose_device, opened, worker_count


def test_without_gpu_files_there_is_only_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_GPU_FILES", ("/no/such/device",))
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setitem(sys.modules, "torch", None)  # an import would fail
    assert choose_device("auto") == choose_device("cpu") == "cpu"
    for asked in ("cuda", "cuda:1", "mps"):
        with pytest.raises(UserError, match=f"--device {asked} is not there; this machine has cpu"):
            choose_device(asked)


@pytest.mark.parametrize(("gpus", "mps", "auto"), [(0, False, "cpu"), (2, False, "cuda"), (0, True, "mps")])
def test_torch_is_asked_where_there_may_be_one(
    monkeypatch: pytest.MonkeyPatch, gpus: int, mps: bool, auto: str
) -> None:
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(module, "_may_have_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device("auto") == auto
    if gpus:
        assert choose_device("cuda:1") == "cuda:1"
    with pytest.raises(UserError, match="--device cuda:7 is not there; this machine has cpu"):
        choose_device("cuda:7")


def test_workers_and_threads_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_cores", lambda: 8)
    assert worker_count(Where(), "cpu", 1) == 8
    assert worker_count(Where(), "cpu", 3) == 2
    assert worker_count(Where(), "cpu", 16) == 1
    assert worker_count(Where(), "cuda", 1) == 1
    assert worker_count(Where(workers=5), "cuda", 1) == 5


def test_only_what_was_refused_before_anything_was_done_goes(tmp_path: Path) -> None:
    where = Where(results=tmp_path, run="x")
    with pytest.raises(UserError), opened(where, "search", {}, ignore):
        raise UserError("refused")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UserError):
        _begin(where)
    assert (tmp_path / "x").is_dir()
    with pytest.raises(KeyboardInterrupt), opened(Where(results=tmp_path, run="y"), "search", {}, ignore):
        raise KeyboardInterrupt
    assert (tmp_path / "y").is_dir()  # announced, so that it can be resumed


def _begin(where: Where) -> None:
    """A run that is refused after its first trial was proposed."""
    with opened(where, "search", {}, ignore) as run:
        run.study.ask()
        raise UserError("refused later")
