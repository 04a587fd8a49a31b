"""The proxies that proxy_rank.py compares, as options of nas_scale.commands.shared.training.Training.

On a CPU core nets of NAS-Bench-Macro at a quarter of their width train on about 1,450 images a second at 32 px, 2,400
at 16 px and 4,400 at 12 px, so that images are what is dear. On a GPU a small net's step costs about the same whatever
its width: there width, batch and images grow together. Any recipe runs on either.
"""

from __future__ import annotations

from typing import Any, Final

Options = dict[str, Any]

# Everything that a proxy may leave to the data's usual one is said, so that a recipe stays what it was.
_CPU: Final[Options] = {
    "proxy_resolution": 12,
    "proxy_width": 0.25,
    "train_images": 25_000,
    "val_images": 20_000,
    "batch": 128,
    "learning_rate": 1.0,
    "crop": 0.125,
}

CPU: Final[dict[str, Options]] = {
    "cpu-1": {**_CPU, "epochs": 1, "warmup": 0.5},
    "cpu-2": {**_CPU, "epochs": 2, "warmup": 0.5},
    "cpu-4": {**_CPU, "epochs": 4, "warmup": 0.25},
    "cpu-8": {**_CPU, "epochs": 8, "warmup": 0.125},
}

_GPU: Final[Options] = {
    "proxy_resolution": 32,
    "proxy_width": 1.0,
    "train_images": 45_000,
    "val_images": 5_000,
    "batch": 256,
    "learning_rate": 0.5,
    "warmup": 0.1,
    "crop": 0.125,
}
_HALF: Final[Options] = {**_GPU, "proxy_width": 0.5}
_MORE_VALIDATION: Final[Options] = {**_GPU, "train_images": 35_000, "val_images": 15_000}

# To be tried in this order: each about five seconds a net or less on a large GPU, five minutes for a list.
GPU: Final[dict[str, Options]] = {
    "gpu-4": {**_GPU, "epochs": 4},
    "gpu-4-val": {**_MORE_VALIDATION, "epochs": 4},
    "gpu-16px-8": {**_MORE_VALIDATION, "epochs": 8, "proxy_resolution": 16},
    "gpu-12px-12": {**_MORE_VALIDATION, "epochs": 12, "proxy_resolution": 12},
    "gpu-24px-6": {**_MORE_VALIDATION, "epochs": 6, "proxy_resolution": 24},
    "gpu-half-8": {**_HALF, "epochs": 8},
    "gpu-1": {**_GPU, "epochs": 1},
    "gpu-2": {**_GPU, "epochs": 2},
    "gpu-8": {**_GPU, "epochs": 8},
    "gpu-half-4": {**_HALF, "epochs": 4},
    "gpu-half-12": {**_HALF, "epochs": 12},
    "gpu-4-b512": {**_GPU, "epochs": 4, "batch": 512},
    "gpu-8-b1024": {**_GPU, "epochs": 8, "batch": 1024},
    "gpu-4-lr0.25": {**_GPU, "epochs": 4, "learning_rate": 0.25},
    "gpu-4-lr1": {**_GPU, "epochs": 4, "learning_rate": 1.0},
    "gpu-2-two-seeds": {**_GPU, "epochs": 2, "seeds": 2},
    "gpu-half-4-two-seeds": {**_HALF, "epochs": 4, "seeds": 2},
}

RECIPES: Final[dict[str, Options]] = {**CPU, **GPU}
