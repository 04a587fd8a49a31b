"""Parses and formats timm's string for a stage, "ir_r2_k3_s2_e6_c24_se0.25"; braces hold the options of a choice.

The notation is timm's (models/_efficientnet_builder.py): only the leading type is positional; then rN repeats, kN
kernel, sN stride of the first block, eF expansion, cN output channels, seF squeeze-excite ratio, n{re,r6,sw,hs}
activation, skip or noskip. Added here: `poolskip` (MnasNet's pooling skip), the type `id` (NAS-Bench-Macro), a leading
`+` (continues the stage before), and TensorFlow's dialect without a type, "r2_k3_s22_e6_i16_o24_se0.25".

A choice takes the place of a value: `k{3,5}`, `{ir,ds}_...`, `c24*{.75,1,1.25}` (rounded to the nearest multiple of 8).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, get_args

from nas_scale import numbers
from nas_scale.architecture.spec import Act, Op, Skip, Stage
from nas_scale.errors import NotationError, UserError
from nas_scale.numbers import shortened

Value = str | int | float

ACTS: Final[dict[str, Act]] = {"re": "relu", "r6": "relu6", "sw": "swish", "hs": "hard-swish"}
_ACT_CODES: Final = {name: code for code, name in ACTS.items()}
SKIPS: Final[dict[str, Skip]] = {"skip": "identity", "noskip": "none", "poolskip": "pool"}
_SKIP_WORDS: Final = {skip: word for word, skip in SKIPS.items()}
_FIELDS: Final = {
    "r": "repeats",
    "k": "kernel",
    "s": "stride",
    "e": "expansion",
    "c": "channels",
    "o": "channels",
    "se": "se",
    "n": "act",
}
_TOKEN = re.compile(r"(se|[rkseconi])(\{[^{}]*\}|[^*{}]+)(?:\*(\{[^{}]*\}))?")
_MOST: Final = {"repeats": 1024, "kernel": 15, "stride": 8, "expansion": 32, "channels": 65536, "se": 1}


def _bad(token: str, reason: str) -> NotationError:
    return NotationError(f"{shortened(token)} in the stage: {reason}")


def nearest_multiple_of_8(value: float) -> int:
    """The nearest multiple of 8, halves up, never below 8: 22.0 -> 24."""
    return max(8, int(value + 4) // 8 * 8)


def _real(text: str) -> float | None:
    """The number of a text; None where it is none."""
    try:
        return numbers.real(text)
    except UserError:
        return None


def _number(text: str, field: str, token: str) -> int | float:
    value = _real(text)
    if value is None:
        raise _bad(token, f"{shortened(text)} is not a number")
    least = 0 if field == "se" else 1
    if not least <= value <= _MOST[field]:
        raise _bad(token, f"{field} must lie in {least} to {_MOST[field]}")
    whole = field not in ("expansion", "se")
    if whole and value != int(value):
        raise _bad(token, f"{field} must be a whole number")
    if field == "kernel" and value % 2 == 0:
        raise _bad(token, "a kernel must be odd")
    return int(value) if whole else value


def _value(text: str, field: str, token: str) -> Value:
    if field == "act":
        if text not in ACTS:
            raise _bad(token, f"activation must be one of {', '.join('n' + code for code in ACTS)}")
        return ACTS[text]
    if field == "stride" and len(text) == 2 and text[0] == text[1]:
        text = text[0]  # TensorFlow writes both directions: s22
    return _number(text, field, token)


def options_of(text: str) -> list[str]:
    """The options in braces: '{3, 5}' -> ['3', '5']. Raises NotationError where one is empty or repeated."""
    options = [option.strip() for option in text[1:-1].split(",")]
    if "" in options or len(set(options)) != len(options):
        raise NotationError(f"'{text}' needs distinct options separated by commas")
    return options


def _channel_options(base: str, factors: str, token: str) -> tuple[Value, ...]:
    width = _number(base, "channels", token)
    products = []
    for factor in options_of(factors):
        times = _real(factor)
        if times is None or times <= 0:
            raise _bad(token, f"{shortened(factor)} is not a factor")
        products.append(_number(str(nearest_multiple_of_8(width * times)), "channels", token))
    return tuple(dict.fromkeys(products))


def _options(text: str, field: str, token: str) -> tuple[Value, ...]:
    values = tuple(_value(option, field, token) for option in options_of(text))
    if len(set(values)) != len(values):
        raise _bad(token, "an option is given twice")
    return values


def _read_token(token: str) -> tuple[str, Value | tuple[Value, ...]]:
    if token in SKIPS:
        return "skip", SKIPS[token]
    if token.startswith("{"):
        words = options_of(token)
        unknown = [word for word in words if word not in SKIPS]
        if unknown:
            raise _bad(token, f"'{unknown[0]}' is not one of {', '.join(SKIPS)}")
        return "skip", tuple(SKIPS[word] for word in words)
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise _bad(token, "not understood; write e.g. ir_r2_k3_s2_e6_c24_se0.25")
    code, text, factors = match.groups()
    if code == "i":
        return "input", _number(text, "channels", token)
    field = _FIELDS[code]
    if factors:
        if field != "channels":
            raise _bad(token, "only channels take a factor")
        return field, _channel_options(text, factors, token)
    if text.startswith("{"):
        return field, _options(text, field, token)
    return field, _value(text, field, token)


def _ops(token: str) -> Op | tuple[Op, ...]:
    names = options_of(token) if token.startswith("{") else [token]
    for name in names:
        if name not in get_args(Op):
            raise NotationError(f"{shortened(name)} is not a block type; the types are {', '.join(get_args(Op))}")
    ops: tuple[Op, ...] = tuple(names)  # type: ignore[arg-type]  # checked above
    return ops if token.startswith("{") else ops[0]


def _tokens(text: str) -> list[tuple[int, str]]:
    """The tokens, split at underscores outside braces, each after its offset in the text."""
    pieces = [(match.start(), match[0]) for match in re.finditer(r"(?:\{[^{}]*\}|[^_])+", text)]
    if not pieces or sum(len(piece) + 1 for _, piece in pieces) != len(text) + 1:
        raise NotationError(f"{shortened(text)} is not a stage; write e.g. ir_r2_k3_s2_e6_c24_se0.25")
    return pieces


@contextlib.contextmanager
def _placed(offset: int) -> Iterator[None]:
    """Adds the offset in the stage's text to a NotationError raised inside."""
    try:
        yield
    except NotationError as error:
        raise NotationError(str(error), offset) from None


