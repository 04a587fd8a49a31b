"""Earlier runs of the same search, whose trials a new one takes over: found, compared, copied."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from nas_scale.architecture.space import SearchSpace
from nas_scale.commands.search.objective import Difference, Objective, Spec, unequal
from nas_scale.commands.search.options import Runs
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.errors import RunError, UserError
from nas_scale.metrics.limits import Limits
from nas_scale.plain import as_json
from nas_scale.runs.database import given_database
from nas_scale.runs.record import REPAIR, refuse_older, shown_setting
from nas_scale.runs.store import RECORD, Run, find_run, readable
from nas_scale.trials.known import Known, keep, kept, known_fingerprint, known_trials


@dataclass(frozen=True, slots=True)
class Source:
    """A run to learn from. trials: how many are taken; `fingerprint` identifies them. home: the folder of runs
    in which it was looked for."""

    run: str
    trials: int
    fingerprint: str
    home: Path

    def document(self) -> dict[str, Any]:
        """As it is part of a run's specification."""
        return {"run": self.run, "trials": self.trials, "fingerprint": self.fingerprint}


class _StoredSource(msgspec.Struct, frozen=True):
    """A source in a run's specification."""

    run: str
    trials: int
    fingerprint: str


class _StoredSpec(msgspec.Struct, frozen=True):
    """What is read of a search's specification."""

    objective: str
    space_fingerprint: str
    search: Mapping[str, Any]
    training: Mapping[str, Any]
    warm_start: tuple[_StoredSource, ...] = ()


def read_spec(run: Run) -> _StoredSpec:
    """A search's specification as it is stored. Raises RunError naming the file and the field that is wrong."""
    try:
        return msgspec.convert(run.spec, _StoredSpec)
    except msgspec.ValidationError as error:
        raise RunError(f"{run.folder / RECORD} is damaged: {error}, of `spec`; {REPAIR}") from error


def sources(wanted: Runs, settings: RunSettings, spec: Mapping[str, Any], objective: Objective) -> tuple[Source, ...]:
    """The runs to learn from, in their order. spec, objective: of the search that is to learn.

    For a run that is gone on with, they are what it was started with: they may have grown since, or be gone. Raises
    UserError where there is no such run, or where its accuracies are not comparable, saying which setting differs.
    """
    names = [_label(str(item), settings.folder) for item in _listed(wanted)]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"--warm-start {twice[0]} is given twice; leave out one of the two")
    begun = _begun(names, settings) if names else None
    return tuple(begun or (_source(name, settings, spec, objective) for name in names))


def taken(run: Run, wanted: Sequence[Source], storage: str | None) -> tuple[Known, ...]:
    """The trials to learn from, each net once: from the run's own copy, which is made where there is none yet.

    storage: the database of the run, which may be that of the others too. Raises RunError where a run has changed or
    gone between the start and the copy.
    """
    if not wanted:
        return ()
    there = kept(run.folder)
    if there is not None:
        return there
    found: dict[tuple[tuple[str, Any], ...], Known] = {}
    for source in wanted:
        trials = known_trials(_found(source.run, source.home, storage).study, source.run)
        if known_fingerprint(trials) != source.fingerprint:
            raise RunError(f"--warm-start {source.run} has changed since {run.name} was started; start another run")
        for trial in trials:
            found.setdefault(tuple(trial.params.items()), trial)
    keep(run.folder, tuple(found.values()))
    return tuple(found.values())


def inside(known: Sequence[Known], space: SearchSpace, limits: Limits) -> frozenset[int]:
    """The places of those whose nets keep the limits of this search."""
    return frozenset(at for at, trial in enumerate(known) if limits.keeps(space.net(trial.params)))


def warm_start_line(wanted: Sequence[Source], inside: int, taken: int) -> str:
    """How many trials were taken from where, for a header."""
    runs = " and ".join(f"{_trials(source.trials)} of {source.run}" for source in wanted)
    nets = "" if taken == sum(source.trials for source in wanted) else f" ({taken} different nets)"
    verb = "lies" if inside == 1 else "lie"
    return f"warm start: learns from {runs}{nets}; {inside} of {taken} {verb} inside the limits and may be ranked"


def _trials(count: int) -> str:
    return f"{count} trial{'s' if count != 1 else ''}"


def _listed(wanted: Runs) -> Sequence[str | Path]:
    if isinstance(wanted, str | Path):
        return [wanted]
    if not isinstance(wanted, Sequence) or not all(isinstance(item, str | Path) for item in wanted):
        raise UserError(f"--warm-start {wanted!r} is no run; give its name or folder")
    return wanted


def _label(text: str, results: Path) -> str:
    """A run's name in the folder of runs, however it was written; its path where it lies elsewhere."""
    path = Path(text)
    if path.resolve().is_relative_to(results.resolve()):
        return str(path.resolve().relative_to(results.resolve()))
    return str(path)


def _begun(names: Sequence[str], settings: RunSettings) -> tuple[Source, ...] | None:
    """What the run that is to be gone on with was started with, where it was with runs of these names."""
    if not settings.resume:
        return None
    for run in (run for run in _candidates(settings) if run.kind == "search"):
        try:
            entries = read_spec(run).warm_start
        except RunError:  # it cannot be the one that is gone on with
            continue
        if [entry.run for entry in entries] == list(names):
            return tuple(Source(entry.run, entry.trials, entry.fingerprint, settings.folder) for entry in entries)
    return None


def _candidates(settings: RunSettings) -> Iterator[Run]:
    """The runs that --resume may mean, the likeliest first."""
    runs = readable(settings.folder)
    if settings.run is not None:
        yield from (run for run in runs if run.name == Path(settings.run).name)
        return
    for state in ("interrupted", "complete", "running"):
        yield from (run for run in runs if run.state == state)


def _found(name: str, results: Path, storage: str | None) -> Run:
    """The search of this name; a family's is its first part."""
    try:
        run = find_run(results, name)
        if run.kind == "family":
            run = find_run(run.folder, "search")
    except RunError as error:
        raise RunError(f"--warm-start: {error}") from None
    if run.kind != "search":
        raise UserError(f"--warm-start {name} is a {run.kind}; name a search")
    url = run.record.storage
    if storage is not None and url is not None and given_database(storage).stored == url:
        return Run(run.folder, run.record, given_database(storage))  # whose password is not kept
    return run


def _source(name: str, settings: RunSettings, spec: Mapping[str, Any], objective: Objective) -> Source:
    run = _found(name, settings.folder, settings.storage)
    refuse_older(run.folder, run.record, "not be learnt from")
    read_spec(run)
    for setting, there, here in _differences(run.spec, as_json(spec), objective):
        raise UserError(
            f"--warm-start {name} cannot be compared with: {setting} is {shown_setting(there)} there "
            f"and {shown_setting(here)} here"
        )
    trials = known_trials(run.study, name)
    if not trials:
        raise UserError(f"--warm-start {name} has no trial that ended with a score")
    return Source(name, len(trials), known_fingerprint(trials), settings.folder)


def _differences(there: Spec, here: Spec, objective: Objective) -> Iterator[Difference]:
    """Each setting that makes values of two searches another thing, with both."""
    yield from unequal("the objective", there, here, "objective")
    if there["space_fingerprint"] != here["space_fingerprint"]:
        for name in ("space", "resolution", "classes"):
            yield from unequal(f"--{name}", there["search"], here["search"], name)
        yield from unequal("the content of the space", there, here, "space_fingerprint")
    yield from objective.differences(there, here)
