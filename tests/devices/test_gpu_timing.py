"""What only a GPU shows: graphs that are replayed, events that agree with the clock, an allocator's peak."""

from __future__ import annotations

import time

import pytest

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("needs a GPU", allow_module_level=True)

from nas_scale.architecture.files import load_net  # noqa: E402
from nas_scale.devices.measure import measure  # noqa: E402
from nas_scale.devices.runtimes.modules import images, module_of  # noqa: E402
from nas_scale.devices.runtimes.torch_timers import TorchTimer  # noqa: E402
from nas_scale.devices.setting import DeviceSetting  # noqa: E402
from nas_scale.devices.subject import Subject  # noqa: E402

SETTING = DeviceSetting(device="cuda", batch=8, precision="fp16")


class Synchronising(torch.nn.Module):
    """Cannot be recorded: it asks the device for a value."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * float(x.sum())


def test_events_around_replays_agree_with_the_clock() -> None:
    module, resolution = module_of(Subject(load_net("efficientnet-b0")))
    timer = TorchTimer(module, images(8, resolution), SETTING)
    assert timer.note == ""
    timer.time(20)
    start = time.perf_counter()
    taken = timer.time(100)
    elapsed = 1000 * (time.perf_counter() - start)
    assert len(taken) == 100
    assert 0.5 * elapsed < sum(taken) <= 1.02 * elapsed


def test_what_cannot_be_recorded_is_timed_call_by_call() -> None:
    timer = TorchTimer(Synchronising(), images(1, 32), DeviceSetting(device="cuda"))
    assert timer.note.startswith("not as a CUDA graph: ")
    assert all(each > 0 for each in timer.time(5))


@pytest.mark.parametrize("runtime", ["eager", "compile"])
def test_nets_are_measured(runtime: str) -> None:
    setting = DeviceSetting(device="cuda", runtime=runtime, precision="bf16")  # type: ignore[arg-type]
    nets = [load_net("mobilenetv2"), load_net("efficientnet-b3")]
    found = measure(nets, setting, rounds=2, seconds=0.1, stages=True, memory=True)
    small, large = found.nets
    assert small.reason is None
    assert large.median > small.median > 0
    assert small.note == large.note == ""
    if runtime == "eager":
        assert sum(large.stages) == pytest.approx(1.0)
        assert large.memory is not None
        assert large.memory.kind == "allocator"
        assert large.memory.peak_bytes > 2 * 12_000_000, "the weights at least"
