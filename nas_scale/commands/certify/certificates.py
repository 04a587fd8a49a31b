"""The certificate that holds for a search or a grid, if there is one, in a line above its table."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.certify.result import CertifyResult
from nas_scale.commands.shared.lengths import settled_length
from nas_scale.commands.shared.options import declared
from nas_scale.commands.shared.training import Training
from nas_scale.errors import RunError, UserError
from nas_scale.runs.results import read_result
from nas_scale.runs.store import RECORD, Run, complete
from nas_scale.training import data


@dataclass(frozen=True, slots=True)
class Certificate:
    """A complete certificate. sentence: its verdict."""

    run: str
    space: str
    sentence: str


def certificate_line(
    results: Path, training: Training, reference: Architecture, device: str, space: str | None = None
) -> str:
    """Whether the proxy is worth using, or how to find out, in a line.

    training: settled, as a run has it. space: the name or file of the space that nets are drawn from; certificates on
    it are preferred, as the agreement differs from space to space.
    """
    found = find(results, training, space)
    if found is None:
        command = shlex.join(_command(results, training, reference, device, space))
        return f"no certificate for this data and proxy; {command} tells how far to trust it"
    elsewhere = "" if space in (None, found.space) else f", on nets of {found.space}"
    return f"certificate {found.run}{elsewhere}: {found.sentence}"


def find(results: Path, training: Training, space: str | None = None) -> Certificate | None:
    """The latest certificate for these images and this proxy, on nets of this space if there is one."""
    folder = results.parent if (results / RECORD).is_file() else results  # part of a family: beside it
    matching = [found for run in complete(folder, "certify") if (found := _read(run, training)) is not None]
    own = [found for found in matching if found.space == space]
    return next(iter(own or matching), None)


def _read(run: Run, training: Training) -> Certificate | None:
    """The run's certificate where it is one for this training; none where it is damaged or of another version."""
    try:
        found = read_result(run, CertifyResult)
    except RunError:
        return None
    if found.verdict is None or _proxy(found.training) != _proxy(training) or found.images != _fingerprint(training):
        return None
    return Certificate(run.name, found.space, found.verdict.sentence)


def _proxy(training: Training) -> Mapping[str, Any]:
    """The options that determine the proxy; its images are compared by their fingerprint, not by their path."""
    return {item.name: item.of(training) for item in declared(Training) if item.option.decides == "proxy"}


def _fingerprint(training: Training) -> str | None:
    try:
        return data.data_fingerprint(training.images(training.proxy.resolution))
    except UserError:
        return None


def _command(results: Path, training: Training, reference: Architecture, device: str, space: str | None) -> list[str]:
    """What makes a certificate for this training: the options that are not the usual ones, and no others.

    Strides are left out only where the space is the same, which then keeps as many by itself.
    """
    bare = Training(data=training.data, seed=training.seed)
    usual = settled_length(bare, device)
    usual = replace(usual, epochs=settled_length(replace(bare, train_images=training.train_images), device).epochs)
    kept = replace(usual, proxy_resolution=training.proxy_resolution).for_reference(reference).proxy_strides
    usual = replace(usual, proxy_strides=kept if space else None)
    folder = results.parent if (results / RECORD).is_file() else results
    asked = {"data": training.data, **_proxy(training), "results": str(folder)}
    ordinary = {"data": Training().data, **_proxy(usual), "results": "results"}
    words = ["nas-scale", "certify", *(["--space", space] if space else [])]
    for name, value in asked.items():
        if value is None or value == ordinary[name]:
            continue
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        else:
            words += [f"--{flag}", str(value)]
    return words
