"""Which folders of a tree hold the training, validation and test images, and which are classes.

What could be understood in two ways is refused, with what to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from nas_scale.errors import DataError
from nas_scale.printable import one_line
from nas_scale.training.data.file_kinds import HIDDEN, amounts, display_name, nfc
from nas_scale.training.data.part_names import PARTS, Part, is_fold, may_be_class, parts_beside_words, parts_named
from nas_scale.training.data.tree import Tree

LAYOUTS: Final = "train/ and val/ with one folder a class in each, or one folder a class"
_LABELS: Final = (".txt", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".mat", ".parquet", ".xlsx")
_MOST_NAMED: Final = 5
_STRAY: Final = 0.1  # of a data set's images may lie beside the folders of its classes


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders whose folders are classes, by part; `train` alone, and the same as top, where there are no parts.

    given: the folder that was asked for. top: the one that holds the data set: the same, or the only one in it with
    images. named: the folder of each part as it is found in top, in which its images may lie deeper.
    """

    given: Tree
    top: Tree
    parts: Mapping[Part, Tree]
    named: Mapping[Part, str]

    def classes(self, part: Part) -> dict[str, list[Tree]]:
        """The folders of each class by its name in NFC, in the order of names.

        Raises DataError where there are none, and for a class without images.
        """
        folder = self.parts[part]
        _refuse_lost(folder)
        found: dict[str, list[Tree]] = {}
        for below in sorted(folder.folders, key=lambda below: nfc(below.name)):
            found.setdefault(nfc(below.name), []).append(below)
        holding = [name for name, folders in found.items() if any(below.has_images for below in folders)]
        if not holding:
            raise DataError(self._without_classes(folder) + self._without(part))
        if len(holding) > 1 and all(map(is_fold, holding)):
            named = folders_named([found[name][0] for name in holding])
            raise DataError(
                f"{named} in {path_of(folder)} are called folds of a data set, not classes; give it {LAYOUTS}"
            )
        if len(holding) == 1 < len(found) and (labels := self.labels()):
            name = display_name(holding[0])
            raise DataError(f"{path_of(folder)} has images in {name}/ alone, not in a folder for each class{labels}")
        for name in found.keys() - holding:
            there, where = found[name][0].passed(), path_of(found[name][0])
            said = f" ({amounts(there)} there)" if there else ""
            raise DataError(
                f"class {display_name(name)} has no images{said}; put some into {where}, or remove it if it is no class"
            )
        return found

    def _without_classes(self, folder: Tree) -> str:
        images = len(folder.all_images())
        if images:
            return (
                f"{path_of(folder)} holds {images:,} images but no folders of classes; put the images of each class "
                f"into a folder of its own{self.labels()}"
            )
        passed = {kind: count for kind, count in folder.passed().items() if kind != HIDDEN}
        said = f", only files that are none ({amounts(passed)})" if passed else ""
        return f"{path_of(folder)} holds no folders with images{said}; give it {LAYOUTS}"

    def labels(self) -> str:
        """That labels in files are not read, where there are any."""
        labels = {kind: count for kind, count in self.given.passed().items() if kind in _LABELS}
        return f"; labels in files ({amounts(labels)}) are not read" if labels else ""

    def _without(self, part: Part) -> str:
        """That training images alone are enough, of a part without which they could do."""
        return (
            f"; or give {path_of(self.parts['train'])} alone, of which a fifth then validates" if part == "val" else ""
        )


def layout_of(given: Tree) -> Layout:
    """Which folders are parts and which are classes. Raises DataError where that could be understood in two ways."""
    top = given
    while not (parts := _parts(top)):
        inner = _only(top)
        if inner is None:
            _refuse_parts_of_another_kind(top)
            return Layout(given, top, {"train": top}, {})
        top = inner
    _refuse_lost(top)
    found = _checked(parts, top)
    return Layout(
        given,
        top,
        {part: _unwrapped(folder) for part, folder in found.items()},
        {part: folder.name for part, folder in found.items()},
    )


def path_of(folder: Tree) -> str:
    """A folder's path, for a line."""
    return one_line(folder.path)


def folders_named(folders: Sequence[Tree]) -> str:
    """`Train/ and training/`; the first few of many."""
    names = [f"{display_name(folder.name)}/" for folder in folders]
    if len(names) > _MOST_NAMED:
        names = [*names[: _MOST_NAMED - 1], f"{len(names) - _MOST_NAMED + 1} more"]
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]


