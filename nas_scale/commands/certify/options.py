"""What a certificate is asked: on which nets, and against which longer recipe."""

from __future__ import annotations

from dataclasses import dataclass, replace

from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.options import Search
from nas_scale.commands.shared.options import within
from nas_scale.commands.shared.training import Training
from nas_scale.errors import UserError


@dataclass(frozen=True, slots=True)
class Certify:
    """Which nets are trained, and how the longer recipe differs from the proxy; part of a run's specification.

    nets: how many, two thirds of them of equal cost. target_flops: multiply-adds around which those lie, within
    `tolerance`; None is the median of the space's random nets. resolution None and classes None are the space's.
    longer: factor on the proxy's epochs. longer_seeds: trainings of each net under it, on other seeds than the proxy's.
    longer_width, longer_resolution: of the nets in it, nearer to their target; None is the proxy's.
    """

    space: str | SearchSpace = "efficientnet"
    target_flops: float | None = None
    tolerance: float = 0.05
    resolution: int | None = None
    classes: int | None = None
    nets: int = 16
    longer: float = 3.0
    longer_seeds: int = 1
    longer_width: float | None = None
    longer_resolution: int | None = None

    def checked(self) -> Certify:
        """Itself. Raises UserError naming the option that is wrong."""
        within(1, 1e18, target_flops=self.target_flops)
        within(0.0001, 0.9, tolerance=self.tolerance)
        within(2, 8192, resolution=self.resolution)
        within(2, 1_000_000, classes=self.classes)
        within(4, 1000, nets=self.nets)
        within(1, 1000, longer=self.longer)
        within(1, 1000, longer_seeds=self.longer_seeds)
        within(0.05, 4, longer_width=self.longer_width)
        within(3, 1024, longer_resolution=self.longer_resolution)
        return self

    def opened(self) -> SearchSpace:
        """The space at the asked resolution and number of classes. Raises UserError."""
        return Search(space=self.space, resolution=self.resolution, classes=self.classes).opened()

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
