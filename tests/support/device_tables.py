"""Tables of the made-up device of meters.py, as files that somebody measured."""

from __future__ import annotations

import functools
import random
from pathlib import Path

from nas_scale.architecture.files import load_space
from nas_scale.architecture.notation import format_stage
from nas_scale.architecture.spec import Architecture
from nas_scale.devices.measurement import Measurement
from nas_scale.feasible.encoding import encoding_for
from tests.support.meters import TOY


@functools.cache
def toy_measurements(count: int = 20, noise: float = 0.01, space: str = "small-images") -> tuple[Measurement, ...]:
    """Random nets of a space, with what they take on the toy device, and as much noise."""
    rng, encoding = random.Random(0), encoding_for(load_space(space))
    nets = (encoding.net(encoding.uniform(rng)) for _ in range(count))
    return tuple(Measurement(net, TOY.of_net(net) * rng.gauss(1, noise)) for net in nets)


def notation(net: Architecture) -> str:
    return " ".join(format_stage(stage) for stage in net.stages)


def write_csv(path: Path, rows: tuple[Measurement, ...]) -> Path:
    """As a person writes it: notation, milliseconds, and what the notation does not say."""
    lines = ["net,milliseconds,resolution,stem,stem_stride,head,classes,act"]
    for row in rows:
        net = row.net
        lines.append(
            f'"{notation(net)}",{row.milliseconds:.6f},{net.resolution},{net.stem},{net.stem_stride},{net.head},'
            f"{net.classes},{net.style.act}"
        )
    path.write_text("\n".join(lines) + "\n")
    return path
