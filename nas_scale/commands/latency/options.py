"""What the commands on device tables are asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared import completion
from nas_scale.commands.shared.options import Needs, Option, check
from nas_scale.commands.shared.space_options import space_option
from nas_scale.devices.setting import DeviceSetting, Precision, Runtime

MEASURING: Final = "Measuring"
USUAL_SPACE: Final = "mnasnet"
_NAMED: Final = Option("Name of the device's table, as in latency@NAME.", metavar="NAME")
_REPLACE: Final = Option("Make it anew where there is one of this name.")
_FORCE: Final = Option("Let predictions be used even if they are poor.")


@dataclass(frozen=True, slots=True)
class Measuring:
    """Under what is measured."""

    device: Annotated[str, Option("cpu or cuda.", panel=MEASURING, choices=("cpu", "cuda"))] = "cpu"
    runtime: Annotated[Runtime, Option("eager, compile or onnxruntime.", panel=MEASURING)] = "eager"
    threads: Annotated[int, Option("Threads of the processor.", None, "N", MEASURING, least=1, most=1024)] = 1
    batch: Annotated[int, Option("Images at once.", None, "N", MEASURING, least=1, most=65536)] = 1
    precision: Annotated[Precision, Option("fp32, bf16 or fp16.", panel=MEASURING)] = "fp32"

    @property
    def setting(self) -> DeviceSetting:
        """As the measuring takes it."""
        return DeviceSetting(self.device, self.runtime, self.threads, self.batch, self.precision)


@dataclass(frozen=True, slots=True)
class BuildTable:
    """Which nets a device's table is made of, and how long that may take."""

    name: Annotated[str, _NAMED]
    space: Annotated[str | SearchSpace, space_option(MEASURING)] = USUAL_SPACE
    minutes: Annotated[float, Option("Minutes it may take.", None, "X", MEASURING, least=0.2, most=1440)] = 10.0
    seed: Annotated[int, Option("Which nets are drawn.", None, "N", MEASURING, least=0, most=2**31 - 1)] = 0
    force: Annotated[bool, _FORCE] = False
    replace: Annotated[bool, _REPLACE] = False

    def checked(self) -> BuildTable:
        """Itself. Raises UserError naming the option that is wrong."""
        check(self)
        return self


@dataclass(frozen=True, slots=True)
class FitTable:
    """Whose measurements a device's table is learned from."""

    rows: Annotated[
        Path, Option("CSV file with the columns net and milliseconds.", metavar="CSV", positional=True, read=Path)
    ]
    name: Annotated[str, _NAMED]
    batch: Annotated[int | None, Option("Images of a prediction.", "what most rows have", "N", least=1, most=65536)] = (
        None
    )
    force: Annotated[bool, _FORCE] = False
    replace: Annotated[bool, _REPLACE] = False

    def checked(self) -> FitTable:
        """Itself. Raises UserError naming the option that is wrong."""
        check(self)
        return self


@dataclass(frozen=True, slots=True)
class NamedTable:
    """A device's table."""

    name: Annotated[str, Option("The device's name.", metavar="NAME", complete=completion.devices, positional=True)]


@dataclass(frozen=True, slots=True)
class CheckTable:
    """How many nets of a table are measured again."""

    nets: Annotated[int, Option("Nets to measure again.", None, "N", least=2, most=100)] = 5


@dataclass(frozen=True, slots=True)
class PredictedNets:
    """Nets whose latency is predicted."""

    nets: Annotated[
        Sequence[str | Architecture],
        Option(
            "Known nets, YAML files, runs, stages in notation: what they are predicted to take.",
            metavar="[NET...]",
            complete=completion.nets,
            positional=True,
            repeated=True,
        ),
    ] = ()
    resolution: Annotated[
        int | None, Option("Pixels a side.", "the net's own", "PX", least=1, most=8192, needs=Needs("nets", ((), [])))
    ] = None
    against: Annotated[
        Path | None,
        Option("CSV file of measurements, as for fit: predictions are compared with them.", metavar="CSV", read=Path),
    ] = None
