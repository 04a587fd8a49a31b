"""Which nets are being trained at this moment, how far each is and how fast: what the news of trainings add up to."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from nas_scale.architecture.files import net_from_document
from nas_scale.show.tables import compact
from nas_scale.training.job import Epoch
from nas_scale.trials.events import (
    EpochDone,
    JobDone,
    JobEpochDone,
    SeedDone,
    TrialDone,
    TrialFailed,
    TrialPruned,
    TrialStarted,
)


class UnderWay:
    """The latest progress report of each unfinished training, by its seeds."""

    def __init__(self) -> None:
        self._nets: dict[int, str] = {}
        self._latest: dict[tuple[Hashable, ...], tuple[str, Epoch]] = {}

    @property
    def parts(self) -> float:
        """Trainings from one seed, counted by the epochs that they have had."""
        latest = list(self._latest.items())  # the bar is drawn by a thread of its own
        return sum(len(seeds) * news.epoch / news.epochs for seeds, (_, news) in latest)

    def see(self, event: Any) -> None:
        """Takes what a run tells as it goes; the end of a training, or of its trial, ends its news."""
        match event:
            case TrialStarted():
                self._nets[event.number] = _net(event.attributes)
            case EpochDone():
                seeds = tuple((event.number, index) for index in event.indices)
                net = f"trial {event.number} {self._nets.get(event.number, '')}"
                self._latest[seeds] = (net.rstrip(), event.news)
            case JobEpochDone():
                self._latest[event.keys] = (f"trial {event.keys[0].partition('/')[0]}", event.news)
            case SeedDone():
                self._end(lambda seed: seed == (event.number, event.index))
            case JobDone():
                self._end(lambda seed: seed == event.key)
            case TrialDone() | TrialPruned() | TrialFailed():
                self._nets.pop(event.number, None)
                self._end(lambda seed: isinstance(seed, tuple) and seed[0] == event.number)

    def _end(self, over: Callable[[Hashable], bool]) -> None:
        self._latest = {seeds: news for seeds, news in self._latest.items() if not any(over(seed) for seed in seeds)}

    def shown(self) -> str:
        """`epoch 3/8, 12,300 images/s, trial 7 ir_k3_...`, or of how many at once; empty where nothing tells."""
        latest = list(self._latest.values())
        if not latest:
            return ""
        epochs = " ".join(f"{news.epoch}/{news.epochs}" for _, news in latest)
        speed = f"{sum(news.images_per_second for _, news in latest):,.0f} images/s"
        if len(latest) == 1:
            return f"epoch {epochs}, {speed}, {latest[0][0]}"
        return f"{len(latest)} at once, epochs {epochs}, {speed}"


def _net(attributes: Mapping[str, Any]) -> str:
    """The net of a trial in short; empty where its attributes hold none."""
    return compact(net_from_document(attributes["net"])) if "net" in attributes else ""
