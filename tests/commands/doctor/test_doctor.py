"""The doctor finds what is wrong, says what to do, never crashes, and gives nobody away."""

from __future__ import annotations

import getpass
import json
import os
import platform
import tomllib
from pathlib import Path
from typing import Any

import pytest

from nas_scale.commands.doctor import checks, folders, packages
from nas_scale.commands.doctor import run as flow
from nas_scale.commands.doctor.anonymous import anonymous
from nas_scale.commands.doctor.processes import Trial, Tried
from nas_scale.commands.doctor.result import DoctorResult, Gpu, Machine, TorchSeen
from nas_scale.extras import EXTRAS
from tests.support.command import Command, finished

ROOT = Path(__file__).parents[3]
TORCH = {"version": "2.9", "cuda": None, "threads": 2, "devices": ["cpu"], "seconds": 1.0}
WELL = Tried(json.dumps(TORCH), None)
MACHINE = Machine(system="Linux", processor="A", cores=4, usable_cores=2, memory=10**10, free_memory=5 * 10**9, gpus=())


def seen(**changes: Any) -> TorchSeen:
    return TorchSeen(**{**TORCH, **changes})


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> dict[str, Tried]:
    """How each process ends, by a word of its code; well where nothing is said."""
    found: dict[str, Tried] = {}

    class Fake:
        def __init__(self, code: str) -> None:
            self.code = code

        def ended(self, _: float) -> Tried:
            return next((end for word, end in found.items() if word in self.code), WELL)

        def stop(self) -> None:
            pass

    monkeypatch.setattr(flow, "Trial", Fake)
    return found


def test_all_is_well(nas_scale: Command, ends: dict[str, Tried], tmp_path: Path) -> None:
    answer = nas_scale("doctor")
    assert answer.code == 0, answer.err
    for word in ("nas-scale 0.1", "optuna", "cores", "extra onnx", "pip install 'nas-scale[hf]'", "rm -r", "jpg"):
        assert word in answer.out
    assert list(tmp_path.iterdir()) == [], "nothing is written"
    assert answer.err == ""


@pytest.mark.parametrize(
    ("word", "end", "code", "said"),
    [
        ("torch_step", Tried("", "ImportError: libcudart.so"), 1, "ImportError: libcudart.so"),
        ("torch_step", Tried("", "it crashed (signal 6)"), 1, "it crashed (signal 6)"),
        ("torch_step", Tried("warning: x", None), 1, "printed something else"),
        ("torch_step", Tried("", "not known: it had not ended after 15 s", late=True), 0, "not known"),
        ("optuna", Tried("", "ImportError: no sqlalchemy"), 1, "ImportError: no sqlalchemy"),
        ("matplotlib", Tried("", "ImportError: no freetype"), 0, "ImportError: no freetype"),
    ],
)
def test_what_is_broken_is_said(
    nas_scale: Command, ends: dict[str, Tried], word: str, end: Tried, code: int, said: str
) -> None:
    ends[word] = end
    answer = nas_scale("doctor", "--json")
    assert answer.code == code
    wrong = [check for check in answer.json["checks"] if check["verdict"] != "ok"]
    assert [said in check["found"] for check in wrong] == [True]
    assert all(check["advice"] for check in wrong)
    assert answer.err.count("\n") == (1 if code else 0)
    assert "Traceback" not in answer.err


