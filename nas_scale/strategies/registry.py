"""Search strategies by name, and how a trial's parameters come to be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from nas_scale.arch.limits import Limits
from nas_scale.arch.notation import Value
from nas_scale.arch.space import SearchSpace
from nas_scale.arch.spec import Architecture
from nas_scale.errors import UserError

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import Trial

TPE_STARTUP: Final = 10
GP_STARTUP: Final = 10
NSGA2_POPULATION: Final = 20


def _random(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    """Right as the measure of every other one, and where nets are wanted as data."""
    from nas_scale.strategies.random import RandomNets

    return RandomNets(space, limits, seed)


def _evolution(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    """Right for long searches of which nothing is known: it models nothing, and a lucky score ages away."""
    from nas_scale.strategies.evolution import RegularizedEvolution

    return RegularizedEvolution(space, limits, seed=seed)


def _tpe(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    """Right for noisy scores and choices that act mostly one by one.

    Joint over all choices (Falkner et al. 2018). Trials under way count as bad: parallel proposals spread.
    """
    from optuna.samplers import TPESampler

    from nas_scale.strategies.base import numpy_seed
    from nas_scale.strategies.within import Within

    tpe = TPESampler(n_startup_trials=TPE_STARTUP, multivariate=True, constant_liar=True, seed=numpy_seed(seed))
    return Within(tpe, space, limits, seed, startup=TPE_STARTUP)


def _controller(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    """Right where choices have to fit each other across the whole net, and to repeat MnasNet's own method."""
    from nas_scale.strategies.controller import Controller

    return Controller(space, limits, seed)


def _gp(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    """Right for up to about a hundred trials of minutes each: it learns most from few, and takes seconds to propose."""
    from nas_scale.strategies.base import numpy_seed
    from nas_scale.strategies.gp import RepeatableGP
    from nas_scale.strategies.within import Within

    gp = RepeatableGP(n_startup_trials=GP_STARTUP, seed=numpy_seed(seed), warn_independent_sampling=False)
    return Within(gp, space, limits, seed, startup=GP_STARTUP)


def _nsga2(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    """Right for several aims at once, of which it keeps a whole front (Deb et al. 2002), and for long searches."""
    from nas_scale.strategies.base import numpy_seed
    from nas_scale.strategies.nsga2 import RepeatableNSGA2
    from nas_scale.strategies.within import Within

    nsga2 = RepeatableNSGA2(population_size=NSGA2_POPULATION, seed=numpy_seed(seed))
    return Within(nsga2, space, limits, seed, startup=NSGA2_POPULATION)


def _local(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    """Right for small spaces, and for judges that are exact and quick: it looks at every neighbour of the best net."""
    from nas_scale.strategies.local import LocalSearch

    return LocalSearch(space, limits, seed=seed)


def _predictor(space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    """Right for most searches: it needs the fewest trainings, bears noisy scores, and proposes in milliseconds."""
    from nas_scale.strategies.predictor import Predictor

    return Predictor(space, limits, seed=seed)


SAMPLERS: Final[dict[str, Callable[[SearchSpace, Limits, int], BaseSampler]]] = {
    "random": _random,
    "evolution": _evolution,
    "tpe": _tpe,
    "controller": _controller,
    "gp": _gp,
    "nsga2": _nsga2,
    "local": _local,
    "predictor": _predictor,
}

SEVERAL_AIMS: Final = ("nsga2", "random")  # serve a study of several directions; the others follow one value


def sampler(name: str, space: SearchSpace, limits: Limits, seed: int) -> BaseSampler:
    """A sampler of nets of `space` that all keep `limits`; the same seed, any whole number, gives the same proposals.

    Make a fresh one for every trial, seeded from the run's seed and the trial's number: all else is read from the
    study.
    Raises UserError for an unknown name.
    """
    if name not in SAMPLERS:
        raise UserError(f"no sampler is called {name!r}; choose one of {', '.join(SAMPLERS)}")
    return SAMPLERS[name](space, limits, seed)


def screened(inner: BaseSampler, judge: Callable[[Architecture], float], pool: int) -> BaseSampler:
    """A sampler that proposes what `judge` scores highest of `pool` proposals of `inner`, one of those above."""
    from nas_scale.strategies.base import NetSampler
    from nas_scale.strategies.screened import Screened

    assert isinstance(inner, NetSampler)
    return Screened(inner, judge, pool)


def given(space: SearchSpace, limits: Limits, params: Mapping[str, Value]) -> BaseSampler:
    """A sampler that proposes one net, known beforehand."""
    from nas_scale.strategies.given import Given

    return Given(space, limits, params)


def propose(trial: Trial, space: SearchSpace) -> dict[str, Value]:
    """Asks the trial's sampler for a whole net: the option of every choice, in the order of the space."""
    params: dict[str, Value] = {}
    for key, choice in space.choices.items():
        value = trial.suggest_categorical(key, choice.options)
        assert value is not None  # no option is None
        params[key] = value
    return params
