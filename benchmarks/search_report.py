"""What search_quality.py shows: gaps to the best net with their standard errors, as JSON and as tables."""

from __future__ import annotations

import json
import math
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from landscapes import NOISY, PARTS, task

from nas_scale.atomic import write_text

BASE: Final = "random"  # ours, which keeps limits and repeats no net
TITLES: Final = {
    "macro": "NAS-Bench-Macro",
    "macro-30": "NAS-Bench-Macro, FLOPs at most the 30th percentile",
    "macro-band": "NAS-Bench-Macro, FLOPs within 2% of the median",
    "interactions": "interactions, 400M +-10%",
    "ridge": "ridge, 400M +-10%",
    "rare": "rare, at most 400M",
    "together": "together, at most 400M",
    "half": "half, at most 400M",
}
FINALISTS_OF: Final = "predictor"
ANSWERS: Final = {"0": ", no finals", "10": ""}  # columns of a noisy table, by the share of finalists
Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mean:
    """error: standard error; None for a single search, 0 where nothing varies."""

    mean: float
    error: float | None

    def over(self, base: Mean) -> Mean:
        """As a share of another mean, with the errors of both; not a number where that is nothing."""
        if self is base:
            return Mean(1.0, 0.0)  # the others' errors hold its own
        if not base.mean:
            return Mean(math.nan, None)
        share = self.mean / base.mean
        if self.error is None or base.error is None:
            return Mean(share, None)
        return Mean(share, math.hypot(self.error, share * base.error) / base.mean)

    def __str__(self) -> str:
        return f"{self.mean:.3f}" if not self.error else f"{self.mean:.3f} ± {self.error:.3f}"


@dataclass(frozen=True, slots=True)
class Row:
    """A strategy on a part. gaps: by budget, or by budget/way of choosing; repeats and seconds of a whole search."""

    seeds: int
    gaps: dict[str, Mean]
    repeats: float
    seconds: float


def report(records: Sequence[Record], out: Path, bench: Path | None) -> None:
    """Writes .json and .md beside `out`, and prints the tables."""
    searches: dict[str, dict[str, Row]] = {}
    for part in PARTS:
        if bench is None and part.startswith("macro"):
            continue
        for window in sorted({record["window"] for record in records if record["part"] == part}):
            chosen = [record for record in records if (record["part"], record["window"]) == (part, window)]
            searches[f"{part} window {window}"] = rows(chosen, task(part, bench).best())
    times = {record["strategy"]: record["found"] for record in records if record["part"] == "overhead"}
    stamp = {
        "date": date.today().isoformat(),
        "code": ", ".join(sorted({record["code"] for record in records})),
        "optuna": version("optuna"),
        "python": platform.python_version(),
        "processor": platform.machine(),
    }
    found = {
        **stamp,
        "searches": {title: {name: asdict(row) for name, row in of.items()} for title, of in searches.items()},
        "milliseconds": times,
    }
    write_text(out.with_suffix(".json"), json.dumps(found, indent=1) + "\n")
    pieces = [f"{stamp['date']}, Optuna {stamp['optuna']}, Python {stamp['python']}. ± is a standard error.\n"]
    pieces += [text for title, of in searches.items() if of for text in tables(title, of)]
    if times:
        pieces.append(overhead_table(times))
    text = "\n".join(pieces)
    write_text(out.with_suffix(".md"), text)
    print(text)


def rows(records: Iterable[Record], best: float) -> dict[str, Row]:
    """By strategy, in the order in which they were measured first."""
    grouped: dict[str, dict[int, Record]] = {}
    for record in records:
        grouped.setdefault(record["strategy"], {})[record["seed"]] = record  # the last of a seed holds most budgets
    return {name: row(list(of_seeds.values()), best) for name, of_seeds in grouped.items()}


def row(records: Sequence[Record], best: float) -> Row:
    common = [key for key in records[0]["found"] if all(key in record["found"] for record in records)]
    return Row(
        seeds=len(records),
        gaps={key: mean([best - record["found"][key] for record in records]) for key in common},
        repeats=statistics.fmean(record["repeats"] for record in records),
        seconds=statistics.fmean(record["seconds"] for record in records),
    )


