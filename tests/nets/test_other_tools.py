"""Built nets in torch's own tools and other people's: every tool's outputs and gradients are those of the plain net."""

from __future__ import annotations

import copy
import importlib
import io
import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, stack_module_state, vmap

from nas_scale.architecture.notation import parse_stage
from nas_scale.architecture.spec import Architecture, Style
from nas_scale.nets.build import Net, build

# Between them all blocks, skips, activations, gates, paddings and heads; with dropout and stochastic depth.
NETS = {
    "ds-ir-swish": (("ds_s2_c8_se0.5", "ir_r2_k5_e2_c8_se0.25"), Style()),
    "ir-er-hard-swish": (
        ("ir_s2_e2_c8_se0.5_poolskip", "er_e2_c12_poolskip", "er_e2_c4_poolskip_nre"),
        Style("hard-swish", "expanded", "relu", "hard-sigmoid", "same", head="linear"),
    ),
    "er-ds-relu": (("er_r2_e2_c8", "ds_s2_c8_noskip"), Style("relu")),
    "cn-id-relu6": (("cn_r2_c8_skip", "id_s2_c12"), Style("relu6", padding="same")),
}


def _architecture(name: str, stages: int | None = None) -> Architecture:
    texts, style = NETS[name]
    parsed = tuple(parse_stage(text) for text in texts[:stages])
    return Architecture(parsed, stem=8, head=8, resolution=8, classes=3, dropout=0.2, drop_path=0.2, style=style)


@pytest.fixture(params=sorted(NETS))
def net(request: pytest.FixtureRequest) -> Net:
    """A net in eval mode whose batch norms have seen something."""
    return _seen(request.param)


@pytest.fixture
def mixed() -> Net:
    """Where a tool takes long: one stage with most kinds of layers."""
    return _seen("ir-er-hard-swish", stages=1)


