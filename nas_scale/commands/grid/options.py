"""What a grid is asked: which networks are compared."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, TypeAlias

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared import completion
from nas_scale.commands.shared.options import Needs, Option, check
from nas_scale.commands.shared.scale_by import scale_by_option, scaling_metric
from nas_scale.errors import UserError
from nas_scale.metrics.metric import FLOPS
from nas_scale.scaling.rules import PUBLISHED, rule_named
from nas_scale.scaling.solver import MOST_PHI

Method: TypeAlias = Literal["networks", "cartesian", "optuna"]
NETWORKS_TOLERANCE: Final = 0.05  # of real cost
CARTESIAN_TOLERANCE: Final = 0.1  # of the nominal product, as in the paper
NETWORKS: Final = "Networks"


@dataclass(frozen=True, slots=True)
class Grid:
    """Which networks are compared; part of a run's specification.

    method: `networks` really cost 2^phi baselines, within `tolerance`; `cartesian` is the paper's grid of alpha, beta,
    gamma by `step`, whose product is within `tolerance` of 2; `optuna` lets TPE choose among the networks. scale_by:
    the name of the metric that they cost 2^phi times. tolerance None is the method's usual one. prior: as
    scaling/rules.py reads it.
    """

    phi: Annotated[float, Option("The networks cost 2^phi baselines.", None, "X", NETWORKS, 0.01, MOST_PHI)] = 1.0
    scale_by: Annotated[str, scale_by_option(None, NETWORKS)] = FLOPS.name
    baseline: Annotated[
        str | Architecture | None,
        Option(
            "Net to grow: a known net, a YAML file, a run, timm:NAME or torchvision:NAME.",
            "the latest search's best",
            "NET",
            NETWORKS,
            complete=completion.nets,
            specified=False,
        ),
    ] = None
    method: Annotated[
        Method, Option("networks (that really cost it), cartesian (the paper's grid) or optuna.", panel=NETWORKS)
    ] = "networks"
    step: Annotated[
        float,
        Option(
            "Step of the cartesian grid.",
            None,
            "X",
            NETWORKS,
            least=0.01,
            most=1,
            needs=Needs("method", only=("cartesian",)),
        ),
    ] = 0.05
    tolerance: Annotated[
        float | None,
        Option(
            "How far from that cost, as a share.",
            f"{NETWORKS_TOLERANCE:g} of the real cost; with cartesian {CARTESIAN_TOLERANCE:g} of the product",
            "X",
            NETWORKS,
            least=0.001,
            most=0.9,
        ),
    ] = None
    count: Annotated[int, Option("How many networks are trained.", None, "N", NETWORKS, least=2, most=1000)] = 16
    prior: Annotated[
        str,
        Option(
            "What the fit is drawn towards where the trainings say little: a published rule, equal (shares), or A,B,G.",
            None,
            "RULE",
            NETWORKS,
            complete=completion.rules,
        ),
    ] = PUBLISHED
    dry_run: Annotated[
        bool, Option("Show the networks and how long they would train, then stop.", panel=NETWORKS, specified=False)
    ] = False

    def checked(self) -> Grid:
        """Itself with its tolerance settled. Raises UserError naming the option that is wrong."""
        check(self)
        if scaling_metric(self.scale_by) != FLOPS and self.method == "cartesian":
            raise UserError(
                f"--method cartesian grows by the paper's formula, which is of flops, and not by {self.scale_by}; "
                "take --method networks, or leave out --scale-by"
            )
        try:
            rule_named(self.prior)
        except UserError as error:
            raise UserError(f"--prior {error}") from None
        usual = CARTESIAN_TOLERANCE if self.method == "cartesian" else NETWORKS_TOLERANCE
        tolerance = usual if self.tolerance is None else self.tolerance
        return replace(self, tolerance=tolerance, prior=self.prior.strip().lower())
