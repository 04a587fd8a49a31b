"""What a certificate is asked: on which nets, and against which longer recipe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.options import Option, check
from nas_scale.commands.shared.space_options import classes_option, open_space, resolution_option, space_option
from nas_scale.commands.shared.training import Training
from nas_scale.errors import UserError
from nas_scale.numbers import read_count

NETS, LONGER = "Nets", "Longer recipe"


@dataclass(frozen=True, slots=True)
class Certify:
    """Which nets are trained, and how the longer recipe differs from the proxy; part of a run's specification."""

    space: Annotated[str | SearchSpace, space_option(NETS)] = "efficientnet"
    nets: Annotated[
        int,
        Option("How many are trained, two thirds of them of equal cost.", None, "N", NETS, least=4, most=1000),
    ] = 16
    target_flops: Annotated[
        float | None,
        Option(
            "Multiply-adds of those, e.g. 400M.",
            "the median of the space's random nets",
            "N",
            NETS,
            1,
            1e18,
            read=read_count,
        ),
    ] = None
    tolerance: Annotated[
        float, Option("How far they may be from it, as a share.", None, "X", NETS, least=0.0001, most=0.9)
    ] = 0.05
    resolution: Annotated[int | None, resolution_option(NETS)] = None
    classes: Annotated[int | None, classes_option(NETS)] = None
    longer: Annotated[float, Option("So many times the proxy's epochs.", None, "X", LONGER, least=1, most=1000)] = 3.0
    longer_seeds: Annotated[
        int,
        Option("Trainings of each net, on other seeds than the proxy's.", None, "N", LONGER, least=1, most=1000),
    ] = 1
    longer_width: Annotated[
        float | None,
        Option("Factor on all channels, nearer to the target net's 1.", "the proxy's", "X", LONGER, least=0.05, most=4),
    ] = None
    longer_resolution: Annotated[
        int | None, Option("Pixels a side, nearer to the target's.", "the proxy's", "PX", LONGER, least=3, most=1024)
    ] = None
    dry_run: Annotated[
        bool, Option("Show the nets and how long they would train, then stop.", panel=NETS, specified=False)
    ] = False

    def checked(self) -> Certify:
        """Itself. Raises UserError naming the option that is wrong."""
        check(self)
        return self

    def opened(self) -> SearchSpace:
        """The space at the asked resolution and number of classes. Raises UserError."""
        return open_space(self.space, self.resolution, self.classes)

    def longer_training(self, settled: Training, reference: Architecture) -> Training:
        """The proxy's training, once `suited`, made longer. Raises UserError where that is the proxy itself."""
        longer = replace(
            settled,
            epochs=round(settled.proxy.recipe.epochs * self.longer),
            proxy_width=self.longer_width or settled.proxy_width,
            proxy_resolution=self.longer_resolution or settled.proxy_resolution,
            seeds=self.longer_seeds,
        )
        if replace(longer, seeds=settled.seeds) == settled:
            raise UserError("the longer recipe is the proxy itself; raise --longer, or give --longer-width")
        return longer.checked().for_reference(reference)
