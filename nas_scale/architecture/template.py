"""A stage some of whose fields are choices: a line of a search space."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from nas_scale.architecture.notation import Value, format_stage, parse_stage, read_fields, stage_of
from nas_scale.architecture.spec import Stage
from nas_scale.errors import NotationError


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice: its key (`3.kernel` is the kernel of the third stage, `act` is network-wide) and its options."""

    key: str
    options: tuple[Value, ...]


Pick = Callable[[Choice], Value]
Slot = Value | Choice


@dataclass(frozen=True)
class StageTemplate:
    """A stage of a search space: each field is a value or a choice, in the order they are written.

    Where the fields of a stage depend on each other (NAS-Bench-Macro), the one slot `block` is a choice among whole
    stage strings.
    """

    slots: Mapping[str, Slot]

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """The choices of this stage, in the order they are written."""
        return tuple(slot for slot in self.slots.values() if isinstance(slot, Choice))

    @cached_property
    def may_vanish(self) -> bool:
        """Whether an assignment can make this stage an identity, which has no layers where the shape is unchanged."""
        return any(stage.op == "id" for _, stage in self.every)

    def resolve(self, pick: Pick) -> Stage:
        """The stage with the options that `pick` takes; without channels where it keeps those of its input."""
        block = self.slots.get("block")
        if isinstance(block, Choice):
            return parsed_stage(str(pick(block)))
        filled = {name: pick(slot) if isinstance(slot, Choice) else slot for name, slot in self.slots.items()}
        return stage_of(filled.get)

    @cached_property
    def every(self) -> tuple[tuple[dict[str, Value], Stage], ...]:
        """All assignments of this stage's choices, each with its stage."""
        found = []
        for options in itertools.product(*(choice.options for choice in self.choices)):
            params = {choice.key: option for choice, option in zip(self.choices, options, strict=True)}
            found.append((params, self.resolve(lambda choice, params=params: params[choice.key])))  # type: ignore[misc]
        return tuple(found)


parsed_stage = lru_cache(maxsize=4096)(parse_stage)


def stage_template(text: str, number: int) -> StageTemplate:
    """The template of a space's stage `number`, from 1; bars separate whole stages to choose from.

    Raises NotationError.
    """
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
    """The stage strings between bars, in normal form. Raises NotationError where two are equal."""
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
