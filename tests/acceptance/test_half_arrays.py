"""Arrays of float16 and bfloat16 in compiled functions: stored in 16 bits, computed in float32."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.special

import graphc
from graphc.config import override
from graphc.ir.types import F16, dtype_of, result_type
from tests.nightly import NIGHTLY

ml_dtypes = pytest.importorskip("ml_dtypes", reason="ml_dtypes is not installed: there is no bfloat16")
BF16 = np.dtype(ml_dtypes.bfloat16)
EPS = {F16: 2.0**-10, BF16: 2.0**-7}
rng = np.random.default_rng(5)
X, Y = rng.uniform(0.3, 1.8, (6, 4)), rng.uniform(-1.0, 1.0, (4, 5))


@pytest.fixture(autouse=True)
def interpreted() -> Iterator[None]:
    with override(disable_jit=True):
        yield


@pytest.fixture(params=[F16, BF16], ids=str)
def dtype(request: pytest.FixtureRequest) -> Any:
    return request.param


def found_by(function: Callable[..., Any], *arguments: Any) -> Any:
    """What graphc's program gives, and not the function itself, as ``jit`` where nothing is compiled."""
    return graphc.grad(lambda *given: (np.sum(given[0]), function(*given)), has_aux=True)(*arguments)[1]


# --- values -----------------------------------------------------------------------------------------------------------

UFUNCS = [
    "exp",
    "log",
    "sin",
    "tanh",
    "sqrt",
    "square",
    "abs",
    "negative",
    "floor",
    "rint",
    "sign",
    "reciprocal",
    "log1p",
    "cbrt",
    "isnan",
    "sinh",
    "exp2",
    "positive",
    "add",
    "subtract",
    "multiply",
    "divide",
    "maximum",
    "power",
    "arctan2",
    "hypot",
    "less",
    "fmod",
    "remainder",
    "floor_divide",
    "copysign",
    "logaddexp",
]
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "int": lambda x: x * 2 + 1, "power": lambda x: x**2, "sum": lambda x: x.sum(0), "mean": np.mean,
    "std": lambda x: x.std(1), "max": lambda x: x.max(1), "argmax": lambda x: x.argmax(1), "cumsum": np.cumsum,
    "prod": lambda x: np.prod(x, axis=1), "transpose": lambda x: x.T + 1, "slice": lambda x: x[1:5:2, ::-1],
    "concat": lambda x: np.concatenate([x, x]), "where": lambda x: np.where(x > 1, x, -x),
    "pad": lambda x: np.pad(x, 1),
    "wide": lambda x: x.astype(np.float32) * 3, "whole": lambda x: (x * 4).astype(np.int32), "sort": np.sort,
    "gather": lambda x: x[np.array([0, 2, 2])], "mask": lambda x: x[x > 1], "outer": lambda x: np.outer(x[0], x[1]),
    "short": lambda x: x + np.ones(4, np.int8), "long": lambda x: x + np.arange(4),
    "single": lambda x: x + np.float32(2),
    "double": lambda x: x[0] * np.ones(4), "flags": lambda x: x + (x > 1), "zeros": np.zeros_like,
    "full": lambda x: np.full(3, x[0, 0]), "median": np.median, "complex": lambda x: x.astype(np.complex64) * x,
    "nan": lambda x: np.nan_to_num(x * np.array(np.inf, x.dtype)), "ldexp": lambda x: np.ldexp(x, 2),
}  # fmt: skip

ADDING = ("sum", "mean", "std", "cumsum", "prod")


