"""The document that a run ends in: result.json beside the study, written whole or not at all; what `show` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from nas_scale import atomic
from nas_scale.errors import RunError
from nas_scale.runs.resuming import resume_command
from nas_scale.runs.store import Run

RESULT: Final = "result.json"
NEEDED: Final = {
    "search": {"header", "ranking", "training", "seed_sd"},
    "grid": {"header", "baseline", "candidates", "fit"},
    "expand": {"baseline", "coefficients", "family"},
    "certify": {"header", "training", "images", "judges", "verdict", "nets"},
    "family": {"search", "grid", "expand"},
}  # a kind's keys, without which a file is another one's


def write_document(run: Run, document: Mapping[str, Any]) -> Path:
    """Writes the run's document. Raises UserError where it cannot be written."""
    path = run.folder / RESULT
    atomic.write_text(path, json.dumps(document, indent=1, allow_nan=False) + "\n")
    return path


def read_document(run: Run) -> dict[str, Any]:
    """The run's document. Raises RunError where there is none yet, or it is damaged."""
    path = run.folder / RESULT
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{run.folder} has no result yet: {_why(run)}") from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged ({error}); run it again under another name") from None
    if not isinstance(document, dict) or document.get("kind") != run.kind or not NEEDED[run.kind] <= document.keys():
        raise RunError(f"{path} is damaged (it is no {run.kind}'s result); run it again under another name")
    return document


def _why(run: Run) -> str:
    if run.state == "running":
        return "it is still at work"
    command = resume_command(run.record.command, run.name)
    return (
        f"it was interrupted; go on with: {command}"
        if command
        else "it was interrupted; call it again with resume=True"
    )
