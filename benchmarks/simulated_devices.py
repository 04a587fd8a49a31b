"""Devices that are simulated, so that the truth is known: what layers take on them, and random networks to time.

Each is a sum over layers as real devices are, but none is one of the model's own features alone.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np

from nas_scale.architecture.files import load_space, parse_space
from nas_scale.architecture.layers import Layer, layers
from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.devices.measurement import Measurement

# EfficientNet-B0's skeleton with expansion, kernel, depth and squeeze-excite left open, as Accel-NASBench searches it.
B0_LIKE: Final = """
name: b0-like
resolution: 224
stem: 32
head: 1280
act: swish
stages: |
  ir_r{1,2,3}_k{3,5}_s1_e{1,4,6}_c16_se{0,.25}
  ir_r{1,2,3}_k{3,5}_s2_e{1,4,6}_c24_se{0,.25}
  ir_r{1,2,3}_k{3,5}_s2_e{1,4,6}_c40_se{0,.25}
  ir_r{1,2,3}_k{3,5}_s2_e{1,4,6}_c80_se{0,.25}
  ir_r{1,2,3}_k{3,5}_s1_e{1,4,6}_c112_se{0,.25}
  ir_r{1,2,3}_k{3,5}_s2_e{1,4,6}_c192_se{0,.25}
  ir_r{1,2,3}_k{3,5}_s1_e{1,4,6}_c320_se{0,.25}
"""


def space_named(name: str) -> SearchSpace:
    """`b0-like`, or one of the package's own."""
    return parse_space(B0_LIKE, "b0-like.yaml", "b0-like") if name == "b0-like" else load_space(name)


def random_nets(space: SearchSpace, count: int, seed: int) -> list[Architecture]:
    """Different networks of the space, every choice drawn evenly."""
    generator = random.Random(seed)
    found: dict[Architecture, None] = {}
    while len(found) < count:
        found[space.resolve(lambda choice: generator.choice(choice.options))] = None
    return list(found)


def _up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple


def _moved(layer: Layer) -> float:
    """Elements read and written, of the whole map where it is pooled or scaled."""
    conv, pixels = layer.conv, layer.size**2
    if conv.role in ("squeeze", "excite"):
        return (1 if conv.role == "squeeze" else 2) * max(conv.c_in, conv.c_out) * pixels
    return layer.inputs + layer.outputs + (layer.outputs if layer.added != "none" else 0)


def cpu(layer: Layer) -> float:
    """One core: 40 GMAC/s at best, fewer for short rows; 4 G elements/s; calls of 8 us; slow sigmoids."""
    conv = layer.conv
    rate = 40e9 * conv.c_out / (conv.c_out + 24) if conv.groups == 1 else 8e9 * layer.out_size / (layer.out_size + 6)
    acts = {"swish": 2.0, "hard-swish": 0.7}.get(conv.act or "", 0.2) * layer.outputs / 4e9
    return max(layer.flops / rate, _moved(layer) / 4e9) + acts + 8e-6


def cached(layer: Layer) -> float:
    """A core whose cache holds 250,000 elements: what is larger is read four times as slowly."""
    moved = _moved(layer)
    beyond = max(0.0, moved - 250e3) / 1e9
    return layer.flops / (30e9 if layer.conv.groups == 1 else 10e9) + moved / 8e9 + beyond + 3e-6


def gpu(layer: Layer) -> float:
    """A large GPU at batch 1: a layer takes 5 us at least, whatever it does; a depthwise one is bound by memory."""
    work = layer.flops / (4e12 if layer.conv.groups == 1 else 0.4e12)
    return max(5e-6, work + _moved(layer) / 150e9)


def systolic(layer: Layer) -> float:
    """A matrix unit of 128 x 128 lanes at 94 MHz; depthwise on a vector unit; pooling stalls both."""
    conv = layer.conv
    if conv.groups > 1:
        return _up(conv.c_out, 128) * conv.kernel**2 * layer.out_size**2 / 60e9 + 2e-6
    pixels = _up(layer.out_size**2, 8)
    stall = 6e-6 if conv.pooled else 1e-6
    return _up(conv.c_in, 128) * _up(conv.c_out, 128) * conv.kernel**2 * pixels / 1.5e12 + _moved(layer) / 40e9 + stall


def dpu(layer: Layer) -> float:
    """An FPGA's unit for convolutions, 16 channels by 16, 8 pixels a row; squeeze-excite goes through the host."""
    conv = layer.conv
    if conv.pooled and conv.role in ("squeeze", "excite"):
        return 180e-6 + max(conv.c_in, conv.c_out) * layer.size**2 / 1.2e9
    rows = layer.out_size * _up(layer.out_size, 8)
    if conv.groups > 1:
        return _up(conv.c_out, 16) * conv.kernel**2 * rows / 30e9 + 15e-6
    return _up(conv.c_in, 16) * _up(conv.c_out, 16) * conv.kernel**2 * rows / 500e9 + _moved(layer) / 6e9 + 10e-6


def linear(layer: Layer) -> float:
    """What six sums describe exactly."""
    conv = layer.conv
    rate = 20e9 if conv.groups == 1 else 5e9
    return layer.flops / rate + layer.outputs / 2e9 + (0.5e-3 if conv.role == "classifier" else 0.0)


DEVICES: Final[dict[str, Callable[[Layer], float]]] = {
    "linear": linear,
    "cpu": cpu,
    "cached": cached,
    "gpu": gpu,
    "systolic": systolic,
    "dpu": dpu,
}


def true_milliseconds(device: str, net: Architecture) -> float:
    """What the network takes on the device, without noise."""
    of = cache(DEVICES[device])
    return 1e3 * sum(of(layer) for layer in layers(net))


def measured(device: str, nets: list[Architecture], noise: float, seed: int) -> list[Measurement]:
    """One noisy measurement a network. noise: its relative standard deviation."""
    off = np.exp(noise * np.random.default_rng(seed).standard_normal(len(nets)))
    return [Measurement(net, true_milliseconds(device, net) * by) for net, by in zip(nets, off.tolist(), strict=True)]
