"""Reads and writes networks and search spaces as YAML files, the package's own and the user's.

A network's file has `name`, network-wide properties and `stages: |` with one stage a line; in a search space, braces
hold the options of a choice. A network can also be a scaled one: `base: efficientnet-b0` with `depth`, `width` and
`resolution`.
"""

from __future__ import annotations

import difflib
import importlib.resources
import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

import yaml

from nas_scale import atomic, numbers
from nas_scale.architecture.growth import scale
from nas_scale.architecture.notation import format_stage
from nas_scale.architecture.properties import DERIVED, GROWTH_KEYS, KEYS, STYLE_KEYS, net_options, properties
from nas_scale.architecture.space import NET_CHOICES, SearchSpace, space_of
from nas_scale.architecture.spec import Architecture
from nas_scale.architecture.template import parsed_stage, stage_template
from nas_scale.architecture.yaml_nodes import Line, YamlValue, read_mapping
from nas_scale.errors import NotationError, UserError
from nas_scale.files import text_of
from nas_scale.numbers import shortened
from nas_scale.paths import path_text

MOST_WAYS: Final = 5_000  # to fill the choices of a stage, which are all looked at
LARGEST: Final = 100_000  # bytes of a file, which is a short text
MOST_BLOCKS: Final = 10_000  # of a net; EfficientNet-B7 has 55


def _read(text: str, file: str) -> dict[str, YamlValue]:
    """The values of a network's or space's YAML text by key, checked: options only where allowed, nothing empty."""
    return _checked(read_mapping(text, file, KEYS))


def _checked(entries: dict[str, YamlValue]) -> dict[str, YamlValue]:
    for key, entry in entries.items():
        if entry.options and key not in NET_CHOICES:
            raise entry.error(
                f"{key} cannot be left open; only {', '.join(NET_CHOICES)} and what stands in the stages can"
            )
        if not entry.options and not entry.text.strip():
            raise entry.error(f"{key} is empty")
        if key in ("depth", "width") and "base" not in entries:
            raise entry.error(f"{key} grows a base; add e.g. `base: efficientnet-b0`, or change the stages")
    return entries


def _stage_lines(entries: Mapping[str, YamlValue], file: str) -> tuple[Line, ...]:
    if "stages" not in entries:
        raise NotationError(f"{file}: there are no stages; add `stages: |` and one stage a line below it")
    lines = entries["stages"].lines
    if not lines:
        raise entries["stages"].error("stages is empty; write one stage a line, e.g. ir_r2_k3_s2_e6_c24")
    return lines


def parse_net(text: str, file: str, name: str, within: tuple[str, ...] = ()) -> Architecture:
    """The network of a YAML text.

    file: as errors name it. name: used where the text gives none. within: the files that use this one as their base,
    so that a cycle is refused. Raises NotationError with file, line and column.
    """
    return _net_of(_read(text, file), file, name, within)


def _net_of(entries: Mapping[str, YamlValue], file: str, name: str, within: tuple[str, ...]) -> Architecture:
    for key, entry in entries.items():
        if entry.options:
            raise entry.error(f"{key} is left open; this is a space, not a net: search it, or give one value")
    name = entries["name"].text if "name" in entries else name
    if "base" in entries:
        return replace(_grown(entries, (*within, file)), name=name)
    stages = []
    for line in _stage_lines(entries, file):
        try:
            stages.append(parsed_stage(line.text))
        except NotationError as error:
            raise line.error(error) from None
    blocks = sum(stage.repeats for stage in stages)
    if blocks > MOST_BLOCKS:
        raise NotationError(f"{file}: {blocks} blocks are too many for a net; {MOST_BLOCKS} is the most")
    return replace(properties(entries, Architecture(())), stages=tuple(stages), name=name)


def _factor(entries: Mapping[str, YamlValue], key: str) -> float:
    if key not in entries:
        return 1.0
    try:
        value = numbers.real(entries[key].text)
    except UserError:
        value = 0.0
    if not 0.01 <= value <= 100:
        raise entries[key].error(f"{key} is {shortened(entries[key].text)}; it must be a factor like 1.2")
    return value


def _grown(entries: Mapping[str, YamlValue], within: tuple[str, ...]) -> Architecture:
    if "stages" in entries:
        raise entries["stages"].error("a net has either a base or stages, not both")
    try:
        base = load_net(entries["base"].text, within)
    except UserError as error:
        raise entries["base"].error(str(error)) from None
    grown = scale(base, depth=_factor(entries, "depth"), width=_factor(entries, "width"))
    return properties(entries, grown)


def parse_space(text: str, file: str, name: str) -> SearchSpace:
    """The search space of a YAML text; arguments as in `parse_net`. Raises NotationError with file, line and column."""
    entries = _read(text, file)
    if "base" in entries:
        raise entries["base"].error("a space cannot have a base; write its stages")
    lines = _stage_lines(entries, file)
    for number, line in enumerate(lines, 1):
        try:
            ways = math.prod(len(choice.options) for choice in stage_template(line.text, number).choices)
        except NotationError as error:
            raise line.error(error) from None
        if ways > MOST_WAYS:
            raise line.error(NotationError(f"{ways:,} ways to fill a stage are too many; {MOST_WAYS:,} is the most"))
    options = {key: net_options(item, key) for key, item in entries.items() if item.options}
    about = entries["about"].text.strip() if "about" in entries else ""
    name = entries["name"].text if "name" in entries else name
    space = space_of(name, about, properties(entries, Architecture(())), [line.text for line in lines], options)
    if not space.choices:
        raise NotationError(f"{file}: nothing is left open; put options in braces, e.g. k{{3,5}}")
    return space


