"""What is said of several fits: whether the answer of one holds for another, in figures and in a sentence."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from nas_scale.commands.grid.arms import comparisons
from nas_scale.commands.grid.result import GridMove, RankAgreement
from nas_scale.commands.grid.trained import FittedArm
from nas_scale.scaling.moves import Move, moved
from nas_scale.statistics.agreement import kendall
from nas_scale.statistics.variances import accuracies_of


def moves_between(arms: Sequence[FittedArm], names: Sequence[str], seed: int) -> tuple[GridMove, ...]:
    """Every comparison that arms.py asks for. names: what tells the arms from each other. seed: of the bootstraps."""
    pairs = comparisons([(each.arm.phi, each.arm.epochs) for each in arms])
    return tuple(_between(arms, first, second, names, seed) for first, second in pairs)


def _between(arms: Sequence[FittedArm], first: int, second: int, names: Sequence[str], seed: int) -> GridMove:
    one, other = arms[first], arms[second]
    move = moved(one.fit, other.fit, seed)
    return GridMove(
        first=first + 1,
        second=second + 1,
        verdict=move.verdict,
        sentence=_said(move, one, other, names[first], names[second]),
        lost=move.lost,
        stderr=move.stderr,
        p=move.p,
        possible=move.possible,
        possible_back=move.possible_back,
        agreement=_agreement(one, other, seed) if one.arm.phi == other.arm.phi else None,
    )


def _agreement(one: FittedArm, other: FittedArm, seed: int) -> RankAgreement:
    """Of the networks that trained in both, each proxy once."""
    means, others = (
        {each.key: statistics.fmean(accuracies_of(each.scored.search)) for each in arm.different}
        for arm in (one, other)
    )
    both = [key for key in means if key in others]
    found = kendall([means[key] for key in both], [others[key] for key in both], seed)
    ci = None if found.low is None or found.high is None else (found.low, found.high)
    return RankAgreement(tau=found.tau, ci=ci, networks=found.n)


def _said(move: Move, one: FittedArm, other: FittedArm, first: str, second: str) -> str:
    """The verdict for a person, with what it costs to follow the first."""
    cost = ""
    if move.lost is not None and move.stderr is not None:
        cost = (
            f"at {second}, the shares found at {first} lose {100 * move.lost:.2f} +- {100 * move.stderr:.2f} points "
            "(standard error) against its own"
        )
    if move.verdict == "moves":
        return f"The answer moves from {first} to {second} (p = {move.p:.2g}): {cost}."
    if move.verdict == "holds":
        return (
            f"The answer holds from {first} to {second}: {cost}, and keep at least half of what these gain over "
            "growing anyhow."
        )
    why = _unclear(move, one, other, first, second)
    return f"Cannot tell whether the answer of {first} holds at {second}: {why}{f'; {cost}' if cost else ''}."


def _unclear(move: Move, one: FittedArm, other: FittedArm, first: str, second: str) -> str:
    """Why the two fits do not say whether the answer moves."""
    undecided = [name for fitted, name in ((one, first), (other, second)) if not fitted.fit.significant]
    if len(undecided) == 2:
        return "neither fit can tell how to grow"
    if undecided:
        return f"the fit at {undecided[0]} cannot tell how to grow"
    if move.lost is None:
        return "the networks do not grow in the same axes"
    return "the networks differ too much between seeds; more seeds may tell"
