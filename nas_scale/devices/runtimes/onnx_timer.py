"""Times exported networks in onnxruntime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_scale.devices.clock import Clock
from nas_scale.devices.runtimes.modules import images
from nas_scale.devices.setting import DeviceSetting

if TYPE_CHECKING:
    import onnxruntime


def session(file: Path, setting: DeviceSetting, arena: bool = True) -> onnxruntime.InferenceSession:
    """A session of all optimisations on the setting's threads. arena: whether it keeps freed memory."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = setting.threads
    options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = arena
    options.log_severity_level = 3  # its errors alone
    cuda = ["CUDAExecutionProvider"] if setting.device == "cuda" else []
    found = onnxruntime.InferenceSession(str(file), options, providers=[*cuda, "CPUExecutionProvider"])
    if cuda and found.get_providers()[0] != cuda[0]:
        raise RuntimeError("onnxruntime could not start its CUDA provider, and fell back to the CPU")
    return found


class OnnxTimer:
    """An exported network with its images on the device.

    On a GPU the clock runs around whole calls, which end when the device has finished: onnxruntime launches kernel by
    kernel from the host, and that is part of what it takes.
    """

    note = ""

    def __init__(self, file: Path, setting: DeviceSetting) -> None:
        import onnxruntime

        self._session = session(file, setting)
        batch, _, self.resolution, _ = self._session.get_inputs()[0].shape
        x = images(batch, self.resolution, setting.precision)
        self.clock = Clock()
        self._binding: Any = self._session.io_binding()
        device = setting.device
        value = onnxruntime.OrtValue.ortvalue_from_numpy(x.numpy(), device, 0)
        self._binding.bind_ortvalue_input(self._session.get_inputs()[0].name, value)
        for output in self._session.get_outputs():
            self._binding.bind_output(output.name, device)

    def time(self, calls: int) -> list[float]:
        """Milliseconds of each call."""
        return self.clock.time(self._run, calls)

    def _run(self) -> None:
        self._session.run_with_iobinding(self._binding)
        self._binding.synchronize_outputs()
