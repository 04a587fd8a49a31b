"""The steps of gpu.py that start something else and keep what it says.

    python benchmarks/gpu_runs.py environment|tests|search|speed|rank|accuracy|family|memory --device cuda [...]

What each starts runs in the step's own session of processes, and so is killed with it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import gpu_data
from gpu_process import processor, shown
from gpu_rows import ROOT, Options, keep, left, options_of, parser, say
from gpu_watch import watched

PACKAGES = ("torch", "numpy", "scipy", "pillow", "scikit-learn", "optuna", "fvcore", "sqlalchemy", "triton", "pytest")
GPU_TESTS = ("test_gpu", "test_equivalence", "test_capture")
SPEED_NETS = ("efficientnet-b0", "22212220", "mobilenetv2")  # the most telling first
RANK_RECIPES = ("cpu-4", "gpu-4", "gpu-16px-8", "gpu-half-4")  # the usual proxy, then those made for GPUs
COMMAND = (sys.executable, "-c", "from nas_scale.cli.main import main; main()")
WORD = {True: "gpu", False: "cpu"}


def environment(options: Options) -> None:
    """What everything else depends on."""
    import torch

    found: dict[str, Any] = {
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": processor(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "packages": {name: _version(name) for name in PACKAGES},
        "commit": shown(["git", "rev-parse", "HEAD"]) or None,
        "nvidia_smi": shown(["nvidia-smi", "-q", "-d", "CLOCK,PERFORMANCE,POWER"])[:3000] or None,
        "driver": shown(["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]) or None,
    }
    keep(environment=found)
    if options.on_gpu:
        started = time.perf_counter()
        card = torch.cuda.get_device_properties(torch.cuda.current_device())
        torch.zeros(1, device=options.device)
        free, whole = torch.cuda.mem_get_info()
        keep(
            card=card.name,
            multiprocessors=card.multi_processor_count,
            memory_gib=round(whole / 2**30, 1),
            free_gib=round(free / 2**30, 1),
            context_seconds=round(time.perf_counter() - started, 2),
        )


def _version(name: str) -> str | None:
    from importlib import metadata

    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def tests(options: Options) -> None:
    """The tests that show most on a GPU; gpu_pytest.py keeps each outcome."""
    files = [f"tests/training/{name}.py" for name in GPU_TESTS]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "gpu_pytest", "-p", "no:cacheprovider", "--tb=short", *files]
    command += ["-k", "off or recorded"] if options.tiny else []
    path = os.pathsep.join([str(ROOT / "benchmarks"), os.environ.get("PYTHONPATH", "")])
    code = subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, check=False).returncode
    keep(pytest_exit_code=code)
    if code:
        raise SystemExit(f"pytest ended with {code}")


def asked_for(options: Options, command: str, *arguments: str) -> tuple[dict[str, Any], float]:
    """(the document, wall seconds) of a command of nas-scale; how many trials it has finished is kept on the way."""
    results = options.scratch / f"results-{command}"
    whole = [*COMMAND, command, *arguments, "--device", options.device, "--results", str(results), "--json"]
    started = time.perf_counter()
    with subprocess.Popen(whole, stdout=subprocess.PIPE, text=True, cwd=options.scratch) as process, watched(results):
        printed, _ = process.communicate()
    seconds = time.perf_counter() - started
    if process.returncode:
        raise SystemExit(f"nas-scale {command} ended with {process.returncode}")
    document: dict[str, Any] = json.loads(printed)
    return document, seconds


def search(options: Options) -> None:
    """A whole search as it comes."""
    tiny = ("--data", "digits", "--trials", "4", "--epochs", "1", "--train-images", "200", "--finalists", "1")
    document, seconds = asked_for(options, "search", "--target-flops", "400M", *(tiny if options.tiny else ()))
    keep(search=_searched(document) | {"wall_seconds": round(seconds, 1)})


def _searched(document: dict[str, Any]) -> dict[str, Any]:
    """What a search's document says in short."""
    rows = document["ranking"]
    accuracies = [accuracy for row in rows for accuracy in row["search"] if accuracy is not None]
    return {
        "header": document["header"],
        "nets": len(rows),
        "states": {state: sum(row["state"] == state for row in rows) for state in {row["state"] for row in rows}},
        "own_seconds": document["seconds"],
        "seed_sd": document["seed_sd"],
        "spread": document["spread"],
        "accuracies": {
            "min": min(accuracies),
            "median": statistics.median(accuracies),
            "max": max(accuracies),
            "sd": statistics.pstdev(accuracies),
        },
        "head": [
            {key: row[key] for key in ("rank", "tied", "accuracy", "stderr", "flops", "params", "search", "final")}
            | {"stages": row["net"]["stages"]}
            for row in rows[:5]
        ],
    }


