"""Search spaces: networks some of whose values are choices.

An assignment gives every choice one of its options. One traversal, `resolve`, serves sampling, mutation and sizes.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from nas_scale.architecture.blocks import blocks
from nas_scale.architecture.notation import Value, usual_skip
from nas_scale.architecture.spec import RESIDUAL, Architecture, Stage, Style
from nas_scale.architecture.template import Choice, Pick, StageTemplate, stage_template
from nas_scale.errors import NotationError, UserError

Assignment = Mapping[str, Value]  # the option taken, by the choice's key

# Network-wide properties that can be choices.
NET_CHOICES = ("act", "stem", "head", "resolution")


@dataclass(frozen=True)
class SearchSpace:
    """A search space: an Architecture some of whose values are choices.

    frame: the network-wide properties that are fixed. stages: the stages, with their choices. net_choices: the
    network-wide choices by name, of NET_CHOICES. about: one sentence on the space, for tables.
    """

    name: str
    about: str
    frame: Architecture
    stages: tuple[StageTemplate, ...]
    net_choices: Mapping[str, Choice] = field(default_factory=dict)

    @cached_property
    def choices(self) -> dict[str, Choice]:
        """Every choice by key: network-wide ones first, then stage by stage."""
        every = [*self.net_choices.values(), *(choice for stage in self.stages for choice in stage.choices)]
        return {choice.key: choice for choice in every}

    @property
    def resolutions(self) -> tuple[int, ...]:
        """The pixels a side that its nets have, the least first: one resolution, or those of the choice."""
        choice = self.net_choices.get("resolution")
        return (self.frame.resolution,) if choice is None else tuple(sorted(int(str(at)) for at in choice.options))

    def resolve(self, pick: Pick) -> Architecture:
        """The network with the options that `pick` takes, in canonical form."""
        return canonical(self._raw(pick))

    def _raw(self, pick: Pick) -> Architecture:
        net = {name: pick(choice) for name, choice in self.net_choices.items()}
        frame = with_net_fields(self.frame, net) if net else self.frame
        stages, c_in = [], frame.stem
        for template in self.stages:
            stages.append(template.resolve(pick).behind(c_in))
            c_in = stages[-1].channels
        return replace(frame, stages=tuple(stages))

    def net(self, params: Assignment) -> Architecture:
        """The network of an assignment, in canonical form. Raises UserError where an option is missing or unknown."""
        for key, choice in self.choices.items():
            if key not in params or params[key] not in choice.options:
                raise UserError(f"{self.name}: {key} must be one of {choice.options}, not {params.get(key)!r}")
        return self.resolve(lambda choice: params[choice.key])

    @cached_property
    def size(self) -> int:
        """The number of assignments; several may give the same network."""
        return math.prod(len(choice.options) for choice in self.choices.values())

    def distinct(self) -> int | None:
        """The number of different networks, or None where it is not known.

        Without identities it is counted stage by stage, which is exact as no stage depends on more than the channels of
        its input. With them all assignments are compared, up to a million.
        """
        if any(stage.may_vanish for stage in self.stages):
            if self.size > 1_000_000:
                return None
            keys, options = list(self.choices), [choice.options for choice in self.choices.values()]
            every = (dict(zip(keys, taken, strict=True)) for taken in itertools.product(*options))
            return len({self.resolve(lambda choice, taken=taken: taken[choice.key]) for taken in every})  # type: ignore[misc]
        return _distinct_chains(self)

    def assignment_of(self, arch: Architecture) -> dict[str, Value] | None:
        """An assignment that gives this network, or None where the space does not contain it.

        Stages, stem, head, activation and resolution are compared; dropout, padding and the like are not searched.
        `membership.missing` says what differs.
        """
        wanted = canonical(arch)
        net: dict[str, Value] = {}
        for name, value in (
            ("act", wanted.style.act),
            ("stem", wanted.stem),
            ("head", wanted.head),
            ("resolution", wanted.resolution),
        ):
            choice = self.net_choices.get(name)
            if choice is None:
                fixed = self.frame.style.act if name == "act" else getattr(self.frame, name)
                if fixed != value:
                    return None
            elif value in choice.options:
                net[name] = value
            else:
                return None
        for name in ("stem_stride", "stem_kernel", "stem_pool"):
            if getattr(wanted, name) != getattr(self.frame, name):
                return None
        if wanted.style.se_of != self.frame.style.se_of:
            return None
        if wanted.head and wanted.style.head != self.frame.style.head:
            return None
        return _match(self.stages, wanted.stages, wanted.stem, wanted.style, net, set())

    def neighbours(self, params: Assignment) -> Iterator[dict[str, Value]]:
        """All assignments that differ from this one in a single choice."""
        for key, choice in self.choices.items():
            for option in choice.options:
                if option != params[key]:
                    yield {**params, key: option}


def with_net_fields(arch: Architecture, net: Mapping[str, Any]) -> Architecture:
    """The network with these network-wide properties, named as in NET_CHOICES, replaced."""
    plain = {name: value for name, value in net.items() if name != "act"}
    style = replace(arch.style, act=net["act"]) if "act" in net else arch.style
    return replace(arch, style=style, **plain)


@lru_cache(maxsize=65536)
def kept_stage(stage: Stage, c_in: int, style: Style) -> Stage | None:
    """The stage's canonical form: fields without effect get their defaults; None for a stage without layers."""
    stage = stage.behind(c_in)
    made = blocks(stage, c_in, style)
    if not made:
        return None
    if stage.act == style.act:
        stage = replace(stage, act=None)
    if stage.op == "id":
        return replace(stage, repeats=1)
    may_act = stage.skip == "pool" or stage.op in RESIDUAL
    if not may_act and not any(block.c_in == block.c_out and block.stride == 1 for block in made):
        # No block here can have an identity skip. The default one is kept, so that it acts again in a deeper version.
        stage = replace(stage, skip=usual_skip(stage.op))
    if stage.op == "ir" and stage.expansion == 1:
        return replace(stage, op="ds")
    return stage


