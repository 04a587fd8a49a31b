"""A baseline and coefficients to a family of nets."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from nas_scale.architecture.files import net_document, net_from_document, save_net
from nas_scale.architecture.growth import Repeats
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.expand_options import OF_RUN, Expand, Rule
from nas_scale.commands.shared.events import ignore
from nas_scale.commands.shared.net_lookup import find_net, last_search, run_named
from nas_scale.commands.shared.opening import opened
from nas_scale.commands.shared.options import known_options, refuse_unknown, take
from nas_scale.commands.shared.run_settings import RunSettings
from nas_scale.errors import RunError, UserError
from nas_scale.metrics.counts import Counts, cost
from nas_scale.metrics.metric import costs_of
from nas_scale.runs.results import read_document, write_document
from nas_scale.runs.store import Run, latest
from nas_scale.scaling.candidates import Candidate, grow
from nas_scale.scaling.coefficients import Coefficients
from nas_scale.scaling.rules import RULES, coefficients_named
from nas_scale.scaling.solver import at_budget

_UNFIT: Final = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True)
class Member:
    """One net of a family, what it costs, and how it was grown."""

    name: str
    phi: float
    candidate: Candidate
    cost: Counts[int]

    @property
    def architecture(self) -> Architecture:
        return replace(self.candidate.architecture, name=self.name)


@dataclass(frozen=True, slots=True)
class Family:
    """A family of nets. note: what is to be known of its coefficients, None where nothing is.

    files: the YAML files it was written to, in the folder of `run`, if it was.
    """

    baseline: Architecture
    coefficients: Coefficients
    source: str
    note: str | None
    rule: Rule
    members: tuple[Member, ...]
    run: str | None = None
    files: tuple[Path, ...] = ()

    @property
    def nets(self) -> list[Architecture]:
        """The family's nets, the smallest first."""
        return [member.architecture for member in self.members]


@dataclass(frozen=True, slots=True)
class _Growth:
    """Coefficients, where they come from, what is to be known of them, and the net they were fitted on, if any."""

    coefficients: Coefficients
    source: str
    note: str | None = None
    baseline: Architecture | None = None


def _growth(asked: str | Coefficients | None, results: Path) -> _Growth:
    """Coefficients as numbers, by a published rule's name, of a run with a fit, or (None) of the latest such run.

    Raises UserError.
    """
    if isinstance(asked, Coefficients):
        return _Growth(asked.checked(), "given")
    run = _latest_fit(results) if asked is None else run_named(asked, results)
    if run is not None:
        return _fitted(run)
    if asked is None:
        raise UserError(
            f"there is no fit in {results}; give --coefficients 1.2,1.1,1.15, or run nas-scale grid --phi 1 first"
        )
    if asked not in RULES and (os.path.isdir(asked) or Path(asked).parent == results):
        raise RunError(f"there is no run {asked!r}; nas-scale show lists the runs in {results}")
    return _Growth(coefficients_named(asked), asked)


def _latest_fit(results: Path) -> Run | None:
    """The latest complete run with a fit: of a grid, or of a family's."""
    runs = [run for run in (latest(results, "grid"), latest(results, "family")) if run is not None]
    return max(runs, key=lambda run: run.record.created, default=None)


def _fitted(run: Run) -> _Growth:
    document = read_document(run)
    grid = document["grid"] if document["kind"] == "family" else document
    fit = grid.get("fit")
    if not fit:
        raise RunError(
            f"{run.folder} holds no fitted coefficients; name a grid run, or give --coefficients 1.2,1.1,1.15"
        )
    note = (
        f"fitted on short trainings at phi {grid['phi']:g}: sizes much beyond it extrapolate, and an axis that is best "
        "alone for one doubling need not stay so"
    )
    if not fit["told"]:
        note = f"these coefficients are a guess: the fit of {run.folder} cannot tell how this net should grow"
    net = net_from_document(grid["baseline"]["net"], grid["baseline"]["name"])
    return _Growth(Coefficients(fit["alpha"], fit["beta"], fit["gamma"]), f"fitted in {run.folder}", note, net)


def member_name(baseline: Architecture, phi: float) -> str:
    """`efficientnet-b0-phi1.5`; what cannot stand in a file's name becomes a dash."""
    return f"{_UNFIT.sub('-', baseline.name) or 'net'}-phi{phi:g}"


