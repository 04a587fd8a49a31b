"""Images for gpu.py's steps: what was given, unpacked, or made up in the same layout where nothing was."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

CIFAR_IMAGE = 3 * 32 * 32
BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")


def unpacked(given: Path, scratch: Path) -> Path:
    """A folder as it is; a tar, packed in whatever way, unpacked into `scratch`."""
    if given.is_dir():
        return given.resolve()
    folder = scratch / given.name.partition(".")[0]
    with tarfile.open(given) as archive:
        archive.extractall(folder, filter="data")
    return folder


def holding(folder: Path, name: str) -> Path:
    """The folder with an entry of that name: itself, or one or two folders down. Raises FileNotFoundError."""
    for pattern in (name, f"*/{name}", f"*/*/{name}"):
        for found in sorted(folder.glob(pattern)):
            return found.parent
    raise FileNotFoundError(f"no {name} in {folder} or two folders down")


def photos(given: Path, scratch: Path) -> Path:
    """The image folder, with train/ and val/ in it."""
    return holding(unpacked(given, scratch), "train")


def cifar(given: Path, scratch: Path) -> Path:
    """The folder of the binary batches."""
    return holding(unpacked(given, scratch), "data_batch_1.bin")


def images_in(folder: Path, batches: tuple[str, ...]) -> int:
    """How many images CIFAR-10's binary batches of these names hold."""
    files = [folder / f"{name}.bin" for name in batches]
    return sum(file.stat().st_size for file in files if file.is_file()) // (1 + CIFAR_IMAGE)


def write_cifar(folder: Path, each: int) -> Path:
    """Six binary batches of `each` images: noise on a brightness of its own for every class, so that a net learns."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(BATCHES):
        rng = np.random.default_rng(seed)
        labels = (np.arange(each) % 10).astype(np.uint8)
        planes = rng.integers(0, 128, (each, CIFAR_IMAGE), dtype=np.uint8) + (labels * 12)[:, None]
        (folder / f"{name}.bin").write_bytes(np.concatenate([labels[:, None], planes], 1).tobytes())
    return folder


def write_photos(folder: Path, classes: int = 4, train: int = 12, val: int = 6, size: int = 40) -> Path:
    """An image folder of small JPEGs, every class of a colour of its own."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for part, count in (("train", train), ("val", val)):
        for label in range(classes):
            inside = folder / part / f"class-{label}"
            inside.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = rng.integers(0, 100, (size, size, 3), dtype=np.uint8)
                pixels[..., label % 3] += np.uint8(100 + 40 * (label // 3))
                Image.fromarray(pixels).save(inside / f"{number}.jpg")
    return folder


def write_bench(path: Path, codes: list[str]) -> Path:
    """A table in the shape of NAS-Bench-Macro's for these nets, its accuracies made up."""
    import numpy as np

    rng = np.random.default_rng(0)
    table = {code: {"test_acc": [round(float(value), 2) for value in rng.uniform(85, 93, 3)]} for code in codes}
    path.write_text(json.dumps(table))
    return path
