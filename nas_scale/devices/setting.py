"""Under what milliseconds are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Runtime = Literal["eager", "compile", "onnxruntime"]
Precision = Literal["fp32", "bf16", "fp16"]
BYTES: Final[dict[Precision, int]] = {"fp32": 4, "bf16": 2, "fp16": 2}  # of a number


@dataclass(frozen=True, slots=True)
class DeviceSetting:
    """All that milliseconds depend on besides the network and the machine.

    device: cpu or cuda. threads: of the processor; of a GPU's host too. batch: images at once. precision: of weights
    and activations.
    """

    device: str = "cpu"
    runtime: Runtime = "eager"
    threads: int = 1
    batch: int = 1
    precision: Precision = "fp32"
