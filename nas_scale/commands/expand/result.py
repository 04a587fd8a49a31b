"""What an expansion ends in: the nets of a family, and what they were grown with."""

from __future__ import annotations

import msgspec

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.expand.options import Rule
from nas_scale.commands.shared.rows import AxisShares, Baseline
from nas_scale.runs.results import Costs, NetRow, Result
from nas_scale.scaling.coefficients import Coefficients


class GrowthUsed(msgspec.Struct, frozen=True, kw_only=True):
    """The coefficients that a family was grown with, and where they come from."""

    alpha: float
    beta: float
    gamma: float
    source: str

    @classmethod
    def of(cls, coefficients: Coefficients, source: str) -> GrowthUsed:
        return cls(alpha=coefficients.alpha, beta=coefficients.beta, gamma=coefficients.gamma, source=source)

    @property
    def values(self) -> Coefficients:
        """The coefficients alone."""
        return Coefficients(self.alpha, self.beta, self.gamma)


class Member(NetRow, frozen=True, kw_only=True):
    """One net of a family.

    depth: its blocks over the baseline's. width: geometric mean of its stages' channels over the baseline's.
    resolution: pixels a side. flops_ratio: its multiply-adds over the baseline's; wanted_ratio: 2^phi.
    """

    name: str
    phi: float
    depth: float
    width: float
    resolution: int
    costs: Costs
    flops_ratio: float
    wanted_ratio: float
    shares: AxisShares


class ExpandResult(Result, frozen=True, kw_only=True, tag="expand"):
    """A family of nets, the smallest first.

    note: what is to be known of the coefficients, None where nothing is. run, files: where the nets were written, as
    YAML files, if they were.
    """

    baseline: Baseline
    coefficients: GrowthUsed
    note: str | None
    rule: Rule
    members: tuple[Member, ...] = msgspec.field(name="family")
    run: str | None = None
    files: tuple[str, ...] = ()

    @property
    def nets(self) -> list[Architecture]:
        """The family's nets, the smallest first."""
        return [member.architecture(member.name) for member in self.members]
