"""From a budget to a ranking: propose nets inside the limits, train each as a proxy, train the best again, rank."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from nas_scale.arch.cost import cost
from nas_scale.arch.files import net_from_document
from nas_scale.arch.space import SearchSpace, canonical
from nas_scale.arch.spec import Architecture
from nas_scale.engines.base import Engine
from nas_scale.engines.inline import InlineEngine
from nas_scale.errors import RunFailed, UserError
from nas_scale.flows.certificates import certificate_line
from nas_scale.flows.events import Listener, Measure, Note, Phase, ignore
from nas_scale.flows.nets import net_attributes
from nas_scale.flows.objective import Asked, Evaluate, Evaluator
from nas_scale.flows.options import as_spec, known_options, refuse_unknown, take
from nas_scale.flows.search_document import best_line, header, images_line, search_document
from nas_scale.flows.search_options import Search
from nas_scale.flows.training import FINAL_SEEDS_FROM, Jobs, Training
from nas_scale.flows.where import Where, choose_device, logged, opened, training_engine
from nas_scale.judges.cheap import counted, judged
from nas_scale.judges.names import COUNTED
from nas_scale.runs.extra import run_jobs
from nas_scale.runs.loop import Plan, Proposed, run_trials
from nas_scale.runs.ranking import Candidate, Ranking, rank
from nas_scale.runs.results import read_document, write_document
from nas_scale.runs.seeds import derived_seed
from nas_scale.runs.store import Run
from nas_scale.runs.trials import Told
from nas_scale.strategies.budget import ensure_possible
from nas_scale.strategies.registry import propose, sampler, screened
from nas_scale.training import data
from nas_scale.training.job import Score

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A ranking, the best first, the run that holds it, and the document that was saved."""

    ranking: Ranking
    run: str
    folder: str
    document: Mapping[str, Any]

    @property
    def best(self) -> Architecture:
        """The best net."""
        return self.nets[0]

    @property
    def nets(self) -> list[Architecture]:
        """All ranked nets, the best first."""
        ranked = [entry for entry in self.ranking.entries if entry.rank is not None]
        return [net_from_document(entry.net, f"{self.run}-{entry.rank}") for entry in ranked]


def search(*, evaluate: Evaluate | None = None, on_event: Listener = ignore, **options: Any) -> SearchResult:
    """Searches a space and returns the ranking.

    options: the fields of `Search`, `Training` and `Where`, named as on the command line: search(target_flops=400e6,
    trials=8, results="runs", workers=2).
    evaluate: judges a net in this process instead of training a proxy; larger is better. What it raises, and what is
    not finite, fails that net alone. It is called once a seed, and no finalists are evaluated again unless asked for.
    on_event: told of every step (flows/events.py, runs/events.py).

    Raises UserError for wrong input, RunFailed where every net failed. After KeyboardInterrupt, or a kill, the same
    call with resume=True goes on.
    """
    return run_search(prepare(options, evaluate), on_event)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A search whose input was checked, before anything is written."""

    wanted: Search
    training: Training
    where: Where
    space: SearchSpace
    reference: Architecture
    device: str
    evaluate: Evaluate | None

    def spec(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON."""
        space = self.space
        whole = repr((space.frame, space.choices, [stage.slots for stage in space.stages]))
        images = self.training.images(self.training.proxy.resolution)
        return {
            **as_spec(search=replace(self.wanted, space=space.name), training=self.training),
            "images": None if self.evaluate else data.fingerprint(images),
            "space_fingerprint": hashlib.sha256(whole.encode()).hexdigest()[:16],
            "device": self.device.partition(":")[0],
            "objective": getattr(self.evaluate, "__qualname__", "callable") if self.evaluate else "proxy",
        }


def prepare(options: Mapping[str, Any], evaluate: Evaluate | None = None) -> Prepared:
    """Reads and checks a search's options, its images and its budget; torch is loaded last, if at all.

    Raises UserError.
    """
    refuse_unknown(options, known_options(Search, Training, Where))
    where = take(options, Where).checked()
    usual: dict[str, Any] = {} if evaluate is None else {"finalists": 0}
    wanted, training = take(usual | dict(options), Search).checked(), take(options, Training).checked()
    space = wanted.opened()
    ensure_possible(space, wanted.limits())
    reference = reference_net(space)
    if evaluate is not None and wanted.pruner != "none":
        raise UserError("--pruner stops trainings, of which evaluate has none; leave out one of the two")
    if evaluate is not None and wanted.screen not in ("none", *COUNTED):
        raise UserError(f"--screen {wanted.screen} looks at proxies, of which evaluate has none; choose activations")
    wanted.pruning(training.proxy.recipe.epochs)
    if evaluate is not None:
        return Prepared(wanted, training, where, space, reference, "cpu", evaluate)
    training = training.for_reference(reference)
    data.check(training.images(training.proxy.resolution))
    return Prepared(wanted, training, where, space, reference, choose_device(where.device), None)


def run_search(prepared: Prepared, on_event: Listener) -> SearchResult:
    """Starts the search, goes on with it, or shows again what it found."""
    with opened(prepared.where, "search", prepared.spec(), on_event) as run:
        head = header(prepared.wanted, prepared.training, prepared.space, prepared.reference, prepared.evaluate is None)
        if prepared.evaluate is None and not run.record.finished:
            # Decoded here and once: an image that cannot be read is an error of the input, not of every net.
            images = data.load(prepared.training.images(prepared.training.proxy.resolution))
            head.append(images_line(images))
        if prepared.evaluate is None:
            space = prepared.wanted.space if isinstance(prepared.wanted.space, str) else prepared.space.name
            head.append(certificate_line(prepared.where.folder, prepared.training, prepared.reference, space))
        for line in head:
            on_event(Note(line))
        with logged(prepared.where, run, on_event) as listener, _engine(prepared) as engine:
            started = time.monotonic()
            ranking = _Work(prepared, run, engine, listener).ranking()
        if run.record.finished:
            return SearchResult(ranking, run.name, str(run.folder), read_document(run))
        seconds = time.monotonic() - started
        document = search_document(run, prepared.wanted, prepared.training, head, ranking, seconds)
        write_document(run, document)
        run.finish(prepared.wanted.trials, best_line(ranking, document["objective"]))
    return SearchResult(ranking, run.name, str(run.folder), document)


