"""A command of one dataclass and one function, as a newcomer would add it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from nas_scale.cli.command import Command
from nas_scale.commands.shared.given import given_options
from nas_scale.commands.shared.options import Option, only, specification, take
from nas_scale.commands.shared.options import check as check_options
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.numbers import read_bytes, read_count


def towns() -> Iterable[str]:
    return ("zurich", "zug", "bern")


@dataclass(frozen=True, slots=True)
class Bake:
    """What is baked."""

    town: Annotated[str, Option("Where it is eaten.", metavar="TOWN", complete=towns, positional=True)]
    pieces: Annotated[int | None, Option("Pieces of it.", "as many as fit", "N", "Dough", least=1, most=12)] = None
    crumbs: Annotated[int, Option("Crumbs.\n\nA crumb is small.", None, "N", "Dough", 1, 1e9, read=read_count)] = 1000
    box: Annotated[float | None, Option("Size of its box.", metavar="BYTES", read=read_bytes)] = None
    heat: Annotated[float, Option("Of the oven.", metavar="X", least=0, most=1)] = 0.5
    crust: Annotated[Literal["thin", "thick"], Option("thin or thick.", panel="Dough")] = "thin"
    sugar: Annotated[bool | None, Option("Sugar on it.", "as the town likes it")] = None
    tins: Annotated[tuple[str, ...], Option("Tins; may be repeated.", metavar="TIN", repeated=True)] = ()
    quick: Annotated[bool, Option("Do not wait.", specified=False)] = False


def baked(**options: Any) -> dict[str, Any]:
    asked = take(given_options(options, Bake, only(RunSettings, "results")), Bake)
    check_options(asked)
    return specification(asked)


def bake(options: dict[str, Any], json: bool) -> None:
    """Bake a cake.

    Example: nas-scale bake zurich --pieces 3
    """
    from nas_scale.show import console

    found = baked(**options) | {"results": str(Path(options.get("results", "")))}
    if json:
        console.print_json(found)
    else:
        console.say(f"baked for {found['town']}")


COMMAND = Command(bake, (Bake, only(RunSettings, "results")))
