"""What an expansion ends in: the nets of a family, and what they were grown with."""

from __future__ import annotations

import msgspec

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.expand.options import Rule
from nas_scale.commands.shared.rows import AxisShares, Baseline, GrownRow
from nas_scale.metrics.metric import FLOPS
from nas_scale.runs.results import Costs, Result
from nas_scale.scaling.coefficients import Coefficients


class GrowthUsed(msgspec.Struct, frozen=True, kw_only=True):
    """The coefficients that a family was grown with, and where they come from.

    growth: by how much they nominally multiply what is scaled for each phi; None in files from when that was FLOPs.
    """

    alpha: float
    beta: float
    gamma: float
    source: str
    growth: float | None = None

    @classmethod
    def of(cls, coefficients: Coefficients, source: str, growth: float) -> GrowthUsed:
        values = coefficients
        return cls(alpha=values.alpha, beta=values.beta, gamma=values.gamma, source=source, growth=growth)

    @property
    def nominal_growth(self) -> float:
        """Of what is scaled, for each phi."""
        return self.values.product if self.growth is None else self.growth

    @property
    def values(self) -> Coefficients:
        """The coefficients alone."""
        return Coefficients(self.alpha, self.beta, self.gamma)


class Factors(msgspec.Struct, frozen=True, kw_only=True):
    """What the coefficients ask of a size, before anything is rounded: factors on the baseline's."""

    depth: float
    width: float
    resolution: float


class Member(GrownRow, frozen=True, kw_only=True):
    """One net of a family.

    depth: its blocks over the baseline's. width: geometric mean of its stages' channels over the baseline's.
    resolution: pixels a side. wanted_ratio: 2^phi, which `ratio` is to be. target: what it is to cost, where sizes were
    said as costs. dropout, drop_path: rates to train it with, before the classifier and of the last block's skip; None
    in older files, whose `net` has them all the same. asked: by the coefficients, None in older files.
    """

    name: str
    phi: float
    depth: float
    width: float
    resolution: int
    costs: Costs
    wanted_ratio: float
    shares: AxisShares
    target: float | None = None
    dropout: float | None = None
    drop_path: float | None = None
    asked: Factors | None = None


class ExpandResult(Result, frozen=True, kw_only=True, tag="expand"):
    """A family of nets, the smallest first.

    note: what is to be known of the coefficients, None where nothing is. shrink: what members below the baseline shrank
    with, None where there are none. scale_by: the name of the metric that grows.
    notes: what is to be known of the members: axes that are held, members that coincide or miss their cost. run, files:
    where the nets were written, as YAML files, if they were.
    """

    baseline: Baseline
    coefficients: GrowthUsed
    note: str | None
    shrink: GrowthUsed | None = None
    rule: Rule
    scale_by: str = FLOPS.name
    notes: tuple[str, ...] = ()
    members: tuple[Member, ...] = msgspec.field(name="family")
    run: str | None = None
    files: tuple[str, ...] = ()

    def used_for(self, member: Member) -> GrowthUsed:
        """What the member grew, or shrank, with."""
        return self.shrink if self.shrink is not None and member.phi < 0 else self.coefficients

    @property
    def rows(self) -> tuple[Member, ...]:
        """The table's rows."""
        return self.members

    @property
    def nets(self) -> list[Architecture]:
        """The family's nets, the smallest first."""
        return [member.architecture(member.name) for member in self.members]
