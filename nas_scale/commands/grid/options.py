"""What a grid is asked: which networks are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, TypeAlias

from nas_scale import numbers
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared import completion
from nas_scale.commands.shared.lists import ascending, list_reader
from nas_scale.commands.shared.multiples import channel_multiple_option, resolution_multiple_option
from nas_scale.commands.shared.options import Needs, Option, Options, check, only, without
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.scale_by import scale_by_option, scaling_metric
from nas_scale.commands.shared.training import MOST_EPOCHS, PROXY, Training
from nas_scale.errors import UserError
from nas_scale.metrics.metric import FLOPS
from nas_scale.scaling.rules import PUBLISHED, rule_named
from nas_scale.scaling.solver import MOST_PHI

Method: TypeAlias = Literal["networks", "cartesian", "optuna"]
NETWORKS_TOLERANCE: Final = 0.05  # of real cost
CARTESIAN_TOLERANCE: Final = 0.1  # of the nominal product, as in the paper
NETWORKS: Final = "Networks"
MOST_FITS: Final = 4  # in a list of sizes, or of epochs
_read_phis: Final = list_reader(numbers.real, "1 or 1,2", MOST_FITS)
_read_epochs: Final = list_reader(numbers.whole, "9 or 3,9", MOST_FITS)


@dataclass(frozen=True, slots=True)
class Grid:
    """Which networks are compared; part of a run's specification.

    method: `networks` really cost 2^phi baselines, within `tolerance`; `cartesian` is the paper's grid of alpha, beta,
    gamma by `step`, whose product is within `tolerance` of 2; `optuna` lets TPE choose among the networks. scale_by:
    the name of the metric that they cost 2^phi times. tolerance None is the method's usual one. prior: as
    scaling/rules.py reads it. phi, epochs: one or several; there is a fit for each pair. No
    epochs: as many as suit data and device.
    """

    phi: Annotated[
        Sequence[float],
        Option(
            "The networks cost 2^phi baselines. A list, 1,2, fits each and says whether the rule of the first holds.",
            "1",
            "LIST",
            NETWORKS,
            read=_read_phis,
        ),
    ] = (1.0,)
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
    channel_multiple: Annotated[int | None, channel_multiple_option(NETWORKS)] = None
    resolution_multiple: Annotated[int | None, resolution_multiple_option(NETWORKS)] = None
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
    epochs: Annotated[
        Sequence[int],
        Option(
            "Epochs of each training, at most. A list, 3,9, fits each and says whether the answer moves.",
            "three quarters of a search's, or of what suits data and device",
            "LIST",
            PROXY,
            read=_read_epochs,
            decides="proxy",
            specified=False,
        ),
    ] = ()
    dry_run: Annotated[
        bool, Option("Show the networks and how long they would train, then stop.", panel=NETWORKS, specified=False)
    ] = False

    def checked(self) -> Grid:
        """Itself with its tolerance settled, and sizes and epochs in order. Raises UserError naming the option that is
        wrong."""
        check(self)
        phis = ascending(self.phi, "phi", float, 0.01, MOST_PHI, MOST_FITS)
        epochs = ascending(self.epochs, "epochs", int, 1, MOST_EPOCHS, MOST_FITS) if self.epochs != () else ()
        if self.method == "optuna" and (len(phis) > 1 or len(epochs) > 1):
            raise UserError(
                "--method optuna chooses networks by their accuracy, and so not the same for each fit; give one --phi "
                "and one --epochs, or take --method networks"
            )
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
        return replace(self, tolerance=tolerance, phi=phis, epochs=epochs, prior=self.prior.strip().lower())


# A grid's own epochs stand in the place of those that all trainings have.
OF_GRID: Final[tuple[Options, ...]] = (
    without(Grid, "epochs"),
    without(Training, "epochs"),
    only(Grid, "epochs"),
    RunSettings,
)
