"""Other libraries' networks by name, as those libraries make them: `timm:NAME` and `torchvision:NAME`."""

from __future__ import annotations

import difflib
from functools import cache
from importlib import import_module
from typing import Any, Final

import torch
from torch import nn

from nas_scale.errors import UserError
from nas_scale.numbers import shortened

USUAL_RESOLUTION: Final = 224  # of a net whose library does not say


def peer(text: str) -> nn.Module:
    """The network `timm:NAME` or `torchvision:NAME`, randomly initialised; nothing is downloaded.

    It is made on torch's current device. Raises UserError where the library or the network is missing.
    """
    library, _, name = text.partition(":")
    module: nn.Module = _of_timm(text, name) if library == "timm" else _of_torchvision(text, name)
    return module


def peer_resolution(text: str, module: nn.Module) -> int:
    """Pixels a side of the images that the network was made for, as its library says; `module` is what `peer` gave."""
    library, _, name = text.partition(":")
    if library == "timm":
        configuration: Any = getattr(module, "default_cfg", None) or {}
        size = configuration.get("input_size")
        return int(size[-1]) if size else USUAL_RESOLUTION
    weights = list(_imported("torchvision", text).models.get_model_weights(name))
    crop = getattr(weights[0].transforms(), "crop_size", None) if weights else None
    return int(crop[-1]) if crop else USUAL_RESOLUTION


def _of_timm(text: str, name: str) -> Any:
    timm = _imported("timm", text)
    if not timm.is_model(name):  # which hubs' names are not, that timm would look up in the network
        raise _unknown("timm", name, timm.list_models())
    try:
        return timm.create_model(name, pretrained=False)
    except RuntimeError as error:
        if "pretrained tag" not in str(error):
            raise
        raise _unknown("timm", name, timm.list_pretrained()) from None


def _of_torchvision(text: str, name: str) -> Any:
    models = _imported("torchvision", text).models
    known = models.list_models(module=models)  # classifiers alone; detectors would download their backbones
    if name not in known:
        raise _unknown("torchvision", name, known)
    return models.get_model(name, weights=None)


def _unknown(library: str, name: str, known: list[str]) -> UserError:
    near = difflib.get_close_matches(name, known, 3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return UserError(f"{library} has no net {shortened(name)}{hint}")


def _imported(library: str, text: str) -> Any:
    """The library. Raises UserError where it is not installed, or does not fit the installed torch."""
    try:
        try:
            return import_module(library)
        except RuntimeError:
            declare_operators()
            return import_module(library)
    except ImportError as error:
        raise UserError(
            f"{text} needs {library}, which cannot be imported here; pip install {library} to match your torch"
        ) from error
    except (RuntimeError, AttributeError) as error:
        raise UserError(
            f"{text}: {library} does not match the installed torch; install the pair that belongs together"
        ) from error


@cache
def declare_operators() -> Any:
    """Declares the detectors' operators, without which a torchvision made for another build of torch does not import.

    No classifier calls them. Returns what has to be kept for as long as they are to be known.
    """
    declarations: Any = torch.library
    library = declarations.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library
