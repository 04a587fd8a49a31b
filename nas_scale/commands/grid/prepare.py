"""A grid before anything is trained: its input checked, its networks chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from msgspec import structs

from nas_scale.architecture.files import net_document
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.certify.certificates import certificate_line
from nas_scale.commands.grid.options import Grid
from nas_scale.commands.grid.result import GridBaseline, GridNet, GridResult
from nas_scale.commands.search.result import SearchResult
from nas_scale.commands.shared.given import given_options
from nas_scale.commands.shared.identity import net_key
from nas_scale.commands.shared.jobs import Jobs
from nas_scale.commands.shared.lengths import settled_length
from nas_scale.commands.shared.lines import grid_lines
from nas_scale.commands.shared.net_lookup import find_net, last_search, run_named
from nas_scale.commands.shared.options import declared, keywords, specification, take, words_of
from nas_scale.commands.shared.rows import AxisShares
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.scale_by import held_line, scaling_metric
from nas_scale.commands.shared.training import Training
from nas_scale.commands.shared.workers import training_device, within_machine, worker_count
from nas_scale.errors import RunError, UserError
from nas_scale.metrics.counts import cost
from nas_scale.metrics.metric import FLOPS, caveats, costs_of, device_identities
from nas_scale.runs.results import AGAIN, FILE, read_result
from nas_scale.runs.store import Run
from nas_scale.scaling.candidates import Candidate, cartesian
from nas_scale.scaling.coefficients import AXES
from nas_scale.scaling.design import choose, growing_axes
from nas_scale.scaling.reach import reach_of
from nas_scale.scaling.rules import rule_named
from nas_scale.scaling.solver import networks
from nas_scale.training import data

# Where nothing else is asked for: trainings of each network, and their length as a share of the search's. Sixteen
# networks of twice the baseline's cost then train within twenty minutes on two cores.
SEEDS: Final = 2
SHARE: Final = 0.75
# What follows from the data where it is not given.
OF_DATA: Final = frozenset(
    item.name for item in declared(Training) if item.option.decides == "proxy" and item.default is None
)


@dataclass(frozen=True, slots=True)
class PreparedGrid:
    """A grid whose input was checked and whose networks are chosen, before anything is trained or written.

    pool: all networks that the method admits. chosen: those to be trained. plan: the result as far as it is known.
    """

    wanted: Grid
    settings: RunSettings
    baseline: Architecture
    pool: Sequence[Candidate]
    chosen: Sequence[Candidate]
    jobs: Jobs
    plan: GridResult

    def spec(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON."""
        training = self.jobs.training
        parts = {"grid": specification(self.wanted), "training": specification(training)}
        images = data.data_fingerprint(training.images(training.proxy.resolution))
        if devices := device_identities([scaling_metric(self.wanted.scale_by)]):
            parts["devices"] = devices
        device = self.jobs.device.partition(":")[0]
        return {**parts, "device": device, "images": images, "baseline": net_document(self.baseline)}

    def candidate(self, index: int) -> Candidate:
        """The network that a trial's stored index means."""
        return self.pool[index] if self.wanted.method == "optuna" else self.chosen[index]


def prepare(options: Mapping[str, Any]) -> PreparedGrid:
    """Reads and checks a grid's options and images, and chooses its networks. Raises UserError."""
    options = given_options(options, Grid, Training, RunSettings)
    settings, wanted = take(options, RunSettings).checked(), take(options, Grid).checked()
    base, usual = baseline_and_training(wanted.baseline, settings.folder)
    if "data" in options:  # what suited other images
        usual = {name: value for name, value in usual.items() if name not in OF_DATA}
    if "proxy_resolution" in options:  # what suited another size of them
        usual.pop("proxy_strides", None)
    asked = take({"seeds": SEEDS} | usual | options, Training).checked()
    settings, asked, notes = within_machine(settings, asked)
    pool = candidate_pool(base, wanted)
    device = training_device(settings)
    training = settled_length(asked, device).for_reference(base)
    if "epochs" not in options:
        shorter = training.shorter(SHARE)
        training = replace(shorter, epoch_share=training.epoch_share) if "train_images" in options else shorter
    data.check_data(training.images(training.proxy.resolution))
    jobs = Jobs(training, base, device)
    chosen = choose(pool, wanted.count)
    _check_prior(wanted, growing_axes(chosen))
    workers = worker_count(settings, device, training.threads)
    plan = _planned(base, wanted, len(pool), chosen, jobs, workers, settings.folder)
    plan = structs.replace(plan, header=(*notes, *plan.header))
    return PreparedGrid(wanted, settings, base, pool, chosen, jobs, plan)


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
    usual = keywords(_training_of(run)) if run.kind == "search" else {}
    usual.pop("seeds", None)
    return find_net(baseline or str(run.folder), results), usual


