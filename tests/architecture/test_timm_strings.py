"""Every stage that timm writes in its two files of mobile nets is read as timm reads it, or refused by its name."""

from __future__ import annotations

import importlib.util
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from nas_scale.architecture.notation import format_stage, parse_stage
from nas_scale.errors import NotationError
from tests.support.oracles import timm

FILES: Final = ("efficientnet.py", "mobilenetv3.py")
STRING: Final = re.compile(r"""['"]([a-z]{2,4}_r\d+_[a-z0-9_.]+)['"]""")
# What a string has that the notation has not, the first that it meets, and the line that says so.
LACKING: Final = {
    "attention": (re.compile(r"^(mqa|mha)_"), "attention blocks ({}) are not supported"),
    "mixed kernels": (re.compile(r"_([kap]\d+\.[\d.]*\d)"), "mixed kernels ({}) are not supported"),
    "conditional": (re.compile(r"_(cc\d+)"), "conditional convolutions ({}) are not supported"),
    "space to depth": (re.compile(r"_(d\d+)"), "space-to-depth ({}) is not supported"),
    "other channels": (re.compile(r"_(fc\d+)"), "expanding other channels than the input's ({}) is not supported"),
}
ACTS: Final = {"ReLU": "relu", "ReLU6": "relu6", "SiLU": "swish", "Swish": "swish", "Hardswish": "hard-swish"}


def _strings() -> list[str]:
    """All stage strings of the installed timm's files, without importing it."""
    found = importlib.util.find_spec("timm")
    assert found is not None
    assert found.submodule_search_locations is not None
    models = Path(found.submodule_search_locations[0]) / "models"
    return sorted({text for file in FILES for text in STRING.findall((models / file).read_text())})


def _lacks(text: str) -> tuple[str, str] | None:
    """What it has that the notation has not, and what is said of it."""
    for name, (form, said) in LACKING.items():
        if match := form.search(text):
            return name, said.format(match[1])
    return None


def test_all_are_found() -> None:
    lacking = Counter((_lacks(text) or ("read",))[0] for text in _strings())
    assert lacking == {
        "read": 238,
        "mixed kernels": 18,
        "attention": 4,
        "conditional": 3,
        "space to depth": 1,
        "other channels": 1,
    }


@pytest.mark.parametrize("text", [text for text in _strings() if _lacks(text)])
def test_what_is_not_supported_is_refused_by_its_name(text: str) -> None:
    with pytest.raises(NotationError) as caught:
        parse_stage(text)
    lacks = _lacks(text)
    assert lacks is not None
    assert lacks[1] in str(caught.value)
    assert "\n" not in str(caught.value)


def _as_timm_reads_it(text: str) -> tuple[dict[str, Any], int]:
    timm()
    from timm.models._efficientnet_builder import _decode_block_str

    return _decode_block_str(text)  # type: ignore[no-any-return]


@pytest.mark.parametrize("text", [text for text in _strings() if not _lacks(text)])
def test_what_is_read_is_what_timm_reads(text: str) -> None:
    stage = parse_stage(text)
    theirs, repeats = _as_timm_reads_it(text)
    kernels = {theirs.get(name, stage.kernel) for name in ("dw_kernel_size", "kernel_size", "dw_kernel_size_mid")}
    if theirs["block_type"] == "er":
        kernels = {theirs["exp_kernel_size"]}
    act = theirs["act_layer"]
    assert (stage.repeats, stage.stride, stage.channels) == (repeats, theirs["stride"], theirs["out_chs"])
    assert {stage.kernel} == kernels
    assert stage.expansion == theirs.get("exp_ratio", 1.0)
    assert stage.se == theirs.get("se_ratio", 0.0)
    assert stage.start == theirs.get("dw_kernel_size_start", 0)
    assert stage.end == theirs.get("dw_kernel_size_end", 0)
    assert (stage.skip == "identity") == (theirs["skip"] if "skip" in theirs else not theirs["noskip"])
    assert stage.act == (None if act is None else ACTS[act.__name__])
    assert stage.op in (theirs["block_type"], "ir" if theirs["block_type"] == "uir" else "")
    assert parse_stage(format_stage(stage)) == stage