def _parts(top: Tree) -> dict[Part, list[Tree]]:
    """The folders that claim to be each part; none where their names are those of classes.

    A class may be called train, or valid beside invalid: then it holds its images itself, beside other classes.

    Raises DataError where a folder may be either.
    """
    folders = {folder.name: folder for folder in top.folders}
    names = parts_named(list(folders))
    if not names:
        several = parts_beside_words(list(folders))
        if len(several) > 1:
            named = folders_named([folders[name] for found in several for name in found])
            raise DataError(f"{named} in {path_of(top)} are parts of classes; make them train/CLASS and val/CLASS")
        names = several[0] if several else {}
    others = [folder for name, folder in folders.items() if name not in names and folder.has_images]
    if others and len({*names.values()}) < 2 and not all(_holds_classes(folders[name]) for name in names):
        for name in names:
            if not may_be_class(name, list(folders)):
                raise DataError(
                    f"{display_name(name)}/ in {path_of(top)} is beside classes and could be one or a part of the data "
                    "set; rename it, or move it away"
                )
        return {}
    return {part: [folders[name] for name in names if names[name] == part] for part in PARTS if part in names.values()}


def _refuse_lost(folder: Tree) -> None:
    """Raises DataError where a link among the folders leads nowhere: it may have been one of them."""
    for name in folder.content.lost:
        raise DataError(f"{one_line(f'{folder.path}/{name}')} is a link that leads nowhere; repair or remove it")


def _holds_classes(folder: Tree) -> bool:
    return sum(below.has_images for below in folder.folders) > 1


def _only(top: Tree) -> Tree | None:
    """The only folder with images, where it is the data set itself: it holds parts, or folders but no images."""
    holding = [folder for folder in top.folders if folder.has_images]
    if len(holding) != 1:
        return None
    [inner] = holding
    alone = len(top.folders) == 1 and not top.images
    return inner if _parts(inner) or (alone and not inner.images) else None


def _checked(parts: Mapping[Part, Sequence[Tree]], top: Tree) -> dict[Part, Tree]:
    """One folder a part. Raises DataError where there are two of one, or too few parts."""
    where = path_of(top)
    for part, folders in parts.items():
        if len(folders) > 1:
            raise DataError(
                f"{folders_named(folders)} in {where} could each be the {_WHAT[part]} images; rename or merge them, "
                f"so that one is {part}/"
            )
    found = {part: parts[part][0] for part in PARTS if part in parts}
    names = {part: f"{display_name(folder.name)}/" for part, folder in found.items()}
    if "train" not in found:
        there = names.get("val") or names["test"]
        raise DataError(f"{where} has {there} but no train/; give it {LAYOUTS}")
    if not found.keys() & {"val", "test"}:
        train = path_of(found["train"])
        raise DataError(
            f"{where} has {names['train']} but no val/; add one, or give {train}, of which a fifth then validates"
        )
    return found


_WHAT: Final[dict[Part, str]] = {"train": "training", "val": "validation", "test": "test"}


def _refuse_parts_of_another_kind(top: Tree) -> None:
    """Raises DataError where the folders are folds, places or data sets rather than classes: all hold the same ones."""
    holding = [folder for folder in top.folders if folder.has_images]
    if len(holding) < 2:
        return
    named = f"{folders_named(holding)} in {path_of(top)}"
    parts = [_parts(folder) for folder in holding]
    if all(parts):
        raise DataError(
            f"{named} each hold training, validation or test images of their own: give one of them; if they are "
            "classes, put them inside train/ and val/"
        )
    if split := [folder for folder, found in zip(holding, parts, strict=True) if "train" in found]:
        raise DataError(f"{path_of(split[0])} looks like a data set, with folders beside it; give that folder")
    if same := _in_all(holding):
        raise DataError(
            f"{named} all hold the same folders ({', '.join(same)}), as parts of a data set do and classes do not: "
            "name two of them train/ and val/, or give one of them; if they are classes, put their images directly "
            "into them"
        )


def _in_all(folders: Sequence[Tree]) -> list[str]:
    """The names of the folders that all of these hold; none where they hold images, or mostly other folders."""
    inside = [
        {nfc(below.name).casefold() for below in _unwrapped(folder).folders if below.has_images} for folder in folders
    ]
    common, every = set.intersection(*inside), set.union(*inside)
    loose, images = sum(len(each.images) for each in folders), sum(len(each.all_images()) for each in folders)
    if len(common) < 2 or 2 * len(common) < len(every) or loose > _STRAY * images:
        return []
    return [f"{display_name(name)}/" for name in sorted(common)[:_MOST_NAMED]]


def _unwrapped(folder: Tree) -> Tree:
    while (inner := _only(folder)) is not None:
        folder = inner
    return folder
