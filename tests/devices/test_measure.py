"""Nets measured in real processes, and what becomes of one that takes its process with it."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from nas_scale.architecture.spec import Architecture, Stage
from nas_scale.devices import measure as module
from nas_scale.devices.measure import MeasuringProgress, export_all, measure, measure_memory, time_round
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.subject import Environment, NetTimed, Sampled, Subject, TimingJob, Turn
from nas_scale.engines.local import LocalEngine
from nas_scale.errors import RunFailed
from tests.support.command import started

TINY = Architecture((Stage("ir", 16, 1, 3, 2, 2),), stem=8, head=32, resolution=32, classes=10, name="tiny")
LARGE = Architecture((Stage("ir", 64, 3, 3, 2, 4),), stem=32, head=256, resolution=96, classes=10, name="large")
EAGER = DeviceSetting()
ONNX = DeviceSetting(runtime="onnxruntime", batch=2)
FAKE = "tests.devices.test_measure:fake_times"


def fake_times(job: TimingJob) -> Generator[Turn | NetTimed, None, Environment]:
    """Stands for the process that times: a net named `fatal` kills it, `bad` fails in it, others take 10 ms."""
    yield Turn(-1)
    if any(subject.name == "no reference" for subject in job.subjects):
        os._exit(3)
    for number, subject in enumerate(job.subjects):
        yield Turn(number)
        if subject.name == "fatal":
            os.kill(os.getpid(), signal.SIGKILL)
        if subject.name == "bad":
            raise MemoryError("too large")
        yield NetTimed(number, Sampled((10.0, 11.0, 12.0), 5.0, resolution=32))
    return Environment(job.setting, "fake", "fake", (), "", "", {}, date=str(os.getpid()))


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The function that runs in the processes, and the engines that were started, as LocalEngine was asked for them."""
    monkeypatch.setattr(module, "TIME_NETS", FAKE)
    monkeypatch.setattr(sys, "path", [str(Path(__file__).parents[2]), *sys.path])
    functions: list[str] = []

    class Counted(LocalEngine):
        def __init__(self, function: str, *arguments: Any, **keywords: Any) -> None:
            functions.append(function)
            super().__init__(function, *arguments, **keywords)

    monkeypatch.setattr(module, "LocalEngine", Counted)
    return functions


@pytest.fixture
def tiny_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reference net that is exported in no time."""
    monkeypatch.setattr(module, "reference_subjects", lambda: (Subject(TINY, 48),))


def test_a_process_that_dies_costs_its_net_alone(fake: list[str]) -> None:
    subjects = [Subject(name) for name in ("a", "fatal", "b", "bad", "c")]
    told: list[MeasuringProgress] = []
    found = time_round(subjects, EAGER, report=told.append)
    assert [net.reason is None for net in found.nets] == [True, False, True, False, True]
    assert found.nets[1].reason == "its worker died by signal 9: probably out of memory"
    assert found.nets[3].reason == "MemoryError: too large"
    assert len(fake) == 3, "a fresh process after each of the two"
    assert [item.name for item in told] == ["a", "fatal", "b", "bad", "c"], "none is timed twice"


def test_every_round_is_a_fresh_process(fake: list[str]) -> None:
    found = measure(["a", "fatal"], EAGER, rounds=4)
    assert len(fake) == 8
    assert found.nets[0].rounds == (11.0,) * 4
    assert found.nets[1].reason is not None
    assert found.places == (1, None)


def test_a_process_that_dies_of_no_nets_fault_ends_it(fake: list[str]) -> None:
    with pytest.raises(RunFailed, match="timing failed: its worker died with exit code 3"):
        measure(["no reference"], EAGER)
    with pytest.raises(RunFailed, match="no net could be measured: its worker died by signal 9"):
        measure(["fatal"], EAGER)
    assert len(fake) == 1 + 2 * 3


@pytest.mark.usefixtures("tiny_reference")
def test_nets_are_measured_eagerly() -> None:
    told: list[MeasuringProgress] = []
    found = measure([TINY, LARGE], EAGER, rounds=2, seconds=0.05, stages=True, memory=True, report=told.append)
    small, large = found.nets
    assert (small.name, small.resolution, large.resolution) == ("tiny", 32, 96)
    assert 0 < small.p10 <= small.median <= small.p90
    assert large.median > 2 * small.median
    assert found.places == (1, 2)
    assert all(len(net.rounds) == 2 and net.samples >= 6 for net in found.nets)
    assert len(large.stages) == 4
    assert sum(large.stages) == pytest.approx(1.0)
    assert max(large.stages) == large.stages[1], "the stage of three blocks takes most"
    assert large.memory is not None
    assert large.memory.kind == "process"
    assert found.environment.versions["torch"]
    assert len(found.environment.affinity) <= 1
    steps = list(dict.fromkeys(item.step for item in told))
    assert steps == ["timing, round 1 of 2", "timing, round 2 of 2", "measuring memory"]


@pytest.mark.usefixtures("tiny_reference")
def test_nets_are_measured_in_onnxruntime(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    twice = measure([TINY, LARGE, TINY], ONNX, rounds=2, seconds=0.05, memory=True, exported=tmp_path)
    assert len(list(tmp_path.glob("*.onnx"))) == 3, "the reference, and each net once"
    assert twice.nets[1].median > 2 * twice.nets[0].median
    assert twice.nets[0].median == pytest.approx(twice.nets[2].median, rel=0.5)
    assert twice.nets[1].images_per_second == pytest.approx(2000 / twice.nets[1].median)
    assert all(net.memory is not None for net in twice.nets)
    assert "onnxruntime" in twice.environment.versions
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert export_all([Subject(TINY)], ONNX, tmp_path) == {}
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before, "nothing is exported again"


@pytest.mark.usefixtures("tiny_reference")
def test_a_net_that_cannot_be_had_costs_itself_alone(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    subjects = [Subject(TINY), Subject("timm:no_such_net")]
    failed = export_all(subjects, ONNX, tmp_path)
    assert list(failed) == [1]
    found = time_round(subjects, ONNX, seconds=0.02, exported=tmp_path, failed=failed)
    assert found.nets[0].reason is None
    assert found.nets[1].reason == failed[1]
    assert "no_such_net" in failed[1] or "cannot be imported" in failed[1] or "does not match" in failed[1]


def test_a_larger_batch_takes_more_memory() -> None:
    one, eight = (measure_memory([Subject(LARGE)], DeviceSetting(batch=batch), None, [True])[0] for batch in (1, 16))
    assert one is not None
    assert eight is not None
    elements = 96 * 96 * 32 // 4  # the stem's output for an image, at least
    assert eight.peak_bytes - one.peak_bytes > 15 * elements * 4
    assert measure_memory([Subject(LARGE)], DeviceSetting(runtime="compile"), None, [True]) == [None]


def test_an_interrupt_leaves_no_processes(tmp_path: Path) -> None:
    process = started("profile", "efficientnet-b0", "mobilenetv2", "--latency", cwd=tmp_path, fake=False)
    assert process.stderr is not None
    first = process.stderr.readline()
    assert first.startswith("timing, round 1 of 3: 0/2 nets, ")
    children = _children(process.pid)
    assert len(children) == 1
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines()[-1] == "nas-scale: interrupted; nothing that was measured is kept"
    end = time.monotonic() + 10
    while any(Path(f"/proc/{child}").exists() for child in children):
        assert time.monotonic() < end
        time.sleep(0.05)


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found
