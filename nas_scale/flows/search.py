"""From a budget to a ranking: propose nets inside the limits, train each as a proxy, train the best again, rank."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from nas_scale.arch.cost import cost
from nas_scale.arch.files import load_space, net_document, net_from_document
from nas_scale.arch.limits import REWARD_WEIGHTS, Limit, Limits, Metric, Reward, around
from nas_scale.arch.space import SearchSpace, canonical
from nas_scale.arch.spec import Architecture
from nas_scale.engines.base import Engine
from nas_scale.engines.inline import InlineEngine
from nas_scale.errors import RunFailed, UserError
from nas_scale.flows.events import Listener, Note, Phase, RunOpened, ignore
from nas_scale.flows.training import (
    FINAL_SEEDS_FROM,
    Evaluate,
    Jobs,
    Training,
    Where,
    as_spec,
    at_least,
    choose_device,
    split_options,
    training_engine,
)
from nas_scale.runs.loop import Plan, Proposed, run_jobs, run_trials
from nas_scale.runs.ranking import Candidate, Entry, Ranking, rank
from nas_scale.runs.results import write_document
from nas_scale.runs.seeds import derived_seed
from nas_scale.runs.store import Run, open_run
from nas_scale.runs.trials import Told
from nas_scale.strategies.budget import ensure_possible
from nas_scale.strategies.registry import SAMPLERS, propose, sampler
from nas_scale.training import data
from nas_scale.training.job import Score
from nas_scale.training.proxy import given_up

if TYPE_CHECKING:
    import optuna

LIMITED: Final[tuple[Metric, ...]] = ("flops", "parameters", "activations", "memory")


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched, inside which limits; part of a run's specification.

    target_flops: multiply-adds around which a band of +-tolerance is admitted, and which the reward counts against. max_*: upper
    limits. resolution None and classes None are the space's. finalists: how many of the best are trained again, on final_seeds
    fresh seeds each. reward_weight None is the reward's usual one.
    """

    space: str | SearchSpace = "efficientnet"
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
    sampler: str = "evolution"
    trials: int = 12
    finalists: int = 3
    final_seeds: int = 3

    def checked(self) -> Search:
        """Itself. Raises UserError naming the option that is wrong."""
        at_least(1, trials=self.trials, final_seeds=self.final_seeds)
        at_least(0, finalists=self.finalists)
        if not 0 < self.tolerance < 1:
            raise UserError(f"--tolerance {self.tolerance:g} must lie between 0 and 1, e.g. 0.1 for 10%")
        if self.reward not in REWARD_WEIGHTS:
            raise UserError(f"--reward {self.reward!r} is not known; choose {', '.join(REWARD_WEIGHTS)}")
        if self.reward_weight is not None and not -100 <= self.reward_weight <= 0:
            raise UserError(f"--reward-weight {self.reward_weight:g} must lie in -100 to 0, e.g. -0.07")
        if self.sampler not in SAMPLERS:
            raise UserError(f"--sampler {self.sampler!r} is not known; choose {', '.join(SAMPLERS)}")
        for name, value in (("resolution", self.resolution), ("classes", self.classes)):
            if value is not None and not 2 <= value <= 8192:
                raise UserError(f"--{name} {value} must lie in 2 to 8192")
        for name in ("target_flops", "max_flops", "max_params", "max_activations", "max_memory"):
            value = getattr(self, name)
            if value is not None and not 1 <= value < 1e18:
                raise UserError(f"--{name.replace('_', '-')} {value:g} must lie in 1 to 1e18")
        return self

    def limits(self) -> Limits:
        """The band around the target, and the upper limits."""
        upper = (self.max_flops, self.max_params, self.max_activations, self.max_memory)
        capped = [Limit(metric, most=most) for metric, most in zip(LIMITED, upper, strict=True) if most is not None]
        band = [] if self.target_flops is None else [around(self.target_flops, self.tolerance)]
        return Limits((*band, *capped))

    def judge(self) -> Reward | None:
        """The reward against the target; None where there is no target: accuracy alone."""
        if self.target_flops is None:
            return None
        weight = REWARD_WEIGHTS[self.reward] if self.reward_weight is None else self.reward_weight
        return Reward(self.reward, self.target_flops, weight)

    def opened(self) -> SearchSpace:
        """The space at the asked resolution and number of classes. Raises UserError."""
        space = self.space if isinstance(self.space, SearchSpace) else load_space(self.space)
        if self.resolution is not None and "resolution" in space.holes:
            raise UserError(f"{space.name} leaves the resolution open; leave out --resolution, or choose another space")
        frame = replace(space.frame, resolution=self.resolution or space.frame.resolution, classes=self.classes or space.frame.classes)
        return replace(space, frame=frame)


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A ranking, the best first, and the document that was saved (None where no folder was asked for)."""

    ranking: Ranking
    run: str
    folder: str
    document: Mapping[str, Any]

    @property
    def best(self) -> Architecture:
        """The best net. Raises RunFailed where every net failed."""
        return self.nets[0]

    @property
    def nets(self) -> list[Architecture]:
        """All ranked nets."""
        return [net_from_document(entry.net, f"{self.run}-{entry.rank}") for entry in self.ranking.entries if entry.rank is not None]


def search(*, evaluate: Evaluate | None = None, where: Where | None = None, on_event: Listener = ignore, **options: Any) -> SearchResult:
    """Searches a space and returns the ranking.

    options: the fields of `Search` and `Training`, named as on the command line: search(target_flops=400e6, trials=8).
    evaluate: judges a net in this process instead of training a proxy, larger is better; called once a seed. Raises UserError for wrong
    input, RunFailed where every net failed; KeyboardInterrupt leaves a run that where=Where(run=..., resume=True) goes on with.
    """
    wanted, training = split_options(options, Search)
    wanted, training, where = wanted.checked(), training.checked(), (where or Where()).checked()
    space, limits = wanted.opened(), wanted.limits()
    ensure_possible(space, limits)
    reference = reference_net(space)
    if evaluate is None:
        training = training.for_reference(reference)
        data.check(training.images(training.proxy.resolution))
    device = "cpu" if evaluate else choose_device(where.device)
    spec = _spec(wanted, training, space, device, evaluate)
    with open_run(where.results, "search", spec, where.run, where.resume, where.storage) as run:
        on_event(RunOpened(run.name, str(run.folder), "search"))
        for line in header(wanted, training, space, reference, evaluate):
            on_event(Note(line))
        engine: Engine = InlineEngine(_Evaluator(evaluate)) if evaluate else training_engine(where, device, training.threads)
        with engine:
            work = _Work(wanted, training, space, limits, Jobs(training, reference, device), run, engine, on_event)
            started = time.monotonic()
            ranking = work.ranking()
        document = search_document(run, wanted, training, space, reference, ranking, time.monotonic() - started)
        write_document(run, document)
        run.finish(wanted.trials, best_line(ranking))
    return SearchResult(ranking, run.name, str(run.folder), document)


def reference_net(space: SearchSpace) -> Architecture:
    """A net of the space whose strides and resolution the proxy's are measured against."""
    net = space.resolve(lambda choice: choice.options[-1])
    return replace(net, name=space.name)


