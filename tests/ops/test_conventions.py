"""Derivatives where they are a matter of convention, at infinities, and where a careless formula loses its digits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

from graphc.autodiff.requires_grad import mark
from graphc.errors import GradientError
from graphc.ir.builder import Builder, finish
from graphc.ir.graph import Value
from graphc.ir.interp import interpret
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import F64, ArrayType
from graphc.ops.table import OPS
from tests.ops.one_op import float_marks, gradient_graph, gradients, one_op

INF, NAN = np.inf, np.nan


def slopes(name: str, *numbers: float, attrs=None) -> list[float]:
    """The op's partial derivatives at one point."""
    arrays = [np.array(x, float) for x in numbers]
    graph = one_op(name, arrays, attrs or {})
    return [float(g) for g in gradients(mark(graph, float_marks(graph)), arrays, [np.array(1.0)])]


def curvatures(name: str, *numbers: float) -> list[list[float]]:
    """The matrix of second derivatives at one point."""
    arrays = [np.array(x, float) for x in numbers]
    graph = one_op(name, arrays)
    marks = float_marks(graph)
    first = gradient_graph(mark(graph, marks))
    second = mark(first, [*marks, False])
    rows = []
    for row in np.eye(len(arrays)):
        cotangents = [np.array(c) for c in row]
        rows.append([float(g) for g in gradients(second, [*arrays, np.array(1.0)], cotangents)])
    return rows


AT_A_POINT = [
    ("abs", (0.0,), [0.0]),
    ("fabs", (-0.0,), [0.0]),
    ("maximum", (1.0, 1.0), [0.5, 0.5]),
    ("minimum", (1.0, 1.0), [0.5, 0.5]),
    ("maximum", (0.0, -0.0), [0.5, 0.5]),
    ("maximum", (INF, INF), [0.5, 0.5]),
    ("fmax", (1.0, 1.0), [0.5, 0.5]),
    ("fmax", (NAN, -1.0), [0.0, 1.0]),
    ("fmin", (3.0, NAN), [1.0, 0.0]),
    ("sqrt", (0.0,), [INF]),
    ("cbrt", (0.0,), [INF]),
    ("log", (0.0,), [INF]),
    ("arcsin", (1.0,), [INF]),
    ("arccosh", (1.0,), [INF]),
    ("hypot", (0.0, 0.0), [0.0, 0.0]),
    ("arctan2", (0.0, 0.0), [0.0, 0.0]),
    ("arctan2", (1.0, INF), [0.0, 0.0]),
    ("logaddexp", (-INF, -INF), [0.5, 0.5]),
    ("logaddexp", (INF, INF), [0.5, 0.5]),
    ("logaddexp", (-INF, 2.0), [0.0, 1.0]),
    ("logaddexp2", (-INF, -INF), [0.5, 0.5]),
    ("xlogy", (0.0, 2.0), [np.log(2.0), 0.0]),
    ("xlogy", (0.0, 0.0), [-INF, 0.0]),
    ("xlog1py", (0.0, -1.0), [-INF, 0.0]),
    ("entr", (0.0,), [INF]),
    ("copysign", (0.0, -1.0), [0.0, 0.0]),
    ("heaviside", (0.0, 0.5), [0.0, 1.0]),
    ("remainder", (-7.0, 3.0), [1.0, 3.0]),
    ("fmod", (-7.0, 3.0), [1.0, 2.0]),
    # powers: x**0 is 1 everywhere, 0**b is 0 for positive b
    ("pow", (0.0, 0.0), [0.0, 0.0]),
    ("pow", (0.0, 1.0), [1.0, 0.0]),
    ("pow", (0.0, 2.0), [0.0, 0.0]),
    ("pow", (0.0, 0.5), [INF, 0.0]),
    ("pow", (-2.0, 3.0), [12.0, NAN]),
    ("pow", (2.0, 0.0), [0.0, np.log(2.0)]),
    ("pow", (INF, -1.0), [-0.0, 0.0]),
    # what overflows or vanishes inside, where the derivative does not
    ("arcsinh", (1e200,), [1e-200]),
    ("arctan2", (0.0, 1e200), [1e-200, 0.0]),
    ("arctan2", (3e-200, 4e-200), [4e-200 / 25 / 1e-200 / 1e-200, -3e-200 / 25 / 1e-200 / 1e-200]),
    ("hypot", (3e200, 4e200), [0.6, 0.8]),
    ("hypot", (3e-200, 4e-200), [0.6, 0.8]),
    ("expm1", (-60.0,), [np.exp(-60.0)]),
    ("logaddexp", (1e9, 1e9 + 1.0), [1 / (1 + np.e), np.e / (1 + np.e)]),
    ("logaddexp", (800.0, -800.0), [1.0, 0.0]),
    ("log_ndtr", (-1e10,), [1e10]),
    ("log_ndtr", (50.0,), [0.0]),
    ("sin", (INF,), [NAN]),
    ("pseudo_huber", (0.0, 0.0), [0.0, 0.0]),
    ("pseudo_huber", (0.0, -3.0), [3.0, 0.0]),
    ("pseudo_huber", (INF, 3.0), [0.0, 3.0]),
]


