"""Lines for a person that a result carries with it: what was asked, how the proxy is reduced, what came out.

Everything else that a person reads is written in show/.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from nas_scale import numbers
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.jobs import Jobs
from nas_scale.commands.shared.options import words_of
from nas_scale.commands.shared.scale_by import scaled_words
from nas_scale.commands.shared.training import Training
from nas_scale.metrics.counts import cost
from nas_scale.metrics.metric import FLOPS, PARAMS, metric_named
from nas_scale.scaling.rules import PUBLISHED
from nas_scale.statistics.verdict import figure
from nas_scale.training.data.file_kinds import amounts
from nas_scale.training.data.summary import DataSummary
from nas_scale.training.proxy import proxy_reduction

if TYPE_CHECKING:
    from nas_scale.commands.certify.result import CertifyResult
    from nas_scale.commands.expand.result import ExpandResult, Member
    from nas_scale.commands.grid.options import Grid
    from nas_scale.commands.grid.result import GridFit, GridResult
    from nas_scale.scaling.fit import Fit


_MOST_NAMES: Final = 8  # classes in a line
_LONGEST_NAME: Final = 32


def proxy_line(reference: Architecture, training: Training) -> str:
    """How a proxy of the reference is reduced, what it costs, and on which images it is trained."""
    share = cost(Jobs(training, reference, "cpu").small(reference)).flops / cost(reference).flops
    images = training.data if training.train_images is None else f"{training.data}, {training.train_images:,} to train"
    images += "" if training.epoch_share == 1 else f", {training.epoch_share:.0%} of them an epoch"
    return f"proxy: {proxy_reduction(reference, training.proxy)}; {share:.1%} of the multiply-adds; images {images}"


def data_lines(data: DataSummary) -> tuple[str, str]:
    """What was understood of the images, and what they are and are not."""
    used = data.train + data.validate
    count = f"{used:,}" if used >= data.available else f"{used:,} of {data.available:,}"
    said = [
        f"{count} images of {len(data.classes):,} classes ({_few(data.classes)}), {data.train:,} train, "
        f"{data.validate:,} validate",
        f"majority class {data.majority_share:.0%}",
    ]
    if data.passed_over:
        said.append(f"{counted(sum(data.passed_over.values()), 'file')} passed over ({amounts(data.passed_over)})")
    if data.left_out:
        said.append(f"{counted(sum(data.left_out.values()), 'folder')} left out ({amounts(data.left_out)})")
    return "; ".join(said), f"images: {data.about}"


def _few(names: Sequence[str]) -> str:
    """All names, or the first three and the last of many; the middle of a long one is left out."""
    short = [name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 6]}...{name[-3:]}" for name in names]
    return ", ".join(short if len(short) <= _MOST_NAMES else [*short[:3], f"... {short[-1]}"])


def counted(count: int, what: str) -> str:
    """`1 seed`, `2 seeds`."""
    return f"{count:,} {what}{'s' if count != 1 else ''}"


def trainings_line(trainings: int, seconds: float | None, workers: int) -> str:
    """`48 trainings, about 27 min on 2 workers`; without the time where it is not known."""
    took = "" if seconds is None else f", about {numbers.duration(seconds)} on {counted(workers, 'worker')}"
    return f"{trainings} trainings{took}"


def grid_lines(baseline: Architecture, wanted: Grid, jobs: Jobs) -> list[str]:
    """What a grid is asked and how its proxy is reduced."""
    flops = cost(baseline).flops
    first = f"baseline {baseline.name or 'net'}: {flops:,} multiply-adds at {baseline.resolution} px"
    by = metric_named(wanted.scale_by)
    if by != FLOPS:
        first += f", {by.show(by.of_net(baseline))} {by.unit}"
    sizes = words_of([f"{phi:g}" for phi in wanted.phi], "and")
    how = f"{first}; phi {sizes}, method {wanted.method}{scaled_words(by)}"
    if wanted.prior != PUBLISHED:
        how += f", prior {wanted.prior}"
    lines = [how, f"{proxy_line(baseline, jobs.training)}; {counted(jobs.training.seeds, 'seed')} each"]
    if len(wanted.epochs) > 1:
        budgets = words_of([str(epochs) for epochs in wanted.epochs], "and")
        lines.append(
            f"each network is trained for {budgets} epochs, from the same seeds; the proxy above is the longest"
        )
    if wanted.method == "optuna":
        lines.append("TPE chooses the networks as it goes; these show what there is to choose from")
    return lines


def fit_in_short(fitted: Fit) -> str:
    """A grid's fit in a line of a list of runs."""
    values = f"alpha {fitted.alpha:.2f}, beta {fitted.beta:.2f}, gamma {fitted.gamma:.2f}"
    return values if fitted.significant else f"cannot tell ({values})"


