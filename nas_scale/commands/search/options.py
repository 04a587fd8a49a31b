"""What a search is asked: space, limits, reward, strategy, and how many nets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.amounts import FINALISTS_SAID, MOST_TRIALS, TRIALS_SAID, usual_finalists, usual_trials
from nas_scale.commands.search.budget_options import (
    BUDGET,
    by_metric,
    most_options,
    target_options,
)
from nas_scale.commands.search.objective_names import USUAL_SAMPLER, ensure_followed, objective_help, read_objectives
from nas_scale.commands.search.screens import screen_help, screens
from nas_scale.commands.shared import completion
from nas_scale.commands.shared.bytes_per_value import bytes_option, check_bytes
from nas_scale.commands.shared.options import Needs, Option, OptionEach, check, one_of
from nas_scale.commands.shared.quality import ACCURACY
from nas_scale.commands.shared.space_options import classes_option, open_space, resolution_option, space_option
from nas_scale.errors import UserError
from nas_scale.metrics.limits import Limit, Limits, around
from nas_scale.metrics.metric import Metric, metrics
from nas_scale.metrics.reward import REWARD_WEIGHTS, Reward, RewardKind
from nas_scale.samplers.registry import SAMPLERS, SEVERAL_OBJECTIVES, ensure_importable, is_dotted
from nas_scale.trials.pruning import Kind

TOLERANCE: Final = 0.1  # of a target, on both sides
CEILING_TOLERANCE: Final = 0.05  # below a target that is the most that a net may cost


SEARCH: Final = "Search"
OF_TARGET: Final = Needs("targeted")
_RIGHT_FOR: Final = "\n\n".join(f"{name}: right for {strategy.right_for}." for name, strategy in SAMPLERS.items())
Nets: TypeAlias = str | Architecture | Sequence[str | Architecture]
Runs: TypeAlias = str | Path | Sequence[str | Path]


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched, inside which limits; part of a run's specification.

    targeted, most: values by the names of metrics; as keywords target_flops, max_params and so on, one for each metric.
    A value on a device names it: target_latency="5ms@mycpu".
    objective: its names as "accuracy,flops" or one by one; of several the search ends in a Pareto front. trials None is
    the usual number once it is `suited`, or as many as there is time for where `minutes` says how long the whole search
    may take. include: known nets that are the first trials (included.py). warm_start: runs whose trials teach the
    sampler, and are no trials of this search (warm_start.py).
    """

    targeted: Annotated[Mapping[str, float | str], OptionEach("target", target_options, alone=True)] = field(
        default_factory=dict
    )
    tolerance: Annotated[
        float | None,
        Option(
            "Half width of that band as a share; of milliseconds, how far below.",
            f"{TOLERANCE:g}; {CEILING_TOLERANCE:g} of milliseconds",
            "X",
            BUDGET,
            least=0.0001,
            most=0.9,
            needs=OF_TARGET,
        ),
    ] = None
    reward: Annotated[RewardKind, Option("soft, hard (MnasNet) or abs (TuNAS).", panel=BUDGET, needs=OF_TARGET)] = (
        "soft"
    )
    reward_weight: Annotated[
        float | None,
        Option(
            "Its exponent or slope.",
            ", ".join(f"{weight:g}" for weight in REWARD_WEIGHTS.values()),
            "X",
            BUDGET,
            least=-100,
            most=0,
            needs=OF_TARGET,
        ),
    ] = None
    most: Annotated[Mapping[str, float | str], OptionEach("max", most_options)] = field(default_factory=dict)
    bytes_per_value: Annotated[int | None, bytes_option(BUDGET)] = None
    space: Annotated[str | SearchSpace, space_option(SEARCH)] = "efficientnet"
    resolution: Annotated[int | None, resolution_option(SEARCH)] = None
    classes: Annotated[int | None, classes_option(SEARCH)] = None
    objective: Annotated[
        str | Sequence[str],
        Option(objective_help, metavar="NAMES", panel=SEARCH),
    ] = ACCURACY.name
    sampler: Annotated[
        str,
        Option(
            f"The strategy, or any Optuna sampler as package.module:Class.\n\n{_RIGHT_FOR}",
            f"{{}}; with several objectives {USUAL_SAMPLER}",
            panel=SEARCH,
            complete=completion.samplers,
        ),
    ] = "predictor"
    include: Annotated[
        Nets,
        Option(
            "Known nets to try first, e.g. efficientnet-b0, a YAML file, run:3, timm:NAME; in commas or repeated.",
            metavar="NET",
            panel=SEARCH,
            complete=completion.nets,
            repeated=True,
            specified=False,
        ),
    ] = ()
    warm_start: Annotated[
        Runs,
        Option(
            "Learn from the trials of this earlier search, trained in the same way; may be repeated.",
            metavar="RUN",
            panel=SEARCH,
            complete=completion.runs,
            repeated=True,
            specified=False,
        ),
    ] = ()
    trials: Annotated[
        int | None,
        Option(
            "Nets to try.",
            TRIALS_SAID,
            "N",
            SEARCH,
            least=1,
            most=MOST_TRIALS,
        ),
    ] = None
    minutes: Annotated[
        float | None,
        Option(
            "Minutes the whole search may take, finalists included; with --trials what comes first.",
            None,
            "X",
            SEARCH,
            least=0.01,
            most=1e6,
        ),
    ] = None
    trial_length: Annotated[
        float | None,
        Option(
            "Length of the trials' trainings, as a share of the finalists', which are ranked by theirs alone.",
            "what suits the data where one objective is sought without a pruner, else 1",
            "X",
            SEARCH,
            least=0.01,
            most=1,
            needs=Needs("finalists", (0,)),
        ),
    ] = None
    finalists: Annotated[
        int | None,
        Option(
            "So many of the best are trained again: a seed each, then the better half, and so on.",
            FINALISTS_SAID,
            "N",
            SEARCH,
            least=0,
            most=1000,
        ),
    ] = None
    final_seeds: Annotated[
        int,
        Option(
            "Fresh seeds of the winner alone, which no choice has seen; its accuracy is theirs.",
            None,
            "N",
            SEARCH,
            least=1,
            most=1000,
            needs=Needs("finalists", (0,)),
        ),
    ] = 2
    pruner: Annotated[
        Literal["none"] | Kind,
        Option(
            "none, halving or hyperband: stop weak nets early, each compared with those that had finished when it was "
            "proposed, so that any number of workers gives the same result.",
            panel=SEARCH,
        ),
    ] = "none"
    reduction: Annotated[
        int,
        Option(
            "One in so many goes on where the pruner looks.",
            None,
            "N",
            SEARCH,
            least=2,
            most=100,
            needs=Needs("pruner", ("none",)),
        ),
    ] = 3
    screen: Annotated[str, Option(screen_help, panel=SEARCH)] = "none"
    screen_pool: Annotated[
        int,
        Option("Proposals in that pool.", None, "N", SEARCH, least=1, most=10_000, needs=Needs("screen", ("none",))),
    ] = 20

    def checked(self) -> Search:
        """These options with `objective` as one string. Raises UserError naming the option that is wrong."""
        check(self)
        check_bytes(self.bytes_per_value)
        self.limits()
        if is_dotted(self.sampler):
            ensure_importable(self.sampler)
        else:
            one_of(tuple(SAMPLERS), sampler=self.sampler)
        one_of(screens(), screen=self.screen)
        objective = ",".join(self.objectives)
        ensure_followed(objective, self.sampler, self.target() is not None, self.pruner)
        if self.trial_length not in (None, 1) and not self.may_shorten:
            raise UserError(
                "--trial-length is for searches of one objective without a pruner, which stops trials early itself; "
                "leave it out"
            )
        return replace(self, objective=objective)

    def suited(self, device: str) -> Search:
        """With tolerance and number of trials settled: what is usual on the device for trials of this length, or no end
        where there is a time."""
        usual = usual_trials(device, self.short_trials) if self.minutes is None else MOST_TRIALS
        trials = self.trials or usual
        return replace(self, trials=trials, tolerance=self._settled_tolerance())

    @property
    def may_shorten(self) -> bool:
        """Whether trials may be shorter trainings than the finalists': where these are there, and rank one objective
        alone, and nothing else shortens trials."""
        return self.finalists != 0 and len(self.objectives) == 1 and self.pruner == "none"

    @property
    def short_trials(self) -> bool:
        """Whether trials are shorter trainings than the finalists'."""
        return self.trial_length not in (None, 1)

    @property
    def objectives(self) -> tuple[str, ...]:
        """Accuracy, and the costs that are to be made small with it. Raises UserError."""
        return read_objectives(self.objective)

    @property
    def followed_costs(self) -> tuple[str, ...]:
        """The costs that the sampler minimises besides maximising accuracy; none where it optimises one value."""
        return self.objectives[1:] if self.sampler in SEVERAL_OBJECTIVES else ()

    @property
    def most_trials(self) -> int:
        """Nets to be tried, at most, once `suited`."""
        assert self.trials is not None
        return self.trials

    def finalists_among(self, trials: int) -> int:
        """How many of so many nets are trained again."""
        if self.finalists is not None:
            return self.finalists
        return usual_finalists(trials, len(self.objectives), self.short_trials)

    def limits(self) -> Limits:
        """The band around the target, and the upper limits."""
        most = dict(by_metric("max", self.most))
        known = [metric for metric in metrics() if metric in most]
        capped = [
            Limit(metric, most=most[metric]) for metric in (*known, *(each for each in most if each not in known))
        ]
        target = self.target()
        band = [] if target is None else [around(target[1], self._settled_tolerance(), target[0])]
        return Limits((*band, *capped))

    def _settled_tolerance(self) -> float:
        target = self.target()
        usual = CEILING_TOLERANCE if target is not None and target[0].ceiling else TOLERANCE
        return usual if self.tolerance is None else self.tolerance

    def target(self) -> tuple[Metric, float] | None:
        """The metric that has a target, with its value."""
        return next(by_metric("target", self.targeted), None)

    def reward_function(self) -> Reward | None:
        """The reward against the target; None where there is no target: accuracy alone."""
        target = self.target()
        if target is None:
            return None
        weight = REWARD_WEIGHTS[self.reward] if self.reward_weight is None else self.reward_weight
        return Reward(self.reward, *target, weight)

    def opened(self) -> SearchSpace:
        """The space at the asked resolution and number of classes. Raises UserError."""
        return open_space(self.space, self.resolution, self.classes)
