"""What every engine promises, for each of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nas_scale.engines.base import Done, Engine, Failed, Lost, News, Outcome, resolve
from nas_scale.engines.inline import InlineEngine
from nas_scale.engines.local import LocalEngine

pytestmark = pytest.mark.process  # which tests found by their parameters cannot show

Make = Callable[[str], Engine]


def _ray(name: str) -> Engine:
    from nas_scale.engines.ray import RayEngine

    return RayEngine(f"tests.support.engine_jobs:{name}", workers=2, threads=1)


MAKERS: dict[str, Make] = {
    "inline": lambda name: InlineEngine(resolve(f"tests.support.engine_jobs:{name}")),
    "local-1": lambda name: LocalEngine(f"tests.support.engine_jobs:{name}", workers=1, threads=1),
    "local-2": lambda name: LocalEngine(f"tests.support.engine_jobs:{name}", workers=2, threads=1),
    "local-slots": lambda name: LocalEngine(f"tests.support.engine_jobs:{name}", workers=4, threads=1, slots=2),
    "ray": _ray,
}


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[None]:
    """One Ray for all tests: starting it takes some five seconds."""
    import ray

    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    yield
    ray.shutdown()


@pytest.fixture(params=["inline", "local-1", "local-2", "local-slots", pytest.param("ray", marks=pytest.mark.slow)])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "ray":
        request.getfixturevalue("ray_cluster")
    return MAKERS[request.param]


def test_every_job_comes_back_once_under_its_ticket(make: Make) -> None:
    with make("double") as engine:
        for ticket in range(7):
            engine.submit(ticket + 100, ticket)
        results = [engine.next() for _ in range(7)]
    assert sorted(results, key=lambda done: done.ticket) == [Done(100 + n, 2 * n) for n in range(7)]


def test_submitting_goes_on_between_results(make: Make) -> None:
    with make("double") as engine:
        for ticket in range(4):
            engine.submit(ticket, ticket)
            assert engine.next() == Done(ticket, 2 * ticket)


def test_an_exception_is_a_failure_in_one_line_and_the_engine_goes_on(make: Make) -> None:
    with make("fail") as engine:
        engine.submit(1, 5)
        engine.submit(2, 6)
        results: list[Any] = sorted([engine.next(), engine.next()], key=lambda failed: failed.ticket)
    assert results == [Failed(1, "ValueError: 5 is not wanted"), Failed(2, "ValueError: 6 is not wanted")]


def test_what_the_machine_fails_is_lost_and_no_failure(make: Make) -> None:
    with make("fail_as_the_machine") as engine:
        for ticket, job in enumerate(("ENOSPC", "memory", "own")):
            engine.submit(ticket, job)
        outcomes, _ = heard(engine, 3)
        alone = isinstance(engine, InlineEngine)  # nothing was beside it
    assert outcomes == [
        Lost(0, "OSError: [Errno 28] No space left on device"),
        Failed(1, "MemoryError: no more") if alone else Lost(1, "MemoryError: no more", perhaps_own=True),
        Lost(2, "the images are gone"),
    ]


def test_what_the_machine_fails_once_is_done_on_the_second_try(make: Make, tmp_path: Path) -> None:
    with make("fail_once_as_the_machine") as engine:
        engine.submit(0, str(tmp_path))
        assert engine.next() == Done(0, "done")


def heard(engine: Engine, jobs: int) -> tuple[list[Outcome], list[News]]:
    """All outcomes of so many jobs, and all news, which have to come before their job's outcome."""
    outcomes: list[Outcome] = []
    news: list[News] = []
    while len(outcomes) < jobs:
        report = engine.next()
        if isinstance(report, News):
            assert report.ticket not in {outcome.ticket for outcome in outcomes}
            news.append(report)
        else:
            outcomes.append(report)
    return sorted(outcomes, key=lambda outcome: outcome.ticket), news


def test_a_generator_returns_its_result_and_its_news_come_before(make: Make) -> None:
    with make("count") as engine:
        for ticket in range(3):
            engine.submit(ticket, ticket + 1)
        outcomes, news = heard(engine, 3)
        with pytest.raises(LookupError, match="no job"):
            engine.next()
        reports_news = isinstance(engine, LocalEngine)
    assert outcomes == [Done(ticket, 10 * (ticket + 1)) for ticket in range(3)]
    for ticket in range(3):
        items = [each.item for each in news if each.ticket == ticket]
        assert items == (list(range(ticket + 1)) if reports_news else [])


def test_a_generator_that_waits_for_its_device_tells_nobody(make: Make) -> None:
    with make("wait_and_tell") as engine:
        for ticket in range(3):
            engine.submit(ticket, ticket)
        outcomes, news = heard(engine, 3)
    assert outcomes == [Done(ticket, 10 * ticket) for ticket in range(3)]
    assert all(report.item is not None for report in news)


def test_a_generator_that_raises_is_a_failure(make: Make) -> None:
    with make("count_then_fail") as engine:
        engine.submit(4, 7)
        outcomes, _ = heard(engine, 1)
    assert outcomes == [Failed(4, "ValueError: 7 is enough")]


def test_waiting_for_nothing_is_refused(make: Make) -> None:
    with make("double") as engine:
        with pytest.raises(LookupError, match="no job"):
            engine.next()
        engine.submit(0, 1)
        engine.next()
        with pytest.raises(LookupError, match="no job"):
            engine.next()


def test_closing_twice_is_harmless_and_drops_what_is_under_way(make: Make) -> None:
    engine = make("double")
    engine.submit(0, 1)
    engine.close()
    engine.close()
    with pytest.raises(LookupError):
        engine.next()


def test_it_says_how_many_jobs_run_at_once(make: Make) -> None:
    with make("double") as engine:
        assert engine.workers >= 1
