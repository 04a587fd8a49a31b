"""The network-wide properties of a file: which there are, and their values read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any, Final, get_args, get_type_hints

from nas_scale import numbers
from nas_scale.architecture.notation import Value
from nas_scale.architecture.spec import Architecture, Growth, Style
from nas_scale.architecture.yaml_nodes import YamlValue
from nas_scale.errors import UserError
from nas_scale.numbers import shortened

_WHOLE: Final = {
    "stem": (1, 65536),
    "stem_stride": (1, 8),
    "stem_kernel": (1, 15),
    "stem_pool": (1, 8),
    "head": (0, 65536),
    "resolution": (1, 8192),
    "classes": (2, 1_000_000),
}
_GROWTH_WHOLE: Final = {"grow_channel_multiple": (1, 1024), "grow_resolution_multiple": (1, 1024)}
_REAL: Final = {"dropout": (0.0, 0.95), "drop_path": (0.0, 0.95), "bn_eps": (1e-12, 1.0), "bn_momentum": (0.0, 1.0)}
_TEXT: Final = ("name", "about")
STYLE_KEYS: Final = {"head_kind" if item.name == "head" else item.name: item.name for item in fields(Style)}
GROWTH_KEYS: Final = {f"grow_{item.name}": item.name for item in fields(Growth)}
DERIVED: Final = ("base", "depth", "width")
KEYS: Final = (*_TEXT, "stages", *_WHOLE, *_REAL, *STYLE_KEYS, *GROWTH_KEYS, *DERIVED)


def _number(entry: YamlValue, key: str, text: str) -> int | float:
    whole = key not in _REAL
    least, most = _REAL[key] if key in _REAL else {**_WHOLE, **_GROWTH_WHOLE}[key]
    try:
        value = numbers.whole(text) if whole else numbers.real(text)
    except UserError:
        raise entry.error(f"{key} is {shortened(text)}; it must be a {'whole ' if whole else ''}number") from None
    if not least <= value <= most:
        raise entry.error(f"{key} is {shortened(text)}; it must lie in {least} to {most}")
    if key == "stem_kernel" and value % 2 == 0:
        raise entry.error(f"{key} is {shortened(text)}; a kernel must be odd")
    return value


@cache
def _words(owner: type, name: str) -> tuple[str, ...]:
    """The words that a field admits."""
    parts = get_args(get_type_hints(owner)[name])
    return tuple(word for part in parts for word in ((part,) if isinstance(part, str) else get_args(part)))


def _word(entry: YamlValue, key: str, owner: type, name: str, text: str) -> str:
    allowed = _words(owner, name)
    if text not in allowed:
        raise entry.error(f"{key} is {shortened(text)}; it must be one of {', '.join(allowed)}")
    return text


def net_options(entry: YamlValue, key: str) -> tuple[Value, ...]:
    """The options of a network-wide choice."""
    values = tuple(
        _word(entry, key, Style, "act", text) if key == "act" else _number(entry, key, text) for text in entry.options
    )
    if len(set(values)) != len(values):
        raise entry.error(f"{key} has an option twice")
    return values


def properties(entries: Mapping[str, YamlValue], start: Architecture) -> Architecture:
    """`start` with the network-wide properties that have one value in the file."""
    net: dict[str, Any] = {}
    style: dict[str, Any] = {}
    growth: dict[str, Any] = {}
    for key, entry in entries.items():
        if entry.options:
            continue
        if key in STYLE_KEYS:
            name = STYLE_KEYS[key]
            style[name] = (
                _number(entry, key, entry.text) if key in _REAL else _word(entry, key, Style, name, entry.text)
            )
        elif key in GROWTH_KEYS:
            name = GROWTH_KEYS[key]
            growth[name] = (
                _number(entry, key, entry.text) if key in _GROWTH_WHOLE else _word(entry, key, Growth, name, entry.text)
            )
        elif key in _WHOLE or key in _REAL:
            net[key] = _number(entry, key, entry.text)
    return replace(start, style=replace(start.style, **style), growth=replace(start.growth, **growth), **net)