@pytest.mark.parametrize(("name", "point", "expected"), AT_A_POINT)
def test_slope(name, point, expected):
    np.testing.assert_allclose(slopes(name, *point), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("name", "point", "expected"),
    [
        ("pow", (2.0, 0.0), [[0.0, 0.5], [0.5, np.log(2.0) ** 2]]),  # d(b a**(b-1))/db at b = 0 is 1/a
        ("pow", (0.0, 2.0), [[2.0, 0.0], [0.0, 0.0]]),
        ("pow", (-2.0, 3.0), [[-12.0, NAN], [NAN, NAN]]),
        ("logaddexp", (0.3, 0.3), [[0.25, -0.25], [-0.25, 0.25]]),
        ("maximum", (1.0, 1.0), [[0.0, 0.0], [0.0, 0.0]]),
        ("hypot", (0.0, 0.0), [[0.0, 0.0], [0.0, 0.0]]),
        ("xlogy", (0.0, 2.0), [[0.0, 0.5], [0.5, 0.0]]),
        ("arctan2", (0.0, 1.0), [[0.0, -1.0], [-1.0, 0.0]]),
    ],
)
def test_curvature(name, point, expected):
    np.testing.assert_allclose(curvatures(name, *point), expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, -1, 0.5])
def test_constant_powers(exponent):
    """A power with a constant exponent has the derivative of one with a traced exponent, to the second order."""
    x = np.array([-2.0, 0.0, 3.0])
    F = Builder(OPS, ShapeFacts())
    param = Value(ArrayType(F64, (3,)), True, "x")
    constant = mark(finish(F, "power", [param], [F.pow(param, exponent)]), [True])
    traced = mark(one_op("pow", [x, np.array(float(exponent))]), [True, False])
    ct, second = np.array([1.0, 2.0, 3.0]), [np.array([2.0, -1.0, 1.0])]
    left, right = gradient_graph(constant), gradient_graph(traced)
    np.testing.assert_array_equal(interpret(left, [x, ct])[0], interpret(right, [x, exponent, ct])[0])
    found = gradients(mark(left, [True, True]), [x, ct], second)
    expected = gradients(mark(right, [True, False, True]), [x, np.array(float(exponent)), ct], second)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-15)


def test_a_zero_cotangent_keeps_second_derivatives():
    """y * sqrt(x) at y = 0: the gradient by x is 0, and its derivative by y is not."""
    F = Builder(OPS, ShapeFacts())
    x, y = (Value(ArrayType(F64), name=name) for name in "xy")
    graph = mark(finish(F, "f", [x, y], [F.mul(y, F.sqrt(x))]), [True, True])
    arrays, one = [np.array(4.0), np.array(0.0)], np.array(1.0)
    second = mark(gradient_graph(graph), [True, True, False])
    by_x, by_y = gradients(second, [*arrays, one], [one, np.array(0.0)])
    assert (by_x, by_y) == (0.0, 0.25)


@pytest.mark.parametrize("x", [-2000.0, -300.0, -70.8, -70.6, -40.0, -5.0, 0.5, 3.0])
def test_curvature_of_log_ndtr(x):
    """Its tail is -1 to many digits, where the plain formula -r (x + r) has none left."""
    with mpmath.workdps(60):
        z = mpmath.mpf(x)
        density = mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi)
        ratio = density / (mpmath.erfc(-z / mpmath.sqrt(2)) / 2)
        expected = float(-ratio * (z + ratio))
    np.testing.assert_allclose(curvatures("log_ndtr", x), [[expected]], rtol=1e-9)


@pytest.mark.parametrize("order", [1, 2, 5])
def test_derivatives_of_gammaln_go_on(order):
    """gammaln, digamma, polygamma(1), ...: each the derivative of the one before."""
    x = 2.3
    graph = one_op("gammaln", [np.array(x)])
    arrays = [np.array(x)]
    for _ in range(order):
        graph = gradient_graph(mark(graph, [True] + [False] * (len(arrays) - 1)))
        arrays.append(np.array(1.0))
    (found,) = interpret(graph, arrays)
    np.testing.assert_allclose(found, float(mpmath.polygamma(order - 1, x)), rtol=1e-13)


def test_polygamma_has_no_derivative_by_its_order():
    graph = one_op("polygamma", [np.array(1.0), np.array(2.0)])
    with pytest.raises(GradientError, match="no derivative by its order"):
        gradient_graph(mark(graph, [True, True]))


# --- folds ------------------------------------------------------------------------------------------------------------

FOLDED = [
    ("max", [3.0, 1.0, 3.0, 2.0], [0.5, 0.0, 0.5, 0.0]),
    ("min", [1.0, 1.0, 1.0, 2.0], [1 / 3, 1 / 3, 1 / 3, 0.0]),
    ("max", [1.0, NAN, 2.0], [0.0, 0.0, 0.0]),
    ("max", [-INF, -INF], [0.5, 0.5]),
    ("prod", [0.0, 2.0, 3.0], [6.0, 0.0, 0.0]),
    ("prod", [0.0, 2.0, 0.0], [0.0, 0.0, 0.0]),
    ("prod", [1e200, 1e-200, 1e200], [1.0, INF, 1.0]),
]


@pytest.mark.parametrize(("name", "x", "expected"), FOLDED)
def test_folded(name, x, expected):
    graph = mark(one_op(name, [np.array(x)], {"axes": (0,)}), [True])
    (found,) = gradients(graph, [np.array(x)], [np.array(1.0)])
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_cumprod_that_overflows_behind_what_counts():
    """Only the first product reaches the result: what overflows behind it is not in its gradient."""
    x = np.array([1e300, 1e300, 2.0, INF])
    attrs = {"axis": 0, "reverse": False, "exclusive": False}
    graph = mark(one_op("cumprod", [x], attrs), [True])
    (found,) = gradients(graph, [x], [np.array([1.0, 0.0, 0.0, 0.0])])
    np.testing.assert_array_equal(found, [1.0, 0.0, 0.0, 0.0])