def test_values_and_dtypes_are_numpys(dtype: Any) -> None:
    x, y = X.astype(dtype), (X[::-1] - 1.0).astype(dtype)
    ufuncs = [getattr(np, name) for name in UFUNCS]
    found = found_by(lambda x, y: [ufunc(*(x, y)[: ufunc.nin]) for ufunc in ufuncs], x, y)
    for ufunc, result in zip(ufuncs, found, strict=True):
        assert_same(ufunc.__name__, result, ufunc(*(x, y)[: ufunc.nin]), ulps=0)
    found = found_by(lambda x: [function(x) for function in FUNCTIONS.values()], x)
    for (name, function), result in zip(FUNCTIONS.items(), found, strict=True):
        expected = function(x.astype(np.float32)).astype(dtype) if name in ADDING else function(x)  # rounded once
        assert_same(name, result, expected, ulps=1)
    assert_same("matmul", found_by(np.matmul, x, y.T), (x.astype(np.float32) @ y.T.astype(np.float32)).astype(dtype), 1)


def assert_same(name: str, found: Any, expected: Any, ulps: int) -> None:
    found, expected = np.asarray(found), np.asarray(expected)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape), name
    with np.errstate(invalid="ignore"):
        difference = np.abs(found.astype(np.complex128) - expected.astype(np.complex128))
    allowed = ulps * EPS.get(expected.dtype, 0.0) * np.abs(expected.astype(np.complex128))
    assert np.all((difference <= allowed) | np.isnan(difference)), name


def test_python_numbers_give_way_and_both_halves_are_single(dtype: Any) -> None:
    x, other = X.astype(dtype), X.astype(F16 if dtype == BF16 else BF16)
    found = found_by(
        lambda x, y, s: (x * 0.1, 1.5 - x, s * x, np.where(x > 1, x, 0.5), x + y, np.sin(x) @ y.T), x, other, 0.1
    )
    assert [a.dtype for a in found] == [dtype] * 4 + [np.float32] * 2
    tenth = np.array(0.1, dtype)
    for a in (found[0], found[2]):  # the number is rounded first, as NumPy rounds it to float16
        np.testing.assert_array_equal(a, x * tenth)
    assert result_type(F16, BF16, np.dtype(np.int8)) == np.float32
    assert dtype_of("bfloat16") == BF16


def test_what_adds_up_does_so_in_single_precision(dtype: Any) -> None:
    ones = np.ones(100_000, dtype)
    total, mean, spread, product = found_by(lambda x: (x.sum(), x.mean(), x.std(), x @ x), ones)
    with np.errstate(over="ignore"):
        assert total == product == np.float32(100_000).astype(dtype)  # infinite in float16
    assert (mean, spread) == (1, 0)
    assert {a.dtype for a in (total, mean, spread, product)} == {dtype}
    assert found_by(lambda x: np.sum(x, dtype=np.float32), ones) == 100_000
    assert found_by(lambda x: np.mean(x, None, np.float32), ones).dtype == np.float32
    assert found_by(scipy.special.logsumexp, ones) == np.float32(1 + np.log(100_000)).astype(dtype)


def nearest(number: float, dtype: Any) -> float:
    """The number of the dtype nearest to a normal one, of two the even one: by fractions."""
    exact = Fraction(number)
    unit = Fraction(2) ** (int(np.frexp(number)[1]) - 1) * Fraction(EPS[dtype])
    return float(round(exact / unit) * unit)


# --- derivatives ------------------------------------------------------------------------------------------------------


def loop(x: Any) -> Any:
    total = 0.0
    for i in range(x.shape[0]):
        total = total + np.sin(x[i, 0]) * x[i, 1]
    return total


def writes(x: Any) -> Any:
    a = np.zeros_like(x)
    for i in range(1, x.shape[0]):
        a[i] = a[i - 1] * 0.5 + x[i]
    return np.sum(a**2)


def repeated(x: Any) -> Any:
    t = x[0, 0] * 1
    while t < 100:
        t = t * x[1, 1] * 3
    return t


