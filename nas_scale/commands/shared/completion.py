"""Words that a shell may complete an option to; nothing heavy is loaded for them."""

from __future__ import annotations

from pathlib import Path

from nas_scale.training.data.ref import SOURCES


def spaces() -> list[str]:
    """The spaces that come with the package."""
    from nas_scale.architecture.files import known_spaces

    return list(known_spaces())


def runs() -> list[str]:
    """The runs in ./results, the latest first."""
    from nas_scale.runs.store import RECORD

    records = sorted(Path("results").glob(f"*/{RECORD}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [record.parent.name for record in records]


def nets() -> list[str]:
    """The nets that come with the package, and the runs that have found some."""
    from nas_scale.architecture.files import known_nets

    return [*known_nets(), *runs()]


def rules() -> list[str]:
    """Rules of scaling by name."""
    from nas_scale.scaling.rules import NAMED

    return list(NAMED)


def shrinking_rules() -> list[str]:
    """Rules to shrink by."""
    from nas_scale.scaling.rules import SHRINKING

    return list(SHRINKING)


def rules_and_runs() -> list[str]:
    """Rules of scaling, and the runs that may have fitted one."""
    return [*rules(), *runs()]


def devices() -> list[str]:
    """The devices in ./results."""
    return sorted(path.stem for path in Path("results/devices").glob("*.json"))


def scaled_metrics() -> list[str]:
    """The metrics by which networks can be scaled."""
    from nas_scale.metrics.metric import LATENCY, metrics

    return [*(metric.name for metric in metrics()), *(f"{LATENCY}@{device}" for device in devices())]


def samplers() -> list[str]:
    """The strategies of a search by name."""
    from nas_scale.samplers.registry import SAMPLERS

    return list(SAMPLERS)


def image_sources() -> list[str]:
    """What images there are, up to where a path or a name begins."""
    return [source.removesuffix("PATH").removesuffix("NAME").removesuffix("[:PATH]") for source in SOURCES]
