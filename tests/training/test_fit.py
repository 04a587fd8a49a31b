"""Training learns, repeats, follows labels, and says when it diverged."""

from __future__ import annotations

import math
import statistics
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from nas_scale.architecture.notation import parse_stage
from nas_scale.architecture.spec import Architecture
from nas_scale.errors import RunFailed
from nas_scale.nets.build import build
from nas_scale.training.data import DataRef, load
from nas_scale.training.data.dataset import Dataset, Split
from nas_scale.training.data.splits import crediting
from nas_scale.training.fit import train_nets
from nas_scale.training.images import Images, ResidentImages, StreamedImages, place_images
from nas_scale.training.job import Epoch, Recipe, Score, Stop
from nas_scale.training.memory import sparing

NET = Architecture(
    tuple(parse_stage(text) for text in ("ds_s1_c8", "ir_s2_e3_c16_se0.25", "ir_r2_s2_e3_c24")),
    stem=8,
    stem_stride=1,
    head=64,
    resolution=16,
    classes=10,
    dropout=0.0,
    drop_path=0.0,
)
RECIPE = Recipe(epochs=5, batch=32, learning_rate=0.8, crop=1 / 16)


@pytest.fixture(scope="module")
def digits(_own_cache: None) -> Dataset:
    return load(DataRef("digits", 16, train=512, val=256))


CPU = torch.device("cpu")


def finished(work: Generator[Epoch, None, tuple[Score, ...]]) -> tuple[Score, ...]:
    """What a training ends in, its news passed over."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            scores: tuple[Score, ...] = end.value
            return scores


def _train(data: Dataset, recipe: Recipe = RECIPE, seed: int = 0, net: Architecture = NET) -> Score:
    torch.manual_seed(seed)
    (score,) = finished(train_nets({seed: build(net, seed)}, ResidentImages(data, CPU), recipe))
    return score


def test_a_tiny_net_learns_digits_in_seconds(digits: Dataset) -> None:
    score = _train(digits)
    assert score.accuracy > 0.7
    assert (score.images, score.epochs) == (256, 5)
    assert score.loss < 1.2
    assert score.seconds > 0
    assert score.images_per_second == pytest.approx(5 * 512 / score.seconds)


def test_the_same_seed_gives_the_same_score_exactly(digits: Dataset) -> None:
    recipe = replace(RECIPE, epochs=2)
    noisy = replace(NET, dropout=0.3, drop_path=0.3)  # what draws from torch's own state repeats too
    first, again, other = (_train(digits, recipe, seed, noisy) for seed in (1, 1, 2))
    assert (first.accuracy, first.loss) == (again.accuracy, again.loss)
    assert first.loss != other.loss


@pytest.mark.parametrize(
    "recipe",
    [
        replace(RECIPE, optimizer="rmsprop", schedule="paper", learning_rate=0.016, weight_decay=1e-5),
        replace(RECIPE, optimizer="rmsprop", learning_rate=0.064, weight_decay=1e-5),
        replace(RECIPE, schedule="paper", learning_rate=0.4),
        replace(RECIPE, momentum=0.0, label_smoothing=0.0),
    ],
    ids=lambda recipe: f"{recipe.optimizer}-{recipe.schedule}-{recipe.momentum}",
)
def test_every_recipe_learns(digits: Dataset, recipe: Recipe) -> None:
    assert _train(digits, recipe).accuracy > 0.4


def test_random_labels_stay_at_chance_on_validation(digits: Dataset) -> None:
    """What is measured is learnt from labels: without a link between image and label nothing is left."""
    labels = np.random.default_rng(0).permutation(digits.train.labels)
    shuffled = replace(digits, train=Split(digits.train.images, labels))
    accuracies = [_train(shuffled, seed=seed).accuracy for seed in range(3)]
    assert abs(np.mean(accuracies) - 0.1) < 4 * math.sqrt(0.1 * 0.9 / (3 * 256))


def _stripes(count: int, seed: int, flips: bool) -> Split:
    """Noise with a bright column at one of four places; the label says which: left of the middle, or right of it."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    images = rng.integers(0, 120, (count, 16, 16, 3), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[:, 3 if label == 0 else 12] = 250
    return Split(images, labels.astype(np.int64))


def _striped(flips: bool) -> Dataset:
    train, val = _stripes(256, 0, flips), _stripes(128, 1, flips)
    mean = tuple((train.images / 255).mean((0, 1, 2)).tolist())
    std = tuple((train.images / 255).std((0, 1, 2)).tolist())
    return Dataset("stripes", train, val, ("left", "right"), mean, std, flips, "")