OF_X: dict[str, Callable[[Any], Any]] = {
    "exp": lambda x: np.sum(np.exp(x)), "norm": np.linalg.norm, "std": np.std,
    "log1p": lambda x: np.sum(np.log1p(x) * x),
    "slices": lambda x: np.sum((x[1:] - x[:-1]) ** 2), "gather": lambda x: np.sum(x[np.array([0, 0, 2, 5])] ** 2),
    "max": lambda x: np.sum(x.max(1)), "cumsum": lambda x: np.sum(np.cumsum(x, 0) ** 2),
    "sort": lambda x: np.sum(np.sort(x, 0) * np.arange(6)[:, None].astype(x.dtype)),
    "prod": lambda x: np.sum(np.prod(x, 0)), "where": lambda x: np.sum(np.where(x > 0.7, np.sqrt(x), x)),
    "cast": lambda x: np.sum(x.astype(np.float32) ** 2), "erf": lambda x: np.sum(scipy.special.erf(x)),
    "softmax": lambda x: np.sum(np.log(np.sum(np.exp(x - x.max(1, keepdims=True)), 1)) - x[:, 0]),
    "vmap": lambda x: np.sum(graphc.vmap(lambda r: np.dot(r, r) ** 2)(x)),
    "second": lambda x: np.sum(graphc.grad(lambda u: np.sum(u**3))(x) * x),
    "checkpoint": lambda x: np.sum(graphc.checkpoint(lambda x: np.exp(np.sin(x)))(x)),
    "product": lambda x: np.mean(np.tanh(x @ Y.astype(x.dtype)) ** 2), "loop": loop,
    "writes": writes, "while": repeated,
}  # fmt: skip

WIDER = {"cast": np.float32, "erf": np.float64}  # as SciPy has no erf of halves


@pytest.mark.parametrize("name", OF_X)
def test_gradients_are_those_of_float64(name: str) -> None:
    for dtype, eps in EPS.items():
        x = X.astype(dtype)
        value, gradient = graphc.value_and_grad(OF_X[name])(x)
        _, expected = graphc.value_and_grad(OF_X[name])(x.astype(np.float64))
        assert (value.dtype, gradient.dtype) == (WIDER.get(name, dtype), dtype)
        np.testing.assert_allclose(
            gradient.astype(np.float64), expected, rtol=0, atol=3 * eps * np.max(np.abs(expected))
        )


def test_other_derivatives_have_the_dtype(dtype: Any) -> None:
    u = np.array([0.5, 1.0, 2.0], dtype)
    value, tangent = graphc.jvp(lambda u: u * u, (u,), (np.ones(3, dtype),))
    (cotangent,) = graphc.vjp(lambda u: u * u, u)[1](np.ones(3))
    rows, curvature = graphc.jacobian(lambda u: u * u)(u), graphc.hessian(lambda u: np.sum(u**3))(u)
    assert {a.dtype for a in (value, tangent, cotangent, rows, curvature)} == {dtype}
    np.testing.assert_array_equal(tangent, 2 * u)
    np.testing.assert_array_equal(cotangent, 2 * u)
    np.testing.assert_array_equal(rows, np.diag(2 * u.astype(float)))
    np.testing.assert_array_equal(curvature, np.diag(6 * u.astype(float)))
    nested = graphc.grad(lambda p: (p["w"] * u).sum() + p["b"])({"w": u, "b": u[0]})
    assert (nested["w"].dtype, nested["b"].dtype, nested["b"]) == (dtype, dtype, 1)


@graphc.custom_vjp
def doubled(x: Any) -> Any:
    return x * 2


doubled.defvjp(lambda x: (doubled(x), None), lambda _, g: (g * 3,))


def test_rules_of_the_users_own_see_the_dtype(dtype: Any) -> None:
    gradient = graphc.grad(lambda x: np.sum(doubled(x)))(X.astype(dtype))
    assert gradient.dtype == dtype
    np.testing.assert_array_equal(gradient, np.full((6, 4), 3, dtype))


# --- compiled ---------------------------------------------------------------------------------------------------------


def everything(x: Any, y: Any, s: Any) -> Any:
    rows = np.exp(x - x.max(1, keepdims=True)) * s
    parts = np.concatenate([rows, y.T[:, :4]], 0)[np.array([0, 2, 9, 9, 1])]
    return np.sum(parts * 0.3) + writes(x) * 1e-3


