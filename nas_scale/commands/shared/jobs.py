"""The trainings of a run, as jobs for an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.shared.data_defaults import is_gpu
from nas_scale.commands.shared.training import Training
from nas_scale.metrics.counts import cost
from nas_scale.training.job import Job, Proxy
from nas_scale.training.proxy import shrink


@dataclass(frozen=True, slots=True)
class Jobs:
    """Makes the trainings of a run: nets shrunk against one reference, seeds paired across nets."""

    training: Training
    reference: Architecture
    device: str
    _proxy: Proxy = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_proxy", self.training.proxy)

    def small(self, arch: Architecture) -> Architecture:
        """The net as it is trained."""
        return shrink(arch, self._proxy, self.reference)

    def proxy_reduction(self, arch: Architecture) -> dict[str, Any]:
        """What is left of the net in training, as JSON: stored with its trial. flops: of one image."""
        small = self.small(arch)
        return {
            "resolution": small.resolution,
            "total_stride": small.total_stride,
            "width": self._proxy.width,
            "epochs": self._proxy.recipe.epochs,
            "flops": cost(small).flops,
        }

    def seeds(self, arch: Architecture, seeds: Sequence[int]) -> list[Job]:
        """The trainings from these seeds: one for all of them on a GPU, which one small net leaves idle most of the
        time, else one each."""
        small = self.small(arch)
        images = self.training.images(small.resolution)
        own = tuple(self.training.seed + seed for seed in seeds)
        together = [own] if is_gpu(self.device) else [(seed,) for seed in own]
        device = self.device.partition(":")[0]  # which GPU is its worker's business
        return [Job(small, images, self._proxy.recipe, group, device, self.training.threads) for group in together]
