"""Coefficients to grow by: given as numbers, by a published rule's name, or fitted in a run."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.family.result import FamilyResult
from nas_scale.commands.grid.result import GridResult
from nas_scale.commands.results import read_any
from nas_scale.commands.shared.lines import counted, fit_note, move_notes
from nas_scale.commands.shared.net_lookup import place_named, run_named
from nas_scale.commands.shared.training import Training
from nas_scale.errors import RunError, UserError
from nas_scale.metrics.metric import FLOPS
from nas_scale.runs.results import read_result
from nas_scale.runs.store import Run, latest
from nas_scale.scaling.coefficients import Coefficients
from nas_scale.scaling.rules import NAMED, coefficients_named


@dataclass(frozen=True, slots=True)
class KnownGrowth:
    """Coefficients, where they come from, what is to be known of them, and the net they were fitted on, if any.

    scale_by: the name of the metric that they were fitted by. training: how the networks were trained that they were
    fitted to. side: pixels of those images' own shorter side, where they have one.
    """

    coefficients: Coefficients
    source: str
    note: str | None = None
    baseline: Architecture | None = None
    scale_by: str = FLOPS.name
    training: Training | None = None
    side: int | None = None


def growth_of(asked: str | Coefficients | None, results: Path) -> KnownGrowth:
    """Coefficients as numbers, by a published rule's name, of a run with a fit, or (None) of the latest such run.

    Raises UserError.
    """
    if isinstance(asked, Coefficients):
        return KnownGrowth(asked.checked(), "given")
    run = _latest_fit(results) if asked is None else run_named(asked, results)
    if run is not None:
        return _fitted(run, None if asked is None else place_named(run, asked))
    if asked is None:
        raise UserError(
            f"there is no fit in {results}; give --coefficients 1.2,1.1,1.15, or run nas-scale grid --phi 1 first"
        )
    if asked not in NAMED and (os.path.isdir(asked) or Path(asked).parent == results):
        raise RunError(f"there is no run {asked!r}; nas-scale show lists the runs in {results}")
    return KnownGrowth(coefficients_named(asked), asked)


def _latest_fit(results: Path) -> Run | None:
    """The latest complete run with a fit: of a grid, or of a family's."""
    runs = [run for run in (latest(results, "grid"), latest(results, "family")) if run is not None]
    return max(runs, key=lambda run: run.record.created, default=None)


def _fitted(run: Run, place: int | None) -> KnownGrowth:
    """The coefficients of a run: of one of several fits by its place, from 1, or (None) of the one that is followed."""
    found = read_result(run, FamilyResult).grid if run.kind == "family" else read_any(run)
    if not isinstance(found, GridResult) or found.fit is None:
        raise RunError(
            f"{run.folder} holds no fitted coefficients; name a grid run, or give --coefficients 1.2,1.1,1.15"
        )
    net = found.baseline.architecture(found.baseline.name)
    side = None if found.data is None else found.data.side
    fits = max(len(found.arms), 1)
    if place is not None and place > fits:
        raise UserError(f"{run.folder} has {counted(fits, 'fit')}; there is no number {place}")
    if not found.arms:
        note = fit_note(found.phi, found.fit, str(run.folder))
        source = f"fitted in {run.folder}"
        return KnownGrowth(found.fit.coefficients, source, note, net, found.scale_by, found.training, side)
    at = place or found.followed or 1
    arm = found.arms[at - 1]
    assert arm.fit is not None
    source = f"fitted in {run.folder}:{at}, {found.labels[at - 1]}"
    note = "; ".join([fit_note(arm.phi, arm.fit, f"{run.folder}:{at}"), *move_notes(found, at, str(run.folder))])
    training = replace(found.training, epochs=arm.epochs)
    return KnownGrowth(arm.fit.coefficients, source, note, net, found.scale_by, training, side)
