"""What the numbers of a picture mean: eight bits each, or more, of which the whole data set decides the range."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from nas_scale.training.data.dataset import Images

Values = npt.NDArray[Any]
# scale(kind, values) -> eight bits of the same shape.
Scale = Callable[[str, Values], Images]
ALPHA: Final = "uint16 alpha"
LARGE: Final = 2**23  # pixels


@dataclass(frozen=True, slots=True)
class Pixels:
    """A decoded picture.

    image: its pixels; of 16-bit colours, which Pillow cannot hold, the upper bytes. low: their lower bytes.
    kind: the type of more than eight bits, whose range the data set decides; None for eight bits.
    stated: the largest value, where the file's header says it.
    orientation: how the camera was held, by EXIF; 1 is upright. whole: whether all rows of the picture are there.
    side: pixels of the file's shorter side, of which a JPEG may have been decoded at a fraction.
    inverted: whether 0 is white. paired: whether the four channels are upper and lower bytes of grey and of alpha.
    """

    image: Image.Image
    low: Image.Image | None = None
    kind: str | None = None
    stated: int | None = None
    orientation: int = 1
    whole: bool = True
    inverted: bool = False
    paired: bool = False
    side: int = 0

    @property
    def large(self) -> bool:
        """Whether the pixels are better converted a strip at a time."""
        return self.image.width * self.image.height > LARGE

    def strips(self, multiple: int) -> Iterator[tuple[int, Pixels]]:
        """Parts of `multiple` rows, or of a multiple of them, each with its first row."""
        rows = multiple * max(1, LARGE // 16 // (self.image.width * multiple))
        for top in range(0, self.image.height, rows):
            yield top, self.crop(top, min(top + rows, self.image.height))

    def crop(self, top: int, bottom: int) -> Pixels:
        """The rows from `top` to before `bottom`."""
        box = (0, top, self.image.width, bottom)
        return replace(self, image=self.image.crop(box), low=self.low and self.low.crop(box))

    def rgb(self, scale: Scale) -> Image.Image:
        """As RGB: grey is repeated, and what is transparent becomes white."""
        if self.kind is None:
            return to_rgb(self.image)
        values, alpha = self._values()
        scaled = scale(self.kind, values) if self.stated is None else linear(values, self.stated)
        if self.inverted:
            scaled = 255 - scaled
        if self.image.mode == "CMYK":
            return Image.frombytes("CMYK", self.image.size, scaled.tobytes()).convert("RGB")
        colours = Image.fromarray(scaled).convert("RGB")
        if alpha is None:
            return colours
        opaque = alpha * 255 if alpha.dtype == np.bool_ else scale(ALPHA, alpha)
        white = Image.new("RGB", colours.size, "white")
        return Image.composite(colours, white, Image.fromarray(opaque.astype(np.uint8)))

    def of_range(self) -> dict[str, Values]:
        """The numbers whose range the data set decides, by their kind."""
        if self.kind is None or self.stated is not None:
            return {}
        values, alpha = self._values()
        return {self.kind: values} | ({} if alpha is None or alpha.dtype == np.bool_ else {ALPHA: alpha})

    def _values(self) -> tuple[Values, Values | None]:
        """The numbers (height, width[, channels]), and the alpha beside them, or where pixels are opaque."""
        four = np.asarray(self.image)
        if self.paired:
            high_and_low = four.astype(np.uint16)
            return high_and_low[..., 0] << 8 | high_and_low[..., 1], high_and_low[..., 2] << 8 | high_and_low[..., 3]
        if self.low is None:
            whole = four.view(np.uint32) if self.kind == "uint32" else four
        else:
            whole = four.astype(np.uint16) << 8 | np.asarray(self.low)
            if self.image.mode == "RGBA":
                return whole[..., :3], whole[..., 3]
        transparent = self.image.info.get("transparency")
        if transparent is None:
            return whole, None
        different = whole != np.asarray(transparent)
        return whole, different.any(-1) if different.ndim == 3 else different


def linear(values: Values, top: float) -> Images:
    """0 to `top` as 0 to 255, rounded."""
    if values.dtype == np.uint16:  # looking up is faster
        return linear(np.arange(2**16), top)[values]
    return (values * (255 / top) + 0.5).clip(0, 255).astype(np.uint8)


def to_rgb(image: Image.Image) -> Image.Image:
    """A picture of eight bits as RGB: grey is repeated, what is transparent becomes white."""
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        opaque = image.convert("RGBA")
        white = Image.new("RGBA", opaque.size, "white")
        return Image.alpha_composite(white, opaque).convert("RGB")
    return image if image.mode == "RGB" else image.convert("RGB")
