"""What a short training's worth says of a full one, where a search's trials are shorter than its finals.

    full worth = level + slope * short worth + own * e

e is standard normal for each net: the part of its full worth that its short one does not tell. A few finalists were
trained both ways, and say little: so slope and own are drawn from a posterior on a grid, and the level from its own,
exactly, its prior being flat. Finalists are chosen by short values alone, and how often each is trained by values that
the link is given, so neither choice biases it.

Surfaces are not weighed by how well the finals go with them: with a power of 1/2 of that likelihood errors were a sixth
smaller, and held the truth less often for the largest nets where those learn slower (benchmarks/controls.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]

SLOPES: Final = tuple(0.1 * 30 ** (step / 16) for step in range(17))  # from .1 to 3, each as likely before the data
SHARES: Final = tuple(step / 4 for step in range(7))  # of own, in standard deviations of slope * short worth
FLOOR: Final = 1e-6  # least standard deviation, in those of short worth: seeds that agree leave something open


@dataclass(frozen=True, slots=True)
class Link:
    """A draw. level, own: in units of full values; slope: of these per unit of short ones. noise: standard deviation of
    a full value between seeds."""

    level: float
    slope: float
    own: float
    noise: float

    def __call__(self, short: Floats, generator: np.random.Generator) -> Floats:
        """Short worths of distinct nets -> full ones, [nets] -> [nets]; each call draws e anew."""
        full: Floats = self.level + self.slope * short + self.own * generator.standard_normal(short.shape)
        return full


@dataclass(frozen=True, slots=True)
class Finals:
    """Full trainings of finalists. places: of each net among the trials. means: of its full values. seeds: how many
    these were."""

    places: tuple[int, ...]
    means: tuple[float, ...]
    seeds: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Noise:
    """Standard deviations of a value between seeds. full: of full trainings; None where it is not known, and the slope
    times that of short ones stands for it."""

    full: float | None
    short: float


def posterior(short: Floats, finals: Finals, noise: Noise) -> Links:
    """Given one finalist or more. short: worths of all trials, as a surface has them, [trials]."""
    import numpy as np

    spread = float(short.std()) or 1.0
    slope, share = (each.ravel() for each in np.meshgrid(SLOPES, SHARES, indexing="ij"))
    full_noise = slope * noise.short if noise.full is None else np.full_like(slope, noise.full)
    own = share * slope * spread
    variances = (own**2 + (FLOOR * spread) ** 2)[:, None] + full_noise[:, None] ** 2 / np.array(finals.seeds)
    rest = np.array(finals.means) - slope[:, None] * short[list(finals.places)]  # [grid, finalists]
    weights = 1 / variances
    total = weights.sum(axis=1)
    level = (weights * rest).sum(axis=1) / total
    squares = (weights * (rest - level[:, None]) ** 2).sum(axis=1)
    logs = (np.log(weights).sum(axis=1) - np.log(total) - squares) / 2
    return Links(slope, own, full_noise, level, total**-0.5, logs)


@dataclass(frozen=True, slots=True)
class Links:
    """The posterior on the grid: [grid] each. level_sd: standard deviation of the level there. logs: of likelihoods."""

    slope: Floats
    own: Floats
    noise: Floats
    level: Floats
    level_sd: Floats
    logs: Floats

    def draw(self, generator: np.random.Generator) -> Link:
        import numpy as np

        weights = np.exp(self.logs - self.logs.max())
        at = int(generator.choice(len(weights), p=weights / weights.sum()))
        level = float(self.level[at] + self.level_sd[at] * generator.standard_normal())
        return Link(level, float(self.slope[at]), float(self.own[at]), float(self.noise[at]))