def _engine(prepared: Prepared) -> Engine:
    if prepared.evaluate is None:
        return training_engine(prepared.where, prepared.device, prepared.training.threads)
    return InlineEngine(Evaluator(prepared.evaluate))


def reference_net(space: SearchSpace) -> Architecture:
    """A net of the space whose strides and resolution the proxy's are measured against."""
    net = space.resolve(lambda choice: choice.options[-1])
    return replace(net, name=space.name)


def net_key(arch: Architecture) -> str:
    """Equal for nets that compute the same."""
    return hashlib.sha256(repr(replace(canonical(arch), name="")).encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Work:
    """One search under way."""

    prepared: Prepared
    run: Run
    engine: Engine
    on_event: Listener

    def ranking(self) -> Ranking:
        """Trials, finalists, ranking. Raises RunFailed where every net failed."""
        wanted, seeds = self.prepared.wanted, self.prepared.training.seeds
        own: Measure = "accuracy" if self.prepared.evaluate is None else "value"
        measure: Measure = own if wanted.judge() is None else "reward"
        self.on_event(Phase("searching", wanted.trials, "nets", seeds, measure))
        told = run_trials(self.run.study, self._plan(), self.engine, self.on_event)
        first = rank(_candidates(told, {}), self._reward())
        if not first.entries or first.entries[0].rank is None:
            raise RunFailed(f"every net failed, the first with: {told[0].reason}; {self.run.folder} keeps the trials")
        return rank(_candidates(told, self._finals(first)), self._reward())

    def _plan(self) -> Plan:
        prepared, training = self.prepared, self.prepared.training
        limits = prepared.wanted.limits()
        judge = self._judge()

        def sampler_for(number: int) -> BaseSampler:
            seed = derived_seed(training.seed, number)
            made = sampler(prepared.wanted.sampler, prepared.space, limits, seed)
            return made if judge is None else screened(made, judge, prepared.wanted.screen_pool)

        return Plan(
            sampler_for=sampler_for,
            propose=self._proposed,
            jobs=lambda proposed, number: self._jobs(proposed.subject, range(training.seeds)),
            judge=lambda proposed, scores: self._value(proposed.subject, scores),
            trials=prepared.wanted.trials,
            window=training.window,
            pruner=prepared.wanted.pruning(training.proxy.recipe.epochs),
        )

    def _judge(self) -> Callable[[Architecture], float] | None:
        """What proposals are screened by; remembers what it said."""
        name = self.prepared.wanted.screen
        if name == "none":
            return None
        if name in COUNTED:
            return lambda arch: counted(name, cost(arch))
        jobs = self._trainings()

        def judge(arch: Architecture) -> float:
            small = jobs.small(arch)
            return judged(name, arch, small, jobs.training.images(small.resolution))

        return cache(judge)

    def _proposed(self, trial: optuna.Trial) -> Proposed:
        space = self.prepared.space
        arch = space.net(propose(trial, space))
        proxy = {"proxy": self._trainings().given_up(arch)} if self.prepared.evaluate is None else {}
        return Proposed(arch, net_key(arch), {**net_attributes(arch), **proxy})

    def _jobs(self, arch: Architecture, seeds: Sequence[int]) -> Sequence[Any]:
        """What the engine runs, each for one seed or several: trainings, or questions to the caller's own objective."""
        if self.prepared.evaluate is not None:
            return [Asked(arch, (seed,)) for seed in seeds]
        return self._trainings().seeds(arch, seeds)

    def _trainings(self) -> Jobs:
        return Jobs(self.prepared.training, self.prepared.reference, self.prepared.device)

    def _value(self, arch: Architecture, scores: Sequence[Score]) -> float:
        mean = sum(score.accuracy for score in scores) / len(scores)
        reward = self.prepared.wanted.judge()
        return mean if reward is None else reward(mean, cost(arch).flops)

    def _reward(self) -> Callable[[float, Candidate], float] | None:
        reward = self.prepared.wanted.judge()
        return None if reward is None else lambda accuracy, candidate: reward(accuracy, candidate.flops)

    def _finals(self, first: Ranking) -> dict[int, tuple[Score, ...]]:
        """The finalists' scores on fresh seeds by trial; seeds that failed are left out."""
        wanted = self.prepared.wanted
        finalists = [entry for entry in first.entries if entry.rank is not None][: wanted.finalists]
        seeds = range(FINAL_SEEDS_FROM, FINAL_SEEDS_FROM + wanted.final_seeds)
        jobs: dict[tuple[str, ...], Any] = {}
        for entry in finalists:
            keys = iter([f"{entry.trial}/{seed}" for seed in seeds])
            for job in self._jobs(net_from_document(entry.net), seeds):
                jobs[tuple(next(keys) for _ in job.seeds)] = job
        if jobs:
            self.on_event(Phase("best again, fresh seeds", len(finalists) * len(seeds), "trainings"))
        scores = run_jobs(self.run.study, jobs, self.engine, self.on_event)
        return {
            entry.trial: tuple(
                score for key, score in scores.items() if key.startswith(f"{entry.trial}/") and isinstance(score, Score)
            )
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
            pruned=trial.pruned,
        )
        for trial in told
    ]
