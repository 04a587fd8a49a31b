"""The trainings after a search's trials: which nets are trained again, on how many seeds, and what each seed is for.

A winner is the largest of many noisy values, so the seeds that chose it flatter it. Its trainings are of three kinds:
those that the search saw, on which finalists are chosen; fresh ones of the finalists, on which, with the first, the
winner is chosen; and crediting ones, of the winner alone, which no choice sees. Its accuracy is that of the last alone.
Of a Pareto front every member is a winner.

The policy is a pure function from what is known to what is trained next, in rounds. A round is trained whole before the
next is asked for, so that neither the number of workers nor a kill changes what is chosen.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nas_scale.statistics.pareto import fronts, select_by_crowding


@dataclass(frozen=True, slots=True)
class FinalsPlan:
    """finalists: nets that the winner is chosen from, 0 to train nothing again. seeds: fresh ones of each of them.
    credit: further ones of each winner. front: whether all members of a Pareto front are winners."""

    finalists: int
    seeds: int
    credit: int
    front: bool = False

    def trainings(self, nets: int) -> tuple[int, ...]:
        """Of each round, at most, where so many nets have a value."""
        chosen = min(self.finalists, nets)
        fresh = chosen * self.seeds if chosen > 1 else 0
        return fresh, (chosen if self.front else min(chosen, 1)) * self.credit


def _itself(accuracy: float) -> float:
    return accuracy


@dataclass(frozen=True, slots=True)
class Contender:
    """What is known of a net. number: of its trial. first: its accuracy on each seed that the search saw. fresh: on
    each further one, None where the training failed. costs: the objectives to be made small beside. reward: what an
    accuracy is worth."""

    number: int
    first: tuple[float, ...]
    fresh: tuple[float | None, ...] = ()
    costs: tuple[float, ...] = ()
    reward: Callable[[float], float] = _itself

    @property
    def again(self) -> tuple[float, ...]:
        """The fresh seeds that did not fail."""
        return tuple(accuracy for accuracy in self.fresh if accuracy is not None)

    @property
    def value(self) -> float:
        """The reward of all seeds that a choice may see."""
        return self.reward(statistics.fmean((*self.first, *self.again)))


def next_round(nets: Sequence[Contender], plan: FinalsPlan) -> dict[int, int]:
    """On how many further seeds each net is to be trained now, by number; none where the winner can be chosen.

    nets: all that have a value, in any order. Where there is nothing to choose from, no seed is spent on choosing.
    """
    chosen = finalists(nets, plan.finalists)
    if len(chosen) < 2:
        return {}
    return {net.number: plan.seeds - len(net.fresh) for net in chosen if len(net.fresh) < plan.seeds}


def finalists(nets: Sequence[Contender], count: int) -> list[Contender]:
    """The best `count` on their first seeds; with costs, the best and others spread along the Pareto front of these."""
    order = sorted(nets, key=lambda net: (-net.reward(statistics.fmean(net.first)), net.number))
    if not order or not count or not order[0].costs:
        return order[:count]
    points = [_point(statistics.fmean(net.first), net.costs) for net in order]
    return [order[index] for index in select_by_crowding(points, count, first=0)]


def winners(nets: Sequence[Contender]) -> list[Contender]:
    """Those to be credited, once no further round is asked for: the best of those with fresh seeds by all its seeds, or
    of all where none has any; with costs, the members of their Pareto front by the fresh seeds too."""
    again = [net for net in nets if net.again]
    eligible = sorted(again or nets, key=lambda net: (-net.value, net.number))
    if not again or not eligible[0].costs:
        return eligible[:1]
    points = [_point(statistics.fmean(net.again), net.costs) for net in eligible]
    return [eligible[index] for index in sorted({0, *fronts(points)[0]})]


def _point(accuracy: float, costs: Sequence[float]) -> tuple[float, ...]:
    return accuracy, *(-cost for cost in costs)
