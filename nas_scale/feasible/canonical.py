"""Which codes are one net, and by what nets differ: canonical forms of many codes at once.

A canonical net is its stages in canonical form, those left out that do nothing. Each is looked up by the stage's
assignment and input, as costs are (cost_table.py), so that no net has to be written out to be compared.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np

from nas_scale.architecture.notation import Value
from nas_scale.architecture.space import SearchSpace, canonical, with_net_fields
from nas_scale.architecture.spec import Architecture, Stage
from nas_scale.architecture.template import StageTemplate
from nas_scale.feasible.cost_table import CostTable, Ints, Longs, Table, cost_table_for
from nas_scale.metrics.counts import Meters

GONE: Final = 0  # the number of a stage that does nothing


class Forms:
    """Canonical forms of one space. codes: whole numbers [nets, choices]; what it keeps is a cache."""

    def __init__(self, table: CostTable) -> None:
        self.table = table
        space = table.encoding.space
        self.counts = table.counts + 1  # the levels of every choice: its options, and that it does not act
        act = space.net_choices.get("act")
        styles = act.options if act else (space.frame.style.act,)
        self._frames = [with_net_fields(replace(space.frame, stages=()), {"act": style}) for style in styles]
        self._act = list(space.net_choices).index("act") if act else None
        self._numbers: dict[Stage, int] = {}
        self._tables = [
            Table(int(table.counts[start:end].prod()), 1 + end - start, self._row(index), table.lock)
            for index, (start, end) in enumerate(table.encoding.spans)
        ]
        self._runs = [run for run in _runs(space.stages) if space.stages[run[0]].may_vanish]

    def keys(self, codes: Ints) -> list[bytes]:
        """Equal for equal nets, and for no others."""
        numbers, _ = self._forms(codes)
        order = np.argsort(numbers == GONE, axis=1, kind="stable")
        rows = np.column_stack([self.table.network_assignments(codes), np.take_along_axis(numbers, order, axis=1)])
        return [row.tobytes() for row in rows.astype(np.int32)]

    def levels(self, codes: Ints) -> Longs:
        """What each choice comes to in the canonical net: [nets, choices], below `counts`.

        The number of an option, or the number of options where the choice does not act. Stages that do nothing come
        after the others of a row of like stages. Nets that differ have levels that differ; equal nets have equal ones
        unless they owe a stage to different lines of the space.
        """
        return self._forms(codes)[1]

    def _forms(self, codes: Ints) -> tuple[Longs, Longs]:
        """Numbers of the stages, [nets, stages], and levels."""
        levels = codes.astype(np.int64)
        numbers = np.empty((len(codes), len(self._tables)), np.int64)
        acts = len(self._frames)
        act = levels[:, self._act] if self._act is not None else np.zeros(len(codes), np.int64)
        for index, states, assignments in self.table.walk(codes):
            table = self._tables[index]
            places = table.places(states * acts + act, assignments)
            numbers[:, index] = table.column(0, places)
            for column, at in enumerate(range(*self.table.encoding.spans[index]), 1):
                levels[:, at] = table.column(column, places)
        for run in self._runs:
            self._settle(numbers, levels, run)
        return numbers, levels

    def _settle(self, numbers: Longs, levels: Longs, run: list[int]) -> None:
        order = np.argsort(numbers[:, run] == GONE, axis=1, kind="stable")
        numbers[:, run] = np.take_along_axis(numbers[:, run], order, axis=1)
        starts = np.array([self.table.encoding.spans[index][0] for index in run])
        for offset in range(np.diff(self.table.encoding.spans[run[0]])[0]):
            levels[:, starts + offset] = np.take_along_axis(levels[:, starts + offset], order, axis=1)

    def _row(self, index: int) -> Callable[[int, int], Sequence[int]]:
        encoding = self.table.encoding
        where = slice(*encoding.spans[index])
        template = encoding.space.stages[index]

        def row(state: int, assignment: int) -> Sequence[int]:
            channels, *_ = self.table.states[state // len(self._frames)]
            code = self.table.decode(where, assignment)
            frame = self._frames[state % len(self._frames)]
            kept = _alone(encoding.stage(index, code), channels, frame)
            if kept is None:
                return GONE, *_gone(template, encoding.options[where])
            return self._numbers.setdefault(kept, len(self._numbers) + 1), *self._levels(index, kept, channels, frame)

        return row

    def _levels(self, index: int, kept: Stage, channels: int, frame: Architecture) -> list[int]:
        encoding = self.table.encoding
        options = encoding.options[slice(*encoding.spans[index])]
        names = [name for name, slot in encoding.space.stages[index].slots.items() if not _fixed(slot)]
        if names == ["block"]:
            alternatives = [
                _alone(encoding.stage(index, (option,)), channels, frame) for option in range(len(options[0]))
            ]
            return [alternatives.index(kept)]
        return [_option(taken, getattr(kept, name)) for name, taken in zip(names, options, strict=True)]


def _fixed(slot: object) -> bool:
    return not hasattr(slot, "options")


def _alone(stage: Stage, channels: int, frame: Architecture) -> Stage | None:
    """The stage in canonical form where it is handed so many channels; None where it does nothing."""
    stages = canonical(replace(frame, stem=channels, stages=(stage.behind(channels),))).stages
    return stages[0] if stages else None


def _gone(template: StageTemplate, options: Sequence[tuple[Value, ...]]) -> list[int]:
    """The levels of a stage that does nothing."""
    if "block" in template.slots and template.choices:
        return [next(at for at, text in enumerate(options[0]) if str(text).startswith("id"))]
    return [len(taken) for taken in options]


def _option(options: tuple[Value, ...], value: Value | None) -> int:
    return options.index(value) if value in options else len(options)


def _runs(stages: Sequence[StageTemplate]) -> list[list[int]]:
    """The stages, by number, in rows of neighbours that are written alike."""
    numbered = itertools.groupby(range(len(stages)), key=lambda index: _written(stages[index]))
    return [list(run) for _, run in numbered]


def _written(template: StageTemplate) -> tuple[tuple[str, object], ...]:
    return tuple((name, getattr(slot, "options", slot)) for name, slot in template.slots.items())


@lru_cache(maxsize=8)
def _forms_for(table: CostTable) -> Forms:
    return Forms(table)


def forms_for(space: SearchSpace, meters: Meters = ()) -> Forms:
    """The same for every equal space."""
    return _forms_for(cost_table_for(space, meters))
