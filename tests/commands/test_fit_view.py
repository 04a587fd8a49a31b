"""What is drawn of a grid: its fit, made again from what is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from nas_scale import grid
from nas_scale.commands.grid.fit_view import fit_again, fit_view
from nas_scale.commands.grid.result import GridResult
from nas_scale.commands.shared.rows import AxisShares
from nas_scale.errors import UserError
from nas_scale.metrics.metric import metric_named
from nas_scale.scaling.reach import reach_of
from nas_scale.scaling.rules import RULES
from tests.support.command import Command
from tests.support.grids import OF_PARAMS, cut, fitted, kept, of_two_axes
from tests.support.results import result

TINY: dict[str, Any] = {"data": "digits", "proxy_resolution": 12, "device": "cpu", "seeds": 2}


def stored(folder: Path) -> GridResult:
    found = result(json.loads((folder / "result.json").read_text()))
    assert isinstance(found, GridResult)
    return found


@pytest.mark.parametrize(
    ("asked", "failing"),
    [({"count": 9}, 0), ({"count": 8, "scale_by": "params", "prior": "1.3,1.1,1"}, 0), ({"count": 14}, 128)],
)
def test_the_fit_is_what_it_was(
    nas_scale: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: dict[str, Any], failing: int
) -> None:
    monkeypatch.setenv("FAKE_FAILING", str(failing))
    grid("efficientnet-b0", **asked, **TINY)
    found = stored(tmp_path / "results/grid-001")
    assert any(row.reason for row in found.candidates) == bool(failing)
    assert found.fit is not None
    again = fit_again(found)
    for name in ("alpha", "beta", "gamma", "shares", "flat_p", "sd"):
        assert getattr(again, name) == pytest.approx(getattr(found.fit, name), rel=1e-9, abs=1e-12), name
    assert (again.verdict, again.points) == (found.fit.verdict, found.fit.points)
    assert again.possible == {axis: pytest.approx(ends) for axis, ends in found.fit.possible.items()}
    view = fit_view(found)
    assert view.now is None
    assert len(view.networks) == sum(row.state == "complete" for row in found.candidates)
    by = metric_named(found.scale_by)
    assert view.doublings == pytest.approx(reach_of(found.baseline.architecture(), by).doublings)


def test_an_older_fit_is_known_as_one() -> None:
    old, now = fit_view(kept()), fit_view(fitted(kept()))
    assert now.now is None
    assert old.now == pytest.approx(now.fit.shares)
    assert old.fit == kept().fit, "what the run chose stays what is shown"


def test_the_surface_and_its_region_are_those_of_the_fit() -> None:
    view = fit_view(fitted(kept()))
    assert view.surface is not None
    assert view.axes == ("depth", "width", "resolution")
    held = view.surface.coarse[view.surface.deficit <= view.surface.limit]
    assert 1 - len(held) / len(view.surface.coarse) == pytest.approx(view.fit.excluded)
    assert all(view.surface.possible(place) for place in held)
    assert not view.surface.possible(np.array([0.0, 1.0, 0.0])) or view.fit.possible["width"][1] == 1
    assert view.fit.alone is not None
    nearest = np.argmin(np.linalg.norm(view.surface.places - view.fit.alone.shares, axis=1))
    assert view.surface.accuracy[nearest] == pytest.approx(view.fit.alone.accuracy, abs=1e-3)
    assert view.surface.accuracy.max() <= view.fit.alone.accuracy + 1e-9
    assert (view.surface.half_width > 0).all()


def test_rules_lie_where_their_coefficients_say() -> None:
    view = fit_view(kept())
    assert [name for name, _, _ in view.rules] == list(RULES)
    shares = {name: shares for name, _, shares in view.rules}
    assert shares["efficientnet"] == pytest.approx((0.279, 0.292, 0.428), abs=1e-3)
    assert shares["fast-compound"] == pytest.approx((0.1, 0.8, 0.1))
    assert shares["resolution"] == (0, 0, 1)
    edge = fit_view(of_two_axes(kept()))
    assert edge.axes == ("depth", "width")
    assert edge.doublings == pytest.approx((*OF_PARAMS, 0))
    assert "resolution" not in {name for name, _, _ in edge.rules}
    parts = np.log2([1.2, 1.1]) / OF_PARAMS
    (place,) = (shares for name, _, shares in edge.rules if name == "efficientnet")
    assert place == pytest.approx((*(parts / parts.sum()), 0))
    assert edge.along(place) == place[1]


def test_a_prior_that_is_no_published_rule_is_among_them() -> None:
    view = fit_view(fitted(structs.replace(kept(), prior="equal")))
    assert [name for name, _, _ in view.rules] == [*RULES, "prior"]
    assert view.rules[-1][2] == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert view.now is None
    assert fit_again(view.found).prior == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_what_cannot_be_drawn_is_said() -> None:
    found = kept()
    with pytest.raises(UserError, match=r"^grid-001 has no fit to draw: its networks were not trained$"):
        fit_view(structs.replace(found, fit=None))
    deep = structs.replace(found.candidates[0], shares=AxisShares(depth=1.0, width=0.0, resolution=0.0))
    with pytest.raises(UserError, match="grew in depth alone"):
        fit_view(structs.replace(found, candidates=(deep,)))
    for wrong, why in (
        ({"shares": AxisShares(depth=0.5, width=0.2, resolution=0.1)}, "its shares do not add up to 1"),
        ({"search": (0.5, 7.0)}, "its accuracies are no shares"),
        ({"ratio": 0.0}, "no network costs 0 times"),
        ({"alpha": 0.0}, "alpha, beta and gamma are no growth"),
    ):
        rows = (found.candidates[0], structs.replace(found.candidates[1], **wrong))
        with pytest.raises(UserError, match=f"row 2 of grid-001 is damaged: {why}"):
            fit_view(structs.replace(found, candidates=rows))


def test_two_networks_have_no_surface() -> None:
    view = fit_view(cut(kept(), 2))
    assert view.surface is None
    assert not view.fit.significant
