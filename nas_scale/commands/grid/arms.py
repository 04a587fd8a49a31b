"""The arms of a grid: networks of one size under one budget of epochs, each with a fit of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.identity import net_key
from nas_scale.commands.shared.jobs import Jobs
from nas_scale.commands.shared.lines import counted
from nas_scale.scaling.candidates import Candidate


@dataclass(frozen=True, slots=True)
class Arm:
    """What one fit is of. pool: all networks of the size that the method admits. chosen: those to be trained.
    proposed: which of these trials name by their indices."""

    phi: float
    pool: Sequence[Candidate]
    chosen: Sequence[Candidate]
    proposed: Sequence[Candidate]
    jobs: Jobs

    @property
    def epochs(self) -> int:
        """Of each training."""
        return self.jobs.training.proxy.recipe.epochs

    @property
    def pair(self) -> tuple[float, int]:
        """Its size and epochs, which no other arm has both of."""
        return self.phi, self.epochs

    def key(self, architecture: Architecture) -> str:
        """Equal for networks that shrink to the same proxy and are trained as long, and so share a training."""
        return f"{net_key(self.jobs.small(architecture))}@{self.epochs}"

    @property
    def keys(self) -> list[str]:
        """Of the chosen networks."""
        return [self.key(candidate.architecture) for candidate in self.chosen]

    @property
    def trainings(self) -> int:
        """How many there are."""
        return len(set(self.keys)) * self.jobs.training.seeds


def labels(arms: Sequence[tuple[float, int]]) -> list[str]:
    """What tells arms, given as size and epochs, from each other: `phi 2`, `9 epochs` or `phi 2, 9 epochs`."""
    sizes, budgets = ({each[at] for each in arms} for at in (0, 1))
    return [
        ", ".join([f"phi {phi:g}"] * (len(sizes) > 1) + [counted(epochs, "epoch")] * (len(budgets) > 1))
        for phi, epochs in arms
    ]


def followed(arms: Sequence[tuple[float, int]]) -> int:
    """The index of the arm whose fit a family grows by: the smallest size, as in the paper, trained longest."""
    return min(range(len(arms)), key=lambda at: (arms[at][0], -arms[at][1]))


def comparisons(arms: Sequence[tuple[float, int]]) -> list[tuple[int, int]]:
    """Which arms, by their indices, are asked whether the answer of the first holds for the second.

    In every size each budget with the longest; and under the longest the smallest size with each other.
    """
    first = followed(arms)
    longest = [at for at, (_, epochs) in enumerate(arms) if epochs == arms[first][1]]
    budgets = [(at, top) for top in longest for at in range(len(arms)) if arms[at][0] == arms[top][0] and at != top]
    return budgets + [(first, at) for at in longest if at != first]
