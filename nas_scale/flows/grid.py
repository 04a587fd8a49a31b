"""From a baseline to alpha, beta, gamma: enumerate networks of a cost, train a spread of them, fit."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nas_scale.arch.candidates import Candidate, cartesian
from nas_scale.arch.cost import cost
from nas_scale.arch.files import net_document
from nas_scale.arch.solver import networks
from nas_scale.arch.spec import Architecture
from nas_scale.coefficients.design import choose
from nas_scale.coefficients.fit import Fit, fit_candidates
from nas_scale.errors import RunFailed, UserError
from nas_scale.flows.events import Listener, Note, Phase, RunOpened, ignore
from nas_scale.flows.nets import find_net, looks_like_run
from nas_scale.flows.search import net_key
from nas_scale.flows.training import Jobs, Training, Where, as_spec, at_least, choose_device, split_options, training_engine, worker_count
from nas_scale.runs import ranking as rankings
from nas_scale.runs.loop import Plan, Proposed, run_trials
from nas_scale.runs.ranking import Entry, Ranking
from nas_scale.runs.results import read_document, write_document
from nas_scale.runs.seeds import derived_seed
from nas_scale.runs.store import Run, find_run, latest, open_run
from nas_scale.runs.trials import Told
from nas_scale.training import data
from nas_scale.training.job import Score
from nas_scale.training.proxy import given_up

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler

Method = Literal["networks", "cartesian", "optuna"]
METHODS = ("networks", "cartesian", "optuna")
NETWORKS_TOLERANCE = 0.05  # of real cost
CARTESIAN_TOLERANCE = 0.1  # of the nominal product, as in the paper
SEEDS = 3


@dataclass(frozen=True, slots=True)
class Grid:
    """Which networks are compared; part of a run's specification.

    phi: the networks cost 2^phi baselines. method: `networks` really cost that, within `tolerance`; `cartesian` is the paper's grid of
    alpha, beta, gamma by `step`, whose product is within `tolerance` of 2; `optuna` lets TPE choose among the networks. tolerance None is the
    method's usual one. count: how many networks are trained.
    """

    phi: float = 1.0
    method: Method = "networks"
    step: float = 0.05
    tolerance: float | None = None
    count: int = 16

    def checked(self) -> Grid:
        """Itself with its tolerance settled. Raises UserError naming the option that is wrong."""
        if self.method not in METHODS:
            raise UserError(f"--method {self.method!r} is not known; choose {', '.join(METHODS)}")
        if not (math.isfinite(self.phi) and 0 < self.phi <= 7):
            raise UserError(f"--phi {self.phi:g} must lie above 0 and up to 7")
        usual = CARTESIAN_TOLERANCE if self.method == "cartesian" else NETWORKS_TOLERANCE
        tolerance = usual if self.tolerance is None else self.tolerance
        if not 0 < tolerance < 1:
            raise UserError(f"--tolerance {tolerance:g} must lie between 0 and 1")
        at_least(2, count=self.count)
        return replace(self, tolerance=tolerance)


@dataclass(frozen=True, slots=True)
class GridPlan:
    """What will be trained, and how long it will take on `workers` workers (None where it was not timed).

    pool: how many networks there were to choose from. alike: for every chosen network the number (from 1) of an earlier one that shrinks
    to the same proxy, or None.
    """

    baseline: Architecture
    candidates: tuple[Candidate, ...]
    alike: tuple[int | None, ...]
    pool: int
    header: tuple[str, ...]
    trainings: int
    workers: int
    seconds: float | None


@dataclass(frozen=True, slots=True)
class GridResult:
    """The plan, its candidates' ranking and the fit; the latter two None after a dry run."""

    plan: GridPlan
    ranking: Ranking | None
    fit: Fit | None
    run: str | None
    document: Mapping[str, Any]


def grid(
    baseline: str | Architecture | None = None, *, dry_run: bool = False, where: Where | None = None, on_event: Listener = ignore, **options: Any
) -> GridResult:
    """Trains networks that cost 2^phi baselines and fits how a doubling is best spent on depth, width and resolution.

    baseline: a net or its name (None: the latest search's best, with that search's data and proxy). options: the fields of `Grid` and
    `Training`. Events: a `GridPlan` before any training. Raises UserError for wrong input, RunFailed where every network failed.
    """
    where = (where or Where()).checked()
    wanted, given = split_options(options, Grid)
    wanted = wanted.checked()
    base, training = baseline_and_training(baseline, given, options, where.results)
    training = training.checked().for_reference(base)
    data.check(training.images(training.proxy.resolution))
    pool = candidate_pool(base, wanted)
    device = choose_device(where.device)
    jobs = Jobs(training, base, device)
    plan = _planned(base, wanted, pool, jobs, worker_count(where.workers, device, training.threads))
    on_event(plan)
    if dry_run:
        return GridResult(plan, None, None, None, grid_document(plan, wanted, training, None, None, None))
    spec = as_spec(grid=wanted, training=training, baseline=net_document(base), device=device.partition(":")[0])
    with open_run(where.results, "grid", spec, where.run, where.resume, where.storage) as run:
        on_event(RunOpened(run.name, str(run.folder), "grid"))
        on_event(Phase("training", plan.trainings))
        started = time.monotonic()
        with training_engine(where, device, training.threads) as engine:
            told = run_trials(run.study, _trials(plan, wanted, pool, jobs), engine, on_event)
        trained = _trained(told, plan, wanted, pool)
        ranking = rankings.rank([candidate for candidate, _ in trained])
        fitted = _fit(trained, training.seed)
        document = grid_document(plan, wanted, training, run, (ranking, trained), fitted, time.monotonic() - started)
        write_document(run, document)
        run.finish(len(told), fitted.verdict.split(";")[0].split(",")[0].rstrip("."))
    return GridResult(plan, ranking, fitted, run.name, document)


