"""Integers, bools and flags where NumPy does more than compute in the dtype at hand."""

from __future__ import annotations

import operator

import numpy as np
import pytest

import graphc

pytestmark = pytest.mark.skipif(graphc.config.settings.disable_jit, reason="jit is the plain function")

SMALL = np.arange(3, dtype=np.uint8)
COMPARISONS = [operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne]
NUMBERS = (-(2**70), -100, -1, 0, 1, 255, 256, 300, 2**70)


def same(f, *args):
    expected, found = f(*args), graphc.jit(f)(*args)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
        assert np.asarray(one).dtype == np.asarray(other).dtype


@pytest.mark.parametrize("op", COMPARISONS, ids=lambda op: op.__name__)
def test_comparison_with_a_number_that_the_dtype_cannot_hold(op):
    wide = np.array([0, 2**63 - 1, -(2**63)])
    same(
        lambda u, w: [op(u, n) for n in NUMBERS] + [op(n, u) for n in NUMBERS] + [op(w, n) for n in NUMBERS],
        SMALL,
        wide,
    )


@pytest.mark.parametrize("op", COMPARISONS, ids=lambda op: op.__name__)
def test_comparison_with_an_int_argument(op):
    """One program for all of them: nothing wraps around."""
    signed, big = np.array([-3, 0, 5], dtype=np.int8), np.array([0, 3, 2**63 + 5], dtype=np.uint64)
    f = graphc.jit(lambda u, s, b, n: [op(u, n), op(n, u), op(s, n), op(n, s), op(b, n), op(n, b)])
    for n in (-100, -3, 2, 3, 300, 2**40, -(2**63)):
        for found, expected in zip(f(SMALL, signed, big, n), f.__wrapped__(SMALL, signed, big, n), strict=True):
            np.testing.assert_array_equal(found, expected)
    assert f.cache_info()["programs"] == 1


def test_arithmetic_with_an_int_argument_that_the_dtype_cannot_hold():
    f = graphc.jit(lambda u, n: u + n)
    np.testing.assert_array_equal(f(SMALL, 200), SMALL + 200)
    with pytest.raises(graphc.TraceTypeError, match=r"test_integers.py:\d+: the Python integer 300 is out of bounds"):
        f(SMALL, 300)
    with pytest.raises(graphc.TraceTypeError, match="integer -1 is out of bounds for uint8"):
        f(SMALL, -1)


def test_powers_of_bools():
    mask = np.array([True, False])
    same(lambda m: [m**2, m**3, m**2.0, np.power(m, 2), m**m, m ** np.int64(2)], mask)


def test_integers_to_negative_powers():
    whole = np.array([2, 3])
    with pytest.raises(graphc.NumberError, match=r"test_integers.py:\d+: .* negative power -1"):
        graphc.jit(lambda i: i**-1)(whole)
    same(lambda i: [i**-1.0, 2.0**-i], whole)
    by_array, by_int = graphc.jit(lambda i, e: i**e), graphc.jit(lambda i, n: (i**n, i.astype(np.int8) ** n))
    np.testing.assert_array_equal(by_array(whole, whole), whole**whole)
    np.testing.assert_array_equal(by_int(whole, 2)[1], whole.astype(np.int8) ** 2)
    with pytest.raises(graphc.NumberError, match=r"test_integers.py:\d+: integers to negative integer powers"):
        by_array(whole, whole - 3)
    with pytest.raises(graphc.NumberError, match="negative integer powers"):
        by_int(whole, -1)
    with graphc.config.override(disable_jit=True), pytest.raises(graphc.NumberError, match="negative integer powers"):
        graphc.value_and_grad(lambda x, i, e: (x * i**e).sum())(np.ones(2), whole, whole - 3)


def test_rounding_bools_gives_float16_as_in_numpy():
    flags = np.array([True, False])
    with graphc.config.override(disable_jit=True, nan=True):  # by the interpreter, where disable_jit alone runs NumPy
        for function in (np.round, np.rint):
            found = graphc.jit(function)(flags)
            assert found.dtype == np.float16
            np.testing.assert_array_equal(found, function(flags))


def test_flags_by_position():
    x = np.arange(6.0).reshape(2, 3)
    same(lambda x: [np.sum(x, 1, None, None, 1), np.max(x, 1, None, 0), np.linalg.norm(x, 2, 1, 1)], x)
    f = graphc.jit(lambda x, keep: (np.max(x, 1, None, keep), x.min(0, None, keep)))
    for keep in (0, 1, 2, 0, True, False):
        for found, expected in zip(f(x, keep), f.__wrapped__(x, keep), strict=True):
            np.testing.assert_array_equal(found, expected)
    with pytest.raises(graphc.UnsupportedError, match="keepdims must be a Python bool"):
        graphc.jit(lambda x: np.sum(x, 1, None, None, x[0, 0] > 1))(x)


def test_powers_of_python_integers():
    f = graphc.jit(lambda n, m: (n**-1, 2.0 * n**m))
    np.testing.assert_allclose(f(4, 2), (0.25, 32.0))
    with pytest.raises(graphc.NumberError):
        f(4, -2)