def speed(options: Options) -> None:
    """training_speed.py, a net at a time, so that each net's figures are there when it is done."""
    nets = ("22212220",) if options.tiny else SPEED_NETS
    tiny = ["--rounds", "1", "--seconds", "0.3", "--batch", "8", "--threads", "1"]
    size = tiny if options.tiny else ["--rounds", "3", "--seconds", "3"]
    failed = []
    for name in nets:
        out = options.out / f"training_speed-{WORD[options.on_gpu]}-{name}.json"
        command = _benchmark("training_speed.py", "--device", options.device, "--nets", name, *size, "--out", str(out))
        out.unlink(missing_ok=True)
        failed += [name] if subprocess.run(command, check=False).returncode else []
        if out.is_file():
            found = json.loads(out.read_text())
            keep(speed=found["nets"][0], device=found["device"], cudnn=found["cudnn"], command=found["command"])
    if failed:
        raise SystemExit(f"training_speed.py failed for {', '.join(failed)}")


def rank(options: Options) -> None:
    """proxy_rank.py on list-1 for as long as there is time: every training is kept in its own file too."""
    from gpu_ranks import keep_taus, trained

    out = options.out / f"proxy_rank-{WORD[options.on_gpu]}-list-1.jsonl"
    minutes = 0.1 if options.tiny else max(left() - 20, 10) / 60
    recipes = ("cpu-1",) if options.tiny else RANK_RECIPES
    command = _benchmark("proxy_rank.py", "--data", f"cifar10:{options.cifar}", "--bench", str(options.bench))
    command += ["--device", options.device, "--list", "list-1", "--recipe", *recipes, "--minutes", f"{minutes:.2f}"]
    out.unlink(missing_ok=True)
    with _started([*command, "--out", str(out)]) as process:
        until = time.time() + 60 * minutes + 3
        while process.poll() is None and left() > 5 and (time.time() < until or not trained(out)):
            time.sleep(0.5)
        # What it does after its trainings is not waited for: scoring all nets without training takes a core minutes.
        assert options.bench is not None
        keep_taus(out, options.bench)
        if process.poll():
            raise SystemExit(f"proxy_rank.py ended with {process.returncode}")


@contextlib.contextmanager
def _started(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is made to stop in the end, where it has not by itself."""
    process = subprocess.Popen(command)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()


def accuracy(options: Options) -> None:
    """time_to_accuracy.py, one seed; a rehearsal where not all images are there."""
    assert options.cifar is not None
    out = options.out / f"time_to_accuracy-{WORD[options.on_gpu]}.json"
    train = gpu_data.images_in(options.cifar, gpu_data.BATCHES[:-1])
    test = gpu_data.images_in(options.cifar, gpu_data.BATCHES[-1:])
    part = [] if (train, test) == (50_000, 10_000) else ["--train-images", str(train), "--test-images", str(test)]
    tiny = ["--epochs", "1", "--batch", "64"] if options.tiny else []
    command = _benchmark("time_to_accuracy.py", "--data", f"cifar10:{options.cifar}", "--device", options.device)
    subprocess.run([*command, "--seeds", "1", *part, *tiny, "--out", str(out)], check=True)
    keep(time_to_accuracy=json.loads(out.read_text()), images=[train, test])


def family(options: Options) -> None:
    """A family on photographs from a cold start: nothing is cached, and the whole command is timed."""
    os.environ["NAS_SCALE_CACHE"] = str(options.scratch / "cold-cache")
    tiny = "--trials 3 --finalists 1 --final-seeds 1 --count 7 --grid-seeds 1 --epochs 1 --proxy-resolution 32"
    arguments = [*tiny.split(), "--phi", "0,1"] if options.tiny else []
    document, seconds = asked_for(
        options, "family", "--target-flops", "400M", "--data", str(options.photos), *arguments
    )
    grid, grown = document["grid"], document["expand"]
    keep(
        family={
            "wall_seconds": round(seconds, 1),
            "search": _searched(document["search"]),
            "grid_seconds": grid["seconds"],
            "grid_networks": len(grid["candidates"]),
            "trainings": grid["trainings"],
            "seed_sd": grid["seed_sd"],
            "fit": grid["fit"],
            "coefficients": grown["coefficients"],
            # how near each step of the family comes to the cost that it is to have
            "steps": [
                {key: each[key] for key in ("phi", "resolution", "flops", "params", "flops_ratio", "wanted_ratio")}
                for each in grown["family"]
            ],
        }
    )


def memory(options: Options) -> None:
    """memory.py: what is estimated beside what torch allocates."""
    out = options.out / f"memory-{WORD[options.on_gpu]}"
    tiny = ["--nets", "2"] if options.tiny else []
    subprocess.run([*_benchmark("memory.py", "--device", options.device), *tiny, "--out", str(out)], check=True)
    keep(memory=json.loads(out.with_suffix(".json").read_text()))


def _benchmark(program: str, *arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "benchmarks" / program), *arguments]


STEPS: dict[str, Callable[[Options], None]] = {
    "environment": environment,
    "tests": tests,
    "search": search,
    "speed": speed,
    "rank": rank,
    "accuracy": accuracy,
    "family": family,
    "memory": memory,
}


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("step", choices=STEPS)
    asked = arguments.parse_args()
    say(f"{asked.step}: {left():.0f} s until it is killed")
    STEPS[asked.step](options_of(asked))


if __name__ == "__main__":
    main()
