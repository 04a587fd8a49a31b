"""Ctrl-C at the worst moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas_scale.cli.interrupts import Stoppable, Stopped
from nas_scale.cli.outcome import outcome_of
from nas_scale.errors import Interrupted


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


@pytest.mark.parametrize(
    ("number", "words"),
    [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "ended by SIGTERM"), (signal.SIGHUP, "SIGHUP")],
)
def test_every_signal_that_ends_says_so_once(number: signal.Signals, words: str) -> None:
    before = signal.signal(number, signal.default_int_handler)
    try:
        with Stoppable() as stoppable:
            with pytest.raises(Stopped, match=words):
                signal.raise_signal(number)
            signal.raise_signal(number)  # a second one is for what is being closed already
            assert stoppable.received == number
        assert signal.getsignal(number) is signal.default_int_handler
    finally:
        signal.signal(number, before)


def test_what_is_to_be_ignored_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Stoppable():
        signal.raise_signal(signal.SIGINT)


def test_what_an_interrupt_breaks_is_the_interrupt_s(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome_of(ImportError("cannot import name 'x'"), signal.SIGTERM) == 143
    assert outcome_of(Interrupted("interrupted; go on with: x"), signal.SIGINT) == 130
    assert capsys.readouterr().err == "nas-scale: ended by SIGTERM\nnas-scale: interrupted; go on with: x\n"


SPY = """
import signal, sys, threading, os
class Stop:  # sends the signal when this module is about to be imported
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            for _ in range({times}):
                os.kill(os.getpid(), signal.{number})
sys.meta_path.insert(0, Stop())
from nas_scale.cli.main import main
sys.argv = ["nas-scale", *{arguments!r}]
main()
"""


@pytest.mark.parametrize("module", ["nas_scale.cli.streams", "typer", "rich.table", "nas_scale.show.tables", "yaml"])
@pytest.mark.parametrize(
    ("number", "code", "words"), [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "ended by SIGTERM")]
)
def test_a_signal_while_anything_is_loaded_is_one_line(
    tmp_path: Path, module: str, number: str, code: int, words: str
) -> None:
    program = SPY.format(module=module, times=2, number=number, arguments=["spaces", "nas-bench-macro"])
    done = process(program, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", f"nas-scale: {words}\n")


def test_a_signal_after_the_answer_ends_nothing_but_the_process(tmp_path: Path) -> None:
    late = "import atexit, os, signal\natexit.register(os.kill, os.getpid(), signal.SIGINT)\n"
    program = late + SPY.format(module="none", times=0, number="SIGINT", arguments=["--version"])
    done = process(program, tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("nas-scale ")


def process(program: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """A Python program of its own, in which Ctrl-C is not ignored."""
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
    )