def canonical(arch: Architecture) -> Architecture:
    """The canonical form of a network: one value for all that compute the same function.

    Identities without layers are removed, and fields without effect get their defaults.
    """
    stages, c_in = [], arch.stem
    for stage in arch.stages:
        kept = kept_stage(stage, c_in, arch.style)
        if kept is not None:
            stages.append(kept)
        c_in = stage.channels
    if not arch.head and arch.style.head != "conv":
        arch = replace(arch, style=replace(arch.style, head="conv"))
    return arch if tuple(stages) == arch.stages else replace(arch, stages=tuple(stages))


def _distinct_chains(space: SearchSpace) -> int:
    """The number of different networks of a space without identities."""
    options = {name: choice.options for name, choice in space.net_choices.items()}
    stems, acts = options.pop("stem", (space.frame.stem,)), options.pop("act", (space.frame.style.act,))
    every = [{stage for _, stage in template.every} for template in space.stages]
    styles = [replace(space.frame.style, act=act) for act in acts]  # type: ignore[arg-type]
    chains = sum(_distinct_chain(every, int(stem), style) for stem, style in itertools.product(stems, styles))
    return chains * math.prod(len(values) for values in options.values())


def _distinct_chain(templates: list[set[Stage]], stem: int, style: Style) -> int:
    """The number of different sequences of stages after a stem, counted by each stage's output channels."""
    ways = {stem: 1}
    for stages in templates:
        onwards: dict[int, int] = {}
        for c_in, count in ways.items():
            for stage in {kept_stage(stage, c_in, style) for stage in stages}:
                assert stage is not None
                onwards[stage.channels] = onwards.get(stage.channels, 0) + count
        ways = onwards
    return sum(ways.values())


def _match(
    templates: tuple[StageTemplate, ...],
    stages: tuple[Stage, ...],
    c_in: int,
    style: Style,
    found: dict[str, Value],
    failed: set[tuple[int, int, int]],
) -> dict[str, Value] | None:
    """`found` with the first assignment of the templates that gives these stages, or None where there is none.

    failed: how many templates and stages were left, and the channels, from which there was none.
    """
    if not templates:
        return found if not stages else None
    here = len(templates), len(stages), c_in
    if here in failed:
        return None
    tried = set()
    for params, stage in ((params, stage.behind(c_in)) for params, stage in templates[0].every):
        kept = kept_stage(stage, c_in, style)
        if (kept, stage.channels) in tried or (kept is not None and (not stages or kept != stages[0])):
            continue
        tried.add((kept, stage.channels))
        left = stages if kept is None else stages[1:]
        rest = _match(templates[1:], left, stage.channels, style, {**found, **params}, failed)
        if rest is not None:
            return rest
    failed.add(here)
    return None


def space_of(
    name: str, about: str, frame: Architecture, lines: list[str], net_options: Mapping[str, tuple[Value, ...]]
) -> SearchSpace:
    """The space of these stage strings, with the options of its network-wide choices by name. Raises NotationError."""
    unknown = set(net_options) - set(NET_CHOICES)
    if unknown:
        raise NotationError(f"{sorted(unknown)[0]} cannot be left open; only {', '.join(NET_CHOICES)} can")
    templates = tuple(stage_template(line, number) for number, line in enumerate(lines, 1))
    return SearchSpace(
        name, about, frame, templates, {key: Choice(key, options) for key, options in net_options.items()}
    )
