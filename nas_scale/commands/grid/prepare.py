"""A grid before anything is trained: its input checked, its networks chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from msgspec import structs

from nas_scale.architecture.files import net_document
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.grid.arms import Arm, followed
from nas_scale.commands.grid.options import OF_GRID, Grid
from nas_scale.commands.grid.plan import planned
from nas_scale.commands.grid.result import GridResult
from nas_scale.commands.search.result import SearchResult
from nas_scale.commands.shared.given import given_options
from nas_scale.commands.shared.jobs import Jobs
from nas_scale.commands.shared.lengths import settled_length
from nas_scale.commands.shared.multiples import with_multiples
from nas_scale.commands.shared.net_lookup import find_net, last_search, run_named
from nas_scale.commands.shared.options import declared, keywords, specification, take, words_of
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.scale_by import scaling_metric
from nas_scale.commands.shared.training import Training
from nas_scale.commands.shared.workers import training_device, within_machine, worker_count
from nas_scale.errors import RunError, UserError
from nas_scale.metrics.metric import device_identities
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

    arms: in the order in which they train. plan: the result as far as it is known.
    """

    wanted: Grid
    settings: RunSettings
    baseline: Architecture
    arms: Sequence[Arm]
    plan: GridResult

    @property
    def jobs(self) -> Jobs:
        """Of the arm that is followed."""
        return self.arms[followed([arm.pair for arm in self.arms])].jobs

    def spec(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON."""
        training = self.jobs.training
        parts = {"grid": specification(self.wanted), "training": specification(training)}
        if len(self.wanted.phi) == 1:
            parts["grid"]["phi"] = self.wanted.phi[0]  # as it always was
        if len(self.wanted.epochs) > 1:
            parts["grid"]["epochs"] = list(self.wanted.epochs)
        images = data.data_fingerprint(training.images(training.proxy.resolution))
        if devices := device_identities([scaling_metric(self.wanted.scale_by)]):
            parts["devices"] = devices
        device = self.jobs.device.partition(":")[0]
        return {**parts, "device": device, "images": images, "baseline": net_document(self.baseline)}


def prepare(options: Mapping[str, Any]) -> PreparedGrid:
    """Reads and checks a grid's options and images, and chooses its networks. Raises UserError."""
    options = given_options(options, *OF_GRID)
    settings, wanted = take(options, RunSettings).checked(), take(options, Grid).checked()
    base, usual = baseline_and_training(wanted.baseline, settings.folder)
    base = with_multiples(base, wanted.channel_multiple, wanted.resolution_multiple)
    if "data" in options:  # what suited other images
        usual = {name: value for name, value in usual.items() if name not in OF_DATA}
    if "proxy_resolution" in options:  # what suited another size of them
        usual.pop("proxy_strides", None)
    first = {"epochs": wanted.epochs[0]} if wanted.epochs else {}
    asked = take({"seeds": SEEDS} | usual | options | first, Training).checked()
    settings, asked, notes = within_machine(settings, asked)
    device = training_device(settings)
    budgets = [replace(asked, epochs=epochs) for epochs in wanted.epochs] or [asked]
    jobs = [Jobs(_settled(each, base, device, wanted.epochs), base, device) for each in budgets]
    data.check_data(jobs[0].training.images(jobs[0].training.proxy.resolution))
    arms = [arm for phi in wanted.phi for arm in _arms(base, wanted, phi, jobs)]
    workers = worker_count(settings, device, asked.threads)
    plan = planned(base, wanted, arms, workers, settings.folder)
    plan = structs.replace(plan, header=(*notes, *plan.header))
    return PreparedGrid(wanted, settings, base, arms, plan)


def _settled(asked: Training, baseline: Architecture, device: str, epochs: Sequence[int]) -> Training:
    """With all that follows from data and device; a share of the usual length where no epochs are asked for."""
    training = settled_length(asked, device).for_reference(baseline)
    if epochs:
        return training
    shorter = training.shorter(SHARE)
    return shorter if asked.train_images is None else replace(shorter, epoch_share=training.epoch_share)


def _arms(baseline: Architecture, wanted: Grid, phi: float, jobs: Sequence[Jobs]) -> list[Arm]:
    """The arms of one size, which train the same networks."""
    pool = candidate_pool(baseline, wanted, phi)
    chosen = choose(pool, wanted.count)
    _check_prior(wanted, growing_axes(chosen))
    return [Arm(phi, pool, chosen, pool if wanted.method == "optuna" else chosen, each) for each in jobs]


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


def candidate_pool(baseline: Architecture, wanted: Grid, phi: float) -> list[Candidate]:
    """All networks of a size that the method admits. Raises UserError where there are too few to compare."""
    assert wanted.tolerance is not None
    by = scaling_metric(wanted.scale_by)
    free = reach_of(baseline, by).free
    if len(free) == 1:
        raise UserError(
            f"only {free[0]} doubles the {by.label} of this net, so there are no ways to grow to be compared; grow it "
            f"with: nas-scale expand --coefficients {free[0]} --scale-by {by.name}"
        )
    if wanted.method == "cartesian":
        pool = cartesian(baseline, phi, wanted.step, wanted.tolerance)
    else:
        pool = networks(baseline, 2**phi, wanted.tolerance, by)
    if len(pool) < 2:
        found = "no network costs" if not pool else "only one network costs"
        ratio = f"{2**phi:.3g} baselines ({by.label}) within {wanted.tolerance:.2%}"
        if wanted.method == "cartesian":
            ratio = f"what a grid of step {wanted.step:g} with products within {wanted.tolerance:g} of 2 asks for"
        raise UserError(f"{found} {ratio}; raise --tolerance or change --phi")
    return pool


def _check_prior(wanted: Grid, axes: Sequence[str]) -> None:
    """Raises UserError where the prior grows none of the axes that grow in the networks."""
    shares = dict(zip(AXES, rule_named(wanted.prior).coefficients.shares, strict=True))
    if not any(shares[axis] for axis in axes):
        raise UserError(f"--prior {wanted.prior} grows none of {words_of(axes, 'and')}, which these networks grow in")
