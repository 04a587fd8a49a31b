"""Seeds for everything that is drawn, from what it is drawn for and never from a generator's history."""

from __future__ import annotations

import hashlib


def derived_seed(seed: int, *path: int | str) -> int:
    """A number below 2^32 for this place of a run: derived_seed(seed, trial) for the sampler that proposes that trial.

    Equal arguments give equal seeds on every machine; a kill, a resume or more workers cannot shift them.
    """
    text = "/".join(str(part) for part in (seed, *path))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