def mean(values: Sequence[float]) -> Mean:
    error = statistics.stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return Mean(statistics.fmean(values), error)


def tables(title: str, of: Mapping[str, Row]) -> Iterable[str]:
    """A table; of noisy searches one for every budget."""
    part, _, window = title.partition(" window ")
    noisy = part.endswith(NOISY)
    heading = TITLES[part.removesuffix(NOISY)] + (", noisy" if noisy else ", exact")
    heading += f", {window} under way at once" if window != "1" else ""
    keys = list(dict.fromkeys(key for of_strategy in of.values() for key in of_strategy.gaps))
    if noisy:
        budgets = list(dict.fromkeys(key.partition("/")[0] for key in keys))
        answers = {f"{budget}/{final}": f"{budget}{shown}" for final, shown in ANSWERS.items() for budget in budgets}
        if part == f"macro{NOISY}" or BASE not in of:
            yield table(f"{heading}: points behind the best, by trainings in all", answers, of)
        else:
            yield relative_table(heading, answers, of)
        if part == f"macro{NOISY}" and FINALISTS_OF in of:
            yield finals_table(f"{heading}: how many finalists {FINALISTS_OF} has", of[FINALISTS_OF], budgets)
    elif part == "macro":
        yield table(f"{heading}: points behind the best, by evaluations", {key: key for key in keys}, of)
    elif BASE in of:
        yield relative_table(heading, {key: key for key in keys}, of)


def relative_table(heading: str, keys: Mapping[str, str], of: Mapping[str, Row]) -> str:
    """Gaps over random search's."""
    shares = {
        name: Row(row.seeds, {key: gap.over(of[BASE].gaps[key]) for key, gap in row.gaps.items()}, row.repeats, 0.0)
        for name, row in of.items()
    }
    absolute = ", ".join(f"{of[BASE].gaps[key]} after {shown}" for key, shown in keys.items())
    return table(f"{heading}: gap to the best net over random search's ({absolute}), by trainings in all", keys, shares)


def table(title: str, keys: Mapping[str, str], of: Mapping[str, Row]) -> str:
    lines = [f"**{title}**", "", f"| strategy | {' | '.join(keys.values())} | repeats | seeds |"]
    lines.append("|---" * (len(keys) + 3) + "|")
    for name, row in of.items():
        cells = [str(row.gaps.get(key, "")) + ("!" if worse(row, of.get(BASE), key) else "") for key in keys]
        lines.append(f"| {name} | {' | '.join(cells)} | {row.repeats:.1f} | {row.seeds} |")
    if any("!" in line for line in lines[3:]):
        lines += ["", "! is worse than random search by more than two standard errors."]
    return "\n".join([*lines, ""])


def finals_table(title: str, row: Row, budgets: Sequence[str]) -> str:
    """By how many of the nets tried are finalists."""
    shares = dict.fromkeys(key.partition("/")[2] for key in row.gaps)
    lines = [f"**{title}**", "", f"| finalists | {' | '.join(budgets)} |", "|---" * (1 + len(budgets)) + "|"]
    for share in shares:
        cells = [str(row.gaps.get(f"{budget}/{share}", "")) for budget in budgets]
        lines.append(f"| {'none' if share == '0' else f'1 in {share}'} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])


def worse(row: Row, base: Row | None, key: str) -> bool:
    if base is None or row is base or key not in row.gaps or key not in base.gaps:
        return False
    own, other = row.gaps[key], base.gaps[key]
    if own.error is None or other.error is None:
        return False
    return own.mean - other.mean > 2 * math.hypot(own.error, other.error)


def overhead_table(times: Mapping[str, Mapping[str, float]]) -> str:
    lengths = list(dict.fromkeys(key.removesuffix(" first") for of in times.values() for key in of))
    lines = ["**Milliseconds a proposal, by finished trials (in brackets: the first of a process)**", ""]
    lines += [f"| strategy | {' | '.join(lengths)} |", "|---" * (len(lengths) + 1) + "|"]
    for name, of in times.items():
        cells = [f"{of[key]:.0f} ({of[f'{key} first']:.0f})" if key in of else "" for key in lengths]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, ""])
