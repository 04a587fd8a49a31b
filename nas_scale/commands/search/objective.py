"""What a search maximises: the accuracy of short trainings, or a caller's own function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Protocol, TypeAlias

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.certify.certificates import certificate_line
from nas_scale.commands.search.evaluate import Asked, Evaluate, Evaluator
from nas_scale.commands.search.lines import pruner_line
from nas_scale.commands.search.options import Search
from nas_scale.commands.search.result import PROXY
from nas_scale.commands.shared.jobs import Jobs
from nas_scale.commands.shared.lengths import settled_length
from nas_scale.commands.shared.lines import proxy_line
from nas_scale.commands.shared.options import declared
from nas_scale.commands.shared.quality import ACCURACY, VALUE, Quality
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

Spec: TypeAlias = Mapping[str, Any]  # all that decides a run's result, as JSON
Difference: TypeAlias = tuple[str, Any, Any]  # a setting's name for a person, and both values
# Options of the training that may differ: they change how sure an accuracy is, or how it is come by, not what it is of.
FREE: Final = frozenset(item.name for item in declared(Training) if item.option.decides in ("noise", "work"))
CHOOSING: Final = "choosing_images"  # in a specification: the part of the validation images that chooses
CHOOSING_PART: Final = "half"  # once it was all of them, which is what a specification without one means


class Objective(Protocol):
    """Measures networks for a search, the larger the better; the search asks it for all that depends on how."""

    @property
    def name(self) -> str:
        """In a run's specification and result."""
        ...

    @property
    def quality(self) -> Quality:
        """What networks are measured in."""
        ...

    @property
    def device(self) -> str:
        """Where networks are measured, as for --device."""
        ...

    @property
    def training(self) -> Training:
        """The options of the training, settled. Of any objective: seeds, seed, window."""
        ...

    @property
    def usual_finalists(self) -> int | None:
        """How many networks are measured again where the caller does not say; None for a share of those tried."""
        ...

    def ensure_suits(self, wanted: Search) -> None:
        """Raises UserError where the search asks for what this objective cannot do, or its input is not there."""
        ...

    def images(self) -> str | None:
        """The fingerprint of the images that networks are measured on; None where there are none."""
        ...

    def differences(self, there: Spec, here: Spec) -> Iterator[Difference]:
        """Settings in which the specifications of two searches of this objective differ so that their values cannot be
        compared; those of the space aside."""
        ...

    def lines(self, wanted: Search) -> list[str]:
        """How networks are measured, a sentence a line."""
        ...

    def data_summary(self) -> DataSummary | None:
        """What was understood of the images, which are decoded here; None where there are none.

        Raises UserError for images that cannot be read.
        """
        ...

    def lines_on_trust(self, settings: RunSettings, space: str) -> list[str]:
        """How far the result can be trusted. space: its name or file."""
        ...

    def engine(self, settings: RunSettings) -> Engine:
        """What runs the jobs; a context manager."""
        ...

    def jobs(self, arch: Architecture, seeds: Sequence[int]) -> Sequence[Any]:
        """Jobs for the engine, each of one seed or several, in the order of `seeds`; each answers a Score a seed."""
        ...

    def attributes(self, arch: Architecture) -> dict[str, Any]:
        """What is stored with a trial of this network besides its costs, as JSON."""
        ...

    def weight_score(self, name: str) -> Callable[[Architecture], float]:
        """The zero-cost score of this name, of networks as they are trained. Raises UserError where none are."""
        ...


MakeObjective: TypeAlias = Callable[[Training, Architecture, RunSettings], Objective]


def objective_for(evaluate: Evaluate | None) -> MakeObjective:
    """Makes the objective of a search from its training, its reference network and its run settings.

    evaluate: the caller's own function; None to train proxies.
    """
    if evaluate is None:
        return ProxyTraining.settled
    return lambda training, reference, settings: OwnFunction(evaluate, training.suited("cpu"))


def unequal(name: str, there: Spec, here: Spec, key: str) -> Iterator[Difference]:
    """The difference in one setting, if there is one."""
    if there.get(key) != here.get(key):
        yield name, there.get(key), here.get(key)


@dataclass(frozen=True, slots=True)
class ProxyTraining:
    """Short trainings of shrunk networks: accuracy on validation images."""

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

    def ensure_suits(self, wanted: Search) -> None:
        """Raises UserError where trainings are too short for the pruner, or the images are not there."""
        wanted.pruning(self.training.proxy.recipe.epochs)
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
        if there.get(CHOOSING) != here.get(CHOOSING):
            yield (
                "the part of the validation images that chooses",
                there.get(CHOOSING, "all"),
                here.get(CHOOSING, "all"),
            )

    def lines(self, wanted: Search) -> list[str]:
        """How the proxy is reduced, and when the pruner looks."""
        pruner = wanted.pruning(self.training.proxy.recipe.epochs)
        return [proxy_line(self.trainings.reference, self.training), *([pruner_line(pruner)] if pruner else [])]

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
