"""Zero-cost scores of nets: their costs, and what is measured on the whole untrained net."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from macro_nets import BenchNet

from nas_scale.atomic import write_text
from nas_scale.training.data.ref import DataRef
from nas_scale.zero_cost.names import score_names
from nas_scale.zero_cost.scores import score

Scores = dict[str, dict[str, float]]  # by the score's name, then by the net's code


def zero_cost_scores(nets: Sequence[BenchNet], data: str, kept: Path) -> Scores:
    """Every zero-cost score of the nets; kept in the file `kept`, which is read where it has them already."""
    known: Scores = json.loads(kept.read_text()) if kept.exists() else {}
    for name in score_names():
        if set(known.get(name, {})) != {net.code for net in nets}:
            known[name] = {net.code: score(name, net.net, net.net, DataRef(data, net.net.resolution)) for net in nets}
    write_text(kept, json.dumps(known, indent=1) + "\n")
    return known
