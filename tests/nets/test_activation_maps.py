"""Class activation maps, and weights that travel in files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from nas_scale.architecture.files import load_net
from nas_scale.errors import UserError
from nas_scale.nets.activation_maps import activation_maps
from nas_scale.nets.build import build
from nas_scale.nets.weights import load_weights, save_weights
from nas_scale.training import data
from nas_scale.training.augment import normalise
from nas_scale.training.data.ref import DataRef
from nas_scale.training.job import Job, Recipe
from nas_scale.training.memory import plain_weights, sparing
from nas_scale.training.worker import evaluate

SMALL = replace(load_net("mnasnet-a1"), classes=7, resolution=64)


def test_maps_are_the_classifiers_weights_times_the_last_maps() -> None:
    net = build(SMALL, 0)
    images = torch.randn(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    found = activation_maps(net, images)
    with torch.no_grad():
        last = net.head[0](net.features(images))
        logits = net.classifier(last.mean((2, 3)))
    assert torch.equal(found.classes, logits.argmax(1))
    assert torch.allclose(found.probabilities, logits.softmax(1).amax(1), atol=1e-6)
    assert isinstance(net.classifier, nn.Linear)
    weights = net.classifier.weight[found.classes].detach()
    wanted = torch.einsum("nc,nchw->nhw", weights, last).relu()
    assert torch.allclose(found.maps, wanted / wanted.amax((1, 2), keepdim=True).clamp_min(1e-12), atol=1e-5)
    assert found.maps.shape == (3, 2, 2)


@pytest.mark.parametrize("name", ["mobilenetv3-large", "efficientnetv2-b0", "efficientnet-lite0", "resnet-18"])
def test_every_head_has_maps(name: str) -> None:
    from nas_scale.architecture.files import known_nets

    if name not in known_nets():
        pytest.skip(f"{name} is not known")
    found = activation_maps(build(replace(load_net(name), classes=5), 0), torch.randn(2, 3, 64, 64))
    assert found.maps.shape[0] == 2
    assert torch.isfinite(found.maps).all()
    assert float(found.maps.min()) >= 0
    assert float(found.maps.max()) <= 1


@pytest.mark.parametrize("seeds", [(4,), (4, 5)])
def test_the_weights_of_a_job_are_those_that_its_score_is_of(tmp_path: Path, seeds: tuple[int, ...]) -> None:
    arch = replace(load_net("mobilenetv2"), resolution=12, stages=load_net("mobilenetv2").stages[:2], head=32)
    ref = DataRef("digits", 12, 200, 100)
    file = tmp_path / "x.safetensors"
    score, *_ = evaluate(Job(arch, ref, Recipe(epochs=1), seeds, weights=str(file)))
    images = data.load(ref)
    net = build(replace(arch, classes=len(images.classes)))
    load_weights(net, file)
    net.eval()
    mean, std = (torch.tensor(values) for values in (images.mean, images.std))
    with torch.no_grad():
        answers = net(normalise(torch.from_numpy(images.val.images.copy()), mean, std)).argmax(1)
    assert float((answers == torch.from_numpy(images.val.labels.copy())).float().mean()) == pytest.approx(
        score.accuracy
    )


def test_a_net_that_spares_memory_keeps_its_names(tmp_path: Path) -> None:
    net = build(SMALL, 0)
    names = set(net.state_dict())
    assert set(plain_weights(net)) == names
    assert set(plain_weights(sparing(net))) == names


def test_weights_of_another_net_and_no_weights_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.safetensors"
    save_weights(build(SMALL, 0).state_dict(), file)
    load_weights(build(SMALL, 1), file)
    with pytest.raises(UserError, match=r"x\.safetensors holds weights of another network: size mismatch"):
        load_weights(build(replace(SMALL, classes=9)), file)
    with pytest.raises(UserError, match="holds weights of another network"):
        load_weights(build(replace(SMALL, stages=SMALL.stages[:-1])), file)
    file.write_bytes(b"no weights")
    with pytest.raises(UserError, match="holds no weights"):
        load_weights(build(SMALL), file)
    with pytest.raises(UserError, match="holds no weights"):
        load_weights(build(SMALL), tmp_path / "none")
