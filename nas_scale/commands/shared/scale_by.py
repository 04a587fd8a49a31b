"""--scale-by: the metric that a network multiplies when it grows, and what the axes do to it."""

from __future__ import annotations

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared import completion
from nas_scale.commands.shared.options import Option, words_of
from nas_scale.errors import UserError
from nas_scale.metrics.metric import FLOPS, LATENCY, Metric, metric_named, metrics
from nas_scale.scaling.coefficients import AXES
from nas_scale.scaling.reach import Reach


def scale_by_option(default: str | None, panel: str | None = None) -> Option:
    """Which metric a doubling is of. default: in words, None for the field's own."""
    return Option(_help, default, "METRIC", panel, complete=completion.scaled_metrics)


def _help() -> str:
    counted = [metric.name for metric in metrics() if metric.flag == metric.name]
    return f"What doubles: {words_of([*counted, f'{LATENCY}@DEVICE'])}."


def scaling_metric(name: str) -> Metric:
    """The metric of this name. Raises UserError naming the flag."""
    try:
        return metric_named(name)
    except UserError as error:
        raise UserError(f"--scale-by: {error}") from None


def scaled_words(by: Metric) -> str:
    """', scaled by memory'; nothing for FLOPs, by which everything is scaled unless another is asked for."""
    return "" if by == FLOPS else f", scaled by {by.label}"


def held_line(baseline: Architecture, by: Metric, reach: Reach) -> str | None:
    """Which axes cannot double the metric and stay; None where all can. Raises UserError where none can."""
    held = [axis for axis in AXES if axis in reach.held]
    if not held:
        return None
    if not reach.free:
        raise UserError(f"neither depth, width nor resolution alone doubles the {by.label} of this net; scale by flops")
    kept = f"at {baseline.resolution} px" if held == [AXES[2]] else "as in the baseline"
    stays = f"{words_of(held, 'and')} alone cannot double the {by.label}: held {kept}"
    return f"{stays}, growth is by {words_of(reach.free, 'and')}"
