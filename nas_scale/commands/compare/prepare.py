"""A comparison before anything is trained: its input checked, its nets made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from msgspec import structs

from nas_scale.architecture.files import net_document
from nas_scale.commands.certify.certificates import certificate_line
from nas_scale.commands.compare.entrants import Entrant, Entrants, entrants
from nas_scale.commands.compare.options import SEEDS, Compare
from nas_scale.commands.compare.result import ComparedNet, CompareResult
from nas_scale.commands.shared.given import given_options
from nas_scale.commands.shared.identity import net_key
from nas_scale.commands.shared.jobs import Jobs
from nas_scale.commands.shared.lengths import settled_length
from nas_scale.commands.shared.lines import counted, proxy_line
from nas_scale.commands.shared.options import keywords, specification, take
from nas_scale.commands.shared.rows import AxisShares, Baseline
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training
from nas_scale.commands.shared.workers import training_device, within_machine, worker_count
from nas_scale.errors import UserError
from nas_scale.metrics.metric import caveats, costs_of, device_identities
from nas_scale.statistics.paired import LEAST_SEEDS
from nas_scale.training import data

COMPARED_SEEDS_FROM: Final = 3000  # far from those of searches, of which the nets may come


@dataclass(frozen=True, slots=True)
class PreparedComparison:
    """A comparison whose input was checked, before anything is trained or written. plan: the result as far as known."""

    wanted: Compare
    settings: RunSettings
    compared: Entrants
    jobs: Jobs
    plan: CompareResult

    @property
    def nets(self) -> tuple[Entrant, ...]:
        """All that is trained."""
        return self.compared.nets

    def key(self, net: Entrant) -> str:
        """Equal for nets that shrink to the same proxy."""
        return net_key(self.jobs.small(net.architecture))

    def spec(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON."""
        training = self.jobs.training
        parts = {"compare": specification(self.wanted), "training": specification(training)}
        if devices := device_identities([self.compared.by]):
            parts["devices"] = devices
        return {
            **parts,
            "device": self.jobs.device.partition(":")[0],
            "images": data.data_fingerprint(training.images(training.proxy.resolution)),
            "nets": [[net.name, net.phi, net_document(net.architecture)] for net in self.nets],
        }


def prepare(options: Mapping[str, Any]) -> PreparedComparison:
    """Reads and checks a comparison's options and images, and makes its nets. Raises UserError."""
    options = given_options(options, Compare, Training, RunSettings)
    settings, wanted = take(options, RunSettings).checked(), take(options, Compare).checked()
    compared = entrants(wanted, settings.folder)
    fitted = None if compared.growth is None else compared.growth.training
    usual = {} if fitted is None else keywords(fitted)
    asked = take({**usual, "seeds": SEEDS, **options}, Training).checked()
    if asked.seeds < LEAST_SEEDS:
        raise UserError(f"--seeds {asked.seeds} does not show how much seeds differ; give {LEAST_SEEDS} or more")
    wanted = replace(wanted, most_seeds=max(wanted.most_seeds, asked.seeds))
    settings, asked, notes = within_machine(settings, asked)
    device = training_device(settings)
    training = settled_length(asked, device).for_reference(compared.reference)
    data.check_data(training.images(training.proxy.resolution))
    jobs = Jobs(training, compared.reference, device)
    plan = _planned(wanted, compared, jobs, worker_count(settings, device, training.threads))
    certificate = certificate_line(settings.folder, training, compared.reference, device)
    plan = structs.replace(plan, header=(*notes, *plan.header, certificate))
    return PreparedComparison(wanted, settings, compared, jobs, plan)


def _planned(wanted: Compare, compared: Entrants, jobs: Jobs, workers: int) -> CompareResult:
    growth, reference = compared.growth, compared.reference
    keys = [net_key(jobs.small(net.architecture)) for net in compared.nets]
    return CompareResult(
        header=(*_lines(wanted, compared, jobs), *caveats([compared.by]), *compared.lines),
        by=compared.by.name,
        at=compared.value,
        baseline=None if growth is None else Baseline(name=reference.name, net=net_document(reference)),
        source=None if growth is None else growth.source,
        most_seeds=wanted.most_seeds,
        trainings=len({*keys}) * jobs.training.seeds,
        workers=workers,
        training=jobs.training,
        credited=not wanted.rules,
        nets=tuple(
            entrant_row(net, compared.nets[first] if (first := keys.index(key)) != at else None)
            for at, (net, key) in enumerate(zip(compared.nets, keys, strict=True))
        ),
    )


def entrant_row(net: Entrant, alike: Entrant | None) -> ComparedNet:
    """A net as it is to be trained. alike: an earlier one with the same proxy."""
    grown = net.grown
    return ComparedNet(
        name=net.name,
        phi=net.phi,
        costs=costs_of(net.architecture),
        ratio=None if grown is None else grown.cost_ratio,
        shares=None if grown is None or not net.phi else AxisShares.of(grown.shares),
        alike=None if alike is None else alike.name + (f" at phi {alike.phi:g}" if alike.phi != net.phi else ""),
        net=net_document(net.architecture),
    )


def _lines(wanted: Compare, compared: Entrants, jobs: Jobs) -> tuple[str, ...]:
    """What is asked, and how the proxy is reduced."""
    training, most = jobs.training, wanted.most_seeds
    seeds = counted(training.seeds, "seed") + (f", up to {most} where they decide" if most > training.seeds else "")
    return _asked(wanted, compared), f"{proxy_line(compared.reference, training)}; {seeds}"


def _asked(wanted: Compare, compared: Entrants) -> str:
    by, reference, growth = compared.by, compared.reference, compared.growth
    if growth is not None:
        sizes = ", ".join(f"{phi:g}" for phi in wanted.phi)
        own = f"{by.show(by.of_net(reference))} {by.label} at {reference.resolution} px"
        return (
            f"baseline {reference.name or 'net'}: {own}; grown by every rule to 2^phi times that, phi {sizes}; "
            f"coefficients {growth.source}"
        )
    brought = "" if compared.value is None else f", brought to {by.show(compared.value)} {by.label} by {wanted.at_by}"
    size = "" if wanted.resolution is None else f", at {wanted.resolution} px"
    return f"{len(compared.nets)} nets{size}{brought}"
