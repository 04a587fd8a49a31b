"""What any run ended in, as the type of its kind."""

from __future__ import annotations

from typing import Final, TypeAlias

from nas_scale.commands.certify.result import CertifyResult
from nas_scale.commands.compare.result import CompareResult
from nas_scale.commands.expand.result import ExpandResult
from nas_scale.commands.family.result import FamilyResult
from nas_scale.commands.grid.result import GridResult
from nas_scale.commands.search.result import SearchResult
from nas_scale.errors import RunError
from nas_scale.runs.results import read_result
from nas_scale.runs.store import Run

AnyResult: TypeAlias = SearchResult | GridResult | CertifyResult | CompareResult | ExpandResult | FamilyResult

KINDS: Final[dict[str, type[AnyResult]]] = {
    "search": SearchResult,
    "grid": GridResult,
    "certify": CertifyResult,
    "compare": CompareResult,
    "expand": ExpandResult,
    "family": FamilyResult,
}


def read_any(run: Run) -> AnyResult:
    """What the run ended in. Raises RunError (runs/results.py), also for a kind that is not known here."""
    if run.kind not in KINDS:
        raise RunError(f"{run.folder} is a {run.kind} run, which this nas-scale does not know; upgrade it")
    return read_result(run, KINDS[run.kind])
