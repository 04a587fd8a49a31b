"""What a search asks of what it maximises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol, TypeAlias

from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.options import Search
from nas_scale.commands.shared.quality import Quality
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training
from nas_scale.engines.base import Engine
from nas_scale.training.data.summary import DataSummary

Spec: TypeAlias = Mapping[str, Any]  # all that decides a run's result, as JSON
Difference: TypeAlias = tuple[str, Any, Any]  # a setting's name for a person, and both values
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

    def of_trials(self, wanted: Search) -> tuple[Objective, float]:
        """What measures networks in the search's trials, and how long that takes as a share of this: itself and 1, or
        shorter trainings."""
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


def unequal(name: str, there: Spec, here: Spec, key: str) -> Iterator[Difference]:
    """The difference in one setting, if there is one."""
    if there.get(key) != here.get(key):
        yield name, there.get(key), here.get(key)
