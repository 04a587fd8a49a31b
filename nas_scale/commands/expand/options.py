"""What an expansion is asked: which net grows, by which coefficients, to which sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Final, Literal, TypeAlias

from nas_scale import numbers
from nas_scale.architecture.growth import Repeats
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.expand.targets import read_targets
from nas_scale.commands.shared import completion
from nas_scale.commands.shared.multiples import channel_multiple_option, resolution_multiple_option
from nas_scale.commands.shared.options import Needs, Option, check, only, within
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.scale_by import scale_by_option
from nas_scale.errors import UserError
from nas_scale.numbers import shortened
from nas_scale.scaling.coefficients import Coefficients
from nas_scale.scaling.rules import SHRINKING, coefficients_named
from nas_scale.scaling.solver import MOST_PHI

Rule: TypeAlias = Literal["budget", "paper"]
PHIS: Final = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)
SHRINK: Final = "tinynet"
MOST_SIZES: Final = 100
OF_RUN: Final = only(RunSettings, "results", "run")  # an expansion trains nothing


def read_phis(text: str) -> tuple[float, ...]:
    """'-1..7' -> -1.0 to 7.0 in ones; '0,0.5,1' -> those. Raises UserError."""
    try:
        if ".." in text:
            first, last = (numbers.whole(end) for end in text.split(".."))
            if not 0 <= last - first < MOST_SIZES:
                raise ValueError
            return tuple(float(phi) for phi in range(first, last + 1))
        parts = text.split(",")
        if len(parts) > MOST_SIZES:
            raise ValueError
        return tuple(numbers.real(part) for part in parts)
    except (ValueError, UserError):
        raise UserError(
            f"{shortened(text)} is not understood; write 0..7 or 0,0.5,1, of {MOST_SIZES} sizes at most"
        ) from None


def _sizes(phis: Sequence[float] | float) -> tuple[float, ...]:
    """Each size once, the smallest first. Raises UserError where one cannot be, or there is none."""
    phis = [phis] if isinstance(phis, int | float) else list(phis)
    if not 0 < len(phis) <= MOST_SIZES:
        raise UserError(f"--phi names {len(phis)} sizes; write --phi 0..7 or 0,0.5,1, of {MOST_SIZES} sizes at most")
    for value in phis:
        within(-MOST_PHI, MOST_PHI, phi=value)
    return tuple(sorted(set(phis)))


@dataclass(frozen=True, slots=True)
class Expand:
    """Which family is wanted; part of a run's specification.

    scale_by: the name of the metric that a size is 2^phi baselines of; None is what the coefficients were fitted by.
    targets: sizes as costs, in place of phi; text as on the command line, or numbers in the metric's own unit.
    shrink: how sizes below the baseline are made, TinyNet's rule where it is None. channel_multiple and
    resolution_multiple None are the baseline's own.
    """

    baseline: Annotated[
        str | Architecture | None,
        Option(
            "Net to grow: a known net, a YAML file, a run, timm:NAME or torchvision:NAME.",
            "what the coefficients were fitted on",
            "NET",
            complete=completion.nets,
        ),
    ] = None
    coefficients: Annotated[
        str | Coefficients | None,
        Option(
            "alpha,beta,gamma, a published rule's name, or a run with a fit.",
            "the latest",
            "A,B,G",
            complete=completion.rules_and_runs,
        ),
    ] = None
    phi: Annotated[
        Sequence[float],
        Option(
            "Sizes: 0..7, or a list like -1,0,0.5,1; below 0 they are smaller.",
            "0..7",
            metavar="LIST",
            read=read_phis,
            instead_of="targets",
        ),
    ] = PHIS
    targets: Annotated[
        Sequence[str | float] | None,
        Option(
            "Sizes as costs in place of phi: 200M,400M,1.2G or 20MB,40MB or 5ms@mycpu,10ms@mycpu.",
            metavar="LIST",
            read=read_targets,
        ),
    ] = None
    shrink: Annotated[
        str | Coefficients | None,
        Option(
            "How sizes below the baseline shrink: alpha,beta,gamma or a published rule's name.",
            "tinynet",
            "RULE",
            complete=completion.shrinking_rules,
        ),
    ] = None
    channel_multiple: Annotated[int | None, channel_multiple_option()] = None
    resolution_multiple: Annotated[int | None, resolution_multiple_option()] = None
    scale_by: Annotated[
        str | None, scale_by_option("what the coefficients were fitted by, or what the targets are of, else flops")
    ] = None
    rule: Annotated[
        Rule, Option("budget: nets that really cost 2^phi baselines; paper: the formula, and its real cost.")
    ] = "budget"
    repeats: Annotated[
        Repeats, Option("How rule paper rounds depths: ceil or round.", needs=Needs("rule", only=("paper",)))
    ] = "ceil"

    @property
    def shrinking(self) -> tuple[Coefficients, str]:
        """The rule of sizes below the baseline, and where it comes from. Raises UserError."""
        if isinstance(self.shrink, Coefficients):
            return self.shrink.checked(), "given"
        name = self.shrink or SHRINK
        try:
            return coefficients_named(name, SHRINKING), name
        except UserError as error:
            raise UserError(f"--shrink: {error}") from None

    def checked(self) -> Expand:
        """Itself, with each size once, the smallest first. Raises UserError naming the option that is wrong."""
        check(self)
        phis = _sizes(self.phi)
        _ = self.shrinking  # has to exist
        if self.targets is None:
            if self.shrink is not None and phis[0] >= 0:
                raise UserError("--shrink is for sizes below the baseline; leave it out, or give one, e.g. --phi -1..2")
            return replace(self, phi=phis)
        targets = tuple(each if isinstance(each, str) else f"{each:.17g}" for each in self.targets)
        if not 0 < len(targets) <= MOST_SIZES or not all(targets):
            given = shortened(",".join(targets))
            raise UserError(
                f"--targets {given} is not understood; write 200M,400M or 5ms@mycpu, {MOST_SIZES} sizes at most"
            )
        if self.rule == "paper":
            raise UserError("--targets are met by solving for them; leave out --rule paper, or give --phi")
        return replace(self, phi=phis, targets=targets)