def test_a_package_that_is_not_there_is_named(
    nas_scale: Command, ends: dict[str, Tried], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = packages.version_of
    monkeypatch.setattr(packages, "version_of", lambda name: None if name == "torch" else known(name))
    ends["torch_step"] = Tried("", "ModuleNotFoundError: No module named 'torch'")
    answer = nas_scale("doctor")
    assert answer.code == 1
    assert "torch MISSING" in " ".join(answer.out.split())
    assert "packages: pip install torch" in answer.err


def no_home(*_: Any) -> Path:
    raise RuntimeError("Could not determine home directory.")


def test_without_a_home_it_says_where_to_put_the_cache(
    nas_scale: Command, ends: dict[str, Tried], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NAS_SCALE_CACHE", raising=False)
    monkeypatch.setattr(Path, "expanduser", no_home)
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr(folders, "image_cache", lambda: None)
    monkeypatch.setattr(checks, "image_cache", lambda: None)
    answer = nas_scale("doctor")
    assert answer.code == 1
    assert "image cache: set HOME, or NAS_SCALE_CACHE to a folder" in answer.err


def test_folders_that_cannot_be_written_are_named(
    nas_scale: Command, ends: dict[str, Tried], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("NAS_SCALE_CACHE", str(tmp_path / "file" / "cache"))
    answer = nas_scale("doctor", "--json")
    assert answer.code == 1
    (failed,) = [check for check in answer.json["checks"] if check["verdict"] == "failed"]
    assert failed["name"] == "image cache"
    assert "is a file, not a folder" in failed["found"]
    assert "/proc cannot" not in answer.err
    assert folders.why_not_writable(Path("/proc/nothing/here")) is not None
    assert folders.why_not_writable(tmp_path / "not" / "there" / "yet") is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


def test_caches_and_runs_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_SCALE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "cache" / "scenes-1" / "deep").mkdir(parents=True)
    (tmp_path / "cache" / "scenes-1" / "deep" / "images.npy").write_bytes(b"x" * 1000)
    (tmp_path / "results" / "a").mkdir(parents=True)
    (tmp_path / "results" / "a" / "run.json").write_text("{}")
    (tmp_path / "results" / "not-a-run").mkdir()
    (tmp_path / "results" / "loop").symlink_to(tmp_path)
    images, runs, *_ = folders.seen_folders(tmp_path / "results")
    assert (images.size, images.entries) == (1000, 1)
    assert (runs.size is not None and runs.size < 100, runs.entries) == (True, 1)
    gone, *_ = folders.seen_folders(tmp_path / "nowhere")
    assert gone.kind == folders.IMAGES
    assert folders.seen_folders(tmp_path / "nowhere")[1].size is None


def test_nobody_is_named(nas_scale: Command, ends: dict[str, Tried], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/users/alice.smith")
    monkeypatch.setenv("USER", "alice.smith")
    monkeypatch.setenv("LOGNAME", "alice.smith")
    monkeypatch.setattr(getpass, "getuser", lambda: "alice.smith")
    monkeypatch.setattr(platform, "node", lambda: "dragon7")
    monkeypatch.setenv("NAS_SCALE_CACHE", "/scratch/alice.smith/dragon7/cache\x1b[31m")
    monkeypatch.setenv("NAS_SCALE_STORAGE", "postgresql://bob:se'cret@host/db")
    monkeypatch.setenv("HF_HOME", "/users/alice.smith/hf")
    ends["optuna"] = Tried("", "ImportError: /users/alice.smith/lib/x.so: cannot open")
    for form in ((), ("--json",)):
        answer = nas_scale("doctor", *form)
        for secret in ("alice", "dragon7", "se'cret", "bob", "\x1b"):
            assert secret not in answer.out + answer.err, secret
    assert anonymous("/users/alice.smith/hf") == "~/hf"
    assert anonymous("/users/alice.smithson/hf") == "/users/alice.smithson/hf"
    assert anonymous("/tmp/torchinductor_alice.smith") == "/tmp/torchinductor_USER"


def test_a_gpu_that_torch_does_not_use() -> None:
    gpu = Gpu(name="H100", memory=2**36, driver="550.1")
    there = Machine(system="Linux", processor="A", cores=4, usable_cores=2, memory=1, free_memory=1, gpus=(gpu,))
    (for_cpus,) = checks.gpu_check(there, seen())
    assert (for_cpus.verdict, for_cpus.advice) == ("warning", "install torch with CUDA, as pytorch.org says")
    (old_driver,) = checks.gpu_check(there, seen(cuda="13.0"))
    assert "update the driver (550.1)" in old_driver.advice
    (used,) = checks.gpu_check(there, seen(cuda="13.0", devices=("cpu", "H100 (cuda:0)")))
    assert (used.verdict, used.found) == ("ok", "torch uses 1 of 1")
    assert list(checks.gpu_check(MACHINE, seen())) == []


def test_threads_memory_and_pictures() -> None:
    assert checks.thread_check(MACHINE, {}).verdict == "ok"
    assert checks.thread_check(MACHINE, {"OMP_NUM_THREADS": "64"}).verdict == "warning"
    assert [check.verdict for check in checks.memory_check(MACHINE)] == ["ok"]
    assert checks.picture_check({}).verdict == "failed"
    assert checks.picture_check({"jpg": True, "zlib": True}).verdict == "ok"


@pytest.mark.parametrize(
    ("code", "trouble"),
    [
        ("print('a'); print('b')", None),
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("import os; os.abort()", "it crashed (signal 6)"),
        ("raise SystemExit(3)", "it ended with exit code 3"),
    ],
)
def test_a_process_says_how_it_ended(code: str, trouble: str | None) -> None:
    ended = Trial(code).ended(60)
    assert ended.trouble == trouble
    assert ended.out == ("b" if trouble is None else "")


def test_a_process_that_cannot_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/no/such/python")
    trial = Trial("pass")
    trial.stop()
    assert trial.ended(1).trouble == "no process can be started: No such file or directory (/no/such/python)"


def test_a_process_that_hangs_is_ended() -> None:
    ended = Trial("import time; time.sleep(60)").ended(0.1)
    assert ended.late
    assert ended.trouble == "not known: it had not ended after 0.1 s"


def test_extras_are_those_of_the_package() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    del wanted["dev"]
    assert {extra.name: list(extra.packages) for extra in EXTRAS} == {
        name: [text.partition(">")[0] for text in texts] for name, texts in wanted.items()
    }


@pytest.mark.slow
def test_a_real_doctor_takes_a_real_step(tmp_path: Path) -> None:
    found = finished("doctor", "--json", cwd=tmp_path, fake=False)
    assert found.code == 0, found.err
    assert found.json["torch"]["version"] == found.json["versions"]["torch"]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_real_doctor_survives_a_torch_that_kills_its_process(tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "torch.py").write_text("import os\nos.abort()\n")
    path = f"{tmp_path / 'broken'}{os.pathsep}{ROOT}"
    found = finished("doctor", "--json", cwd=tmp_path, fake=False, PYTHONPATH=path)
    assert found.code == 1
    assert found.json["torch"] is None
    assert "signal 6" in str(found.json["checks"])


def test_the_result_is_read_back(ends: dict[str, Tried]) -> None:
    from nas_scale.runs.results import plain, typed

    result = flow.examined()
    assert typed(plain(result), DoctorResult) == result
