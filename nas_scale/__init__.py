"""nas-scale: from a budget to a family of nets, with an honest error on every answer.

The names below are the whole Python API; each is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas_scale.arch.files import load_net as load_net
    from nas_scale.arch.files import load_space as load_space
    from nas_scale.flows.certify import certify as certify
    from nas_scale.flows.expand import expand as expand
    from nas_scale.flows.family import family as family
    from nas_scale.flows.grid import grid as grid
    from nas_scale.flows.profile import profile as profile
    from nas_scale.flows.search import search as search
    from nas_scale.nets.build import build as build

__version__ = "0.1.0"

_HOMES = {
    "search": "nas_scale.flows.search",
    "grid": "nas_scale.flows.grid",
    "certify": "nas_scale.flows.certify",
    "expand": "nas_scale.flows.expand",
    "family": "nas_scale.flows.family",
    "profile": "nas_scale.flows.profile",
    "load_space": "nas_scale.arch.files",
    "load_net": "nas_scale.arch.files",
    "build": "nas_scale.nets.build",
}
__all__ = ["build", "certify", "expand", "family", "grid", "load_net", "load_space", "profile", "search"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nas_scale' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