def baseline_and_training(
    baseline: str | Architecture | None, given: Training, options: Mapping[str, Any], results: Path
) -> tuple[Architecture, Training]:
    """The net to grow, and how it is trained: as the search that found it did, where options do not say otherwise."""
    explicit = {item.name: options[item.name] for item in fields(Training) if item.name in options}
    start = replace(given, seeds=explicit.get("seeds", SEEDS))
    if isinstance(baseline, Architecture):
        return baseline, start
    run = _search_run(baseline, results)
    if run is None:
        if baseline is None:
            raise UserError(f"there is no finished search in {results}; give --baseline efficientnet-b0, or run nas-scale search first")
        return find_net(baseline, results), start
    found = dict(read_document(run).get("training") or {}) | {"seeds": SEEDS, "proxy_strides": None} | explicit
    return find_net(baseline or str(run.folder), results), Training(**found)


def _search_run(baseline: str | None, results: Path) -> Run | None:
    if baseline is None:
        return latest(results, "search")
    name = baseline.partition(":")[0]
    return find_run(results, name) if looks_like_run(name, results) else None


def candidate_pool(baseline: Architecture, wanted: Grid) -> list[Candidate]:
    """All networks that the method admits. Raises UserError where there are too few to compare."""
    assert wanted.tolerance is not None
    if wanted.method == "cartesian":
        pool = cartesian(baseline, wanted.phi, wanted.step, wanted.tolerance)
    else:
        pool = networks(baseline, 2**wanted.phi, wanted.tolerance)
    if len(pool) < 2:
        raise UserError(f"only {len(pool)} network costs {2**wanted.phi:.3g} baselines within {wanted.tolerance:.0%}; raise --tolerance or --phi")
    return pool


def _planned(baseline: Architecture, wanted: Grid, pool: Sequence[Candidate], jobs: Jobs, workers: int) -> GridPlan:
    chosen = choose(pool, wanted.count)
    first: dict[str, int] = {}
    numbers = [first.setdefault(net_key(jobs.small(candidate.architecture)), index) for index, candidate in enumerate(chosen, 1)]
    alike = tuple(number if number != index else None for index, number in enumerate(numbers, 1))
    trainings = len(first) * jobs.training.seeds
    small, share = jobs.small(baseline), cost(jobs.small(baseline)).flops / cost(baseline).flops
    header = (
        f"baseline {baseline.name or 'net'}: {cost(baseline).flops:,} multiply-adds at {baseline.resolution} px; phi {wanted.phi:g}, method {wanted.method}",
        f"proxy: {given_up(baseline, jobs.training.proxy)} ({small.resolution} px stands for {baseline.resolution}); {share:.1%} of the multiply-adds; data {jobs.training.data}",
    )
    seconds = _estimate(chosen, jobs, trainings) / workers
    return GridPlan(baseline, tuple(chosen), alike, len(pool), header, trainings, workers, seconds)


def _estimate(chosen: Sequence[Candidate], jobs: Jobs, trainings: int) -> float:
    """Seconds of all trainings one after another, from a few steps of the first networks (the corners of the triangle)."""
    from nas_scale.training.timing import seconds_per_image

    timed = [seconds_per_image(jobs.seeds(candidate.architecture, [0])[0]) for candidate in chosen[:3]]
    dataset = data.load(jobs.training.images(jobs.training.proxy.resolution))
    return statistics.fmean(timed) * len(dataset.train) * jobs.training.epochs * trainings


def _trials(plan: GridPlan, wanted: Grid, pool: Sequence[Candidate], jobs: Jobs) -> Plan:
    def subject(trial: optuna.Trial) -> Proposed:
        index = trial.number if wanted.method != "optuna" else _nearest(pool, trial)
        candidate = (plan.candidates if wanted.method != "optuna" else pool)[index]
        return Proposed(candidate, net_key(jobs.small(candidate.architecture)), {"candidate": index})

    def sampler_for(number: int) -> BaseSampler:
        from nas_scale.coefficients.sampler import SharesSampler

        return SharesSampler(derived_seed(jobs.training.seed, number))

    return Plan(
        sampler_for=sampler_for,
        propose=subject,
        jobs=lambda proposed, number: jobs.seeds(proposed.subject.architecture, range(jobs.training.seeds)),
        judge=lambda proposed, scores: statistics.fmean(score.accuracy for score in scores),
        trials=len(plan.candidates) if wanted.method != "optuna" else wanted.count,
        window=jobs.training.window,
    )


