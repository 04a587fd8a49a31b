"""Looks at everything that a search needs, in a few seconds, and writes nothing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec

from nas_scale.commands.doctor import checks
from nas_scale.commands.doctor.anonymous import anonymous
from nas_scale.commands.doctor.folders import seen_folders
from nas_scale.commands.doctor.machine import machine
from nas_scale.commands.doctor.packages import extra_seen, pillow_codecs, required_versions
from nas_scale.commands.doctor.processes import Trial, Tried
from nas_scale.commands.doctor.result import DoctorResult, TorchSeen
from nas_scale.extras import EXTRAS

PREFIX: Final = "NAS_SCALE_"
# Of other programs: what changes threads, devices, and where caches are.
VARIABLES: Final = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "HF_HOME", "TORCH_HOME", "TMPDIR")
SECONDS: Final = 15.0  # that torch or an extra may take
_TORCH: Final = "from nas_scale.commands.doctor.torch_step import take_step; take_step()"
_NEEDED: Final = "import optuna"


def examined(*, results: str | Path = "results") -> DoctorResult:
    """Versions, hardware, folders, extras, and a verdict on each thing that is needed.

    What may crash is tried in processes of its own. results: the folder of runs.
    """
    results = Path(results)
    with ExitStack() as stack:

        def begun(code: str) -> Trial:
            trial = Trial(code)
            stack.callback(trial.stop)
            return trial

        torch_trial, needed = begun(_TORCH), begun(_NEEDED)
        hardware, folders, codecs, known = machine(), seen_folders(results), pillow_codecs(), required_versions()
        stepped, imported = torch_trial.ended(SECONDS), needed.ended(SECONDS)
        # After these, which would come too late on a busy machine if all began together.
        trials = {extra: begun(f"import {', '.join(extra.packages)}") for extra in EXTRAS if not extra.missing()}
        ends = {extra: trial.ended(SECONDS).trouble for extra, trial in trials.items()}
    extras = tuple(extra_seen(extra, _clean(ends.get(extra))) for extra in EXTRAS)
    torch, broken = _torch(stepped), None if imported.late else _clean(imported.trouble)
    variables = _variables()
    return DoctorResult(
        versions=known,
        pillow=codecs,
        machine=hardware,
        torch=torch,
        folders=folders,
        extras=extras,
        variables=variables,
        checks=(
            *checks.package_checks(known, broken),
            checks.torch_check(torch, _clean(stepped.trouble), stepped.late),
            *checks.gpu_check(hardware, torch),
            checks.picture_check(codecs),
            checks.thread_check(hardware, variables),
            *checks.memory_check(hardware),
            *checks.folder_checks(results),
            *checks.extra_checks(extras),
        ),
    )


def _torch(tried: Tried) -> TorchSeen | None:
    """What torch said of itself."""
    with contextlib.suppress(msgspec.DecodeError):
        return msgspec.json.decode(tried.out, type=TorchSeen)
    return None


def _clean(trouble: str | None) -> str | None:
    return None if trouble is None else anonymous(trouble)


def _variables() -> Mapping[str, str]:
    """Those of the environment that are set and matter here."""
    names = sorted(name for name in os.environ if name.startswith(PREFIX) or name in VARIABLES)
    return {anonymous(name): anonymous(os.environ[name]) for name in names}
