"""Devices are chosen without loading torch where there can be no GPU, and workers keep them busy."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training
from nas_scale.commands.shared.workers import choose_device, training_engine, within_machine, worker_count
from nas_scale.devices import support
from nas_scale.engines.base import Done
from nas_scale.errors import UserError

GPUS = "CUDA_VISIBLE_DEVICES"
Pretend = Callable[[int], None]
Made = list[dict[str, Any]]


def test_without_gpu_files_there_is_only_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(support, "GPU_FILES", ("/no/such/device",))
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
    monkeypatch.setattr(support, "GPU_FILES", ("/",))  # which is there
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert choose_device("auto") == auto
    if gpus:
        assert choose_device("cuda:1") == "cuda:1"
    with pytest.raises(UserError, match="--device cuda:7 is not there; this machine has cpu"):
        choose_device("cuda:7")


def test_workers_and_threads_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr("os.sched_getaffinity", lambda _: range(8), raising=False)
    assert worker_count(RunSettings(), "cpu", 1) == 8
    assert worker_count(RunSettings(), "cpu", 3) == 2
    assert worker_count(RunSettings(), "cpu", 16) == 1
    assert worker_count(RunSettings(), "mps", 1) == 1
    assert worker_count(RunSettings(slots=3), "mps", 1) == 3


@pytest.fixture
def pretend_gpus(monkeypatch: pytest.MonkeyPatch) -> Pretend:
    """Has torch count so many GPUs, which nothing in the environment names; anything else it is asked of them fails."""
    torch = pytest.importorskip("torch")

    def pretend(count: int) -> None:
        monkeypatch.delenv(GPUS, raising=False)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
        monkeypatch.setattr(torch.cuda, "_lazy_init", lambda: pytest.fail("the parent uses a GPU"))

    return pretend


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Made:
    """What engines were made with since, by name; none is really made."""
    engines: Made = []

    def local(function: str, workers: int, threads: int, slots: int, environments: Any) -> None:
        gpus = [environment.get(GPUS) for environment in environments]
        engines.append({"function": function, "workers": workers, "slots": slots, "gpus": gpus})

    def ray(function: str, workers: int, threads: int, gpus_per_job: float) -> None:
        engines.append({"function": function, "workers": workers, "gpus_per_job": gpus_per_job})

    monkeypatch.setattr("nas_scale.engines.local.LocalEngine", local)
    monkeypatch.setattr("nas_scale.engines.ray.RayEngine", ray)
    return engines


def test_each_gpu_gets_its_workers(pretend_gpus: Pretend) -> None:
    pretend_gpus(1)
    assert worker_count(RunSettings(), "cuda", 1) == 1
    assert worker_count(RunSettings(workers=5), "cuda", 1) == 5
    pretend_gpus(2)
    assert worker_count(RunSettings(), "cuda", 4) == 2
    assert worker_count(RunSettings(slots=3), "cuda", 1) == 6
    assert worker_count(RunSettings(slots=3), "cuda:1", 1) == 3
    assert worker_count(RunSettings(slots=3, workers=5), "cuda", 1) == 5


@pytest.mark.parametrize(
    ("device", "visible", "gpus"),
    [
        ("cuda", None, ["0", "1"]),
        ("cuda:1", None, ["1"]),
        ("cuda", "3, GPU-5f", ["3", "GPU-5f"]),
        ("cuda:1", "3,GPU-5f", ["GPU-5f"]),
        ("cpu", "3,GPU-5f", [None]),
        ("mps", None, [None]),
    ],
)
def test_a_worker_sees_one_gpu_of_those_that_its_parent_sees(
    monkeypatch: pytest.MonkeyPatch, pretend_gpus: Pretend, made: Made, device: str, visible: str | None, gpus: Any
) -> None:
    pretend_gpus(2)
    if visible is not None:
        monkeypatch.setenv(GPUS, visible)
    training_engine(RunSettings(device=device), device, 1)
    assert made[-1]["gpus"] == gpus


@pytest.mark.parametrize(("workers", "expected"), [(None, (6, 3)), (2, (2, 1)), (3, (3, 2)), (8, (8, 3))])
def test_workers_count_trainings_in_all_and_few_are_spread_over_the_gpus(
    pretend_gpus: Pretend, made: Made, workers: int | None, expected: tuple[int, int]
) -> None:
    pretend_gpus(2)
    training_engine(RunSettings(workers=workers, slots=3), "cuda", 1)
    assert (made[-1]["workers"], made[-1]["slots"]) == expected


def test_the_function_is_that_of_trainings_unless_another_is_named(monkeypatch: pytest.MonkeyPatch, made: Made) -> None:
    monkeypatch.setattr("nas_scale.training.worker.EVALUATE", "some:other")
    training_engine(RunSettings(), "cpu", 1)
    training_engine(RunSettings(), "cpu", 1, "tests.support.engine_jobs:double")
    assert [engine["function"] for engine in made] == ["some:other", "tests.support.engine_jobs:double"]


def test_ray_gives_each_training_its_share_of_a_gpu_and_chooses_which(pretend_gpus: Pretend, made: Made) -> None:
    pretend_gpus(2)
    for slots, device in ((1, "cuda"), (4, "cuda"), (4, "cpu")):
        training_engine(RunSettings(engine="ray", slots=slots), device, 1)
    assert [engine["gpus_per_job"] for engine in made] == [1.0, 0.25, 0.0]
    with pytest.raises(UserError, match=r"--device cuda:1 cannot go with --engine ray.*use --device cuda$"):
        RunSettings(engine="ray", device="cuda:1").checked()


@pytest.mark.parametrize("slots", [0, 65])
def test_slots_have_limits(slots: int) -> None:
    with pytest.raises(UserError, match=f"--slots {slots} must lie in 1 to 64"):
        RunSettings(slots=slots).checked()


def test_workers_really_use_both_of_two_gpus(pretend_gpus: Pretend) -> None:
    pretend_gpus(2)
    with training_engine(RunSettings(slots=2), "cuda", 1, "tests.support.engine_jobs:environment") as engine:
        for ticket in range(4):
            engine.submit(ticket, GPUS)
        ends = [engine.next() for _ in range(4)]
    assert Counter(end.result for end in ends if isinstance(end, Done)) == {"0": 2, "1": 2}


def test_threads_and_workers_are_lowered_to_what_the_machine_can_bear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas_scale.commands.shared.workers.usable_cores", lambda: 2)
    settings, training, lines = within_machine(RunSettings(workers=1000), Training(threads=1000))
    assert (settings.workers, training.threads) == (8, 2)
    assert lines == (
        "--threads 1000 is more than the cores there are: 2 at work",
        "--workers 1000 is more than 4 for each core: 8 at work",
    )
    for same in ((RunSettings(workers=8), Training(threads=2)), (RunSettings(engine="ray"), Training(threads=64))):
        assert within_machine(*same) == (*same, ())
