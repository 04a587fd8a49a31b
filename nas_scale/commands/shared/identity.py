"""Keys that are equal exactly for what is the same: nets that compute the same, spaces with the same choices."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Final

from nas_scale.architecture.files import net_document
from nas_scale.architecture.space import SearchSpace, canonical
from nas_scale.architecture.spec import Architecture
from nas_scale.architecture.template import Choice
from nas_scale.plain import fingerprint

NET_VERSION: Final = 1
SPACE_VERSION: Final = 1
# Properties that came later: left out where usual, so that older runs' spaces are still the same.
LATER: Final = ("stem_kernel", "stem_pool")
LATER_OF_GROWTH: Final = ("channel_multiple", "resolution_multiple")


def net_key(arch: Architecture) -> str:
    """Equal for nets that compute the same."""
    return fingerprint(net_document(canonical(arch)), NET_VERSION)


def space_fingerprint(space: SearchSpace) -> str:
    """Changes with anything that a space offers, but not with its name."""
    frame = asdict(replace(space.frame, name=""))
    usual = asdict(Architecture(()))
    for fields, values, names in ((frame, usual, LATER), (frame["growth"], usual["growth"], LATER_OF_GROWTH)):
        for name in names:
            if fields[name] == values[name]:
                del fields[name]
    stages = [
        {name: {"choice": slot.key} if isinstance(slot, Choice) else slot for name, slot in stage.slots.items()}
        for stage in space.stages
    ]
    choices = [[key, choice.options] for key, choice in space.choices.items()]
    return fingerprint({"frame": frame, "choices": choices, "stages": stages}, SPACE_VERSION)
