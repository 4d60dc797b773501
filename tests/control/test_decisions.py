"""``and`` and ``or`` give an operand, as in Python; where only their truth counts, operands of any type decide."""

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import TraceTypeError, UnsupportedError

X = np.array([0.7, 0.4, 0.0])

OPERANDS = {
    "or": lambda x: x[0] or x[1], "and": lambda x: x[0] and x[1], "default": lambda x: 2 * (x[2] or 1.5),
    "zero or": lambda x: x[2] or x[1] ** 2, "zero and": lambda x: (x[2] and x[1]) + x[0] ** 2,
    "chain": lambda x: (x[2] and x[1]) or x[0] ** 3, "flags": lambda x: (x[0] > 0 and x[1] > 0) * x[1],
}  # fmt: skip
TESTS = {
    "mixed": lambda x: x[1] if x[0] and x[1] > 0 else x[0],
    "negated": lambda x: x[1] if not (x[2] or x[1] > 3) else x[0],
    "nested": lambda x: x[1] if (x[2] or x[1] > 3) or (x[0] and not x[2]) else x[0],
}  # fmt: skip


@pytest.mark.parametrize("name", OPERANDS | TESTS)
def test_and_and_or_as_in_python(name):
    f = (OPERANDS | TESTS)[name]
    np.testing.assert_allclose(graphc.jit(f)(X), f(X), rtol=1e-15)
    step = 1e-6 * np.eye(3)[:2]  # not along the zero, where the decision changes
    slopes = [(f(X + s) - f(X - s)) / 2e-6 for s in step]
    np.testing.assert_allclose(graphc.grad(f)(X)[:2], slopes, rtol=1e-6, atol=1e-9)


def by_a_branch(x):
    if x[0] > 0:
        count, scale = 1, 1.5
    else:
        count, scale = 2, 0.5
    return x * count, x * scale, x[1] * count, isinstance(count, int)


def by_branches_in_a_loop(x):
    count, total = 0, x[1]
    for i in range(x.shape[0]):
        if x[i] > 0:
            count = count + 1
        if x[i] > 0.5:
            total = total - np.cos(total * count)
    return total, x / count, np.int8(3) * count


@pytest.mark.parametrize("f", [by_a_branch, by_branches_in_a_loop])
def test_python_numbers_stay_such_and_leave_arrays_their_dtype(f):
    x = X.astype(np.float32)
    with override(disable_jit=True):
        found, _ = graphc.vjp(f, x)
    for a, b in zip(found, f(x), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)
        assert np.asarray(a).dtype == np.asarray(b).dtype


def test_operands_of_two_types():
    with pytest.raises(TraceTypeError, match="a bool number in one, a float64 number in the other"):
        graphc.jit(lambda x: x[0] and x[1] > 0)(X)


def test_an_exception_that_shapes_decide():
    def checked(x):
        if x.ndim != 2:
            raise ValueError("two")
        return x.sum()

    with pytest.raises(ValueError, match="two"):
        graphc.grad(checked)(X)
    np.testing.assert_array_equal(graphc.grad(checked)(X[None]), np.ones((1, 3)))


def test_recursion_until_a_traced_value_says_so():
    def halved(x):
        return x if x < 0.1 else halved(0.5 * x)

    with pytest.raises(UnsupportedError, match=r"test_decisions.*calls itself .* while loop"):
        graphc.grad(halved)(1.0)

    def powers(n, x):
        return x if n == 0 else x * powers(n - 1, x)

    assert graphc.grad(lambda x: powers(60, x))(1.0) == 61.0  # ends by a number that is known


def doubled_until(x, times):
    """Calls itself by its global name; its loop and branch are the program's."""
    y = np.zeros(3)
    for i in range(len(x)):
        y[i] = 2.0 * x[i]
    if np.sum(y) > 40.0:
        y = y * x[0]
    return y if times == 0 else doubled_until(np.asarray(y), times - 1)


def fourier(x):
    if x.shape[0] == 1:
        return x + 0j
    even, odd = fourier(x[::2]), fourier(x[1::2])
    turned = np.exp(-2j * np.pi * np.arange(x.shape[0] // 2) / x.shape[0]) * odd
    return np.concatenate([even + turned, even - turned])


def until_small(x):
    return x if x < 0.1 else until_small(0.5 * x)


def test_functions_that_call_themselves_by_a_global_name():
    x = np.array([0.7, 2.4, 3.0])
    f = graphc.jit(lambda x: doubled_until(x, 2).sum())
    np.testing.assert_allclose(f(x), doubled_until(x, 2).sum(), rtol=1e-15)
    slopes = [(f(x + d) - f(x - d)) / 2e-6 for d in 1e-6 * np.eye(3)]
    np.testing.assert_allclose(graphc.grad(f)(x), slopes, rtol=1e-7)
    y = np.arange(8.0) ** 1.5
    np.testing.assert_allclose(graphc.jit(fourier)(y), np.fft.fft(y), rtol=1e-12)
    with pytest.raises(UnsupportedError, match="calls itself"):
        graphc.grad(until_small)(1.0)