def net_key(arch: Architecture) -> str:
    """Equal for nets that compute the same."""
    return hashlib.sha256(repr(replace(canonical(arch), name="")).encode()).hexdigest()[:16]


def _spec(wanted: Search, training: Training, space: SearchSpace, device: str, evaluate: Evaluate | None) -> dict[str, Any]:
    fingerprint = hashlib.sha256(repr((space.frame, space.choices, [stage.slots for stage in space.stages])).encode()).hexdigest()[:16]
    plain = as_spec(search=replace(wanted, space=space.name), training=training)
    objective = getattr(evaluate, "__qualname__", "callable") if evaluate else "proxy"
    return plain | {"space_fingerprint": fingerprint, "device": device.partition(":")[0], "objective": objective}


class _Evaluator:
    """A user's own objective in the place of a training."""

    def __init__(self, evaluate: Evaluate) -> None:
        self.evaluate = evaluate

    def __call__(self, arch: Architecture) -> Score:
        started = time.perf_counter()
        value = float(self.evaluate(arch))
        return Score(value, 0, 0.0, 0, time.perf_counter() - started, 0.0)


@dataclass(frozen=True, slots=True)
class _Work:
    """One search under way."""

    wanted: Search
    training: Training
    space: SearchSpace
    limits: Limits
    jobs: Jobs
    run: Run
    engine: Engine
    on_event: Listener

    def ranking(self) -> Ranking:
        """Runs what is left of the trials, then the finalists on fresh seeds."""
        self.on_event(Phase("searching", self.wanted.trials * self.training.seeds))
        told = run_trials(self.run.study, self._plan(), self.engine, self.on_event)
        first = rank(_candidates(told, {}), self._reward())
        if all(entry.rank is None for entry in first.entries):
            raise RunFailed(f"every net failed, the first with: {first.entries[0].reason}; see nas-scale show {self.run.name}")
        return rank(_candidates(told, self._finals(first)), self._reward())

    def _plan(self) -> Plan:
        seed = self.training.seed
        return Plan(
            sampler_for=lambda number: sampler(self.wanted.sampler, self.space, self.limits, derived_seed(seed, number)),
            propose=self._proposed,
            jobs=lambda proposed, number: self._jobs(proposed.subject, range(self.training.seeds)),
            judge=lambda proposed, scores: self._value(proposed.subject, scores),
            trials=self.wanted.trials,
            window=self.training.window,
        )

    def _proposed(self, trial: optuna.Trial) -> Proposed:
        arch = self.space.net(propose(trial, self.space))
        spent = cost(arch)
        figures = {"flops": spent.flops, "params": spent.parameters, "activations": spent.activations}
        return Proposed(arch, net_key(arch), {"net": net_document(arch), **figures})

    def _jobs(self, arch: Architecture, seeds: Sequence[int]) -> Sequence[Any]:
        if isinstance(self.engine, InlineEngine):
            return [arch for _ in seeds]
        return self.jobs.seeds(arch, seeds)

    def _value(self, arch: Architecture, scores: Sequence[Score]) -> float:
        mean = sum(score.accuracy for score in scores) / len(scores)
        reward = self.wanted.judge()
        return mean if reward is None else reward(mean, cost(arch).flops)

    def _reward(self) -> Callable[[float, Candidate], float] | None:
        reward = self.wanted.judge()
        return None if reward is None else lambda accuracy, candidate: reward(accuracy, candidate.flops)

    def _finals(self, first: Ranking) -> dict[int, tuple[Score, ...]]:
        """The finalists' scores on fresh seeds by trial; seeds that failed are left out."""
        finalists = [entry for entry in first.entries if entry.rank is not None][: self.wanted.finalists]
        seeds = range(FINAL_SEEDS_FROM, FINAL_SEEDS_FROM + self.wanted.final_seeds)
        wanted = {}
        for entry in finalists:
            made = self._jobs(net_from_document(entry.net), seeds)
            wanted |= {f"{entry.trial}/{seed}": job for seed, job in zip(seeds, made, strict=True)}
        self.on_event(Phase("training the best again on fresh seeds", len(wanted)))
        scores = run_jobs(self.run.study, wanted, self.engine, self.on_event)
        return {
            entry.trial: tuple(score for key, score in scores.items() if key.startswith(f"{entry.trial}/") and isinstance(score, Score))
            for entry in finalists
        }