def test_labels_follow_their_images_through_shuffles_crops_and_flips() -> None:
    """Left and right are learnt without flips, and cannot be with them; so flips are made, and only when asked for."""
    net = replace(NET, classes=2)
    recipe = replace(RECIPE, epochs=4, crop=2 / 16)
    assert _train(_striped(flips=False), recipe, net=net).accuracy > 0.95
    assert _train(_striped(flips=True), replace(recipe, flips=False), net=net).accuracy > 0.95
    for data, asked in ((_striped(flips=True), None), (_striped(flips=False), True)):
        assert 0.2 < _train(data, replace(recipe, flips=asked), net=net).accuracy < 0.8


def test_a_net_that_diverges_fails_in_one_line(digits: Dataset) -> None:
    with pytest.raises(RunFailed, match=r"^diverged: the loss was no longer finite after epoch 1$"):
        _train(digits, replace(RECIPE, learning_rate=1e30))


def test_more_batch_than_images_trains_on_all_of_them(digits: Dataset) -> None:
    few = replace(digits, train=Split(digits.train.images[:40], digits.train.labels[:40]))
    score = _train(few, replace(RECIPE, batch=64, epochs=1))
    assert math.isfinite(score.loss)


def test_validation_is_scored_on_every_image_in_eval_mode(digits: Dataset) -> None:
    """More images than one evaluation batch, and a net that answers always the same."""
    val = digits.val
    many = replace(digits, val=Split(val.images.repeat(3, axis=0), val.labels.repeat(3)))
    net = build(NET, seed=0)
    torch.nn.init.zeros_(net.classifier.weight)
    net.classifier.bias.data[3] = 1.0
    (score,) = finished(train_nets({0: net}, ResidentImages(many, CPU), replace(RECIPE, epochs=0)))
    share = float((val.labels == 3).mean())
    assert score.images == 768
    assert score.accuracy == pytest.approx(share)
    logits = torch.zeros(10)
    logits[3] = 1.0
    expected = torch.nn.functional.cross_entropy(logits.expand(256, 10), torch.tensor(val.labels)).item()
    assert score.loss == pytest.approx(expected, rel=1e-5)


def test_bf16_trains_on_a_cpu_when_asked(digits: Dataset) -> None:
    assert _train(digits, replace(RECIPE, precision="bfloat16", epochs=3)).accuracy > 0.3


# --- the ways in which a net can be trained, which all give the same


@pytest.fixture(scope="module")
def usual(digits: Dataset) -> tuple[Score, ...]:
    return _scores(ResidentImages(digits, CPU))


def _scores(images: Images, seeds: Sequence[int] = (0, 1), spare: bool = False, **others: Any) -> tuple[Score, ...]:
    nets = {seed: sparing(build(NET, seed)) if spare else build(NET, seed) for seed in seeds}
    return finished(train_nets(nets, images, replace(RECIPE, epochs=3), **others))


def _figures(score: Score) -> tuple[object, ...]:
    return score.accuracy, score.credit, score.credit_images, score.loss, score.losses


def test_seeds_side_by_side_score_as_each_alone(digits: Dataset, usual: tuple[Score, ...]) -> None:
    alone = [_scores(ResidentImages(digits, CPU), (seed,))[0] for seed in (0, 1)]
    assert [_figures(score) for score in usual] == [_figures(score) for score in alone]
    assert _figures(usual[0]) != _figures(usual[1])


def test_images_streamed_from_their_files_give_the_same(digits: Dataset, usual: tuple[Score, ...]) -> None:
    assert [_figures(score) for score in _scores(StreamedImages(digits, CPU))] == [_figures(score) for score in usual]


