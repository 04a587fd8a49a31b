"""YAML with a place for every value, and none of its traps.

Scalars stay strings (so `no` and 012 are what they look like); aliases, duplicate keys and anything but plain mappings of scalars
are refused, each with file, line and column.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from nas_scale.errors import NotationError


@dataclass(frozen=True, slots=True)
class Entry:
    """A value of a YAML mapping: its text, or its options where it is a set in braces; `where` is file:line:column."""

    text: str
    options: tuple[str, ...]
    file: str
    line: int
    column: int
    block: bool

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def error(self, reason: str) -> NotationError:
        return NotationError(f"{self.where}: {reason}")

    def lines(self) -> list[tuple[int, str]]:
        """The lines of a block with their numbers in the file, comments and empty lines left out."""
        first = self.line + 1 if self.block else self.line
        numbered = ((first + offset, line.split("#")[0].strip()) for offset, line in enumerate(self.text.splitlines()))
        return [(number, line) for number, line in numbered if line]


def _error(file: str, mark: yaml.Mark | None, reason: str) -> NotationError:
    place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
    return NotationError(f"{file}{place}: {reason}")


def _check_aliases(text: str, file: str) -> None:
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        if isinstance(token, yaml.AliasToken | yaml.AnchorToken | yaml.TagToken):
            raise _error(file, token.start_mark, "anchors, aliases and tags are not read; write the value itself")


def _entry(file: str, key: str, node: yaml.Node) -> Entry:
    mark = node.start_mark
    place = (file, mark.line + 1, mark.column + 1)
    if isinstance(node, yaml.ScalarNode):
        return Entry(str(node.value), (), *place, node.style in ("|", ">"))
    if isinstance(node, yaml.MappingNode) and node.flow_style and all(not value.value for _, value in node.value):
        return Entry("", tuple(str(option.value) for option, _ in node.value), *place, False)
    hint = "write `stages: |` and one stage a line below it" if key == "stages" else "write one value, or options in braces"
    raise _error(file, mark, f"{key} is a list or mapping; {hint}")


def read_mapping(text: str, file: str) -> dict[str, Entry]:
    """The top-level mapping of a YAML text. Raises NotationError with file, line and column."""
    try:
        _check_aliases(text, file)
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        raise _error(file, error.problem_mark, f"this is not YAML: {error.problem}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise NotationError(f"{file}: this is not YAML: {str(error).splitlines()[0] or 'nested too deeply'}") from None
    if not isinstance(root, yaml.MappingNode):
        raise _error(file, root.start_mark if root else None, "a net or space is a mapping with `stages: |`, one stage a line")
    entries: dict[str, Entry] = {}
    for key_node, value_node in root.value:
        if not isinstance(key_node, yaml.ScalarNode):
            raise _error(file, key_node.start_mark, "a key must be one word")
        if key_node.value in entries:
            raise _error(file, key_node.start_mark, f"{key_node.value} is given twice")
        entries[key_node.value] = _entry(file, key_node.value, value_node)
    return entries


def read_text(path: Path) -> str:
    """The file as text. Raises NotationError naming it when it cannot be read."""
    try:
        if path.stat().st_size > 1_000_000:
            raise NotationError(f"{path} is over 1 MB; a net or space is a short YAML text")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise NotationError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise NotationError(f"{path} is not text; a net or space is a YAML file") from None
