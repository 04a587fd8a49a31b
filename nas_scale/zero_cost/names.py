"""Judges by name. Nothing is imported here, so that naming them costs nothing."""

from __future__ import annotations

from typing import Final, Literal

CheapJudge = Literal["activations", "flops", "params", "naswot", "synflow"]

JUDGES: Final[tuple[CheapJudge, ...]] = ("activations", "flops", "params", "naswot", "synflow")
COUNTED: Final = frozenset({"activations", "flops", "params"})  # of the target net; the others look at weights
COUNTING: Final[dict[CheapJudge, str]] = {
    "activations": "counting activations",
    "flops": "counting FLOPs",
    "params": "counting parameters",
    "naswot": "NASWOT",
    "synflow": "SynFlow",
}
