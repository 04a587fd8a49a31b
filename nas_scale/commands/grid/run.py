"""From a baseline to alpha, beta, gamma: enumerate networks of a cost, train a spread of them, fit."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from msgspec import structs

from nas_scale.architecture.files import net_document
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.grid.prepare import PreparedGrid, planned_row, prepare
from nas_scale.commands.grid.result import GridFit, GridNet, GridResult
from nas_scale.commands.shared import estimates
from nas_scale.commands.shared.device_metrics import with_device_metrics
from nas_scale.commands.shared.events import Listener, Note, Phase, ignore
from nas_scale.commands.shared.guessing import better_than_guessing
from nas_scale.commands.shared.identity import net_key
from nas_scale.commands.shared.lines import data_lines, fit_in_short
from nas_scale.commands.shared.net_lookup import net_attributes
from nas_scale.commands.shared.opening import logged, opened, read_again
from nas_scale.commands.shared.quality import ACCURACY
from nas_scale.commands.shared.workers import training_engine
from nas_scale.errors import RunFailed
from nas_scale.metrics.metric import costs_of
from nas_scale.runs.results import write_result
from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.design import growing_axes
from nas_scale.scaling.fit import Fit, fit_candidates
from nas_scale.scaling.rules import Rule, rule_named
from nas_scale.statistics import ranking as rankings
from nas_scale.statistics.ranked import Ranking, ScoredNet
from nas_scale.statistics.variances import SeedNoise, accuracies_of
from nas_scale.training import data
from nas_scale.training.data.summary import DataSummary
from nas_scale.trials.finished import FinishedTrial, damage_named
from nas_scale.trials.loop import run_trials
from nas_scale.trials.plan import Proposed, TrialPlan
from nas_scale.trials.seeds import derived_seed

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler


@dataclass(frozen=True, slots=True)
class Trained:
    """A network with its scores. proxy: equal for networks that shrink to the same proxy and share a training."""

    scored: ScoredNet
    candidate: Candidate
    proxy: str


@with_device_metrics
def grid(baseline: str | Architecture | None = None, *, on_event: Listener = ignore, **options: Any) -> GridResult:
    """Trains networks that cost 2^phi baselines and fits how a doubling is best spent on depth, width and resolution.

    baseline: a net or its name (None: the latest search's best). A net that a search found is trained as that search
    did but for seeds and three quarters of its epochs, where options do not say otherwise.
    options: the fields of `Grid`, `Training` and `RunSettings`, named as on the command line; with dry_run nothing is
    trained or written.
    on_event: called with every event, and with the planned result before any training.

    Raises UserError for wrong input, RunFailed where every network failed, MachineFailed where the machine did.
    After that, KeyboardInterrupt or a kill the same call with resume=True goes on.
    """
    prepared = prepare({**options, "baseline": baseline})
    if not prepared.wanted.dry_run:
        return _run(prepared, on_event)
    plan = _timed(prepared)
    on_event(plan)
    return plan


def _timed(prepared: PreparedGrid) -> GridResult:
    """The plan with the estimated time and a description of the images, which are decoded here."""
    training = prepared.jobs.training
    images = data.load(training.images(training.proxy.resolution))
    summary = DataSummary.of(images)
    header = (*prepared.plan.header, *data_lines(summary))
    seconds = estimate(prepared, len(images.train), len(images.val))
    return structs.replace(prepared.plan, header=header, data=summary, estimated_seconds=seconds)


def estimate(prepared: PreparedGrid, train_images: int, val_images: int) -> float | None:
    """Seconds that all trainings will take, from a few steps of the first networks: of a choice, those at the corners.

    None where these do not fit into memory.
    """
    from nas_scale.training.timing import START_SECONDS

    jobs, plan = prepared.jobs, prepared.plan
    corners = [jobs.seeds(candidate.architecture, [0])[0] for candidate in prepared.chosen[:3]]
    images = (train_images, val_images)
    timed = estimates.seconds_each(corners, images, prepared.settings, jobs.device, jobs.training.threads)
    each = [seconds for seconds in timed if seconds is not None]
    if not each:
        return None
    return START_SECONDS + statistics.fmean(each) * math.ceil(plan.trainings / plan.workers)


def _run(prepared: PreparedGrid, on_event: Listener) -> GridResult:
    """Starts the grid, goes on with it, or reads again what it found."""
    with opened(prepared.settings, "grid", prepared.spec(), on_event) as run:
        if run.record.finished:
            return read_again(prepared.settings, run, GridResult, on_event)
        on_event(Note("timing a few steps"))
        plan = _timed(prepared)
        on_event(plan)
        jobs = prepared.jobs
        on_event(Phase("training", len(prepared.chosen), "networks", jobs.training.seeds, ACCURACY))
        started = time.monotonic()
        with (
            logged(prepared.settings, run, on_event) as listener,
            training_engine(prepared.settings, jobs.device, jobs.training.threads) as engine,
        ):
            finished = run_trials(run.study, _trials(prepared), engine, listener)
        trained = _trained(finished, prepared)
        noise = SeedNoise.pooled(accuracies_of(each.scored.search) for each in different_proxies(trained))
        ranking = rankings.rank((each.scored for each in trained), noise=noise)
        fitted = fit_trained(trained, noise, jobs.training.seed, rule_named(prepared.wanted.prior))
        best = ranking.entries[0]
        result = structs.replace(
            plan,
            run=run.name,
            folder=str(run.folder),
            seconds=round(time.monotonic() - started, 1),
            seed_sd=ranking.seed_sd,
            better_than_guessing=better_than_guessing(best.accuracy, best.stderr, plan.data),
            candidates=_ranked(ranking, trained, plan.baseline.flops),
            fit=GridFit.of(fitted),
        )
        write_result(run, result)
        run.finish(len(finished), fit_in_short(fitted))
    return result


def _ranked(ranking: Ranking, trained: Sequence[Trained], flops: int) -> tuple[GridNet, ...]:
    """The networks in their ranking; `alike` is the row (from 1) of an earlier one with the same proxy.

    flops: the baseline's multiply-adds.
    """
    by_trial = {each.scored.trial: each for each in trained}
    first: dict[str, int] = {}
    rows = []
    for number, entry in enumerate(ranking.entries, 1):
        each = by_trial[entry.trial]
        same = first.setdefault(each.proxy, number)
        row = planned_row(each.candidate, flops, same if same != number else None)
        names = ("rank", "place", "tied", "accuracy", "stderr", "seeds", "state", "reason", "search")
        rows.append(structs.replace(row, **{name: getattr(entry, name) for name in names}))
    return tuple(rows)


def _trials(prepared: PreparedGrid) -> TrialPlan:
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
        trials=len(prepared.chosen),
        max_pending=jobs.training.window,
    )


def _nearest(pool: Sequence[Candidate], trial: optuna.Trial) -> int:
    from nas_scale.scaling.sampler import suggest_shares

    place = suggest_shares(trial)
    return min(range(len(pool)), key=lambda index: (math.dist(pool[index].shares, place), index))


def _trained(finished: Sequence[FinishedTrial], prepared: PreparedGrid) -> list[Trained]:
    """Every network once, with its scores; those that shrink to the same proxy have the same `proxy` and share them."""
    made: dict[int, Trained] = {}
    for trial in finished:
        with damage_named(f"trial {trial.number}, attribute 'candidate'"):
            index = msgspec.convert(trial.attributes["candidate"], Annotated[int, msgspec.Meta(ge=0)])
            candidate = prepared.candidate(index)
        scored = ScoredNet(
            key=str(index),
            net=net_document(candidate.architecture),
            costs=costs_of(candidate.architecture),
            trial=trial.number,
            search=() if trial.reason else tuple(score.undivided() for score in trial.scores),
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


def fit_trained(trained: Sequence[Trained], noise: SeedNoise, seed: int, prior: Rule) -> Fit:
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
        growing_axes([each.candidate for each in trained]),  # one may have grown only in networks that failed
        prior,
    )
