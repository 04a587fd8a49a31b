"""Costs of a space's nets by lookup: a few microseconds a net, so that a proposal may try hundreds of changes.

A net's cost is a sum over its stages, each of which depends on nothing but the channels and the size it is
handed. So the cost of every assignment of a stage is worked out once (by metrics.counts) and only looked up after that.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import Assignment, SearchSpace
from nas_scale.architecture.spec import Architecture, Stage, Style
from nas_scale.architecture.template import Choice, Slot, StageTemplate
from nas_scale.metrics.counts import Counts, Meters, StageCounts, stage_counts, stage_profile, total

Encoded = tuple[int, ...]  # which option each choice takes, in the space's order
State = tuple[int, int, int]  # channels and pixels a side that one stage hands to the next, and the number of the style


@dataclass(frozen=True, slots=True)
class Ends:
    """What the open fields of the net as a whole come to: the stem's cost, the head's width, the style's number."""

    stem: StageCounts
    head: int
    style: int

    @property
    def state(self) -> State:
        """What the stem hands on."""
        return self.stem.channels, self.stem.resolution, self.style


class Encoding:
    """Codes of one space, their costs and their nets. What it keeps is a cache: it never changes an answer."""

    def __init__(self, space: SearchSpace, meters: Meters = ()) -> None:
        self.space = space
        self.meters = meters
        self.keys = tuple(space.choices)
        self.options = tuple(choice.options for choice in space.choices.values())
        self._numbers = [{option: number for number, option in enumerate(options)} for options in self.options]
        self._net_choices = {name: index for index, name in enumerate(space.net_choices)}
        self.styles = self._possible_styles()
        self.spans = self._stage_spans()
        self._rows: dict[tuple[int, int, int, Encoded, int], StageCounts] = {}
        self._stages: dict[tuple[int, Encoded], Stage] = {}
        self._ends: dict[Encoded, Ends] = {}
        self._heads: dict[tuple[int, int, int, int], tuple[StageCounts, ...]] = {}

    def _possible_styles(self) -> tuple[Style, ...]:
        """One for each activation of the net as a whole, where that can matter: nothing but a meter looks at it."""
        style, acts = self.space.frame.style, self.space.net_choices.get("act")
        if acts is None or not self.meters:
            return (style,)
        return tuple(replace(style, act=act) for act in acts.options)  # type: ignore[arg-type]

    def _stage_spans(self) -> tuple[tuple[int, int], ...]:
        spans, start = [], len(self._net_choices)
        for stage in self.space.stages:
            spans.append((start, start + len(stage.choices)))
            start = spans[-1][1]
        return tuple(spans)

    def code(self, params: Assignment) -> Encoded:
        """Raises KeyError for a missing choice, and for a value that is no option."""
        return tuple([numbers[params[key]] for key, numbers in zip(self.keys, self._numbers, strict=True)])

    def params(self, code: Encoded) -> dict[str, Value]:
        return {key: options[index] for key, options, index in zip(self.keys, self.options, code, strict=True)}

    def net(self, code: Encoded) -> Architecture:
        """The net in canonical form: equal for codes that compute the same."""
        params = self.params(code)
        return self.space.resolve(lambda choice: params[choice.key])

    def uniform(self, rng: random.Random) -> Encoded:
        """Every assignment of the space with the same chance."""
        return tuple(int(rng.random() * len(options)) for options in self.options)

    def moves(self, frozen: Iterable[int] = ()) -> list[tuple[int, int]]:
        """Every (choice, option), except of frozen choices."""
        kept = set(frozen)
        return [
            (at, option) for at, options in enumerate(self.options) if at not in kept for option in range(len(options))
        ]

    def cost(self, code: Encoded) -> Counts[int]:
        """The same as metrics.counts.cost of the net, with what the meters count."""
        ends = self.ends(code)
        row = ends.stem
        parts, rows = [row], self._rows
        for index, (start, end) in enumerate(self.spans):
            key = (index, row.channels, row.resolution, code[start:end], ends.style)
            row = rows[key] if key in rows else self.row(*key)
            parts.append(row)
        parts += self.head(row.channels, row.resolution, ends.head, ends.style)
        return total(parts, self.meters)

    def row(self, index: int, channels: int, size: int, assignment: Encoded, style: int = 0) -> StageCounts:
        """Cost of stage `index`, filled so, on a size x size map of so many channels."""
        key = (index, channels, size, assignment, style)
        if key not in self._rows:
            stage = self.stage(index, assignment).behind(channels)
            self._rows[key] = stage_counts(stage, channels, size, self.styles[style], self.meters)
        return self._rows[key]

    def stage(self, index: int, assignment: Encoded) -> Stage:
        """Stage `index`, filled so; without channels where it keeps those of its input."""
        key = (index, assignment)
        if key not in self._stages:
            template = self.space.stages[index]
            options = [choice.options[at] for choice, at in zip(template.choices, assignment, strict=True)]
            params = dict(zip((choice.key for choice in template.choices), options, strict=True))
            self._stages[key] = template.resolve(lambda choice: params[choice.key])
        return self._stages[key]

    def assignments(self, index: int) -> Iterator[Encoded]:
        """All assignments of stage `index`."""
        start, end = self.spans[index]
        return product(*(range(len(options)) for options in self.options[start:end]))

    def network_assignments(self) -> Iterator[Encoded]:
        """All assignments of the fields that are open for the net as a whole."""
        return product(*(range(len(options)) for options in self.options[: len(self._net_choices)]))

    def ends(self, code: Encoded) -> Ends:
        """Stem and head of a code, of which only the part for the whole net is read."""
        assignment = code[: len(self._net_choices)]
        if assignment not in self._ends:
            picked = {name: self.options[at][assignment[at]] for name, at in self._net_choices.items() if name != "act"}
            at = self._net_choices.get("act")
            style = 0 if at is None or len(self.styles) == 1 else assignment[at]
            bare = replace(self.space.frame, stages=(), style=self.styles[style], **picked)  # type: ignore[arg-type]
            self._ends[assignment] = Ends(stage_profile(bare, self.meters)[0], bare.head, style)
        return self._ends[assignment]

    def head(self, channels: int, size: int, width: int, style: int = 0) -> tuple[StageCounts, ...]:
        """Head, if any, and classifier on the last stage's map."""
        key = (channels, size, width, style)
        if key not in self._heads:
            frame = self.space.frame
            fields = {"stem": channels, "head": width, "resolution": size * frame.stem_stride * frame.stem_pool}
            bare = replace(frame, stages=(), style=self.styles[style], **fields)  # type: ignore[arg-type]
            self._heads[key] = tuple(stage_profile(bare, self.meters)[1:])
        return self._heads[key]


@dataclass(frozen=True, slots=True)
class _Written:
    """A space as its parts, each in its order: equal for equal spaces, and hashable."""

    name: str
    about: str
    frame: Architecture
    stages: tuple[tuple[tuple[str, Slot], ...], ...]
    net_choices: tuple[tuple[str, Choice], ...]


@lru_cache(maxsize=8)
def _encoding_for(written: _Written, meters: Meters) -> Encoding:
    stages = tuple(StageTemplate(dict(slots)) for slots in written.stages)
    space = SearchSpace(written.name, written.about, written.frame, stages, dict(written.net_choices))
    return Encoding(space, meters)


def encoding_for(space: SearchSpace, meters: Meters = ()) -> Encoding:
    """The same for every equal space, so that a fresh sampler need not work out again what another has."""
    stages = tuple(tuple(stage.slots.items()) for stage in space.stages)
    written = _Written(space.name, space.about, space.frame, stages, tuple(space.net_choices.items()))
    return _encoding_for(written, meters)
