"""The driver of the GPU benchmark: failing and hanging steps, time that runs out, packing; and a rehearsal."""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
import tarfile
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.support.benchmark_modules import FOLDER, benchmark

SCRIPT = FOLDER / "gpu.sh"

FAILS = "raise ValueError('broken')"
# Keeps a row, starts a child that is in a process group of its own, as workers are, and waits for ever.
HANGS = """
import subprocess, sys, time
from pathlib import Path
from gpu_rows import keep
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], process_group=0)
keep(measured=1, child=child.pid)
time.sleep(600)
"""
WORKS = "from gpu_rows import keep, left; keep(left=left())"


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("PYTHONPATH", str(FOLDER))
    return benchmark("gpu", monkeypatch)


def _step(gpu: ModuleType, number: int, program: str, **limits: Any) -> Any:
    command = (sys.executable, "-c", program)
    return gpu.Step(number, f"fake{number}", command, **{"seconds": 60.0, "least": 0.1, **limits})


def _campaign(gpu: ModuleType, out: Path, seconds: float = 100.0) -> Any:
    return gpu.Campaign(out, out / "gpu.tar.gz", time.time() + seconds, {str(out): "OUT"}, {})


def _packed(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as packed:
        return {entry.name: packed.extractfile(entry).read() for entry in packed}  # type: ignore[union-attr]


def _lines(text: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def _alive(pid: int) -> bool:
    """Whether the process runs; a dead one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_no_step_stops_another_and_all_is_packed_after_each(
    gpu: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = []
    pack = gpu.pack

    def packing(out: Path, archive: Path) -> None:
        pack(out, archive)
        packed.append([line["step"] for line in _lines(_packed(archive)["results.jsonl"])])

    monkeypatch.setattr(gpu, "pack", packing)
    todo = [
        _step(gpu, 90, FAILS),
        _step(gpu, 91, HANGS, seconds=2.5),
        _step(gpu, 92, WORKS, least=1000.0),
        _step(gpu, 93, WORKS, lacks="--photos was not given"),
        _step(gpu, 94, WORKS),
    ]
    lines = _campaign(gpu, tmp_path).carry_out(todo)
    assert [line["status"] for line in lines] == ["failed", "timeout", "skipped", "skipped", "ok"]
    assert packed == [[90], [90, 91], [90, 91, 92], [90, 91, 92, 93], [90, 91, 92, 93, 94]]
    assert "ValueError: broken" in lines[0]["error"]
    (row,) = lines[1]["result"]["rows"]
    assert row["measured"] == 1
    assert not _alive(row["child"])
    assert "time.sleep" in lines[1]["error"] or "<string>" in lines[1]["error"]  # where it hung
    assert lines[1]["seconds"] < 20
    assert "no time left" in lines[2]["error"]
    assert lines[3]["error"] == "--photos was not given"
    assert 60 < lines[4]["result"]["rows"][0]["left"] <= 100  # the last has all that is left
    assert {"date", "device", "torch", "command"} <= set(lines[0])
    contents = _packed(tmp_path / "gpu.tar.gz")
    assert {"results.jsonl", "91-fake91.jsonl", "logs/90-fake90.txt"} <= set(contents)
    assert "91 fake91" in gpu.summary(tmp_path)
    assert "| 91 fake91 | timeout |" in gpu.draw(tmp_path)


def test_after_a_signal_nothing_more_is_begun(gpu: ModuleType, tmp_path: Path) -> None:
    campaign = _campaign(gpu, tmp_path)
    threading.Timer(1.0, campaign.stop, (signal.SIGTERM,)).start()
    lines = campaign.carry_out([_step(gpu, 90, HANGS), _step(gpu, 91, WORKS)])
    assert [line["status"] for line in lines] == ["failed", "skipped"]
    assert all("stopped by SIGTERM" in line["error"] for line in lines)
    assert len(_lines(_packed(tmp_path / "gpu.tar.gz")["results.jsonl"])) == 2


def test_long_logs_are_cut_and_the_archive_stays_small(gpu: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "long.txt").write_bytes(b"a" * 10**6 + b"the end")
    (tmp_path / "results.jsonl").write_text("{}\n")
    (tmp_path / "huge.bin").write_bytes(os.urandom(17 * 2**20))
    gpu.pack(tmp_path, tmp_path / "gpu.tar.gz")
    contents = _packed(tmp_path / "gpu.tar.gz")
    assert set(contents) == {"logs/long.txt", "results.jsonl"}
    assert len(contents["logs/long.txt"]) == gpu.LOG_BYTES
    assert contents["logs/long.txt"].endswith(b"the end")


def test_what_a_killed_step_left_can_be_shown(gpu: ModuleType, tmp_path: Path) -> None:
    for rows in ([], [{"anything": 1}], [{"way": {}}, {"family": {}}, {"speed": {}}, {"recipe": "x"}, {"step": 1}]):
        common = {"status": "timeout", "error": "killed", "seconds": 1.0, "command": "", "date": "2026-01-01T00:00"}
        lines = [{"step": n, "name": f"s{n}", "result": {"rows": rows}, **common} for n in range(10)]
        kept = [json.dumps(line | {"device": "card", "torch": "2", "python": "3"}) for line in lines]
        (tmp_path / "results.jsonl").write_text("\n".join([*kept, "cut off"]))
        assert gpu.summary(tmp_path).count("killed") == 10
        assert gpu.draw(tmp_path).count("| timeout |") == 10


@pytest.mark.parametrize("words", [["0", "3", "5"], ["0,3,5"], ["0,3", "5"]])
def test_steps_are_chosen(gpu: ModuleType, words: list[str]) -> None:
    assert gpu.step_numbers(words) == [0, 3, 5]
    with pytest.raises(SystemExit, match="there is no step 17"):
        gpu.step_numbers(["17"])


def test_data_are_found_where_a_tar_unpacks_them(gpu: ModuleType, tmp_path: Path) -> None:
    data = importlib.import_module("gpu_data")
    made = data.write_photos(tmp_path / "made", classes=2, train=2, val=1)
    with tarfile.open(tmp_path / "some.tar", "w") as archive:
        archive.add(made, "photos20")
    found = data.photos(tmp_path / "some.tar", tmp_path / "scratch")
    assert sorted(entry.name for entry in found.iterdir()) == ["train", "val"]
    batches = data.write_cifar(tmp_path / "cifar", each=3)
    assert data.cifar(batches, tmp_path) == batches
    assert data.images_in(batches, data.BATCHES[:-1]) == 15
    with pytest.raises(FileNotFoundError):
        data.photos(batches, tmp_path)


def _rehearsed(out: Path, *options: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    command = ["bash", str(SCRIPT), "--device", "cpu", "--tiny", "--out", str(out), *options]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_rehearsal_runs_every_step(tmp_path: Path) -> None:
    process = _rehearsed(tmp_path / "out")
    printed, errors = process.communicate(timeout=540)
    assert process.returncode == 0, errors
    archive = tmp_path / "out" / "gpu.tar.gz"
    assert archive.stat().st_size < 16 * 2**20
    contents = _packed(archive)
    lines = _lines(contents["results.jsonl"])
    assert [line["step"] for line in lines] == list(range(10))
    assert {line["step"]: line["error"] for line in lines if line["status"] != "ok"} == {}
    assert all(line["result"]["rows"] for line in lines)
    ways = [row for row in lines[1]["result"]["rows"] if "way" in row]
    assert len(ways) == 72
    assert not any(row["error"] for row in ways)
    assert max(row["deviation"] for row in ways if row["way"]["precision"] == "float32") < 1e-3
    assert str(tmp_path) not in contents["results.jsonl"].decode()
    assert "time_to_accuracy-cpu.json" in contents
    assert "## 5 speed" in contents["gpu.md"].decode()
    assert "9 family" in printed
    drawn = subprocess.run(
        [sys.executable, FOLDER / "gpu.py", "--table", tmp_path / "out"], capture_output=True, text=True, check=True
    )
    assert drawn.stdout.strip() == contents["gpu.md"].decode().strip()


@pytest.mark.slow
def test_a_signal_ends_it_with_what_there_is(tmp_path: Path) -> None:
    process = _rehearsed(tmp_path, "--steps", "0", "2", "3")
    log = tmp_path / "logs" / "2-tests.txt"
    until = time.time() + 120
    while not log.is_file() and time.time() < until:
        time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode not in (0, None)
    assert "stopped by SIGTERM" in errors
    assert "0 environment    ok" in printed
    lines = _lines(_packed(tmp_path / "gpu.tar.gz")["results.jsonl"])
    assert [line["status"] for line in lines] == ["ok", "failed", "skipped"]
