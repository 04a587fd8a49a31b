"""The metrics of devices that a command's options name, registered while it runs: latency@mycpu."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from nas_scale.metrics.metric import LATENCY, metrics, registered

P = ParamSpec("P")
R = TypeVar("R")

# Options whose values may name a device behind an @.
NAMING: Final = (f"target_{LATENCY}", f"max_{LATENCY}", "objective", "screen", "scale_by", "targets", "at")
_DEVICE: Final = re.compile(r"@([^,@\s]+)")


def devices_named(options: Mapping[str, Any]) -> list[str]:
    """The devices that these options name, each once, in order."""
    texts = [text for name in NAMING for text in _texts(options.get(name))]
    return list(dict.fromkeys(device for text in texts for device in _DEVICE.findall(text)))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [text for text in value if isinstance(text, str)] if isinstance(value, list | tuple) else []


@contextlib.contextmanager
def device_metrics(devices: Iterable[str], results: str | Path) -> Iterator[None]:
    """Inside the context `latency@DEVICE` of each is a metric. Raises UserError for a device that has no table."""
    with contextlib.ExitStack() as stack:
        for device in devices:
            if f"{LATENCY}@{device}" not in [metric.name for metric in metrics()]:
                from nas_scale.devices.device_metric import latency_metric
                from nas_scale.devices.table import read_table

                stack.enter_context(registered(latency_metric(read_table(device, Path(results)))))
        yield


def with_device_metrics(command: Callable[P, R]) -> Callable[P, R]:
    """The command with the metrics of the devices that its options name."""

    @functools.wraps(command)
    def call(*args: P.args, **options: P.kwargs) -> R:
        with device_metrics(devices_named(options), str(options.get("results") or "results")):
            return command(*args, **options)

    return call
