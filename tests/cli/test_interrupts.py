"""Ctrl-C at the worst moment."""

from __future__ import annotations

import signal
import sys
import time
import weakref
from collections.abc import Iterator

import pytest

from nas_scale.cli.interrupts import Stoppable, Stopped


class Thing:
    pass


@pytest.fixture(autouse=True)
def _usual_handler() -> Iterator[None]:
    """What a shell starts in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def forget(error: type[BaseException]) -> None:
    """Raises it where Python forgets it."""

    def clean_up(_: weakref.ref[Thing]) -> None:
        raise error

    thing = Thing()
    reference = weakref.ref(thing, clean_up)
    del thing
    assert reference() is None


def test_an_interrupt_that_python_forgets_comes_again() -> None:
    def work() -> None:
        with Stoppable():
            forget(KeyboardInterrupt)
            time.sleep(5)

    before = sys.unraisablehook
    with pytest.raises(Stopped, match="interrupted"):
        work()
    assert sys.unraisablehook is before


def test_other_errors_there_are_reported_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda forgotten: seen.append(forgotten.exc_type))
    with Stoppable():
        forget(ZeroDivisionError)
        time.sleep(0.05)
    assert seen == [ZeroDivisionError]
