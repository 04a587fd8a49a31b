"""What cannot be had here is said in a line that names the option, before anything is loaded."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from nas_scale import extras
from nas_scale.devices import support
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.support import check_setting
from nas_scale.errors import UserError


def test_what_is_usual_can_be_had() -> None:
    check_setting(DeviceSetting())


def test_the_packages_of_an_extra_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "onnxscript" else name)
    with pytest.raises(UserError, match=r"needs onnxscript: pip install 'nas-scale\[onnx\]'"):
        check_setting(DeviceSetting(runtime="onnxruntime"))
    check_setting(DeviceSetting(runtime="eager"))


def test_compiling_needs_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(UserError, match=r"--runtime compile needs a C\+\+ compiler \(g\+\+\), and there is none"):
        check_setting(DeviceSetting(runtime="compile"))
    monkeypatch.setenv("CXX", sys.executable)
    check_setting(DeviceSetting(runtime="compile"))


def test_a_gpu_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(support, "GPU_FILES", ("/no/such/device",))
    monkeypatch.setitem(sys.modules, "torch", None)  # an import would fail
    with pytest.raises(UserError, match="--device cuda is not there"):
        check_setting(DeviceSetting(device="cuda"))


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A GPU, as far as a check can tell."""
    monkeypatch.setattr(support, "GPU_FILES", ("/",))
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: True)))


@pytest.mark.usefixtures("gpu")
def test_onnxruntime_without_its_gpu_half(monkeypatch: pytest.MonkeyPatch) -> None:
    providers = ["CPUExecutionProvider"]
    known = SimpleNamespace(get_available_providers=lambda: providers)
    monkeypatch.setitem(sys.modules, "onnxruntime", known)
    monkeypatch.setattr(extras, "find_spec", lambda name: name)
    with pytest.raises(UserError, match="pip install onnxruntime-gpu"):
        check_setting(DeviceSetting(device="cuda", runtime="onnxruntime"))
    providers.append("CUDAExecutionProvider")
    check_setting(DeviceSetting(device="cuda", runtime="onnxruntime", precision="fp16"))


@pytest.mark.usefixtures("gpu")
def test_compiling_for_a_gpu_needs_triton(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", sys.executable)
    monkeypatch.setattr(support, "find_spec", lambda name: None)
    with pytest.raises(UserError, match="needs triton"):
        check_setting(DeviceSetting(device="cuda", runtime="compile"))
