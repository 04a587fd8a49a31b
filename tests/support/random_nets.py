"""Random nets: of every shipped space, and stages of every kind for properties."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import get_args

from hypothesis import strategies as st

from nas_scale.architecture.notation import Value, stage_of
from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Op, Stage


def random_params(space: SearchSpace, rng: random.Random) -> dict[str, Value]:
    return {key: rng.choice(choice.options) for key, choice in space.choices.items()}


def extreme_params(space: SearchSpace) -> Iterator[dict[str, Value]]:
    """The assignments of every choice's first option, of every one's last, and of every first but one last."""
    first = {key: choice.options[0] for key, choice in space.choices.items()}
    yield first
    yield {key: choice.options[-1] for key, choice in space.choices.items()}
    for key, choice in space.choices.items():
        yield {**first, key: choice.options[-1]}


@st.composite
def stages(draw: st.DrawFn) -> Stage:
    """Any stage in normal form."""
    fields = {
        "op": draw(st.sampled_from(list(get_args(Op)))),
        "channels": draw(st.integers(1, 65536)),
        "repeats": draw(st.integers(1, 64)),
        "kernel": draw(st.sampled_from([1, 3, 5, 7, 15])),
        "stride": draw(st.integers(1, 8)),
        "expansion": draw(st.one_of(st.floats(1, 32), st.sampled_from([1, 2.3, 2.5, 3, 6]))),
        "se": draw(st.one_of(st.floats(0, 1), st.sampled_from([0, 0.25]))),
        "act": draw(st.sampled_from([None, "relu", "relu6", "swish", "hard-swish"])),
        "skip": draw(st.sampled_from([None, "none", "identity", "pool"])),
        "continues": draw(st.booleans()),
        "start": draw(st.sampled_from([0, 1, 3, 5])),
        "end": draw(st.sampled_from([0, 0, 3])),
    }
    if fields["op"] == "bt":
        fields["expansion"] = draw(st.sampled_from([0.25, 0.5, 1, 0.01]))
    if fields["op"] == "uir" and (fields["stride"] == 1 or fields["start"] or fields["end"]):
        fields["kernel"] = draw(st.sampled_from([0, 3, 5]))
    return stage_of(fields.get)