def read_fields(text: str) -> dict[str, Value | tuple[Value, ...]]:
    """The fields of a stage string by name; a choice is the tuple of its options. Raises NotationError."""
    fields: dict[str, Value | tuple[Value, ...]] = {}
    stage = text.strip()
    before = text.find(stage)
    if stage.startswith("+"):
        stage = stage[1:]
        before += 1
        fields["continues"] = 1
    with _placed(before):
        tokens = _tokens(stage)
        if re.fullmatch(r"[a-z]{2}|\{[a-z,\s]*\}", tokens[0][1]):
            fields["op"] = _ops(tokens.pop(0)[1])
    for offset, token in tokens:
        with _placed(before + offset):
            name, value = _read_token(token)
            if name in fields:
                raise _bad(token, f"{name} is given twice")
            fields[name] = value
    fields.pop("input", None)  # TensorFlow repeats the channels of the stage before
    if "op" not in fields:
        fields["op"] = "ds" if fields.get("expansion", 1) == 1 else "ir"
    if "channels" not in fields:
        raise NotationError(f"{shortened(stage)} has no channels; add e.g. c24", before)
    return fields


def usual_skip(op: Op) -> Skip:
    """The skip of a stage whose string names none: none for `cn` and `id`, else identity (as in timm)."""
    return "none" if op in ("cn", "id") else "identity"


def stage_of(pick: Callable[[str], Any]) -> Stage:
    """A Stage in normal form; `pick` gives the value of a field by its name, or None for the default.

    Fields without effect get their defaults, so that equal blocks are equal values: a ds or cn has no expansion, a cn
    or id no squeeze-excite, an id neither kernel nor activation.
    """
    op: Op = pick("op")
    skip: Skip = pick("skip") or usual_skip(op)
    if op == "id":
        return Stage(
            op,
            pick("channels"),
            pick("repeats") or 1,
            kernel=1,
            stride=pick("stride") or 1,
            skip="none",
            continues=bool(pick("continues")),
        )
    return Stage(
        op,
        channels=pick("channels"),
        repeats=pick("repeats") or 1,
        kernel=pick("kernel") or 3,
        stride=pick("stride") or 1,
        expansion=float(pick("expansion") or 1) if op in ("ir", "er") else 1.0,
        se=float(pick("se") or 0) if op != "cn" else 0.0,
        act=pick("act"),
        skip=skip,
        continues=bool(pick("continues")),
    )


def parse_stage(text: str) -> Stage:
    """The Stage of a string like 'ir_r2_k3_s2_e6_c24_se0.25'. Raises NotationError, also where it holds a choice."""
    fields = read_fields(text)
    choices = [name for name, value in fields.items() if isinstance(value, tuple)]
    if choices:
        raise NotationError(
            f"'{text.strip()}' leaves {choices[0]} open; braces are for spaces, a net has none", text.index("{")
        )
    return stage_of(fields.get)


def _plain(value: float) -> str:
    """The shortest exact decimal of a number: 6.0 -> '6', 0.25 -> '0.25'."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def format_stage(stage: Stage) -> str:
    """The string of a stage, which `parse_stage` reads back to an equal one."""
    parts = [f"{'+' if stage.continues else ''}{stage.op}", f"r{stage.repeats}"]
    if stage.op != "id":
        parts.append(f"k{stage.kernel}")
    parts.append(f"s{stage.stride}")
    if stage.op in ("ir", "er"):
        parts.append(f"e{_plain(stage.expansion)}")
    parts.append(f"c{stage.channels}")
    if stage.se:
        parts.append(f"se{_plain(stage.se)}")
    if stage.act:
        parts.append(f"n{_ACT_CODES[stage.act]}")
    if stage.skip != usual_skip(stage.op):
        parts.append(_SKIP_WORDS[stage.skip])
    return "_".join(parts)
