"""The options that say which space nets are of; each command shows them in a panel of its own."""

from __future__ import annotations

from dataclasses import replace

from nas_scale.architecture.space import SearchSpace
from nas_scale.commands.shared import completion
from nas_scale.commands.shared.options import Option
from nas_scale.errors import UserError


def space_option(panel: str) -> Option:
    """--space: a name, a file, or a space."""
    return Option("A space's name (nas-scale spaces) or YAML file.", panel=panel, complete=completion.spaces)


def resolution_option(panel: str) -> Option:
    """--resolution: None is the space's."""
    return Option("Resolution at which cost is counted.", "the space's", "PX", panel, least=2, most=8192)


def classes_option(panel: str) -> Option:
    """--classes: None is the space's."""
    return Option("Classes at which cost is counted.", "the space's", "N", panel, least=2, most=1_000_000)


def open_space(space: str | SearchSpace, resolution: int | None = None, classes: int | None = None) -> SearchSpace:
    """The space at the asked resolution and number of classes. Raises UserError."""
    from nas_scale.architecture.files import load_space  # YAML is not needed to show the defaults in a help

    found = space if isinstance(space, SearchSpace) else load_space(space)
    if resolution is not None and "resolution" in found.net_choices:
        raise UserError(f"{found.name} leaves the resolution open; leave out --resolution, or choose another space")
    frame = replace(
        found.frame, resolution=resolution or found.frame.resolution, classes=classes or found.frame.classes
    )
    return replace(found, frame=frame)
