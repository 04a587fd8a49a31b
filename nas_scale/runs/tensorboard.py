"""Writes TensorBoard event files: a TensorBoard run for every trial, and one for the best value so far.

    tensorboard --logdir results/search-001/tensorboard

Each finished trial is written atomically, so that a resumed run writes none twice.
"""

from __future__ import annotations

import json
import shutil
import statistics
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from nas_scale.errors import UserError
from nas_scale.extras import TENSORBOARD
from nas_scale.training.job import Score
from nas_scale.trials.events import TrialDone, TrialFailed, TrialPruned, TrialStarted
from nas_scale.trials.finished import FinishedTrial
from nas_scale.trials.pruning import at_checks

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter

BEST: Final = "best"
LOSS, ACCURACY, VALUE, SO_FAR, NET = "loss/train", "accuracy/validation", "value", "value/best_so_far", "net"


def check_installed() -> None:
    """Raises UserError where the package that writes event files is missing; does not load it."""
    if TENSORBOARD.missing():
        raise UserError(f"--log tensorboard needs tensorboardX: {TENSORBOARD.install}")


class TensorBoard(AbstractContextManager["TensorBoard"]):
    """A listener for a run's events (trials/events.py) that writes finished trials under `folder`.

    `trial-007` holds a trial's training loss of every epoch and its validation accuracy where it was measured, on the
    choosing images, both the mean over its seeds; its value; and its network and costs as text and as hyperparameters.
    A trial that repeats an earlier network has none. `best` holds every trial's value and the best so far, by trial
    number.

    finished: trials of an earlier process; those that it did not write are written now.
    """

    def __init__(self, folder: Path, finished: Iterable[FinishedTrial]) -> None:
        self._folder = folder
        self._repeats: set[int] = set()
        self._best: float | None = None
        shutil.rmtree(folder / BEST, ignore_errors=True)  # it grows by appending, so it is begun anew
        for left in folder.parent.glob(f".{folder.name}-*"):
            shutil.rmtree(left, ignore_errors=True)
        self._curve = _writer(folder / BEST)
        for trial in finished:
            if trial.same_as is not None:
                self._repeats.add(trial.number)
            state = "failed" if trial.reason else "pruned" if trial.pruned else "complete"
            self._take(trial.number, trial.attributes, trial.value, trial.scores, state, trial.reason)
        self._curve.flush()

    def __call__(self, event: Any) -> None:
        """Handles an event; events other than a trial's start and end are ignored."""
        match event:
            case TrialStarted() if event.same_as is not None:
                self._repeats.add(event.number)
            case TrialDone():
                self._take(event.number, event.attributes, event.value, event.scores, "complete")
            case TrialPruned():
                self._take(event.number, event.attributes, event.value, event.scores, "pruned")
            case TrialFailed():
                self._take(event.number, event.attributes, None, (), "failed", event.reason)
            case _:
                return
        self._curve.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self._curve.close()

    def _take(
        self,
        number: int,
        attributes: Mapping[str, Any],
        value: float | None,
        scores: Sequence[Score],
        state: str,
        reason: str | None = None,
    ) -> None:
        if state == "complete" and value is not None:
            self._best = value if self._best is None else max(self._best, value)
            self._curve.add_scalar(VALUE, value, number)
            self._curve.add_scalar(SO_FAR, self._best, number)
        place = self._folder / f"trial-{number:03d}"
        if number in self._repeats or place.exists():
            return
        made = Path(tempfile.mkdtemp(prefix=f".{self._folder.name}-", dir=self._folder.parent))
        writer = _writer(made)
        _write_scores(writer, scores)
        _write_net(writer, attributes, value, state, reason)
        writer.close()
        made.chmod(0o755)  # others may look at what mkdtemp made for one alone
        made.rename(place)


def _writer(folder: Path) -> SummaryWriter:
    from tensorboardX import SummaryWriter

    return SummaryWriter(str(folder), comet_config={"disabled": True})  # else it would send to comet.com where it can


def _write_scores(writer: SummaryWriter, scores: Sequence[Score]) -> None:
    """Writes losses and accuracies by epoch, each the mean over the seeds."""
    for epoch, losses in enumerate(zip(*(score.losses for score in scores), strict=False), 1):
        writer.add_scalar(LOSS, statistics.fmean(losses), epoch)
    reached = at_checks(scores)
    if scores and scores[0].epochs:
        reached[min(score.epochs for score in scores)] = list(scores)
    for epoch, looked_at in reached.items():
        writer.add_scalar(ACCURACY, statistics.fmean(score.choice for score in looked_at), epoch)


def _write_net(
    writer: SummaryWriter, attributes: Mapping[str, Any], value: float | None, state: str, reason: str | None
) -> None:
    """Writes the trial's attributes as text, and the numbers among them as hyperparameters with the trial's value."""
    from tensorboardX.summary import hparams

    known = dict(attributes) | {"state": state} | ({"reason": reason} if reason else {})
    text = json.dumps(known, indent=2, default=str)
    writer.add_text(NET, "\n".join(f"    {line}" for line in text.splitlines()))  # indented: Markdown shows it as is
    if value is None:
        return
    figures = {name: known[name] for name in known if isinstance(known[name], int | float)}
    for summary in hparams({**figures, "state": state}, {VALUE: value}):
        writer.file_writer.add_summary(summary)
    writer.add_scalar(VALUE, value, 0)
