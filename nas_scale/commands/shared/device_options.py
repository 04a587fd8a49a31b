"""Options of what measures milliseconds: on which device, in which runtime, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from nas_scale.commands.shared.options import Option, check
from nas_scale.commands.shared.workers import choose_device
from nas_scale.devices.setting import DeviceSetting, Precision, Runtime

PANEL: Final = "Device"


@dataclass(frozen=True, slots=True)
class DeviceOptions:
    """Where and how networks are run to be measured."""

    device: Annotated[
        Literal["cpu", "cuda"] | None, Option("What runs the nets: cpu or cuda.", "cpu", "NAME", PANEL)
    ] = None
    runtime: Annotated[
        Runtime | None,
        Option("How: eager (torch), compile (torch.compile) or onnxruntime.", "eager", "NAME", PANEL),
    ] = None
    batch: Annotated[int | None, Option("Images at once.", "1", "N", PANEL, least=1, most=65_536)] = None
    threads: Annotated[
        int | None, Option("Threads, each on a core of its own.", "1", "N", PANEL, least=1, most=1024)
    ] = None
    precision: Annotated[
        Precision | None, Option("Of weights and activations: fp32, bf16 or fp16.", "fp32", "NAME", PANEL)
    ] = None

    def checked(self) -> DeviceOptions:
        """Itself. Raises UserError naming the option that is wrong."""
        check(self)
        return self

    def setting(self) -> DeviceSetting:
        """What they say, with the usual for what they leave out. Raises UserError for a device that is not there."""
        return DeviceSetting(
            device=choose_device(self.device or "cpu"),
            runtime=self.runtime or "eager",
            threads=self.threads or 1,
            batch=self.batch or 1,
            precision=self.precision or "fp32",
        )
