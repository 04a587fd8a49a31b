"""How far a proxy can be trusted: train a spread of nets under it and under a longer recipe, and compare the orders."""

from __future__ import annotations

import hashlib
import math
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.certify.document import (
    CertifyPlan,
    Measured,
    certify_document,
    estimate_line,
    in_short,
)
from nas_scale.commands.certify.nets import draw
from nas_scale.commands.certify.options import Certify
from nas_scale.commands.search.document import images_line
from nas_scale.commands.shared import estimates
from nas_scale.commands.shared.events import Listener, Note, Phase, ignore
from nas_scale.commands.shared.net_lookup import net_attributes, net_key, reference_net
from nas_scale.commands.shared.opening import logged, opened
from nas_scale.commands.shared.options import known_options, refuse_unknown, specification, take
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Jobs, Training
from nas_scale.commands.shared.workers import choose_device, training_engine, worker_count
from nas_scale.errors import RunFailed, UserError
from nas_scale.metrics.counts import cost
from nas_scale.runs.results import read_document, write_document
from nas_scale.runs.store import Run
from nas_scale.training import data
from nas_scale.training.job import Job, Score
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

SEEDS: Final = 2  # of each net under the proxy where nothing else is asked for: the fewest that show their noise
LONGER_SEEDS_FROM: Final = 2000  # far from those of the proxy


@dataclass(frozen=True, slots=True)
class CertifyResult:
    """What was found, as the document that was saved; the run is None after a dry run."""

    run: str | None
    folder: str | None
    document: Mapping[str, Any]

    @property
    def verdict(self) -> str | None:
        """The sentence that says whether the proxy is worth using."""
        found = self.document["verdict"]
        return None if found is None else str(found["sentence"])


def certify(*, on_event: Listener = ignore, **options: Any) -> CertifyResult:
    """Trains nets of a space under a proxy and under a longer recipe, and says how well the proxy orders them.

    options: the fields of `Certify`, `Training` (the proxy) and `RunSettings`, named as on the command line.
    With dry_run the nets are drawn and the trainings timed; nothing is trained or written.
    on_event: told of every step.

    Raises UserError for wrong input, RunFailed where nearly every net failed. After KeyboardInterrupt, or a kill, the
    same call with resume=True goes on.
    """
    prepared = prepare(options)
    if not prepared.plan.wanted.dry_run:
        return _run(prepared, on_event)
    head, seconds = _timed(prepared, ignore)  # the document says it all
    return CertifyResult(None, None, certify_document(prepared.plan, head, seconds))


