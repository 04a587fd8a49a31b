"""A job in, a score out: what engines run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
import torch

import nas_scale.training.fit
import nas_scale.training.images
from nas_scale.errors import MachineFailed, RunFailed
from nas_scale.training.data import DataRef
from nas_scale.training.job import Job, Recipe, Score
from nas_scale.training.worker import EVALUATE, LOST, Training, evaluate, follow
from tests.training.test_fit import NET

JOB = Job(replace(NET, classes=1000), DataRef("digits", 16, train=256, val=128), Recipe(epochs=1, batch=32), seeds=(3,))


def test_the_classifier_is_sized_to_the_data_and_the_score_repeats() -> None:
    torch.manual_seed(1)
    (first,) = evaluate(JOB)
    torch.manual_seed(2)
    (again,) = evaluate(JOB)
    assert (first.accuracy, first.loss, first.images) == (again.accuracy, again.loss, 128)
    assert evaluate(replace(JOB, seeds=(4,)))[0].loss != first.loss


def test_another_process_gives_the_same_score() -> None:
    code = (
        "import json, sys\n"
        "from tests.training.test_worker import JOB\n"
        "from nas_scale.training.worker import evaluate\n"
        "(score,) = evaluate(JOB)\n"
        "print(json.dumps([score.accuracy, score.loss]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (here,) = evaluate(JOB)
    assert json.loads(done.stdout) == [here.accuracy, here.loss]


def test_engines_find_it_by_its_name() -> None:
    from nas_scale.engines.base import resolve

    assert resolve(EVALUATE) is follow


def test_images_that_are_gone_are_no_failure_of_the_network() -> None:
    with pytest.raises(MachineFailed, match="cannot load the images: --data /nowhere: there is no folder"):
        evaluate(replace(JOB, data=DataRef("/nowhere", 16)))


def test_a_net_that_does_not_fit_into_memory_is_told_in_one_line() -> None:
    """Really out of memory, in a process that may have only a little: first the net itself, then its feature maps."""
    code = (
        "import resource, torch\n"
        "from dataclasses import replace\n"
        "from nas_scale.errors import MachineFailed\n"
        "from nas_scale.training.worker import evaluate\n"
        "from tests.training.test_worker import JOB\n"
        "evaluate(JOB)\n"
        "used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + 2**29, resource.RLIM_INFINITY))\n"
        "wide = replace(JOB, architecture=replace(JOB.architecture, head=65536, stem=65536))\n"
        "deep = replace(JOB, architecture=replace(JOB.architecture, stem=4096))\n"
        "deep = replace(deep, recipe=replace(JOB.recipe, batch=256))\n"
        "for job in (wide, deep):\n"
        "    try:\n"
        "        evaluate(job)\n"
        "    except MachineFailed as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"out of memory on cpu with batch {batch}: this machine's memory is full" for batch in (32, 256)
    ]


def test_a_gpu_without_memory_is_told_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB\nmany\nmore lines")

    monkeypatch.setattr("nas_scale.training.fit.train_nets", full)
    with pytest.raises(RunFailed, match=r"^out of memory on cpu with batch 32$"):
        evaluate(JOB)


def test_a_mistake_of_ours_is_not_called_a_lack_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr("nas_scale.training.fit.train_nets", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        evaluate(JOB)


def test_a_net_that_does_not_fit_is_trained_with_less_memory_and_scores_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first attempt ends in its first step as a full GPU ends it; seeds then go one after another."""
    job = replace(JOB, seeds=(3, 4))
    usual = evaluate(job)
    attempts: list[int] = []
    fit = nas_scale.training.fit.train_nets

    def full_at_first(nets: Mapping[int, torch.nn.Module], *rest: object, **others: object) -> object:
        attempts.append(len(nets))
        if len(attempts) == 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return fit(nets, *rest, **others)  # type: ignore[arg-type]

    monkeypatch.setattr("nas_scale.training.fit.train_nets", full_at_first)
    again = evaluate(job)
    assert attempts == [2, 1, 1]
    for mine, theirs in zip(again, usual, strict=True):
        assert mine.losses == pytest.approx(theirs.losses, rel=1e-4)
        assert mine.loss == pytest.approx(theirs.loss, rel=1e-4)


def test_news_comes_from_the_middle_of_a_job_and_scores_at_its_end() -> None:
    work = follow(replace(JOB, recipe=replace(JOB.recipe, epochs=2)))
    assert [next(work).epoch, next(work).epoch] == [1, 2]
    with pytest.raises(StopIteration) as end:
        next(work)
    assert [score.epochs for score in end.value.value] == [2]


def test_nets_that_draw_in_training_keep_their_scores_among_others() -> None:
    noisy = replace(JOB, architecture=replace(JOB.architecture, dropout=0.3, drop_path=0.3))
    together = evaluate(replace(noisy, seeds=(3, 4)))
    alone = [evaluate(replace(noisy, seeds=(seed,)))[0] for seed in (3, 4)]
    assert [score.losses for score in together] == [score.losses for score in alone]


def test_trainings_that_take_turns_score_as_each_alone() -> None:
    """Whatever they are: other nets, lengths and seeds, and nets that draw random numbers of their own."""
    noisy = replace(JOB, architecture=replace(JOB.architecture, dropout=0.3, drop_path=0.3))
    jobs = [
        replace(JOB, recipe=replace(JOB.recipe, epochs=3)),
        replace(JOB, seeds=(4, 5)),
        replace(JOB, architecture=replace(JOB.architecture, stem=16), recipe=replace(JOB.recipe, epochs=2)),
        replace(noisy, recipe=replace(JOB.recipe, epochs=2)),
        replace(noisy, seeds=(9,)),
    ]
    together = in_turn([follow(job) for job in jobs])
    for mine, job in zip(together, jobs, strict=True):
        theirs = evaluate(job)
        assert [(score.accuracy, score.loss, score.losses) for score in mine] == [
            (score.accuracy, score.loss, score.losses) for score in theirs
        ]


def in_turn(works: Sequence[Training]) -> list[tuple[Score, ...]]:
    """An item of each in turn, until all have ended."""
    ended: dict[int, tuple[Score, ...]] = {}
    while len(ended) < len(works):
        for place, work in enumerate(works):
            if place not in ended:
                try:
                    next(work)
                except StopIteration as end:
                    ended[place] = end.value
    return [ended[place] for place in range(len(works))]


def test_a_worker_whose_gpu_does_nothing_any_more_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it would fail every job that is left, each at once. Images stay on the CPU here, and no net is built."""
    place, ended = nas_scale.training.images.place_images, list[int]()

    def lost(*_: object) -> None:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr("nas_scale.training.images.place_images", lambda data, _: place(data, torch.device("cpu")))
    monkeypatch.setattr("nas_scale.nets.build.build", lost)
    monkeypatch.setattr("os._exit", ended.append)
    job = replace(JOB, data=replace(JOB.data, train=64))  # images of its own: those of a job are kept
    for device, synchronize, wanted in (("cpu", lost, []), ("cuda", lost, [LOST]), ("cuda", lambda: None, [])):
        ended.clear()
        monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
        with pytest.raises(RuntimeError, match="illegal memory access"):
            evaluate(replace(job, device=device))
        assert ended == wanted
