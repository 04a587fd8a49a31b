"""A baseline and coefficients to a family of nets."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from nas_scale.arch.candidates import Candidate, grow
from nas_scale.arch.cost import Cost, cost
from nas_scale.arch.files import net_document, net_from_document, save_net
from nas_scale.arch.scaling import Coefficients, Repeats
from nas_scale.arch.solver import at_budget
from nas_scale.arch.spec import Architecture
from nas_scale.coefficients.rules import coefficients_named
from nas_scale.errors import RunError, UserError
from nas_scale.flows.nets import find_net, looks_like_run
from nas_scale.runs.results import read_document, write_document
from nas_scale.runs.store import find_run, latest, open_run

Rule = Literal["paper", "budget"]
PHIS = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0)


@dataclass(frozen=True, slots=True)
class Member:
    """One net of a family, what it costs, and how it was grown."""

    name: str
    phi: float
    candidate: Candidate
    cost: Cost

    @property
    def architecture(self) -> Architecture:
        return replace(self.candidate.architecture, name=self.name)


@dataclass(frozen=True, slots=True)
class Family:
    """A family of nets; `files` are the YAML files it was written to, if it was."""

    baseline: Architecture
    coefficients: Coefficients
    source: str
    rule: Rule
    members: tuple[Member, ...]
    run: str | None = None
    files: tuple[Path, ...] = ()


def coefficients_of(text: str | None, results: Path) -> tuple[Coefficients, str]:
    """Coefficients and where they come from: numbers, a published rule's name, a run with a fit, or (None) the latest grid run.

    Raises UserError, also where a run's fit could not tell.
    """
    if text is None:
        run = latest(results, "grid")
        if run is None:
            raise UserError("there is no fit yet; give --coefficients 1.2,1.1,1.15 or run nas-scale grid --phi 1 first")
        return _fitted(str(run.folder), results)
    if looks_like_run(text, results):
        return _fitted(text, results)
    return coefficients_named(text), text


def _fitted(name: str, results: Path) -> tuple[Coefficients, str]:
    run = find_run(results, name)
    fit = read_document(run).get("fit")
    if not fit or any(not isinstance(fit.get(key), (int, float)) for key in ("alpha", "beta", "gamma")):
        raise RunError(f"{run.folder} holds no fitted coefficients; name a grid run, or give --coefficients 1.2,1.1,1.15")
    return Coefficients(fit["alpha"], fit["beta"], fit["gamma"]), f"fitted in {run.folder}"


def baseline_of(baseline: str | Architecture | None, coefficients: str | None, results: Path) -> Architecture:
    """The net to grow: as given; else the baseline of the grid run that the coefficients come from; else the latest search's best."""
    if isinstance(baseline, Architecture):
        return baseline
    if baseline is not None:
        return find_net(baseline, results)
    run = find_run(results, coefficients) if coefficients and looks_like_run(coefficients, results) else latest(results, "grid")
    if run is not None and run.kind == "grid" and (coefficients is None or looks_like_run(coefficients, results)):
        document = read_document(run)
        return net_from_document(document["baseline"]["net"], document["baseline"]["name"])
    return last_best(results)


def last_best(results: Path) -> Architecture:
    """The best net of the latest complete search. Raises UserError where there is none."""
    run = latest(results, "search")
    if run is None:
        raise UserError(f"there is no finished search in {results}; give --baseline efficientnet-b0, or run nas-scale search first")
    return find_net(str(run.folder), results)


def member_name(baseline: Architecture, phi: float) -> str:
    """`efficientnet-b0-phi1.5`."""
    return f"{baseline.name or 'net'}-phi{phi:g}"


def grown(baseline: Architecture, coefficients: Coefficients, phis: Sequence[float], rule: Rule, repeats: Repeats) -> list[Candidate]:
    """The family's candidates by either rule."""
    if rule == "budget":
        return at_budget(baseline, coefficients, phis)
    return [grow(baseline, coefficients, phi, repeats) for phi in phis]


def expand(
    baseline: str | Architecture | None = None,
    coefficients: str | Coefficients | None = None,
    phi: Sequence[float] = PHIS,
    rule: Rule = "budget",
    repeats: Repeats = "ceil",
    results: str | Path = "results",
    run: str | None = None,
    save: bool = True,
) -> Family:
    """Grows a baseline into a family, without any training.

    baseline: a net or its name (None: the one the coefficients were fitted on, else the latest search's best). coefficients: values,
    `1.2,1.1,1.15`, a published rule, or a grid run (None: the latest). rule: `paper` applies the formula, `budget` solves for nets that
    really cost 2^phi baselines. Files go to results/<run>/ where `save`. Raises UserError.
    """
    folder = Path(results)
    given = coefficients if isinstance(coefficients, str) else None
    if isinstance(coefficients, Coefficients):
        values, source = coefficients.checked(), "given"
    else:
        values, source = coefficients_of(given, folder)
    if not phi or any(not math.isfinite(value) or not 0 <= value <= 10 for value in phi):
        raise UserError(f"phi {', '.join(f'{value:g}' for value in phi) or 'none'}: give one or more from 0 to 10, e.g. --phi 0..7")
    base = baseline_of(baseline, given, folder)
    phis = sorted(set(phi))
    made = grown(base, values, phis, rule, repeats)
    members = tuple(
        Member(member_name(base, value), value, candidate, cost(candidate.architecture)) for value, candidate in zip(phis, made, strict=True)
    )
    family = Family(base, values, source, rule, members)
    return _saved(family, repeats, folder, run) if save else family


def _saved(family: Family, repeats: Repeats, results: Path, name: str | None) -> Family:
    spec = {
        "baseline": net_document(family.baseline),
        "coefficients": [family.coefficients.alpha, family.coefficients.beta, family.coefficients.gamma],
        "phi": [member.phi for member in family.members],
        "rule": family.rule,
        "repeats": repeats,
    }
    with open_run(results, "expand", spec, name, resume=False) as opened:
        files = []
        for member in family.members:
            path = opened.folder / f"{member.name}.yaml"
            save_net(member.architecture, path, comment=describe(family, member))
            files.append(path)
        family = replace(family, run=opened.name, files=tuple(files))
        write_document(opened, family_document(family))
        opened.finish(len(files), f"{family.baseline.name or 'net'} to {files[-1].stem}")
    return family


def describe(family: Family, member: Member) -> str:
    """Where a net of the family comes from, for its file."""
    alpha, beta, gamma = family.coefficients.alpha, family.coefficients.beta, family.coefficients.gamma
    return (
        f"{family.baseline.name or 'net'} grown by rule {family.rule} to phi {member.phi:g} with alpha {alpha:.4g}, beta {beta:.4g}, "
        f"gamma {gamma:.4g} ({family.source});\n{member.cost.flops:,} multiply-adds ({member.candidate.flops_ratio:.3f} times the baseline), "
        f"{member.cost.parameters:,} parameters"
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
        "flops": member.cost.flops,
        "params": member.cost.parameters,
        "activations": member.cost.activations,
        "flops_ratio": member.candidate.flops_ratio,
        "wanted_ratio": 2**member.phi,
        "shares": {"depth": depth, "width": width, "resolution": resolution},
        "net": net_document(member.architecture),
    }

