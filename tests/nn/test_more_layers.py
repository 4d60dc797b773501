"""More layers and functions beside torch's: activations, distances, resizing, transformers; hooks, functional calls."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc
from graphc.config import override

torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")

rng = np.random.default_rng(0)
X, IMAGE = rng.standard_normal((4, 6)), rng.standard_normal((2, 4, 6, 8))
# without Hardsigmoid, whose slope in torch is a sixth in single precision
ACTIVATIONS = (
    "ReLU6", "SELU", "CELU", "Hardtanh", "Hardswish", "Mish", "Softsign", "Tanhshrink", "Softshrink",
    "Hardshrink", "LogSigmoid", "SiLU", "GLU",
)  # fmt: skip
CASES: dict[str, Any] = {
    **{name: (lambda t, x, name=name: getattr(t.nn, name)()(x), X) for name in ACTIVATIONS},
    "softmin": (lambda t, x: t.nn.Softmin(dim=1)(x), X),
    "cosine": (lambda t, x: t.nn.CosineSimilarity(dim=1)(x, x * 2 + 1), X),
    "pairwise": (lambda t, x: t.nn.functional.pairwise_distance(x, x * x), X),
    "kl": (lambda t, x: t.nn.functional.kl_div(x.log_softmax(1), (x * 2).softmax(1), reduction="batchmean"), X),
    "gaussian": (lambda t, x: t.nn.functional.gaussian_nll_loss(x, x * 2, x**2 + 1, full=True), X),
    "poisson": (lambda t, x: t.nn.functional.poisson_nll_loss(x, x.abs() * 3, full=True), X),
    "triplet": (lambda t, x: t.nn.functional.triplet_margin_loss(x, x + 0.1, x * x, swap=True), X),
    "ranking": (lambda t, x: t.nn.MarginRankingLoss(margin=0.1)(x[:, 0], x[:, 1], (x[:, 2] > 0) * 2.0 - 1), X),
    "hinge": (lambda t, x: t.nn.HingeEmbeddingLoss()(x, (x > 0) * 2.0 - 1), X),
    "embedding": (lambda t, x: t.nn.CosineEmbeddingLoss()(x, x + 1, (x[:, 0] > 0) * 2.0 - 1), X),
    "pads": (lambda t, x: t.nn.functional.pad(x, (1, -2, 0, 3), value=2.0), X),
    "reflect": (lambda t, x: t.nn.ReflectionPad2d((1, 2, 0, 1))(x), IMAGE),
    "circular": (lambda t, x: t.nn.functional.pad(x, (1, 2, 0, 1), mode="circular"), IMAGE),
    "nearest": (lambda t, x: t.nn.Upsample(scale_factor=2)(x), IMAGE),
    "bilinear": (lambda t, x: t.nn.functional.interpolate(x, size=(5, 9), mode="bilinear"), IMAGE),
    "corners": (lambda t, x: t.nn.functional.interpolate(x, size=(5, 9), mode="bilinear", align_corners=True), IMAGE),
    "pools": (lambda t, x: (t.nn.MaxPool1d(2)(x[0]), t.nn.AvgPool1d(3, 2)(x[0]), t.nn.AdaptiveMaxPool2d(2)(x)), IMAGE),
    "shuffle": (lambda t, x: t.nn.PixelShuffle(2)(x), IMAGE),
    "instance": (lambda t, x: t.nn.InstanceNorm2d(4)(x), IMAGE),
    "rms": (lambda t, x: t.nn.functional.rms_norm(x, (8,)), IMAGE),
    "transposed": (
        lambda t, x: t.nn.functional.conv_transpose2d(
            x, x[0, :, :3, :6].reshape(4, 3, 2, 3), stride=(2, 1), padding=(1, 0), output_padding=(1, 0)
        ),
        IMAGE,
    ),
    "grouped": (
        lambda t, x: t.nn.functional.conv_transpose2d(x, x[0, :, :4, :3].reshape(4, 3, 2, 2), groups=2, dilation=2),
        IMAGE,
    ),
    "attention": (
        lambda t, x: t.nn.functional.scaled_dot_product_attention(x, x * 2, x + 1, x[0, 0, :, :6] > -1, scale=0.3),
        IMAGE,
    ),
}


def run(lib: Any, name: str) -> tuple[list[Any], Any]:
    function, array = CASES[name]
    x = lib.tensor(array, requires_grad=True)
    found = function(lib, x)
    parts = found if isinstance(found, tuple) else (found,)
    sum((part * (part + 1.3)).sum() for part in parts).backward()
    return [part.detach().numpy() for part in parts], x.grad.numpy()


@pytest.fixture(autouse=True)
def double() -> Any:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    with override(disable_jit=True):
        yield
    torch.set_default_dtype(before)


@pytest.mark.parametrize("name", CASES)
def test_layers_and_functions_are_torchs(name: str) -> None:
    (found, by_ours), (wanted, by_theirs) = run(graphc, name), run(torch, name)
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(by_ours, by_theirs, rtol=1e-8, atol=1e-10)


def test_initialisers_have_the_properties_of_their_names() -> None:
    graphc.manual_seed(0)
    init = graphc.nn.init
    w = init.orthogonal_(graphc.empty(3, 5), gain=2.0).numpy()
    np.testing.assert_allclose(w @ w.T, 4 * np.eye(3), atol=1e-12)
    values = init.trunc_normal_(graphc.empty(2000), std=2.0).numpy()
    assert np.abs(values).max() <= 2.0
    assert init.eye_(graphc.empty(2, 3)).tolist() == [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]


def test_forward_hooks_see_and_change_results() -> None:
    layer, seen = graphc.nn.Linear(2, 1), []
    before = layer.register_forward_pre_hook(lambda module, inputs: (inputs[0] * 0.0,))
    after = layer.register_forward_hook(lambda module, inputs, result: seen.append(result.tolist()))
    layer(graphc.ones(1, 2))
    assert seen == [[layer.bias.tolist()]]
    before.remove()
    after.remove()
    layer(graphc.ones(1, 2))
    assert len(seen) == 1


def test_functional_calls_and_transforms_of_tensors() -> None:
    func, model = graphc.func, graphc.nn.Sequential(graphc.nn.Linear(2, 3), graphc.nn.Tanh(), graphc.nn.Linear(3, 1))
    x, weights = graphc.tensor([[0.5, -1.0]]), {n: p.detach() for n, p in model.named_parameters()}
    gradients, value = func.grad_and_value(lambda w: func.functional_call(model, w, (x,)).sum())(weights)
    model(x).sum().backward()
    assert value.item() == pytest.approx(model(x).item())
    for name, p in model.named_parameters():
        np.testing.assert_allclose(gradients[name].numpy(), p.grad.numpy(), rtol=1e-12)
    assert func.vmap(lambda v: v.sum())(graphc.ones(3, 2)).tolist() == [2.0] * 3
    assert graphc.autograd.functional.hessian(lambda v: (v**3).sum(), graphc.tensor([1.0])).tolist() == [[6.0]]


class TestFunctionsWithGradientsOfTheirOwn:
    class Cube(graphc.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, scale: float) -> Any:
            ctx.save_for_backward(x)
            ctx.scale = scale
            return x**3 * scale, x + 1

        @staticmethod
        def backward(ctx: Any, first: Any, second: Any) -> Any:
            (x,) = ctx.saved_tensors
            return first * 3 * x**2 * ctx.scale + second, None

    def test_the_gradient_goes_through_it_and_on(self) -> None:
        x = graphc.tensor([1.0, 2.0], requires_grad=True)
        y = x * 2
        cube, more = self.Cube.apply(y, 0.5)
        assert "Cube" in cube.grad_fn
        (cube.sum() + more.sum()).backward(retain_graph=True)
        np.testing.assert_allclose(x.grad.tolist(), (2 * (1.5 * (2 * np.array([1.0, 2.0])) ** 2 + 1)).tolist())
        x.grad = None
        cube.sum().backward()
        np.testing.assert_allclose(x.grad.tolist(), [12.0, 48.0])
        with pytest.raises(graphc.GraphcError, match="second time"):
            cube.sum().backward()

    def test_it_can_be_differentiated_again(self) -> None:
        x = graphc.tensor([2.0], requires_grad=True)
        (first,) = graphc.autograd.grad(self.Cube.apply(x, 1.0)[0].sum(), x, create_graph=True)
        (second,) = graphc.autograd.grad(first.sum(), x)
        assert (first.item(), second.item()) == (12.0, 12.0)

    def test_what_it_saved_must_not_be_overwritten(self) -> None:
        x = graphc.tensor([2.0], requires_grad=True)
        y = x * 1
        cube, _ = self.Cube.apply(y, 1.0)
        y.mul_(2)
        with pytest.raises(graphc.GraphcError, match="modified by an inplace"):
            cube.backward()

    def test_in_compiled_functions_it_is_refused(self) -> None:
        with pytest.raises(graphc.UnsupportedError, match="custom_vjp"):
            graphc.grad(lambda x: self.Cube.apply(x, 1.0)[0].sum())(graphc.tensor([1.0]))


def test_random_numbers_of_a_model_are_new_in_each_compiled_step() -> None:
    class Noisy(graphc.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = graphc.nn.Linear(2, 1)

        def forward(self, x: Any) -> Any:
            return self.layer(x + graphc.randn(3, 2))

    fixed, model = graphc.randn(3, 2), Noisy()
    optimizer = graphc.optim.SGD(model.parameters(), lr=0.0)
    step = graphc.optim.compile_step(
        model, lambda out, y: (out * y).sum() + (fixed * model.layer.weight).sum(), optimizer
    )
    losses = {step(graphc.zeros(3, 2), graphc.ones(3, 1)).item() for _ in range(4)}
    assert len(losses) == 4
    still = graphc.optim.compile_step(
        model.layer, lambda out, y: (out * y).sum() + (fixed * model.layer.weight).sum(), optimizer
    )
    losses = {still(graphc.zeros(3, 2), graphc.ones(3, 1)).item() for _ in range(4)}
    assert len(losses) == 1
