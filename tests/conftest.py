"""What holds for every test: one thread, an image cache of the session's own, properties that fail twice
alike, databases that do not wait for the disk.

The tests of training also run where there is neither hypothesis nor sqlalchemy, so nothing here needs them.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

# Before torch is imported: more threads than cores make small trainings many times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

with contextlib.suppress(ImportError):
    from hypothesis import HealthCheck, settings

    settings.register_profile(
        "usual",
        deadline=None,
        derandomize=True,
        database=None,
        max_examples=50,
        suppress_health_check=[HealthCheck.too_slow],  # which a busy machine is, whatever the test does
    )
    settings.register_profile("thorough", settings.get_profile("usual"), max_examples=300)
    settings.load_profile("usual")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Images are cached under the session's temporary folder, in child processes too."""
    folder: Path = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_SCALE_CACHE", str(folder))
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    from tests.support.disk import no_waiting

    with no_waiting():
        yield


@pytest.fixture(autouse=True)
def _least_numbers() -> Iterator[None]:
    """A training in this process has torch take the least numbers for 0, which hypothesis refuses to work with."""
    yield
    if "torch" in sys.modules:
        sys.modules["torch"].set_flush_denormal(False)


@pytest.fixture
def nas_scale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """nas_scale("search", ...) in an empty folder; trainings cost nothing: a tests.support.command.Command."""
    from tests.support.command import Command
    from tests.support.fake_training import install

    monkeypatch.chdir(tmp_path)
    install(monkeypatch)
    return Command(capsys)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("durations")
    group.addoption("--at-most", type=float, metavar="SECONDS", help="leave out tests recorded as longer")
    group.addoption("--record-durations", action="store_true", help="write tests/durations.json")


def pytest_configure(config: pytest.Config) -> None:
    from tests.support.durations import Recorder

    if config.getoption("--record-durations") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Marks what starts processes, which `make test-quick` leaves out, and leaves out what takes too long."""
    from tests.support.durations import divided
    from tests.support.processes import starts_processes

    for item in items:
        if isinstance(item, pytest.Function) and starts_processes(item):
            item.add_marker("process")
    at_most: float | None = config.getoption("--at-most")
    if at_most is not None:
        items[:], long = divided(items, at_most)
        config.hook.pytest_deselected(items=long)
