"""What is said of a grid's fit beside a picture of it, and of whatever is under the mouse."""

from __future__ import annotations

from collections.abc import Sequence

from nas_scale.commands.grid.fit_view import FitView
from nas_scale.commands.grid.result import GridNet
from nas_scale.printable import printable
from nas_scale.scaling.coefficients import AXES, Coefficients, Shares
from nas_scale.scaling.rules import Rule
from nas_scale.show.cells import percent
from nas_scale.show.costs import label_of

CHOSEN, ALONE = "chosen", "data alone"


def corner(axis: str) -> str:
    """The name of the corner at which an axis takes all of the growth."""
    return f"{axis} only"


def fit_title(view: FitView) -> str:
    """Which run, what doubles, how often, and whether nothing can be told of it."""
    found = view.found
    base = found.baseline.name or "its baseline"
    times = f"{2**found.phi:.3g} times the {label_of(found.scale_by)}"
    told = "" if view.fit.significant else ": cannot tell"
    return printable(f"{view.run}: networks of {times} of {base} (phi {found.phi:g}){told}")


def conclusion(view: FitView) -> list[str]:
    """What the fit says, in sentences: first whether it can tell, then the coefficients."""
    fit = view.fit
    values = ", ".join(
        f"{name} {getattr(fit, name):.3f} ({fit.ci[name][0]:.2f} to {fit.ci[name][1]:.2f})"
        for name in ("alpha", "beta", "gamma")
    )
    said = [printable(fit.verdict), f"{values}, 95% intervals"]
    if view.now is not None:
        said.append(
            f"Another version of nas-scale chose so; on this surface it would now be {shares_in_words(view.now)}."
        )
    return said


def shares_in_words(shares: Sequence[float], axes: Sequence[str] = AXES) -> str:
    """`depth 0.28, width 0.29, resolution 0.43`."""
    return ", ".join(f"{axis} {share:.2f}" for axis, share in zip(axes, shares, strict=True))


def net_tip(view: FitView, row: GridNet) -> str:
    """What is to be known of a network."""
    shares = shares_in_words(row.shares.as_tuple())
    seeds = f"{row.seeds} seed{'s' if row.seeds != 1 else ''}"
    cost = f"{row.cost_ratio:.3f} x the {label_of(view.found.scale_by)}, {row.resolution} px"
    accuracy = f"rank {row.rank}: {percent(row.accuracy)} +- {percent(row.stderr)} % ({seeds})"
    return "\n".join((accuracy, shares, _values(Coefficients(row.alpha, row.beta, row.gamma)), cost))


def rule_tip(view: FitView, name: str, rule: Rule, shares: Shares) -> str:
    """What is to be known of a published rule."""
    grown = Coefficients.from_shares(shares, view.doublings)
    return f"{name}: {rule.source}\n{shares_in_words(shares)}\n{_values(grown)}"


def chosen_tip(view: FitView) -> str:
    """What is to be known of the place to grow by."""
    said = f"{CHOSEN}: {shares_in_words(view.fit.shares)}\n{_values(view.fit.coefficients)}"
    if view.fit.best is None or view.fit.alone is None:  # older files have an accuracy that is too high
        return said
    value, error = view.fit.best
    return f"{said}\n{percent(value)}{'' if error is None else f' +- {percent(error)}'} % to be expected"


def alone_tip(view: FitView) -> str:
    """What is to be known of the place that the data alone would choose."""
    alone = view.fit.alone
    assert alone is not None
    return f"{ALONE}: {shares_in_words(alone.shares)}\n{_values(Coefficients(alone.alpha, alone.beta, alone.gamma))}"


def _values(grown: Coefficients) -> str:
    return f"alpha {grown.alpha:.3f}, beta {grown.beta:.3f}, gamma {grown.gamma:.3f}"
