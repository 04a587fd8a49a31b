"""What a comparison is asked: which nets, or by which rules a baseline is grown; at which cost; with how many seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.expand.options import read_phis
from nas_scale.commands.shared import completion
from nas_scale.commands.shared.options import Needs, Option, check, within
from nas_scale.commands.shared.scale_by import scale_by_option
from nas_scale.errors import UserError
from nas_scale.scaling.coefficients import Coefficients
from nas_scale.scaling.solver import MOST_PHI

NETS, RULES = "Nets", "Rules"
MOST_NETS: Final = 50
SEEDS: Final = 3  # of each net before any may be called better
_WITH_NETS: Final = Needs("nets", but=(None, ()))
_WITH_RULES: Final = Needs("rules", but=(None, False))


@dataclass(frozen=True, slots=True)
class Compare:
    """What is compared; part of a run's specification.

    nets: at least two, as they are or `at` one cost. rules: in their place one baseline grown by every rule, at each
    phi. most_seeds: of one net; `Training.seeds` is how many all have before any is given more.
    """

    nets: Annotated[
        Sequence[str | Architecture],
        Option(
            "Known nets, YAML files, runs (results/x, results/x:3), timm:NAME.",
            metavar="[NET...]",
            complete=completion.nets,
            positional=True,
            repeated=True,
            specified=False,
        ),
    ] = ()
    at: Annotated[
        str | None,
        Option(
            "First bring every net to this cost: 60M, flops=60M, params=4M or 5ms@mycpu.",
            metavar="COST",
            panel=NETS,
            needs=_WITH_NETS,
        ),
    ] = None
    at_by: Annotated[
        Literal["width", "resolution"],
        Option("What is changed for that: width or resolution.", panel=NETS, needs=Needs("at")),
    ] = "width"
    resolution: Annotated[
        int | None,
        Option("Pixels a side of all nets.", "each net's own", "PX", NETS, least=3, most=8192, needs=_WITH_NETS),
    ] = None
    rules: Annotated[
        bool,
        Option(
            "Grow one baseline by the fitted rule, every published one, and one axis alone, and compare these.",
            panel=RULES,
        ),
    ] = False
    baseline: Annotated[
        str | Architecture | None,
        Option(
            "Net to grow.",
            "what the coefficients were fitted on",
            "NET",
            RULES,
            complete=completion.nets,
            specified=False,
            needs=_WITH_RULES,
        ),
    ] = None
    coefficients: Annotated[
        str | Coefficients | None,
        Option(
            "The rule to hold against the others: a run with a fit, or alpha,beta,gamma.",
            "the latest fit",
            "A,B,G",
            RULES,
            complete=completion.rules_and_runs,
            specified=False,
            needs=_WITH_RULES,
        ),
    ] = None
    phi: Annotated[
        Sequence[float],
        Option(
            "Sizes at which rules are compared: 1 is what a fit has seen, 2 is not.",
            "1,2",
            "LIST",
            RULES,
            read=read_phis,
            needs=_WITH_RULES,
        ),
    ] = (1.0, 2.0)
    scale_by: Annotated[
        str | None, replace(scale_by_option("what the coefficients were fitted by", RULES), needs=_WITH_RULES)
    ] = None
    most_seeds: Annotated[
        int,
        Option(
            "Seeds of one net, at most: those of pairs that --seeds leave open get more, one by one.",
            f"{{}}, or --seeds where that is more; {SEEDS} for a start",
            "N",
            "Proxy training",
            least=2,
            most=100,
        ),
    ] = 6
    dry_run: Annotated[
        bool, Option("Show the nets and how long they would train, then stop.", panel=NETS, specified=False)
    ] = False

    def checked(self) -> Compare:
        """Itself, each size once. Raises UserError naming the option that is wrong."""
        check(self)
        nets = [self.nets] if isinstance(self.nets, str | Architecture) else list(self.nets)
        if self.rules and nets:
            raise UserError("--rules grow one --baseline, and take no NETs; leave out one of the two")
        if not self.rules and len(nets) < 2:
            raise UserError("name two NETs or more to compare, e.g. efficientnet-b0 mobilenetv2; or give --rules")
        if len(nets) > MOST_NETS:
            raise UserError(f"{len(nets)} NETs are more than the {MOST_NETS} that can be compared at once")
        if self.resolution is not None and self.at is not None and self.at_by == "resolution":
            raise UserError("--resolution cannot go with --at-by resolution, which chooses the pixels of each net")
        phis = [self.phi] if isinstance(self.phi, int | float) else list(self.phi)
        for value in phis:
            within(0.01, MOST_PHI, phi=value)
        if not phis:
            raise UserError("--phi names no size; write --phi 1,2")
        return replace(self, nets=tuple(nets), phi=tuple(sorted({float(phi) for phi in phis})))