def _candidates(told: Sequence[Told], finals: Mapping[int, tuple[Score, ...]]) -> list[Candidate]:
    return [
        Candidate(
            key=trial.key,
            net=trial.attributes["net"],
            flops=trial.attributes["flops"],
            params=trial.attributes["params"],
            activations=trial.attributes["activations"],
            trial=trial.number,
            search=() if trial.reason else trial.scores,
            final=finals.get(trial.number, ()),
            reason=trial.reason,
        )
        for trial in told
    ]


def header(wanted: Search, training: Training, space: SearchSpace, reference: Architecture, evaluate: Evaluate | None) -> list[str]:
    """What is asked and what the proxy gives up, a sentence a line."""
    bounds = ", ".join(_bound(limit) for limit in wanted.limits().limits) or "no limit"
    lines = [f"space {space.name}, {bounds}; cost counted at {reference.resolution} px and {reference.classes} classes"]
    if evaluate is not None:
        return [*lines, "objective: your own evaluate(architecture)"]
    small = Jobs(training, reference, "cpu").small(reference)
    share = cost(small).flops / cost(reference).flops
    images = training.train_images or "all"
    lines.append(f"proxy: {given_up(reference, training.proxy)}; {share:.1%} of the multiply-adds; data {training.data}, {images} training images")
    return lines


def _bound(limit: Limit) -> str:
    from nas_scale import numbers

    if limit.least:
        return f"{numbers.count(limit.least)} to {numbers.count(limit.most)} {limit.metric}"
    return f"at most {numbers.count(limit.most)} {limit.metric}"


def best_line(ranking: Ranking) -> str:
    """The best of a ranking in a few words."""
    from nas_scale import numbers

    best = ranking.entries[0]
    assert best.accuracy is not None and best.stderr is not None
    return f"{best.accuracy:.1%} +- {best.stderr:.1%} at {numbers.count(best.flops)} FLOPs"


def search_document(
    run: Run, wanted: Search, training: Training, space: SearchSpace, reference: Architecture, ranking: Ranking, seconds: float
) -> dict[str, Any]:
    """The result as JSON values; what `show` reads and `--json` prints."""
    return {
        "kind": "search",
        "run": run.name,
        "folder": str(run.folder),
        "header": header(wanted, training, space, reference, None) if run.spec["objective"] == "proxy" else header(wanted, training, space, reference, cast(Evaluate, len)),
        "seed_sd": ranking.seed_sd,
        "spread": spread(ranking),
        "seconds": round(seconds, 1),
        "training": as_spec(training=training)["training"],
        "target_flops": wanted.target_flops,
        "ranking": [entry_document(entry) for entry in ranking.entries],
    }


def entry_document(entry: Entry) -> dict[str, Any]:
    """A row of a ranking as JSON values."""
    names = ("rank", "place", "tied", "net", "flops", "params", "activations", "accuracy", "stderr", "seeds", "reward", "trial", "round", "state", "reason")
    return {name: getattr(entry, name) for name in names} | {"search": list(entry.search), "final": list(entry.final)}


def spread(ranking: Ranking) -> float | None:
    """Standard deviation of true accuracy between nets in the first round: that of the means less what seeds alone would give."""
    means = [sum(entry.search) / len(entry.search) for entry in ranking.entries if entry.search]
    if len(means) < 3 or ranking.seed_sd is None:
        return None
    seeds = max(1, min(len(entry.search) for entry in ranking.entries if entry.search))
    center = sum(means) / len(means)
    variance = sum((mean - center) ** 2 for mean in means) / (len(means) - 1)
    return float(max(variance - ranking.seed_sd**2 / seeds, 0.0) ** 0.5)
