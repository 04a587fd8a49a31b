"""What people call the folders of training, validation and test images."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final, Literal, get_args

Part = Literal["train", "val", "test"]
PARTS: Final[tuple[Part, ...]] = get_args(Part)

_FILLING: Final = "(?:data|sets?|images?|imgs?|pictures|pics|photos|splits?|samples|folder|v|s?daten|s?satz|集|数据)*"
# English first, then German, Spanish, Portuguese, French, Italian, Chinese and Japanese.
_WORDS: Final[dict[Part, str]] = {
    "train": "train(?:ing|val)?|trn|tr|entrenamiento|trein(?:o|amento)|entra[iî]nement|apprentissage|addestramento"
    "|训练|訓練|学習",
    "val": "val|valid(?:ation|ate|ating)?|dev(?:el)?|validierung|valida(?:ci[oó]n|[cç][aã]o|zione)|验证|検証",
    "test": "test(?:ing)?|tst|te|holdout|eval(?:uation)?|pruebas?|teste|测试|テスト",
}
_NAMES: Final = {part: re.compile(f"{_FILLING}(?:{words}){_FILLING}") for part, words in _WORDS.items()}
_CLASSES: Final = frozenset({"train", "tr", "te"})
_BESIDE_LETTERS: Final = re.compile(r"[\d\s._()+-]+")  # years, versions, and what separates words
_FOLDS: Final = re.compile("(?:cv|k)?(?:fold|split|subset|partition)s?(?P<which>[a-j]|one|two|three|four|five)?")


def parts_named(names: Sequence[str]) -> dict[str, Part]:
    """Which of the folders' names say that they are a part, in any case and with years: Train, val2017, test_set."""
    return {name: part for name in names if (part := _part(_folded(name))) is not None}


def parts_beside_words(names: Sequence[str]) -> list[dict[str, Part]]:
    """Names that are a part beside another word, for each word that training and another part have: seg_train,
    seg_test."""
    by_word: dict[str, dict[str, Part]] = {}
    for name in names:
        tokens = re.split(r"[\s._-]+", _folded(name))
        for at in range(1, len(tokens)):
            left, right = "_".join(tokens[:at]), "_".join(tokens[at:])
            for word, rest in ((left, right), (right, left)):
                if (part := _part(rest)) is not None:
                    by_word.setdefault(word, {})[name] = part
    found = [found for found in by_word.values() if "train" in found.values() and len({*found.values()}) > 1]
    return [each for at, each in enumerate(found) if each not in found[:at]]


def may_be_class(name: str, others: Sequence[str]) -> bool:
    """Whether a part's name is that of a class as well: a vehicle, a country or language, what others are not."""
    folded = _folded(name)
    return folded in _CLASSES or any(_folded(other) in (f"in{folded}", f"not {folded}") for other in others)


def is_fold(name: str) -> bool:
    """Whether a folder's name is that of one fold of several, such as fold1, split_03, Fold A or k-fold-one."""
    found = _FOLDS.fullmatch(_BESIDE_LETTERS.sub("", _folded(name)))
    return found is not None and (any(map(str.isdigit, name)) or found["which"] is not None)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _part(folded: str) -> Part | None:
    letters = _BESIDE_LETTERS.sub("", folded)
    return next((part for part in PARTS if _NAMES[part].fullmatch(letters)), None)
