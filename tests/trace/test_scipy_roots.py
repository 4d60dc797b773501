"""scipy.optimize: zeros of functions, whose derivatives are those of the implicit function theorem."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.optimize as so

import graphc
from graphc.config import override
from tests.nightly import NIGHTLY, part
from tests.trace.scipy_cases import Case, case, check

V = np.array([0.7, 1.3, 2.1])
BRACKETED = ("brentq", "brenth", "bisect", "ridder", "toms748")


def cubic(x: Any, a: Any) -> Any:
    return x**3 - a * x - 1


def crossing(x: Any, a: Any) -> Any:
    return np.array([x[0] * np.cos(x[1]) - 4 * a, x[1] * x[0] - x[1] - 5])


def crossing_slope(x: Any, a: Any) -> Any:
    return np.array([[np.cos(x[1]), -x[0] * np.sin(x[1])], [x[1], x[0] - 1]])


CASES = [
    *(case(f"optimize.{name}", 0.7, smooth=name != "bisect", rtol=1e-10, way=name,
           call=lambda a, way: getattr(so, way)(cubic, 0.0, 5.0, args=(a,))) for name in BRACKETED),
    case("optimize.brentq", 0.7, 3.0, call=lambda a, b: so.brentq(lambda x: np.exp(x) - a * b, -10 * b, b)),
    *(case("optimize.root_scalar", 0.7, smooth="method" not in options, rtol=1e-10, **options,
           call=lambda a, **options: so.root_scalar(cubic, (a,), **options).root)
      for options in ({"bracket": (0, 5)}, {"x0": 1.0, "fprime": lambda x, a: 3 * x * x - a}, {"x0": 1.0, "x1": 1.2},
                      {"method": "secant", "x0": 1.0, "x1": 1.2}, {"method": "bisect", "bracket": [0, 5]})),
    case("optimize.newton", V, 0.4, call=lambda a, s: so.newton(lambda x: np.cos(x) - a * x, s + 0 * V)),
    case("optimize.newton", 0.7, call=lambda a: so.newton(cubic, 1.0, lambda x, a: 3 * x * x - a, (a,))),
    *(case("optimize.root", 1.0, call=lambda a, **options: so.root(crossing, [1.0, 1.0], a, **options).x, rtol=1e-9,
           **options) for options in ({}, {"method": "lm"}, {"jac": crossing_slope})),
    case("optimize.fsolve", 1.0, call=lambda a: so.fsolve(crossing, [1.0, 1.0], a), rtol=1e-9),
    case("optimize.fixed_point", V, call=lambda a: so.fixed_point(lambda x: np.cos(a[:2] * x), np.array([0.5, 0.4])),
         rtol=1e-9),
]  # fmt: skip


@pytest.mark.parametrize("tested", part(CASES, 2, 5), ids=lambda tested: tested.label)
def test_values_and_derivatives(tested: Case) -> None:
    check(tested)


def test_of_several_zeros_scipys_is_found() -> None:
    rng = np.random.default_rng(3)
    with override(disable_jit=True):
        for name in ("brentq", "brenth", "bisect"):
            for _ in range(60 if NIGHTLY else 2):
                a, b, c = *rng.uniform(-9, 9, 2), rng.uniform(0.5, 3)
                if np.sin(c * a) * np.sin(c * b) < 0:

                    def solved(c: Any, a: Any = a, b: Any = b, name: str = name) -> Any:
                        return getattr(so, name)(lambda x: np.sin(c * x), a, b)

                    assert graphc.vjp(solved, c)[0] == pytest.approx(solved(c), abs=1e-10)


def test_second_derivatives() -> None:
    def solved(a: Any) -> Any:
        return so.brentq(lambda x: x**3 - a, 0.0, 5.0)

    with override(disable_jit=not NIGHTLY):
        assert graphc.grad(graphc.grad(solved))(2.0) == pytest.approx(-2 / 9 * 2.0 ** (-5 / 3), rel=1e-9)


def test_slopes_at_zeros_that_are_small_beside_the_interval_or_0() -> None:
    def exponential(x: Any, a: Any) -> Any:
        return np.array([np.exp(x[0]) - a + x[1], np.sin(x[1]) + 2 * x[0]])

    water = 1e-14
    with override(disable_jit=True):
        for above in (0.0, 1e-12, 1e-10, 1e-8) if NIGHTLY else (0.0, 1e-10):
            found = graphc.grad(lambda a: so.newton(lambda x: np.exp(x) - a, 0.0))(1.0 + above)
            assert found == pytest.approx(1.0, rel=1e-7)
        for base in (1e-4, 1e-3) if NIGHTLY else (1e-4,):  # the ends are a hundred million times as far away
            found = graphc.grad(lambda a: so.brentq(lambda x: x - water / x + a, 1e-14, 1.0, xtol=1e-20))(base)
            h = 2 * water / (np.sqrt(base * base + 4 * water) + base)
            assert found == pytest.approx(-1 / (1 + water / h**2), rel=1e-9)
        assert graphc.grad(lambda a: so.brentq(lambda x: np.log(x) * a, 1.0, 2.0))(2.0) == 0
        assert graphc.vjp(lambda a: so.brentq(lambda x: x**3 - a, -1.0, 1.0), 0.0)[0] == 0
        solved = graphc.jacobian(lambda a: so.fsolve(exponential, np.float32([0.5, 0.3]), a))(1.0)
        assert solved == pytest.approx(np.array([-1.0, 2.0]), rel=1e-9)


def test_starts_of_single_precision_are_those_of_double() -> None:
    with override(disable_jit=True):
        value, slope = graphc.value_and_grad(lambda a: so.newton(lambda x: x**3 - a, np.float32(1.0)))(2.0)
    assert (value, slope) == pytest.approx((2 ** (1 / 3), 2 ** (-2 / 3) / 3), rel=1e-12)


def test_assignments() -> None:
    rng = np.random.default_rng(4)
    tied = rng.integers(0, 3, (5, 5)) * 1.0
    tied[0, 1] = np.inf

    def total(costs: Any, maximize: bool = False) -> Any:
        return np.sum(costs[so.linear_sum_assignment(costs, maximize=maximize)])

    with override(disable_jit=True):
        for shape, maximize in (((3, 6), False), ((5, 4), True), ((1, 1), False)) * (20 if NIGHTLY else 1):
            costs = rng.normal(size=shape)
            found = graphc.vjp(lambda c, maximize=maximize: so.linear_sum_assignment(c, maximize=maximize), costs)[0]
            for place, wanted in zip(found, so.linear_sum_assignment(costs, maximize=maximize), strict=True):
                np.testing.assert_array_equal(place, wanted, strict=True)
        value, gradient = graphc.value_and_grad(total)(tied)
        assert value == total(tied)
        np.testing.assert_array_equal(np.sort(gradient, axis=0), np.sort(np.eye(5), axis=0))
        np.testing.assert_array_equal(np.sort(gradient, axis=1), np.sort(np.eye(5), axis=1))
        with pytest.raises(ValueError, match="no choice has a finite cost"):
            graphc.grad(total)(np.full((2, 2), np.inf))


def test_least_squares_without_negative_elements() -> None:
    rng = np.random.default_rng(5)

    def f(A: Any, b: Any) -> Any:
        x, left = so.nnls(A, b)
        return np.sum(np.arange(1.0, A.shape[1] + 1) * x) + left

    with override(disable_jit=True):
        for shape in ((7, 4), (3, 5)) * (10 if NIGHTLY else 1):
            A, b = rng.normal(size=shape), rng.normal(size=shape[0])
            np.testing.assert_allclose(graphc.vjp(so.nnls, A, b)[0][0], so.nnls(A, b)[0], atol=1e-12)
            direction = rng.normal(size=shape), rng.normal(size=shape[0])
            slope = graphc.jvp(f, (A, b), direction)[1]
            ahead, behind = (f(A + h * direction[0], b + h * direction[1]) for h in (1e-6, -1e-6))
            np.testing.assert_allclose(slope, (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-8)


def test_what_is_not_found_is_said() -> None:
    def nowhere(x: Any, a: Any) -> Any:
        return np.stack([x[0] ** 2 + a, x[1]])

    with override(disable_jit=True), np.errstate(all="ignore"):
        found = graphc.vjp(lambda a: so.root(nowhere, np.ones(2), (a,)).x, 1.0)[0]
        assert np.all(np.isnan(found))
        for call, error, text in (
            (lambda a: so.brentq(cubic, 3.0, 5.0, (a,)), ValueError, "different signs"),
            (lambda a: so.brentq(cubic, 0.0, 5.0, (a,), maxiter=3), RuntimeError, "a larger maxiter="),
            (lambda a: so.brentq(lambda x: 1e-200 * a + 0 * x, 0.0, 5.0), ValueError, "different signs"),
            (lambda a: so.newton(lambda x: x * x + a, 1.0), RuntimeError, "did not converge"),
            (lambda a: so.newton(lambda x: x * x - a, 0.0, lambda x: 2 * x), RuntimeError, "the derivative is 0"),
            (lambda a: so.brentq(cubic, 0.0, 5.0, (a,), full_output=True), graphc.UnsupportedError, "full_output"),
            (lambda a: so.root(crossing, [1.0, 1.0], a, "broyden1").x, graphc.UnsupportedError, "implicit_root"),
            (lambda a: so.root_scalar(cubic, a, "muller").root, graphc.UnsupportedError, "there are bisect"),
        ):
            with pytest.raises(error, match=text):
                graphc.vjp(call, 0.7)
