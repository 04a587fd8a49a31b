"""The known nets whose exact cost is public, each with the library that checks it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.support.oracles import timm, torchvision_models


@dataclass(frozen=True)
class Known:
    """Parameters, and multiply-adds of conv and linear layers (torchvision 0.28, timm 1.0.31 and fvcore)."""

    net: str
    library: str
    model: str
    resolution: int
    parameters: int
    flops: int

    def theirs(self) -> Any:
        """The library's own module, with random weights."""
        if self.library == "torchvision":
            return getattr(torchvision_models(), self.model)(weights=None)
        return timm().create_model(self.model, pretrained=False)


KNOWN = (
    Known("efficientnet-b0", "torchvision", "efficientnet_b0", 224, 5_288_548, 385_814_752),
    Known("efficientnet-b1", "torchvision", "efficientnet_b1", 240, 7_794_184, 686_802_832),
    Known("efficientnet-b2", "torchvision", "efficientnet_b2", 260, 9_109_994, 993_561_872),
    Known("efficientnet-b3", "torchvision", "efficientnet_b3", 300, 12_233_232, 1_827_141_392),
    Known("efficientnet-b4", "torchvision", "efficientnet_b4", 380, 19_341_616, 4_393_771_024),
    Known("efficientnet-b5", "torchvision", "efficientnet_b5", 456, 30_389_784, 10_266_384_752),
    Known("efficientnet-b6", "torchvision", "efficientnet_b6", 528, 43_040_704, 19_067_593_536),
    Known("efficientnet-b7", "torchvision", "efficientnet_b7", 600, 66_347_960, 37_745_884_192),
    Known("mobilenetv2", "torchvision", "mobilenet_v2", 224, 3_504_872, 300_774_272),
    Known("mobilenetv3-large", "torchvision", "mobilenet_v3_large", 224, 5_483_032, 216_589_760),
    Known("mnasnet-b1", "torchvision", "mnasnet1_0", 224, 4_383_312, 314_415_872),
    Known("mnasnet-a1", "timm", "semnasnet_100", 224, 3_887_038, 311_579_072),
    Known("efficientnet-lite0", "timm", "tf_efficientnet_lite0", 224, 4_652_008, 385_187_552),
    Known("efficientnet-lite1", "timm", "tf_efficientnet_lite1", 240, 5_416_680, 600_185_232),
    Known("efficientnet-lite2", "timm", "tf_efficientnet_lite2", 260, 6_092_072, 859_736_272),
    Known("efficientnet-lite3", "timm", "tf_efficientnet_lite3", 300, 8_197_096, 1_607_554_544),
    Known("efficientnet-lite4", "timm", "tf_efficientnet_lite4", 380, 13_006_568, 3_943_564_112),
    Known("mobilenetv4-conv-small", "timm", "mobilenetv4_conv_small", 224, 3_774_024, 186_005_568),
    Known("mobilenetv4-conv-medium", "timm", "mobilenetv4_conv_medium", 256, 9_715_512, 1_080_244_224),
    Known("efficientnetv2-b0", "timm", "tf_efficientnetv2_b0", 224, 7_139_704, 718_086_176),
    Known("efficientnetv2-s", "timm", "tf_efficientnetv2_s", 384, 21_458_488, 8_365_617_152),
    Known("efficientnet-es", "timm", "tf_efficientnet_es", 224, 5_438_392, 1_788_731_008),
    Known("efficientnet-em", "timm", "tf_efficientnet_em", 240, 6_899_496, 3_013_321_088),
    Known("resnet-18", "torchvision", "resnet18", 224, 11_689_512, 1_814_073_344),
    Known("resnet-50", "torchvision", "resnet50", 224, 25_557_032, 4_089_184_256),
    Known("mobilenet-v1", "timm", "mobilenetv1_100", 224, 4_231_976, 568_740_352),
    Known("tinynet-a", "timm", "tinynet_a", 192, 6_187_972, 336_867_712),
    Known("tinynet-b", "timm", "tinynet_b", 188, 3_730_562, 200_709_360),
    Known("tinynet-c", "timm", "tinynet_c", 184, 2_457_234, 99_536_432),
    Known("tinynet-d", "timm", "tinynet_d", 152, 2_338_446, 51_580_656),
    Known("tinynet-e", "timm", "tinynet_e", 106, 2_042_972, 24_356_848),
)
