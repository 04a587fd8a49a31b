"""Run in a process of its own: imports torch, takes a training step, and prints what it saw as one line of JSON."""

from __future__ import annotations

import json
import time


def take_step() -> None:
    """Raises whatever torch raises."""
    started = time.perf_counter()
    import torch
    from torch import nn

    gpus = range(torch.cuda.device_count() if torch.cuda.is_available() else 0)
    for device in ["cpu", *(f"cuda:{index}" for index in gpus)]:
        model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Flatten(), nn.Linear(8 * 6 * 6, 2)).to(device)
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        model(torch.rand(2, 3, 8, 8, device=device)).sum().backward()
        optimizer.step()
    devices = [f"{torch.cuda.get_device_name(index)} (cuda:{index})" for index in gpus]
    devices += ["Apple GPU (mps)"] if torch.backends.mps.is_available() else []
    seen = {
        "version": torch.__version__,
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
        "devices": ["cpu", *devices],
        "seconds": round(time.perf_counter() - started, 1),
    }
    print(json.dumps(seen))
