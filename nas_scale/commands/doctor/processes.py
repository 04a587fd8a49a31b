"""What is tried in a process of its own, since it may crash, hang, or take its time."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Final

_BOOT: Final = "import sys; count = int(sys.argv[1]); sys.path[:] = sys.argv[2 : 2 + count]; "


@dataclass(frozen=True, slots=True)
class Tried:
    """How it ended. out: its last line on stdout. trouble: why it failed, None where it did not. late: it had not ended
    in time, which may be the fault of a busy machine."""

    out: str
    trouble: str | None
    late: bool = False


class Trial:
    """Python code that is running in a process which finds the packages that this one does."""

    def __init__(self, code: str) -> None:
        self._started = time.monotonic()
        self._refused: OSError | None = None
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _BOOT + code, str(len(sys.path)), *sys.path],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
            )
        except OSError as error:
            self._refused = error

    def ended(self, seconds: float) -> Tried:
        """How it ended, at most so many seconds after its start."""
        if self._refused is not None:
            return Tried("", f"no process can be started: {self._refused.strerror} ({sys.executable})")
        left = max(0.1, self._started + seconds - time.monotonic())
        try:
            out, err = self._process.communicate(timeout=left)
        except subprocess.TimeoutExpired:
            self.stop()
            return Tried("", f"not known: it had not ended after {seconds:g} s", late=True)
        code = self._process.returncode
        said = _last(err)
        if code < 0:
            return Tried("", f"it crashed (signal {-code})" + (f": {said}" if said else ""))
        return Tried(_last(out), (said or f"it ended with exit code {code}") if code else None)

    def stop(self) -> None:
        """Ends it, if it is still running."""
        if self._refused is None and self._process.poll() is None:
            self._process.kill()
            self._process.communicate()


def _last(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1].strip() if lines else ""
