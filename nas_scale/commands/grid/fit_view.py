"""A grid's fit as something to draw: its surface, fitted again from the stored networks, without training."""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Final

import numpy as np

from nas_scale.commands.grid.result import GridFit, GridNet, GridResult
from nas_scale.confidence import t_quantile
from nas_scale.errors import UserError
from nas_scale.metrics.metric import FLOPS
from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.coefficients import AXES, OF_FLOPS, Doublings, Shares
from nas_scale.scaling.design import growing_axes
from nas_scale.scaling.fit import Fit, fit_candidates
from nas_scale.scaling.maximum import deficits
from nas_scale.scaling.rules import RULES, Rule, rule_named
from nas_scale.scaling.surface import COARSE, Floats, ResponseSurface, features, grid_of
from nas_scale.scaling.triangle import Triangle
from nas_scale.statistics.variances import SeedNoise

PRIOR: Final = "prior"  # names the rule that a fit is drawn towards where it is no published one
STEPS: Final = 60  # of the grid on which the surface is drawn
_MOST_RATIO: Final = 1e9
_MOVED: Final = 0.02  # of a share, above which what was chosen differs from what would be chosen now


@dataclass(frozen=True, slots=True)
class SurfaceView:
    """A surface at the places of a grid, and which places may be the best.

    places: (m, k) shares. accuracy, half_width: (m,) of the surface there, and half of its 95% interval. coarse: (c, k)
    shares at which `deficit` is known, (c,): places above `limit` are excluded (scaling/maximum.py).
    """

    places: Floats
    accuracy: Floats
    half_width: Floats
    coarse: Floats
    deficit: Floats
    limit: float

    def possible(self, shares: Floats) -> bool:
        """Whether the place of the coarse grid that is nearest to these shares, (k,), may be the best."""
        nearest = int(np.argmin(((self.coarse - shares) ** 2).sum(axis=1)))
        return bool(self.deficit[nearest] <= self.limit)


@dataclass(frozen=True, slots=True)
class FitView:
    """A grid with its fit. axes: those that share, two or three.

    networks: those that trained, the best first. rules: the published ways to grow by name, and the fit's prior where
    it is another, with their shares of what the grid doubled. surface: None where the networks are too few or too much
    alike for one. now: the shares that this version chooses, where an earlier one chose others; else None.
    """

    run: str
    found: GridResult
    fit: GridFit
    axes: tuple[str, ...]
    doublings: Doublings
    networks: tuple[GridNet, ...]
    rules: tuple[tuple[str, Rule, Shares], ...]
    surface: SurfaceView | None
    now: Shares | None

    def along(self, shares: Shares) -> float:
        """Where two axes share: how far along the edge from the first to the second a place is, the second's share."""
        return shares[AXES.index(self.axes[1])]


def fit_view(found: GridResult) -> FitView:
    """What there is to draw of a grid. Raises UserError where nothing is fitted, or one axis alone grew."""
    if found.fit is None or found.run is None:
        raise UserError(f"{found.run or 'this grid'} has no fit to draw: its networks were not trained")
    chosen, alone = found.fit.shares, found.fit.alone
    for shares in (chosen,) if alone is None else (chosen, alone.shares):
        _check_shares(shares, f"the fit of {found.run}")
    measured = _Measured.of(found)
    if len(measured.axes) < 2:
        raise UserError(
            f"the networks of {found.run} grew in {measured.axes[0]} alone, so there are no ways to grow to be drawn"
        )
    again = measured.fit()
    return FitView(
        run=found.run,
        found=found,
        fit=found.fit,
        axes=measured.axes,
        doublings=again.triangle.doublings,
        networks=tuple(row for row in found.candidates if row.accuracy is not None),
        rules=_rules(again.triangle, found.prior),
        surface=None if again.surface is None else _view(again.surface),
        now=again.shares if np.ptp([again.shares, chosen], axis=0).max() > _MOVED else None,
    )


def fit_again(found: GridResult) -> Fit:
    """The fit of the networks that a grid has stored: what it was, unless another version of this program made it."""
    return _Measured.of(found).fit()


