"""What gpu.py found, as one screen of text and as Markdown: of every step its latest line that was not skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gpu_rows import read_rows

Line = dict[str, Any]
Row = dict[str, Any]

TABLE = "gpu.md"
ERROR_SHOWN = 110


def latest(out: Path) -> list[Line]:
    """A line for every step in the file, by number."""
    found: dict[int, Line] = {}
    for line in read_rows(out / "results.jsonl"):
        if line["status"] != "skipped" or line["step"] not in found:
            found[line["step"]] = line
    return [found[number] for number in sorted(found)]


def rows(line: Line, key: str) -> list[Row]:
    """The step's rows that have this key."""
    return [row for row in line["result"]["rows"] if key in row]


def summary(out: Path) -> str:
    """A line a step."""
    lines = [f"{'step':16} {'status':8} {'s':>6}  what it says"]
    for line in latest(out):
        label = f"{line['step']} {line['name']}"
        lines.append(f"{label:16} {line['status']:8} {line['seconds']:6.1f}  {headline(line)}")
    return "\n".join(lines)


def headline(line: Line) -> str:
    """What a step says in a few words; where it went wrong, also the first and last of its error."""
    found = " ".join(viewed(HEADLINES, line))
    words = [text.strip() for text in line["error"].splitlines() if text.strip()]
    error = ": ".join(dict.fromkeys([*words[:1], *words[-1:]]))
    return "; ".join(filter(None, [found, error if len(error) <= ERROR_SHOWN else error[:ERROR_SHOWN] + " ..."]))


def viewed(views: Mapping[int, Callable[[Line], str | list[str]]], line: Line) -> list[str]:
    """The step's view of its rows."""
    if line["step"] not in views or not line["result"]["rows"]:
        return []
    try:
        found = views[line["step"]](line)
    except Exception as error:  # a step may have been killed anywhere, and the others are to be seen
        return [f"its rows cannot be shown: {error!r}"]
    return [found] if isinstance(found, str) else found


def _environment(line: Line) -> str:
    found = rows(line, "environment")[0]["environment"]
    cards = [f"{row['card']}, {row['memory_gib']} GiB" for row in rows(line, "card")]
    return ", ".join([*cards, f"torch {found['torch']}, cuDNN {found['cudnn']}, {found['cores']} cores"])


def _ways(line: Line) -> str:
    ways = rows(line, "way")
    failed = sum(bool(row["error"]) for row in ways)
    recorded = sum(bool(row.get("recorded")) for row in ways)
    worst = {
        precision: max(row["deviation"] for row in ways if _deviates(row) and row["way"]["precision"] == precision)
        for precision in ("float32", "bfloat16")
        if any(_deviates(row) and row["way"]["precision"] == precision for row in ways)
    }
    off = ", ".join(f"{precision} off by {value:.2g} at most" for precision, value in worst.items())
    return f"{len(ways)} ways, {failed} failed, {recorded} recorded; {off}"


def _deviates(row: Row) -> bool:
    return isinstance(row.get("deviation"), float)


def _tests(line: Line) -> str:
    tests = rows(line, "test")
    counts = {word: sum(row["outcome"] == word for row in tests) for word in ("passed", "failed", "skipped")}
    names = ", ".join(row["test"].rpartition("::")[2] for row in tests if row["outcome"] == "failed")
    return ", ".join(f"{count} {word}" for word, count in counts.items()) + (f" ({names})" if names else "")


def _search(line: Line) -> str:
    for row in rows(line, "search"):
        found, spread = row["search"], row["search"]["accuracies"]
        return (
            f"{found['nets']} nets in {found['wall_seconds']} s; accuracies {spread['min']:.1%} to {spread['max']:.1%}"
        )
    return _progress(line)


def _progress(line: Line) -> str:
    latest_of = {row["run"]: row for row in rows(line, "trials_told")}
    return ", ".join(
        f"{run}: {row['trials_told']} trials after {row['after_seconds']} s" for run, row in latest_of.items()
    )


def _at_once(line: Line) -> str:
    best: dict[str, Row] = {}
    for row in rows(line, "nets_per_minute"):
        if (row["nets_per_minute"] or 0) > best.get(row["proxy"], {"nets_per_minute": 0})["nets_per_minute"]:
            best[row["proxy"]] = row
    return "; ".join(
        f"{proxy} {row['nets_per_minute']:.0f} nets a minute ({row['at_once']} {row['kind']})"
        for proxy, row in best.items()
    )


