"""The proxies that proxy_rank.py compares, as options of nas_scale.flows.training.Training.

On a CPU core a net of NAS-Bench-Macro at a quarter of its width trains on 1,500 images a second at 32 px and on 2,500
at 16 px, so that images are what is dear. On a GPU a small net's step costs about the same whatever its width: there
width, batch and images grow together.
"""

from __future__ import annotations

from typing import Any, Final

Options = dict[str, Any]

CPU: Final[dict[str, Options]] = {}

_WHOLE: Final[Options] = {"proxy_width": 1.0, "batch": 256, "learning_rate": 0.5}
_HALF: Final[Options] = {"proxy_width": 0.5, "batch": 256, "learning_rate": 0.5}

# To be tried in this order: each about five seconds a net or less on a large GPU, five minutes for a list.
GPU: Final[dict[str, Options]] = {
    "gpu-1": {**_WHOLE, "epochs": 1},
    "gpu-2": {**_WHOLE, "epochs": 2},
    "gpu-4": {**_WHOLE, "epochs": 4},
    "gpu-8": {**_WHOLE, "epochs": 8},
    "gpu-half-4": {**_HALF, "epochs": 4},
    "gpu-half-8": {**_HALF, "epochs": 8},
    "gpu-half-12": {**_HALF, "epochs": 12},
    "gpu-16px-8": {**_WHOLE, "epochs": 8, "proxy_resolution": 16},
    "gpu-24px-6": {**_WHOLE, "epochs": 6, "proxy_resolution": 24},
    "gpu-4-b512": {**_WHOLE, "epochs": 4, "batch": 512},
    "gpu-8-b1024": {**_WHOLE, "epochs": 8, "batch": 1024},
    "gpu-4-lr0.25": {**_WHOLE, "epochs": 4, "learning_rate": 0.25},
    "gpu-4-lr1": {**_WHOLE, "epochs": 4, "learning_rate": 1.0},
    "gpu-4-half-the-images": {**_WHOLE, "epochs": 8, "train_images": 22_500},
    "gpu-2-two-seeds": {**_WHOLE, "epochs": 2, "seeds": 2},
    "gpu-half-4-two-seeds": {**_HALF, "epochs": 4, "seeds": 2},
    "gpu-4-more-validation": {**_WHOLE, "epochs": 4, "train_images": 35_000, "val_images": 15_000},
}

RECIPES: Final[dict[str, Options]] = {**CPU, **GPU}
