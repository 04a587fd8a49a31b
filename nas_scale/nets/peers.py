"""Other libraries' networks by name: `timm:NAME` and `torchvision:NAME`."""

from __future__ import annotations

from typing import Any, Final

from torch import nn

from nas_scale.errors import UserError

USUAL_RESOLUTION: Final = 224  # of a net whose library does not say


def peer(text: str) -> nn.Module:
    """The network `timm:NAME` or `torchvision:NAME`, randomly initialised. Raises UserError where it is missing."""
    library, _, name = text.partition(":")
    try:
        if library == "timm":
            import timm

            module: nn.Module = timm.create_model(name)
        else:
            import torchvision

            module = torchvision.models.get_model(name)
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"{text} needs {library}, which cannot be imported here; pip install {library} to match your torch"
        ) from error
    except (RuntimeError, ValueError) as error:
        if "nms" in str(error):
            raise UserError(
                f"{text}: {library} does not match the installed torch; install the pair that belongs together"
            ) from error
        raise UserError(f"{library} has no net {name!r}") from None
    return module


def peer_resolution(text: str, module: nn.Module) -> int:
    """Pixels a side of the images that the network was made for, as its library says; `module` is what `peer` gave."""
    library, _, name = text.partition(":")
    if library == "timm":
        configuration: Any = getattr(module, "default_cfg", None) or {}
        size = configuration.get("input_size")
        return int(size[-1]) if size else USUAL_RESOLUTION
    import torchvision

    weights = list(torchvision.models.get_model_weights(name))
    crop = getattr(weights[0].transforms(), "crop_size", None) if weights else None
    return int(crop[-1]) if crop else USUAL_RESOLUTION