def _nearest(pool: Sequence[Candidate], trial: optuna.Trial) -> int:
    from nas_scale.coefficients.sampler import suggest_shares

    place = suggest_shares(trial)
    return min(range(len(pool)), key=lambda index: (math.dist(pool[index].shares, place), index))


Trained = tuple[rankings.Candidate, Candidate]


def _trained(told: Sequence[Told], plan: GridPlan, wanted: Grid, pool: Sequence[Candidate]) -> list[Trained]:
    """Every network once, with its scores; those alike share theirs."""
    made: dict[int, Trained] = {}
    for trial in told:
        index = trial.attributes["candidate"]
        candidate = (plan.candidates if wanted.method != "optuna" else pool)[index]
        if index in made:
            continue
        spent = cost(candidate.architecture)
        scored = rankings.Candidate(
            key=str(index),
            net=net_document(candidate.architecture),
            flops=spent.flops,
            params=spent.parameters,
            activations=spent.activations,
            trial=trial.number,
            search=() if trial.reason else trial.scores,
            reason=trial.reason,
        )
        made[index] = (scored, candidate)
    return list(made.values())


def _fit(trained: Sequence[Trained], seed: int) -> Fit:
    """The fit on every network that trained, those that shrink to the same proxy counted once."""
    scored = [(candidate, grown) for candidate, grown in trained if candidate.search]
    if not scored:
        raise RunFailed(f"every network failed, the first with: {trained[0][0].reason}")
    unique = {_accuracies(candidate.search): (candidate, grown) for candidate, grown in reversed(scored)}
    kept = list(reversed(unique.values()))
    accuracies = [_accuracies(candidate.search) for candidate, _ in kept]
    return fit_candidates(
        [grown for _, grown in kept],
        [statistics.fmean(each) for each in accuracies],
        [statistics.stdev(each) / math.sqrt(len(each)) if len(each) > 1 else 0.0 for each in accuracies],
        [len(each) for each in accuracies],
        seed,
    )


def _accuracies(scores: Sequence[Score]) -> tuple[float, ...]:
    return tuple(score.accuracy for score in scores)


def grid_document(
    plan: GridPlan, wanted: Grid, training: Training, run: Run | None, trained: tuple[Ranking, Sequence[Trained]] | None, fit: Fit | None, seconds: float = 0.0
) -> dict[str, Any]:
    """The plan, and after training the ranking and the fit, as JSON values."""
    document: dict[str, Any] = {
        "kind": "grid",
        "run": run.name if run else None,
        "folder": str(run.folder) if run else None,
        "header": list(plan.header),
        "baseline": {"name": plan.baseline.name, "net": net_document(plan.baseline), "flops": cost(plan.baseline).flops},
        **asdict(wanted),
        "pool": plan.pool,
        "trainings": plan.trainings,
        "estimated_seconds": plan.seconds,
        "seconds": round(seconds, 1),
        "training": asdict(training),
    }
    if trained is None:
        document["candidates"] = [candidate_document(each, alike) for each, alike in zip(plan.candidates, plan.alike, strict=True)]
        return document
    ranking, pairs = trained
    grown = {candidate.trial: candidate_ for candidate, candidate_ in pairs}
    document["seed_sd"] = ranking.seed_sd
    document["candidates"] = [candidate_document(grown[entry.trial], None) | _scored(entry) for entry in ranking.entries]
    document["fit"] = fit.document() if fit else None
    return document


def candidate_document(candidate: Candidate, alike: int | None) -> dict[str, Any]:
    """A network of a grid as JSON values; `points` are the nominal grid points that round to it."""
    depth, width, resolution = candidate.shares
    return {
        "alpha": candidate.alpha,
        "beta": candidate.beta,
        "gamma": candidate.gamma,
        "flops_ratio": candidate.flops_ratio,
        "shares": {"depth": depth, "width": width, "resolution": resolution},
        "depth": candidate.depth,
        "width": candidate.width,
        "resolution": candidate.resolution,
        "depths": list(candidate.depths),
        "channels": list(candidate.channels),
        "points": [[point.alpha, point.beta, point.gamma] for point in candidate.points],
        "alike": alike,
        "net": net_document(candidate.architecture),
    }


def _scored(entry: Entry) -> dict[str, Any]:
    names = ("rank", "place", "tied", "accuracy", "stderr", "seeds", "state", "reason", "flops", "params", "activations")
    return {name: getattr(entry, name) for name in names} | {"search": list(entry.search)}
