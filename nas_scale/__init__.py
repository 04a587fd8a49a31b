"""nas-scale: from a budget to a family of nets, with an honest error on every answer.

The names below are the whole Python API; each is loaded when it is first used.
"""

from __future__ import annotations

TYPE_CHECKING = False  # typing takes longer to load than all of this, and Ctrl-C is not in hand yet
if TYPE_CHECKING:
    from typing import Any

    from nas_scale.architecture.files import load_space as load_space
    from nas_scale.commands.certify.run import certify as certify
    from nas_scale.commands.compare.run import compare as compare
    from nas_scale.commands.expand.run import expand as expand
    from nas_scale.commands.family.run import family as family
    from nas_scale.commands.grid.run import grid as grid
    from nas_scale.commands.latency.build import build_latency as build_latency
    from nas_scale.commands.latency.check import check_latency as check_latency
    from nas_scale.commands.latency.fit import fit_latency as fit_latency
    from nas_scale.commands.latency.listing import predict_latency as predict_latency
    from nas_scale.commands.named_nets import build as build
    from nas_scale.commands.named_nets import load_net as load_net
    from nas_scale.commands.profile.run import profile as profile
    from nas_scale.commands.search.run import search as search

__version__ = "0.1.0"

_HOMES = {
    "search": "nas_scale.commands.search.run",
    "grid": "nas_scale.commands.grid.run",
    "certify": "nas_scale.commands.certify.run",
    "compare": "nas_scale.commands.compare.run",
    "expand": "nas_scale.commands.expand.run",
    "family": "nas_scale.commands.family.run",
    "profile": "nas_scale.commands.profile.run",
    "build_latency": "nas_scale.commands.latency.build",
    "check_latency": "nas_scale.commands.latency.check",
    "fit_latency": "nas_scale.commands.latency.fit",
    "predict_latency": "nas_scale.commands.latency.listing",
    "load_space": "nas_scale.architecture.files",
    "load_net": "nas_scale.commands.named_nets",
    "build": "nas_scale.commands.named_nets",
}
__all__ = [
    "build",
    "build_latency",
    "certify",
    "check_latency",
    "compare",
    "expand",
    "family",
    "fit_latency",
    "grid",
    "load_net",
    "load_space",
    "predict_latency",
    "profile",
    "search",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'nas_scale' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
