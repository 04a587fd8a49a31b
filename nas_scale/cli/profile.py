"""nas-scale profile"""

from __future__ import annotations

from typing import Any

from nas_scale.cli.command import Command, Spreadsheet
from nas_scale.commands.latency.options import Measuring
from nas_scale.commands.profile.options import ProfileOptions
from nas_scale.commands.shared.options import only, take
from nas_scale.commands.shared.run_settings import RunSettings


def profile(options: dict[str, Any], json: bool) -> None:
    """Show what nets cost, stage by stage: resolution, channels, FLOPs (multiply-adds), parameters, activations.

    With --latency their milliseconds and memory on this machine are measured as well, side by side.

    Example: nas-scale profile efficientnet-b0 mobilenetv2 --latency --runtime onnxruntime
    """
    from nas_scale.cli.answer import answer
    from nas_scale.cli.watched import watched_measuring
    from nas_scale.commands.profile import run as flow
    from nas_scale.show import console
    from nas_scale.show.tables import profile_tables

    form = take(options, Spreadsheet)
    form.refuse_beside(json=json)
    options = {name: value for name, value in options.items() if name != "csv"}
    with watched_measuring() as watch:
        profiles = flow.profile(on_progress=watch, **options)
    if form.csv:
        from nas_scale.show.csv_table import csv_text

        console.print_text(csv_text(flow.profile_rows(profiles)))
        return
    answer(json, lambda: flow.profile_document(profiles), lambda: profile_tables(profiles))


COMMAND = Command(profile, (ProfileOptions, Measuring, Spreadsheet, only(RunSettings, "results")))
