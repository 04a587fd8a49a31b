"""Generates scenes: a handwritten digit at a random place, size and slant, on clutter of pieces of other scans.

They need no download, use real handwriting, and are hard enough to distinguish networks.
A scene is defined in units of its side, so the same scene can be drawn at any resolution; it depends on
(seed, split, index) alone, so a smaller set is the beginning of a larger one. The idea of hiding a digit among pieces
of other digits is that of cluttered MNIST (Mnih et al. 2014, arXiv:1406.6247).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from nas_scale.errors import DataError
from nas_scale.training.data.catalog import Catalog, Decoded, Identity, Pool, check_limits
from nas_scale.training.data.dataset import Images, Indices, Labels, PassedOver
from nas_scale.training.data.patches import SCAN, Patches, draw_patches
from nas_scale.training.data.ref import DataRef
from nas_scale.training.data.scans import DIGITS, division, scans

Floats = npt.NDArray[np.float64]

# Raise it whenever the same parameters draw other pixels: it is part of the cache's key.
GENERATOR_VERSION = 1
# Scenes share a generator in blocks of this many; a multiple of 10, so that every ten scenes hold every digit once.
BLOCK = 250
_SPLIT_NUMBERS = {"train": 0, "val": 1, "test": 2}
# A validation image costs a third of a training image: enough of them keep their own noise below that of seeds.
_DEFAULT_COUNTS = {"train": 4096, "val": 8192, "test": 8192}


@dataclass(frozen=True, slots=True)
class Difficulty:
    """The parameters of scenes that make them hard: lengths in shares of the image's side, angles in
    degrees, brightness in 0..1.

    smallest, largest: side of a whole scan, the digit's and those that pieces are cut from.
    pieces: how many pieces of clutter; shortest_piece, longest_piece: their sides in pixels of a scan (of 8).
    clearance: the middles of pieces keep this share of the digit's side from its middle; 0 lets them cover it.
    rotation: the digit is turned by up to so much either way (pieces: any angle); shear: sideways per height.
    contrast: least difference in brightness between ink and ground; faintest: least strength of a stroke of that.
    tint: largest shift of each colour channel, of ink and ground; noise: standard deviation of each pixel's brightness.
    """

    smallest: float = 0.6
    largest: float = 0.9
    pieces: int = 3
    shortest_piece: int = 4
    longest_piece: int = 5
    clearance: float = 0.3
    rotation: float = 12.0
    shear: float = 0.1
    contrast: float = 0.7
    faintest: float = 0.9
    tint: float = 0.04
    noise: float = 0.02


PRESETS = {
    "default": Difficulty(),
    "fine": Difficulty(smallest=0.35, largest=0.55, pieces=5),
    "coarse": Difficulty(smallest=0.75, largest=0.95, pieces=2),
}


@dataclass(frozen=True, slots=True)
class Scenes:
    """The source `scenes`, `scenes:fine` and `scenes:coarse`."""

    name: str
    difficulty: Difficulty

    @classmethod
    def named(cls, preset: str) -> Scenes:
        """The source of a preset: default, fine or coarse. Raises DataError for any other name."""
        if preset not in PRESETS:
            raise DataError(f"--data scenes:{preset} does not exist; write scenes, scenes:fine or scenes:coarse")
        return cls("scenes" if preset == "default" else f"scenes:{preset}", PRESETS[preset])

    @property
    def kind(self) -> str:
        return "scenes"

    def check(self, ref: DataRef) -> None:
        check_limits(ref, len(DIGITS))

    def identity(self, ref: DataRef) -> Identity:
        return {"version": GENERATOR_VERSION, "difficulty": repr(self.difficulty)}

    def catalog(self, ref: DataRef) -> Catalog:
        return Catalog(
            name=self.name,
            classes=DIGITS,
            train=self._pool("train", ref.train or _DEFAULT_COUNTS["train"], ref.seed),
            val=self._pool("val", ref.val or _DEFAULT_COUNTS["val"], ref.seed),
            val_share=0.0,
            flips=False,
            about="made scenes, one real handwritten digit on clutter: they tell nets apart at no cost, "
            "but rank them for such scenes, not for photographs",
        )

    def passed_over(self) -> PassedOver:
        return PassedOver()

    def test(self, ref: DataRef) -> Pool:
        return self._pool("test", _DEFAULT_COUNTS["test"], ref.seed)

    def _pool(self, split: str, count: int, seed: int) -> Pool:
        blocks = range(-(-count // BLOCK))
        labels = np.concatenate([_digits(_generator(seed, split, block)) for block in blocks])[:count]
        return Pool(
            labels, lambda indices, resolution: Decoded(draw_scenes(indices, resolution, self.difficulty, split, seed))
        )


def draw_scenes(indices: Indices, resolution: int, difficulty: Difficulty, split: str, seed: int) -> Images:
    """The scenes with these indices: uint8 (len(indices), resolution, resolution, 3), from the scans of `split`."""
    images = np.empty((len(indices), resolution, resolution, 3), np.uint8)
    for block in np.unique(indices // BLOCK):
        rows = np.flatnonzero(indices // BLOCK == block)
        images[rows] = _draw_block(int(block), indices[rows] % BLOCK, resolution, difficulty, split, seed)
    return images


def _draw_block(block: int, members: Indices, resolution: int, difficulty: Difficulty, split: str, seed: int) -> Images:
    """Some scenes of a block. Random numbers are drawn for the whole block, in one order for all resolutions."""
    rng = _generator(seed, split, block)
    # Clutter comes last, so that more or less of it leaves digits and colours as they are.
    digits = _digits(rng)
    ground, ink = _colours(rng, difficulty)
    layers = _layers(rng, digits, split, difficulty)
    noise = rng.standard_normal((BLOCK, resolution, resolution), np.float32) * np.float32(difficulty.noise)
    images = np.empty((len(members), resolution, resolution, 3), np.uint8)
    # A batch's arrays stay near a processor's caches, at any resolution.
    step = max(1, 2**19 // resolution**2)
    for start in range(0, len(members), step):
        batch = members[start : start + step]
        strokes = draw_patches([layer.of(batch) for layer in layers], resolution, _oversampling(resolution, difficulty))
        brightness = strokes[..., None] * (ink - ground)[batch, None, None] + ground[batch, None, None]
        brightness += noise[batch, ..., None]
        images[start : start + step] = (brightness.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    return images


def _oversampling(resolution: int, difficulty: Difficulty) -> int:
    """So many samples a pixel and direction that no pixel of a scan falls between two of them."""
    return int(np.ceil(SCAN / (difficulty.smallest * resolution)))


def _generator(seed: int, split: str, block: int) -> np.random.Generator:
    return np.random.default_rng([seed, _SPLIT_NUMBERS[split], block])


def _digits(rng: np.random.Generator) -> Labels:
    """The labels of a block, its first draw: every ten scenes hold the ten digits in random order."""
    tens = np.tile(np.arange(len(DIGITS)), (BLOCK // len(DIGITS), 1))
    return rng.permuted(tens, axis=1).ravel()


def _layers(rng: np.random.Generator, digits: Labels, split: str, difficulty: Difficulty) -> list[Patches]:
    """The digit's layer of a block, then one for each piece of clutter."""
    ink, labels = scans()
    members = division()[split]
    digit = _one_of_each(rng, members, labels, digits)
    whole = _whole(rng, ink[members[digit]], difficulty)
    layers = [whole]
    for _ in range(difficulty.pieces):
        other = (digit + rng.integers(1, len(members), BLOCK)) % len(members)
        piece = _piece(rng, ink[members[other]], difficulty)
        layers.append(piece.at(_kept_off(piece.centre, whole.centre, difficulty.clearance * whole.size)))
    return layers


