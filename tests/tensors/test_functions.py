"""The functions that people expect: value and gradient as torch gives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc
import graphc.nn.functional
from graphc.config import override
from tests.nightly import part

torch = pytest.importorskip("torch", reason="torch is not installed: nothing to compare with")

Lib = Any
_RNG = np.random.default_rng(5)
X = _RNG.standard_normal((3, 4))
Y = _RNG.standard_normal((3, 4))
P = _RNG.uniform(0.1, 0.9, (3, 4))
W = _RNG.standard_normal((5, 4))
CUBE = _RNG.standard_normal((2, 3, 4))
LABELS = np.array([1, 0, 3])


def F(lib: Lib) -> Any:
    return lib.nn.functional


# a name, the floating inputs, and the function of the library and tensors of them
CASES: dict[str, tuple[tuple[np.ndarray, ...], Callable[..., Any]]] = {
    "arithmetic": ((X, Y), lambda lib, x, y: (x + y) * x - y / (x * x + 1.0) + 2 - x * 3),
    "reflected": ((P,), lambda lib, x: 1 - x + 2 / x + 2**x),
    "powers": ((P, Y), lambda lib, x, y: x**2 + x**0.5 + x**3 + x**y + x.pow(-1)),
    "unary": ((P,), lambda lib, x: x.exp() + x.log() + x.sqrt() + x.abs() + x.tanh() + x.sigmoid() + x.rsqrt()),
    "trigonometric": ((P,), lambda lib, x: x.sin() * x.cos() + x.atan() + lib.asin(x) - lib.log1p(x) + lib.erf(x)),
    "relu": ((X,), lambda lib, x: x.relu() + F(lib).leaky_relu(x) + F(lib).elu(x) + F(lib).silu(x)),
    "gelu": ((X,), lambda lib, x: F(lib).gelu(x) + F(lib).gelu(x, approximate="tanh") + F(lib).softplus(x)),
    "clamp": ((X,), lambda lib, x: x.clamp(-0.5, 0.5) + x.clamp(min=0.1) * 2 + lib.clamp(x, max=0.2)),
    "clamp by tensors": ((X, Y), lambda lib, x, y: lib.clamp(x, min=y)),
    "where": ((X, Y), lambda lib, x, y: lib.where(x > y, x, y * 2) + lib.where(x > 0, x, 0.0)),
    "maximum": ((X, Y), lambda lib, x, y: lib.maximum(x, y) + lib.minimum(x, y) * 2 + lib.max(x, y)),
    "sum": ((CUBE,), lambda lib, x: x.sum() + x.sum(1).sum() + x.sum(dim=(0, 2), keepdim=True).sum() + lib.sum(x, -1)),
    "mean": ((CUBE,), lambda lib, x: x.mean() + x.mean(1, keepdim=True) + x.mean(dim=(0, 2)).sum()),
    "prod": ((P,), lambda lib, x: x.prod() + x.prod(1).sum() + x.prod(dim=0, keepdim=True)),
    "var": ((X,),
        lambda lib, x: x.var() + x.var(1).sum() + x.var(0, unbiased=False).sum() + x.std(dim=1, correction=0)[0]),
    "norm": ((X,), lambda lib, x: x.norm() + x.norm(dim=1).sum() + x.norm(p=1) + x.norm(3, dim=0).sum()),
    "max": ((X,), lambda lib, x: x.max() + x.min() + x.max(1)[0] + x.min(dim=1).values + x.amax(1)),
    "median": ((X, CUBE), lambda lib, x, y: x.median() + y.median(1).values + x.median(dim=1, keepdim=True)[0].sum()),
    "cumulative": ((P,), lambda lib, x: x.cumsum(1) + x.cumprod(0)),
    "softmax": ((X,), lambda lib, x: x.softmax(1) * x + F(lib).softmax(x, dim=0) + lib.softmax(x, -1)),
    "log_softmax": ((X,), lambda lib, x: x.log_softmax(1) * x + lib.logsumexp(x, 1, keepdim=True)),
    "matmul": ((X, W), lambda lib, x, w: x @ w.t() + lib.matmul(x, w.T) + w.mm(x.transpose(0, 1)).T),
    "batched matmul": ((CUBE, X), lambda lib, a, x: a @ x.mT + lib.bmm(a, a.transpose(1, 2))),
    "vectors": ((X,), lambda lib, x: x[0] @ x[1] + x @ x[2] + x[0].dot(x[1])),
    "shapes": ((CUBE,), lambda lib, x: x.view(6, 4) @ x.reshape(4, -1) + x.flatten().sum() + x.flatten(1).sum()),
    "transposed": ((CUBE,),
        lambda lib, x: x.permute(2, 0, 1).reshape(4, -1) * x.transpose(0, 2).contiguous().view(4, 6)),
    "dimensions": ((X,),
        lambda lib, x: x.unsqueeze(1).squeeze(1) + x[None].squeeze() + x.unsqueeze(-1).expand(3, 4, 2).sum(2)),
    "cat": ((X, Y), lambda lib, x, y: lib.cat([x, y], 1) @ lib.cat((x, y, x), dim=1)[:, :8].T + lib.cat([x, y]).sum()),
    "stack": ((X, Y), lambda lib, x, y: lib.stack([x, y], dim=1) * lib.stack((y, x), 1)),
    "pieces": ((CUBE,), lambda lib, x: x.split(2, dim=2)[1] * x.chunk(2, 2)[0] + x.unbind(2)[1][..., None]),
    "basic keys": ((CUBE,),
        lambda lib, x: x[0] * x[1, :, 1:2] + x[..., -1].sum() + x[:, None, ::2].sum() + x[-1, 0, 2]),
    "advanced keys": ((X,),
        lambda lib, x: x[lib.tensor([2, 0, 2])] + x[[0, 1, 2], lib.tensor([3, 1, 0])][:, None] + x[x > 0].sum()),
    "gather": ((X,),
        lambda lib, x: x.gather(1, lib.tensor([[0, 3], [1, 1], [2, 0]])) + x.index_select(1, lib.tensor([3, 3]))),
    "masked": ((X,),
        lambda lib, x: x.masked_fill(x > 0.3, 2.0) + x.tril() + lib.triu(x, 1) + lib.masked_select(x, x < 0).sum()),
    "order": ((X,), lambda lib, x: x.flip(0) + lib.roll(x, 1, 1) + x.flip((0, 1))),
    "dtypes": ((X,),
        lambda lib, x: x.float().double() + x.to(lib.float32).to(lib.float64) + (x > 0) * x + (x > 0).double()),
    "linear": ((X, W, W[:, 0]), lambda lib, x, w, b: F(lib).linear(x, w, b) + F(lib).linear(x, w)),
    "mse": ((X, Y),
        lambda lib, x, y: F(lib).mse_loss(x, y) + F(lib).mse_loss(x, y, reduction="sum") + F(lib).l1_loss(x, y)),
    "huber": ((X, Y), lambda lib, x, y: F(lib).huber_loss(x, y) + F(lib).smooth_l1_loss(x, y, beta=0.5)),
    "cross entropy": ((X,), lambda lib, x: F(lib).cross_entropy(x, lib.tensor(LABELS))
        + F(lib).cross_entropy(x, lib.tensor(LABELS), reduction="none").sum() + F(lib).nll_loss(x, lib.tensor(LABELS))),
    "cross entropy of three": ((CUBE,),
        lambda lib, x: F(lib).cross_entropy(x, lib.tensor([[0, 1, 2, 0], [1, 1, -100, 2]]))),
    "weighted": ((X, P),
        lambda lib, x, p: F(lib).cross_entropy(x, lib.tensor(LABELS), weight=p[0].detach(), ignore_index=0)),
    "smoothed": ((X, P), lambda lib, x, p: F(lib).cross_entropy(x, lib.tensor(LABELS), label_smoothing=0.1)
        + F(lib).cross_entropy(x, p / p.sum(1, keepdim=True))
        + F(lib).cross_entropy(x, lib.tensor(LABELS), weight=p[1].detach(), label_smoothing=0.2)),
    "binary": ((X, P), lambda lib, x, p: F(lib).binary_cross_entropy_with_logits(x, p.detach().round())
        + F(lib).binary_cross_entropy(p, (x.detach() > 0).double())
        + F(lib).binary_cross_entropy_with_logits(x, p.detach(), pos_weight=p[0].detach(), weight=p.detach())),
    "embedding": ((W,), lambda lib, w: F(lib).embedding(lib.tensor([[0, 2], [4, 2]]), w)
        + F(lib).embedding(lib.tensor([[0, 2], [4, 2]]), w, padding_idx=2)),
    "normalize": ((X,), lambda lib, x: F(lib).normalize(x) + F(lib).logsigmoid(x)),
    "statistics": ((X,), lambda lib, x: lib.addcmul(x, x, x, value=0.5) + lib.lerp(x, x * x, 0.25) + lib.square(x)),
}  # fmt: skip


@pytest.mark.parametrize("name", part(CASES, 0, 2))
def test_value_and_gradient(name: str) -> None:
    arrays, function = CASES[name]
    found = {}
    for lib in (graphc, torch):
        with override(disable_jit=True):
            tensors = [lib.tensor(a, requires_grad=True) for a in arrays]
            result = function(lib, *tensors)
            weights = lib.tensor(np.cos(np.arange(result.numel())).reshape(tuple(result.shape)))
            (result * weights).sum().backward()
            gradients = [None if t.grad is None else np.asarray(t.grad) for t in tensors]
            found[lib] = np.asarray(result.detach()), gradients
    (value, gradients), (wanted, wanted_gradients) = found[graphc], found[torch]
    assert value.dtype == wanted.dtype
    np.testing.assert_allclose(value, wanted, rtol=1e-6 if name == "dtypes" else 1e-12, atol=1e-12)
    for ours, theirs in zip(gradients, wanted_gradients, strict=True):
        if theirs is None:
            assert ours is None
        else:
            np.testing.assert_allclose(ours, theirs, rtol=1e-6 if name == "dtypes" else 1e-11, atol=1e-12)


INTEGERS = {
    "arithmetic": lambda lib, a: (a + 1) * a - a // 2,
    "division": lambda lib, a: a / 2,
    "floats": lambda lib, a: a * 0.5,
    "sums": lambda lib, a: a.sum(),
    "positions": lambda lib, a: a.argmax(1),
    "all": lambda lib, a: (a > 1).all(),
    "any": lambda lib, a: lib.any(a > 1, dim=1),
    "bits": lambda lib, a: (a & 1) | ~(a ^ 3),
    "remainders": lambda lib, a: (a % 3, lib.remainder(-a, 3), lib.fmod(-a, 3))[1],
    "one_hot": lambda lib, a: lib.nn.functional.one_hot(a),
    "bools": lambda lib, a: (a > 1) + 0,
    "single": lambda lib, a: a.float() * lib.tensor(2.0),
    "int32": lambda lib, a: a.int() + a,
    "zero-dimensional": lambda lib, a: a.float() + lib.tensor(1.5, dtype=lib.float64),
    "mixed": lambda lib, a: a + a.float(),
    "roots": lambda lib, a: a.sqrt(),
    "sorted": lambda lib, a: a.max(1).indices,
    "arange": lambda lib, a: lib.arange(5) + lib.arange(0, 5, 1) * a[0, 0],
    "full": lambda lib, a: lib.full((2, 2), 3) * lib.ones_like(a)[:, :2] + lib.eye(2).long(),
}


@pytest.mark.parametrize("name", INTEGERS)
def test_integers_and_dtypes(name: str) -> None:
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        ours, theirs = (np.asarray(INTEGERS[name](lib, lib.tensor([[0, 1, 2], [5, 3, 1]]))) for lib in (graphc, torch))
    finally:
        torch.set_default_dtype(before)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-15)


def test_the_default_dtype_can_be_changed() -> None:
    try:
        graphc.set_default_dtype(graphc.float32)
        x = graphc.tensor([1.0, 2.0])
        assert x.dtype == np.float32
        assert (x * 0.5).dtype == np.float32
        assert (graphc.tensor([1, 2]) / 2).dtype == np.float32
        assert graphc.zeros(2).dtype == np.float32
    finally:
        graphc.set_default_dtype(graphc.float64)
    assert graphc.tensor([1.0]).dtype == np.float64


def test_dropout_keeps_the_mean_and_can_be_repeated() -> None:
    x = graphc.ones(1000, requires_grad=True)
    graphc.manual_seed(3)
    y = graphc.nn.functional.dropout(x, 0.25)
    graphc.manual_seed(3)
    z = graphc.nn.functional.dropout(x, 0.25)
    assert y.tolist() == z.tolist()
    assert set(y.tolist()) == {0.0, 1 / 0.75}
    y.sum().backward()
    assert x.grad.tolist() == y.tolist()
    assert graphc.nn.functional.dropout(x, 0.25, training=False) is x


def test_relu_of_nan_is_nan() -> None:
    """And its gradient what comes: nothing hides where a NaN went."""
    numbers, gradient = [np.nan, -1.0, 0.0, 2.0], [3.0, 4.0, 5.0, 6.0]
    found = []
    for lib in (graphc, torch):
        x = lib.tensor(numbers, requires_grad=True, dtype=lib.float64)
        y = lib.relu(x)
        y.backward(lib.tensor(gradient, dtype=lib.float64))
        found.append((y.tolist(), x.grad.tolist()))
    np.testing.assert_array_equal(*found)


def test_arrays_of_numpy_are_operands_and_lists_are_not() -> None:
    x = graphc.tensor([1.0, 3.0], requires_grad=True)
    graphc.nn.functional.mse_loss(x, np.zeros(2)).backward()
    np.testing.assert_array_equal(x.grad.numpy(), [1.0, 3.0])
    assert graphc.nn.functional.cross_entropy(x[None], np.array([1])).item() == pytest.approx(np.log1p(np.exp(-2.0)))
    with pytest.raises(TypeError, match=r"test_functions.*mse_loss: a list is no tensor: graphc.tensor"):
        graphc.nn.functional.mse_loss(x, [0.0, 0.0])
