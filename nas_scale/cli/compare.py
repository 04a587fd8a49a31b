"""nas-scale compare"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from nas_scale.atomic import writable
from nas_scale.cli.command import Command
from nas_scale.commands.compare.options import Compare
from nas_scale.commands.shared.options import Option, take
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.commands.shared.training import Training
from nas_scale.errors import UserError

if TYPE_CHECKING:
    from nas_scale.commands.compare.looks import Looks


@dataclass(frozen=True, slots=True)
class Cams:
    """A picture of where nets look."""

    cams: Annotated[
        Path | None,
        Option(
            "Train some nets once more, and draw where they look (class activation maps): .png, .svg, .pdf or .html.",
            metavar="FILE",
            read=Path,
        ),
    ] = None

    def checked(self, options: dict[str, Any]) -> Cams:
        """Itself. Raises UserError where it could not be drawn."""
        from nas_scale.show.pictures import check_picture

        if self.cams is None:
            return self
        check_picture(self.cams, "--cams")
        writable(self.cams)
        for flag, given in {
            "--dry-run": options.get("dry_run"),
            "--engine ray": options.get("engine") == "ray",
        }.items():
            if given:
                raise UserError(f"--cams cannot go with {flag}: it needs the weights of nets that were trained here")
        return self


def compare(options: dict[str, Any], json: bool) -> None:
    """Tell who beats whom: train nets under one recipe on the same seeds; or one baseline grown by every rule.

    Example: nas-scale compare search-001 efficientnet-b0 mobilenetv2 --resolution 64 --at 60M --data ./photos
    """
    from nas_scale.cli.answer import answer_result
    from nas_scale.cli.watched import watched
    from nas_scale.commands.compare import run as flow
    from nas_scale.show import console

    asked = take(options, Cams).checked(options)
    nets = options.get("nets", ())
    rest = {name: value for name, value in options.items() if name not in ("nets", "cams")}
    looks: list[Looks] = []
    with watched() as watch:
        found = flow.compare(*nets, on_event=watch, looking=looks.append if asked.cams else None, **rest)
    answer_result(json, found)
    if asked.cams is not None:
        from nas_scale.show.look_picture import looks_drawing
        from nas_scale.show.pictures import save_picture

        save_picture(lambda: looks_drawing(looks[0]), asked.cams, "--cams")
        console.say(f"saved: {asked.cams}")
    if found.run is not None and not json:
        console.say(f"saved: {found.folder}")


COMMAND = Command(compare, (Compare, Cams, Training, RunSettings))
