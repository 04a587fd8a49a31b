"""Peak memory as it is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PeakMemory:
    """The most bytes that inference of a batch took, weights included.

    kind: `allocator`, the most that torch's allocator had handed out on a GPU; `process`, by how much the process grew
    in main memory, which holds what libraries keep besides.
    """

    peak_bytes: int
    kind: Literal["allocator", "process"]
