from __future__ import annotations

import random

import numpy as np
import pytest

from nas_scale.architecture.files import known_spaces, load_space
from nas_scale.architecture.space import SearchSpace, space_of
from nas_scale.feasible.canonical import Forms, forms_for
from nas_scale.feasible.cost_table import CostTable
from nas_scale.feasible.encoding import Encoding
from tests.support.small_spaces import SPACES

ACTS = space_of(
    "acts",
    "an activation of its own that may be the net's",
    SPACES[0].frame,
    ["{ir,ds}_r{1,2}_k3_s{1,2}_e{1,3}_c{16,24}_n{re,sw}", "id_s1_c24 | ir_k3_s1_e3_c24_nre | ir_k3_s1_e3_c24"],
    {"act": ("relu", "swish")},
)


def _check(space: SearchSpace, codes: np.ndarray) -> None:
    """Keys tell exactly those codes apart whose nets differ, and levels do with one exception."""
    forms = Forms(CostTable(Encoding(space)))
    nets = [forms.table.encoding.net(tuple(code)) for code in codes.tolist()]
    keys, levels = forms.keys(codes), [tuple(row) for row in forms.levels(codes).tolist()]
    assert len({*zip(nets, keys, strict=True)}) == len({*nets}) == len({*keys})
    assert len({*zip(nets, levels, strict=True)}) == len({*levels})
    if space.name != "vanishing":  # where one stage may stand on two lines
        assert len({*levels}) == len({*nets})
    assert (forms.levels(codes) < forms.counts).all()


@pytest.mark.parametrize("space", [*SPACES, ACTS], ids=lambda space: space.name)
def test_codes_are_told_apart_exactly_where_their_nets_differ(space: SearchSpace) -> None:
    encoding = Encoding(space)
    codes = np.array(list(np.ndindex(*(len(options) for options in encoding.options))), np.uint8)
    _check(space, codes)


@pytest.mark.parametrize("name", sorted(known_spaces()))
def test_so_they_are_in_the_shipped_spaces(name: str) -> None:
    """On nets and what is one choice away from them, which is where equal nets are found."""
    table, rng = CostTable(Encoding(load_space(name))), random.Random(0)
    codes = np.repeat(table.uniform(rng, 40), 20, axis=0)
    at = np.array([rng.randrange(codes.shape[1]) for _ in codes])
    codes[range(len(codes)), at] = [rng.randrange(count) for count in table.counts[at].tolist()]
    _check(load_space(name), codes)


def test_nas_bench_macro_has_3969_nets() -> None:
    codes = np.array(list(np.ndindex(*(3,) * 8)), np.uint8)
    forms = forms_for(load_space("nas-bench-macro"))
    assert len({*forms.keys(codes)}) == 3969
    assert len(np.unique(forms.levels(codes), axis=0)) == 3969


def test_what_does_not_act_is_a_level_of_its_own() -> None:
    space = load_space("mnasnet")
    forms = forms_for(space)
    encoding = forms.table.encoding
    params = encoding.params((0,) * len(encoding.keys))
    plain = {**params, "3.op": "cn", "3.expansion": 3, "3.se": 0.25}
    keys = list(encoding.keys)
    levels = dict(zip(keys, forms.levels(forms.table.codes([encoding.code(plain)]))[0].tolist(), strict=True))
    assert levels["3.expansion"] == 2  # neither of two
    assert levels["3.se"] == 0  # a plain convolution has none
    assert levels["3.kernel"] == 0
