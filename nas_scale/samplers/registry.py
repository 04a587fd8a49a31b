"""Search strategies by name, and how a trial's parameters come to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import UserError
from nas_scale.metrics.limits import Limits

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

TPE_STARTUP: Final = 10
GP_STARTUP: Final = 10
NSGA2_POPULATION: Final = 20


def _random(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    from nas_scale.samplers.random import RandomNets

    return RandomNets(space, limits, seed)


def _evolution(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    from nas_scale.samplers.evolution import RegularizedEvolution

    return RegularizedEvolution(space, limits, seed=seed)


def _tpe(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    """Joint over all choices (Falkner et al. 2018). Trials under way count as bad: parallel proposals spread."""
    from optuna.samplers import TPESampler

    from nas_scale.samplers.base import numpy_seed
    from nas_scale.samplers.within import Within

    tpe = TPESampler(n_startup_trials=TPE_STARTUP, multivariate=True, constant_liar=True, seed=numpy_seed(seed))
    return Within(tpe, space, limits, seed, startup=TPE_STARTUP)


def _controller(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    from nas_scale.samplers.controller.sampler import Controller

    return Controller(space, limits, seed)


def _gp(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    from nas_scale.samplers.base import numpy_seed
    from nas_scale.samplers.gp import RepeatableGP
    from nas_scale.samplers.within import Within

    gp = RepeatableGP(n_startup_trials=GP_STARTUP, seed=numpy_seed(seed), warn_independent_sampling=False)
    return Within(gp, space, limits, seed, startup=GP_STARTUP)


def _nsga2(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    from nas_scale.samplers.base import numpy_seed
    from nas_scale.samplers.nsga2 import RepeatableNSGA2
    from nas_scale.samplers.within import Within

    nsga2 = RepeatableNSGA2(population_size=NSGA2_POPULATION, seed=numpy_seed(seed))
    return Within(nsga2, space, limits, seed, startup=NSGA2_POPULATION)


def _local(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    from nas_scale.samplers.local_search import LocalSearch

    return LocalSearch(space, limits, seed=seed)


def _predictor(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    from nas_scale.samplers.predictor.sampler import Predictor

    return Predictor(space, limits, seed=seed)


@dataclass(frozen=True, slots=True)
class Strategy:
    """right_for: in a line, for a person who chooses; docs/search.md has the figures behind it."""

    right_for: str
    make: Callable[[SearchSpace, Limits, int], BaseSampler]


SAMPLERS: Final[dict[str, Strategy]] = {
    "predictor": Strategy("most searches; it needs the fewest trainings, and bears noisy scores", _predictor),
    "local": Strategy("small spaces, and scores that are exact and quick", _local),
    "tpe": Strategy("noisy scores, and choices that act mostly one by one", _tpe),
    "gp": Strategy("up to a hundred trials of minutes each; it takes a second or more to propose", _gp),
    "evolution": Strategy("long searches of which nothing is known; it models nothing", _evolution),
    "controller": Strategy("choices that have to fit each other, and MnasNet's own method", _controller),
    "nsga2": Strategy("several objectives at once", _nsga2),
    "random": Strategy("a measure for all others, and for nets wanted as data", _random),
}

SEVERAL_OBJECTIVES: Final = ("nsga2", "random")  # serve a study of several directions; the others follow one value


def is_dotted(name: str) -> bool:
    """Whether this is the dotted name of a class, `package.module:Class`, rather than a name in SAMPLERS."""
    return ":" in name


def ensure_importable(name: str) -> None:
    """Raises UserError where a dotted name is that of no sampler."""
    from nas_scale.samplers.imported import constructed

    constructed(name, 0)


def sampler(name: str, space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    """A sampler of nets of `space` that all keep `limits`; the same seed, any whole number, gives the same proposals.

    name: one of SAMPLERS, or the dotted name `package.module:Class` of any sampler of Optuna's kind. Make a fresh one
    for every trial, seeded from the run's seed and the trial's number: all else is read from the study. Raises
    UserError for an unknown name.
    """
    if is_dotted(name):
        from nas_scale.samplers.imported import imported_sampler

        return imported_sampler(name, space, limits, seed)
    if name not in SAMPLERS:
        raise UserError(f"no sampler is called {name!r}; choose one of {', '.join(SAMPLERS)}")
    return SAMPLERS[name].make(space, limits, seed)


def screened(inner: BaseSampler, score: Callable[[Architecture], float], pool: int) -> BaseSampler:
    """A sampler that proposes the one of `pool` proposals of `inner`, one of those above, with the highest score."""
    from nas_scale.samplers.base import NetSampler
    from nas_scale.samplers.screened import Screened

    assert isinstance(inner, NetSampler)
    return Screened(inner, score, pool)


def given(space: SearchSpace, limits: Limits, params: Mapping[str, Value]) -> BaseSampler:
    """A sampler that proposes one net, known beforehand."""
    from nas_scale.samplers.given import Given

    return Given(space, limits, params)


def propose(trial: Trial, space: SearchSpace) -> dict[str, Value]:
    """Asks the trial's sampler for a whole net: the option of every choice, in the order of the space."""
    params: dict[str, Value] = {}
    for key, choice in space.choices.items():
        value = trial.suggest_categorical(key, choice.options)
        assert value is not None  # no option is None
        params[key] = value
    return params
