"""nas-scale spaces"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from nas_scale.cli.command import Command
from nas_scale.commands.shared import completion
from nas_scale.commands.shared.options import Option

if TYPE_CHECKING:
    from nas_scale.architecture.space import SearchSpace


@dataclass(frozen=True, slots=True)
class Spaces:
    """Which spaces are shown."""

    name: Annotated[
        str | None,
        Option(
            "A space's name or YAML file; none lists them all.",
            metavar="[SPACE]",
            complete=completion.spaces,
            positional=True,
        ),
    ] = None


def spaces(options: dict[str, Any], json: bool) -> None:
    """List the search spaces and their sizes, or one with its choices.

    Example: nas-scale spaces efficientnet
    """
    from nas_scale.architecture.files import known_spaces, load_space
    from nas_scale.cli.answer import answer
    from nas_scale.show.tables import space_table, spaces_table

    name = options.get("name")
    found = [load_space(text) for text in ([name] if name is not None else known_spaces())]
    distinct = found[0].distinct() if name else None
    answer(
        json,
        lambda: {"spaces": [_document(space, distinct) for space in found]},
        lambda: space_table(found[0], distinct) if name else spaces_table(found),
    )


def _document(space: SearchSpace, distinct: int | None) -> dict[str, Any]:
    return {
        "name": space.name,
        "about": space.about,
        "size": space.size,
        "distinct": distinct,
        "resolution": None if len(space.resolutions) > 1 else space.resolutions[0],
        "choices": {key: list(choice.options) for key, choice in space.choices.items()},
    }


COMMAND = Command(spaces, (Spaces,))
