"""The nets that a certificate is made on: a few across the whole range of costs, most of equal cost."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.certify.options import Certify
from nas_scale.errors import UserError
from nas_scale.feasible.budget import ensure_possible
from nas_scale.feasible.encoding import Encoded
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.limits import Limit, Limits, around
from nas_scale.trials.seeds import derived_seed

POOL: Final = 1000  # random nets whose costs say what the space holds
EQUAL_SHARE: Final = 2 / 3  # of the nets are of equal cost: it is among those that scores differ
TRIES: Final = 20  # draws for a net that is trained unlike all others


@dataclass(frozen=True, slots=True)
class Drawn:
    """band: the range of multiply-adds that counts as equal cost. nets: those drawn inside it, then the others."""

    band: Limit
    nets: tuple[Architecture, ...]

    def in_band(self, arch: Architecture) -> bool:
        return Limits((self.band,)).keeps(arch)


def draw_nets(space: SearchSpace, wanted: Certify, seed: int, trained_as: Callable[[Architecture], str]) -> Drawn:
    """Nets of the space, no two of which are trained as the same: fewer than asked where it does not hold as many.

    trained_as: equal for nets that shrink to the same proxy. Those of equal cost are drawn like random search draws
    them; the others are spread evenly over the logarithm of what random nets cost. Raises UserError where no net of the
    space is in the band, or fewer than two are found at all.
    """
    rng = random.Random(derived_seed(seed, "certify"))
    region = FeasibleRegion(space, Limits())
    pool = sorted(_costed(region, rng), key=lambda pair: pair[0])
    middle = wanted.target_flops or statistics.median(flops for flops, _ in pool)
    band = around(middle, wanted.tolerance)
    ensure_possible(space, Limits((band,)))
    chosen: dict[str, Architecture] = {}
    _add_equal(chosen, round(EQUAL_SHARE * wanted.nets), FeasibleRegion(space, Limits((band,))), rng, trained_as)
    _add_spread(chosen, wanted.nets - len(chosen), pool, region, trained_as)
    if len(chosen) < 2:
        raise UserError(f"{space.name} holds too few nets that the proxy trains differently; raise --proxy-width")
    return Drawn(band, tuple(chosen.values()))


def _costed(region: FeasibleRegion, rng: random.Random) -> list[tuple[int, Encoded]]:
    codes = dict.fromkeys(region.encoding.uniform(rng) for _ in range(POOL))
    return [(region.encoding.cost(code).flops, code) for code in codes]


def _add_equal(
    chosen: dict[str, Architecture],
    count: int,
    region: FeasibleRegion,
    rng: random.Random,
    trained_as: Callable[[Architecture], str],
) -> None:
    drawn: set[bytes] = set()
    for _ in range(TRIES * count):
        if len(chosen) == count:
            return
        code = region.encoding.code(region.draw(rng, drawn))
        drawn.add(region.key(code))
        net = region.encoding.net(code)
        chosen.setdefault(trained_as(net), net)


def _add_spread(
    chosen: dict[str, Architecture],
    count: int,
    pool: list[tuple[int, Encoded]],
    region: FeasibleRegion,
    trained_as: Callable[[Architecture], str],
) -> None:
    """The pool's net nearest to each of `count` costs that is trained unlike those there are."""
    least, most = math.log(pool[0][0]), math.log(pool[-1][0])
    for step in range(count):
        place = least + (most - least) * (step / (count - 1) if count > 1 else 0.5)
        for _, code in sorted(pool, key=lambda pair: abs(math.log(pair[0]) - place))[: TRIES * count]:
            net = region.encoding.net(code)
            if (key := trained_as(net)) not in chosen:
                chosen[key] = net
                break
