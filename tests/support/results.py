"""Results made by hand, of which a test says what matters to it."""

from __future__ import annotations

from typing import Any

from nas_scale.architecture.files import load_net, net_document
from nas_scale.commands.results import KINDS, AnyResult
from nas_scale.commands.search.result import RankingRow, SearchResult
from nas_scale.commands.shared.training import Training
from nas_scale.metrics.metric import costs_of
from nas_scale.runs.results import typed


def a_row(net: str = "efficientnet-b0", **fields: Any) -> RankingRow:
    """A row of a ranking."""
    arch = load_net(net)
    usual: dict[str, Any] = {
        "rank": 1,
        "place": 1,
        "tied": False,
        "net": net_document(arch),
        "costs": costs_of(arch),
        "accuracy": 0.5,
        "stderr": 0.01,
        "seeds": 1,
        "reward": 0.5,
        "trial": 0,
        "round": "search",
        "state": "complete",
        "reason": None,
        "search": (0.5,),
        "final": (),
    }
    return RankingRow(**usual | fields)


def a_search(**fields: Any) -> SearchResult:
    """A search of one net."""
    usual: dict[str, Any] = {
        "run": "x",
        "folder": "results/x",
        "header": (),
        "objective": "proxy",
        "seed_sd": 0.01,
        "training": Training(),
        "ranking": (a_row(),),
    }
    return SearchResult(**usual | fields)


def result(document: Any) -> AnyResult:
    """What `--json` printed, as its type."""
    return typed(document, KINDS[document["kind"]])