def _kept_off(centre: Floats, middle: Floats, distance: Floats) -> Floats:
    """Moves what lies closer to `middle` than `distance` straight outwards to that distance."""
    away = centre - middle
    length = np.hypot(away[:, 0], away[:, 1])
    return middle + away * (np.maximum(length, distance) / np.maximum(length, 1e-9))[:, None]


def _one_of_each(rng: np.random.Generator, members: Indices, labels: Labels, wanted: Labels) -> Indices:
    """For each wanted digit a random position in `members` whose scan shows it."""
    chance = rng.random(BLOCK)
    by_digit = [np.flatnonzero(labels[members] == digit) for digit in range(len(DIGITS))]
    return np.array([by_digit[digit][int(u * len(by_digit[digit]))] for digit, u in zip(wanted, chance, strict=True)])


def _whole(rng: np.random.Generator, ink: npt.NDArray[np.float32], difficulty: Difficulty) -> Patches:
    """Whole scans, turned and slanted a little, that lie inside the image."""
    turn = np.radians(rng.uniform(-difficulty.rotation, difficulty.rotation, BLOCK))
    patches = _placed(rng, ink, np.zeros((BLOCK, 2)), np.full((BLOCK, 2), float(SCAN)), turn, difficulty)
    margin = np.minimum(patches.extent, 0.5)
    return patches.at(margin + patches.centre * (1 - 2 * margin))


def _piece(rng: np.random.Generator, ink: npt.NDArray[np.float32], difficulty: Difficulty) -> Patches:
    """Pieces of scans at any angle and place; the image's edge may cut them."""
    sides = rng.integers(difficulty.shortest_piece, difficulty.longest_piece, (BLOCK, 2), endpoint=True)
    corner = np.floor(rng.random((BLOCK, 2)) * (SCAN - sides + 1))
    return _placed(rng, ink, corner, sides.astype(float), rng.uniform(-np.pi, np.pi, BLOCK), difficulty)


def _placed(
    rng: np.random.Generator,
    ink: npt.NDArray[np.float32],
    corner: Floats,
    sides: Floats,
    turn: Floats,
    difficulty: Difficulty,
) -> Patches:
    """Windows (corner, sides: x and y in pixels of a scan) of scans at random sizes, slants, strengths and places."""
    size = rng.uniform(difficulty.smallest, difficulty.largest, BLOCK)
    shear = rng.uniform(-difficulty.shear, difficulty.shear, BLOCK)
    strength = rng.uniform(difficulty.faintest, 1.0, BLOCK)
    return Patches.cut(ink * strength[:, None, None].astype(np.float32), corner, sides, size, turn, shear).at(
        rng.random((BLOCK, 2))
    )


def _colours(rng: np.random.Generator, difficulty: Difficulty) -> tuple[npt.NDArray[np.float32], ...]:
    """Colours of ground and ink, each (BLOCK, 3); the ink is the lighter, by the least contrast or more."""
    gap = rng.uniform(difficulty.contrast, 0.9, BLOCK)
    dark = rng.uniform(0.0, 1.0 - gap)
    tints = rng.uniform(-difficulty.tint, difficulty.tint, (2, BLOCK, 3))
    return tuple((tints + np.stack([dark, dark + gap])[..., None]).clip(0, 1).astype(np.float32))
