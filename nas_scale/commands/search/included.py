"""Known nets that a search tries first: found by name, in its space, inside its limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nas_scale.architecture.membership import at_space_resolution, missing
from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace
from nas_scale.architecture.spec import Architecture
from nas_scale.commands.search.options import Nets
from nas_scale.commands.shared.identity import net_key
from nas_scale.commands.shared.net_lookup import find_net
from nas_scale.errors import UserError
from nas_scale.feasible.budget import outside
from nas_scale.metrics.limits import Limits


@dataclass(frozen=True, slots=True)
class Included:
    """A known net to be tried first: its name as given, its assignment, and its key (commands/shared/identity.py)."""

    name: str
    params: Mapping[str, Value]
    key: str


def listed(wanted: Nets) -> list[str | Architecture]:
    """Names and nets one by one; commas part names. Raises UserError for what is neither."""
    single = list(wanted) if isinstance(wanted, Sequence) and not isinstance(wanted, str) else [wanted]
    found: list[str | Architecture] = []
    for item in single:
        if isinstance(item, str):
            names = [name.strip() for name in item.split(",") if name.strip()]
            if not names:
                raise UserError(f"--include {item!r} names no net; give a name, a YAML file or a run")
            found += names
        elif isinstance(item, Architecture):
            found.append(item)
        else:
            raise UserError(f"--include {item!r} is no net; give a name, a YAML file or a run")
    return found


def included(wanted: Nets, space: SearchSpace, limits: Limits, results: Path) -> tuple[Included, ...]:
    """The nets to be tried, each at the resolution and classes at which the search counts cost.

    Raises UserError for a net that is not found, that the space does not contain (saying which choice is missing), that
    breaks a limit, or that is there twice.
    """
    found: dict[str, Included] = {}
    for item in listed(wanted):
        net = item if isinstance(item, Architecture) else _found(item, results)
        name = item if isinstance(item, str) else item.name or "your net"
        net = at_space_resolution(space, net)
        params = space.assignment_of(net)
        if params is None:
            raise UserError(f"--include {name}: {missing(space, net)}")
        net = space.net(params)
        broken = outside(limits, limits.cost(net))
        if broken is not None:
            raise UserError(f"--include {name}: {broken}")
        key = net_key(net)
        if key in found:
            raise UserError(f"--include {found[key].name} and {name} are the same net; leave out one of the two")
        found[key] = Included(name, params, key)
    return tuple(found.values())


def _found(name: str, results: Path) -> Architecture:
    try:
        return find_net(name, results)
    except UserError as error:
        raise UserError(f"--include {error}") from None


def included_line(nets: Sequence[Included]) -> str:
    """Which nets are tried first, for a header."""
    return f"tried first: {', '.join(net.name for net in nets)}"