def shipped() -> Path:
    """The folder of the package's search spaces and networks: in the installed package, else in the checkout."""
    inside = Path(str(importlib.resources.files("nas_scale"))) / "search_spaces"
    return inside if inside.is_dir() else inside.parent.parent / "search_spaces"


def known_spaces() -> dict[str, Path]:
    """The files of the package's search spaces, by name."""
    return {path.stem: path for path in sorted(shipped().glob("*.yaml"))}


def known_nets() -> dict[str, Path]:
    """The files of the package's networks, by name."""
    return {path.stem: path for path in sorted((shipped() / "nets").glob("*.yaml"))}


def _find(text: str, known: dict[str, Path], what: str) -> Path:
    text = path_text(text, what)
    if text in known:
        return known[text]
    path = Path(text)
    if path.suffix in (".yaml", ".yml") or (
        os.path.exists(text) and not path.is_dir()
    ):  # unlike Path's, False for a name too long
        return path
    near = difflib.get_close_matches(text, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}; or name a YAML file"
    raise UserError(f"there is no {what} {shortened(text)}; {hint}")


def load_net(text: str, within: tuple[str, ...] = ()) -> Architecture:
    """A network by the name of a known one or the path of a YAML file; `within` as in `parse_net`. Raises UserError."""
    path = _find(text, known_nets(), "net")
    file = str(path) if text not in known_nets() else path.name
    if file in within:
        raise NotationError(f"{file} is its own base; name another net")
    return parse_net(text_of(path, LARGEST), file, path.stem, within)


def load_space(text: str) -> SearchSpace:
    """A search space by the name of a known one or the path of a YAML file. Raises UserError."""
    path = _find(text, known_spaces(), "space")
    return parse_space(text_of(path, LARGEST), str(path) if text not in known_spaces() else path.name, path.stem)


def net_document(arch: Architecture) -> dict[str, Any]:
    """The network as plain values for JSON and YAML, without its name and most properties at their default."""
    usual = Architecture(())
    document: dict[str, Any] = {
        "stem": arch.stem,
        "head": arch.head,
        "resolution": arch.resolution,
        "classes": arch.classes,
    }
    for key in ("stem_stride", "stem_kernel", "stem_pool", "dropout", "drop_path"):
        if getattr(arch, key) != getattr(usual, key):
            document[key] = getattr(arch, key)
    document["act"] = arch.style.act
    for key, name in STYLE_KEYS.items():
        if key != "act" and getattr(arch.style, name) != getattr(usual.style, name):
            document[key] = getattr(arch.style, name)
    for key, name in GROWTH_KEYS.items():
        if getattr(arch.growth, name) != getattr(usual.growth, name):
            document[key] = getattr(arch.growth, name)
    return document | {"stages": [format_stage(stage) for stage in arch.stages]}


def _named(name: str) -> str:
    """The YAML line `name: ...`, quoted where YAML requires it."""
    return yaml.safe_dump({"name": name}, width=math.inf, allow_unicode=True).strip()


def format_net(arch: Architecture, comment: str = "") -> str:
    """The network as YAML text that `parse_net` reads back to an equal one; `comment` goes before it."""
    document = net_document(arch)
    stages = cast(list[str], document.pop("stages"))
    head = [f"# {line}" for line in comment.splitlines()] + ([_named(arch.name)] if arch.name else [])
    body = [f"{key}: {value}" for key, value in document.items()]
    return "\n".join([*head, *body, "stages: |", *(f"  {stage}" for stage in stages)]) + "\n"


def net_from_document(document: Mapping[str, Any], name: str = "") -> Architecture:
    """The network that `net_document` wrote. Raises NotationError."""
    file = name or "net"
    entries = {key: _stored(file, key, value) for key, value in document.items()}
    return _net_of(_checked(entries), file, name, ())


def _stored(file: str, key: str, value: Any) -> YamlValue:
    """A property of a network from plain values, which have no lines."""
    if key not in KEYS or key in DERIVED:
        raise NotationError(f"{file}: {shortened(key)} is not a property of a stored net")
    if key == "stages":
        if not isinstance(value, list | tuple) or not all(isinstance(line, str) for line in value):
            raise NotationError(f"{file}: stages is no list of texts")
        return YamlValue(key, (), file, 0, 0, tuple(Line(line, file, 0, 0) for line in value))
    if not isinstance(value, str | int | float) or isinstance(value, bool):
        raise NotationError(f"{file}: {key} is no text or number")
    return YamlValue(str(value), (), file, 0, 0)


def save_net(arch: Architecture, path: Path, comment: str = "") -> None:
    """Writes the network as a YAML file, atomically."""
    atomic.write_text(path, format_net(arch, comment))
