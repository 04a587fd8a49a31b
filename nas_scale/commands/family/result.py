"""What a family in one go ends in: the results of its three parts."""

from __future__ import annotations

from nas_scale.commands.expand.result import ExpandResult, Member
from nas_scale.commands.grid.result import GridResult
from nas_scale.commands.search.result import SearchResult
from nas_scale.runs.results import Result


class FamilyResult(Result, frozen=True, kw_only=True, tag="family"):
    """A search, the grid on its best net, and the family grown by the grid's fit; each is a run in `folder`."""

    run: str
    folder: str
    search: SearchResult
    grid: GridResult
    expand: ExpandResult

    @property
    def rows(self) -> tuple[Member, ...]:
        """The rows of the family; its other parts are runs of their own."""
        return self.expand.rows
