"""Reads the fields of a stage string, "k3" or "e{3,6}", as values and options; the notation is notation.py's."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from nas_scale import numbers
from nas_scale.architecture.rounding import nearest_multiple
from nas_scale.architecture.spec import Act, Skip
from nas_scale.errors import NotationError, UserError
from nas_scale.numbers import shortened

Value = str | int | float
AS_INPUT: Final = 0  # channels of a stage that keeps those of its input, `c=`

ACTS: Final[dict[str, Act]] = {"re": "relu", "r6": "relu6", "sw": "swish", "hs": "hard-swish"}
SKIPS: Final[dict[str, Skip]] = {"skip": "identity", "noskip": "none", "poolskip": "pool"}
_FIELDS: Final = {
    "r": "repeats",
    "k": "kernel",
    "a": "start",
    "p": "end",
    "s": "stride",
    "e": "expansion",
    "c": "channels",
    "o": "channels",
    "se": "se",
    "n": "act",
}
_TOKEN = re.compile(r"(se|[rkapseconi])(\{[^{}]*\}|[^*{}]+)(?:\*(\{[^{}]*\}))?")
_MOST: Final = {"repeats": 1024, "stride": 8, "expansion": 32, "channels": 65536, "se": 1}
_LEAST_SHARE: Final = 0.01  # of a bottleneck's channels
_KERNELS: Final = ("kernel", "start", "end")
_LARGEST_KERNEL: Final = 15
_MAY_LACK_A_KERNEL: Final = frozenset({"uir", "id"})  # an identity looks at no kernel
# What timm has and this package has not, by the form of a field and of a type.
_FOREIGN_FIELDS: Final = (
    (re.compile(r"[kap]\d+(\.\d+)+"), "mixed kernels ({}) are not supported"),
    (re.compile(r"cc\d+"), "conditional convolutions ({}) are not supported"),
    (re.compile(r"d\d+"), "space-to-depth ({}) is not supported"),
    (re.compile(r"gs\d+"), "grouped convolutions ({}) are not supported"),
    (re.compile(r"fc\d+"), "expanding other channels than the input's ({}) is not supported; write what it is as e"),
)
_FOREIGN_TYPES: Final = dict.fromkeys(("mqa", "mha"), "attention blocks ({}) are not supported")


def bad(token: str, reason: str) -> NotationError:
    """The error that a field of a stage is wrong, and why."""
    return NotationError(f"{shortened(token)} in the stage: {reason}")


def _real(text: str) -> float | None:
    """The number of a text; None where it is none."""
    try:
        return numbers.real(text)
    except UserError:
        return None


def _number(text: str, field: str, token: str, ops: Collection[str] = ()) -> int | float:
    value = _real(text)
    if value is None:
        raise bad(token, f"{shortened(text)} is not a number")
    if field in _KERNELS:
        return _kernel(value, field, token, ops)
    least = 0 if field == "se" else _LEAST_SHARE if field == "expansion" and set(ops) <= {"bt"} and ops else 1
    if not least <= value <= _MOST[field]:
        raise bad(token, f"{field} must lie in {least} to {_MOST[field]}")
    whole = field not in ("expansion", "se")
    if whole and value != int(value):
        raise bad(token, f"{field} must be a whole number")
    return int(value) if whole else value


def _kernel(value: float, field: str, token: str, ops: Collection[str]) -> int:
    if field != "kernel" and "uir" not in ops:
        raise bad(token, "a and p are depthwise kernels of a uir")
    if value == 0 and (field != "kernel" or set(ops) <= _MAY_LACK_A_KERNEL):
        return 0
    if not 1 <= value <= _LARGEST_KERNEL:
        raise bad(token, f"{field} must lie in 1 to {_LARGEST_KERNEL}{', or be 0' if 'uir' in ops else ''}")
    if value != int(value):
        raise bad(token, f"{field} must be a whole number")
    if value % 2 == 0:
        raise bad(token, "a kernel must be odd")
    return int(value)


def _value(text: str, field: str, token: str, ops: Collection[str]) -> Value:
    if field == "act":
        if text not in ACTS:
            raise bad(token, f"activation must be one of {', '.join('n' + code for code in ACTS)}")
        return ACTS[text]
    if field == "stride" and len(text) == 2 and text[0] == text[1]:
        text = text[0]  # TensorFlow writes both directions: s22
    return _number(text, field, token, ops)


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
            raise bad(token, f"{shortened(factor)} is not a factor")
        products.append(_number(str(nearest_multiple(width * times)), "channels", token))
    return tuple(dict.fromkeys(products))


def _options(text: str, field: str, token: str, ops: Collection[str]) -> tuple[Value, ...]:
    values = tuple(_value(option, field, token, ops) for option in options_of(text))
    if len(set(values)) != len(values):
        raise bad(token, "an option is given twice")
    return values


def refuse_type(name: str) -> None:
    """Raises NotationError for a block type of timm's that is not supported, by what it is."""
    if name in _FOREIGN_TYPES:
        raise NotationError(_FOREIGN_TYPES[name].format(name))


def read_token(token: str, ops: Collection[str]) -> tuple[str, Value | tuple[Value, ...]]:
    """The name and the value of a field of a stage of these types, or its options. Raises NotationError."""
    if token in SKIPS:
        return "skip", SKIPS[token]
    if token.startswith("{"):
        words = options_of(token)
        unknown = [word for word in words if word not in SKIPS]
        if unknown:
            raise bad(token, f"'{unknown[0]}' is not one of {', '.join(SKIPS)}")
        return "skip", tuple(SKIPS[word] for word in words)
    if token == "c=":
        return "channels", AS_INPUT
    for form, message in _FOREIGN_FIELDS:
        if form.fullmatch(token):
            raise bad(token, message.format(token))
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise bad(token, "not understood; write e.g. ir_r2_k3_s2_e6_c24_se0.25")
    code, text, factors = match.groups()
    if code == "i":
        return "input", _number(text, "channels", token)
    field = _FIELDS[code]
    if factors:
        if field != "channels":
            raise bad(token, "only channels take a factor")
        return field, _channel_options(text, factors, token)
    if text.startswith("{"):
        return field, _options(text, field, token, ops)
    return field, _value(text, field, token, ops)
