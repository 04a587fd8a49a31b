"""Image data sets: checks a reference to one, loads its training and validation splits, or its test split.

Not here: torch and augmentation. The names below are imported on first use, so that a reference alone costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas_scale.training.data.dataset import Dataset, Split
    from nas_scale.training.data.loading import check_data, data_fingerprint, load, load_test, training_extent
    from nas_scale.training.data.ref import DataRef

__all__ = ["DataRef", "Dataset", "Split", "check_data", "data_fingerprint", "load", "load_test", "training_extent"]

_HOMES = {
    "DataRef": "nas_scale.training.data.ref",
    "Dataset": "nas_scale.training.data.dataset",
    "Split": "nas_scale.training.data.dataset",
    "check_data": "nas_scale.training.data.loading",
    "data_fingerprint": "nas_scale.training.data.loading",
    "load": "nas_scale.training.data.loading",
    "load_test": "nas_scale.training.data.loading",
    "training_extent": "nas_scale.training.data.loading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
