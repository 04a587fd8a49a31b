"""What a search may maximise: the accuracy of proxies, or a caller's own function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Final

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.certify.certificates import certificate_line
from nas_scale.commands.search.evaluate import Asked, Evaluate, Evaluator
from nas_scale.commands.search.lines import short_trials_line
from nas_scale.commands.search.objective import CHOOSING, Difference, MakeObjective, Objective, Spec, unequal
from nas_scale.commands.search.options import Search
from nas_scale.commands.search.pruners import pruner_line, pruner_of
from nas_scale.commands.search.result import PROXY
from nas_scale.commands.shared.data_defaults import defaults_for
from nas_scale.commands.shared.jobs import Jobs
from nas_scale.commands.shared.lengths import settled_length, shorter_length
from nas_scale.commands.shared.lines import proxy_line
from nas_scale.commands.shared.options import declared
from nas_scale.commands.shared.quality import ACCURACY, VALUE
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training
from nas_scale.commands.shared.workers import training_device, training_engine
from nas_scale.engines.base import Engine
from nas_scale.engines.inline import InlineEngine
from nas_scale.errors import UserError
from nas_scale.training import data
from nas_scale.training.data.summary import DataSummary
from nas_scale.zero_cost.names import WEIGHT_SCORES
from nas_scale.zero_cost.scores import score

# Options of the training that may differ: they change how sure an accuracy is, or how it is come by, not what it is of.
FREE: Final = frozenset(item.name for item in declared(Training) if item.option.decides in ("noise", "work"))
LENGTH: Final = "trial_length"  # in a search's options; once all trials were in full


@dataclass(frozen=True, slots=True)
class ProxyTraining:
    """Trainings of shrunk networks: accuracy on validation images."""

    trainings: Jobs

    name = PROXY
    quality = ACCURACY
    usual_finalists = None

    @classmethod
    def settled(cls, training: Training, reference: Architecture, settings: RunSettings) -> ProxyTraining:
        """With what suits data and device. Raises UserError for a device that is not there."""
        device = training_device(settings)
        return cls(Jobs(settled_length(training, device).for_reference(reference), reference, device))

    @property
    def device(self) -> str:
        """Where networks are trained."""
        return self.trainings.device

    @property
    def training(self) -> Training:
        """How networks are trained."""
        return self.trainings.training

    def of_trials(self, wanted: Search) -> tuple[Objective, float]:
        """Trainings of the length that is asked for, or that suits the data."""
        training = self.training
        if wanted.trial_length is not None:
            shorter = training.shorter(wanted.trial_length)
        elif wanted.may_shorten:
            shorter = shorter_length(training, defaults_for(training.data, self.device).trial_length)
        else:
            shorter = training
        return replace(self, trainings=replace(self.trainings, training=shorter)), round(shorter.share_of(training), 4)

    def ensure_suits(self, wanted: Search) -> None:
        """Raises UserError where trainings are too short for the pruner, or the images are not there."""
        pruner_of(wanted, self.training.proxy.recipe.epochs)
        data.check_data(self._images())

    def images(self) -> str:
        """The fingerprint of the training and validation images."""
        return data.data_fingerprint(self._images())

    def differences(self, there: Spec, here: Spec) -> Iterator[Difference]:
        """In the device, the training and its images."""
        yield from unequal("the kind of --device", there, here, "device")
        named = {*there["training"], *here["training"]} - FREE
        for name in sorted(named, key=lambda name: (name != "data", name)):  # the others may depend on the data
            yield from unequal(f"--{name.replace('_', '-')}", there["training"], here["training"], name)
        yield from unequal("the content of --data", there, here, "images")
        yield from unequal("--trial-length", {LENGTH: 1.0} | dict(there["search"]), here["search"], LENGTH)
        if there.get(CHOOSING) != here.get(CHOOSING):
            yield (
                "the part of the validation images that chooses",
                there.get(CHOOSING, "all"),
                here.get(CHOOSING, "all"),
            )

    def lines(self, wanted: Search) -> list[str]:
        """How the proxy is reduced, how long trials are, and when the pruner looks."""
        pruner = pruner_of(wanted, self.training.proxy.recipe.epochs)
        return [
            proxy_line(self.trainings.reference, self.training),
            *([short_trials_line(wanted)] if wanted.short_trials else []),
            *([pruner_line(pruner)] if pruner else []),
        ]

    def data_summary(self) -> DataSummary:
        """What was understood of the images. Raises UserError for images that cannot be read."""
        # Decoded here and once: an image that cannot be read is an error of the input, not of every net.
        return DataSummary.of(data.load(self._images()))

    def lines_on_trust(self, settings: RunSettings, space: str) -> list[str]:
        """What certificate the proxy has."""
        reference = self.trainings.reference
        return [certificate_line(settings.folder, self.training, reference, self.device, space)]

    def engine(self, settings: RunSettings) -> Engine:
        """The workers that train."""
        return training_engine(settings, self.device, self.training.threads)

    def jobs(self, arch: Architecture, seeds: Sequence[int]) -> Sequence[Any]:
        """The trainings of the shrunk network."""
        return self.trainings.seeds(arch, seeds)

    def attributes(self, arch: Architecture) -> dict[str, Any]:
        """What is left of the network in training."""
        return {"proxy": self.trainings.proxy_reduction(arch)}

    def weight_score(self, name: str) -> Callable[[Architecture], float]:
        """The score of the shrunk network at random weights; it remembers its scores."""

        def scored(arch: Architecture) -> float:
            small = self.trainings.small(arch)
            return score(name, arch, small, self.training.images(small.resolution))

        return cache(scored)

    def _images(self) -> data.DataRef:
        return self.training.images(self.training.proxy.resolution)


@dataclass(frozen=True, slots=True)
class OwnFunction:
    """A caller's own function of a network, called in this process."""

    evaluate: Evaluate
    training: Training

    quality = VALUE
    device = "cpu"
    usual_finalists = 0

    @property
    def name(self) -> str:
        """The function's qualified name."""
        return getattr(self.evaluate, "__qualname__", "callable")

    def of_trials(self, wanted: Search) -> tuple[Objective, float]:
        """Itself. Raises UserError where trials are to be shorter."""
        if wanted.short_trials:
            raise UserError("--trial-length shortens trainings, of which evaluate has none; leave out one of the two")
        return self, 1.0

    def ensure_suits(self, wanted: Search) -> None:
        """Raises UserError for a pruner or a zero-cost score, which need trainings."""
        if wanted.pruner != "none":
            raise UserError("--pruner stops trainings, of which evaluate has none; leave out one of the two")
        if wanted.screen in WEIGHT_SCORES:
            self.weight_score(wanted.screen)

    def images(self) -> None:
        """None: the function's input is the caller's business."""

    def differences(self, there: Spec, here: Spec) -> Iterator[Difference]:
        """No differences: the function knows nothing of trainings."""
        return iter(())

    def lines(self, wanted: Search) -> list[str]:
        """That the function is the caller's."""
        return ["objective: your own evaluate(architecture)"]

    def data_summary(self) -> None:
        """None: the function's input is the caller's business."""

    def lines_on_trust(self, settings: RunSettings, space: str) -> list[str]:
        """No lines: nothing is known of a caller's function."""
        return []

    def engine(self, settings: RunSettings) -> Engine:
        """An engine that calls the function in this process."""
        return InlineEngine(Evaluator(self.evaluate))

    def jobs(self, arch: Architecture, seeds: Sequence[int]) -> Sequence[Any]:
        """One question a seed."""
        return [Asked(arch, (seed,)) for seed in seeds]

    def attributes(self, arch: Architecture) -> dict[str, Any]:
        """An empty mapping: nothing but its costs is stored with a trial."""
        return {}

    def weight_score(self, name: str) -> Callable[[Architecture], float]:
        """Raises UserError: no network is trained."""
        raise UserError(f"--screen {name} looks at proxies, of which evaluate has none; choose activations")


def objective_for(evaluate: Evaluate | None) -> MakeObjective:
    """Makes the objective of a search from its training, its reference network and its run settings.

    evaluate: the caller's own function; None to train proxies.
    """
    if evaluate is None:
        return ProxyTraining.settled
    return lambda training, reference, settings: OwnFunction(evaluate, training.suited("cpu"))
