"""Explains why a search space does not contain a network."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from nas_scale.architecture.notation import format_stage
from nas_scale.architecture.space import SearchSpace, canonical, kept_stage
from nas_scale.architecture.spec import Architecture, Stage

State = tuple[int, int, int]  # stage templates used, stages of the network matched, input channels of the next

_NET: Final[tuple[tuple[str, str, Callable[[Architecture], Any]], ...]] = (
    ("act", "its activation is {}", lambda net: net.style.act),
    ("stem", "its stem has {} channels", lambda net: net.stem),
    ("head", "its head has {} channels", lambda net: net.head),
    ("resolution", "its resolution is {} px", lambda net: net.resolution),
    ("stem_stride", "its stem has stride {}", lambda net: net.stem_stride),
    ("stem_kernel", "its stem has kernel {}", lambda net: net.stem_kernel),
    ("stem_pool", "the pool behind its stem has stride {}", lambda net: net.stem_pool),
    ("se_of", "its squeeze-excite is a share of the {} channels", lambda net: net.style.se_of),
    ("head_kind", "the kind of its head is {}", lambda net: net.style.head),
)
# A stage's fields in the order they are compared; which fields come after the block type depends on it.
_STAGE: Final = (
    ("op", "block type {}"),
    ("stride", "stride {}"),
    ("start", "a start kernel of {}"),
    ("kernel", "kernel {}"),
    ("end", "an end kernel of {}"),
    ("expansion", "expansion {}"),
    ("repeats", "{} repeats"),
    ("channels", "{} channels"),
    ("se", "squeeze-excite {}"),
    ("act", "activation {}"),
    ("skip", "skip {}"),
    ("continues", "a + before it: {}"),
)
_MOST_SHOWN: Final = 6  # whole blocks to choose from


def at_space_resolution(space: SearchSpace, arch: Architecture) -> Architecture:
    """The network with the space's classes, and its resolution unless that is a choice: costs are counted on this."""
    resolution = arch.resolution if "resolution" in space.net_choices else space.frame.resolution
    return replace(arch, resolution=resolution, classes=space.frame.classes)


def missing(space: SearchSpace, arch: Architecture) -> str | None:
    """Why the space does not contain the network, as a phrase; None where it does (`space.assignment_of`).

    It names the first difference from the stem onwards: "stage 3 has kernel 7, where x offers 3 or 5". Stages are
    numbered as in `arch.stages`.
    """
    for name, said, value in _NET:
        choice = space.net_choices.get(name)
        offered = choice.options if choice is not None else (value(space.frame),)
        if value(arch) not in offered and (arch.head or name != "head_kind"):
            verb = "offers" if choice is not None else "has"
            return f"{said.format(value(arch))}, where {space.name} {verb} {_listed(offered)}"
    return _missing_stage(space, arch)


def _missing_stage(space: SearchSpace, arch: Architecture) -> str | None:
    wanted, numbers = _numbered(arch)
    least = sum(not template.may_vanish for template in space.stages)
    most = len(space.stages)
    if not least <= len(wanted) <= most:
        bound = f"{most}" if least == most else f"at most {most}" if len(wanted) > most else f"at least {least}"
        plural = "s" if len(wanted) != 1 else ""
        acting = " that act" if len(wanted) < len(arch.stages) else ""
        return f"it has {len(wanted)} stage{plural}{acting}, where {space.name} has {bound}"
    reached = _reached(space, wanted, arch)
    if (most, len(wanted)) in {state[:2] for state in reached}:
        return None
    matched = max(state[1] for state in reached)
    ends = [state for state in reached if state[1] == matched]
    if matched == len(wanted):
        last = max(state[0] for state in ends)
        return f"it ends before stage {last + 1} of {space.name}, which cannot be left out"
    offered = [stage for state in ends for stage, _ in _next_stages(space, state, arch) if stage is not None]
    if not offered:
        return f"stage {numbers[matched]} comes after the last that {space.name} can have"
    return f"stage {numbers[matched]} {_unlike(wanted[matched], offered, space, ends)}"


def _numbered(arch: Architecture) -> tuple[tuple[Stage, ...], list[int]]:
    """The stages of the canonical form, and the number of each in `arch.stages`, from 1."""
    kept, numbers, c_in = [], [], arch.stem
    for number, stage in enumerate(arch.stages, 1):
        form = kept_stage(stage, c_in, arch.style)
        if form is not None:
            kept.append(form)
            numbers.append(number)
        c_in = stage.channels
    assert tuple(kept) == canonical(arch).stages
    return tuple(kept), numbers


def _next_stages(space: SearchSpace, state: State, arch: Architecture) -> Iterable[tuple[Stage | None, int]]:
    """What the next stage template can be in this state: (canonical stage, or None for an identity; its channels)."""
    if state[0] == len(space.stages):
        return ()
    every = (stage.behind(state[2]) for _, stage in space.stages[state[0]].every)
    return dict.fromkeys((kept_stage(stage, state[2], arch.style), stage.channels) for stage in every)


def _reached(space: SearchSpace, wanted: tuple[Stage, ...], arch: Architecture) -> list[State]:
    """All states reachable by assignments that agree with the network so far."""
    reached: dict[State, None] = {(0, 0, arch.stem): None}
    waiting = list(reached)
    while waiting:
        state = waiting.pop()
        taken, matched, _ = state
        for stage, channels in _next_stages(space, state, arch):
            if stage is None:
                following = (taken + 1, matched, channels)
            elif matched < len(wanted) and stage == wanted[matched]:
                following = (taken + 1, matched + 1, channels)
            else:
                continue
            if following not in reached:
                reached[following] = None
                waiting.append(following)
    return list(reached)


def _unlike(wanted: Stage, offered: list[Stage], space: SearchSpace, ends: list[State]) -> str:
    """How a stage differs from the stages offered: by its first different field, or as a whole block."""
    whole = any("block" in space.stages[state[0]].slots for state in ends if state[0] < len(space.stages))
    if whole:
        blocks = list(dict.fromkeys(format_stage(stage) for stage in offered))
        more = f" and {len(blocks) - _MOST_SHOWN} more" if len(blocks) > _MOST_SHOWN else ""
        shown = ", ".join(blocks[:_MOST_SHOWN]) if more else _listed(blocks)
        return f"is {format_stage(wanted)}, where {space.name} offers {shown}{more}"
    left = offered
    for name, said in _STAGE:
        value = getattr(wanted, name)
        if all(getattr(stage, name) != value for stage in left):
            values = list(dict.fromkeys(getattr(stage, name) for stage in left))
            verb = "offers" if len(values) > 1 else "has"
            of_type = f" for {wanted.op}" if name != "op" and len({stage.op for stage in offered}) > 1 else ""
            return f"has {said.format(_shown(value))}, where {space.name} {verb} {_listed(values)}{of_type}"
        left = [stage for stage in left if getattr(stage, name) == value]
    raise AssertionError(f"{format_stage(wanted)} is among those offered")


def _listed(values: Iterable[Any]) -> str:
    """The values as "1, 2 or 3"."""
    shown = [_shown(value) for value in values]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "the net's own"
    return f"{value:g}" if isinstance(value, float) else str(value)
