"""Python's builtins and ``math`` on traced numbers, beside plain Python and central differences."""

from __future__ import annotations

import math

import numpy as np
import pytest

import graphc
from graphc.config import override, settings
from graphc.errors import TraceTypeError

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: jit is the plain function")

X = np.array([0.7, 2.3, 1.1])
FUNCTIONS = {
    "max of some": lambda x: max(x[0] * 2, x[1], x[2]) * x[0],
    "max of a list": lambda x: max([v * v for v in x]),
    "max of an array": lambda x: max(x) * 2,
    "max of a generator": lambda x: max(v * v for v in x),
    "min with a number": lambda x: min(x[0] * 2, 0.5) + min(x[1], 5),
    "max by a key": lambda x: max(x, key=lambda v: np.abs(v - 1.4)) + min(enumerate(x), key=lambda p: -p[1])[0] * x[0],
    "position by a key": lambda x: x[max(range(3), key=lambda k: x[k])] ** 2,
    "sorted": lambda x: sum(k * v for k, v in enumerate(sorted(x, reverse=True))) + sorted([x[0] * 2, x[1], 5.0])[1],
    "sorted by a key": lambda x: sorted(zip(x, x[::-1], strict=True), key=lambda p: p[0])[0][1] * 3,
    "sorted rows": lambda x: sorted(np.outer(x, x), key=lambda row: -row.sum())[0][2],
    "any": lambda x: x[0] if any(v > 2 for v in x) else x[1],
    "all": lambda x: x[0] if all([x[0] > 0, x[1] > 3]) else x[1] * 2,
    "float": lambda x: float(x[0]) * x[1],
    "int": lambda x: int(x[1]) * x[0] + int(-x[1]),
    "int as a position": lambda x: x[int(x[0])] * 3,
    "floor as a position": lambda x: x[math.floor(x[2])] * (x[2] - math.floor(x[2])),
    "ceil and trunc": lambda x: math.ceil(x[0]) * x[1] + math.trunc(-x[1]) * x[0],
    "item": lambda x: x.sum().item() + x.item(1) * x.reshape(3, 1).item(2, 0),
    "tolist": lambda x: np.hypot(*x.tolist()[:2]) - x.tolist()[2],
    "divmod": lambda x: divmod(x[1], 0.5)[1],
    "fsum": lambda x: math.fsum(v * v for v in x) + math.fsum([x[0], 1]),
    "prod": lambda x: math.prod(x) + math.prod([x[0], x[1]], start=2),
    "dist": lambda x: math.dist(x, [0.0, 1.0, 3.0]),
    "hypot": lambda x: math.hypot(x[0], x[1]) + math.hypot(*x) + math.hypot(x[0]),
    "isclose": lambda x: x[0] * math.isclose(x[0], 0.7, rel_tol=1e-3) + x[1] * math.isclose(x[1], 2.0, rel_tol=1e-3),
    "logarithms": lambda x: math.log(x[0], 2) + math.log(x[1]) * math.log(3.0, x[2]),
    "special": lambda x: math.erf(x[0]) + math.erfc(x[1]) + math.lgamma(x[2]),
    "powers": lambda x: math.pow(x[0], 3) + math.atan2(x[0], x[1]) + math.cbrt(x[2]) + math.fmod(x[1], 0.9),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_gradients(name):
    f = FUNCTIONS[name]
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(f)(X)
    np.testing.assert_allclose(value, f(X), rtol=1e-14)
    steps = 1e-6 * np.eye(3)
    differences = [(f(X + step) - f(X - step)) / 2e-6 for step in steps]
    np.testing.assert_allclose(gradient, differences, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("first", [1.0, 2.0, np.nan])
@pytest.mark.parametrize("second", [1.0, 2.0, np.nan])
@pytest.mark.parametrize("function", [max, min])
def test_extrema_of_ties_and_nan_are_pythons(function, first, second):
    """The first of equal ones has all of the gradient; NaN is smaller and larger than nothing."""
    x = np.array([first, second])
    value, gradient = graphc.value_and_grad(lambda x: function(x[0], x[1]))(x)
    np.testing.assert_array_equal(value, function(first, second))
    is_second = second > first if function is max else second < first
    np.testing.assert_array_equal(gradient, [not is_second, is_second])


def test_python_numbers_give_way_to_the_dtype_of_an_array():
    def f(x, single):
        return single * float(x[0]) + single * x.item(1) + single * max(1, 2.0)

    single = np.array([1.5, 2.5], np.float32)
    assert graphc.jit(f)(X, single).dtype == f(X, single).dtype == np.float32


def test_an_integer_from_outside_is_a_size():
    count = 4.0
    assert graphc.grad(lambda x: np.sum(np.ones(int(count)) * x))(2.0) == 4.0
    assert graphc.jit(lambda n, x: max(len(x), int(n)) * x)(np.float64(5.0), X).tolist() == (5 * X).tolist()


def test_equal_keys_keep_their_order():
    y = np.array([2.0, 1.0, 2.0])
    pairs = graphc.jit(lambda x: sorted(zip(x, [0, 1, 2], strict=True), key=lambda p: p[0], reverse=True))(y)
    assert [place for _, place in pairs] == [0, 2, 1]
    with pytest.raises(TraceTypeError, match="elements must be numbers"):
        graphc.jit(lambda x: sorted([(x[0], "a"), (x[1], "b")], key=lambda p: p[0])[0][0])(y)


def test_keys_and_defaults_stay_pythons():
    names = {"a": 3, "b": 1}
    assert graphc.grad(lambda x: x * names[max(names, key=names.get)] * min([], default=2))(1.5) == 6.0
    with pytest.raises(TypeError, match="iterable"):
        graphc.grad(lambda x: max(3))(1.5)
