"""Networks as modules ready to be timed, built alike in every process from a fixed seed."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn

from nas_scale.devices.setting import Precision
from nas_scale.devices.subject import Subject
from nas_scale.nets.build import Net, build
from nas_scale.nets.peers import peer, peer_resolution

SEED: Final = 0
DTYPES: Final[dict[Precision, torch.dtype]] = {
    "fp32": torch.float32,
    "bf16": torch.bfloat16,
    "fp16": torch.float16,
}
CALIBRATED_ON: Final = 64  # pixels a side, enough for every map to have several pixels or images


def module_of(subject: Subject) -> tuple[nn.Module, int]:
    """The subject as a float32 module in eval mode, and its resolution. Raises UserError for an unknown peer."""
    if isinstance(subject.net, str):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            module = peer(subject.net)
        resolution = subject.resolution or peer_resolution(subject.net, module)
        shown = resolution  # other libraries' nets may insist on theirs
    else:
        module = build(subject.net, SEED)
        resolution = subject.resolution or subject.net.resolution
        shown = min(resolution, CALIBRATED_ON)
    module.eval()
    _calibrate(module, shown)
    return module, resolution


def images(batch: int, resolution: int, precision: Precision = "fp32") -> Tensor:
    """Noise as images: (batch, 3, resolution, resolution), the same each time."""
    noise = torch.randn(batch, 3, resolution, resolution, generator=torch.Generator().manual_seed(SEED))
    return noise.to(DTYPES[precision])


def parts(net: Net, x: Tensor) -> list[tuple[nn.Module, Tensor]]:
    """The parts of a net that a profile has rows of, stem to classifier, each with its input for images x."""
    last = nn.Sequential(nn.Flatten(1), net.dropout, net.classifier)
    ends = (net.head, last) if any(True for _ in net.head.parameters()) else (nn.Sequential(net.head, last),)
    found: list[tuple[nn.Module, Tensor]] = []
    for part in (net.stem, *net.stages, *ends):
        found.append((part, x))
        x = part(x)
    return found


@torch.no_grad()
def _calibrate(module: nn.Module, resolution: int) -> None:
    """Sets the statistics of batch norms to those of noise.

    With the initial ones an untrained net's values shrink with depth until they are denormal numbers, on which a
    processor is many times slower, and its logits are too small to be compared.
    """
    norms = [norm for norm in module.modules() if isinstance(norm, nn.BatchNorm2d) and norm.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.train()
        norm.momentum = 1.0
    if norms:
        module(images(2, resolution))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.eval()
        norm.momentum = momentum
