"""What a search is asked: space, limits, reward, strategy, and how many nets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from nas_scale.architecture.space import SearchSpace
from nas_scale.commands.search.objectives import ACCURACY, ensure_followed, read_aims
from nas_scale.commands.shared.data_defaults import is_gpu
from nas_scale.commands.shared.options import one_of, within
from nas_scale.errors import UserError
from nas_scale.metrics.limits import REWARD_WEIGHTS, Limit, Limits, Metric, Reward, around
from nas_scale.samplers.registry import SAMPLERS, SEVERAL_AIMS
from nas_scale.trials.pruning import KINDS, Pruner
from nas_scale.zero_cost.names import JUDGES, CheapJudge

if TYPE_CHECKING:
    from nas_scale.commands.search.included import Wanted as Nets
    from nas_scale.commands.search.warm_start import Wanted as Runs

TRIALS: Final = 8
TRIALS_ON_GPU: Final = 32  # in about the same time
MOST_TRIALS: Final = 1_000_000
# What the answer loses least by at 50, 100 and 200 trainings (benchmarks/search_quality.py).
FINALIST_OF: Final = 20
LEAST_FINALISTS: Final = 3
LEAST_ON_FRONT: Final = 6  # with several aims: a front has more nets worth knowing than a ranking
LIMITED: Final[tuple[Metric, ...]] = ("flops", "parameters", "activations", "memory")


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched, inside which limits; part of a run's specification.

    target_flops: multiply-adds around which a band of +-tolerance is admitted, and which the reward counts against.
    max_*: upper limits. resolution None and classes None are the space's. finalists: how many of the best are trained
    again, on final_seeds fresh seeds each; None is one in FINALIST_OF of the nets tried, LEAST_FINALISTS at least, or
    LEAST_ON_FRONT with several aims. reward_weight None is the reward's usual one. pruner: stops weak nets early
    (runs/pruning.py); one in `reduction` goes on. screen: the judge (judges/cheap.py) whose favourite of `screen_pool`
    proposals is trained. objective: the aims (flows/aims.py), as "accuracy,flops" or one by one; of several the search
    ends in a front. trials None is the usual number once it is `suited`, or as many as there is time for where
    `minutes` says how long the whole search may take, finalists included; where both are given, what comes first ends
    it. include: known nets that are the first trials, by name or as they are (flows/included.py). warm_start: runs
    whose trials teach the sampler, and are no trials of this search (flows/warm_start.py).
    """

    space: str | SearchSpace = "efficientnet"
    objective: str | Sequence[str] = ACCURACY
    target_flops: float | None = None
    tolerance: float = 0.1
    reward: Literal["soft", "hard", "abs"] = "soft"
    reward_weight: float | None = None
    max_flops: float | None = None
    max_params: float | None = None
    max_activations: float | None = None
    max_memory: float | None = None
    resolution: int | None = None
    classes: int | None = None
    sampler: str = "predictor"
    trials: int | None = None
    minutes: float | None = None
    finalists: int | None = None
    final_seeds: int = 2
    pruner: Literal["none", "halving", "hyperband"] = "none"
    reduction: int = 3
    screen: CheapJudge | Literal["none"] = "none"
    screen_pool: int = 20
    include: Nets = ()
    warm_start: Runs = ()

    def checked(self) -> Search:
        """These options with `objective` as one string. Raises UserError naming the option that is wrong."""
        within(1, MOST_TRIALS, trials=self.trials)
        within(0.01, 1e6, minutes=self.minutes)
        within(0, 1000, finalists=self.finalists)
        within(1, 1000, final_seeds=self.final_seeds)
        within(2, 100, reduction=self.reduction)
        within(0.0001, 0.9, tolerance=self.tolerance)
        within(-100, 0, reward_weight=self.reward_weight)
        within(2, 8192, resolution=self.resolution)
        within(2, 1_000_000, classes=self.classes)
        one_of(tuple(REWARD_WEIGHTS), reward=self.reward)
        one_of(tuple(SAMPLERS), sampler=self.sampler)
        one_of(("none", *KINDS), pruner=self.pruner)
        one_of(("none", *JUDGES), screen=self.screen)
        within(1, 10_000, screen_pool=self.screen_pool)
        names = ("target_flops", "max_flops", "max_params", "max_activations", "max_memory")
        within(1, 1e18, **{name: getattr(self, name) for name in names})
        objective = ",".join(self.aims)
        ensure_followed(objective, self.sampler, self.target_flops is not None, self.pruner)
        return replace(self, objective=objective)

    def suited(self, device: str) -> Search:
        """With the number of trials settled: what is usual on the device, or no end where there is a time."""
        trials = TRIALS_ON_GPU if is_gpu(device) else TRIALS
        return replace(self, trials=self.trials or (trials if self.minutes is None else MOST_TRIALS))

    @property
    def aims(self) -> tuple[str, ...]:
        """Accuracy, and the costs that are to be made small with it. Raises UserError."""
        return read_aims(self.objective)

    @property
    def followed_costs(self) -> tuple[str, ...]:
        """The costs that the sampler is told beside the accuracy; none where it follows one value."""
        return self.aims[1:] if self.sampler in SEVERAL_AIMS else ()

    @property
    def most_trials(self) -> int:
        """Nets to be tried, at most, once `suited`."""
        assert self.trials is not None
        return self.trials

    def finalists_among(self, trials: int) -> int:
        """How many of so many nets are trained again."""
        if self.finalists is not None:
            return self.finalists
        least = LEAST_FINALISTS if len(self.aims) == 1 else LEAST_ON_FRONT
        return max(least, math.ceil(trials / FINALIST_OF))

    def limits(self) -> Limits:
        """The band around the target, and the upper limits."""
        upper = (self.max_flops, self.max_params, self.max_activations, self.max_memory)
        capped = [Limit(metric, most=most) for metric, most in zip(LIMITED, upper, strict=True) if most is not None]
        band = [] if self.target_flops is None else [around(self.target_flops, self.tolerance)]
        return Limits((*band, *capped))

    def pruning(self, epochs: int) -> Pruner | None:
        """What stops trainings of at most so many epochs. Raises UserError where they are too short to be stopped."""
        if self.pruner == "none":
            return None
        found = Pruner(self.pruner, epochs, self.reduction)
        if not found.ladder:
            raise UserError(
                f"--pruner {self.pruner} cannot stop trainings of {epochs} epoch{'s' if epochs > 1 else ''} after 1/"
                f"{self.reduction} of them; raise --epochs to {self.reduction} or more"
            )
        return found

    def judge(self) -> Reward | None:
        """The reward against the target; None where there is no target: accuracy alone."""
        if self.target_flops is None:
            return None
        weight = REWARD_WEIGHTS[self.reward] if self.reward_weight is None else self.reward_weight
        return Reward(self.reward, self.target_flops, weight)

    def opened(self) -> SearchSpace:
        """The space at the asked resolution and number of classes. Raises UserError."""
        from nas_scale.architecture.files import load_space  # YAML is not needed to show the defaults in a help

        space = self.space if isinstance(self.space, SearchSpace) else load_space(self.space)
        if self.resolution is not None and "resolution" in space.holes:
            raise UserError(f"{space.name} leaves the resolution open; leave out --resolution, or choose another space")
        frame = replace(
            space.frame,
            resolution=self.resolution or space.frame.resolution,
            classes=self.classes or space.frame.classes,
        )
        return replace(space, frame=frame)
