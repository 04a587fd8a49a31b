"""Which settings can be had on this machine. Loads nothing: what is missing is said before anything is imported."""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from typing import Final

from nas_scale.devices.processor import usable_cores
from nas_scale.devices.setting import DeviceSetting
from nas_scale.errors import UserError
from nas_scale.extras import ONNX

# Some of these is there wherever Linux has a GPU that torch can use: NVIDIA, its Jetson boards, AMD, Windows' WSL.
GPU_FILES: Final = ("/dev/nvidiactl", "/dev/nvhost-ctrl", "/dev/nvgpu", "/dev/kfd", "/dev/dxg")


def check_setting(setting: DeviceSetting) -> None:
    """Raises UserError, naming the option, for a setting that this machine or its runtime cannot have."""
    cores = usable_cores()
    if setting.threads > cores:
        raise UserError(
            f"--threads {setting.threads} is more than the {cores} core{'s' * (cores > 1)} there are, and would "
            "measure how they are shared"
        )
    if setting.device == "cuda":
        _check_gpu()
    if setting.runtime == "onnxruntime":
        _check_onnxruntime(setting)
    if setting.runtime == "compile":
        _check_compiler(setting)


def may_have_gpu() -> bool:
    """Whether there may be a GPU that torch can use, found without loading it, which takes seconds."""
    return sys.platform != "linux" or any(os.path.exists(path) for path in GPU_FILES)


def _check_gpu() -> None:
    if may_have_gpu():
        import torch

        if torch.cuda.is_available():
            return
    raise UserError("--device cuda is not there: torch finds no GPU; take --device cpu")


def _check_onnxruntime(setting: DeviceSetting) -> None:
    asked = f"--precision {setting.precision}"
    if setting.precision == "bf16":
        raise UserError(f"{asked}: onnxruntime has no bfloat16 convolutions; take --runtime eager or compile")
    if setting.precision == "fp16" and setting.device == "cpu":
        raise UserError(
            f"{asked}: onnxruntime computes in float32 on a CPU and only converts; take fp32, or --device cuda"
        )
    if missing := ONNX.missing():
        raise UserError(f"--runtime onnxruntime needs {missing[0]}: {ONNX.install}")
    if setting.device == "cuda":
        import onnxruntime

        if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
            raise UserError(
                "--runtime onnxruntime on --device cuda needs the build with the CUDA provider: pip install "
                "onnxruntime-gpu instead of onnxruntime"
            )


def _check_compiler(setting: DeviceSetting) -> None:
    names = [os.environ["CXX"]] if "CXX" in os.environ else ["g++", "clang++", "c++", "cl"]
    if not any(shutil.which(name) for name in names):
        raise UserError(f"--runtime compile needs a C++ compiler ({names[0]}), and there is none; take --runtime eager")
    if setting.device == "cuda" and find_spec("triton") is None:
        raise UserError("--runtime compile on --device cuda needs triton: pip install triton; or take --runtime eager")
