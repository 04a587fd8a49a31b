"""From a baseline to alpha, beta, gamma: enumerate networks of a cost, train a spread of them, fit."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nas_scale.architecture.files import net_document
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.certify.certificates import certificate_line
from nas_scale.commands.grid.document import GridPlan, Trained, grid_document, plan_header
from nas_scale.commands.grid.options import Grid
from nas_scale.commands.search.document import images_line
from nas_scale.commands.shared import estimates
from nas_scale.commands.shared.events import Listener, Note, Phase, ignore
from nas_scale.commands.shared.net_lookup import find_net, last_search, net_attributes, net_key, run_named
from nas_scale.commands.shared.opening import logged, opened
from nas_scale.commands.shared.options import known_options, refuse_unknown, specification, take
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Jobs, Training
from nas_scale.commands.shared.workers import choose_device, training_engine, worker_count
from nas_scale.errors import RunFailed, UserError
from nas_scale.metrics.metric import costs_of
from nas_scale.runs.results import read_document, write_document
from nas_scale.scaling.candidates import Candidate, cartesian
from nas_scale.scaling.design import choose
from nas_scale.scaling.fit import Fit, fit_candidates
from nas_scale.scaling.solver import networks
from nas_scale.statistics import ranking as rankings
from nas_scale.statistics.ranking import Ranking
from nas_scale.statistics.variances import SeedNoise, accuracies_of
from nas_scale.training import data
from nas_scale.trials.finished import FinishedTrial
from nas_scale.trials.loop import run_trials
from nas_scale.trials.plan import Proposed, TrialPlan
from nas_scale.trials.seeds import derived_seed

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler

# Where nothing else is asked for: trainings of each network, and their length as a share of the search's. Sixteen
# networks of twice the baseline's cost then train within twenty minutes on two cores.
SEEDS: Final = 2
SHARE: Final = 0.75
OF_DATA: Final = (
    *("train_images", "val_images", "proxy_resolution", "proxy_width", "proxy_strides"),
    *("epochs", "batch", "learning_rate", "warmup", "crop", "flips"),
)


@dataclass(frozen=True, slots=True)
class GridResult:
    """The plan, its candidates' ranking and the fit; the latter two and the run None after a dry run."""

    plan: GridPlan
    ranking: Ranking | None
    fit: Fit | None
    run: str | None
    folder: str | None
    document: Mapping[str, Any]


def grid(baseline: str | Architecture | None = None, *, on_event: Listener = ignore, **options: Any) -> GridResult:
    """Trains networks that cost 2^phi baselines and fits how a doubling is best spent on depth, width and resolution.

    baseline: a net or its name (None: the latest search's best). A net that a search found is trained as that search
    did but for seeds and three quarters of its epochs, where options do not say otherwise.
    options: the fields of `Grid`, `Training` and `RunSettings`, named as on the command line; with dry_run nothing is
    trained or written.
    on_event: told of every step; of a `GridPlan` before any training.

    Raises UserError for wrong input, RunFailed where every network failed. After KeyboardInterrupt, or a kill, the same
    call with resume=True goes on.
    """
    prepared = prepare({**options, "baseline": baseline})
    if not prepared.wanted.dry_run:
        return _run(prepared, on_event)
    plan = _timed(prepared)
    on_event(plan)
    document = grid_document(plan, prepared.wanted, prepared.jobs.training)
    return GridResult(plan, None, None, None, None, document)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A grid whose input was checked and whose networks are chosen, before anything is trained or written.

    pool: all networks that the method admits.
    """

    wanted: Grid
    settings: RunSettings
    baseline: Architecture
    pool: Sequence[Candidate]
    jobs: Jobs
    plan: GridPlan

    def spec(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON."""
        training = self.jobs.training
        parts = {"grid": specification(self.wanted), "training": specification(training)}
        images = data.fingerprint(training.images(training.proxy.resolution))
        device = self.jobs.device.partition(":")[0]
        return {**parts, "device": device, "images": images, "baseline": net_document(self.baseline)}

    def candidate(self, index: int) -> Candidate:
        """The network that a trial's stored index means."""
        return self.pool[index] if self.wanted.method == "optuna" else self.plan.candidates[index]


