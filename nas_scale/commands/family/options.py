"""What a family is asked: the options of its three parts, but for those that another part decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from nas_scale.commands.expand.options import Expand
from nas_scale.commands.grid.options import NETWORKS, Grid
from nas_scale.commands.search.options import Search
from nas_scale.commands.shared.options import Option, Options, only, without
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training


@dataclass(frozen=True, slots=True)
class GridSeeds:
    """How often a family's grid trains each network; its other options are called as those of the grid."""

    grid_seeds: Annotated[int | None, Option("Trainings of each of them.", "2", "N", NETWORKS, least=1, most=1000)] = (
        None
    )


OF_GRID: Final = only(Grid, "method", "step", "count", "prior", "scale_by", "channel_multiple", "resolution_multiple")
OF_EXPAND: Final = only(Expand, "phi", "targets", "shrink", "rule")
OF_SETTINGS: Final = without(RunSettings, "storage")  # each part keeps its study in a file of its own
OF_FAMILY: Final[tuple[Options, ...]] = (Search, OF_GRID, GridSeeds, OF_EXPAND, Training, OF_SETTINGS)
