"""NAS-Bench-Macro as shorter trainings see it: what these tell of full ones is made up.

    short worth = level + slope * worth + own

own is a net's own part, so large that short and full worths correlate as told. It is luck of the net, or by half of its
variance goes with its multiply-adds, where its worth does not: large nets learn slower. The noise of a short training
is .6 of the standard deviation of short worths. `scenes` and `photographs` are about as far apart, and go together as
well, as a third of a training and all of it do on such images.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from chains import Params
from landscapes import Task, lookup, read_table, task

Floats = npt.NDArray[np.float64]

NOISE: Final = 0.6
LEVEL: Final = -50.0


@dataclass(frozen=True, slots=True)
class Shorter:
    """slope: points of short worth a point of full worth. correlation: between the two, over distinct nets. slower: the
    share of the own part's variance that goes with multiply-adds."""

    slope: float
    correlation: float
    slower: float = 0.0


SHORTER: Final = {
    "scenes": Shorter(2.5, 0.8),
    "photographs": Shorter(0.6, 0.6),
    "photographs, large slower": Shorter(0.6, 0.6, slower=0.5),
}


@cache
def short_task(name: str, bench: Path) -> Task:
    """One of SHORTER, in points of accuracy."""
    shorter, table = SHORTER[name], read_table(bench)
    nets = list({id(net): net for net in table.values()}.values())
    worth, flops = np.array([net.mean for net in nets]), np.log([net.flops for net in nets])
    slow = -_standard(flops - np.polyval(np.polyfit(worth, flops, 1), worth))
    luck = _standard(np.random.default_rng(0).standard_normal(len(nets)))
    own = shorter.slower**0.5 * slow + (1 - shorter.slower) ** 0.5 * luck
    spread = shorter.slope * worth.std()
    short = LEVEL + shorter.slope * worth + spread * (shorter.correlation**-2 - 1) ** 0.5 * own
    by_net = dict(zip(map(id, nets), short.tolist(), strict=True))
    trained, noise = lookup(table), NOISE * float(short.std())

    def short_worth(params: Params) -> float:
        return by_net[id(trained(params))]

    return replace(task("macro", bench), worth=short_worth, best=lambda: float(short.max()), noise=lambda params: noise)


def _standard(values: Floats) -> Floats:
    """Of mean 0 and standard deviation 1."""
    return np.asarray((values - values.mean()) / values.std())
