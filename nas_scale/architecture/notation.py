"""Parses and formats timm's string for a stage, "ir_r2_k3_s2_e6_c24_se0.25"; braces hold the options of a choice.

The notation is timm's (models/_efficientnet_builder.py): only the leading type is positional; then rN repeats, kN
kernel, sN stride of the first block, eF expansion, cN output channels, seF squeeze-excite ratio, n{re,r6,sw,hs}
activation, skip or noskip; of a `uir` aN and pN, the depthwise kernels at its start and end, 0 for none, as kN can be.
Added here: `poolskip` (MnasNet's pooling skip), the types `id` (NAS-Bench-Macro), `bb` and `bt` (ResNet's basic block
and bottleneck; eF of a bt is the share of its *output* channels that it has inside, usually 0.25), a leading `+`
(continues the stage before), and TensorFlow's dialect without a type, "r2_k3_s22_e6_i16_o24_se0.25".

A choice takes the place of a value: `k{3,5}`, `{ir,ds}_...`, `c24*{.75,1,1.25}` (rounded to the nearest multiple of 8).
In a space `c=` is as many channels as the stage before has.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, get_args

from nas_scale.architecture.fields import ACTS, AS_INPUT, SKIPS, bad, options_of, read_token, refuse_type
from nas_scale.architecture.fields import Value as Value
from nas_scale.architecture.spec import Op, Skip, Stage
from nas_scale.errors import NotationError
from nas_scale.numbers import shortened

_ACT_CODES: Final = {name: code for code, name in ACTS.items()}
_SKIP_WORDS: Final = {skip: word for word, skip in SKIPS.items()}
_WITH_EXPANSION: Final = ("ir", "er", "uir", "bt")
_WITHOUT_SQUEEZE: Final = ("cn", "bb", "bt")
_OF_RESNET: Final = 0.25  # a bottleneck's channels inside, as a share of its output's


def _ops(token: str) -> Op | tuple[Op, ...]:
    names = options_of(token) if token.startswith("{") else [token]
    for name in names:
        refuse_type(name)
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
        if re.fullmatch(r"[a-z]{2,3}|\{[a-z,\s]*\}", tokens[0][1]):
            fields["op"] = _ops(tokens.pop(0)[1])
    op = fields.get("op", ())
    ops = [str(name) for name in (op if isinstance(op, tuple) else (op,))]
    for offset, token in tokens:
        with _placed(before + offset):
            name, value = read_token(token, ops)
            if name in fields:
                raise bad(token, f"{name} is given twice")
            fields[name] = value
    fields.pop("input", None)  # TensorFlow repeats the channels of the stage before
    if "op" not in fields:
        fields["op"] = "ds" if fields.get("expansion", 1) == 1 else "ir"
    if "channels" not in fields:
        raise NotationError(f"{shortened(stage)} has no channels; add e.g. c24", before)
    if _may_lose_its_stride(fields):
        raise NotationError(f"{shortened(stage)} can have a stride and no depthwise kernel; give a, k or p", before)
    return fields


def _may_lose_its_stride(fields: Mapping[str, Value | tuple[Value, ...]]) -> bool:
    """Whether a stage can be a uir with a stride and without depthwise kernels, one of which has to take it."""

    def options(name: str, usual: Value) -> tuple[Value, ...]:
        value = fields.get(name, usual)
        return value if isinstance(value, tuple) else (value,)

    bare = 0 in options("start", 0) and 0 in options("kernel", 3) and 0 in options("end", 0)
    return bare and "uir" in options("op", "") and options("stride", 1) != (1,)


def usual_skip(op: Op) -> Skip:
    """The skip of a stage whose string names none: none for `cn`, `dsa` and `id`, else identity (as in timm)."""
    return "none" if op in ("cn", "dsa", "id") else "identity"


def stage_of(pick: Callable[[str], Any]) -> Stage:
    """A Stage in normal form; `pick` gives the value of a field by its name, or None for the default.

    Fields without effect get their defaults, so that equal blocks are equal values: a ds or cn has no expansion, a cn,
    bb, bt or id no squeeze-excite, an id neither kernel nor activation. A uir that has no other depthwise kernel than
    an ir is one, unless it expands by 1: an ir then has no expanding convolution.
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
    kernel = pick("kernel")
    kernel = 3 if kernel is None else kernel
    start, end = (pick("start") or 0, pick("end") or 0) if op == "uir" else (0, 0)
    usual = _OF_RESNET if op == "bt" else 1
    expansion = float(pick("expansion") or usual) if op in _WITH_EXPANSION else 1.0
    if op == "uir" and kernel and not start and not end and expansion != 1:
        op = "ir"
    return Stage(
        op,
        channels=pick("channels"),
        repeats=pick("repeats") or 1,
        kernel=kernel,
        stride=pick("stride") or 1,
        expansion=expansion,
        se=float(pick("se") or 0) if op not in _WITHOUT_SQUEEZE else 0.0,
        act=pick("act"),
        skip=skip,
        continues=bool(pick("continues")),
        start=start,
        end=end,
    )


def parse_stage(text: str) -> Stage:
    """The Stage of a string like 'ir_r2_k3_s2_e6_c24_se0.25'. Raises NotationError, also where it holds a choice."""
    fields = read_fields(text)
    choices = [name for name, value in fields.items() if isinstance(value, tuple)]
    if choices:
        raise NotationError(
            f"'{text.strip()}' leaves {choices[0]} open; braces are for spaces, a net has none", text.index("{")
        )
    if fields["channels"] == AS_INPUT:
        raise NotationError("c= is for spaces; a net says how many channels it has", text.index("c="))
    return stage_of(fields.get)


def _plain(value: float) -> str:
    """The shortest exact decimal of a number: 6.0 -> '6', 0.25 -> '0.25'."""
    return f"{value:g}" if float(f"{value:g}") == value else repr(value)


def format_stage(stage: Stage) -> str:
    """The string of a stage, which `parse_stage` reads back to an equal one."""
    parts = [f"{'+' if stage.continues else ''}{stage.op}", f"r{stage.repeats}"]
    if stage.op == "uir":
        parts.append(f"a{stage.start}")
    if stage.op != "id":
        parts.append(f"k{stage.kernel}")
    if stage.end:
        parts.append(f"p{stage.end}")
    parts.append(f"s{stage.stride}")
    if stage.op in _WITH_EXPANSION:
        parts.append(f"e{_plain(stage.expansion)}")
    parts.append(f"c{stage.channels or '='}")
    if stage.se:
        parts.append(f"se{_plain(stage.se)}")
    if stage.act:
        parts.append(f"n{_ACT_CODES[stage.act]}")
    if stage.skip != usual_skip(stage.op):
        parts.append(_SKIP_WORDS[stage.skip])
    return "_".join(parts)
