"""Sizes said as costs, 200M,400M or 5ms@mycpu: what they are costs of, and how far a baseline grows for each."""

from __future__ import annotations

import math
from collections.abc import Sequence

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.scale_by import scaling_metric
from nas_scale.errors import UserError
from nas_scale.metrics.metric import Metric, metrics, value_on_device
from nas_scale.scaling.members import CLOSE
from nas_scale.scaling.solver import MOST_PHI


def read_targets(text: str) -> tuple[str, ...]:
    """'200M, 400M' -> ('200M', '400M')."""
    return tuple(part.strip() for part in text.split(","))


def targets_of(texts: Sequence[str], asked: str | None, usual: Metric) -> tuple[Metric, tuple[float, ...]]:
    """The metric that all targets are of, and their values, each once, from the smallest.

    asked: the metric that was asked for by name. Where none was, 5ms@mycpu names its own, and other targets are of
    `usual`, or of the first metric whose values are written like them: 20MB is memory. Raises UserError.
    """
    named = {_device_value(text)[0] for text in texts if "@" in text}
    if len({*named, *([asked] if asked else [])}) > 1 or (named and not all("@" in text for text in texts)):
        raise UserError(f"--targets {','.join(texts)} must all be of one metric{f', {asked}' if asked else ''}")
    if named:
        return scaling_metric(named.pop()), _ordered([_device_value(text)[1] for text in texts])
    if asked is not None:
        metric = scaling_metric(asked)
        return metric, _ordered([_read(metric, text) for text in texts])
    for metric in (usual, *metrics()):
        try:
            return metric, _ordered([metric.read(text) for text in texts])
        except UserError:
            continue
    raise UserError(f"--targets {','.join(texts)} are no costs of one kind; write 200M,400M or 20MB,40MB or 5ms@mycpu")


def phis_for(baseline: Architecture, by: Metric, values: Sequence[float]) -> tuple[float, ...]:
    """How often the baseline has to double for each value, or to be halved; 0 where a value is nearly the baseline's.

    Raises UserError where one is too far above.
    """
    own = by.of_net(baseline)
    ensure_not_too_far(values[-1], own, by, "the baseline's")
    return tuple(0.0 if own * (1 - CLOSE) <= value <= own else math.log2(value / own) for value in values)


def ensure_not_too_far(target: float, own: float, by: Metric, whose: str) -> None:
    """Raises UserError where the target is more than the solver reaches from a baseline of `own`. whose: in words."""
    if target > own * 2**MOST_PHI:
        raise UserError(
            f"--targets {by.show(target)} is {target / own:.3g} times {whose} {by.show(own)} {by.unit}; take at most "
            f"{2**MOST_PHI:g} times that"
        )


def target_words(by: Metric, values: Sequence[float]) -> tuple[str, ...]:
    """The values as they stand in names of files: as they are shown, or in full where two would look alike."""
    shown = tuple(by.show(value) for value in values)
    return shown if len(set(shown)) == len(shown) else tuple(f"{value:.12g}" for value in values)


def _device_value(text: str) -> tuple[str, float]:
    try:
        return value_on_device(text)
    except UserError as error:
        raise UserError(f"--targets {error}") from None


def _read(metric: Metric, text: str) -> float:
    try:
        return metric.read(text)
    except UserError as error:
        raise UserError(f"--targets {error}") from None


def _ordered(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(sorted(set(values)))
