"""Derivatives of the incomplete gamma and beta functions by their shapes, against differences of 50 digits."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import mpmath
import numpy as np
import pytest

from graphc.autodiff.requires_grad import mark
from tests.ops.one_op import float_marks, gradients, one_op

STEP = mpmath.mpf(10) ** -18
TINY = 1e-280  # beside the smallest numbers nothing has ten digits


@pytest.fixture(autouse=True)
def digits():
    with mpmath.workdps(50):
        yield


def gradient(name: str, points: list[tuple[float, ...]]) -> list[np.ndarray]:
    arrays = [np.array(row, float) for row in zip(*points, strict=True)]
    graph = one_op(name, arrays)
    return gradients(mark(graph, float_marks(graph)), arrays, [np.ones(len(points))])


def difference(function: Callable[..., mpmath.mpf], point: tuple[float, ...], k: int) -> float:
    at = [mpmath.mpf(number) for number in point]
    moved = [[v * (1 + sign * STEP) if j == k else v for j, v in enumerate(at)] for sign in (1, -1)]
    return float((function(*moved[0]) - function(*moved[1])) / (2 * STEP * at[k]))


def tail_of(below: Callable[..., mpmath.mpf], above: Callable[..., mpmath.mpf], point: tuple[float, ...]) -> Callable:
    """The smaller share, with the sign that it has in the derivative of the lower one."""
    if below(*point) < 0.5:
        return below
    return lambda *arguments: -above(*arguments)


def assert_ten_digits(found: np.ndarray, exact: list[float], points: list[tuple[float, ...]]) -> None:
    for value, wanted, point in zip(found, exact, points, strict=True):
        assert abs(value - wanted) <= 1e-10 * abs(wanted) + TINY, (point, value, wanted)


def test_gamma():
    shapes, ratios = (1e-3, 0.5, 2.5, 55.0, 300.0), (1e-6, 0.97, 1.6, 10.0)
    points = [(a, r * max(a, 1.0)) for a, r in itertools.product(shapes, ratios)]

    def below(a, x):
        return mpmath.gammainc(a, 0, x, regularized=True)

    def above(a, x):
        return mpmath.gammainc(a, x, mpmath.inf, regularized=True)

    exact = [difference(tail_of(below, above, p), p, 0) for p in points]
    assert_ten_digits(gradient("gammainc", points)[0], exact, points)
    assert_ten_digits(-gradient("gammaincc", points)[0], exact, points)


@pytest.mark.parametrize("k", [0, 1])
def test_beta(k):
    shapes = itertools.product((1e-3, 0.3, 4.5, 1000.0), (1e-3, 0.5, 25.0))
    points = [(a, b, x) for a, b in shapes for x in (1e-10, a / (a + b), 0.45, 0.99)]

    def below(a, b, x):
        return mpmath.betainc(a, b, 0, x, regularized=True)

    def above(a, b, x):
        return mpmath.betainc(b, a, 0, 1 - mpmath.mpf(x), regularized=True)

    exact = [difference(tail_of(below, above, p), p, k) for p in points]
    assert_ten_digits(gradient("betainc", points)[k], exact, points)


def test_student():
    """Its two parts cancel towards the normal law: ten digits for any number of degrees of freedom."""
    points = list(itertools.product((0.2, 5.0, 29.0, 31.0, 1e3, 1e8), (-40.0, -0.5, 1e-3, 2.0)))

    def tail(df, t):
        share = mpmath.betainc(df / 2, mpmath.mpf(0.5), 0, df / (df + mpmath.mpf(t) ** 2), regularized=True) / 2
        return -share if t > 0 else share

    assert_ten_digits(gradient("stdtr", points)[0], [difference(tail, p, 0) for p in points], points)


@pytest.mark.parametrize(
    ("name", "points", "wanted"),
    [
        ("gammainc", [(2.0, 0.0), (2.0, np.inf), (-1.0, 2.0), (np.nan, 1.0)], [0.0, 0.0, np.nan, np.nan]),
        ("betainc", [(2.0, 3.0, 0.0), (2.0, 3.0, 1.0), (-1.0, 3.0, 0.5)], [0.0, 0.0, np.nan]),
        ("stdtr", [(3.0, 0.0), (3.0, np.inf), (3.0, -np.inf), (-1.0, 1.0)], [0.0, 0.0, 0.0, np.nan]),
    ],
)
def test_ends(name, points, wanted):
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(gradient(name, points)[0], wanted)
