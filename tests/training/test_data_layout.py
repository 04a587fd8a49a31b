"""Which folders are parts of a data set, which are classes, and what is refused because it may be either."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas_scale.errors import DataError
from nas_scale.training.data import DataRef, check_data
from nas_scale.training.data.folder import Folder
from nas_scale.training.data.part_names import parts_beside_words, parts_named
from tests.support.tiny_data import in_folders, write_images


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("train", "val", "test"),
        ("Train", "Val", "Test"),
        ("TRAIN", "VALID", "TEST"),
        ("training", "validation", "testing"),
        ("training_set", "validation_set", "test_set"),
        ("trainset", "valset", "testset"),
        ("train-images", "val-images", "test-images"),
        ("TrainData", "ValidationData", "HoldOut"),
        ("train2017", "val2017", "test2017"),
        ("images train", "images dev", "images eval"),
        ("tr", "val", "te"),
        ("train_v2", "val_v2", "hold-out"),
        ("data.train", "data.valid", "data.evaluation"),
        ("Trainingsdaten", "Validierungsdaten", "Testdaten"),
        ("entrenamiento", "validación", "pruebas"),
        ("treinamento", "validação", "teste"),
        ("entraînement", "validation", "test"),
        ("addestramento", "validazione", "test"),
        ("训练集", "验证集", "测试集"),
        ("訓練", "検証", "テスト"),
    ],
)
def test_names_of_parts_are_known_in_any_case_and_spelling(train: str, val: str, test: str, tmp_path: Path) -> None:
    assert parts_named([train, val, test]) == {train: "train", val: "val", test: "test"}
    listing = Folder(str(write_images(tmp_path, *in_folders(train, val, test)))).listing
    assert {part: list(classes) for part, classes in listing.parts.items()} == {
        part: ["cat", "dog"] for part in ("train", "val", "test")
    }


@pytest.mark.parametrize(
    "name", ["cat", "trains", "steam_train", "test_tube", "invalid", "development", "detrain", "valley"]
)
def test_names_of_classes_are_no_parts(name: str) -> None:
    assert parts_named([name]) == {}
    assert parts_beside_words([name, "freight_train", "cat"]) == []


def _about(folder: Path) -> tuple[dict[str, list[str]], str]:
    """The classes of each part, and what is said of the folders."""
    check_data(DataRef(str(folder), 8))
    source = Folder(str(folder))
    parts = {str(part): list(classes) for part, classes in source.listing.parts.items()}
    return parts, source.catalog(DataRef(str(folder), 8)).about


@pytest.mark.parametrize(
    ("patterns", "parts", "said"),
    [
        (in_folders("Train", "Val"), "train val", "Train/ is for training; validated on Val/"),
        (in_folders("training_set", "test_set"), "train test", "training_set/ is for training; a fifth"),
        (in_folders("images/train", "images/val"), "train val", "found in images/"),
        ([*in_folders("images/train", "images/val"), "labels/train/*.txt"], "train val", "found in images/"),
        ([*in_folders("photos/train", "photos/val"), "logo.png"], "train val", "found in photos/"),
        (in_folders("photos/photos/train", "photos/photos/val"), "train val", "found in photos/photos/"),
        (in_folders("a/b/c"), "train", "found in a/b/c/"),
        (in_folders("train/images", "val/images"), "train val", "validated on val/"),
        (
            [*in_folders("seg_train/seg_train", "seg_test/seg_test"), "seg_pred/*.png"],
            "train test",
            "seg_train/ is for",
        ),
        ([*in_folders("train", "val"), "test/*.png"], "train val test", "test/ is not looked at"),
    ],
)
def test_parts_are_found_where_they_are_plain(patterns: list[str], parts: str, said: str, tmp_path: Path) -> None:
    found, about = _about(write_images(tmp_path, *patterns))
    assert list(found) == parts.split()
    assert found["train"] == ["cat", "dog"]
    assert said in about


@pytest.mark.parametrize(
    "classes",
    ["train bus car", "valid invalid", "tr de fr", "te hi ta", "0 1 2", "a A b B", "fold cat", "i1 i2", "folds folder"],
)
def test_classes_may_be_called_like_parts(classes: str, tmp_path: Path) -> None:
    found, _ = _about(write_images(tmp_path, *(f"{name}/*.png" for name in classes.split())))
    assert found == {"train": sorted(classes.split())}


def test_folders_below_a_class_belong_to_it(tmp_path: Path) -> None:
    nested = [f"{part}/{name}/images/*.png" for part in ("train", "val") for name in ("n01", "n02")]
    found, _ = _about(write_images(tmp_path, *nested))
    assert found == {"train": ["n01", "n02"], "val": ["n01", "n02"]}
    own = [f"{name}/{place}" for name in ("rose", "tulip") for place in ("*.png", "2019/*.png", "2020/*.png")]
    assert _about(write_images(tmp_path / "own", *own))[0] == {"train": ["rose", "tulip"]}


@pytest.mark.parametrize(
    ("patterns", "words"),
    [
        (in_folders("Train", "training", "val"), ("Train/ and training/", "the training images")),
        (in_folders("train", "val", "dev"), ("dev/ and val/", "the validation images")),
        (in_folders("fold1", "fold2", "fold3"), ("fold1/, fold2/ and fold3/", "same folders (cat/, dog/)", "train/")),
        (in_folders("A", "B"), ("A/ and B/", "same folders (cat/, dog/)", "directly into them")),
        ([*in_folders("A", "B", classes=("x", "y", "z")), "A/w/*.png"], ("A/ and B/", "x/, y/, z/")),
        ([*in_folders("Day"), *in_folders("Night", classes=("Cat", "Dog"))], ("Day/ and Night/",)),
        (["fold1/*.png", "fold2/*.png"], ("fold1/ and fold2/", "folds")),
        (["k-fold-1/*.png", "k-fold-2/*.png"], ("k-fold-1/ and k-fold-2/", "folds")),
        (["Fold A/*.png", "Fold B/*.png"], ("Fold A/ and Fold B/", "folds")),
        (["fold_one/*.png", "fold_two/*.png"], ("fold_one/ and fold_two/", "folds")),
        (in_folders("train/fold1", "train/fold2", "val/fold1", "val/fold2"), ("fold1/ and fold2/", "train", "folds")),
        (["cat/*.png", "cat/test/*.png", "dog/*.png", "dog/Test/*.png"], ("cat/ and dog/", "or test images")),
        ([f"{name}_{part}/*.png" for name in ("cat", "dog") for part in ("train", "val")], ("train/CLASS",)),
        (
            in_folders("cats/train", "cats/val", "dogs/train", "dogs/val"),
            ("cats/ and dogs/", "training, validation or test images"),
        ),
        (in_folders("images/train", "images/val", "masks/train", "masks/val"), ("images/ and masks/",)),
        ([*in_folders("data/train", "data/val"), "samples/*.png"], ("/data looks like a data set", "give that")),
        (in_folders("train"), ("has train/ but no val/", "a fifth")),
        (in_folders("val"), ("has val/ but no train/",)),
        ([*in_folders("train"), "val/*.JPEG"], ("val holds 3 images but no folders", "/train alone")),
        (["train/*.jpg", "test/*.jpg", "train.csv"], ("train holds 3 images but no folders", ".csv 1")),
        (["train/train/*.jpg", "test/test/*.jpg", "train.csv"], ("one class only (train)", ".csv 1")),
        (
            ["images/train/*.jpg", "images/val/*.jpg", "labels/train/*.txt"],
            ("images/train holds", ".txt 3"),
        ),
        (["cat/*.png", "dog/*.png", "test/*.png"], ("test/ in", "a part of the data set; rename it, or move it away")),
        (["cat/*.png", "validation_set/*.png"], ("validation_set/ in", "could be one")),
        (["images/*.jpg", "labels/*.txt"], ("images in images/ alone", ".txt 3")),
        (["train/images/*.jpg", "train/labels/*.txt", "valid/images/*.jpg"], ("images in images/ alone", ".txt 3")),
        (["train2017/*.jpg", "val2017/*.jpg", "annotations/*.json"], ("train2017 holds 3 images", ".json 3")),
        (["*.jpg", "labels.csv"], ("holds 3 images but no folders of classes", ".csv 1")),
        (["cat/*.heic", "dog/*.heic"], ("holds no folders with images", ".heic 6")),
        ([*in_folders("."), "bird/*.heic"], ("class bird has no images (.heic 3 there)",)),
        (in_folders("train", "val", classes=("cat",)), ("one class only (cat)",)),
        (
            [*in_folders("train", classes=("Cat", "dog")), *in_folders("val")],
            ("cat there differs in case",),
        ),
        (
            [*in_folders("train", classes=("red cat", "dog")), *in_folders("val", classes=("redcat", "dog"))],
            ("spaces",),
        ),
    ],
)
def test_what_may_be_either_is_refused_with_what_to_do(
    patterns: list[str], words: tuple[str, ...], tmp_path: Path
) -> None:
    with pytest.raises(DataError) as caught:
        check_data(DataRef(str(write_images(tmp_path, *patterns)), 8))
    for word in words:
        assert word in str(caught.value)
    assert "\n" not in str(caught.value)


def test_composed_and_decomposed_letters_are_one_class(tmp_path: Path) -> None:
    composed, decomposed = "caf\u00e9", "cafe\u0301"
    assert composed != decomposed
    patterns = [*in_folders("train", classes=(composed, "dog")), *in_folders("val", classes=(decomposed, "dog"))]
    assert _about(write_images(tmp_path, *patterns))[0] == {"train": [composed, "dog"], "val": [composed, "dog"]}


def test_test_images_without_classes_are_refused_when_they_are_asked_for(tmp_path: Path) -> None:
    folder = write_images(tmp_path, *in_folders("train"), "test/*.png")
    check_data(DataRef(str(folder), 8))
    with pytest.raises(DataError, match="test holds 3 images but no folders"):
        Folder(str(folder)).test(DataRef(str(folder), 8))
