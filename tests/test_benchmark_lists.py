"""The lists of nets that scores are tried on: disjoint, of the stated sizes, inside the band, drawn again alike."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import macro_nets
from nas_scale.architecture.files import load_space
from nas_scale.metrics.counts import cost

WHOLE = Path(os.environ.get("NAS_SCALE_TEST_DATA", "")) / "nas-bench-macro_cifar10.json"


def _codes() -> Iterator[str]:
    for parts in macro_nets.read_lists().values():
        yield from itertools.chain(*parts.values())


def test_two_lists_of_thirty_and_thirty_share_no_net() -> None:
    lists = macro_nets.read_lists()
    assert list(lists) == ["list-1", "list-2"]
    assert all(
        {part: len(codes) for part, codes in parts.items()} == {"across": 30, "band": 30} for parts in lists.values()
    )
    space = load_space(macro_nets.SPACE)
    assert len({macro_nets.net_of(space, code) for code in _codes()}) == 120


def test_the_band_is_narrow_in_flops() -> None:
    space = load_space(macro_nets.SPACE)
    flops = [
        cost(macro_nets.net_of(space, code)).flops
        for parts in macro_nets.read_lists().values()
        for code in parts["band"]
    ]
    assert max(flops) / min(flops) < 1.08  # the whole space spans a factor of 13.7


@pytest.mark.skipif(not WHOLE.is_file(), reason="NAS_SCALE_TEST_DATA names no folder with nas-bench-macro_cifar10.json")
def test_the_lists_are_the_seeds_own() -> None:
    nets = macro_nets.read_bench(WHOLE)
    assert len(nets) == 3969
    assert macro_nets.draw(nets) == macro_nets.read_lists()
    inside = set(macro_nets.band(nets))
    assert all(set(parts["band"]) <= inside for parts in macro_nets.read_lists().values())
