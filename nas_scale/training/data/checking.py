"""Checks the headers of a data set's files, which costs milliseconds, before any is decoded."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from nas_scale.training.data.broken import broken_images
from nas_scale.training.data.cache import default_folder
from nas_scale.training.data.pictures import Damaged, Picture, check_header, pillow_for_decoding


def check_headers(suspects: Sequence[str], files: Sequence[str]) -> None:
    """Raises DataError where one of `suspects` has no picture's header; it names all of `files` that have none."""
    if _broken(suspects):
        raise broken_images(_broken(files), default_folder() / "broken.txt")


def _broken(files: Sequence[str]) -> list[tuple[str, str]]:
    with pillow_for_decoding(), ThreadPoolExecutor(os.cpu_count()) as pool:
        reasons = pool.map(_damage, files)
        return [(file, reason) for file, reason in zip(files, reasons, strict=True) if reason]


def _damage(file: str) -> str:
    """Why a file cannot be a picture; empty where it can."""
    try:
        check_header(Picture.of_file(file))
    except Damaged as error:
        return str(error)
    return ""
