"""What a profile is asked: of which nets, at which resolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared import completion
from nas_scale.commands.shared.bytes_per_value import bytes_option, check_bytes
from nas_scale.commands.shared.options import Option, check
from nas_scale.errors import UserError


@dataclass(frozen=True, slots=True)
class ProfileOptions:
    """Which nets are counted, and how."""

    nets: Annotated[
        Sequence[str | Architecture],
        Option(
            "Known nets, YAML files, runs (results/x, results/x:3), timm:NAME, torchvision:NAME.",
            metavar="NET...",
            complete=completion.nets,
            positional=True,
            repeated=True,
        ),
    ]
    resolution: Annotated[int | None, Option("Pixels a side.", "the net's own", "PX", least=1, most=8192)] = None
    bytes_per_value: Annotated[int | None, bytes_option()] = None
    check: Annotated[bool, Option("Count with fvcore too, operator by operator.")] = False
    explain: Annotated[
        bool,
        Option(
            "Of a family's member (RUN:3, or its file): what the formula asked of each stage, and what was made of it."
        ),
    ] = False
    latency: Annotated[
        bool, Option("Measure milliseconds and memory too, in fresh processes. Give --device and what follows with it.")
    ] = False

    def checked(self) -> ProfileOptions:
        """Itself. Raises UserError naming the option that is wrong."""
        check(self)
        check_bytes(self.bytes_per_value)
        if self.explain and self.resolution is not None:
            raise UserError("--explain is of a member as it is; leave out --resolution")
        return self