@pytest.fixture(autouse=True)
def _without_warnings() -> Iterator[None]:
    """Torch advises against half of these tools in favour of the other half."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", category=DeprecationWarning)
        warnings.simplefilter("ignore", category=FutureWarning)
        warnings.simplefilter("ignore", category=UserWarning)
        warnings.simplefilter("ignore", category=torch.jit.TracerWarning)
        yield


def _seen(name: str, stages: int | None = None) -> Net:
    built = build(_architecture(name, stages), seed=0)
    generator = torch.Generator().manual_seed(1)
    for norm in built.modules():
        if isinstance(norm, nn.BatchNorm2d):
            assert norm.running_mean is not None
            assert norm.running_var is not None
            norm.running_mean.uniform_(-0.2, 0.2, generator=generator)
            norm.running_var.uniform_(0.5, 1.5, generator=generator)
    return built.eval()


def _images(count: int = 4, height: int = 8, width: int = 8) -> Tensor:
    return torch.randn(count, 3, height, width, generator=torch.Generator().manual_seed(2))


def _worked(call: Callable[[Tensor], Tensor], module: nn.Module) -> dict[str, Tensor]:
    """The outputs for some images, and all gradients."""
    x = _images().requires_grad_()
    module.zero_grad()
    torch.manual_seed(3)  # of dropout and stochastic depth
    y = call(x)
    y.square().sum().backward()  # type: ignore[no-untyped-call]
    found = {name: weight.grad for name, weight in module.named_parameters()} | {"x": x.grad, "y": y.detach()}
    return {name: value for name, value in found.items() if value is not None}


def _assert_same(made: Callable[[Tensor], Tensor], module: nn.Module, plain: nn.Module, rtol: float = 1e-4) -> None:
    ours, expected = _worked(made, module), _worked(plain, plain)
    assert set(ours) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(ours[name], value, rtol=rtol, atol=rtol * max(1.0, float(value.abs().max())))


def _assert_sizes(made: Callable[[Tensor], Tensor], plain: nn.Module) -> None:
    """Other numbers of images and other sizes than those it was made with."""
    with torch.no_grad():
        for images in (_images(1), _images(5, 11, 6), _images(2, 9, 14)):
            torch.testing.assert_close(made(images), plain(images), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("training", [False, True])
def test_jit_trace(net: Net, training: bool) -> None:
    plain = copy.deepcopy(net.train(training))
    traced = torch.jit.trace(net, _images(), check_trace=False)
    net.load_state_dict(plain.state_dict())  # in training it has averaged its norms' statistics
    _assert_same(traced, net, copy.deepcopy(plain))
    if not training:
        _assert_sizes(traced, plain)
        frozen = torch.jit.freeze(traced)
        _assert_sizes(frozen, plain)


def test_jit_script(net: Net) -> None:
    plain = copy.deepcopy(net)
    scripted = torch.jit.script(net)
    _assert_same(scripted, net, plain)
    _assert_sizes(scripted, plain)


@pytest.mark.parametrize("training", [False, True])
def test_fx(net: Net, training: bool) -> None:
    plain = net.train(training)
    traced = torch.fx.symbolic_trace(copy.deepcopy(net))
    _assert_same(traced, traced, plain)
    if not training:
        _assert_sizes(traced, plain)


def test_fx_fuses_norms(net: Net) -> None:
    from torch.fx.experimental.optimization import fuse

    fused = fuse(net)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in fused.modules())
    _assert_sizes(fused, net)


def _loss(net: Net, weights: dict[str, Any], images: Tensor) -> Tensor:
    logits: Tensor = functional_call(net, (weights, dict(net.named_buffers())), (images,))
    return logits.square().sum()


def test_func_gradients(net: Net) -> None:
    """Of all images together, and of each alone by vmap."""
    weights = {name: weight.detach() for name, weight in net.named_parameters()}
    whole = grad(lambda given: _loss(net, given, _images()))(weights)
    each = vmap(grad(lambda given, image: _loss(net, given, image[None])), in_dims=(None, 0))(weights, _images())
    plain = _worked(net, net)
    for name in weights:
        torch.testing.assert_close(whole[name], plain[name], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(each[name].sum(0), plain[name], rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("training", [False, True])
def test_func_ensembles(net: Net, training: bool) -> None:
    nets = [copy.deepcopy(net).train(training) for _ in range(3)]
    for number, each in enumerate(nets):
        nn.init.normal_(each.classifier.weight, generator=torch.Generator().manual_seed(number))
    stacked = stack_module_state(nets)  # type: ignore[arg-type]
    skeleton = copy.deepcopy(nets[0]).to("meta")
    x = _images()
    together = vmap(lambda *state: functional_call(skeleton, state, (x,)), randomness="different")(*stacked)
    assert together.shape == (3, 4, 3)
    if not training:
        torch.testing.assert_close(together, torch.stack([each(x) for each in nets]), rtol=1e-4, atol=1e-4)


def test_func_forward_mode_and_hessians(net: Net) -> None:
    weights = {name: weight.detach() for name, weight in net.named_parameters()}
    gradient = grad(lambda given: _loss(net, given, _images()))
    first, second = jvp(gradient, (weights,), (weights,))
    plain = _worked(net, net)
    by_hand = [*net.parameters()]
    gradients = torch.autograd.grad(net(_images()).square().sum(), by_hand, create_graph=True)
    product = torch.autograd.grad(gradients, by_hand, [*weights.values()])
    for (name, value), expected in zip(second.items(), product, strict=True):
        torch.testing.assert_close(first[name], plain[name], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(value, expected, rtol=1e-3, atol=1e-3 * max(1.0, float(expected.abs().max())))


def test_derivatives_of_first_and_second_order(net: Net) -> None:
    x = _images(1, 5, 5).double().requires_grad_()
    exact = net.double()
    assert torch.autograd.gradcheck(exact, (x,), fast_mode=True)
    assert torch.autograd.gradgradcheck(exact, (x,), fast_mode=True)


def test_a_gradient_penalty_in_training(net: Net) -> None:
    x = _images().requires_grad_()
    (gradient,) = torch.autograd.grad(net.train()(x).sum(), x, create_graph=True)
    gradient.square().sum().backward()  # type: ignore[no-untyped-call]
    assert all(weight.grad is not None for name, weight in net.named_parameters() if name != "classifier.bias")


@pytest.mark.parametrize("strict", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_export(mixed: Net, strict: bool) -> None:
    """For any number of images."""
    images = {0: torch.export.Dim("images", min=1, max=64)}
    exported = torch.export.export(mixed, (_images(),), dynamic_shapes={"x": images}, strict=strict)
    torch.testing.assert_close(exported.module()(_images(7)), mixed(_images(7)))


@pytest.mark.slow
def test_export_for_any_size(mixed: Net) -> None:
    auto = torch.export.Dim.AUTO  # type: ignore[attr-defined]
    exported = torch.export.export(mixed, (_images(),), dynamic_shapes={"x": dict.fromkeys((0, 2, 3), auto)})
    torch.testing.assert_close(exported.module()(_images(5, 11, 6)), mixed(_images(5, 11, 6)))


@pytest.mark.parametrize("training", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_compile(mixed: Net, training: bool) -> None:
    """As one graph; the compiler's last step, to machine code, takes long and is torch's own."""
    torch._dynamo.reset()
    plain = copy.deepcopy(mixed.train(training))
    compiled = torch.compile(mixed, backend="aot_eager", fullgraph=True)
    _assert_same(compiled, mixed, plain)


def _quantized_layers(net: nn.Module) -> int:
    return sum(isinstance(module, nn.Module) and "quantized" in type(module).__module__ for module in net.modules())


@pytest.mark.parametrize("aware", [False, True])
def test_quantization_by_fx(mixed: Net, aware: bool) -> None:
    """After training and in it: every convolution and linear layer with its norm and activation."""
    found = pytest.importorskip("torch.ao.quantization.quantize_fx")
    mappings = importlib.import_module("torch.ao.quantization.qconfig_mapping")
    if aware:
        mapping = mappings.get_default_qat_qconfig_mapping("x86")
        prepared = found.prepare_qat_fx(copy.deepcopy(mixed).train(), mapping, (_images(),))
        prepared(_images()).sum().backward()
        prepared.eval()
    else:
        prepared = found.prepare_fx(copy.deepcopy(mixed), mappings.get_default_qconfig_mapping("x86"), (_images(),))
    prepared(_images())  # for the last time, or the only one, it observes
    expected = prepared(_images()) if aware else mixed(_images())
    quantized = found.convert_fx(prepared)
    layers = sum(isinstance(module, nn.Conv2d | nn.Linear) for module in mixed.modules())
    assert _quantized_layers(quantized) >= layers
    assert not any(isinstance(module, nn.BatchNorm2d) for module in quantized.modules())
    assert (quantized(_images()) - expected).abs().max() < 0.3 * expected.abs().max()
    assert quantized(_images(3, 11, 6)).shape == (3, 3)


def test_quantization_of_exported_nets(mixed: Net) -> None:
    pt2e = pytest.importorskip("torch.ao.quantization.quantize_pt2e")
    x86 = importlib.import_module("torch.ao.quantization.quantizer.x86_inductor_quantizer")
    quantizer = x86.X86InductorQuantizer().set_global(x86.get_default_x86_inductor_quantization_config())
    prepared = pt2e.prepare_pt2e(torch.export.export(mixed, (_images(),)).module(), quantizer)
    prepared(_images())
    expected = mixed(_images())
    assert (pt2e.convert_pt2e(prepared)(_images()) - expected).abs().max() < 0.3 * expected.abs().max()


def test_quantization_of_linear_layers(net: Net) -> None:
    found = pytest.importorskip("torch.ao.quantization")
    assert found.quantize_dynamic(net, {nn.Linear}, dtype=torch.qint8)(_images()).shape == (4, 3)


@pytest.mark.slow
def test_onnx(mixed: Net, tmp_path: Any) -> None:
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    file = tmp_path / "net.onnx"
    with torch.no_grad():
        images = {0: torch.export.Dim("images")}
        program = torch.onnx.export(mixed, (_images(),), dynamo=True, verbose=False, dynamic_shapes={"x": images})
    assert program is not None
    program.save(str(file))
    session = runtime.InferenceSession(str(file))
    (logits,) = session.run(None, {session.get_inputs()[0].name: _images(3).numpy()})
    torch.testing.assert_close(torch.from_numpy(logits), mixed(_images(3)), rtol=1e-3, atol=1e-4)


def test_copies_and_files(net: Net) -> None:
    expected = net(_images())
    file = io.BytesIO()
    torch.save(net, file)
    file.seek(0)
    loaded = torch.load(file, weights_only=False)
    other = copy.deepcopy(net)
    for weight in other.parameters():
        nn.init.zeros_(weight)
    other.load_state_dict(net.state_dict(), strict=True)
    for made in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), loaded, other, net.share_memory()):
        assert torch.equal(made(_images()), expected)


def test_counters(net: Net) -> None:
    """torch's counter and fvcore's agree: twice the multiply-adds."""
    counter = pytest.importorskip("torch.utils.flop_counter")
    fvcore = pytest.importorskip("fvcore.nn")
    with counter.FlopCounterMode(display=False) as counted, torch.no_grad():
        net(_images(1))
    analysis = fvcore.FlopCountAnalysis(net, _images(1)).unsupported_ops_warnings(False)
    by_operator = analysis.uncalled_modules_warnings(False).by_operator()
    assert counted.get_total_flops() == 2 * (by_operator["conv"] + by_operator["linear"])


@pytest.mark.parametrize("training", [False, True])
def test_hooks_see_every_module_and_its_gradient(net: Net, training: bool) -> None:
    forwards: list[str] = []
    backwards: list[str] = []
    for name, module in net.train(training).named_modules():
        module.register_forward_hook(lambda *_, name=name: forwards.append(name))
        module.register_full_backward_hook(lambda *_, name=name: backwards.append(name))
    net(_images().requires_grad_()).sum().backward()
    names = sorted(name for name, _ in net.named_modules())
    assert sorted(forwards) == names
    assert sorted(backwards) == names


def test_pruning_and_parametrizations(net: Net) -> None:
    from torch.nn.utils import prune
    from torch.nn.utils.parametrizations import weight_norm

    layers = [module for module in net.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    expected = net(_images())
    for layer in layers:
        weight_norm(layer)
    torch.testing.assert_close(net(_images()), expected, rtol=1e-4, atol=1e-5)
    net(_images()).sum().backward()
    assert all(weight.grad is not None for weight in net.parameters())
    for layer in layers:
        torch.nn.utils.parametrize.remove_parametrizations(layer, "weight")
        prune.l1_unstructured(layer, "weight", amount=0.5)  # type: ignore[no-untyped-call]
    net(_images()).sum().backward()
    assert all(layer.get_parameter("weight_orig").grad is not None for layer in layers)


def test_layers_can_be_replaced(net: Net) -> None:
    """A new classifier, none, or a wrapper around each layer, as adapters are put in."""
    expected = net(_images())
    for module in list(net.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.Conv2d | nn.Linear):
                setattr(module, name, nn.Sequential(child, nn.Identity()))
    torch.testing.assert_close(net(_images()), expected)
    net.classifier = nn.Identity()  # type: ignore[assignment]
    assert net(_images()).shape == (4, 8)


@pytest.mark.parametrize("reentrant", [False, True])
def test_checkpointing(net: Net, reentrant: bool) -> None:
    from torch.utils.checkpoint import checkpoint

    _assert_same(lambda x: checkpoint(net, x, use_reentrant=reentrant), net, copy.deepcopy(net))


def test_layouts_dtypes_and_autocast(net: Net) -> None:
    expected = net(_images())
    last = copy.deepcopy(net).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    torch.testing.assert_close(last(_images().to(memory_format=torch.channels_last)), expected, rtol=1e-4, atol=1e-5)
    for dtype, tolerance in ((torch.float64, 1e-4), (torch.bfloat16, 0.1), (torch.float16, 0.02)):
        logits = copy.deepcopy(net).to(dtype)(_images().to(dtype))
        assert logits.dtype == dtype
        assert (logits.float() - expected).abs().max() < tolerance * expected.abs().max().clamp(min=1)
    with torch.autocast("cpu", torch.bfloat16):
        logits = net.train()(_images())
    logits.float().sum().backward()
    assert all(weight.grad is not None for weight in net.parameters())


@pytest.mark.parametrize("name", sorted(NETS))
def test_without_memory(name: str) -> None:
    from torch._subclasses.fake_tensor import FakeTensorMode

    with torch.device("meta"):
        built = build(_architecture(name))
        assert built(torch.empty(2, 3, 8, 8)).shape == (2, 3)
    assert all(weight.is_meta for weight in built.parameters())
    with FakeTensorMode():
        assert build(_architecture(name))(torch.empty(2, 3, 9, 9)).shape == (2, 3)


def test_one_image_in_training_is_refused_by_torch_alone() -> None:
    """Norms of a single value have no variance; more pixels are enough."""
    net = build(_architecture("ds-ir-swish"), seed=0).train()
    assert net(_images(1)).shape == (1, 3)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        net(_images(1, 1, 1))