def _training_of(run: Run) -> Training:
    """How a search trained. Raises RunError naming its file where that cannot be."""
    try:
        return read_result(run, SearchResult).training.checked()
    except RunError:
        raise
    except UserError as error:
        raise RunError(f"{run.folder / FILE} is damaged: `training`: {error}; {AGAIN}") from error


def candidate_pool(baseline: Architecture, wanted: Grid) -> list[Candidate]:
    """All networks that the method admits. Raises UserError where there are too few to compare."""
    assert wanted.tolerance is not None
    by = scaling_metric(wanted.scale_by)
    free = reach_of(baseline, by).free
    if len(free) == 1:
        raise UserError(
            f"only {free[0]} doubles the {by.label} of this net, so there are no ways to grow to be compared; grow it "
            f"with: nas-scale expand --coefficients {free[0]} --scale-by {by.name}"
        )
    if wanted.method == "cartesian":
        pool = cartesian(baseline, wanted.phi, wanted.step, wanted.tolerance)
    else:
        pool = networks(baseline, 2**wanted.phi, wanted.tolerance, by)
    if len(pool) < 2:
        found = "no network costs" if not pool else "only one network costs"
        ratio = f"{2**wanted.phi:.3g} baselines ({by.label}) within {wanted.tolerance:.2%}"
        if wanted.method == "cartesian":
            ratio = f"what a grid of step {wanted.step:g} with products within {wanted.tolerance:g} of 2 asks for"
        raise UserError(f"{found} {ratio}; raise --tolerance or change --phi")
    return pool


def _check_prior(wanted: Grid, axes: Sequence[str]) -> None:
    """Raises UserError where the prior grows none of the axes that grow in the networks."""
    shares = dict(zip(AXES, rule_named(wanted.prior).coefficients.shares, strict=True))
    if not any(shares[axis] for axis in axes):
        raise UserError(f"--prior {wanted.prior} grows none of {words_of(axes, 'and')}, which these networks grow in")


def _planned(
    baseline: Architecture,
    wanted: Grid,
    pool: int,
    chosen: Sequence[Candidate],
    jobs: Jobs,
    workers: int,
    results: Path,
) -> GridResult:
    assert wanted.tolerance is not None
    first: dict[str, int] = {}
    keys = [net_key(jobs.small(candidate.architecture)) for candidate in chosen]
    rows = [(number, first.setdefault(key, number)) for number, key in enumerate(keys, 1)]
    alike = [same if same != number else None for number, same in rows]
    certificate = certificate_line(results, jobs.training, baseline, jobs.device)
    by = scaling_metric(wanted.scale_by)
    held = held_line(baseline, by, reach_of(baseline, by))
    flops = cost(baseline).flops
    return GridResult(
        header=(*grid_lines(baseline, wanted, jobs), *caveats([by]), *([held] if held else []), certificate),
        baseline=GridBaseline(name=baseline.name, net=net_document(baseline), flops=flops, cost=by.of_net(baseline)),
        phi=wanted.phi,
        scale_by=by.name,
        method=wanted.method,
        prior=wanted.prior,
        step=wanted.step,
        tolerance=wanted.tolerance,
        count=wanted.count,
        pool=pool,
        trainings=len(first) * jobs.training.seeds,
        workers=workers,
        training=jobs.training,
        candidates=tuple(planned_row(candidate, flops, same) for candidate, same in zip(chosen, alike, strict=True)),
    )


def planned_row(candidate: Candidate, flops: int, alike: int | None) -> GridNet:
    """A network as it is to be trained.

    flops: the baseline's multiply-adds. alike: the row (from 1) of an earlier one with the same proxy.
    """
    costs = costs_of(candidate.architecture)
    return GridNet(
        alpha=candidate.alpha,
        beta=candidate.beta,
        gamma=candidate.gamma,
        flops_ratio=costs[FLOPS.name] / flops,
        ratio=candidate.cost_ratio,
        shares=AxisShares.of(candidate.shares),
        depth=candidate.depth,
        width=candidate.width,
        resolution=candidate.resolution,
        costs=costs,
        depths=candidate.depths,
        channels=candidate.channels,
        points=tuple((point.alpha, point.beta, point.gamma) for point in candidate.points),
        alike=alike,
        net=net_document(candidate.architecture),
    )
