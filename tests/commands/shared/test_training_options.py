"""What each option of a training decides, and the sets of names that follow from it."""

from __future__ import annotations

from dataclasses import fields

from nas_scale.commands.grid.prepare import OF_DATA
from nas_scale.commands.search.objectives import FREE
from nas_scale.commands.shared.completion import image_sources
from nas_scale.commands.shared.options import declared
from nas_scale.commands.shared.training import Training


def test_every_option_says_what_it_decides() -> None:
    decided = {item.name: item.option.decides for item in declared(Training)}
    assert set(decided) == {item.name for item in fields(Training)}
    assert None not in decided.values()


def test_what_may_differ_between_runs_that_are_compared() -> None:
    assert {"seeds", "window", "threads"} == FREE


def test_what_suited_other_images_is_not_taken_over() -> None:
    assert {
        *("train_images", "val_images", "proxy_resolution", "proxy_width", "proxy_strides"),
        *("epochs", "batch", "learning_rate", "warmup", "crop", "flips"),
    } == OF_DATA


def test_sources_are_completed_up_to_their_path() -> None:
    assert image_sources() == [
        *("scenes", "scenes:fine", "scenes:coarse", "digits"),
        *("cifar10:", "fashion-mnist", "hf:"),
    ]
