"""Exported networks compute what torch computes, or are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from nas_scale.architecture.spec import Architecture, Stage, Style
from nas_scale.devices.runtimes.export import check_logits, export_subject, folded, write_onnx
from nas_scale.devices.runtimes.modules import images, module_of, parts
from nas_scale.devices.runtimes.onnx_timer import OnnxTimer, session
from nas_scale.devices.setting import DeviceSetting
from nas_scale.devices.subject import ExportJob, Subject
from nas_scale.nets.build import Net

TINY = Architecture(
    (Stage("ir", 16, 1, 5, 2, 3, se=0.25), Stage("er", 16, 1, 3, 2, 2, act="hard-swish")),
    stem=8,
    head=32,
    resolution=32,
    classes=10,
)
SETTING = DeviceSetting(runtime="onnxruntime", batch=2)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    file = folder / Subject(TINY).file_name(SETTING)
    assert export_subject(ExportJob(Subject(TINY), SETTING, file)) > 0
    assert [path.name for path in folder.iterdir()] == [file.name], "nothing else is left"
    return file


def test_an_export_has_its_batch_and_resolution_and_torchs_logits(exported: Path) -> None:
    run = session(exported, SETTING)
    assert run.get_inputs()[0].shape == [2, 3, 32, 32]
    x = torch.randn(2, 3, 32, 32)
    module, _ = module_of(Subject(TINY))
    with torch.inference_mode():
        wanted = module(x).numpy()
    found = run.run(None, {run.get_inputs()[0].name: x.numpy()})[0]
    assert np.abs(wanted).max() > 0.01, "logits that can be compared"
    assert np.allclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


def test_it_can_be_timed(exported: Path) -> None:
    timer = OnnxTimer(exported, SETTING)
    assert timer.resolution == 32
    assert all(0 < each < 1000 for each in timer.time(5))


def test_a_wrong_export_is_refused(tmp_path: Path) -> None:
    module, _ = module_of(Subject(TINY))
    other, _ = module_of(Subject(TINY))
    assert isinstance(other, Net)
    nn.init.constant_(other.classifier.bias, 0.01)
    x = images(2, 32)
    write_onnx(other, x, tmp_path / "x.onnx")
    check_logits(other, x, tmp_path / "x.onnx", SETTING)
    with pytest.raises(ValueError, match="the exported net computes something else"):
        check_logits(module, x, tmp_path / "x.onnx", SETTING)


@pytest.mark.parametrize("style", [Style(), Style(act="hard-swish", padding="same", head="linear")])
def test_folding_batch_norms_changes_nothing(style: Style) -> None:
    module, _ = module_of(Subject(replace(TINY, style=style)))
    x = images(2, 32)
    with torch.inference_mode():
        wanted = module(x)
        assert torch.allclose(folded(module)(x), wanted, rtol=0, atol=1e-5 * float(wanted.abs().max()))
    assert not any(isinstance(each, nn.BatchNorm2d) for each in folded(module).modules())
    assert any(isinstance(each, nn.BatchNorm2d) for each in module.modules()), "a copy was folded"


def test_files_differ_in_all_that_they_depend_on() -> None:
    subject = Subject(TINY)
    named = Subject(replace(TINY, name="tiny"))
    assert subject.file_name(SETTING) == named.file_name(SETTING), "a name is not part of a net"
    assert subject.file_name(SETTING) == subject.file_name(replace(SETTING, threads=2))
    others = {
        subject.file_name(SETTING),
        subject.file_name(replace(SETTING, batch=1)),
        subject.file_name(replace(SETTING, precision="fp16")),
        Subject(TINY, 64).file_name(SETTING),
        Subject(replace(TINY, head=64)).file_name(SETTING),
        Subject("timm:tiny").file_name(SETTING),
    }
    assert len(others) == 6


def test_a_net_is_built_alike_each_time_and_its_values_are_of_ordinary_size() -> None:
    deep = replace(TINY, stages=(*TINY.stages, Stage("ir", 16, 6, 3, 1, 6)))
    (first, resolution), (second, _) = module_of(Subject(deep)), module_of(Subject(deep))
    assert resolution == 32
    x = images(2, 32)
    with torch.inference_mode():
        assert torch.equal(first(x), second(x))
        assert isinstance(first, Net)
        assert 0.1 < float(first.features(x).std()) < 10, "no swish has shrunk them towards denormals"
    assert not any(each.training for each in first.modules())
    assert {norm.momentum for norm in first.modules() if isinstance(norm, nn.BatchNorm2d)} == {0.1}


def test_the_parts_of_a_net_are_the_rows_of_a_profile() -> None:
    module, _ = module_of(Subject(TINY))
    assert isinstance(module, Net)
    x = images(1, 32)
    with torch.inference_mode():
        found = parts(module, x)
        assert len(found) == len(TINY.stages) + 3
        assert torch.equal(found[-1][0](found[-1][1]), module(x))
