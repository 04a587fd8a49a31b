"""The trainings after a search's trials: which nets are trained again, on how many seeds, and what each seed is for.

A winner is the largest of many noisy values, so the seeds that chose it flatter it. Its trainings are of three kinds:
those that the search saw, on which finalists are chosen; fresh ones of the finalists, on which, with the first, ever
fewer are chosen until one is left; and crediting ones, of the winner alone, which no choice sees. Its accuracy is that
of the last alone. Of a Pareto front every member is a winner. Trials may be shorter trainings than all that follow;
then they choose the finalists, and say nothing of which of these is best.

The policy is a pure function from what is known to what is trained next, in rounds. A round is trained whole before the
next is asked for, so that neither the number of workers nor a kill changes what is chosen.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nas_scale.statistics.pareto import fronts, select_by_crowding


@dataclass(frozen=True, slots=True)
class FinalsPlan:
    """finalists: nets that the winner is chosen from, 0 to train nothing again. credit: seeds of each winner that no
    choice sees. front: whether all members of a Pareto front are winners. cost: of a training after the trials, in
    those of a trial; above 1 where trials are shorter.

    Of one winner finalists are halved: all get a fresh seed, then the better half another, and so on until the last two
    have had theirs (sequential halving; Karnin et al. 2013). Of a front all get `credit` fresh seeds.
    """

    finalists: int
    credit: int
    front: bool = False
    cost: float = 1.0

    @property
    def longer(self) -> bool:
        """Whether trainings after the trials are longer than theirs."""
        return self.cost > 1

    def rounds(self, nets: int) -> tuple[int, ...]:
        """How many nets are trained again in each round that chooses, where so many have a value."""
        left = min(self.finalists, nets)
        if self.front:
            return (left,) if left > 1 else ()
        sizes = []
        while left > 1:
            sizes.append(left)
            left = 2 if left == 3 else left // 2
        return tuple(sizes)

    @property
    def seeds(self) -> int:
        """Fresh seeds of a net in a round."""
        return self.credit if self.front else 1

    def trainings(self, nets: int) -> tuple[int, ...]:
        """Of each round, at most, where so many nets have a value; the last one credits."""
        chosen = min(self.finalists, nets)
        fresh = (size * self.seeds for size in self.rounds(nets))
        return *fresh, (chosen if self.front else min(chosen, 1)) * self.credit


def _itself(accuracy: float) -> float:
    return accuracy


@dataclass(frozen=True, slots=True)
class Contender:
    """What is known of a net. number: of its trial. first: its accuracy on each seed that the search saw, where it
    trained in full. fresh: on each further one, None where the training failed. costs: the objectives to be made small
    beside. reward: what an accuracy is worth. short: its accuracy on each seed of shorter trials."""

    number: int
    first: tuple[float, ...] = ()
    fresh: tuple[float | None, ...] = ()
    costs: tuple[float, ...] = ()
    reward: Callable[[float], float] = _itself
    short: tuple[float, ...] = ()

    @property
    def tried(self) -> float:
        """Its mean accuracy in the trials."""
        return statistics.fmean(self.short or self.first)

    @property
    def again(self) -> tuple[float, ...]:
        """The fresh seeds that did not fail."""
        return tuple(accuracy for accuracy in self.fresh if accuracy is not None)

    def value(self, fresh: int | None = None) -> float:
        """The reward of all full trainings that a choice may see: the first and so many of the others, all where it is
        None. Minus infinity where there are none."""
        again = (accuracy for accuracy in self.fresh[:fresh] if accuracy is not None)
        seen = (*self.first, *again)
        return self.reward(statistics.fmean(seen)) if seen else -math.inf


def next_round(nets: Sequence[Contender], plan: FinalsPlan) -> dict[int, int]:
    """On how many further seeds each net is to be trained now, by number; none where the winner can be chosen.

    nets: all that have a value, in any order. Where there is nothing to choose from, no seed is spent on choosing.
    """
    left = finalists(nets, plan.finalists)
    for number, size in enumerate(plan.rounds(len(left))):
        if not plan.front:
            left = sorted(left, key=lambda net: (-net.value(number), net.number))[:size]
        due = (number + 1) * plan.seeds
        if any(len(net.fresh) < due for net in left):
            return {net.number: due - len(net.fresh) for net in left if len(net.fresh) < due}
    return {}


def finalists(nets: Sequence[Contender], count: int) -> list[Contender]:
    """The best `count` in the trials; with costs, the best and others spread along the Pareto front of these."""
    order = sorted(nets, key=lambda net: (-net.reward(net.tried), net.number))
    if not order or not count or not order[0].costs:
        return order[:count]
    points = [_point(net.tried, net.costs) for net in order]
    return [order[index] for index in select_by_crowding(points, count, first=0)]


def winners(nets: Sequence[Contender]) -> list[Contender]:
    """Those to be credited, once no further round is asked for: the best, by all its seeds, of those with the most
    fresh ones; with costs, the members of the Pareto front by the fresh seeds too."""
    eligible = sorted(nets, key=lambda net: (-len(net.again), -_best_known(net), net.number))
    again = [net for net in eligible if net.again]
    if not again or not eligible[0].costs:
        return eligible[:1]
    points = [_point(statistics.fmean(net.again), net.costs) for net in again]
    return [again[index] for index in sorted({0, *fronts(points)[0]})]


def _best_known(net: Contender) -> float:
    """Its value, or that of its short trials where that is all there is."""
    return net.value() if net.first or net.again else net.reward(net.tried)


def _point(accuracy: float, costs: Sequence[float]) -> tuple[float, ...]:
    return accuracy, *(-cost for cost in costs)