def _speed(line: Line) -> str:
    found = []
    for row in rows(line, "speed"):
        own = row["speed"]["images_per_second"]["nas-scale"]
        found.append(
            f"{row['speed']['net']} {own['times_plain']:.1f}x plain, {own['times_timm_style']:.1f}x timm, "
            f"{own['share_of_eager_floor']:.0%} of floor"
        )
    return "; ".join(found)


def _costs(line: Line) -> str:
    return "; ".join(
        f"{row['net']} {1000 * row['step']:.2f} ms a step, build {row['build']:.2f} s"
        for row in rows(line, "step")
        if row["benchmark"] and row["multiple"] == 4
    )


def _rank(line: Line) -> str:
    return "; ".join(
        f"{row['recipe']} {row['part']} tau {_tau(row['tau']['accuracy'])} ({row['nets']} nets, "
        f"{row['seconds_a_net']:.1f} s each)"
        for row in rows(line, "recipe")
    )


def _tau(found: Row) -> str:
    if found["tau"] is None:
        return "-"
    return f"{found['tau']:.2f}" + ("" if found["low"] is None else f" ({found['low']:.2f} to {found['high']:.2f})")


def _accuracy(line: Line) -> str:
    for row in rows(line, "time_to_accuracy"):
        found = row["time_to_accuracy"]
        whole, warm = found["seconds"]["mean"], found["seconds_without_start"]["mean"]
        small = " (a rehearsal, no claim)" if found["rehearsal_at_small_size"] else ""
        return f"{found['candidate']}: {found['accuracy']['mean']:.2%} in {whole:.1f} s, {warm:.1f} s warm{small}"
    return ""


def _family(line: Line) -> str:
    for row in rows(line, "family"):
        found, fitted = row["family"], row["family"]["coefficients"]
        greek = ", ".join(f"{name} {fitted[name]:.2f}" for name in ("alpha", "beta", "gamma"))
        return f"{found['wall_seconds']} s, {found['search']['nets']} + {found['grid_networks']} nets; {greek}"
    return _progress(line)


def _latency(line: Line) -> str:
    found = []
    for row in rows(line, "profile"):
        nets = row["profile"].get("nets", [])
        under = f"{row['runtime']} {row['precision']}, batch {row['batch']}"
        found += [f"{net['name']} {net['latency']['milliseconds']:.3g} ms ({under})" for net in nets[:1]]
    for row in rows(line, "table"):
        judged = row["table"].get("judged")
        found += [f"table within 10% for {judged['within_10_percent']:.0%}"] if judged else []
    return "; ".join(found)


HEADLINES: dict[int, Callable[[Line], str]] = {
    0: _environment,
    1: _ways,
    2: _tests,
    3: _search,
    4: _at_once,
    5: _speed,
    6: _costs,
    7: _rank,
    8: _accuracy,
    9: _family,
    10: _latency,
}


def draw(out: Path) -> str:
    """Writes OUT/gpu.md, and returns it."""
    lines = latest(out)
    text = ["# What a GPU says", ""]
    if lines:
        text += [f"{lines[0]['device']}, torch {lines[0]['torch']}, Python {lines[0]['python']}.", ""]
    if any("--tiny" in line["command"] for line in lines):
        text += ["A rehearsal at small size: its figures mean nothing.", ""]
    text += table(
        ("step", "status", "seconds", "date", "what it says"),
        [
            (f"{each['step']} {each['name']}", each["status"], each["seconds"], each["date"][:16], headline(each))
            for each in lines
        ],
    )
    for line in lines:
        if inside := viewed(SECTIONS, line):
            text += ["", f"## {line['step']} {line['name']}", "", f"`{line['command']}`", "", *inside]
    whole = "\n".join(text) + "\n"
    (out / TABLE).write_text(whole)
    return whole


def table(head: Sequence[str], body: Iterable[Sequence[Any]]) -> list[str]:
    """Markdown, whatever the cells hold."""
    cells = [[str(cell).replace("|", "/").replace("\n", " ") for cell in row] for row in [head, *body]]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    return [lines[0], "|" + "---|" * len(head), *lines[1:]]


