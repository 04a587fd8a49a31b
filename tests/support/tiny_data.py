"""Small data sets in the official layouts, with every image different from every other."""

from __future__ import annotations

import gzip
import pickle
import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

FLOWERS = ("daisy", "rose", "tulip")


def pixels(count: int, *shape: int, seed: int = 0) -> npt.NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def _cifar_batches(each: int) -> dict[str, tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]]:
    names = [*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"]
    return {
        name: (pixels(each, 3072, seed=seed), (np.arange(each) % 10).astype(np.uint8))
        for seed, name in enumerate(names)
    }


def write_cifar_binary(folder: Path, each: int = 40) -> Path:
    """Six batches of `each` images, labels 0..9 in turn."""
    folder.mkdir(parents=True)
    for name, (planes, labels) in _cifar_batches(each).items():
        (folder / f"{name}.bin").write_bytes(np.concatenate([labels[:, None], planes], 1).tobytes())
    return folder


def write_cifar_python(folder: Path, each: int = 40) -> Path:
    """The same images as pickles of protocol 2 with bytes as keys, as Python 2 wrote them."""
    folder.mkdir(parents=True)
    for name, (planes, labels) in _cifar_batches(each).items():
        batch = {b"batch_label": name.encode(), b"labels": labels.tolist(), b"data": planes}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    return folder


def write_fashion(folder: Path, count: int = 200, zipped: bool = True) -> Path:
    """Four idx files: `count` training images, 50 test images."""
    folder.mkdir(parents=True)
    for part, images in (("train", count), ("t10k", 50)):
        contents = {
            f"{part}-images-idx3-ubyte": struct.pack(">4I", 0x803, images, 28, 28)
            + pixels(images, 28, 28, seed=images).tobytes(),
            f"{part}-labels-idx1-ubyte": struct.pack(">2I", 0x801, images)
            + bytes(label % 10 for label in range(images)),
        }
        for name, content in contents.items():
            if zipped:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
    return folder


def write_classes(folder: Path, each: int = 12, seed: int = 0) -> Path:
    """One folder for each of three classes, with images of several formats and shapes."""
    endings = (".jpg", ".PNG", ".bmp", ".webp", ".gif", ".tif", ".jpeg")
    for place, name in enumerate(FLOWERS):
        (folder / name).mkdir(parents=True)
        for number in range(each):
            image = pixels(1, 20 + number, 40, 3, seed=seed + 1000 * place + number)[0]
            Image.fromarray(image).save(folder / name / f"{number:03}{endings[number % len(endings)]}")
    return folder


def write_parts(folder: Path) -> Path:
    """train/, val/ and test/, each with three classes."""
    for seed, (part, each) in enumerate((("train", 12), ("val", 5), ("test", 4))):
        write_classes(folder / part, each, seed=10_000 * (seed + 1))
    return folder


FAKE_DATASETS = '''
"""Stands in for the datasets library: the part of its interface that is used."""
import io
import numpy as np
from PIL import Image as Pictures

class Image:
    def __init__(self, decode=True):
        self.decode = decode

class ClassLabel:
    names = ["cat", "dog"]

class Rows:
    def __init__(self, count, seed, image, label, broken=None):
        self.broken = broken
        self.pixels = np.random.default_rng(seed).integers(0, 256, (count, 24, 30, 3), dtype=np.uint8)
        self.image, self.label, self.column_names = image, label, [image, label]
        self.features = {image: Image(), label: ClassLabel()}
    def cast_column(self, column, feature):
        assert column == self.image and not feature.decode
        return self
    def __len__(self):
        return len(self.pixels)
    def __getitem__(self, key):
        if key == self.label:
            return [index % 2 for index in range(len(self))]
        if key == self.broken:
            return {self.image: None, self.label: key % 2}
        file = io.BytesIO()
        Pictures.fromarray(self.pixels[key]).save(file, "PNG")
        return {self.image: {"bytes": file.getvalue(), "path": None}, self.label: key % 2}

def load_dataset(name, revision=None):
    if name == "owner/no-labels":
        return {"train": Rows(10, 0, "image", "caption")}
    if name == "owner/no-images":
        return {"train": Rows(10, 0, "pixels", "label")}
    if name == "owner/pets-broken":
        return {"train": Rows(40, 0, "image", "label", broken=3)}
    if name == "owner/pets":
        return {"train": Rows(40, 0, "image", "label"), "test": Rows(10, 1, "image", "label")}
    if name == "owner/pets-val":
        return {"train": Rows(40, 0, "img", "fine_label"), "validation": Rows(12, 1, "img", "fine_label")}
    raise ConnectionError(f"Couldn't reach {name}\\non the Hub (revision {revision})")
'''


def write_fake_datasets(folder: Path) -> Path:
    """A folder to put on the import path, holding a module `datasets`."""
    (folder / "datasets").mkdir(parents=True)
    (folder / "datasets" / "__init__.py").write_text(FAKE_DATASETS)
    return folder


def write_images(folder: Path, *patterns: str, each: int = 3, size: int = 9) -> Path:
    """Files by their paths, `each` of them where there is a `*`; all images differ, what is none is a letter."""
    for pattern in patterns:
        names = [pattern.replace("*", str(number)) for number in range(each if "*" in pattern else 1)]
        for path in (folder / name for name in names):
            path.parent.mkdir(parents=True, exist_ok=True)
            ending = path.suffix.lower()
            if ending not in Image.registered_extensions():
                path.write_bytes(b"a letter")
                continue
            seed = sum(place * byte for place, byte in enumerate(bytes(path), 1))
            with path.open("wb") as file:
                Image.fromarray(pixels(1, size, size, 3, seed=seed)[0]).save(
                    file, Image.registered_extensions()[ending]
                )
    return folder


def in_folders(*folders: str, classes: tuple[str, ...] = ("cat", "dog")) -> list[str]:
    """The pattern of the images of each class in each of these folders."""
    return [f"{folder}/{name}/*.png" for folder in folders for name in classes]