def test_images_are_streamed_where_they_do_not_fit(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(place_images(digits, CPU), ResidentImages)
    monkeypatch.setattr("nas_scale.training.images.MEMORY_SHARE", 1e-12)
    assert isinstance(place_images(digits, CPU), StreamedImages)


def test_computing_blocks_again_instead_of_keeping_them_gives_the_same(
    digits: Dataset, usual: tuple[Score, ...]
) -> None:
    """Running averages among the rest: a batch must not enter them twice."""
    spared = _scores(ResidentImages(digits, CPU), spare=True)
    for mine, theirs in zip(spared, usual, strict=True):
        assert mine.loss == pytest.approx(theirs.loss, rel=1e-4)
        assert mine.losses == pytest.approx(theirs.losses, rel=1e-4)


def test_computing_blocks_again_keeps_far_less() -> None:
    """Bytes that wait for the backward pass, of a net with more than one block a stage."""
    net = replace(NET, stages=tuple(replace(stage, repeats=4) for stage in NET.stages))
    images = torch.rand(8, 3, 16, 16)

    def kept(module: torch.nn.Module) -> int:
        found: dict[int, int] = {}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            found[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            module(images).sum()
        return sum(found.values())

    assert kept(sparing(build(net, 0))) < 0.4 * kept(build(net, 0))


def test_a_stop_ends_all_seeds_where_their_mean_falls_short(digits: Dataset, usual: tuple[Score, ...]) -> None:
    images = ResidentImages(digits, CPU)
    free = _scores(images, stops=(Stop(1, 0.0), Stop(2, 0.0)))
    assert [_figures(score) for score in free] == [_figures(score) for score in usual]  # looking changes nothing
    reached = [statistics.fmean(score.checks[at][1] for score in free) for at in (0, 1)]
    passing = _scores(images, stops=(Stop(1, reached[0]), Stop(2, reached[1] + 1e-6)))
    assert [score.epochs for score in passing] == [2, 2]
    assert [score.checks for score in passing] == [score.checks for score in free]
    assert [score.choice for score in passing] == [score.checks[-1][1] for score in passing]
    assert [len(score.losses) for score in passing] == [2, 2]


def test_a_stop_after_the_last_epoch_stops_nothing(digits: Dataset, usual: tuple[Score, ...]) -> None:
    scores = _scores(ResidentImages(digits, CPU), stops=(Stop(3, 1.0), Stop(9, 1.0)))
    assert [_figures(score) for score in scores] == [_figures(score) for score in usual]


def test_news_comes_after_every_epoch(digits: Dataset) -> None:
    news = list(train_nets({0: build(NET, 0)}, ResidentImages(digits, CPU), replace(RECIPE, epochs=3)))
    assert [(each.epoch, each.epochs) for each in news] == [(1, 3), (2, 3), (3, 3)]
    assert news[2].loss < news[0].loss
    assert all(each.images_per_second > 0 for each in news)


def test_everything_that_can_be_done_to_images_at_once_still_learns(digits: Dataset) -> None:
    recipe = replace(RECIPE, epochs=8, policy="randaugment", mixup=0.2, cutout=0.25, start_resolution=0.5)
    assert _train(digits, recipe).accuracy > 0.5


def test_evaluation_takes_smaller_batches_where_memory_runs_out(digits: Dataset, usual: tuple[Score, ...]) -> None:
    class Narrow(ResidentImages):
        def validation(self, batch: int) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
            if batch > 100:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return super().validation(batch)

    for mine, theirs in zip(_scores(Narrow(digits, CPU)), usual, strict=True):
        assert (mine.accuracy, mine.credit, mine.losses) == (theirs.accuracy, theirs.credit, theirs.losses)
        assert mine.loss == pytest.approx(theirs.loss, rel=1e-6)


# --- which images choose, and which credit


def test_accuracies_on_both_halves_make_up_that_on_all_images(digits: Dataset, usual: tuple[Score, ...]) -> None:
    for score in usual:
        assert score.credit is not None
        assert (score.images, score.credit_images) == (256, 128)
        assert (score.choice + score.credit) / 2 == score.accuracy, "exactly: halves of a power of two"
        assert score.choice != score.credit
        assert (score.to_choose().accuracy, score.to_choose().images) == (score.choice, 128)
        assert (score.to_credit().accuracy, score.to_credit().images) == (score.credit, 128)
        assert (score.undivided().accuracy, score.undivided().choice) == (score.accuracy, score.accuracy)


def test_each_half_is_scored_on_its_own_images(digits: Dataset) -> None:
    """A net that answers always the same is right on the images of one class."""
    odd = replace(digits, val=Split(digits.val.images[:201], digits.val.labels[:201]))
    net = build(NET, seed=0)
    torch.nn.init.zeros_(net.classifier.weight)
    net.classifier.bias.data[3] = 1.0
    (score,) = finished(train_nets({0: net}, ResidentImages(odd, CPU), replace(RECIPE, epochs=0)))
    labels, credit = odd.val.labels, crediting(odd.val.labels)
    assert (score.credit, score.credit_images) == (float((labels[credit] == 3).mean()), 100)
    assert score.choice == float((labels[~credit] == 3).mean())


def test_few_images_are_of_one_part(digits: Dataset) -> None:
    few = replace(digits, val=Split(digits.val.images[:39], digits.val.labels[:39]))
    score = _train(few, replace(RECIPE, epochs=1))
    assert (score.credit, score.credit_images, score.choice) == (None, 0, score.accuracy)
    assert score.to_credit() == score.to_choose() == score
