"""Coefficients of the layers' functions, given networks' milliseconds and how much each group of functions matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from nas_scale.devices.evidence import likeliest_scales, nonnegative_ridge
from nas_scale.devices.layer_basis import ALL, FORMULA_GROUPS, SMOOTH_GROUPS, LayerBasis, Tally
from nas_scale.devices.layer_features import GROUPS, Floats
from nas_scale.devices.measurement import Measurement
from nas_scale.devices.prediction_errors import NORMAL_95

FIRST: Final = {"sums": 0.05}  # where the search for variances starts; 0.01 for all others
SURE: Final = 2.5  # standard deviations from which on a row is trusted less (Huber 1964)
NOTHING: Final = 1e-6  # the variance of a group that does not matter
FAMILIES_TRIED: Final = {
    "sums": ("sums",),
    "formulas": tuple(GROUPS),
    "formulas and smooth functions": ALL,
}  # from the simplest


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is chosen by the evidence, and enough to fit the same model again in no time.

    family: of FAMILIES_TRIED. scales: variances of the shares that groups of functions have in a network's time.
    noise: relative variance of a measurement.
    """

    family: str
    scales: Mapping[str, float]
    noise: float


def basis_in_words(chosen: Chosen) -> str:
    """`formulas (padded-16, launches, sums) and smooth functions`: the formulas that matter most first."""
    used = sorted((name for name in chosen.scales if name in GROUPS), key=lambda name: -chosen.scales[name])
    smooth = " and smooth functions" if any(name not in GROUPS for name in chosen.scales) else ""
    return f"formulas ({', '.join(used)}){smooth}"


class Evidence:
    """Measurements, each network once, as sums over layers' functions relative to the measured milliseconds."""

    def __init__(self, rows: Sequence[Measurement]) -> None:
        tally = Tally.of([(row.net, row.batch) for row in rows])
        self.basis = LayerBasis.of(rows, tally)
        formulas = self.basis.formulas(tally.at)
        weights = 1 / np.array([[row.milliseconds] for row in rows])
        self.formulas = weights * tally.sums(formulas)  # [rows, formulas]
        self.smooth = weights * tally.sums(self.basis.smooth(tally.at, formulas))  # [rows, smooth functions]

    def choose(self, family: str) -> Chosen:
        """The likeliest scales of a family, once with all rows trusted and again with those trusted that fit."""
        trusted = np.ones(len(self.formulas))
        chosen = self._likeliest(family, trusted)
        trusted = self.posterior(chosen).trusted
        return chosen if (trusted == 1).all() else self._likeliest(family, trusted)

    def _likeliest(self, family: str, trusted: Floats) -> Chosen:
        names = FAMILIES_TRIED[family]
        kernels = np.array([self._kernel(name) for name in names])
        start = np.array([FIRST.get(name, 0.01) for name in names])
        least = np.array([0.01 if name == "sums" else NOTHING for name in names])
        most = np.array([7.0 if name in GROUPS else 0.25 for name in names])
        scales, noise = likeliest_scales(kernels, start, least, most, trusted)
        kept = {name: float(scale) for name, scale in zip(names, scales, strict=True) if scale > 2 * NOTHING}
        return Chosen(family, kept, noise)

    def _kernel(self, name: str) -> Floats:
        columns = self.formulas[:, name == FORMULA_GROUPS] if name in GROUPS else self.smooth[:, name == SMOOTH_GROUPS]
        return columns @ columns.T

    def posterior(self, chosen: Chosen) -> Posterior:
        """The likeliest coefficients, after three rounds in which rows that do not fit lose weight."""
        trusted = np.ones(len(self.formulas))
        for _ in range(3):
            found = Posterior.of(self, chosen, trusted)
            trusted = np.minimum(1.0, SURE / np.maximum(np.abs(found.standardised), SURE))
        return Posterior.of(self, chosen, trusted)


@dataclass(frozen=True)
class Posterior:
    """Coefficients of formulas (never negative) and of smooth functions, and how sure a sum of them is.

    variances: [formulas + smooth functions], of the prior. left_out: [rows], relative errors, predicted - measured,
    where each row is predicted without itself. standardised: the same over their standard deviations. trusted: [rows],
    0 to 1. inverse: [rows, rows] of the covariance of relative times. columns: [rows, formulas + smooth functions].
    """

    formulas: Floats
    smooth: Floats
    variances: Floats
    left_out: Floats
    standardised: Floats
    trusted: Floats
    inverse: Floats
    columns: Floats

    @classmethod
    def of(cls, evidence: Evidence, chosen: Chosen, trusted: Floats) -> Posterior:
        """With rows trusted as much as this."""
        scales = {name: chosen.scales.get(name, 0.0) for name in ALL}
        formula_variances = np.array([scales[name] for name in FORMULA_GROUPS]) * (evidence.basis.unit > 0)
        smooth_variances = np.array([scales[name] for name in SMOOTH_GROUPS])
        known = formula_variances > 0
        target, noise = np.ones(len(trusted)), np.diag(chosen.noise / trusted)
        left = (evidence.smooth * smooth_variances) @ evidence.smooth.T + noise
        formulas = np.zeros(len(known))
        variances = formula_variances[known]
        formulas[known] = nonnegative_ridge(evidence.formulas[:, known], target, variances, 0 * variances, left)
        used = evidence.formulas * (formulas > 0)
        missing = np.linalg.solve(left, target - used @ formulas)
        errors = _left_out(used * formula_variances @ used.T + left, target)
        columns = np.hstack([evidence.formulas, evidence.smooth])
        every = np.concatenate([formula_variances, smooth_variances])
        inverse = np.linalg.inv(columns * every @ columns.T + noise)
        spread = 1 / np.diag(inverse) - np.diag(noise) + chosen.noise
        return cls(
            formulas=formulas,
            smooth=smooth_variances * (evidence.smooth.T @ missing),
            variances=every,
            left_out=errors,
            standardised=errors / np.sqrt(spread),
            trusted=trusted,
            inverse=inverse,
            columns=columns,
        )

    def spread(self, chosen: Chosen) -> float:
        """By how much wider an interval of 95% is than the standard deviations of the model as chosen say.

        As errors at rows left out are larger, counting a row for each scale that the rows chose, and by Student's
        distribution: what few rows say of the noise is vague.
        """
        rows = len(self.standardised)
        squares = (np.minimum(np.abs(self.standardised), 3.0) ** 2).sum()
        larger = float(np.sqrt(squares / (rows - min(len(chosen.scales), rows / 5))))
        left = max(3.0, chosen.noise * float((np.diag(self.inverse) / self.trusted).sum()))
        student = 1 + (NORMAL_95**2 + 1) / (4 * left)
        return max(1.0, larger) * student

    def variance(self, columns: Floats) -> Floats:
        """[networks, formulas + smooth functions] in milliseconds -> [networks], of the sum in milliseconds squared."""
        shared = (columns * self.variances) @ self.columns.T
        known: Floats = np.einsum("ij,jk,ik->i", shared, self.inverse, shared)
        return np.maximum((columns**2) @ self.variances - known, 0.0)


def _left_out(covariance: Floats, target: Floats) -> Floats:
    """Errors of each row's prediction from the others (Rasmussen and Williams 2006, 5.12), predicted - measured."""
    inverse = np.linalg.inv(covariance)
    errors: Floats = -(inverse @ target) / np.diag(inverse)
    return errors
