"""A search space is a net with holes. One traversal, `resolve`, serves sampling, mutation, sizes and files."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from nas_scale.architecture.blocks import blocks
from nas_scale.architecture.notation import Value, format_stage, parse_stage, read_fields, stage_of, usual_skip
from nas_scale.architecture.spec import Architecture, Stage, Style
from nas_scale.errors import NotationError, UserError

Params = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Choice:
    """A hole: its key (`3.kernel` is the kernel of the third stage, `act` the net's) and its options."""

    key: str
    options: tuple[Value, ...]


Pick = Callable[[Choice], Value]
Slot = Value | Choice


@dataclass(frozen=True)
class StageTemplate:
    """A stage whose fields are values or choices, in the order they are written.

    A slot `block` holds whole stage strings instead, for stages whose fields hang together (NAS-Bench-Macro).
    """

    slots: Mapping[str, Slot]

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        return tuple(slot for slot in self.slots.values() if isinstance(slot, Choice))

    @cached_property
    def may_vanish(self) -> bool:
        """Whether a filling can be an identity, which is no block at all where the shape stays."""
        return any(stage.op == "id" for _, stage in self.every())

    def resolve(self, pick: Pick) -> Stage:
        block = self.slots.get("block")
        if isinstance(block, Choice):
            return _parsed(str(pick(block)))
        filled = {name: pick(slot) if isinstance(slot, Choice) else slot for name, slot in self.slots.items()}
        return stage_of(filled.get)

    def every(self) -> Iterator[tuple[dict[str, Value], Stage]]:
        """All fillings of this stage."""
        for options in itertools.product(*(choice.options for choice in self.choices)):
            params = {choice.key: option for choice, option in zip(self.choices, options, strict=True)}
            yield params, self.resolve(lambda choice, params=params: params[choice.key])  # type: ignore[misc]


_parsed = lru_cache(maxsize=4096)(parse_stage)


def stage_template(text: str, number: int) -> StageTemplate:
    """Line `number` (from 1) of a space's stages; bars part whole stages to choose from. Raises NotationError."""
    if "|" in text:
        return StageTemplate({"block": Choice(f"{number}.block", _alternatives(text))})
    slots: dict[str, Slot] = {}
    for name, value in read_fields(text).items():
        if isinstance(value, tuple):
            slots[name] = Choice(f"{number}.{name}", value) if len(value) > 1 else value[0]
        else:
            slots[name] = value
    return StageTemplate(slots)


def _alternatives(text: str) -> tuple[str, ...]:
    """The whole stages between bars, in normal form."""
    stages: list[str] = []
    start = 0
    for part in text.split("|"):
        try:
            stage = format_stage(parse_stage(part))
        except NotationError as error:
            raise NotationError(str(error), start + error.at) from None
        if stage in stages:
            raise NotationError(
                f"'{part.strip()}' is the same as another alternative", start + len(part) - len(part.lstrip())
            )
        stages.append(stage)
        start += len(part) + 1
    return tuple(stages)


# What may be open for the net as a whole.
NET_HOLES = ("act", "stem", "head", "resolution")


@dataclass(frozen=True)
class SearchSpace:
    """An Architecture with choices in it.

    `frame` holds everything that is fixed for the whole net; `holes` the choices among NET_HOLES.
    """

    name: str
    about: str
    frame: Architecture
    stages: tuple[StageTemplate, ...]
    holes: Mapping[str, Choice] = field(default_factory=dict)

    @cached_property
    def choices(self) -> dict[str, Choice]:
        """Every choice by key, in the order of the net."""
        every = [*self.holes.values(), *(choice for stage in self.stages for choice in stage.choices)]
        return {choice.key: choice for choice in every}

    def resolve(self, pick: Pick) -> Architecture:
        """The net that `pick` makes of this space, in canonical form."""
        return canonical(self._raw(pick))

    def _raw(self, pick: Pick) -> Architecture:
        net = {name: pick(choice) for name, choice in self.holes.items()}
        frame = with_net_fields(self.frame, net) if net else self.frame
        return replace(frame, stages=tuple(stage.resolve(pick) for stage in self.stages))

    def net(self, params: Params) -> Architecture:
        """The net of these parameters, one for each of `choices`. Raises UserError where one is not an option."""
        for key, choice in self.choices.items():
            if key not in params or params[key] not in choice.options:
                raise UserError(f"{self.name}: {key} must be one of {choice.options}, not {params.get(key)!r}")
        return self.resolve(lambda choice: params[choice.key])

    @cached_property
    def size(self) -> int:
        """Number of ways to fill the holes; several may give the same net."""
        return math.prod(len(choice.options) for choice in self.choices.values())

    def distinct(self) -> int | None:
        """Number of different nets: counted stage by stage, which is exact where a stage's sameness does not hang on
        its neighbours; None for spaces with identities of over a million fillings, where it does."""
        if any(stage.may_vanish for stage in self.stages):
            if self.size > 1_000_000:
                return None
            keys, options = list(self.choices), [choice.options for choice in self.choices.values()]
            every = (dict(zip(keys, filling, strict=True)) for filling in itertools.product(*options))
            return len({self.resolve(lambda choice, filling=filling: filling[choice.key]) for filling in every})  # type: ignore[misc]
        return _distinct_chains(self)

    def params_of(self, arch: Architecture) -> dict[str, Value] | None:
        """Parameters that give this net, or None where the space does not contain it.

        Compared are stages, stem, head, activation and resolution; dropout, padding and the like are no part of the
        search. What is missing says `missing` (membership.py).
        """
        wanted = canonical(arch)
        net: dict[str, Value] = {}
        for name, value in (
            ("act", wanted.style.act),
            ("stem", wanted.stem),
            ("head", wanted.head),
            ("resolution", wanted.resolution),
        ):
            hole = self.holes.get(name)
            if hole is None:
                fixed = self.frame.style.act if name == "act" else getattr(self.frame, name)
                if fixed != value:
                    return None
            elif value in hole.options:
                net[name] = value
            else:
                return None
        if wanted.stem_stride != self.frame.stem_stride:
            return None
        if (wanted.style.se_of, wanted.style.head) != (self.frame.style.se_of, self.frame.style.head):
            return None
        return _match(self.stages, wanted.stages, wanted.stem, wanted.style, net)

    def neighbours(self, params: Params) -> Iterator[dict[str, Value]]:
        """All fillings that differ from this one in a single choice."""
        for key, choice in self.choices.items():
            for option in choice.options:
                if option != params[key]:
                    yield {**params, key: option}


def with_net_fields(arch: Architecture, net: Mapping[str, Any]) -> Architecture:
    """The net with `act` (which lives in its style) and other NET_HOLES replaced."""
    plain = {name: value for name, value in net.items() if name != "act"}
    style = replace(arch.style, act=net["act"]) if "act" in net else arch.style
    return replace(arch, style=style, **plain)


@lru_cache(maxsize=65536)
def kept_stage(stage: Stage, c_in: int, style: Style) -> Stage | None:
    """The stage with everything that does not act put to its default; None where the whole stage does nothing."""
    made = blocks(stage, c_in, style)
    if not made:
        return None
    if stage.act == style.act:
        stage = replace(stage, act=None)
    if stage.op == "id":
        return replace(stage, repeats=1)
    if stage.skip != "pool" and not any(block.c_in == block.c_out and block.stride == 1 for block in made):
        # No block here can have an identity skip; the form is the usual one, so that a deeper version has it again.
        stage = replace(stage, skip=usual_skip(stage.op))
    if stage.op == "ir" and stage.expansion == 1:
        return replace(stage, op="ds")
    return stage


def canonical(arch: Architecture) -> Architecture:
    """One form for nets that compute the same: identities that do nothing go, skips that cannot act are the usual."""
    stages, c_in = [], arch.stem
    for stage in arch.stages:
        kept = kept_stage(stage, c_in, arch.style)
        if kept is not None:
            stages.append(kept)
        c_in = stage.channels
    return arch if tuple(stages) == arch.stages else replace(arch, stages=tuple(stages))


def _distinct_chains(space: SearchSpace) -> int:
    """Different nets of a space without identities."""
    holes = {name: hole.options for name, hole in space.holes.items()}
    stems, acts = holes.pop("stem", (space.frame.stem,)), holes.pop("act", (space.frame.style.act,))
    every = [{stage for _, stage in template.every()} for template in space.stages]
    styles = [replace(space.frame.style, act=act) for act in acts]  # type: ignore[arg-type]
    chains = sum(_distinct_chain(every, int(stem), style) for stem, style in itertools.product(stems, styles))
    return chains * math.prod(len(options) for options in holes.values())


def _distinct_chain(templates: list[set[Stage]], stem: int, style: Style) -> int:
    """Different rows of stages behind a stem, counted by the channels that one stage hands to the next."""
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
    templates: tuple[StageTemplate, ...], stages: tuple[Stage, ...], c_in: int, style: Style, found: dict[str, Value]
) -> dict[str, Value] | None:
    """Fillings of the templates that give these stages, added to `found`; the first there are, or None."""
    if not templates:
        return found if not stages else None
    tried = set()
    for params, stage in templates[0].every():
        kept = kept_stage(stage, c_in, style)
        if (kept, stage.channels) in tried or (kept is not None and (not stages or kept != stages[0])):
            continue
        tried.add((kept, stage.channels))
        rest = _match(templates[1:], stages if kept is None else stages[1:], stage.channels, style, {**found, **params})
        if rest is not None:
            return rest
    return None


def space_of(
    name: str, about: str, frame: Architecture, lines: list[str], holes: Mapping[str, tuple[Value, ...]]
) -> SearchSpace:
    """A space from its stage lines and net-wide options. Raises NotationError."""
    unknown = set(holes) - set(NET_HOLES)
    if unknown:
        raise NotationError(f"{sorted(unknown)[0]} cannot be left open; only {', '.join(NET_HOLES)} can")
    templates = tuple(stage_template(line, number) for number, line in enumerate(lines, 1))
    return SearchSpace(name, about, frame, templates, {key: Choice(key, options) for key, options in holes.items()})
