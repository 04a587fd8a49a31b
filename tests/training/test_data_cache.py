"""The cache: whole or not there, whoever is killed, whatever is full, and found again by content."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nas_scale.errors import DataError
from nas_scale.training.data import DataRef, load
from nas_scale.training.data.cache import default_folder
from tests.support.tiny_data import write_classes

ROOT = Path(__file__).parents[2]
LOAD = """
import sys
from pathlib import Path
from nas_scale.errors import UserError
from nas_scale.training.data import DataRef, load
{before}
try:
    data = load(DataRef("scenes", {resolution}, {count}, 20), Path(sys.argv[1]))
except UserError as error:
    sys.exit(str(error))
print(int(data.train.images.sum(dtype="int64")))
"""


def _python(cache: Path, count: int = 300, resolution: int = 24, before: str = "") -> subprocess.Popen[str]:
    code = LOAD.format(before=before, count=count, resolution=resolution)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", code, str(cache)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_the_folder_is_the_variables_or_the_homes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NAS_SCALE_CACHE", str(tmp_path / "mine"))
    assert default_folder() == tmp_path / "mine"
    load(DataRef("digits", 8))
    assert [item.name.split("-")[0] for item in (tmp_path / "mine").iterdir()] == ["digits"]
    monkeypatch.delenv("NAS_SCALE_CACHE")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert default_folder() == Path("/home/somebody/.cache/nas-scale")


def test_a_killed_process_leaves_nothing_that_is_read(tmp_path: Path) -> None:
    process = _python(tmp_path, count=20_000, resolution=64)
    deadline = time.monotonic() + 30
    while not list(tmp_path.glob(".writing-*/train-images.npy")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    assert [item.name.startswith(".writing-") for item in tmp_path.iterdir()] == [True]
    [left] = tmp_path.iterdir()
    load(DataRef("scenes", 24, 20, 20), tmp_path)
    assert left.exists(), "another process may still be writing it"
    os.utime(left, (0, 0))
    load(DataRef("scenes", 25, 20, 20), tmp_path)
    assert not left.exists()


def test_two_processes_at_once_leave_one_whole_entry(tmp_path: Path) -> None:
    outputs = [process.communicate() for process in [_python(tmp_path), _python(tmp_path)]]
    assert outputs[0][0] == outputs[1][0] != "", outputs
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("ruin", ["meta.json", "train-images.npy", "val-labels.npy"])
@pytest.mark.parametrize("how", ["cut", "removed"])
def test_a_ruined_entry_is_made_again(ruin: str, how: str, tmp_path: Path) -> None:
    ref = DataRef("scenes", 16, 30, 20)
    images = np.array(load(ref, tmp_path).train.images)
    [entry] = tmp_path.iterdir()
    file = entry / ruin
    if how == "cut":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    else:
        file.unlink()
    np.testing.assert_array_equal(load(ref, tmp_path).train.images, images)
    assert len(list(tmp_path.iterdir())) == 1


def test_a_cache_that_cannot_be_written_is_one_line_with_the_variables_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="NAS_SCALE_CACHE") as caught:
        load(DataRef("scenes", 16, 20, 20), tmp_path / "file" / "cache")
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    process = _python(tmp_path, before=limit)
    _, errors = process.communicate()
    assert process.returncode == 1
    assert len(errors.strip().splitlines()) == 1
    assert "NAS_SCALE_CACHE" in errors
    assert list(tmp_path.iterdir()) == []


def test_a_changed_folder_is_decoded_again(tmp_path: Path) -> None:
    folder, cache = write_classes(tmp_path / "photos"), tmp_path / "cache"
    ref = DataRef(str(folder), 16)
    before = np.array(load(ref, cache).train.images)
    (folder / "notes.txt").write_text("no image")
    (folder / "daisy" / ".hidden.jpg").write_text("no image")
    load(ref, cache)
    assert len(list(cache.iterdir())) == 1
    for image in (folder / "daisy").glob("[0-9]*"):
        image.unlink()
    write_classes(tmp_path / "others", seed=99)
    for image in (tmp_path / "others" / "daisy").iterdir():
        image.rename(folder / "daisy" / image.name)
    after = load(ref, cache).train.images
    assert len(list(cache.iterdir())) == 2
    assert not np.array_equal(before, after)


def test_naming_data_loads_no_numpy_and_checking_it_no_torch_or_sklearn() -> None:
    code = (
        "import sys; from nas_scale.training.data import DataRef; assert 'numpy' not in sys.modules;"
        "from nas_scale.training.data import check_data; check_data(DataRef('scenes', 48));"
        "check_data(DataRef('digits', 32));"
        "assert not {'torch', 'sklearn', 'scipy', 'datasets'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
