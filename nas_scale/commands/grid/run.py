"""From a baseline to alpha, beta, gamma: enumerate networks of a cost, train a spread of them, fit."""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from msgspec import structs

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.grid.arms import Arm
from nas_scale.commands.grid.moves import moves_between
from nas_scale.commands.grid.options import Method
from nas_scale.commands.grid.prepare import PreparedGrid, prepare
from nas_scale.commands.grid.result import GridResult
from nas_scale.commands.grid.trained import FittedArm, fitted_arm
from nas_scale.commands.shared import estimates
from nas_scale.commands.shared.device_metrics import with_device_metrics
from nas_scale.commands.shared.enlarged import enlarged_line
from nas_scale.commands.shared.events import Listener, Note, Phase, ignore
from nas_scale.commands.shared.guessing import better_than_guessing
from nas_scale.commands.shared.lines import data_lines, fit_in_short
from nas_scale.commands.shared.net_lookup import net_attributes
from nas_scale.commands.shared.opening import logged, opened, read_again
from nas_scale.commands.shared.quality import ACCURACY
from nas_scale.commands.shared.workers import training_engine
from nas_scale.runs.results import write_result
from nas_scale.runs.store import Run
from nas_scale.scaling.candidates import Candidate
from nas_scale.scaling.fit import Fit
from nas_scale.scaling.rules import rule_named
from nas_scale.training import data
from nas_scale.training.data.summary import DataSummary
from nas_scale.trials.finished import finished_trials
from nas_scale.trials.loop import run_trials
from nas_scale.trials.plan import Proposed, TrialPlan
from nas_scale.trials.seeds import derived_seed

if TYPE_CHECKING:
    import optuna
    from optuna.samplers import BaseSampler

    from nas_scale.engines.base import Engine


