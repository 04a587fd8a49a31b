"""A plugin of pytest for gpu.py: every test's outcome is kept as it ends, so that one which hangs hides none."""

from __future__ import annotations

import pytest
from gpu_rows import keep

ERROR_LENGTH = 3000


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """One row a test, but for what passes before and after it."""
    if report.when != "call" and report.passed:
        return
    error = report.longreprtext[-ERROR_LENGTH:] if report.failed else ""
    reason = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else ""
    keep(test=report.nodeid, outcome=report.outcome, seconds=round(report.duration, 2), error=error, reason=reason)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        keep(test=report.nodeid, outcome="failed", seconds=0.0, error=report.longreprtext[-ERROR_LENGTH:], reason="")
