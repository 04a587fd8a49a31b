"""A certificate before anything is trained: its input checked, its nets drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from nas_scale.architecture.space import SearchSpace
from nas_scale.commands.certify.figures import Measured, row
from nas_scale.commands.certify.nets import Drawn, draw_nets
from nas_scale.commands.certify.options import Certify
from nas_scale.commands.certify.result import CertifyResult
from nas_scale.commands.shared.given import given_options
from nas_scale.commands.shared.identity import net_key, space_fingerprint
from nas_scale.commands.shared.jobs import Jobs
from nas_scale.commands.shared.lengths import settled_length
from nas_scale.commands.shared.net_lookup import reference_net
from nas_scale.commands.shared.options import specification, take
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training
from nas_scale.commands.shared.workers import training_device, within_machine, worker_count
from nas_scale.errors import UserError
from nas_scale.training import data
from nas_scale.training.job import Job

SEEDS: Final = 2  # of each net under the proxy where nothing else is asked for: the fewest that show their noise
LONGER_SEEDS_FROM: Final = 2000  # far from those of the proxy


@dataclass(frozen=True, slots=True)
class PreparedCertificate:
    """A certificate whose input was checked and whose nets are drawn, before anything is trained or written.

    jobs, longer: what trains a net under the proxy and under the longer recipe. plan: the result as far as it is known.
    """

    wanted: Certify
    space: SearchSpace
    settings: RunSettings
    drawn: Drawn
    jobs: Jobs
    longer: Jobs
    plan: CertifyResult

    def spec(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON."""
        wanted = replace(self.wanted, space=self.space.name)
        return {
            "certify": specification(wanted),
            "training": specification(self.jobs.training),
            "longer": specification(self.longer.training),
            "images": self.plan.images,
            "space_fingerprint": space_fingerprint(self.space),
            "device": self.jobs.device.partition(":")[0],
        }

    def longer_jobs(self, number: int) -> dict[tuple[str, ...], Job]:
        """The longer trainings of the net of this number, by the keys of their seeds."""
        count = self.longer.training.seeds
        keys = iter([longer_key(number, index) for index in range(count)])
        jobs = self.longer.seeds(self.drawn.nets[number], range(LONGER_SEEDS_FROM, LONGER_SEEDS_FROM + count))
        return {tuple(next(keys) for _ in job.seeds): job for job in jobs}


def longer_key(number: int, index: int) -> str:
    """The key under which the study stores the score of a net's longer training."""
    return f"{number}/longer/{index}"


def prepare(options: Mapping[str, Any]) -> PreparedCertificate:
    """Reads and checks the options and images, and draws the nets. Raises UserError."""
    options = given_options(options, Certify, Training, RunSettings)
    settings, wanted = take(options, RunSettings).checked(), take(options, Certify).checked()
    asked = take({"seeds": SEEDS} | options, Training).checked()
    if asked.seeds < SEEDS:
        raise UserError(f"--seeds {asked.seeds} does not show how much seeds differ; give {SEEDS} or more")
    settings, asked, notes = within_machine(settings, asked)
    space = wanted.opened()
    reference = reference_net(space)
    device = training_device(settings)
    settled = settled_length(asked, device)
    training, longer = settled.for_reference(reference), wanted.longer_training(settled, reference)
    for each in (training, longer):
        data.check_data(each.images(each.proxy.resolution))
    jobs = Jobs(training, reference, device)
    drawn = draw_nets(space, wanted, training.seed, lambda arch: net_key(jobs.small(arch)))
    plan = CertifyResult(
        header=notes,
        space=space.name,
        target_flops=wanted.target_flops,
        tolerance=wanted.tolerance,
        resolution=wanted.resolution,
        classes=wanted.classes,
        longer=wanted.longer,
        longer_seeds=wanted.longer_seeds,
        longer_width=wanted.longer_width,
        longer_resolution=wanted.longer_resolution,
        band=(drawn.band.least, drawn.band.most),
        images=data.data_fingerprint(training.images(training.proxy.resolution)),
        trainings=len(drawn.nets) * (training.seeds + longer.seeds),
        workers=worker_count(settings, device, training.threads),
        training=training,
        longer_training=longer,
        nets=tuple(row(Measured(net, drawn.in_band(net))) for net in drawn.nets),
    )
    return PreparedCertificate(wanted, space, settings, drawn, jobs, Jobs(longer, reference, device), plan)
