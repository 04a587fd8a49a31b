"""Checks the headers of a data set's files, which costs milliseconds, before any is decoded."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from nas_scale.training.data.broken import broken_images
from nas_scale.training.data.cache import broken_list, default_folder
from nas_scale.training.data.pictures import Damaged, Picture, check_header, decoded_picture, pillow_for_decoding

_MOST_DECODED: Final = 2000


def check_headers(suspects: Sequence[str], files: Sequence[str]) -> None:
    """Raises DataError where one of `suspects` has no picture's header. It names all broken ones of `files`: they are
    decoded where they are not too many for one who waits, else their headers are read."""
    if _broken(suspects, _header_damage):
        damage = _header_damage if len(files) > _MOST_DECODED else _damage
        raise broken_images(_broken(files, damage), broken_list(default_folder()))


def _broken(files: Sequence[str], damage: Callable[[str], str]) -> list[tuple[str, str]]:
    with pillow_for_decoding(), ThreadPoolExecutor(os.cpu_count()) as pool:
        reasons = pool.map(damage, files)
        return [(file, reason) for file, reason in zip(files, reasons, strict=True) if reason]


def _damage(file: str) -> str:
    """Why a picture cannot be read; empty where it can."""
    try:
        with decoded_picture(Picture.of_file(file), 1):
            return ""
    except Damaged as error:
        return str(error)


def _header_damage(file: str) -> str:
    """Why a file cannot be a picture, as far as its header tells; empty where it can."""
    try:
        check_header(Picture.of_file(file))
    except Damaged as error:
        return str(error)
    return ""