def grown(
    baseline: Architecture, coefficients: Coefficients, phis: Sequence[float], rule: Rule, repeats: Repeats
) -> list[Candidate]:
    """The family's candidates by either rule."""
    if rule == "budget":
        return at_budget(baseline, coefficients, phis)
    return [grow(baseline, coefficients, phi, repeats) for phi in phis]


def expand(
    baseline: str | Architecture | None = None,
    coefficients: str | Coefficients | None = None,
    *,
    save: bool = True,
    **options: Any,
) -> Family:
    """Grows a baseline into a family, without any training.

    baseline: a net or its name (None: the one the coefficients were fitted on, else the latest search's best).
    coefficients: values, `1.2,1.1,1.15`, a published rule, or a run with a fit (None: the latest).
    options: the other fields of `Expand`, and `results` and `run`, named as on the command line. Files go to
    results/<run>/ where `save`. Raises UserError.
    """
    options |= {"baseline": baseline, "coefficients": coefficients}
    refuse_unknown(options, known_options(Expand, OF_RUN))
    wanted, settings = take(options, Expand).checked(), take(options, RunSettings).checked()
    growth = _growth(wanted.coefficients, settings.folder)
    base = _baseline(wanted.baseline, growth, settings.folder)
    made = grown(base, growth.coefficients, wanted.phi, wanted.rule, wanted.repeats)
    members = tuple(
        Member(member_name(base, value), value, candidate, cost(candidate.architecture))
        for value, candidate in zip(wanted.phi, made, strict=True)
    )
    family = Family(base, growth.coefficients, growth.source, growth.note, wanted.rule, members)
    return _saved(family, wanted.repeats, settings) if save else family


def _baseline(asked: str | Architecture | None, growth: _Growth, results: Path) -> Architecture:
    if isinstance(asked, Architecture):
        return asked
    if asked is not None:
        return find_net(asked, results)
    return growth.baseline or find_net(str(last_search(results).folder), results)


def _saved(family: Family, repeats: Repeats, settings: RunSettings) -> Family:
    spec = {
        "baseline": net_document(family.baseline),
        "coefficients": [family.coefficients.alpha, family.coefficients.beta, family.coefficients.gamma],
        "phi": [member.phi for member in family.members],
        "rule": family.rule,
        "repeats": repeats,
    }
    with opened(settings, "expand", spec, ignore, has_study=False) as run:
        files = []
        for member in family.members:
            path = run.folder / f"{member.name}.yaml"
            save_net(member.architecture, path, comment=describe(family, member))
            files.append(path)
        family = replace(family, run=run.name, files=tuple(files))
        write_document(run, family_document(family))
        run.finish(len(files), f"{family.baseline.name or 'net'} to {files[-1].stem}")
    return family


def describe(family: Family, member: Member) -> str:
    """Where a net of the family comes from, for its file."""
    alpha, beta, gamma = family.coefficients.alpha, family.coefficients.beta, family.coefficients.gamma
    return (
        f"{family.baseline.name or 'net'} grown by rule {family.rule} to phi {member.phi:g} with alpha {alpha:.4g}, "
        f"beta {beta:.4g}, gamma {gamma:.4g} ({family.source});\n{member.cost.flops:,} multiply-adds "
        f"({member.candidate.flops_ratio:.3f} times the baseline), {member.cost.parameters:,} parameters"
    )


def family_document(family: Family) -> dict[str, Any]:
    """The family as JSON values; `flops` are exact multiply-adds."""
    return {
        "kind": "expand",
        "baseline": {"name": family.baseline.name, "net": net_document(family.baseline)},
        "coefficients": {
            "alpha": family.coefficients.alpha,
            "beta": family.coefficients.beta,
            "gamma": family.coefficients.gamma,
            "source": family.source,
        },
        "note": family.note,
        "rule": family.rule,
        "family": [_member_document(member) for member in family.members],
        "run": family.run,
        "files": [str(path) for path in family.files],
    }


def _member_document(member: Member) -> dict[str, Any]:
    depth, width, resolution = member.candidate.shares
    return {
        "name": member.name,
        "phi": member.phi,
        "depth": member.candidate.depth,
        "width": member.candidate.width,
        "resolution": member.candidate.resolution,
        **costs_of(member.architecture),
        "flops_ratio": member.candidate.flops_ratio,
        "wanted_ratio": 2**member.phi,
        "shares": {"depth": depth, "width": width, "resolution": resolution},
        "net": net_document(member.architecture),
    }