@dataclass(frozen=True, slots=True)
class Prepared:
    """A certificate whose input was checked and whose nets are drawn, before anything is trained or written."""

    plan: CertifyPlan
    space: SearchSpace
    settings: RunSettings
    jobs: Jobs
    longer: Jobs

    def spec(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON."""
        plan, space = self.plan, self.space
        whole = repr((space.frame, space.choices, [stage.slots for stage in space.stages]))
        return {
            "certify": specification(replace(plan.wanted, space=space.name)),
            "training": specification(plan.training),
            "longer": specification(plan.longer),
            "images": plan.images,
            "space_fingerprint": hashlib.sha256(whole.encode()).hexdigest()[:16],
            "device": self.jobs.device.partition(":")[0],
        }

    def longer_jobs(self, number: int, arch: Architecture) -> dict[tuple[str, ...], Job]:
        """The longer trainings of a net, by the keys of their seeds."""
        seeds = range(LONGER_SEEDS_FROM, LONGER_SEEDS_FROM + self.plan.longer.seeds)
        keys = iter([longer_key(number, index) for index in range(self.plan.longer.seeds)])
        return {tuple(next(keys) for _ in job.seeds): job for job in self.longer.seeds(arch, seeds)}


def longer_key(number: int, index: int) -> str:
    """Under which the score of a net's longer training is kept."""
    return f"{number}/longer/{index}"


def prepare(options: Mapping[str, Any]) -> Prepared:
    """Reads and checks the options and images, and draws the nets. Raises UserError."""
    refuse_unknown(options, known_options(Certify, Training, RunSettings))
    settings, wanted = take(options, RunSettings).checked(), take(options, Certify).checked()
    asked = take({"seeds": SEEDS} | dict(options), Training).checked()
    if asked.seeds < SEEDS:
        raise UserError(f"--seeds {asked.seeds} does not show how much seeds differ; give {SEEDS} or more")
    space = wanted.opened()
    reference = reference_net(space)
    device = choose_device(settings.device)
    settled = asked.suited(device)
    training, longer = settled.for_reference(reference), wanted.longer_training(settled, reference)
    for each in (training, longer):
        data.check(each.images(each.proxy.resolution))
    jobs = Jobs(training, reference, device)
    plan = CertifyPlan(
        wanted=wanted,
        space=space.name,
        reference=reference,
        training=training,
        longer=longer,
        drawn=draw(space, wanted, training.seed, lambda arch: net_key(jobs.small(arch))),
        images=data.fingerprint(training.images(training.proxy.resolution)),
        workers=worker_count(settings, device, training.threads),
    )
    return Prepared(plan, space, settings, jobs, Jobs(longer, reference, device))


def _timed(prepared: Prepared, on_event: Listener) -> tuple[list[str], float | None]:
    """What is said above the table, which needs the images, and seconds that all trainings will take; both are told."""
    plan = prepared.plan
    images = data.load(plan.training.images(plan.training.proxy.resolution))
    head = [*plan.header(), images_line(images)]
    for line in head:
        on_event(Note(line))
    on_event(Note("timing a few steps"))
    seconds = estimate(prepared, len(images.train), len(images.val))
    on_event(Note(estimate_line(plan, seconds)))
    return head, seconds


def estimate(prepared: Prepared, train_images: int, val_images: int) -> float | None:
    """Seconds that all trainings will take, from a few steps of the cheapest, the middle and the costliest net, and for
    the others between these by their multiply-adds.

    None where these do not fit into memory.
    """
    import numpy as np

    from nas_scale.training.timing import START_SECONDS

    plan = prepared.plan
    nets = sorted(plan.drawn.nets, key=lambda net: cost(net).flops)
    flops = [cost(net).flops for net in nets]
    some = sorted({0, len(nets) // 2, len(nets) - 1})
    recipes, images = (prepared.jobs, prepared.longer), (train_images, val_images)
    wanted = [jobs.seeds(nets[at], [0])[0] for jobs in recipes for at in some]
    timed = estimates.seconds_each(wanted, images, prepared.settings, prepared.jobs.device, plan.training.threads)
    total = 0.0
    for jobs, of_these in zip(recipes, (timed[: len(some)], timed[len(some) :]), strict=True):
        known = {flops[at]: seconds for at, seconds in zip(some, of_these, strict=True) if seconds is not None}
        if not known:
            return None
        each = float(np.interp(flops, list(known), list(known.values())).mean())
        total += each * math.ceil(len(nets) * jobs.training.seeds / plan.workers)
    return START_SECONDS + total


def _run(prepared: Prepared, on_event: Listener) -> CertifyResult:
    """Starts the certificate, goes on with it, or shows again what it found."""
    with opened(prepared.settings, "certify", prepared.spec(), on_event) as run:
        if run.record.finished:
            return CertifyResult(run.name, str(run.folder), read_document(run))
        head, estimated = _timed(prepared, on_event)
        started = time.monotonic()
        with (
            logged(prepared.settings, run, on_event) as listener,
            training_engine(prepared.settings, prepared.jobs.device, prepared.jobs.training.threads) as engine,
        ):
            measured = _trained(prepared, run, engine, listener)
        _refuse_too_few(measured, run)
        on_event(Note("scoring the nets without training"))
        measured, seconds = _judged(prepared, measured)
        spent = time.monotonic() - started
        document = certify_document(prepared.plan, head, estimated, run, measured, seconds, spent)
        write_document(run, document)
        run.finish(len(measured), in_short(document))
    return CertifyResult(run.name, str(run.folder), document)


def _trained(prepared: Prepared, run: Run, engine: Engine, on_event: Listener) -> list[Measured]:
    """Every net with its scores under both recipes, or the reason why it has none."""
    plan = prepared.plan
    nets, seeds = plan.drawn.nets, plan.longer.seeds
    on_event(Phase("under the proxy", len(nets), "nets", plan.training.seeds, "accuracy"))
    told = run_trials(run.study, _trials(prepared), engine, on_event)
    left = [trial.number for trial in told if trial.reason is None]
    if left:
        on_event(Phase("longer recipe", len(left) * seeds, "trainings"))
    wanted = {keys: job for number in left for keys, job in prepared.longer_jobs(number, nets[number]).items()}
    longer = run_jobs(run.study, wanted, engine, on_event)
    return [
        _measured(prepared, trial, [longer.get(longer_key(trial.number, at)) for at in range(seeds)]) for trial in told
    ]


def _measured(prepared: Prepared, trial: FinishedTrial, longer: Sequence[Score | str | None]) -> Measured:
    arch = prepared.plan.drawn.nets[trial.number]
    failed = next((result for result in longer if isinstance(result, str)), None)
    return Measured(
        arch=arch,
        in_band=prepared.plan.drawn.in_band(arch),
        proxy=trial.scores,
        longer=tuple(result for result in longer if isinstance(result, Score)),
        reason=trial.reason or failed,
    )


def _trials(prepared: Prepared) -> TrialPlan:
    jobs, nets = prepared.jobs, prepared.plan.drawn.nets

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


def _judged(prepared: Prepared, measured: Sequence[Measured]) -> tuple[list[Measured], dict[str, float]]:
    """The nets with their scores without training, and how many seconds each score function took a net."""
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
