"""Options, each declared once: a field of a frozen dataclass, whose annotation says all there is to know of it.

    epochs: Annotated[int | None, Option("Epochs of each training, at most.", least=1, most=100_000)] = None

From such a field follow a flag of the command line with its help, its parsing and its completion (cli/command.py), a
keyword of the Python API, the check of its value, and its place in a run's specification.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from numbers import Integral, Real
from pathlib import PurePath
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from nas_scale import numbers
from nas_scale.errors import UserError

T = TypeVar("T")
_READERS: Final[Mapping[Any, Callable[[str], Any]]] = {int: numbers.whole, float: numbers.real}
_KINDS: Final[Mapping[type[Any], str]] = {int: "a whole number", float: "a number", bool: "True or False", str: "text"}


@dataclass(frozen=True, slots=True)
class Needs:
    """An option has an effect where the field `option` is none of `but`, and one of `only` if there are any."""

    option: str
    but: tuple[Any, ...] = (None,)
    only: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """What an option is, beside its name, its type and its default.

    help: what it does; paragraphs after the first stand below the default. A function where it names what may be
    registered, asked again for each help.
    default: the default in words, where `{}` is the field's own; None shows the field's own, if there is any.
    least, most: bounds of a number, both included.
    choices: the words admitted; those of a `Literal` are known without. read: what the text of the command line means.
    complete: words that a shell may complete it to; a function with a name, as annotations know no lambda.
    flag: on the command line, where that is not the field's name. positional: it has no flag there. repeated: it may be
    given there more than once.
    decides: what an option of a training decides: its images, the proxy that is trained on them, how much noise is
    averaged away, or only how the work goes on.
    specified: whether it decides a run's result, and so is part of the run's specification.
    needs: without what it has no effect, and is refused. instead_of: the option in whose place it is given.
    """

    help: str | Callable[[], str]
    default: str | None = None
    metavar: str | None = None
    panel: str | None = None
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    read: Callable[[str], Any] | None = None
    complete: Callable[[], Iterable[str]] | None = None
    flag: str | None = None
    positional: bool = False
    repeated: bool = False
    decides: Literal["images", "proxy", "noise", "work"] | None = None
    specified: bool = True
    needs: Needs | None = None
    instead_of: str | None = None


@dataclass(frozen=True, slots=True)
class OptionEach:
    """An option for each of several names, as --max-flops and --max-params; the field maps names to values.

    prefix: what stands before the names. options: by name; asked again for each use, since names may be registered.
    Values are numbers, and text where there is no `read`.
    alone: whether only one of them may be given.
    """

    prefix: str
    options: Callable[[], Mapping[str, Option]]
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Declared:
    """An option as it was declared.

    name: its keyword. field, key: where its value lies: in a field of the dataclass, under a key where there is one.
    kind: the plain type of its value; None where it may be something else. default: MISSING where it has to be given.
    """

    name: str
    field: str
    key: str | None
    kind: type[Any] | None
    choices: tuple[str, ...]
    default: Any
    option: Option

    @property
    def flag(self) -> str:
        """As it is written on the command line, and named in messages."""
        return self.option.flag or flag_of(self.name)

    def of(self, options: Any) -> Any:
        """Its value in a dataclass; None where that says nothing."""
        value = getattr(options, self.field)
        return value if self.key is None else value.get(self.key)

    def read(self, value: Any) -> Any:
        """The value that is meant: a text means what it means on the command line, and a number of numpy's is a plain
        one. Raises UserError naming the flag."""
        if isinstance(value, str):
            read = self.option.read or _READERS.get(self.kind, str)
            try:
                return read(value)
            except UserError as error:
                raise UserError(f"{self.flag} {error}") from None
        if self.kind not in _READERS or not isinstance(value, Real) or isinstance(value, bool):
            return value
        if isinstance(value, Integral):
            return int(value)
        plain = float(value)
        return int(plain) if self.kind is int and plain.is_integer() else plain  # 1e4 images

    def check(self, value: Any) -> None:
        """Raises UserError, naming the flag, for a value of the wrong type, or out of bounds, or unknown."""
        if value is None and self.default is None:
            return
        if isinstance(value, str | PurePath) and "\0" in str(value):
            raise UserError(f"{self.flag} {str(value)!r} holds a null character, which no name or path can")
        if self.choices:
            one_of(self.choices, **{self.name: value})
        elif self.kind in (int, float):
            _check_number(self.flag, value, self.kind is int)
            least, most = self.option.least, self.option.most
            within(
                float("-inf") if least is None else least, float("inf") if most is None else most, **{self.name: value}
            )
        elif self.kind is not None and not isinstance(value, self.kind):
            raise UserError(f"{self.flag} {brief_repr(value)} must be {_KINDS[self.kind]}")


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the options of a dataclass."""

    kind: type[Any]
    names: frozenset[str]


Options: TypeAlias = type[Any] | Part


def only(kind: type[Any], *names: str) -> Part:
    """The options of these names."""
    return Part(kind, frozenset(names))


