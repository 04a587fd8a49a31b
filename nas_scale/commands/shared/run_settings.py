"""The settings of a run that do not change its result: folder, name, database, device, workers, engine."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from nas_scale.commands.shared.options import Option, check, one_of, words_of
from nas_scale.errors import UserError
from nas_scale.paths import path_text

if TYPE_CHECKING:
    from nas_scale.runs.store import Run

RUNNING: Final = "Where and how it runs"
_DEVICES: Final = {"auto": "", "cpu": "", "cuda": " (all its GPUs)", "cuda:1": " (that one)", "mps": ""}


def device_names() -> tuple[str, ...]:
    """What may train, whether or not it is there."""
    return tuple(_DEVICES)


@dataclass(frozen=True, slots=True)
class RunSettings:
    """Where a run lives and works; nothing here changes its result but the device's kind."""

    device: Annotated[
        str,
        Option(
            f"{words_of([name + about for name, about in _DEVICES.items()])}.", panel=RUNNING, complete=device_names
        ),
    ] = "auto"
    workers: Annotated[
        int | None,
        Option(
            "Trainings at once in all; does not change the result.",
            "one a core, or --slots a GPU",
            "N",
            RUNNING,
            least=1,
            most=4096,
        ),
    ] = None
    slots: Annotated[
        int,
        Option(
            "For a GPU: trainings side by side in each worker process; does not change the result.",
            "{}, until more was measured to pay",
            "N",
            RUNNING,
            least=1,
            most=64,
        ),
    ] = 1
    engine: Annotated[Literal["local", "ray"], Option("local (processes) or ray.", panel=RUNNING)] = "local"
    storage: Annotated[
        str | None, Option("Database of the Optuna study.", "a file in the run's folder", "URL", RUNNING)
    ] = None
    log: Annotated[
        Literal["none", "tensorboard"],
        Option("none or tensorboard: event files in the run's folder.", panel=RUNNING),
    ] = "none"
    results: Annotated[str | Path, Option("Folder of all runs.", metavar="FOLDER")] = "results"
    run: Annotated[str | None, Option("Name of this run.", "a new number", "NAME")] = None
    resume: Annotated[bool, Option("Go on with --run, or with the latest interrupted run of the same options.")] = False

    def checked(self) -> RunSettings:
        """Itself. Raises UserError naming the option that is wrong; loads nothing heavy."""
        check(self)
        if self.log == "tensorboard":
            from nas_scale.runs.tensorboard import check_installed

            check_installed()
        if not re.fullmatch(r"cuda:\d{1,3}", self.device):
            one_of(device_names(), device=self.device)
        if self.engine == "ray" and ":" in self.device:
            raise UserError(
                f"--device {self.device} cannot go with --engine ray, which chooses GPUs; use --device cuda"
            )
        if self.storage is not None:
            from nas_scale.runs import database  # which a help does not need

            database.check_driver(database.given_database(self.storage))
        if self.folder.exists() and not self.folder.is_dir():
            raise UserError(f"--results {self.folder} is a file; choose a folder")
        return self

    @property
    def folder(self) -> Path:
        """The folder of all runs."""
        return Path(path_text(self.results, "folder of runs"))

    def inside(self, run: Run, name: str) -> RunSettings:
        """The same for a part of a run: a run called `name` in its folder, gone on with where it is there already."""
        from nas_scale.runs.store import RECORD  # which a help does not need

        there = (run.folder / name / RECORD).is_file()
        return replace(self, results=run.folder, run=name, resume=there, storage=None)
