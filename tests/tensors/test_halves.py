"""float16 and bfloat16: stored in 16 bits, computed in single precision, rounded after each function."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import graphc
import graphc.amp
import graphc.nn
import graphc.optim
from graphc.config import override

F16, F32 = np.float16, np.float32


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    graphc.manual_seed(0)
    with override(disable_jit=True):
        yield


def half(*numbers: float, grad: bool = False) -> Any:
    return graphc.tensor(list(numbers), dtype=graphc.float16, requires_grad=grad)


def test_results_are_rounded_after_each_function() -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(50).astype(F16) for _ in range(2))
    x, y = graphc.tensor(a), graphc.tensor(b)
    assert (x.dtype, x.nbytes) == (F16, 100)
    for mine, wanted in (
        (x + y, a + b), (x * y - x, a * b - a), (x / y, a / b), (x * 2.0, a * F16(2)), (x.exp(), np.exp(a)),
    ):  # fmt: skip
        assert mine.dtype == F16
        np.testing.assert_array_equal(mine.numpy(), wanted)
    total = x.sum()
    assert total.dtype == F16
    assert total.item() == F16(a.astype(F32).sum(dtype=np.float64))  # added up in float32, rounded once
    assert (graphc.ones(4096).half() * 1).sum().item() == 4096.0  # which halves alone would stop at 2048
    assert half(60000.0).mul(2).tolist() == [np.inf]
    assert (half(1e-7) * 1).tolist() == [float(F16(1e-7))]


def test_dtypes_are_torchs() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")
    for lib in (graphc, torch):
        x, n = lib.ones(2, dtype=lib.float16), lib.arange(2)
        single, scalar = lib.ones(2, dtype=lib.float32), lib.tensor(2.0, dtype=lib.float32)
        results = (x + x, x + 1.5, x + n, x + single, x + scalar, scalar + x, x.float(), x.sum(), x > 0, x.argmax(),
                   lib.where(x > 0, x, x), x.reshape(2, 1), x.softmax(0), single.half(), x.double(),
                   lib.cat([x, single]), x.mean(), lib.ones_like(x), lib.nn.functional.mse_loss(x, x),
                   x @ x)  # fmt: skip
        names = [str(r.dtype).removeprefix("torch.") for r in results]
        if lib is graphc:
            mine = names
    assert mine == names


def test_gradients_come_back_as_halves() -> None:
    w = half(0.5, -2.0, 3.0, grad=True)
    x = graphc.tensor([1.0, 2.0, 3.0])
    ((w * w).sum() * 0.5).backward()
    assert (w.grad.dtype, w.grad.tolist()) == (F16, [0.5, -2.0, 3.0])
    w.grad = None
    (w.float() * x.float()).sum().backward()
    assert (w.grad.dtype, w.grad.tolist()) == (F16, [1.0, 2.0, 3.0])
    (w * 40000).sum().backward()
    (w * 40000).sum().backward()
    assert np.isinf(w.grad.tolist()).all()
    tiny = half(1.0, grad=True)
    ((tiny * 1e-5) * 1e-4).sum().backward()
    assert tiny.grad.tolist() == [0.0]  # too small for a half: what a GradScaler is for


def test_a_model_of_halves_is_trained_with_a_scaler(tmp_path: Any) -> None:
    nn = graphc.nn
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).half()
    optimizer = graphc.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    scaler = graphc.amp.GradScaler(init_scale=2.0**14, growth_interval=5)
    x = graphc.randn(32, 3).half()
    y = (x[:, :1] * 0.5 - 0.25).detach()
    losses = []
    for _ in range(40):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x).float(), y.float())
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    assert losses[-1] < 0.05 * losses[0]
    assert {p.dtype for p in model.parameters()} == {np.dtype(F16)}
    assert optimizer.state[model[0].weight]["momentum_buffer"].dtype == F16
    if pytest.importorskip("safetensors", reason="safetensors is not installed"):
        graphc.save(model.state_dict(), tmp_path / "half.safetensors")
        again = graphc.load(tmp_path / "half.safetensors")
        assert again["0.weight"].tolist() == model[0].weight.tolist()


def test_autocast_to_halves_multiplies_in_them_and_adds_up_in_single_precision() -> None:
    w, x = graphc.randn(64, 8).requires_grad_(), graphc.randn(4, 64)
    with graphc.autocast(graphc.float16):
        product = x @ w
        loss = graphc.nn.functional.mse_loss(product.tanh(), graphc.ones(4, 8))
        assert (product.dtype, product.softmax(1).dtype, loss.dtype) == (F16, F32, F32)
    exact = x.numpy().astype(F16).astype(F32) @ w.detach().numpy().astype(F16).astype(F32)
    np.testing.assert_allclose(product.detach().numpy(), exact.astype(F16), rtol=2e-3)
    loss.backward()
    assert w.grad.dtype == np.float64
    reference = w.detach().requires_grad_()
    graphc.nn.functional.mse_loss((x @ reference).tanh(), graphc.ones(4, 8)).backward()
    np.testing.assert_allclose(w.grad.numpy(), reference.grad.numpy(), atol=2e-3)


def test_steps_views_and_checkpoints() -> None:
    model = graphc.nn.Linear(4, 2).half()
    step = graphc.optim.compile_step(model, graphc.nn.MSELoss(), graphc.optim.Adam(model.parameters(), lr=0.01))
    x, y = graphc.ones(3, 4).half(), graphc.zeros(3, 2).half()
    losses = [step(x, y).item() for _ in range(5)]
    assert losses[-1] < losses[0]
    assert step(x, y).dtype == model.weight.dtype == F16
    w = half(1.0, 2.0, 3.0, 4.0, grad=True)
    out = graphc.checkpoint(lambda w: (w.reshape(2, 2).T * w[:2]).exp())(w)
    assert out.dtype == F16
    out.float().sum().backward()
    v = w.detach().float().requires_grad_()
    (v.reshape(2, 2).T * v[:2]).exp().sum().backward()
    np.testing.assert_allclose(w.grad.tolist(), v.grad.tolist(), rtol=4e-3)
    z = graphc.zeros(3, dtype=graphc.float16)
    z[1] = 0.1
    z += graphc.ones(3)
    assert (z.dtype, z.tolist()) == (F16, [1.0, float(F16(1) + F16(0.1)), 1.0])


def test_what_it_refuses() -> None:
    with pytest.raises(TypeError, match="float64 or float32, not float16"):
        graphc.set_default_dtype(graphc.float16)
    with pytest.raises(NotImplementedError, match="no linear algebra in it"):
        graphc.grad(lambda x: np.linalg.inv(x).sum())(np.eye(2, dtype=F16))


def test_compiled_code_has_the_bits_of_the_interpreter() -> None:
    rng = np.random.default_rng(1)
    a = rng.standard_normal(1000).astype(F16)
    found = []
    for interpreted in (True, False):
        with override(disable_jit=interpreted):
            x = graphc.tensor(a, requires_grad=True)
            y = x * 3 + x.square() * 1e-4
            y.sum().backward()
            found.append((y.detach().numpy(), x.grad.numpy()))
    np.testing.assert_array_equal(found[0][0], found[1][0])
    np.testing.assert_array_equal(found[0][1], found[1][1])


# --- bfloat16, and both beside torch ----------------------------------------------------------------------------------

EPS = {"float16": 2.0**-10, "bfloat16": 2.0**-7}
NUMBERS = np.random.default_rng(3).uniform(-1.5, 1.5, (4, 6))
BESIDE_TORCH: dict[str, Callable[[Any, Any], Any]] = {
    "tanh": lambda lib, x: x.tanh(), "gelu": lambda lib, x: lib.nn.functional.gelu(x), "exp": lambda lib, x: x.exp(),
    "numbers": lambda lib, x: x * 1.7 + x / 3, "softmax": lambda lib, x: x.softmax(1),
    "mean": lambda lib, x: x.mean(1), "matmul": lambda lib, x: x @ x.T,
    "mse": lambda lib, x: lib.nn.functional.mse_loss(x, x * 0.5), "places": lambda lib, x: x[[0, 0, 2]],
    "entropy": lambda lib, x: lib.nn.functional.cross_entropy(x, lib.tensor([0, 1, 2, 3])),
    "convolution": lambda lib, x: lib.nn.functional.conv2d(x.reshape(1, 1, 4, 6), x[:3, :3].reshape(1, 1, 3, 3)),
    "normalised": lambda lib, x: lib.nn.functional.layer_norm(x, (6,)) * x, "sorted": lambda lib, x: x.sort(1)[0],
    "attention": lambda lib, x: lib.nn.functional.scaled_dot_product_attention(*[x.reshape(1, 4, 6)] * 3),
}  # fmt: skip


@pytest.mark.parametrize("name", EPS)
def test_values_and_gradients_are_torchs(name: str) -> None:
    """Each function rounds once: values differ by an ulp at most, gradients by those of what they are made of."""
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")
    pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed: there is no bfloat16")
    for what, function in BESIDE_TORCH.items():
        found = []
        for lib in (graphc, torch):
            x = lib.tensor(NUMBERS.tolist(), dtype=getattr(lib, name)).requires_grad_()
            y = function(lib, x)
            assert str(y.dtype).endswith(name), what
            (y.float() ** 2).sum().backward()
            found.append([np.array(t.detach().float().tolist()) for t in (y, x.grad)])
        for mine, wanted, ulps in zip(*found, (1, 3), strict=True):
            allowed = ulps * EPS[name] * np.maximum(np.abs(wanted), np.max(np.abs(wanted)) / 16)
            assert np.all(np.abs(mine - wanted) <= allowed), what


def test_training_in_bfloat16_is_torchs() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")
    pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed: there is no bfloat16")
    rng = np.random.default_rng(0)
    first, last, inputs = rng.normal(size=(8, 3)) / 2, rng.normal(size=(1, 8)) / 2, rng.normal(size=(32, 3))
    losses: list[list[float]] = []
    for lib in (graphc, torch):
        model = lib.nn.Sequential(lib.nn.Linear(3, 8), lib.nn.Tanh(), lib.nn.Linear(8, 1)).to(lib.bfloat16)
        with lib.no_grad():
            for layer, weight in ((model[0], first), (model[2], last)):
                layer.weight.copy_(lib.tensor(weight.tolist()))
                layer.bias.zero_()
        steps = lib.optim.SGD(model.parameters(), lr=0.1, momentum=0.5)
        x = lib.tensor(inputs.tolist(), dtype=lib.bfloat16)
        y = x[:, :1] * 0.5 - 0.25
        losses.append([])
        for _ in range(20):
            steps.zero_grad()
            loss = lib.nn.functional.mse_loss(model(x), y)
            loss.backward()
            steps.step()
            losses[-1].append(loss.item())
    assert losses[0][-1] < losses[0][0] / 5
    np.testing.assert_allclose(losses[0], losses[1], rtol=4 * EPS["bfloat16"])


def test_bfloat16_in_and_out(tmp_path: Any) -> None:
    pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed: there is no bfloat16")
    x = graphc.tensor([1.0, 2.5, -3.25], dtype=graphc.bfloat16)
    assert (repr(x), x.nbytes) == ("tensor([ 1.0000,  2.5000, -3.2500], dtype=bfloat16)", 6)
    for made in (graphc.ones(3).to("bfloat16"), graphc.ones(3).bfloat16(), graphc.ones(3, dtype=graphc.bfloat16)):
        assert made.dtype == graphc.bfloat16
    assert (x + x.half()).dtype == (x + graphc.ones(3).float()).dtype == F32
    again = pickle.loads(pickle.dumps(x))
    assert (again.dtype, again.tolist()) == (x.dtype, x.tolist())
    seen = x.detach().numpy()
    x.mul_(2)
    assert (seen.dtype, seen.tolist()) == (graphc.bfloat16, [2.0, 5.0, -6.5])
    assert graphc.finfo(graphc.bfloat16).eps == EPS["bfloat16"]
    if pytest.importorskip("safetensors", reason="safetensors is not installed"):
        graphc.save({"x": x}, tmp_path / "x.safetensors")
        loaded = graphc.load(tmp_path / "x.safetensors")["x"]
        assert (loaded.dtype, loaded.tolist()) == (x.dtype, x.tolist())


def test_bfloat16_and_torch_share_memory() -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")
    pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed: there is no bfloat16")
    theirs = torch.arange(6, dtype=torch.bfloat16).reshape(2, 3)
    mine = graphc.from_dlpack(theirs.T)
    theirs[0, 1] = 100.0
    del theirs
    assert (mine.dtype, mine.tolist()) == (graphc.bfloat16, [[0.0, 3.0], [100.0, 4.0], [2.0, 5.0]])
    back = torch.from_dlpack(mine[1:])
    back[0, 0] = 7.0
    assert (back.dtype, mine[1].tolist()) == (torch.bfloat16, [7.0, 4.0])
    x = torch.tensor([1.0, 2.0], dtype=torch.bfloat16, requires_grad=True)
    graphc.to_torch(lambda x: np.sum(x * x))(x).backward()
    assert (x.grad.dtype, x.grad.tolist()) == (torch.bfloat16, [2.0, 4.0])


def test_compiled_functions_take_halves_as_tensors_do() -> None:
    x = half(0.5, -2.0, 3.0, grad=True)
    softened = lambda x: (x.float().softmax(0).half() * x).sum()  # noqa: E731
    value, gradient = graphc.value_and_grad(softened)(x)
    outside = softened(x)
    outside.backward()
    assert (value.dtype, gradient.dtype, value.item()) == (F16, F16, outside.item())
    np.testing.assert_allclose(gradient.tolist(), x.grad.tolist(), rtol=2 * EPS["float16"])
    lowered = graphc.autocast(graphc.float16)(lambda w, x: np.sum(np.tanh(x @ w)))
    total, slope = graphc.value_and_grad(lowered)(np.full(3, 0.1), np.ones((2, 3)))
    tenth = np.full(3, 0.1).astype(F16).astype(F32)
    assert (total.dtype, slope.dtype) == (F32, np.float64)
    np.testing.assert_allclose(slope, 2 * (1 - np.tanh(tenth.sum()) ** 2), rtol=2 * EPS["float16"])
