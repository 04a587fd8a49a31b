"""Which files are images, which files and folders no person made, and what other files count as."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from nas_scale.printable import REPLACEMENT, one_line

# Extensions of images, and what Pillow decodes them by, as its module `features` calls it. Other files, such as heic,
# svg or npy, are passed over and counted.
EXTENSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys((".jpg", ".jpeg", ".jpe", ".jfif"), "jpg"),
        **dict.fromkeys((".png", ".apng"), "zlib"),
        **dict.fromkeys((".tif", ".tiff"), "libtiff"),
        **dict.fromkeys((".bmp", ".gif", ".ppm", ".pgm", ".pbm", ".pnm"), "pil"),
        ".webp": "webp",
        ".avif": "avif",
    }
)
# Folders that systems, file servers and tools make inside a user's, often with thumbnails of his images in them.
# Those whose name begins with a full stop need no mention.
_JUNK_FOLDERS: Final = frozenset(
    {
        *("@eadir", "@recycle", "@recently-snapshot", "@__thumb", "@tmp", "@sharebin", "#recycle", "#snapshot"),
        *("$recycle.bin", "recycler", "recycled", "system volume information", "lost+found", "lost.dir", "~snapshot"),
        *("windowsimagebackup", "_gsdata_", "node_modules", "site-packages", "__macosx", "__pycache__"),
        *("network trash folder", "temporary items", "thevolumesettingsfolder"),
    }
)
_FOUND_BY_CHKDSK: Final = re.compile(r"found\.\d{3}")
_JUNK_FILES: Final = frozenset({"thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r"})
HIDDEN: Final = "hidden or of the system"
_MOST_NAMED: Final = 5  # kinds in one line
_LONGEST: Final = 12  # characters of an extension; what follows a full stop may be half a sentence


def extension(name: str) -> str:
    """A file name's extension in small letters, with its full stop; empty where there is none."""
    return os.path.splitext(name)[1].lower()


def is_junk_folder(name: str) -> bool:
    """Whether a folder is hidden or no work of the user's, so that nothing in it is an image of theirs."""
    folded = name.lower()
    return name.startswith(".") or folded in _JUNK_FOLDERS or _FOUND_BY_CHKDSK.fullmatch(folded) is not None


def passed_over(name: str) -> str | None:
    """What a file that is no image counts as: `.txt`, `no extension`, or HIDDEN. None for an image."""
    if name.startswith(".") or name.lower() in _JUNK_FILES:
        return HIDDEN
    ending = extension(name)
    if ending in EXTENSIONS:
        return None
    return display_name(ending)[:_LONGEST] if ending else "no extension"


def undecodable() -> frozenset[str]:
    """Extensions of images that the Pillow at hand was built without."""
    from PIL import features

    there = features.get_supported()
    return frozenset(ending for ending, codec in EXTENSIONS.items() if codec not in there)


def display_name(name: str) -> str:
    """A name or a path for a line of text: in NFC, and nothing in it that a terminal would obey."""
    return one_line(nfc(name)) or REPLACEMENT


def nfc(name: str) -> str:
    """A name in Unicode's composed form, in which the spellings of different file systems are equal."""
    return unicodedata.normalize("NFC", name)


def amounts(counts: Mapping[str, int]) -> str:
    """`.txt 40, no extension 3`, with the rest in one number where there are many kinds."""
    kinds = list(counts.items())
    named = [f"{kind} {count:,}" for kind, count in kinds[:_MOST_NAMED]]
    rest = sum(count for _, count in kinds[_MOST_NAMED:])
    return ", ".join([*named, *([f"others {rest:,}"] if rest else [])])
