"""Which nets of a space tell most about a device: whole nets, and beginnings of nets as blocks to tell parts apart."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt

from nas_scale.architecture.layers import layers
from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.identity import net_key
from nas_scale.devices.layer_features import layer_features
from nas_scale.feasible.cost_table import cost_table_for

Floats = npt.NDArray[np.float64]

HELD_OUT_OF: Final = 5  # one net in so many is kept to judge by
POOL: Final = 400  # nets among which the most telling are chosen
RIDGE: Final = 0.05  # of a unit of information: how much is known before anything is measured
BEGINNING_OF: Final = 4  # one in so many is the beginning of a net
RANDOM_OF: Final = 3  # one in so many is drawn, not chosen: what nobody thought of
GROUPS: Final = ("sums", "launches", "traffic")


@dataclass(frozen=True, slots=True)
class Planned:
    """A net of the design. held_out: the fit by which the table is evaluated does not see it."""

    net: Architecture
    held_out: bool


def design(space: SearchSpace, seed: int) -> Iterator[Planned]:
    """Nets to learn from, the most telling first, and among them drawn ones to judge by; none comes twice."""
    telling, rng = telling_nets(space, seed), random.Random(seed + 1)
    drawn = itertools.chain.from_iterable(iter(lambda: drawn_nets(space, 50, rng), None))
    seen: set[str] = set()
    for place in itertools.count():
        held_out = place % HELD_OUT_OF == HELD_OUT_OF - 1
        net = next(net for net in (drawn if held_out else telling) if net_key(net) not in seen)
        seen.add(net_key(net))
        yield Planned(net, held_out)


def telling_nets(space: SearchSpace, seed: int) -> Iterator[Architecture]:
    """Nets without end, the most telling first; any beginning of the list is a design. The same for equal seeds.

    Greedy D-optimality (Fedorov 1972): the next net is the one whose features, as shares of a cost, are least explained
    by those of the nets before it.
    """
    rng = random.Random(seed)
    while True:
        whole = drawn_nets(space, POOL, rng)
        pool = [*whole, *(_beginning(net, rng) for net in whole[: POOL // 2])]
        yield from _greedy(pool, len(whole), rng)


def drawn_nets(space: SearchSpace, amount: int, rng: random.Random) -> list[Architecture]:
    """So many different nets, spread evenly over the logarithm of FLOPs between the 1st and 99th percentile."""
    table = cost_table_for(space)
    codes = table.uniform(rng, 20 * amount)
    sizes = np.log(table.cost(codes).flops)
    order = np.argsort(sizes, kind="stable")[len(codes) // 100 : -max(1, len(codes) // 100)]
    wanted = np.linspace(sizes[order[0]], sizes[order[-1]], amount)
    places = dict.fromkeys(np.minimum(np.searchsorted(sizes[order], wanted), len(order) - 1).tolist())
    nets = dict.fromkeys(table.encoding.net(tuple(codes[order[place]].tolist())) for place in places)
    found = list(nets)
    rng.shuffle(found)
    return found


def _beginning(net: Architecture, rng: random.Random) -> Architecture:
    """Its first stages, with a small head."""
    return replace(net, stages=net.stages[: rng.randint(1, len(net.stages) - 1)], head=64)


def _greedy(pool: Sequence[Architecture], whole: int, rng: random.Random) -> Iterator[Architecture]:
    features = _relative(pool)
    known = np.eye(features.shape[1]) / RIDGE  # inverse of the information so far
    left = np.ones(len(pool), bool)
    for step in range(whole // 2):
        some = left.copy()
        some[slice(None, whole) if step % BEGINNING_OF == BEGINNING_OF - 1 else slice(whole, None)] = False
        if not some.any():
            return
        if step % RANDOM_OF == RANDOM_OF - 1 and some[:whole].any():
            chosen = rng.choice(np.flatnonzero(some).tolist())
        else:
            spread = np.einsum("ij,jk,ik->i", features, known, features)
            chosen = int(np.where(some, spread, -1.0).argmax())
        left[chosen] = False
        row = known @ features[chosen]
        known -= np.outer(row, row) / (1 + features[chosen] @ row)
        yield pool[chosen]


def _relative(pool: Sequence[Architecture]) -> Floats:
    """[nets, features]: of each net as shares of what it may cost, in units of how much they differ."""
    every = [[(layer, 1) for layer in layers(net)] for net in pool]
    sums = np.array([np.hstack([layer_features(group, one).sum(0) for group in GROUPS]) for one in every])
    scale = sums.max(0)
    shares = sums[:, scale > 0] / scale[scale > 0]
    shares /= shares.sum(1, keepdims=True)
    spread = shares.std(0)
    return np.asarray((shares / np.where(spread > 0, spread, 1.0))[:, spread > 0])
