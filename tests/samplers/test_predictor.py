from __future__ import annotations

import random
import time

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState, create_trial

from nas_scale.architecture.files import load_space
from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace
from nas_scale.feasible.region import FeasibleRegion
from nas_scale.metrics.limits import Limit, Limits, around
from nas_scale.metrics.metric import FLOPS
from nas_scale.samplers.history import history
from nas_scale.samplers.predictor.sampler import Predictor
from nas_scale.samplers.registry import propose
from tests.support.small_spaces import PLAIN, VANISHING

optuna.logging.set_verbosity(optuna.logging.ERROR)


def finished_study(space: SearchSpace, limits: Limits, nets: int, worth: np.ndarray, direction: str) -> optuna.Study:
    """A study of random nets, whose worth is a sum over their options."""
    study = optuna.create_study(direction=direction)
    region, rng = FeasibleRegion(space, limits), random.Random(0)
    sampler = Predictor(space, limits)
    for _ in range(nets):
        params = region.draw(rng)
        code = region.encoding.code(params)
        value = float(sum(worth[at, option] for at, option in enumerate(code)))
        study.add_trial(create_trial(value=value, params=params, distributions=sampler.distributions))  # type: ignore[arg-type]
    return study


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_once_it_knows_the_landscape_it_proposes_the_best_net_that_is_left(direction: str) -> None:
    rng = np.random.default_rng(0)
    worth = rng.standard_normal((20, 5))
    region = FeasibleRegion(PLAIN, Limits())
    limits = Limits((Limit(FLOPS, most=float(np.median([region.encoding.cost(c).flops for c in region.every()]))),))
    study = finished_study(PLAIN, limits, 60, worth, direction)
    inside = FeasibleRegion(PLAIN, limits)
    seen = {PLAIN.net(trial.params) for trial in study.trials}
    codes = [code for code in inside.every() if inside.violation(code) == 0 and inside.encoding.net(code) not in seen]
    sign = 1 if direction == "maximize" else -1
    values = sorted((sign * sum(worth[at, option] for at, option in enumerate(code)) for code in codes), reverse=True)
    study.sampler = Predictor(PLAIN, limits, tempers=(1e-9, 1e-9), seed=1)
    code = inside.encoding.code(propose(study.ask(), PLAIN))
    assert inside.encoding.net(code) not in seen
    found = sign * sum(worth[at, option] for at, option in enumerate(code))
    assert found >= values[3]  # what does not act has a worth here too, which no net shows


def test_it_climbs_where_the_limits_leave_a_ten_thousandth() -> None:
    """From 60 random nets of a band to one that is better than all of a thousand others."""
    space, limits = load_space("efficientnet"), Limits((around(4e8, 0.0005),))
    worth = np.random.default_rng(3).standard_normal((40, 3))
    study = finished_study(space, limits, 60, worth, "maximize")
    region = FeasibleRegion(space, limits)
    rest = region.pool(random.Random(5), 1000)
    values = worth[np.arange(rest.shape[1]), rest].sum(axis=1)
    study.sampler = Predictor(space, limits, tempers=(1e-9, 1e-9), seed=1)
    code = region.encoding.code(propose(study.ask(), space))
    assert region.violation(code) == 0
    assert sum(worth[at, option] for at, option in enumerate(code)) > values.max()


def test_a_thousand_trials_take_milliseconds() -> None:
    space, limits = load_space("efficientnet"), Limits((around(4e8, 0.1),))
    study = finished_study(space, limits, 1000, np.random.default_rng(0).standard_normal((40, 3)), "maximize")
    spent = []
    for seed in range(4):
        started = time.process_time()
        study.sampler = Predictor(space, limits, seed=seed)
        propose(study.ask(), space)
        spent.append(time.process_time() - started)
    assert min(spent) < 0.3  # some 50 ms where the machine has nothing else to do


def test_a_history_is_what_has_finished_what_waits_and_what_is_taken() -> None:
    study = optuna.create_study(direction="minimize", sampler=Predictor(VANISHING, Limits(), seed=0))
    params: list[dict[str, Value]] = []
    for state in (TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED, None, TrialState.COMPLETE):
        trial = study.ask()
        params.append(propose(trial, VANISHING))
        if state is not None:
            study.tell(trial, float(trial.number) if state == TrialState.COMPLETE else None, state=state)
    region = FeasibleRegion(VANISHING, Limits())
    known = history(region, study, study.trials)
    codes = [region.encoding.code(taken) for taken in params]
    assert [tuple(code) for code in known.codes.tolist()] == [codes[0], codes[4]]
    assert known.scores.tolist() == [0, -4]
    assert [tuple(code) for code in known.waiting.tolist()] == [codes[3]]
    assert len(known.taken) == len({region.encoding.net(code) for code in codes}) == 5
