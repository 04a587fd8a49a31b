from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas_scale.architecture.files import load_space
from nas_scale.architecture.space import SearchSpace
from nas_scale.feasible.encoding import Encoding
from nas_scale.feasible.extremes import Extremes, pursue
from nas_scale.metrics.limits import Limit, Limits
from nas_scale.metrics.metric import ACTIVATIONS, FLOPS
from tests.support.small_spaces import admits, costs_of, spaces, tight_limits


@given(spaces, st.lists(st.floats(-1, 1), min_size=3, max_size=3))
def test_the_least_is_the_least_of_all_nets(space: SearchSpace, weights: list[float]) -> None:
    figures = np.array([[cost.flops, cost.parameters, cost.activations] for cost in costs_of(space.name)], dtype=float)
    encoding = Encoding(space)
    least, code = Extremes(encoding).least(np.array(weights))
    assert least == pytest.approx((figures @ weights).min(), rel=1e-9, abs=1e-6)
    found = encoding.cost(code)
    spent = (found.flops, found.parameters, found.activations)
    assert sum(w * each for w, each in zip(weights, spent, strict=True)) == pytest.approx(least, abs=1e-6)


@given(st.data())
def test_no_impossibility_is_claimed_that_is_none(data: st.DataObject) -> None:
    space = data.draw(spaces)
    limits = data.draw(tight_limits(space))
    if pursue(Encoding(space, limits.meters), limits).impossible:
        assert not any(admits(limits, cost) for cost in costs_of(space.name))


def test_two_limits_that_contradict_each_other_are_proved_to() -> None:
    """Each can be had alone; no net this rich in multiply-adds has so few activations."""
    space = load_space("mnasnet")
    few, rich = Limit(ACTIVATIONS, most=9e5), Limit(FLOPS, least=1e9)
    assert not pursue(Encoding(space), Limits((few,))).impossible
    assert not pursue(Encoding(space), Limits((rich,))).impossible
    assert pursue(Encoding(space), Limits((few, rich))).impossible
