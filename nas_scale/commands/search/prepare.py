"""What a search is asked, checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.evaluate import Evaluate
from nas_scale.commands.search.included import Included, included
from nas_scale.commands.search.objectives import usual_for
from nas_scale.commands.search.options import Search
from nas_scale.commands.search.warm_start import Source, sources
from nas_scale.commands.shared.identity import space_fingerprint
from nas_scale.commands.shared.net_lookup import reference_net
from nas_scale.commands.shared.options import known_options, refuse_unknown, specification, take
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training
from nas_scale.commands.shared.workers import choose_device
from nas_scale.errors import UserError
from nas_scale.feasible.budget import ensure_possible
from nas_scale.training import data
from nas_scale.zero_cost.names import WEIGHT_SCORES


@dataclass(frozen=True, slots=True)
class Prepared:
    """A search whose input was checked, before anything is written."""

    wanted: Search
    training: Training
    settings: RunSettings
    space: SearchSpace
    reference: Architecture
    device: str
    evaluate: Evaluate | None
    included: tuple[Included, ...] = ()
    sources: tuple[Source, ...] = ()

    def spec(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON."""
        images = self.training.images(self.training.proxy.resolution)
        costs = self.wanted.followed_costs
        directions = {"directions": ["maximize", *("minimize" for _ in costs)]} if costs else {}
        return {
            **directions,
            "search": specification(replace(self.wanted, space=self.space.name)),
            "training": specification(self.training),
            **({"included": [dict(net.params) for net in self.included]} if self.included else {}),
            **({"warm_start": [source.document() for source in self.sources]} if self.sources else {}),
            "images": None if self.evaluate else data.fingerprint(images),
            "space_fingerprint": space_fingerprint(self.space),
            "device": self.device.partition(":")[0],
            "objective": getattr(self.evaluate, "__qualname__", "callable") if self.evaluate else "proxy",
        }


def prepare(options: Mapping[str, Any], evaluate: Evaluate | None = None) -> Prepared:
    """Reads and checks a search's options, its images and its budget; torch is loaded last, if at all.

    Raises UserError.
    """
    refuse_unknown(options, known_options(Search, Training, RunSettings))
    settings = take(options, RunSettings).checked()
    usual = usual_for(options) | ({} if evaluate is None else {"finalists": 0})
    wanted, training = take(usual | dict(options), Search).checked(), take(options, Training).checked()
    space = wanted.opened()
    ensure_possible(space, wanted.limits())
    nets = included(wanted.include, space, wanted.limits(), settings.folder)
    reference = reference_net(space)
    if evaluate is not None and wanted.pruner != "none":
        raise UserError("--pruner stops trainings, of which evaluate has none; leave out one of the two")
    if evaluate is not None and wanted.screen in WEIGHT_SCORES:
        raise UserError(f"--screen {wanted.screen} looks at proxies, of which evaluate has none; choose activations")
    device = choose_device(settings.device) if evaluate is None else "cpu"
    wanted, training = wanted.suited(device), training.suited(device)
    if len(nets) > wanted.most_trials:
        raise UserError(f"--include names {len(nets)} nets, and --trials is {wanted.trials}; raise it")
    wanted.pruning(training.proxy.recipe.epochs)
    if evaluate is None:
        training = training.for_reference(reference)
        data.check(training.images(training.proxy.resolution))
    prepared = Prepared(wanted, training, settings, space, reference, device, evaluate, nets)
    return replace(prepared, sources=sources(wanted.warm_start, settings, prepared.spec()))
