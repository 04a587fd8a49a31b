"""What a certificate ends in: how well the proxy and the scores without training order nets, and what that is worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec

from nas_scale.commands.shared.training import Training
from nas_scale.runs.results import Costs, NetRow, Result, WhereAny
from nas_scale.statistics.agreement import Agreement
from nas_scale.statistics.verdict import Verdict
from nas_scale.training.data.summary import DataSummary


class CertifiedNet(NetRow, frozen=True, kw_only=True):
    """A net of a certificate.

    equal_cost: it is one of those of about the same multiply-adds. proxy, longer: accuracy of each seed under the
    proxy and under the longer recipe. cheap: its scores without training, by name; None for one that is not finite.
    reason: why a training failed; such a net counts nowhere.
    """

    costs: Costs
    equal_cost: bool
    proxy: tuple[float, ...] = ()
    longer: tuple[float, ...] = ()
    cheap: Mapping[str, float | None] = {}
    reason: str | None = None


class ScoreAgreement(msgspec.Struct, frozen=True, kw_only=True):
    """How well a score (the proxy's accuracy, or one without training) orders nets as the longer recipe does.

    all: over all nets; equal: over those of equal cost. seconds: that it takes a net.
    """

    name: str
    all: Agreement
    equal: Agreement
    seconds: float


class Ceiling(msgspec.Struct, frozen=True, kw_only=True):
    """How well two halves of the seeds of one recipe agree, which no score can be expected to exceed by much."""

    of: Literal["longer", "proxy"]
    all: Agreement
    equal: Agreement


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """Standard deviation of the nets' true accuracies: over all, and over those of equal cost."""

    all: float | None
    equal: float | None


class RecipeFigures(msgspec.Struct, frozen=True, kw_only=True):
    """A recipe's noise, spread and speed.

    seed_sd: standard deviation between seeds of one net, in accuracy. accuracy: the lowest and highest mean of a net.
    seconds: of a net, all seeds.
    """

    seed_sd: float | None
    spread: Spread
    accuracy: tuple[float, float]
    images_per_second: float
    seconds: float


class CertifyResult(Result, frozen=True, kw_only=True, tag="certify"):
    """The nets, the best first as the longer recipe has them, and what they say of the proxy.

    After a dry run: the nets that would be trained; run, folder, verdict, agreements and the figures are None.
    band: the range of multiply-adds that counts as equal cost. images: fingerprint of the proxy's. agreements: of
    the longer recipe with the proxy, which is the first, and with every score without training. trainings, workers,
    estimated_seconds: what was planned. data: what was understood of the images; None in older files.
    better_than_guessing: whether the best net under the longer recipe is significantly above the majority class's
    share; None after a dry run, and in older files.
    """

    run: str | None = None
    folder: str | None = None
    header: tuple[str, ...] = ()
    space: str
    target_flops: float | None
    tolerance: float
    resolution: int | None
    classes: int | None
    longer: float
    longer_seeds: int
    longer_width: float | None
    longer_resolution: int | None
    band: tuple[float, float]
    images: str
    trainings: int
    workers: int
    estimated_seconds: float | None = None
    seconds: float = 0.0
    training: Training
    longer_training: Training
    data: DataSummary | None = None
    better_than_guessing: bool | None = None
    verdict: Verdict | None = None
    agreements: tuple[ScoreAgreement, ...] | None = msgspec.field(default=None, name="judges")
    ceiling: Annotated[Ceiling | None, WhereAny] = None
    proxy: Annotated[RecipeFigures | None, WhereAny] = None
    longer_recipe: Annotated[RecipeFigures | None, WhereAny] = None
    nets: tuple[CertifiedNet, ...]

    @property
    def rows(self) -> tuple[ScoreAgreement, ...] | tuple[CertifiedNet, ...]:
        """The table's rows: the scores, or the nets where none is trained yet."""
        return self.nets if self.agreements is None else self.agreements
