"""What holds for every test: one thread, an image cache of the session's own, properties that fail twice alike."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Before torch is imported: more threads than cores make small trainings many times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("usual", deadline=None, derandomize=True, database=None, max_examples=100)
settings.load_profile("usual")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Images are cached under the session's temporary folder, in child processes too."""
    folder: Path = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_SCALE_CACHE", str(folder))
        yield
