"""The controller's policy: what it has learned follows from the trials, and it learns what is good."""

from __future__ import annotations

import random

import optuna
import pytest
import torch

from nas_scale.architecture.files import load_space
from nas_scale.metrics.limits import Limits
from nas_scale.samplers.controller.policy import Learner, Policy, Rollout
from nas_scale.samplers.controller.sampler import BATCH, Controller
from nas_scale.samplers.registry import propose
from nas_scale.trials.seeds import derived_seed

OPTIONS = (2, 3, 1, 4)
MACRO = load_space("nas-bench-macro")


def batches(count: int, seed: int = 0) -> list[Rollout]:
    """Nets are the better the more often they take their first option."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        codes = tuple(tuple(rng.randrange(options) for options in OPTIONS) for _ in range(BATCH))
        made.append(Rollout(codes, tuple(float(code.count(0)) for code in codes)))
    return made


def every_code() -> torch.Tensor:
    return torch.cartesian_prod(*(torch.arange(options) for options in OPTIONS))


def probabilities(policy: Policy) -> torch.Tensor:
    codes = every_code()
    return policy(codes).gather(2, codes[:, :, None]).sum(dim=(1, 2)).exp()


def test_every_net_is_as_likely_as_every_other_at_first() -> None:
    assert probabilities(Policy(OPTIONS)).tolist() == pytest.approx([1 / 24] * 24)


def test_making_a_policy_leaves_torchs_own_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    Policy(OPTIONS)
    assert torch.equal(torch.rand(3), expected)


def test_a_policy_that_learns_bit_by_bit_is_the_one_that_learns_at_once() -> None:
    history = batches(6)
    slowly = Learner(OPTIONS)
    for count in range(7):
        by_bits = slowly.after(history[:count])
    at_once = Learner(OPTIONS).after(history)
    assert all(torch.equal(a, b) for a, b in zip(by_bits.parameters(), at_once.parameters(), strict=True))


def test_a_learner_of_another_history_begins_anew() -> None:
    learner = Learner(OPTIONS)
    learner.after(batches(4))
    for other in (batches(4, seed=1), batches(4)[:2], []):
        expected = Learner(OPTIONS).after(other)
        found = learner.after(other)
        assert all(torch.equal(a, b) for a, b in zip(found.parameters(), expected.parameters(), strict=True))


def test_it_learns_what_is_good() -> None:
    found = probabilities(Learner(OPTIONS).after(batches(20)))
    assert every_code()[found.argmax()].tolist() == [0, 0, 0, 0]
    assert found.max() > 5 / 24


def test_equal_values_teach_nothing_that_is_not_finite() -> None:
    level = [Rollout(batch.codes, (1.0,) * BATCH) for batch in batches(3)]
    assert torch.isfinite(probabilities(Learner(OPTIONS).after(level))).all()


def test_draws_are_as_frequent_as_they_are_likely() -> None:
    policy = Learner(OPTIONS).after(batches(5))
    drawn = policy.sample(torch.rand(20_000, len(OPTIONS), generator=torch.Generator().manual_seed(0)))
    counts = (drawn[:, None, :] == every_code()).all(dim=2).sum(dim=0)
    assert (counts / 20_000).tolist() == pytest.approx(probabilities(policy).tolist(), abs=0.015)


def test_no_draw_takes_an_option_that_is_not_there() -> None:
    policy = Learner(OPTIONS).after(batches(5))
    ends = torch.tensor([[0.0] * 4, [1.0] * 4])
    assert policy.sample(ends).tolist() == [[0, 0, 0, 0], [1, 2, 0, 3]]


@pytest.mark.parametrize("direction", ["maximize", pytest.param("minimize", marks=pytest.mark.slow)])
def test_it_comes_to_propose_what_the_study_asks_for(direction: str) -> None:
    """Nets with many of the wide option, or with few; 200 trials of 6,561 assignments."""
    wide = [choice.options[2] for choice in MACRO.choices.values()]
    study = optuna.create_study(direction=direction)
    seen = []
    for number in range(200):
        study.sampler = Controller(MACRO, Limits(), derived_seed(0, number))
        trial = study.ask()
        params = propose(trial, MACRO)
        seen.append(sum(value == option for value, option in zip(params.values(), wide, strict=True)))
        study.tell(trial, float(seen[-1]))
    first, last = sum(seen[:50]) / 50, sum(seen[-50:]) / 50
    assert last > first + 1 if direction == "maximize" else last < first - 1
