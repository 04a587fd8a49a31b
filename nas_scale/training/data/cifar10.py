"""Reads CIFAR-10 (Krizhevsky 2009) from its official files: the binary version or the Python batches."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nas_scale.errors import DataError
from nas_scale.training.data.catalog import Catalog, Identity, Pool, check_limits, existing_folder, stamps
from nas_scale.training.data.dataset import Images, Labels, PassedOver
from nas_scale.training.data.images import decoded_arrays
from nas_scale.training.data.ref import DataRef

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
_TEST = ("test_batch",)
_PIXELS = 3 * 32 * 32
_RECORD = 1 + _PIXELS
# The layouts: the folder they unpack to, and what their files end in.
_LAYOUTS = (("cifar-10-batches-bin", ".bin"), ("cifar-10-batches-py", ""))


@dataclass(frozen=True, slots=True)
class Cifar10:
    """The source `cifar10:PATH`; path: the unpacked folder, or its parent."""

    path: str

    @property
    def kind(self) -> str:
        return "cifar10"

    def check(self, ref: DataRef) -> None:
        check_limits(ref, len(CLASSES))
        for file in self._files(_TRAIN):
            _check(file)

    def identity(self, ref: DataRef) -> Identity:
        # The test file may be missing until a final report asks for it.
        folder, ending = self._layout()
        return stamps([*self._files(_TRAIN), *folder.glob(f"test_batch{ending}")], folder)

    def catalog(self, ref: DataRef) -> Catalog:
        return Catalog(
            name="cifar10",
            classes=CLASSES,
            train=_pool(self._files(_TRAIN)),
            val=None,
            val_share=0.1,
            flips=True,
            about="CIFAR-10, small photographs; validation is cut from its training images",
        )

    def passed_over(self) -> PassedOver:
        return PassedOver()

    def test(self, ref: DataRef) -> Pool:
        return _pool(self._files(_TEST))

    def _files(self, names: tuple[str, ...]) -> list[Path]:
        folder, ending = self._layout()
        files = [folder / f"{name}{ending}" for name in names]
        for file in files:
            if not file.is_file():
                raise DataError(f"--data cifar10:{self.path}: {file} is missing; unpack the official archive again")
        return files

    def _layout(self) -> tuple[Path, str]:
        if not self.path:
            raise DataError("--data cifar10 needs the folder of its official files; write cifar10:PATH")
        given = existing_folder(self.path, f"cifar10:{self.path}")
        for name, ending in _LAYOUTS:
            for folder in (given, given / name):
                if any((folder / f"{batch}{ending}").is_file() for batch in _TRAIN):
                    return folder, ending
        raise DataError(f"--data cifar10:{self.path}: no data_batch_1.bin or data_batch_1 in {given} or under it")


def _check(file: Path) -> None:
    if file.suffix == ".bin":
        size = file.stat().st_size
        if size == 0 or size % _RECORD:
            raise DataError(f"{file} is broken: {size} bytes are not a whole number of {_RECORD}-byte images")
    elif not _begins_like_a_pickle(file):
        raise DataError(f"{file} is no CIFAR-10 python batch; unpack the official archive again")


def _begins_like_a_pickle(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(1) == b"\x80"


def _pool(files: list[Path]) -> Pool:
    parts = [_read(file) for file in files]
    images = np.concatenate([part[0] for part in parts])
    labels = np.concatenate([part[1] for part in parts])
    return Pool(labels, lambda indices, resolution: decoded_arrays(images[indices], resolution))


def _read(file: Path) -> tuple[Images, Labels]:
    """The images (n, 32, 32, 3), uint8, and labels (n,) of one file. Raises DataError naming it."""
    _check(file)
    if file.suffix == ".bin":
        records = np.fromfile(file, np.uint8).reshape(-1, _RECORD)
        planes, labels = records[:, 1:], records[:, 0].astype(np.int64)
    else:
        planes, labels = _read_python(file)
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(CLASSES):
        raise DataError(f"{file} is broken: label {labels.max()} is not one of 0 to 9 (CIFAR-100 is another format)")
    return planes.reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), labels


def _read_python(file: Path) -> tuple[Images, Labels]:
    try:
        batch = _PlainUnpickler(io.BytesIO(file.read_bytes()), encoding="bytes").load()
        entries = {key.decode() if isinstance(key, bytes) else key: value for key, value in batch.items()}
        planes, labels = np.asarray(entries["data"]), np.asarray(entries["labels"])
        if planes.dtype != np.uint8 or planes.shape != (len(labels), _PIXELS):
            raise ValueError(f"data is {planes.dtype} of shape {planes.shape}")
        return planes, labels.astype(np.int64)
    except Exception as error:  # a broken pickle raises nearly anything
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{file} is no CIFAR-10 python batch ({reason}); unpack the official archive again") from error


class _PlainUnpickler(pickle.Unpickler):
    """An unpickler of plain values and NumPy arrays that refuses every other call a pickle could make."""

    def find_class(self, module: str, name: str) -> Any:
        # NumPy 2 moved the function; an array itself knows where it is now.
        reconstruct: Callable[..., Any] = np.empty(0).__reduce__()[0]  # type: ignore[assignment]
        allowed = {
            ("numpy.core.multiarray", "_reconstruct"): reconstruct,
            ("numpy._core.multiarray", "_reconstruct"): reconstruct,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("_codecs", "encode"): _encode,
        }
        if (module, name) not in allowed:
            raise pickle.UnpicklingError(f"it calls {module}.{name}, which no batch needs")
        return allowed[module, name]


def _encode(text: str, encoding: str) -> bytes:
    """The call by which pickles of protocol 2 store bytes, always in latin1."""
    return text.encode("latin1")
