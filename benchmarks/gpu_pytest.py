"""A plugin of pytest for gpu.py: every test's outcome is kept as it ends, and where tests/conftest.py cannot be loaded
(it needs hypothesis and sqlalchemy) the one fixture of it that these tests need is here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gpu_rows import keep

ERROR_LENGTH = 3000


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Images are cached under the session's temporary folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_SCALE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


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
