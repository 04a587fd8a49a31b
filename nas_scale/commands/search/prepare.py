"""What a search is asked, checked before anything is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.included import Included, included
from nas_scale.commands.search.objective import CHOOSING, CHOOSING_PART, MakeObjective, Objective
from nas_scale.commands.search.objective_names import usual_for
from nas_scale.commands.search.objectives import ProxyTraining
from nas_scale.commands.search.options import Search
from nas_scale.commands.search.warm_start import Source, sources
from nas_scale.commands.shared.given import given_options
from nas_scale.commands.shared.identity import space_fingerprint
from nas_scale.commands.shared.net_lookup import reference_net
from nas_scale.commands.shared.options import specification, take
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training
from nas_scale.commands.shared.workers import within_machine
from nas_scale.errors import UserError
from nas_scale.feasible.budget import ensure_possible
from nas_scale.metrics.metric import device_identities, metrics


@dataclass(frozen=True, slots=True)
class Prepared:
    """A search whose input was checked, before anything is written. trials: what measures networks in the trials;
    `objective` does in all that follows. notes: what is done otherwise than was asked."""

    wanted: Search
    settings: RunSettings
    space: SearchSpace
    reference: Architecture
    objective: Objective
    trials: Objective
    included: tuple[Included, ...] = ()
    sources: tuple[Source, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def training(self) -> Training:
        """The options of the training, settled."""
        return self.objective.training

    def spec(self) -> dict[str, Any]:
        """Everything that decides the result, as JSON."""
        costs = self.wanted.followed_costs
        directions = {"directions": ["maximize", *("minimize" for _ in costs)]} if costs else {}
        images = self.objective.images()
        return {
            **directions,
            "search": specification(replace(self.wanted, space=self.space.name)),
            "training": specification(self.training),
            **({"included": [dict(net.params) for net in self.included]} if self.included else {}),
            **({"warm_start": [source.document() for source in self.sources]} if self.sources else {}),
            **({"devices": devices} if (devices := device_identities(metrics())) else {}),
            "images": images,
            **({CHOOSING: CHOOSING_PART} if images is not None else {}),
            "space_fingerprint": space_fingerprint(self.space),
            "device": self.objective.device.partition(":")[0],
            "objective": self.objective.name,
        }


def prepare(options: Mapping[str, Any], make_objective: MakeObjective = ProxyTraining.settled) -> Prepared:
    """Reads and checks a search's options, its images and its budget; torch is loaded last, if at all.

    Raises UserError.
    """
    options = given_options(options, Search, Training, RunSettings)
    settings = take(options, RunSettings).checked()
    wanted, training = take(usual_for(options) | options, Search).checked(), take(options, Training).checked()
    settings, training, notes = within_machine(settings, training)
    space = wanted.opened()
    ensure_possible(space, wanted.limits())
    nets = included(wanted.include, space, wanted.limits(), settings.folder)
    reference = reference_net(space)
    objective = make_objective(training, reference, settings)
    if wanted.finalists is None:
        wanted = replace(wanted, finalists=objective.usual_finalists)
    trials, length = objective.of_trials(wanted)
    wanted = replace(wanted, trial_length=length).suited(objective.device)
    if len(nets) > wanted.most_trials:
        raise UserError(f"--include names {len(nets)} nets, and --trials is {wanted.trials}; raise it")
    objective.ensure_suits(wanted)
    prepared = Prepared(wanted, settings, space, reference, objective, trials, nets, notes=notes)
    return replace(prepared, sources=sources(wanted.warm_start, settings, prepared.spec(), objective))
