"""Long sets of one's own images are seen less often; what is asked for stays."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from nas_scale.commands.certify.certificates import certificate_line
from nas_scale.commands.shared import lengths
from nas_scale.commands.shared.data_defaults import DataDefaults, defaults_for
from nas_scale.commands.shared.lengths import length, settled_length
from nas_scale.commands.shared.net_lookup import reference_net
from nas_scale.commands.shared.training import Training
from tests.support.small_spaces import PLAIN


@pytest.mark.parametrize(
    ("images", "epochs", "taken"),
    [
        (40, 8, None),
        (2000, 8, None),
        (2001, 7, None),
        (4000, 4, None),
        (7999, 2, None),
        (8000, 2, None),
        (8001, 2, 8000),
        (1_000_000, 2, 8000),
    ],
)
def test_no_training_sees_more_than_there_is_time_for(images: int, epochs: int, taken: int | None) -> None:
    assert length(images, 20, 8, 16_000) == (epochs, taken)
    assert epochs * (taken or images) <= 16_000


def test_every_class_keeps_an_image() -> None:
    assert length(50_000, 10_000, 8, 16_000) == (2, 10_000)


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """60 images of three classes, of which 48 train, where one training sees 200."""
    for number in range(60):
        path = tmp_path / "photos" / "abc"[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (number, 2 * number, 0)).save(path)

    def short(data: str, device: str) -> DataDefaults:
        usual = defaults_for(data, device)
        return replace(usual, most_seen=200) if usual.most_seen else usual

    monkeypatch.setattr(lengths, "defaults_for", short)
    return str(tmp_path / "photos")


def test_a_folder_is_counted_without_its_validation_images(photos: str) -> None:
    settled = settled_length(Training(data=photos), "cpu")
    assert (settled.epochs, settled.train_images) == (4, None)  # 4 x 48
    settled = settled_length(Training(data=photos, train_images=30), "cpu")
    assert (settled.epochs, settled.train_images) == (6, 30)


def test_what_is_asked_for_and_what_is_no_folder_stays(photos: str) -> None:
    assert settled_length(Training(data=photos, epochs=50), "cpu") == Training(data=photos, epochs=50).suited("cpu")
    for data in ("scenes", "digits", "/there/is/none"):
        assert settled_length(Training(data=data), "cpu") == Training(data=data).suited("cpu")


@pytest.mark.parametrize("asked", [{}, {"train_images": 30}, {"epochs": 4, "train_images": 30}, {"epochs": 9}])
def test_the_command_for_a_certificate_comes_to_the_same_length(
    photos: str, tmp_path: Path, asked: dict[str, int]
) -> None:
    reference = reference_net(PLAIN)
    training = settled_length(Training(data=photos, **asked), "cpu").for_reference(reference)
    words = certificate_line(tmp_path, training, reference, "cpu", None).split()
    given = {flag.strip("-").replace("-", "_"): value for flag, value in itertools.pairwise(words)}
    again = {name: int(given[name]) for name in ("epochs", "train_images") if name in given}
    settled = settled_length(Training(data=photos, **again), "cpu")
    assert (settled.epochs, settled.train_images) == (training.epochs, training.train_images)