def without(kind: type[Any], *names: str) -> Part:
    """All options but those of these names."""
    return Part(kind, frozenset(known_options(kind) - {*names}))


def declared(*kinds: Options) -> list[Declared]:
    """The options of dataclasses, or of parts of them, in their order."""
    found = []
    for each in kinds:
        kind = each.kind if isinstance(each, Part) else each
        every = [item for name, hint, default in _hints(kind) for item in _of_field(name, hint, default)]
        found += [item for item in every if not isinstance(each, Part) or item.name in each.names]
    return found


def known_options(*kinds: Options) -> set[str]:
    """The keywords of the options."""
    return {item.name for item in declared(*kinds)}


def take(options: Mapping[str, Any], kind: type[T]) -> T:
    """The dataclass made of those keywords that are its options; all others are passed over."""
    values: dict[str, Any] = {}
    for item in declared(kind):
        if item.name not in options:
            continue
        value = item.read(options[item.name])
        if item.key is None:
            values[item.field] = value
        elif value is not None:
            values.setdefault(item.field, {})[item.key] = value
    return kind(**values)


def check(options: Any) -> None:
    """Raises UserError naming the first option of a dataclass whose value cannot be."""
    for item in declared(type(options)):
        item.check(item.of(options))
    for name, hint, _ in _hints(type(options)):
        if isinstance(hint.__metadata__[0], OptionEach) and hint.__metadata__[0].alone:
            given = [flag_of(f"{hint.__metadata__[0].prefix}_{key}") for key in getattr(options, name)]
            if len(given) > 1:
                raise UserError(f"{given[0]} and {given[1]} cannot go together; leave out one of the two")


def specification(options: Any) -> dict[str, Any]:
    """What decides a result, by keyword, as JSON values: part of a run's specification."""
    found = {}
    for item in declared(type(options)):
        value = item.of(options)
        if item.option.specified and (item.key is None or value is not None):
            found[item.name] = asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
    return found


def keywords(options: Any) -> dict[str, Any]:
    """Its values by keyword, as a command's function takes them: what `take` makes the same dataclass of."""
    found = {item.name: item.of(options) for item in declared(type(options))}
    return {name: value for name, value in found.items() if value is not None}


def flag_of(name: str) -> str:
    """'max_flops' -> '--max-flops'."""
    return f"--{name.replace('_', '-')}"


def within(least: float, most: float, **values: float | None) -> None:
    """Raises UserError naming the first option that is no number in `least` to `most`; None is always admitted."""
    for name, value in values.items():
        if value is not None:
            _check_number(flag_of(name), value)
            if not least <= value <= most:
                raise UserError(f"{flag_of(name)} {_figure(value)} must lie in {least:g} to {most:g}")


def one_of(allowed: Sequence[str], **values: str) -> None:
    """Raises UserError naming the first option that is none of the words allowed."""
    for name, value in values.items():
        if value not in allowed:
            raise UserError(f"{flag_of(name)} {brief_repr(value)} is not known; choose {words_of(allowed)}")


def words_of(words: Sequence[str], last: str = "or") -> str:
    """'none, halving or hyperband'. last: the word before the last of them."""
    return f" {last} ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def _check_number(flag: str, value: Any, whole: bool = False) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or (whole and isinstance(value, float)):
        raise UserError(f"{flag} {brief_repr(value)} must be {_KINDS[int if whole else float]}")


def _figure(value: float) -> str:
    """A number, which may be of any size, in a few characters."""
    try:
        return f"{value:g}"
    except OverflowError:
        return "with over 308 digits"


def brief_repr(value: Any) -> str:
    """A value of any kind as Python writes it, cut off at 40 characters, for an error message."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _hints(kind: type[Any]) -> tuple[tuple[str, Any, Any], ...]:
    """Name, annotation and default of each field that is an option."""
    hints = get_type_hints(kind, include_extras=True)
    found = []
    for item in fields(kind):
        default = item.default if item.default_factory is MISSING else item.default_factory()
        if get_origin(hints[item.name]) is Annotated:
            found.append((item.name, hints[item.name], default))
    return tuple(found)


def _of_field(name: str, hint: Any, default: Any) -> list[Declared]:
    option = hint.__metadata__[0]
    if isinstance(option, OptionEach):
        each = option.options().items()
        return [
            Declared(f"{option.prefix}_{key}", name, key, str if one.read is None else float, (), None, one)
            for key, one in each
        ]
    kind, words = _plain(hint.__origin__)
    return [Declared(name, name, None, kind, option.choices or words, default, option)]


def _plain(hint: Any) -> tuple[type[Any] | None, tuple[str, ...]]:
    """The plain type that a value has, None where it may have another, and the words of Literals."""
    members = [each for each in _members(hint) if each is not types.NoneType]
    words = tuple(word for each in members if get_origin(each) is Literal for word in get_args(each))
    if words:
        return str, words
    return members[0] if len(members) == 1 and members[0] in _KINDS else None, ()


def _members(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
