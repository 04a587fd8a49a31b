"""Reads a safe subset of YAML, and keeps line and column of every value for error messages.

Scalars stay strings, so `no` is not false and 012 not 10. Aliases, duplicate keys and anything but a mapping of scalars
are refused with file, line and column.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Final

import yaml

from nas_scale.errors import NotationError
from nas_scale.numbers import shortened

_STAGES: Final = "write `stages: |` and one stage a line below it"
_DEEPEST: Final = 8  # levels; a net has two
_OPENS: Final = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSES: Final = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a multi-line value, without comment and spaces, with the position of its first character, from 1."""

    text: str
    file: str
    line: int
    column: int

    def error(self, error: NotationError) -> NotationError:
        """The error with file, line and column before it; the file alone where there are no lines."""
        place = f":{self.line}:{self.column + error.at}" if self.line else ""
        return NotationError(f"{self.file}{place}: {error}")


@dataclass(frozen=True, slots=True)
class YamlValue:
    """A value of a YAML mapping with its position: a text, the options of a set in braces, or lines (of `stages`)."""

    text: str
    options: tuple[str, ...]
    file: str
    line: int
    column: int
    lines: tuple[Line, ...] = ()

    def error(self, reason: str) -> NotationError:
        """A NotationError with file, line and column before the reason; the file alone where there are no lines."""
        place = f":{self.line}:{self.column}" if self.line else ""
        return NotationError(f"{self.file}{place}: {reason}")


def _error(file: str, mark: yaml.Mark | None, reason: str) -> NotationError:
    place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
    return NotationError(f"{file}{place}: {reason}")


def _check_tokens(text: str, file: str) -> None:
    """Raises NotationError on anchors, aliases, tags and deep nesting, before the text is parsed."""
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken | yaml.TagToken):
            raise _error(file, token.start_mark, "anchors, aliases and tags are not read; write the value itself")
        depth += isinstance(token, _OPENS) - isinstance(token, _CLOSES)
        if depth > _DEEPEST:
            raise _error(file, token.start_mark, "nested too deeply; a net or space is a mapping of plain values")


def _lines(file: str, node: yaml.ScalarNode, source: list[str]) -> tuple[Line, ...]:
    """The lines of a scalar with their positions, without comments and empty lines."""
    first = node.start_mark.line + (node.style == "|")
    found = []
    for number, raw in enumerate(node.value.splitlines(), first):
        text = raw.split("#")[0].strip()
        if text:
            start = node.start_mark.column if number == node.start_mark.line else 0
            found.append(Line(text, file, number + 1, source[number].find(text, start) + 1))
    return tuple(found)


def _entry(file: str, key: str, node: yaml.Node, source: list[str]) -> YamlValue:
    mark = node.start_mark
    place = (file, mark.line + 1, mark.column + 1)
    if isinstance(node, yaml.ScalarNode):
        if key == "stages" and node.style != "|" and (mark.line != node.end_mark.line or "\n" in node.value):
            raise _error(file, mark, f"stages of several lines need a bar; {_STAGES}")
        return YamlValue(str(node.value), (), *place, _lines(file, node, source) if key == "stages" else ())
    if isinstance(node, yaml.MappingNode) and node.flow_style and all(_is_option(pair) for pair in node.value):
        return YamlValue("", tuple(str(option.value) for option, _ in node.value), *place)
    hint = _STAGES if key == "stages" else "write one value, or options in braces"
    raise _error(file, mark, f"{key} is a list or mapping; {hint}")


def _is_option(pair: tuple[yaml.Node, yaml.Node]) -> bool:
    """Whether a pair of a flow mapping is a member of a set like {3, 5}: a key without a value."""
    word, value = pair
    return isinstance(word, yaml.ScalarNode) and isinstance(value, yaml.ScalarNode) and value.value == ""


def _checked_key(file: str, node: yaml.Node, known: Collection[str], seen: Collection[str]) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise _error(file, node.start_mark, "a key must be one word")
    key = str(node.value)
    if key not in known:
        near = get_close_matches(key[:40], known, 1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
        raise _error(file, node.start_mark, f"{shortened(key)} is not a property of a net; {hint}")
    if key in seen:
        raise _error(file, node.start_mark, f"{key} is given twice")
    return key


def read_mapping(text: str, file: str, known: Collection[str]) -> dict[str, YamlValue]:
    """The values of a YAML mapping by key; `file` is named in errors.

    Raises NotationError with file, line and column, also for a key that is not `known`.
    """
    try:
        _check_tokens(text, file)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _error(file, error.problem_mark, f"this is not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise NotationError(f"{file}: this is not YAML: {str(error).splitlines()[0]}") from None
    if not isinstance(root, yaml.MappingNode):
        raise _error(file, root.start_mark if root else None, f"a net or space is a mapping; {_STAGES}")
    source = text.splitlines()
    entries: dict[str, YamlValue] = {}
    for key_node, value_node in root.value:
        key = _checked_key(file, key_node, known, entries)
        entries[key] = _entry(file, key, value_node, source)
    return entries