def test_compiled_code_has_the_bits_of_the_interpreter(dtype: Any) -> None:
    """But for sums, whose order is another one, and the last bits of exp: the dtype is coarser than those."""
    if dtype == BF16 and not NIGHTLY:
        pytest.skip("only the conversions differ from those of float16: see test_all_bits_survive_and_round")
    x, y, s = X.astype(dtype), Y.astype(dtype), np.array(0.75, dtype)[()]
    both = graphc.value_and_grad(everything, argnums=(0, 1, 2))
    found = []
    for interpreted in (True, False):
        with override(disable_jit=interpreted):
            found.append(both(x, y, s))
    for mine, wanted in zip(*([v, *g] for v, g in found), strict=True):
        assert mine.dtype == wanted.dtype == dtype
        np.testing.assert_array_equal(mine, wanted)
    strided = np.zeros((12, 8), dtype)
    strided[::2, ::2] = x
    with override(disable_jit=False):
        assert both(strided[::2, ::2], y, s)[0] == found[0][0]


def test_all_bits_survive_and_round(dtype: Any) -> None:
    """All numbers of 16 bits, compiled, as they are, and from float32 with what is to be rounded; and from float64,
    where by float32 a number just above the middle of two would become the middle, and then the even one."""
    numbers = np.arange(2**16, dtype=np.uint16).view(dtype)
    wide = numbers.astype(np.float32)
    above = (wide.view(np.uint32) + rng.integers(0, 2**13, wide.shape, np.uint32)).view(np.float32)
    middles = 1 + EPS[dtype] * (np.arange(4) + 0.5)
    normal = np.concatenate([middles, middles + 2.0**-40, middles - 2.0**-40, rng.uniform(1, 100, 50)])
    double = np.concatenate([normal, [1e300, -np.inf, np.nan, 0.0, 1e-300]])
    with override(disable_jit=False), np.errstate(invalid="ignore", over="ignore"):
        convert = graphc.jit(lambda h, f, d: (h[::-1], h.astype(np.float32), f.astype(dtype), d.astype(dtype)))
        same, single, back, rounded = convert(numbers, above, double)
        expected = above.astype(dtype)
    np.testing.assert_array_equal(same.view(np.uint16), numbers[::-1].view(np.uint16))
    np.testing.assert_array_equal(single, wide)
    np.testing.assert_array_equal(np.isnan(back), np.isnan(expected))
    real = ~np.isnan(expected)
    np.testing.assert_array_equal(back.view(np.uint16)[real], expected.view(np.uint16)[real])
    wanted = [*(nearest(number, dtype) for number in normal), np.inf, -np.inf, np.nan, 0.0, 0.0]
    np.testing.assert_array_equal(rounded.astype(np.float64), wanted)


# --- what is refused --------------------------------------------------------------------------------------------------


def test_refusals(dtype: Any) -> None:
    eye = np.eye(3, dtype=dtype)
    for function in (np.linalg.inv, np.linalg.det, np.linalg.cholesky, lambda x: np.linalg.solve(x, x)):
        with pytest.raises(graphc.UnsupportedError, match=rf"test_half_arrays.py:\d+: \w+ of {dtype}.*astype"):
            graphc.grad(lambda x, function=function: np.sum(function(x)))(eye)
    with pytest.raises(graphc.UnsupportedError, match=f"nextafter of {dtype}"):
        graphc.grad(lambda x: np.sum(np.nextafter(x, x + 1)))(eye)
    with pytest.raises(graphc.TraceTypeError, match="16 bits"):
        graphc.testing.check_grads(np.sum, (eye,))


def test_bfloat16_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    from graphc.abi import dtype_named

    monkeypatch.setitem(sys.modules, "ml_dtypes", None)
    with pytest.raises(ImportError, match=r"graphc\[bfloat16\]"):
        dtype_named("bfloat16")