@dataclass(frozen=True, slots=True)
class _Measured:
    """What a fit is made of: every proxy that trained, once. axes: those that grew in any network."""

    candidates: tuple[Candidate, ...]
    accuracies: tuple[tuple[float, ...], ...]
    axes: tuple[str, ...]
    seed: int
    prior: Rule

    @classmethod
    def of(cls, found: GridResult) -> _Measured:
        """The stored networks. Raises UserError where none trained, or a figure cannot be true."""
        for number, row in enumerate(found.candidates, 1):
            _check(row, f"row {number} of {found.run}")
        doublings = _doublings(found)
        rows = [row for row in found.candidates if row.search and row.alike is None]
        if not rows:
            raise UserError(f"no network of {found.run} has an accuracy, so there is nothing to fit")
        return cls(
            tuple(_candidate(row, doublings) for row in rows),
            tuple(row.search for row in rows),
            growing_axes([_candidate(row, doublings) for row in found.candidates]),
            found.training.seed,
            rule_named(found.prior),
        )

    def fit(self) -> Fit:
        """With accuracies, standard errors and seeds as the fit of a fresh grid has them."""
        noise = SeedNoise.pooled(self.accuracies)
        return fit_candidates(
            self.candidates,
            [statistics.fmean(each) for each in self.accuracies],
            [math.sqrt(noise.mean_variance(each)) for each in self.accuracies],
            [len(each) for each in self.accuracies],
            self.seed,
            self.axes,
            self.prior,
        )


def _check(row: GridNet, where: str) -> None:
    """Raises UserError where a file was changed so that nothing can be fitted."""
    _check_shares(row.shares.as_tuple(), where)
    if not all(1 <= value < _MOST_RATIO for value in (row.alpha, row.beta, row.gamma)):
        raise UserError(f"{where} is damaged: alpha, beta and gamma are no growth")
    if not 0 < row.cost_ratio < _MOST_RATIO:
        raise UserError(f"{where} is damaged: no network costs {row.cost_ratio:g} times its baseline")
    if not all(0 <= accuracy <= 1 for accuracy in row.search):
        raise UserError(f"{where} is damaged: its accuracies are no shares of images")


def _check_shares(shares: Shares, where: str) -> None:
    if min(shares) < 0 or not math.isclose(math.fsum(shares), 1, abs_tol=1e-6):
        raise UserError(f"{where} is damaged: its shares do not add up to 1")


def _candidate(row: GridNet, doublings: Doublings) -> Candidate:
    """The network that a row is about."""
    return Candidate(
        architecture=row.architecture(),
        depth=row.depth,
        width=row.width,
        resolution=row.resolution,
        depths=row.depths,
        channels=row.channels,
        cost_ratio=row.cost_ratio,
        shares=row.shares.as_tuple(),
        doublings=doublings,
    )


def _doublings(found: GridResult) -> Doublings:
    """Of the metric that the grid doubled. Read off its rows, as a device may be gone: alpha = 2^(share * doubling)."""
    if found.scale_by == FLOPS.name:
        return OF_FLOPS
    depth, width, resolution = (_doubling(found, number) for number in range(3))
    return depth, width, resolution


def _doubling(found: GridResult, number: int) -> float:
    """Of one axis: from the network that grew most by it; 0 where none did."""
    row = max(found.candidates, key=lambda row: row.shares.as_tuple()[number])
    share, grown = row.shares.as_tuple()[number], (row.alpha, row.beta, row.gamma)[number]
    return math.log2(grown) / share if share else 0.0


def _rules(on: Triangle, prior: str) -> tuple[tuple[str, Rule, Shares], ...]:
    """The rules that grow by these axes, with the shares that they give them. prior: the name of that of `on`."""
    own = {} if prior.strip().lower() in RULES else {PRIOR: on.rule}
    found = []
    for name, rule in {**RULES, **own}.items():
        if rule.coefficients.growth_of(on.doublings) > 1:
            parts = on.within(rule.shares_of(on.doublings))[0]
            if parts.sum() > 0:
                found.append((name, rule, on.shares(parts / parts.sum())))
    return tuple(found)


def _view(surface: ResponseSurface) -> SurfaceView:
    places, limit = grid_of(STEPS, surface.axes), t_quantile(surface.freedom)
    there = features(places)
    return SurfaceView(
        places=places,
        accuracy=there @ surface.terms,
        half_width=limit * surface.errors_between(there, np.zeros((1, there.shape[1]))),
        coarse=grid_of(COARSE, surface.axes),
        deficit=deficits(surface),
        limit=limit,
    )