@with_device_metrics
def grid(baseline: str | Architecture | None = None, *, on_event: Listener = ignore, **options: Any) -> GridResult:
    """Trains networks that cost 2^phi baselines and fits how a doubling is best spent on depth, width and resolution.

    Of several sizes or budgets of epochs, as phi=(1, 2) or epochs=(3, 9), each has a fit, and the result says whether
    the answer of one holds for the other.

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
    enlarged = enlarged_line(_named(prepared.plan), "networks", summary.side)
    header = (*prepared.plan.header, *data_lines(summary), *([enlarged] if enlarged else []))
    seconds = estimate(prepared, len(images.train), len(images.val))
    return structs.replace(prepared.plan, header=header, data=summary, estimated_seconds=seconds)


def _named(plan: GridResult) -> list[tuple[str, int]]:
    """The networks of every size as the tables number them, with their pixels."""
    rows = {arm.phi: arm.candidates for arm in plan.arms} or {plan.phi: plan.candidates}
    return [
        (f"network {number}{f' of phi {phi:g}' if len(rows) > 1 else ''}", row.resolution)
        for phi, candidates in rows.items()
        for number, row in enumerate(candidates, 1)
    ]


def estimate(prepared: PreparedGrid, train_images: int, val_images: int) -> float | None:
    """Seconds that all trainings will take, from a few steps of the first networks: of a choice, those at the corners.

    None where these do not fit into memory.
    """
    from nas_scale.training.timing import START_SECONDS

    corners = [arm.jobs.seeds(candidate.architecture, [0])[0] for arm in prepared.arms for candidate in arm.chosen[:3]]
    threads, images = prepared.jobs.training.threads, (train_images, val_images)
    timed = iter(estimates.seconds_each(corners, images, prepared.settings, prepared.jobs.device, threads))
    total = START_SECONDS
    for arm in prepared.arms:
        each = [seconds for seconds in itertools.islice(timed, len(arm.chosen[:3])) if seconds is not None]
        if not each:
            return None
        total += statistics.fmean(each) * math.ceil(arm.trainings / prepared.plan.workers)
    return total


def _run(prepared: PreparedGrid, on_event: Listener) -> GridResult:
    """Starts the grid, goes on with it, or reads again what it found."""
    with opened(prepared.settings, "grid", prepared.spec(), on_event) as run:
        if run.record.finished:
            return read_again(prepared.settings, run, GridResult, on_event)
        on_event(Note("timing a few steps"))
        plan = _timed(prepared)
        on_event(plan)
        jobs = prepared.jobs
        started = time.monotonic()
        with (
            logged(prepared.settings, run, on_event) as listener,
            training_engine(prepared.settings, jobs.device, jobs.training.threads) as engine,
        ):
            arms = _trained(prepared, run, engine, listener)
        begun = structs.replace(
            plan, run=run.name, folder=str(run.folder), seconds=round(time.monotonic() - started, 1)
        )
        result, chosen = _result(begun, arms, jobs.training.seed)
        write_result(run, result)
        run.finish(sum(len(each.arm.chosen) for each in arms), fit_in_short(chosen))
    return result


def _trained(prepared: PreparedGrid, run: Run, engine: Engine, on_event: Listener) -> list[FittedArm]:
    """Trains one arm after the other, as far as that is still to be done. Raises RunFailed where all nets of one fail.

    To each the trials before its own are as known from elsewhere.
    """
    finished = finished_trials(run.study)
    begun, found, names = 0, [], prepared.plan.labels
    for number, arm in enumerate(prepared.arms, 1):
        ended = begun + len(arm.chosen)
        if len(finished) < ended:
            name = f"training {number} of {len(prepared.arms)} ({names[number - 1]})" if names else "training"
            on_event(Phase(name, len(arm.chosen), "networks", arm.jobs.training.seeds, ACCURACY))
            finished = run_trials(run.study, _trials(arm, prepared.wanted.method, begun), engine, on_event)
        found.append(fitted_arm(arm, finished[begun:ended], rule_named(prepared.wanted.prior)))
        begun = ended
    return found


def _result(plan: GridResult, arms: Sequence[FittedArm], seed: int) -> tuple[GridResult, Fit]:
    """The result, and the fit that is followed."""
    parts = [each.result(plan.baseline.flops) for each in arms]
    at = (plan.followed or 1) - 1
    best = arms[at].ranking.entries[0]
    result = structs.replace(
        plan,
        seed_sd=parts[at].seed_sd,
        better_than_guessing=better_than_guessing(best.accuracy, best.stderr, plan.data),
        candidates=parts[at].candidates,
        fit=parts[at].fit,
        arms=tuple(parts) if plan.arms else (),
        moves=moves_between(arms, plan.labels, seed) if plan.arms else (),
    )
    return result, arms[at].fit


def _trials(arm: Arm, method: Method, begun: int) -> TrialPlan:
    """The trials of an arm, of which the first has the number `begun`."""
    jobs = arm.jobs

    def subject(trial: optuna.Trial) -> Proposed:
        index = _nearest(arm.pool, trial) if method == "optuna" else trial.number - begun
        candidate = arm.proposed[index]
        net = net_attributes(candidate.architecture)
        attributes = {"candidate": index, **net, "proxy": jobs.proxy_reduction(candidate.architecture)}
        return Proposed(candidate, arm.key(candidate.architecture), attributes)

    def sampler_for(number: int) -> BaseSampler:
        from nas_scale.scaling.sampler import SharesSampler

        return SharesSampler(derived_seed(jobs.training.seed, number))

    return TrialPlan(
        sampler_for=sampler_for,
        propose=subject,
        jobs=lambda proposed, number: jobs.seeds(proposed.subject.architecture, range(jobs.training.seeds)),
        value_of=lambda proposed, scores: statistics.fmean(score.accuracy for score in scores),
        trials=begun + len(arm.chosen),
        max_pending=jobs.training.window,
        known=begun,
    )


def _nearest(pool: Sequence[Candidate], trial: optuna.Trial) -> int:
    from nas_scale.scaling.sampler import suggest_shares

    place = suggest_shares(trial)
    return min(range(len(pool)), key=lambda index: (math.dist(pool[index].shares, place), index))
