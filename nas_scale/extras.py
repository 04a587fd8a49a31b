"""What can be installed besides: the package's extras, as pyproject.toml has them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final


@dataclass(frozen=True, slots=True)
class Extra:
    """`pip install 'nas-scale[NAME]'`. packages: what it installs, each imported by its own name. purpose: what needs
    them."""

    name: str
    packages: tuple[str, ...]
    purpose: str

    @property
    def install(self) -> str:
        """The command that installs it."""
        return f"pip install 'nas-scale[{self.name}]'"

    def missing(self) -> list[str]:
        """The packages that are not there; imports none."""
        return [package for package in self.packages if find_spec(package) is None]


HUGGING_FACE: Final = Extra("hf", ("datasets",), "images of the Hugging Face hub: --data hf:NAME")
ONNX: Final = Extra("onnx", ("onnx", "onnxruntime", "onnxscript"), "milliseconds in onnxruntime: --runtime onnxruntime")
PLOTS: Final = Extra("plots", ("matplotlib",), "pictures of Pareto fronts and of fits: show RUN --plot FILE")
TENSORBOARD: Final = Extra("tensorboard", ("tensorboardX",), "curves of trainings: --log tensorboard")
EXTRAS: Final = (HUGGING_FACE, ONNX, PLOTS, TENSORBOARD)
