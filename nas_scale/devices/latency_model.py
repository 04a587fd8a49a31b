"""Milliseconds of a network on a device, as a sum over its layers, learned from measurements of whole networks.

A layer's milliseconds are a sum of formulas of what it does (layer_features.py), with coefficients that are never
negative, and of smooth functions of its size (layer_places.py): a Gaussian process that is observed through sums. How
much each group of them matters is chosen by the marginal likelihood (automatic relevance determination, MacKay 1992);
whether the richer ones are used at all by errors at rows left out. Errors are relative throughout.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from nas_scale.architecture.layers import Layer, layers
from nas_scale.architecture.spec import Architecture
from nas_scale.devices.layer_basis import LayerBasis, Tally
from nas_scale.devices.layer_features import Floats, LayerAt
from nas_scale.devices.measurement import Measurement
from nas_scale.devices.plain_fits import PLAIN_COLUMNS, PlainFit, PlainName
from nas_scale.devices.posterior import FAMILIES_TRIED, Chosen, Evidence, Posterior, basis_in_words
from nas_scale.devices.prediction_errors import PredictionErrors, prediction_errors
from nas_scale.devices.rows import distinct_rows

LEAST_SHARE: Final = 0.1  # of its formulas that a layer takes at least, whatever the smooth functions say
NANOSECONDS: Final = 1e6  # of a millisecond
FEW_ROWS: Final = 80  # for which a part more to learn from is worth its time
MANY_PARTS: Final = 10  # of cross-validation
FEW_PARTS: Final = 5
CHUNK: Final = 256  # networks whose columns are held at once


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """model: this model, fitted anew without the rows that it predicts. plain: other fits, on the same rows."""

    model: PredictionErrors
    plain: dict[PlainName, PredictionErrors]


class LatencyModel:
    """Fitted by `fit`. Holds its rows, so that it can be cross-validated."""

    def __init__(self, rows: list[Measurement], basis: LayerBasis, chosen: Chosen, posterior: Posterior) -> None:
        self.rows = rows
        self.chosen = chosen
        self._basis = basis
        self._posterior = posterior
        self._nanoseconds: dict[LayerAt, int] = {}

    @classmethod
    def fit(cls, rows: Sequence[Measurement], chosen: Chosen | None = None) -> LatencyModel:
        """From LEAST_NETS different networks or more. chosen: as an earlier fit chose, else chosen by the rows.

        Raises UserError for rows that are no measurements, and for too few.
        """
        distinct = distinct_rows(rows)
        evidence = Evidence(distinct)
        return cls(distinct, evidence.basis, *_best(evidence, chosen))

    @property
    def basis(self) -> str:
        """What the milliseconds are sums of, in a few words."""
        return basis_in_words(self.chosen)

    @property
    def noise(self) -> float:
        """Relative standard deviation of a measurement from what layers explain."""
        return float(self.chosen.noise**0.5)

    def layer_nanoseconds(self, layer: Layer, batch: int = 1) -> int:
        """What one layer takes for a batch, never negative; a network takes the sum of its layers."""
        at = (layer, batch)
        if at not in self._nanoseconds:
            self._remember([at])
        return self._nanoseconds[at]

    def milliseconds(self, net: Architecture, batch: int = 1) -> float:
        """What a network takes for a batch of images of its own resolution."""
        return sum(self.layer_nanoseconds(layer, batch) for layer in layers(net)) / NANOSECONDS

    def predict(self, nets: Sequence[Architecture], batch: int = 1) -> tuple[Floats, Floats]:
        """Milliseconds and their relative standard deviation, [networks] each, of what would be measured."""
        parts = [self._predicted(nets[start : start + CHUNK], batch) for start in range(0, len(nets), CHUNK)]
        if not parts:
            return np.zeros(0), np.zeros(0)
        times, deviations = zip(*parts, strict=True)
        return np.concatenate(times), np.concatenate(deviations)

    @cached_property
    def cross_validated(self) -> CrossValidation:
        """By cross-validation: each row is predicted by fits to the other parts of the rows, their choices included."""
        truth = np.array([row.milliseconds for row in self.rows])
        guess, deviations = np.zeros(len(truth)), np.zeros(len(truth))
        plain = {name: np.zeros(len(truth)) for name in PLAIN_COLUMNS}
        for out in _folds(len(truth)):
            kept = [row for index, row in enumerate(self.rows) if index not in out]
            evidence = Evidence(kept)
            model = LatencyModel(kept, evidence.basis, *_best(evidence, None))
            fits = {name: PlainFit.of(name, kept) for name in PLAIN_COLUMNS}
            for index in out:
                row = self.rows[index]
                (guess[index],), (deviations[index],) = model.predict([row.net], row.batch)
                for name, fit in fits.items():
                    (plain[name][index],) = fit.predict([row.net], row.batch)
        return CrossValidation(
            prediction_errors(guess, truth, deviations),
            {name: prediction_errors(each, truth) for name, each in plain.items()},
        )

    def _predicted(self, nets: Sequence[Architecture], batch: int) -> tuple[Floats, Floats]:
        tally = Tally.of([(net, batch) for net in nets])
        formulas = self._basis.formulas(tally.at)
        smooth = self._basis.smooth(tally.at, formulas)
        self._nanoseconds.update(zip(tally.at, self._whole(formulas, smooth), strict=True))
        times = tally.sums(np.array([self._nanoseconds[at] for at in tally.at], np.float64)) / NANOSECONDS
        variance = self._posterior.variance(tally.sums(np.hstack([formulas, smooth])))
        relative = variance / np.maximum(times, 1 / NANOSECONDS) ** 2 + self.chosen.noise
        return times, self._posterior.spread(self.chosen) * np.sqrt(relative)

    def _remember(self, at: list[LayerAt]) -> None:
        formulas = self._basis.formulas(at)
        self._nanoseconds.update(zip(at, self._whole(formulas, self._basis.smooth(at, formulas)), strict=True))

    def _whole(self, formulas: Floats, smooth: Floats) -> list[int]:
        """[layers], whole nanoseconds."""
        least = formulas @ self._posterior.formulas
        found = np.maximum(least + smooth @ self._posterior.smooth, LEAST_SHARE * least)
        return [round(each) for each in (found * NANOSECONDS).tolist()]


def _best(evidence: Evidence, chosen: Chosen | None) -> tuple[Chosen, Posterior]:
    """What was chosen, or the simplest family whose squared errors at rows left out are the least, or nearly so."""
    if chosen is not None:
        return chosen, evidence.posterior(chosen)
    tried = []
    for family in FAMILIES_TRIED:
        choice = evidence.choose(family)
        posterior = evidence.posterior(choice)
        tried.append((choice, posterior, np.minimum(np.abs(posterior.left_out), 1.0) ** 2))
    least = min((losses for _, _, losses in tried), key=lambda losses: float(losses.mean()))
    for choice, posterior, losses in tried:
        more = losses - least
        if more.mean() <= more.std() / len(more) ** 0.5:
            return choice, posterior
    raise AssertionError("the least is within its own error")


def _folds(rows: int) -> Iterator[set[int]]:
    """Parts of the rows, drawn the same each time."""
    order = np.random.default_rng(0).permutation(rows)
    parts = MANY_PARTS if rows <= FEW_ROWS else FEW_PARTS
    for part in range(parts):
        yield set(order[part::parts].tolist())
