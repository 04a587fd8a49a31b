"""Finds the image source that a value of --data names."""

from __future__ import annotations

from pathlib import Path

from nas_scale.errors import DataError
from nas_scale.training.data.catalog import ImageSource
from nas_scale.training.data.ref import SOURCES, DataRef


def open_source(ref: DataRef) -> ImageSource:
    """The source that `ref.source` names. Raises DataError where it is neither a source nor a folder.

    Only the named source is imported, so that a wrong name is refused in milliseconds.
    """
    word, colon, rest = ref.source.partition(":")
    if word == "scenes":
        from nas_scale.training.data.scenes import Scenes

        return Scenes.named(rest or "default")
    if word == "digits" and not colon:
        from nas_scale.training.data.digits import Digits

        return Digits()
    if word == "cifar10" and (colon or not Path(word).exists()):
        from nas_scale.training.data.cifar10 import Cifar10

        return Cifar10(rest)
    if word == "fashion-mnist":
        from nas_scale.training.data.fashion_mnist import FashionMnist

        return FashionMnist(rest)
    if word == "hf" and colon:
        from nas_scale.training.data.huggingface import HuggingFace

        return HuggingFace(rest)
    if _names_a_path(ref.source):
        from nas_scale.training.data.folder import Folder

        return Folder(ref.source)
    raise DataError(
        f"--data {ref.source!r} is no data source and no folder; give a folder or one of {', '.join(SOURCES)}"
    )


def _names_a_path(source: str) -> bool:
    """Whether the text is a path, which need not exist, or a plain name of an existing file or folder."""
    return source.startswith(("/", "./", "../", "~")) or "/" in source or (source != "" and Path(source).exists())
