"""What any run ended in as the table that its command shows: fresh or old, it looks the same."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from nas_scale.commands.certify.result import CertifyResult
from nas_scale.commands.compare.result import CompareResult
from nas_scale.commands.family.result import FamilyResult
from nas_scale.commands.grid.result import GridResult
from nas_scale.commands.results import AnyResult
from nas_scale.commands.search.result import SearchResult
from nas_scale.show.rankings import MOST_ROWS, ranking_table


def result_table(found: AnyResult, rows: int = MOST_ROWS) -> RenderableType:
    """The table of any result; `rows` of a search's ranking."""
    match found:
        case SearchResult():
            return _search(found, rows)
        case GridResult():
            from nas_scale.show.grids import grid_table

            return grid_table(found)
        case CertifyResult():
            from nas_scale.show.certificates import certificate_table

            return certificate_table(found)
        case CompareResult():
            from nas_scale.show.comparisons import comparison_table

            return comparison_table(found)
        case FamilyResult():
            parts = (result_table(part, rows) for part in (found.search, found.grid, found.expand))
            return Group(*(item for part in parts for item in (part, Text(""))))
    from nas_scale.show.families import expand_table

    return expand_table(found)


def _search(found: SearchResult, rows: int) -> RenderableType:
    table = ranking_table(found, rows)
    if not found.objectives:
        return table
    from nas_scale.commands.search.front import front_of
    from nas_scale.show.front import front_view

    return Group(table, Text(""), front_view(front_of(found), rows))
