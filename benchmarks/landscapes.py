"""What search strategies are tried on: a table of trained nets, and landscapes whose best net is known.

NAS-Bench-Macro (Su et al. 2021) as it is and under limits; on the space `efficientnet` at 400M multiply-adds the chains
`interactions` and `ridge`, and with the resolution open and at most 400M `rare`, `together` and `half` (chains.py).
Of a noisy part a search sees a net's worth and the noise of one training.

    python benchmarks/landscapes.py

prints the best net of each landscape, which the limits leave.
"""

from __future__ import annotations

import json
import random
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from chain_optimum import optimum
from chains import Params, half, interactions, rare, ridge, together
from macro_nets import SPACE, net_of

from nas_scale.architecture.files import load_space
from nas_scale.architecture.space import SearchSpace
from nas_scale.metrics.counts import cost
from nas_scale.metrics.limits import Limit, Limits, around
from nas_scale.metrics.metric import FLOPS
from nas_scale.statistics.variances import SeedNoise

NOISY: Final = "-noisy"
MACRO: Final = ("macro", "macro-30", "macro-band")
CHAINS: Final = {"interactions": interactions, "ridge": ridge, "rare": rare, "together": together, "half": half}
PARTS: Final = (*MACRO, *CHAINS, *(f"{part}{NOISY}" for part in (*MACRO, *CHAINS)))

PERCENTILE: Final = 0.3  # of the distinct nets' multiply-adds, for macro-30
BAND: Final = 0.02  # around the median, for macro-band
TENTHS: Final = 10  # of the table's nets, by accuracy, whose trainings have the same noise
CHAIN_NOISE: Final = 0.5  # standard deviation
OPEN_RESOLUTION: Final = Path(__file__).parent / "open-resolution.yaml"
MOST: Final = 4e8
CHAIN_SPACE: Final = "efficientnet"
CHAIN_LIMITS: Final = Limits((around(MOST, 0.1),))
UNDER: Final = Limits((Limit(FLOPS, most=MOST),))


@dataclass(frozen=True, slots=True)
class Task:
    """worth: what an assignment is really worth, larger is better. best: the most that the limits leave. noise: the
    standard deviation between trainings of an assignment; 0 where a search sees its worth."""

    space: SearchSpace
    limits: Limits
    worth: Callable[[Params], float]
    best: Callable[[], float]
    noise: Callable[[Params], float] = lambda params: 0.0

    def observe(self, params: Params, rng: random.Random) -> float:
        """What one training gives."""
        return self.worth(params) + self.noise(params) * rng.gauss(0, 1)


@cache
def task(part: str, bench: Path | None) -> Task:
    """One of PARTS. bench: the table of NAS-Bench-Macro, for the parts that need it."""
    exact = part.removesuffix(NOISY)
    if exact in CHAINS:
        found = _chain(exact)
        return found if part == exact else replace(found, noise=lambda params: CHAIN_NOISE)
    if bench is None:
        raise ValueError(f"{part} needs the table of NAS-Bench-Macro")
    return _macro(exact, read_table(bench), part != exact)


def _chain(part: str) -> Task:
    limits = CHAIN_LIMITS if part in ("interactions", "ridge") else UNDER
    chain = CHAINS[part](load_space(CHAIN_SPACE if limits is CHAIN_LIMITS else str(OPEN_RESOLUTION)))
    return Task(chain.space, limits, chain.worth, lambda: optimum(chain, limits))


@dataclass(frozen=True, slots=True)
class Trained:
    """A distinct net of the table: the mean of all trainings of all its codes, in per cent, and the standard deviation
    between trainings, which the tenth of the nets that are about as accurate have in common."""

    flops: int
    mean: float
    sd: float


@cache
def read_table(path: Path) -> dict[str, Trained]:
    """code -> net; codes that build the same share one."""
    space, table = load_space(SPACE), json.loads(path.read_text())
    nets = {code: net_of(space, code) for code in sorted(table)}
    accuracies: dict[object, list[float]] = {}
    for code, net in nets.items():
        accuracies.setdefault(net, []).extend(table[code]["test_acc"])
    sds = _deviations(accuracies)
    distinct = {
        net: Trained(cost(net).flops, statistics.fmean(seen), sds[net])  # type: ignore[arg-type]
        for net, seen in accuracies.items()
    }
    return {code: distinct[net] for code, net in nets.items()}


def _deviations(accuracies: Mapping[object, Sequence[float]]) -> dict[object, float]:
    """The pooled standard deviation of each net's tenth."""
    found: dict[object, float] = {}
    nets = sorted(accuracies, key=lambda net: statistics.fmean(accuracies[net]))
    for tenth in np.array_split(np.arange(len(nets)), TENTHS):
        within = [accuracies[nets[at]] for at in tenth]
        pooled = SeedNoise.pooled(within).sd
        assert pooled is not None  # the table has three trainings a code
        found |= {nets[at]: pooled for at in tenth}
    return found


def lookup(table: Mapping[str, Trained]) -> Callable[[Params], Trained]:
    """From an assignment to its net; those that build the same share one."""
    space = load_space(SPACE)
    digits = [{value: str(at) for at, value in enumerate(choice.options)} for choice in space.choices.values()]

    def trained(params: Params) -> Trained:
        return table["".join(digit[params[key]] for digit, key in zip(digits, space.choices, strict=True))]

    return trained


def _macro(part: str, table: Mapping[str, Trained], noisy: bool) -> Task:
    space, trained = load_space(SPACE), lookup(table)
    distinct = list({id(net): net for net in table.values()}.values())
    flops = sorted(net.flops for net in distinct)
    limits = {
        "macro-30": Limits((Limit(FLOPS, most=flops[round(PERCENTILE * (len(flops) - 1))]),)),
        "macro-band": Limits((around(statistics.median(flops), BAND),)),
    }.get(part, Limits())
    best = max(net.mean for net in distinct if all(limit.least <= net.flops <= limit.most for limit in limits.limits))
    found = Task(space, limits, worth=lambda params: trained(params).mean, best=lambda: best)
    return replace(found, noise=lambda params: trained(params).sd) if noisy else found


def main() -> None:
    for name in CHAINS:
        print(f"{name}: the best net has {task(name, None).best():.4f}")


if __name__ == "__main__":
    main()
