"""One search of a known landscape, and what it found: with a sampler of ours as a run drives it, or one as shipped."""

from __future__ import annotations

import hashlib
import math
import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
import optuna
from chains import Params
from landscapes import CHAIN_LIMITS, NOISY, Task, task
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

import nas_scale
from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.feasible.largest import largest_nets
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.metric import FLOPS, PARAMS, Metric
from nas_scale.samplers.registry import given, propose, sampler
from nas_scale.statistics.finals import Contender, FinalsPlan, next_round, winners
from nas_scale.trials.seeds import derived_seed

CODE: Final = ("architecture", "metrics", "feasible", "samplers", "statistics/finals.py")  # what decides an answer
SHARES: Final = (0, 20, 10, 5)  # of the nets tried, one in so many is a finalist; 0 for none
LEAST_FINALISTS: Final = 3
CREDIT: Final = 2  # seeds of the winner alone, which cost as much as others and choose nothing
HISTORIES: Final = (10, 100, 1000, 5000)
PROPOSALS: Final = 5  # timed at each length of history, after the first
LONGEST: Final = {"gp": 100}  # at ten times this history a single proposal takes over a minute

Record = dict[str, Any]


class SyneTuneEvolution(BaseSampler):
    """Regularised evolution as another package has it, of the same population and sample as ours: its own population of
    100 would draw at random all along."""

    def __init__(self, space: SearchSpace, seed: int) -> None:
        from syne_tune.config_space import choice  # type: ignore[import-not-found,unused-ignore]
        from syne_tune.optimizer.schedulers.searchers import (  # type: ignore[import-not-found,unused-ignore]
            regularized_evolution,
        )

        np.random.seed(seed)  # of which it draws its first nets
        options = {key: choice(list(each.options)) for key, each in space.choices.items()}
        self.inner = regularized_evolution.RegularizedEvolution(
            options, population_size=20, sample_size=5, random_seed=seed
        )
        self.distributions: dict[str, BaseDistribution] = {
            key: CategoricalDistribution(each.options) for key, each in space.choices.items()
        }

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self.distributions

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return dict(self.inner.suggest())

    def sample_independent(self, *args: Any) -> Any:
        raise NotImplementedError("whole nets only")

    def after_trial(
        self, study: optuna.Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        assert values is not None
        self.inner.on_trial_complete(trial.number, dict(trial.params), -values[0])  # it makes scores small


SHIPPED: Final[dict[str, Callable[[SearchSpace, int], BaseSampler]]] = {
    "optuna random": lambda _, seed: optuna.samplers.RandomSampler(seed=seed),
    "optuna tpe": lambda _, seed: optuna.samplers.TPESampler(seed=seed),  # multivariate, as of Optuna 5
    "optuna nsga2": lambda _, seed: optuna.samplers.NSGAIISampler(seed=seed),
    "optuna gp": lambda _, seed: optuna.samplers.GPSampler(seed=seed),
}
if find_spec("syne_tune"):  # a peer that is tried where it is installed
    SHIPPED["syne-tune evolution"] = SyneTuneEvolution


FILLS: Final = {"fill flops": FLOPS, "fill params": PARAMS}  # no search: the largest nets inside the limits


@dataclass(frozen=True, slots=True)
class Seen:
    """A trial: what its net is worth, and what its training showed."""

    params: Params
    net: Architecture
    worth: float
    observed: float


def measure(part: str, strategy: str, seed: int, budgets: tuple[int, ...], window: int, bench: Path | None) -> Record:
    """A search as a line of the records. found: the worth of the answer, by budget; of noisy ones by budget/share,
    where the answer wins the finals, which are paid from the budget (SHARES)."""
    searched = task(part, bench)
    begun = time.perf_counter()
    seen = search(searched, strategy, seed, max(budgets), window)
    seconds = time.perf_counter() - begun
    if not part.endswith(NOISY):
        found = {str(budget): max(trial.worth for trial in seen[:budget]) for budget in budgets}
    else:
        paid = {f"{budget}/{share}": affordable(budget, share) for budget in budgets for share in SHARES}
        found = {key: final_answer(searched, seen[:trials], plan, seed) for key, (trials, plan) in paid.items()}
    repeats = len(seen) - len({trial.net for trial in seen})
    return {"found": found, "repeats": repeats, "seconds": round(seconds, 3)}


def search(searched: Task, strategy: str, seed: int, trials: int, window: int) -> list[Seen]:
    """Trial n is proposed when n - window + 1 have finished; all finish in their order, as in nas_scale.trials.loop.

    Ours: a fresh sampler a trial, and a net that comes again has the score it had. As shipped: one sampler, and a
    net that comes again is trained again. Both are charged a trial for it.
    """
    study = optuna.create_study(direction="maximize")
    listed = filled(searched, FILLS[strategy], trials) if strategy in FILLS else []
    shipped = SHIPPED[strategy](searched.space, seed) if strategy in SHIPPED else None
    seen: list[Seen] = []
    under_way: deque[tuple[Trial, Seen]] = deque()
    first: dict[Architecture, Seen] = {}
    for number in range(trials):
        if listed:
            study.sampler = given(searched.space, searched.limits, listed[number % len(listed)])
        else:
            study.sampler = shipped or sampler(strategy, searched.space, searched.limits, derived_seed(seed, number))
        trial = study.ask()
        params = propose(trial, searched.space)
        net = searched.space.net(params)
        scored = None if shipped else first.get(net)
        if scored is None:
            rng = random.Random(derived_seed(seed, "training", number))
            scored = Seen(params, net, searched.worth(params), searched.observe(params, rng))
        first.setdefault(net, scored)
        under_way.append((trial, scored))
        if len(under_way) == window or number == trials - 1:
            for _ in range(len(under_way) if number == trials - 1 else 1):
                done, result = under_way.popleft()
                study.tell(done, result.observed)
                seen.append(result)
    return seen


def filled(searched: Task, metric: Metric, trials: int) -> list[Params]:
    """The nets inside the limits with the most of a metric, the largest first."""
    region = FeasibleRegion(searched.space, searched.limits)
    return [region.encoding.params(tuple(code)) for code in largest_nets(region, metric, trials).tolist()]


def affordable(budget: int, share: int) -> tuple[int, FinalsPlan]:
    """How many trials a budget of trainings pays for where one in `share` is a finalist, and how these are trained."""
    if not share:
        return budget, FinalsPlan(0, 0)

    def plan(trials: int) -> FinalsPlan:
        return FinalsPlan(max(LEAST_FINALISTS, math.ceil(trials / share)), CREDIT)

    trials = next(trials for trials in range(budget, 0, -1) if trials + sum(plan(trials).trainings(trials)) <= budget)
    return trials, plan(trials)


def final_answer(searched: Task, seen: Sequence[Seen], plan: FinalsPlan, seed: int) -> float:
    """What the net is worth that wins the finals of these trials."""
    nets: dict[Architecture, Seen] = {}
    for trial in seen:
        nets.setdefault(trial.net, trial)
    trials = list(nets.values())
    known = [Contender(number, (trial.observed,)) for number, trial in enumerate(trials)]
    rngs = [random.Random(derived_seed(seed, "finalist", number)) for number in range(len(trials))]
    while wanted := next_round(known, plan):
        for number, more in wanted.items():
            fresh = (searched.observe(trials[number].params, rngs[number]) for _ in range(more))
            known[number] = replace(known[number], fresh=(*known[number].fresh, *fresh))
    (winner,) = winners(known)
    return trials[winner.number].worth


def overhead(strategy: str) -> Record:
    """Milliseconds that a proposal takes on `efficientnet` at 400M, a fresh sampler each, by finished trials.

    `100 first` is the first proposal of a process, which may have to read all trials; `100` the median of those after.
    """
    searched = task("interactions", None)
    rng = random.Random(0)
    region = FeasibleRegion(searched.space, CHAIN_LIMITS)
    assignments = [region.draw(rng) for _ in range(max(HISTORIES))]
    found: dict[str, float] = {}
    begun = time.perf_counter()
    for history in HISTORIES:
        if history > LONGEST.get(strategy, history):
            break
        study = optuna.create_study(direction="maximize")
        study.add_trials([_finished(searched, number, params) for number, params in enumerate(assignments[:history])])
        times = [_timed(study, searched, strategy, derived_seed(history, turn)) for turn in range(1 + PROPOSALS)]
        found |= {f"{history} first": times[0], str(history): sorted(times[1:])[PROPOSALS // 2]}
    return {"found": found, "repeats": 0, "seconds": round(time.perf_counter() - begun, 3)}


def _finished(searched: Task, number: int, params: Mapping[str, Any]) -> FrozenTrial:
    distributions: dict[str, BaseDistribution] = {
        key: CategoricalDistribution(choice.options) for key, choice in searched.space.choices.items()
    }
    return create_trial(
        state=TrialState.COMPLETE,
        params=dict(params),
        distributions=distributions,
        value=searched.worth(params),
        system_attrs={"RepeatableNSGA2:generation": number // 20},  # which it would have given them itself
    )


def _timed(study: optuna.Study, searched: Task, strategy: str, seed: int) -> float:
    begun = time.perf_counter()
    study.sampler = sampler(strategy, searched.space, searched.limits, seed)
    trial = study.ask()
    params = propose(trial, searched.space)
    milliseconds = 1000 * (time.perf_counter() - begun)
    study.tell(trial, searched.worth(params))
    return round(milliseconds, 3)


def strategies(part: str, wanted: Iterable[str]) -> list[str]:
    """Those wanted that a part can try: samplers as shipped know no limits, and would be charged for nets outside; by
    their dotted name they are made to keep them."""
    return [name for name in wanted if name not in SHIPPED or part in ("macro", "macro-noisy")]


def code_digest() -> str:
    """Changes whenever a strategy, or what it knows of nets, does."""
    folder = Path(nas_scale.__file__).parent
    digest = hashlib.sha256()
    for room in CODE:
        for path in sorted((folder / room).rglob("*.py")) or [folder / room]:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
