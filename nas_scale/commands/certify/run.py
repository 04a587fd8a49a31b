"""How far a proxy can be trusted: train a spread of nets under it and under a longer recipe, and compare the orders."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from msgspec import structs

from nas_scale.commands.certify.figures import Measured, with_figures
from nas_scale.commands.certify.prepare import PreparedCertificate, longer_key, prepare
from nas_scale.commands.certify.result import CertifyResult
from nas_scale.commands.shared import estimates
from nas_scale.commands.shared.events import Listener, Note, Phase, ignore
from nas_scale.commands.shared.identity import net_key
from nas_scale.commands.shared.lines import certify_lines, verdict_in_short
from nas_scale.commands.shared.net_lookup import net_attributes
from nas_scale.commands.shared.opening import logged, opened, read_again
from nas_scale.commands.shared.quality import ACCURACY
from nas_scale.commands.shared.timed_plan import timed
from nas_scale.commands.shared.workers import training_engine
from nas_scale.errors import RunFailed
from nas_scale.runs.results import write_result
from nas_scale.runs.store import Run
from nas_scale.training.job import Score
from nas_scale.trials.extra import run_jobs
from nas_scale.trials.finished import FinishedTrial
from nas_scale.trials.loop import run_trials
from nas_scale.trials.plan import Proposed, TrialPlan
from nas_scale.trials.seeds import derived_seed
from nas_scale.zero_cost.names import score_names
from nas_scale.zero_cost.scores import score

if TYPE_CHECKING:
    import optuna

    from nas_scale.engines.base import Engine


def certify(*, on_event: Listener = ignore, **options: Any) -> CertifyResult:
    """Trains nets of a space under a proxy and under a longer recipe, and says how well the proxy orders them.

    options: the fields of `Certify`, `Training` (the proxy) and `RunSettings`, named as on the command line.
    With dry_run the nets are drawn and the trainings timed; nothing is trained or written.
    on_event: called with every event (commands/shared/events.py, trials/events.py).

    Raises UserError for wrong input, RunFailed where nearly every net failed, MachineFailed where the machine did.
    After that, KeyboardInterrupt or a kill the same call with resume=True goes on.
    """
    prepared = prepare(options)
    if not prepared.wanted.dry_run:
        return _run(prepared, on_event)
    return _timed(prepared, ignore)  # the result says it all


def _timed(prepared: PreparedCertificate, on_event: Listener) -> CertifyResult:
    """The plan with what is asked, a description of the images and the estimated time."""
    plan = prepared.plan
    plan = structs.replace(plan, header=(*plan.header, *certify_lines(prepared.jobs.reference, plan)))
    return timed(plan, lambda train, val: estimate(prepared, train, val), on_event)


def estimate(prepared: PreparedCertificate, train_images: int, val_images: int) -> float | None:
    """Seconds that all trainings will take; None where they cannot be timed."""
    from nas_scale.training.timing import START_SECONDS

    plan, images = prepared.plan, (train_images, val_images)
    total = START_SECONDS
    for jobs in (prepared.jobs, prepared.longer):
        each = estimates.seconds_by_cost(jobs, prepared.drawn.nets, images, prepared.settings)
        if each is None:
            return None
        total += statistics.fmean(each) * math.ceil(len(each) * jobs.training.seeds / plan.workers)
    return total


def _run(prepared: PreparedCertificate, on_event: Listener) -> CertifyResult:
    """Starts the certificate, goes on with it, or reads again what it found."""
    with opened(prepared.settings, "certify", prepared.spec(), on_event) as run:
        if run.record.finished:
            return read_again(prepared.settings, run, CertifyResult, on_event)
        plan = _timed(prepared, on_event)
        started = time.monotonic()
        with (
            logged(prepared.settings, run, on_event) as listener,
            training_engine(prepared.settings, prepared.jobs.device, prepared.jobs.training.threads) as engine,
        ):
            measured = _trained(prepared, run, engine, listener)
        _refuse_too_few(measured, run)
        on_event(Note("scoring the nets without training"))
        measured, seconds = _scored(prepared, measured)
        spent = round(time.monotonic() - started, 1)
        begun = structs.replace(plan, run=run.name, folder=str(run.folder), seconds=spent)
        result = with_figures(begun, measured, seconds)
        write_result(run, result)
        run.finish(len(measured), verdict_in_short(result))
    return result


def _trained(prepared: PreparedCertificate, run: Run, engine: Engine, on_event: Listener) -> list[Measured]:
    """Every net with its scores under both recipes, or the reason why it has none."""
    training = prepared.jobs.training
    nets, seeds = prepared.drawn.nets, prepared.longer.training.seeds
    on_event(Phase("under the proxy", len(nets), "nets", training.seeds, ACCURACY))
    finished = run_trials(run.study, _trials(prepared), engine, on_event)
    left = [trial.number for trial in finished if trial.reason is None]
    if left:
        on_event(Phase("longer recipe", len(left) * seeds, "trainings"))
    wanted = {keys: job for number in left for keys, job in prepared.longer_jobs(number).items()}
    longer = run_jobs(run.study, wanted, engine, on_event)
    return [
        _measured(prepared, trial, [longer.get(longer_key(trial.number, at)) for at in range(seeds)])
        for trial in finished
    ]


def _measured(prepared: PreparedCertificate, trial: FinishedTrial, longer: Sequence[Score | str | None]) -> Measured:
    arch = prepared.drawn.nets[trial.number]
    failed = next((result for result in longer if isinstance(result, str)), None)
    return Measured(
        arch=arch,
        in_band=prepared.drawn.in_band(arch),
        proxy=trial.scores,
        longer=tuple(result for result in longer if isinstance(result, Score)),
        reason=trial.reason or failed,
    )


def _trials(prepared: PreparedCertificate) -> TrialPlan:
    jobs, nets = prepared.jobs, prepared.drawn.nets

    def proposed(trial: optuna.Trial) -> Proposed:
        net = nets[trial.number]
        return Proposed(net, net_key(net), {**net_attributes(net), "proxy": jobs.proxy_reduction(net)})

    def sampler_for(number: int) -> optuna.samplers.BaseSampler:
        from optuna.samplers import RandomSampler

        return RandomSampler(derived_seed(jobs.training.seed, number))  # is asked for nothing

    return TrialPlan(
        sampler_for=sampler_for,
        propose=proposed,
        jobs=lambda proposed, number: jobs.seeds(proposed.subject, range(jobs.training.seeds)),
        value_of=lambda proposed, scores: statistics.fmean(score.accuracy for score in scores),
        trials=len(nets),
        max_pending=jobs.training.window,
    )


def _refuse_too_few(measured: Sequence[Measured], run: Run) -> None:
    """Raises RunFailed where fewer than two nets trained under both recipes: nothing is compared then."""
    if sum(net.reason is None for net in measured) < 2:
        reason = next(net.reason for net in measured if net.reason is not None)
        raise RunFailed(f"nearly every net failed, the first with: {reason}; {run.folder} keeps the trials")


def _scored(prepared: PreparedCertificate, measured: Sequence[Measured]) -> tuple[list[Measured], dict[str, float]]:
    """The nets with their scores without training, and how many seconds each score took a net."""
    jobs = prepared.jobs
    spent: dict[str, float] = dict.fromkeys(score_names(), 0.0)
    found = []
    for net in measured:
        small, cheap = jobs.small(net.arch), dict[str, float]()
        for name in score_names():
            started = time.perf_counter()
            cheap[name] = score(name, net.arch, small, jobs.training.images(small.resolution))
            spent[name] += (time.perf_counter() - started) / len(measured)
        found.append(replace(net, cheap=cheap))
    return found, spent