def fit_note(phi: float, fit: GridFit, folder: str) -> str:
    """What is to be known of coefficients that were fitted at this phi in that run."""
    if not fit.significant:
        unknown = f"the fit of {folder} cannot tell how this net should grow"
        if fit.alone is None:
            return f"these coefficients are a guess: {unknown}"
        return f"{unknown}: these coefficients are those of {fit.towards}, or drawn towards it"
    return (
        f"fitted on short trainings at phi {phi:g}: sizes much beyond it extrapolate, and an axis that is best "
        "alone for one doubling need not stay so"
    )


def move_notes(found: GridResult, place: int, folder: str) -> list[str]:
    """Of a grid with several fits, how the one at this place, from 1, stands to the others."""
    notes = []
    for move in found.moves:
        if place in (move.first, move.second):
            other = move.first if place == move.second else move.second
            also = f" (--coefficients {folder}:{other} takes the other)" if move.verdict == "moves" else ""
            notes.append(f"{move.sentence[0].lower()}{move.sentence[1:].removesuffix('.')}{also}")
    return notes


def net_comment(family: ExpandResult, member: Member) -> str:
    """Where a net of a family comes from, for its file."""
    values = family.used_for(member)
    return (
        f"{family.baseline.name or 'net'} grown by rule {family.rule} to phi {member.phi:g} with "
        f"alpha {values.alpha:.4g}, beta {values.beta:.4g}, gamma {values.gamma:.4g} ({values.source});\n"
        f"{_of_scaled(family.scale_by, member)}"
        f"{member.costs[FLOPS.name]:,} multiply-adds ({member.flops_ratio:.3f} times the baseline), "
        f"{member.costs[PARAMS.name]:,} parameters;\n"
        f"to be trained with dropout {member.dropout:g} and stochastic depth {member.drop_path:g}"
    )


def _of_scaled(scale_by: str, member: Member) -> str:
    """What a member costs by the metric that it was scaled by, where that is none of the usual."""
    if scale_by == FLOPS.name:
        return ""
    by = metric_named(scale_by)
    return f"{by.show(member.costs[by.name])} {by.unit} ({member.cost_ratio:.3f} times the baseline), "


def certify_lines(reference: Architecture, plan: CertifyResult) -> tuple[str, ...]:
    """What a certificate is asked and what both of its recipes are."""
    training, longer = plan.training, plan.longer_training
    spent = sorted(row.costs[FLOPS.name] for row in plan.nets)
    equal = sum(row.equal_cost for row in plan.nets)
    across = f"{numbers.count(spent[0])} to {numbers.count(spent[-1])} FLOPs"
    narrow = f"{numbers.count(plan.band[0])} to {numbers.count(plan.band[1])}"
    return (
        f"space {plan.space}, {len(plan.nets)} nets of {across}, {equal} of them of equal cost ({narrow})",
        f"{proxy_line(reference, training)}; {counted(training.seeds, 'seed')} each",
        f"longer recipe: the same nets at {proxy_reduction(reference, longer.proxy)}; "
        f"{counted(longer.seeds, 'seed')} each, other than the proxy's",
    )


def verdict_in_short(found: CertifyResult) -> str:
    """A certificate's verdict in a line of a list of runs."""
    assert found.verdict is not None
    assert found.agreements is not None
    return f"{found.verdict.kind}, tau {figure(found.agreements[0].equal.tau)} at equal cost"
