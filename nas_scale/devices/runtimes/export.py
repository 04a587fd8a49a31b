"""Exports networks for onnxruntime, and compares its logits with torch's before anything is timed."""

from __future__ import annotations

import contextlib
import copy
import gc
import io
import logging
import os
import time
import warnings
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from nas_scale.devices.runtimes.modules import DTYPES, images, module_of
from nas_scale.devices.runtimes.onnx_timer import session
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.subject import ExportJob

FLOAT32_TOLERANCE: Final = 1e-4  # of the largest logit
HALF_TOLERANCE: Final = 3e-2  # two implementations of half precision round at different places


def export_subject(job: ExportJob) -> float:
    """Writes the file, and returns the seconds that it took. Raises ValueError where its logits are not torch's."""
    start = time.perf_counter()
    torch.set_num_threads(job.setting.threads)
    module, resolution = module_of(job.subject)
    x = images(job.setting.batch, resolution, job.setting.precision)
    temporary = job.file.with_suffix(f".{os.getpid()}")
    try:
        write_onnx(module.to(DTYPES[job.setting.precision]), x, temporary)
        check_logits(module, x, temporary, job.setting)
        temporary.replace(job.file)
    finally:
        temporary.unlink(missing_ok=True)
    return time.perf_counter() - start


def write_onnx(module: nn.Module, x: Tensor, file: Path) -> None:
    """Exports the module for images x by torch's current exporter, its batch norms folded into convolutions.

    onnxruntime folds them itself; folded before, there is half as much to trace, which is where the time goes.
    """
    with torch.no_grad(), _quiet():
        program = torch.onnx.export(folded(module), (x,), dynamo=True, verbose=False)
        assert program is not None
        program.save(str(file))


def check_logits(module: nn.Module, x: Tensor, file: Path, setting: DeviceSetting) -> None:
    """Raises ValueError where the file's logits for x, on the CPU, are not the module's."""
    with torch.inference_mode():
        wanted = module(x).float().numpy()
    run = session(file, DeviceSetting(threads=setting.threads))
    found = np.asarray(run.run(None, {run.get_inputs()[0].name: x.numpy()})[0], np.float32)
    off = float(np.abs(found - wanted).max() / max(float(np.abs(wanted).max()), 1e-30))
    tolerance = FLOAT32_TOLERANCE if setting.precision == "fp32" else HALF_TOLERANCE
    if not off <= tolerance:
        raise ValueError(
            f"onnxruntime's logits differ from torch's by {off:.1g} of the largest, where {tolerance:g} is admitted: "
            "the exported net computes something else"
        )


def folded(module: nn.Module) -> nn.Module:
    """A copy in which a batch norm right behind a convolution in a Sequential is part of it."""
    module = copy.deepcopy(module)
    for each in list(module.modules()):
        if type(each) is nn.Sequential:
            names = list(each._modules)
            for name, following in pairwise(names):
                layer, norm = each._modules[name], each._modules[following]
                if isinstance(layer, nn.Conv2d) and type(norm) is nn.BatchNorm2d:
                    each._modules[name] = fuse_conv_bn_eval(layer, norm)
                    each._modules[following] = nn.Identity()
    return module


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's own progress and advice, and without collecting garbage among its millions of objects."""
    enabled = gc.isenabled()
    gc.disable()
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        if enabled:
            gc.enable()
