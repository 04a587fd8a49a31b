"""Layers with the maps that they work on."""

from __future__ import annotations

from dataclasses import replace

from nas_scale.architecture.files import known_nets, load_net
from nas_scale.architecture.layers import layers
from nas_scale.architecture.spec import Architecture
from nas_scale.metrics.counts import Meter, cost
from nas_scale.nets.build import build
from nas_scale.nets.layers import SamePadding

PADS = Meter("pads", lambda layer: layer.pads)


def padded(net: Architecture, padding: str) -> Architecture:
    return replace(net, style=replace(net.style, padding=padding))


def test_layers_pad_first_where_the_built_network_does() -> None:
    for padding in ("same", "symmetric"):
        net = replace(padded(load_net("mnasnet-a1"), padding), resolution=32)
        built = sum(isinstance(module, SamePadding) for module in build(net).modules())
        assert built == sum(layer.pads for layer in layers(net)) == (5 if padding == "same" else 0)


def test_meters_see_the_layers_that_a_network_has() -> None:
    for name in known_nets():
        for padding in ("same", "symmetric"):
            net = padded(load_net(name), padding)
            whole = Meter("hash", lambda layer: hash(layer) % 1_000_003)
            metered = cost(net, (PADS, whole)).metered
            assert metered["pads"] == sum(layer.pads for layer in layers(net))
            assert metered["hash"] == sum(hash(layer) % 1_000_003 for layer in layers(net))
