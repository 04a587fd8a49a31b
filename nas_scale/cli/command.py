"""A command of the command line, made from the options that dataclasses declare."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import MISSING, dataclass
from typing import Annotated, Any

import typer

from nas_scale.commands.shared.options import Declared, Option, Options, declared
from nas_scale.errors import UserError


@dataclass(frozen=True, slots=True)
class Output:
    """How a command answers."""

    json: Annotated[bool, Option("One JSON document on stdout, nothing else there.")] = False


@dataclass(frozen=True, slots=True)
class Spreadsheet:
    """The other form of a command that answers with one table."""

    csv: Annotated[
        bool, Option("The table as CSV on stdout, nothing else there: exact figures under the names of JSON's fields.")
    ] = False

    def refuse_beside(self, **forms: Any) -> None:
        """Raises UserError where the answer is to have another form too."""
        for name, wanted in forms.items():
            if self.csv and wanted:
                raise UserError(f"--csv cannot go with --{name}; ask for one form at a time")


@dataclass(frozen=True, slots=True)
class Command:
    """A command: what it does with the options that were given, and which options there are.

    run: is called with the options by keyword, read but not checked, and with whether to answer in JSON; its name is
    the command's, its docstring the help. options: dataclasses, or parts of them, in the order of the help.
    """

    run: Callable[[dict[str, Any], bool], None]
    options: tuple[Options, ...]

    @property
    def name(self) -> str:
        """As it is typed."""
        return self.run.__name__.strip("_").replace("_", "-")

    def function(self) -> Callable[..., None]:
        """A function whose signature typer reads as the command's options."""
        items = {item.name: item for item in declared(*self.options, Output)}

        def call(**values: Any) -> None:
            given = {name: items[name].read(value) for name, value in values.items() if value is not None}
            answer_in_json = given.pop("json", False)
            self.run(given, answer_in_json)

        call.__doc__ = self.run.__doc__
        vars(call)["__signature__"] = inspect.Signature([_parameter(item) for item in items.values()])
        return call


@dataclass(frozen=True, slots=True)
class Group:
    """Commands behind a common word: `nas-scale latency build`."""

    name: str
    help: str
    commands: tuple[Command, ...]


def _parameter(item: Declared) -> inspect.Parameter:
    """The option as typer wants it: None where it was not given, so that only what was given is passed on.

    All but flags are texts to typer, as numbers are read in one way everywhere.
    """
    kind: Any = bool if item.kind is bool else str
    kind = list[kind] if item.option.repeated else kind
    optional = item.default is not MISSING
    return inspect.Parameter(
        item.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=None if optional else inspect.Parameter.empty,
        annotation=Annotated[kind | None if optional else kind, _typer_option(item)],
    )


def _typer_option(item: Declared) -> Any:
    option = item.option
    words = option.complete or (lambda: item.choices)
    shared: dict[str, Any] = {
        "help": help_text(item),
        "metavar": option.metavar,
        "rich_help_panel": option.panel,
        "show_default": False,
        "autocompletion": _completing(words) if option.complete or item.choices else None,
    }
    if option.positional:
        return typer.Argument(**shared)
    both_ways = item.kind is bool and item.default is None
    return typer.Option(f"{item.flag}/--no-{item.flag[2:]}" if both_ways else item.flag, **shared)


def _completing(words: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    def complete(incomplete: str) -> list[str]:
        return [word for word in words() if word.startswith(incomplete)]

    return complete


def help_text(item: Declared) -> str:
    """What the option does, and its default behind the first paragraph."""
    default = _default(item)
    text = item.option.help if isinstance(item.option.help, str) else item.option.help()
    if default is None:
        return text
    first, *rest = text.split("\n\n")
    return "\n\n".join([f"{first.removesuffix('.')} (default: {default}).", *rest])


def _default(item: Declared) -> str | None:
    """The default in words; None where there is none worth saying."""
    value, words = item.default, item.option.default
    own = f"{value:g}" if isinstance(value, float) else str(value)
    if words is not None:
        return words.replace("{}", own)
    return None if value is None or isinstance(value, bool) or value == () or value is MISSING else own
