"""All commands as one typer app. It is made for every run, so that it has what was registered since the last."""

from __future__ import annotations

import importlib
import inspect
import shutil
from collections.abc import Sequence
from typing import Any, Final, Literal

import typer
from typer.core import TyperGroup
from typer.exceptions import Exit

from nas_scale import __version__
from nas_scale.cli.command import Command, Group

LEAST_FOR_BOXES: Final = 76  # columns
_ABOUT: Final = (
    "From a budget to a family of nets: search a baseline, fit how it should grow, expand it. "
    "Every answer comes with its error."
)


class _Commands(TyperGroup):
    """Commands by name and help; the options of one alone are made, once it is called."""

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        name, found, rest = super().resolve_command(ctx, args)
        if found is None or isinstance(found, TyperGroup):  # whose commands are asked in turn
            return name, found, rest
        return name, _with_options(vars(found.callback)["command"]), rest


def made_app(commands: Sequence[str]) -> typer.Typer:
    """The app of the commands in these modules, each as its COMMAND."""
    app = typer.Typer(
        name="nas-scale",
        cls=_Commands,
        help=_ABOUT,
        epilog="Example: nas-scale search --target-flops 400M. With --debug anywhere an error shows its traceback.",
        pretty_exceptions_enable=False,
        rich_markup_mode=_markup(),
    )
    app.callback(invoke_without_command=True)(_root)
    for module in commands:
        found: Command | Group = importlib.import_module(module).COMMAND
        if isinstance(found, Group):
            app.add_typer(_of_group(found), name=found.name, help=found.help)
        else:
            _add(app, found)
    return app


def _of_group(group: Group) -> typer.Typer:
    app = typer.Typer(cls=_Commands, pretty_exceptions_enable=False, rich_markup_mode=_markup())
    app.callback(invoke_without_command=True)(_help)
    for command in group.commands:
        _add(app, command)
    return app


def _add(app: typer.Typer, command: Command) -> None:
    app.command(command.name, help=inspect.getdoc(command.run))(_named(command))


def _named(command: Command) -> Any:
    """Stands for a command where its options are not asked for."""

    def call() -> None:
        raise AssertionError("is replaced before it is called")

    vars(call)["command"] = command
    return call


def _with_options(command: Command) -> Any:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=_markup())
    app.command(command.name)(command.function())
    return typer.main.get_command(app)


def _markup() -> Literal["rich"] | None:
    """How a help is drawn: in boxes, whose columns would cut words off where it is narrow."""
    return "rich" if shutil.get_terminal_size().columns >= LEAST_FOR_BOXES else None


def _version(wanted: bool) -> None:
    if wanted:
        print(f"nas-scale {__version__}")
        raise Exit(0)


def _help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise Exit(0)


def _root(
    context: typer.Context,
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Show the version and stop."
    ),
) -> None:
    _help(context)