def prepare(options: Mapping[str, Any]) -> Prepared:
    """Reads and checks a grid's options and images, and chooses its networks. Raises UserError."""
    refuse_unknown(options, known_options(Grid, Training, RunSettings))
    settings, wanted = take(options, RunSettings).checked(), take(options, Grid).checked()
    base, usual = baseline_and_training(wanted.baseline, settings.folder)
    if "data" in options:  # what suited other images
        usual = {name: value for name, value in usual.items() if name not in OF_DATA}
    if "proxy_resolution" in options:  # what suited another size of them
        usual.pop("proxy_strides", None)
    asked = take({"seeds": SEEDS} | usual | dict(options), Training).checked()
    pool = candidate_pool(base, wanted)
    device = choose_device(settings.device)
    training = asked.suited(device).for_reference(base)
    if "epochs" not in options:
        shorter = training.shorter(SHARE)
        training = replace(shorter, train_images=training.train_images) if "train_images" in options else shorter
    data.check(training.images(training.proxy.resolution))
    jobs = Jobs(training, base, device)
    plan = _planned(base, wanted, pool, jobs, worker_count(settings, device, training.threads), settings.folder)
    return Prepared(wanted, settings, base, pool, jobs, plan)


def baseline_and_training(baseline: str | Architecture | None, results: Path) -> tuple[Architecture, dict[str, Any]]:
    """The net to grow, and the training options of the search that found it, but for its seeds; none where none did.

    Raises UserError.
    """
    if isinstance(baseline, Architecture):
        return baseline, {}
    run = last_search(results) if baseline is None else run_named(baseline, results)
    if run is None:
        assert baseline is not None
        return find_net(baseline, results), {}
    found = dict(read_document(run).get("training") or {}) if run.kind == "search" else {}
    usual = {name: value for name, value in found.items() if name in known_options(Training)}
    usual.pop("seeds", None)
    return find_net(baseline or str(run.folder), results), usual


def candidate_pool(baseline: Architecture, wanted: Grid) -> list[Candidate]:
    """All networks that the method admits. Raises UserError where there are too few to compare."""
    assert wanted.tolerance is not None
    if wanted.method == "cartesian":
        pool = cartesian(baseline, wanted.phi, wanted.step, wanted.tolerance)
    else:
        pool = networks(baseline, 2**wanted.phi, wanted.tolerance)
    if len(pool) < 2:
        found = "no network costs" if not pool else "only one network costs"
        ratio = f"{2**wanted.phi:.3g} baselines within {wanted.tolerance:.2%}"
        if wanted.method == "cartesian":
            ratio = f"what a grid of step {wanted.step:g} with products within {wanted.tolerance:g} of 2 asks for"
        raise UserError(f"{found} {ratio}; raise --tolerance or change --phi")
    return pool


def _planned(
    baseline: Architecture, wanted: Grid, pool: Sequence[Candidate], jobs: Jobs, workers: int, results: Path
) -> GridPlan:
    chosen = choose(pool, wanted.count)
    first: dict[str, int] = {}
    keys = [net_key(jobs.small(candidate.architecture)) for candidate in chosen]
    numbers = [first.setdefault(key, number) for number, key in enumerate(keys, 1)]
    return GridPlan(
        baseline=baseline,
        candidates=tuple(chosen),
        alike=tuple(same if same != number else None for number, same in enumerate(numbers, 1)),
        pool=len(pool),
        header=(*plan_header(baseline, wanted, jobs), certificate_line(results, jobs.training, baseline, jobs.device)),
        trainings=len(first) * jobs.training.seeds,
        workers=workers,
        seconds=None,
    )


def _timed(prepared: Prepared) -> GridPlan:
    """The plan with its time, and with what the images are, which are decoded for it."""
    training = prepared.jobs.training
    images = data.load(training.images(training.proxy.resolution))
    header = (*prepared.plan.header, images_line(images))
    return replace(prepared.plan, header=header, seconds=estimate(prepared, len(images.train), len(images.val)))


def estimate(prepared: Prepared, train_images: int, val_images: int) -> float | None:
    """Seconds that all trainings will take, from a few steps of the first networks: of a choice, those at the corners.

    None where these do not fit into memory.
    """
    from nas_scale.training.timing import START_SECONDS

    jobs, plan = prepared.jobs, prepared.plan
    corners = [jobs.seeds(candidate.architecture, [0])[0] for candidate in plan.candidates[:3]]
    images = (train_images, val_images)
    timed = estimates.seconds_each(corners, images, prepared.settings, jobs.device, jobs.training.threads)
    each = [seconds for seconds in timed if seconds is not None]
    if not each:
        return None
    return START_SECONDS + statistics.fmean(each) * math.ceil(plan.trainings / plan.workers)


