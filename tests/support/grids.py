"""Grids to draw, made of one that is kept: fitted as this version does, of two axes, cut short."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from msgspec import structs

from nas_scale.commands.grid.fit_view import fit_again
from nas_scale.commands.grid.result import GridFit, GridNet, GridResult
from nas_scale.commands.shared.rows import AxisShares
from tests.support.results import result

REFERENCE: Final = Path(__file__).parents[2] / "results/reference"
OF_PARAMS: Final = (1.03, 0.55)  # doublings of depth and width


def kept(name: str = "grid-001") -> GridResult:
    """As it lies in results/reference."""
    found = result(json.loads((REFERENCE / name / "result.json").read_text()))
    assert isinstance(found, GridResult)
    return found


def fitted(found: GridResult) -> GridResult:
    """With the fit of this version."""
    return structs.replace(found, fit=GridFit.of(fit_again(found)))


def flat(found: GridResult) -> GridResult:
    """Where all networks are alike but for their seeds."""
    rows = [structs.replace(row, search=(0.87, 0.88), accuracy=0.875) for row in found.candidates]
    return fitted(structs.replace(found, candidates=tuple(rows)))


def of_two_axes(found: GridResult) -> GridResult:
    """The same accuracies, with the resolution held and parameters doubled."""
    rows = tuple(_held(row) for row in found.candidates if row.shares.depth + row.shares.width > 0)
    return fitted(structs.replace(found, candidates=rows, scale_by="params"))


def _held(row: GridNet) -> GridNet:
    depth, width = row.shares.depth, row.shares.width
    shares = AxisShares(depth=depth / (depth + width), width=width / (depth + width), resolution=0.0)
    alpha, beta = 2 ** (shares.depth * OF_PARAMS[0]), 2 ** (shares.width * OF_PARAMS[1])
    return structs.replace(row, shares=shares, alpha=alpha, beta=beta, gamma=1.0)


def cut(found: GridResult, count: int) -> GridResult:
    """Of so many networks."""
    return fitted(structs.replace(found, candidates=found.candidates[:count]))
