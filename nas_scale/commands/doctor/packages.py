"""The versions of what the package requires, Pillow's codecs, and its extras; imports none but Pillow."""

from __future__ import annotations

import importlib.metadata
import platform
import re
from collections.abc import Mapping
from typing import Final

from nas_scale import __version__
from nas_scale.commands.doctor.result import ExtraSeen
from nas_scale.extras import Extra

PACKAGE: Final = "nas-scale"
_USUAL: Final = ("numpy", "optuna", "pillow", "ray", "torch")  # where the package itself is not installed
_CODECS: Final = ("jpg", "zlib", "webp", "avif", "libtiff")


def required_versions() -> dict[str, str | None]:
    """Of the package, of Python and of all that the package requires; None for what is not installed."""
    return {PACKAGE: __version__, "python": platform.python_version()} | {
        name: version_of(name) for name in required_packages()
    }


def required_packages() -> list[str]:
    """Their names, in alphabetical order."""
    try:
        required = importlib.metadata.requires(PACKAGE) or []
    except importlib.metadata.PackageNotFoundError:
        return list(_USUAL)
    names = (re.match(r"[A-Za-z0-9._-]+", text) for text in required if "extra ==" not in text)
    return sorted(name[0] for name in names if name)


def version_of(package: str) -> str | None:
    """None where it is not installed, or has lost what says its version."""
    try:
        return str(importlib.metadata.version(package))
    except importlib.metadata.PackageNotFoundError:
        return None


def pillow_codecs() -> dict[str, bool]:
    """Whether Pillow can read each kind of picture; empty where it cannot be asked."""
    try:
        from PIL import features

        return {name: bool(features.check(name)) for name in _CODECS if name in _known(features)}
    except Exception:  # whatever a broken package raises
        return {}


def _known(features: object) -> set[str]:
    return {*getattr(features, "modules", ()), *getattr(features, "codecs", ()), *getattr(features, "features", ())}


def extra_seen(extra: Extra, trouble: str | None) -> ExtraSeen:
    """trouble: why it cannot be imported."""
    found: Mapping[str, str | None] = {package: version_of(package) for package in extra.packages}
    return ExtraSeen(name=extra.name, purpose=extra.purpose, install=extra.install, versions=found, trouble=trouble)
