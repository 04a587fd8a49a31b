"""nas-scale spaces"""

from __future__ import annotations

from typing import Annotated

import typer

from nas_scale.cli.options import Json


def spaces(
    name: Annotated[
        str | None, typer.Argument(metavar="[SPACE]", help="A space's name or YAML file; none lists them all.")
    ] = None,
    json: Json = False,
) -> None:
    """List the search spaces and their sizes, or one with its choices.

    Example: nas-scale spaces efficientnet
    """
    from nas_scale.architecture.files import known_spaces, load_space
    from nas_scale.show import console

    found = [load_space(text) for text in ([name] if name else known_spaces())]
    if json:
        rows = [
            {
                "name": space.name,
                "about": space.about,
                "size": space.size,
                "distinct": space.distinct() if name else None,
                "resolution": space.frame.resolution,
                "choices": {key: list(choice.options) for key, choice in space.choices.items()},
            }
            for space in found
        ]
        console.print_json({"spaces": rows})
        return
    from nas_scale.show.tables import space_table, spaces_table

    console.output().print(space_table(found[0], found[0].distinct()) if name else spaces_table(found))


def add_to(app: typer.Typer) -> None:
    app.command()(spaces)