def _run(prepared: Prepared, on_event: Listener) -> GridResult:
    """Starts the grid, goes on with it, or shows again what it found."""
    with opened(prepared.settings, "grid", prepared.spec(), on_event) as run:
        plan = prepared.plan
        if not run.record.finished:
            on_event(Note("timing a few steps"))
            plan = _timed(prepared)
            on_event(plan)
        jobs = prepared.jobs
        on_event(Phase("training", len(plan.candidates), "networks", jobs.training.seeds, "accuracy"))
        started = time.monotonic()
        with (
            logged(prepared.settings, run, on_event) as listener,
            training_engine(prepared.settings, jobs.device, jobs.training.threads) as engine,
        ):
            told = run_trials(run.study, _trials(prepared), engine, listener)
        trained = _trained(told, prepared)
        noise = SeedNoise.pooled(accuracies_of(each.scored.search) for each in different_proxies(trained))
        ranking = rankings.rank((each.scored for each in trained), noise=noise)
        fitted = fit_trained(trained, noise, jobs.training.seed)
        if run.record.finished:
            return GridResult(plan, ranking, fitted, run.name, str(run.folder), read_document(run))
        result = (ranking, trained, fitted)
        document = grid_document(plan, prepared.wanted, jobs.training, run, result, time.monotonic() - started)
        write_document(run, document)
        run.finish(len(told), _in_short(fitted))
    return GridResult(plan, ranking, fitted, run.name, str(run.folder), document)


def _in_short(fitted: Fit) -> str:
    """The fit in a line of a list of runs."""
    values = f"alpha {fitted.alpha:.2f}, beta {fitted.beta:.2f}, gamma {fitted.gamma:.2f}"
    return values if fitted.told else f"cannot tell ({values})"


def _trials(prepared: Prepared) -> TrialPlan:
    jobs = prepared.jobs

    def subject(trial: optuna.Trial) -> Proposed:
        index = _nearest(prepared.pool, trial) if prepared.wanted.method == "optuna" else trial.number
        candidate = prepared.candidate(index)
        net = net_attributes(candidate.architecture)
        attributes = {"candidate": index, **net, "proxy": jobs.proxy_reduction(candidate.architecture)}
        return Proposed(candidate, net_key(jobs.small(candidate.architecture)), attributes)

    def sampler_for(number: int) -> BaseSampler:
        from nas_scale.scaling.sampler import SharesSampler

        return SharesSampler(derived_seed(jobs.training.seed, number))

    return TrialPlan(
        sampler_for=sampler_for,
        propose=subject,
        jobs=lambda proposed, number: jobs.seeds(proposed.subject.architecture, range(jobs.training.seeds)),
        value_of=lambda proposed, scores: statistics.fmean(score.accuracy for score in scores),
        trials=len(prepared.plan.candidates),
        max_pending=jobs.training.window,
    )


def _nearest(pool: Sequence[Candidate], trial: optuna.Trial) -> int:
    from nas_scale.scaling.sampler import suggest_shares

    place = suggest_shares(trial)
    return min(range(len(pool)), key=lambda index: (math.dist(pool[index].shares, place), index))


def _trained(told: Sequence[FinishedTrial], prepared: Prepared) -> list[Trained]:
    """Every network once, with its scores; those that shrink to the same proxy have the same `proxy` and share them."""
    made: dict[int, Trained] = {}
    for trial in told:
        index = trial.attributes["candidate"]
        candidate = prepared.candidate(index)
        scored = rankings.ScoredNet(
            key=str(index),
            net=net_document(candidate.architecture),
            costs=costs_of(candidate.architecture),
            trial=trial.number,
            search=() if trial.reason else trial.scores,
            reason=trial.reason,
        )
        made.setdefault(index, Trained(scored, candidate, trial.key))
    return list(made.values())


def different_proxies(trained: Sequence[Trained]) -> list[Trained]:
    """Every network that trained, but of those that shrink to the same proxy, and share its scores, only the first."""
    first: dict[str, Trained] = {}
    for each in trained:
        if each.scored.search:
            first.setdefault(each.proxy, each)
    return list(first.values())


def fit_trained(trained: Sequence[Trained], noise: SeedNoise, seed: int) -> Fit:
    """The fit on every proxy that trained, with the standard errors that the table has for the seeds.

    Raises RunFailed where none trained.
    """
    different = different_proxies(trained)
    if not different:
        raise RunFailed(f"every network failed, the first with: {trained[0].scored.reason}")
    accuracies = [accuracies_of(each.scored.search) for each in different]
    return fit_candidates(
        [each.candidate for each in different],
        [statistics.fmean(seeds) for seeds in accuracies],
        [math.sqrt(noise.mean_variance(seeds)) for seeds in accuracies],
        [len(seeds) for seeds in accuracies],
        seed,
    )