def _ways_section(line: Line) -> list[str]:
    body = []
    for row in rows(line, "way"):
        way = row["way"]
        found = f"{row['deviation']:.2g}" if _deviates(row) else row.get("deviation") or "-"
        why = row.get("not_recorded") or (row["error"].splitlines()[-1] if row["error"] else "")
        names = [way[key] for key in ("optimizer", "images", "recipe", "precision", "seeds", "steps")]
        body.append((*names, found, "yes" if row.get("recorded") else "no", row["seconds"], why[:ERROR_SHOWN]))
    head = ("optimizer", "images", "recipe", "precision", "seeds", "steps", "deviation", "recorded", "s", "why not")
    return table(head, body)


def _tests_section(line: Line) -> list[str]:
    failed = [row for row in rows(line, "test") if row["outcome"] == "failed"]
    return table(("failed", "with"), [(row["test"], row["error"].strip()[-300:]) for row in failed]) if failed else []


def _search_section(line: Line) -> list[str]:
    body = [
        (row["rank"], f"{row['accuracy']:.1%}", row["search"], row["final"], f"{row['flops'] / 1e6:.0f}M")
        for found in rows(line, "search")
        for row in found["search"]["head"]
        if row["accuracy"] is not None
    ]
    return table(("rank", "accuracy", "search", "fresh seeds", "FLOPs"), body) if body else []


def _at_once_section(line: Line) -> list[str]:
    keys = ("proxy", "kind", "at_once", "nets", "nets_per_minute", "images_per_second")
    body = [[_short(row.get(key)) for key in keys] for row in rows(line, "nets_per_minute")]
    return table(("proxy", "trainings as", "at once", "nets timed", "nets a minute", "images a second"), body)


def _speed_section(line: Line) -> list[str]:
    body = []
    for row in rows(line, "speed"):
        for who, found in row["speed"]["images_per_second"].items():
            share = f"{found['share_of_eager_floor']:.0%}"
            rates = [f"{found[key]:,.0f}" for key in ("median", "min", "max")]
            body.append((row["speed"]["net"], who, *rates, found["times_plain"], found["times_timm_style"], share))
    return table(("net", "loop", "images a second", "min", "max", "x plain", "x timm-style", "of the floor"), body)


def _costs_section(line: Line) -> list[str]:
    keys = (
        "net",
        "benchmark",
        "multiple",
        "build",
        "first",
        "eager",
        "recording",
        "step",
        "evaluation",
        "not_recorded",
    )
    return table(keys, [[_short(row.get(key)) for key in keys] for row in rows(line, "step")])


def _rank_section(line: Line) -> list[str]:
    body = [
        (row["recipe"], row["part"], row["nets"], f"{row['seconds_a_net']:.2f}", score, _tau(found))
        for row in rows(line, "recipe")
        for score, found in row["tau"].items()
    ]
    return table(("recipe", "part", "nets", "s a net", "score", "tau"), body)


def _family_section(line: Line) -> list[str]:
    keys = ("phi", "resolution", "flops", "params", "flops_ratio", "wanted_ratio")
    body = [[_short(step[key]) for key in keys] for row in rows(line, "family") for step in row["family"]["steps"]]
    return table(keys, body) if body else []


def _latency_section(line: Line) -> list[str]:
    body = []
    for row in rows(line, "profile"):
        for net in row["profile"].get("nets", []):
            found = net["latency"]
            times = [_short(found[key]) for key in ("milliseconds", "p10", "p90")]
            rate = f"{found['images_per_second']:,.0f}"
            body.append((row["runtime"], row["precision"], row["batch"], net["name"], *times, rate, found["place"]))
    return table(("runtime", "precision", "batch", "net", "median ms", "p10", "p90", "images/s", "place"), body)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)


SECTIONS: dict[int, Callable[[Line], list[str]]] = {
    1: _ways_section,
    2: _tests_section,
    3: _search_section,
    4: _at_once_section,
    5: _speed_section,
    6: _costs_section,
    7: _rank_section,
    9: _family_section,
    10: _latency_section,
}


if __name__ == "__main__":
    import sys

    print(draw(Path(sys.argv[1] if len(sys.argv) > 1 else "benchmarks/results/gpu")))
