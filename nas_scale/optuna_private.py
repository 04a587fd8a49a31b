"""What this package needs of Optuna and Optuna does not make public. Everything else goes through its public names.

Hence optuna>=5,<6 in pyproject.toml. Each name says what it is needed for, so that it can go when Optuna has it.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from optuna.samplers import NSGAIISampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial, TrialState


def running_trial(study: Study, trial: FrozenTrial) -> Trial:
    """A trial of the study that is RUNNING, to go on with.

    Study.ask() only ever makes new ones, so a trial that a killed process left is made again from its id.
    """
    import optuna

    return optuna.Trial(study, trial._trial_id)


def set_system_attribute(study: Study, trial: FrozenTrial, name: str, value: Any) -> None:
    """What Optuna's own samplers keep with a trial that is running; Trial has user attributes alone."""
    study._storage.set_trial_system_attr(trial._trial_id, name, value)


def generation_key(sampler: NSGAIISampler) -> str:
    """The system attribute in which a genetic sampler keeps a trial's generation; get_trial_generation would set it."""
    return sampler._get_generation_key()


def study_before(study: Study, number: int) -> Study:
    """The study as Optuna's own samplers see it, without the trials from `number` on."""
    return study_seen(study, lambda trial: trial if trial.number < number else None)


def study_seen(study: Study, seen: Callable[[FrozenTrial], FrozenTrial | None]) -> Study:
    """The study as samplers see it, with every trial as `seen` has it; None leaves it out."""
    return cast("Study", _StudySeen(study, seen))


class _StudySeen:
    """Samplers read trials by Study.get_trials, and Optuna's own by Study._get_trials: these are to be replaced."""

    def __init__(self, study: Study, seen: Callable[[FrozenTrial], FrozenTrial | None]) -> None:
        self._study = study
        self._seen = seen

    @property
    def trials(self) -> list[FrozenTrial]:
        return self.get_trials()

    def get_trials(self, deepcopy: bool = True, states: Container[TrialState] | None = None) -> list[FrozenTrial]:
        return self._get_trials(deepcopy, states)

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        every = map(self._seen, self._study._get_trials(deepcopy, None, use_cache))
        return [trial for trial in every if trial is not None and (states is None or trial.state in states)]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._study, name)
