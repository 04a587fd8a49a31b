"""What a step of training holds: weights, gradients, momentum, and what autograd saves for the backward pass.

Saved of a layer: its input (the padded copy, where there is one), the input of its batch norm, and that of its
activation unless that is a ReLU, which saves its result; squeeze-excite keeps the map that it scales. The most is alive
somewhere in the backward pass, where a layer's gradients come to what earlier layers saved; later layers have given
back what they saved and hold gradients of their weights instead. Left out are masks of stochastic depth and dropout,
what batch norms keep of channels, a ReLU's result beside its padded copy, and what libraries take for themselves.
Follows torch's engine, on which the modules of nets/ run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Any, Final

from nas_scale.architecture.layers import Layer
from nas_scale.metrics.counts import Counts, Meter

TRAIN_BATCH: Final = 32  # images
INDEX: Final = 2  # elements that the index of a maximum takes, which has 8 bytes


def saved_elements(layer: Layer) -> int:
    """Elements of one image that a layer saves for the backward pass."""
    conv = layer.conv
    if conv.pooled:
        normed = layer.outputs if conv.norm and conv.act not in (None, "relu") else 0
        return layer.inputs + layer.outputs + normed + (layer.mapped if conv.role == "excite" else 0)
    kept = [act for act in (conv.act, layer.then) if act not in (None, "relu")]
    # A ReLU's result is what the next layer saves, unless something is added to it or the largest are taken of it.
    beside_next = conv.act == "relu" and (layer.added != "none" or layer.pool > 1)
    maps = 1 + bool(kept or beside_next) + bool(kept and layer.pool > 1)
    return _kept_input(layer) + maps * layer.outputs + INDEX * layer.max_pooled


def _kept_input(layer: Layer) -> int:
    """What a convolution keeps of its input; whoever has the images has them beside a padded copy, and a projection's
    input is that of the block."""
    if layer.conv.role == "shortcut":
        return layer.padded if layer.padded != layer.inputs else 0
    both = layer.conv.role == "stem" and layer.padded != layer.inputs
    return layer.padded + (layer.inputs if both else 0)


def training_peak(layer: Layer, maps: int, weights: int = 1) -> int:
    """The most alive while a layer's gradients are computed, of the layer's and with its weights' gradients.

    maps: what an element of one image's maps counts, for instance as many as the batch has images. weights: what a
    gradient of a weight counts.
    """
    conv, out = layer.conv, layer.outputs
    if conv.pooled:
        gradients = 3 * layer.mapped if conv.role == "excite" else 2 * out
        return maps * (saved_elements(layer) + gradients + layer.entry) + weights * conv.parameters
    kept = _kept_input(layer)
    behind = kept + (3 if conv.act is None else 4) * out  # what both passes hold behind the convolution
    product = kept + out + (0 if conv.role == "stem" else layer.padded)  # images need no gradient
    if layer.pool > 1:  # its own gradients come while all that the layer saves is still there
        behind = max(behind, saved_elements(layer) + out + layer.max_pooled)
    return maps * layer.entry + max(maps * behind, maps * product + weights * conv.parameters)


def _joined(batch: int, before: Mapping[str, Any], part: Counts[Any], largest: Callable[[list[Any]], Any]) -> Any:
    """The peak of a beginning and the part behind it: in the one the part's gradients are there, in the other what the
    beginning saved."""
    later = batch * before[SAVED.name] + part.metered[TRAINING]
    return largest([before[TRAINING] + part.parameters, later])


TRAINING: Final = "training"
SAVED: Final = Meter("saved", saved_elements)


@lru_cache(maxsize=256)
def training_meter(batch: int) -> Meter:
    """Counts the most elements alive in a step on so many images, besides weights and momentum."""
    return Meter(TRAINING, partial(training_peak, maps=batch), partial(_joined, batch), (SAVED,))


TRAINED: Final = training_meter(TRAIN_BATCH)
