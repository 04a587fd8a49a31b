"""What a grid is asked: which networks are compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from nas_scale.commands.shared.options import one_of, within
from nas_scale.scaling.solver import MOST_PHI

Method = Literal["networks", "cartesian", "optuna"]
METHODS: Final = ("networks", "cartesian", "optuna")
NETWORKS_TOLERANCE: Final = 0.05  # of real cost
CARTESIAN_TOLERANCE: Final = 0.1  # of the nominal product, as in the paper


@dataclass(frozen=True, slots=True)
class Grid:
    """Which networks are compared; part of a run's specification.

    phi: the networks cost 2^phi baselines. method: `networks` really cost that, within `tolerance`; `cartesian` is the
    paper's grid of alpha, beta, gamma by `step`, whose product is within `tolerance` of 2; `optuna` lets TPE choose
    among the networks. tolerance None is the method's usual one. count: how many networks are trained.
    """

    phi: float = 1.0
    method: Method = "networks"
    step: float = 0.05
    tolerance: float | None = None
    count: int = 16

    def checked(self) -> Grid:
        """Itself with its tolerance settled. Raises UserError naming the option that is wrong."""
        one_of(METHODS, method=self.method)
        usual = CARTESIAN_TOLERANCE if self.method == "cartesian" else NETWORKS_TOLERANCE
        tolerance = usual if self.tolerance is None else self.tolerance
        within(0.01, MOST_PHI, phi=self.phi)
        within(0.01, 1, step=self.step)
        within(0.001, 0.9, tolerance=tolerance)
        within(2, 1000, count=self.count)
        return replace(self, tolerance=tolerance)
