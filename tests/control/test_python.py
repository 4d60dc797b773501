"""Plain Python loops, branches and writes in place: values as NumPy's, gradients of two orders."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import TraceTypeError, UnsupportedError
from graphc.testing import check_grads
from tests.nightly import part

X = np.array([0.4, 1.1, 0.7, 0.9, 1.3, 0.6])


def product_of_sines(x):
    s = 1.0
    for i in range(x.shape[0] - 1):
        s = s * np.sin(x[i]) + x[i + 1]
    return s


def strides_and_backwards(x):
    s = 0.0
    for i in range(1, x.shape[0], 2):
        s = s + x[i] ** 2
    for i in range(x.shape[0] - 1, -1, -1):
        s = s * 0.9 + x[i]
    return s


def filled(x):
    u = np.zeros(7)
    u[0] = 1.0
    for i in range(6):
        u[i + 1] = u[i] * np.sin(x[i]) + 0.1 * i
    return np.sum(u**2)


def through_a_view(x):
    u = x.copy()
    row = u[1:]
    s = 0.0
    for i in range(5):
        s += row[0] * row[i]
        u[i + 1] *= 0.5
        row[0] += x[0]
    return s * u[2]


def swapped(x):
    u, v = x.copy(), np.zeros_like(x)
    for t in range(5):
        v[1:-1] = 0.5 * (u[:-2] + u[2:]) + 0.01 * t
        v[0], v[-1] = u[0], u[-1]
        u, v = v, u
    return np.sum(u * x)


def gauss_seidel(x):
    u = np.outer(x, x)
    for _ in range(5):
        for i in range(1, 5):
            for j in range(1, 5):
                u[i, j] = 0.25 * (u[i - 1, j] + u[i + 1, j] + u[i, j - 1] + u[i, j + 1])
    return np.sum(u**2)


def rows(x):
    a = np.outer(x, x)
    for i in range(1, a.shape[0]):
        a[i] = np.sin(a[i - 1]) + a[i] * 0.5
        a[i, 1:] -= 0.1 * a[i - 1, :-1]
    return np.sum(a)


def euler(x):
    def rhs(y, v):
        return v, -x[0] * y - 0.1 * v

    y, v = x[1], x[2]
    for _ in range(20):
        dy, dv = rhs(y, v)
        y, v = y + 0.05 * dy, v + 0.05 * dv
    return y**2 + v


def decided(x):
    y = x[1] * 2 if x[0] > 0.7 else np.sin(x[2])
    if x[3] > 0.5 and not x[4] > 2.0:
        y = y * x[3]
        z = 1.0
    elif x[0] < 0:
        z = 2.0
    else:
        z = y
    return y + z * x[5]


def returns_early(x):
    if x[0] > 0.7:
        return x[1] * 2
    if 0.3 < x[0] < 0.5:
        return np.sin(x[2])
    return x[3]


def skips(x):
    s = 0.0
    for i in range(x.shape[0]):
        if x[i] > 0.8:
            continue
        s = s + x[i] ** 2
    return s


def writes_in_branches(x):
    u = np.zeros(6)
    for i in range(6):
        if x[i] > 0.8:
            u[i] = x[i] ** 2
        else:
            u[0] += np.sin(x[i])
    return np.sum(u * x)


def layers(x):
    h = x
    for scale in [0.5, 2.0, 1.5]:
        h = np.tanh(h * scale)
    for k, w in enumerate((x, x**2)):
        h = h + k * w
    return np.sum(h)


def containers(x):
    parts = []
    for i in range(x.shape[0]):
        parts.append(np.sin(x[i]))
    scales = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    s = 0.0
    for i in range(6):
        s = s + scales[i] * parts[i]
    return s


def lower_triangle(x):
    s = 1.0
    for i in range(6):
        for j in range(6):
            if j < i:
                s = s + 0.1 * x[i] * x[j] * s
    return s


def overwritten(x):
    """An overwrite carried by a loop: a gradient that is easily and silently wrong."""
    a = x.copy()
    for _ in range(3):
        for i in range(5):
            a[i] = a[i] * a[i + 1]
    return np.sum(a)


PROGRAMS = [
    product_of_sines, strides_and_backwards, filled, through_a_view, swapped, gauss_seidel, rows, euler,
    decided, returns_early, skips, writes_in_branches, layers, containers, lower_triangle, overwritten,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_value_is_that_of_plain_python(program):
    np.testing.assert_allclose(graphc.jit(program)(X), program(X), rtol=1e-12)


@pytest.mark.parametrize("program", PROGRAMS)
def test_gradients_of_two_orders(program):
    with override(disable_jit=program not in part(PROGRAMS, 0, 4)):
        check_grads(program, (X,), order=2)


def clenshaw(x):
    b1 = b2 = 0.0
    for k in range(x.shape[0] - 1, 0, -1):
        b1, b2 = x[k] + 2.0 * x[0] * b1 - b2, b1
    return x[0] * b1 - b2


def the_one_before(x):
    u = x * 1.0
    last = u
    for _ in range(x.shape[0]):
        last = u
        u = u * x
    return np.sum(u * last)


@pytest.mark.parametrize("program", [clenshaw, the_one_before])
def test_a_variable_that_the_first_iteration_leaves_as_it_was(program):
    np.testing.assert_allclose(graphc.jit(program)(X), program(X), rtol=1e-13)
    check_grads(program, (X,), order=2)


def square_root(a):
    r = a
    while abs(r * r - a) > 1e-12:
        r = 0.5 * (r + a / r)
    return r


def test_a_while_loop():
    value, gradient = graphc.value_and_grad(square_root)(3.0)
    assert value == square_root(3.0)
    np.testing.assert_allclose(gradient, 0.5 / np.sqrt(3.0), rtol=1e-10)


def test_a_loop_stays_a_loop():
    def count(n):
        f = graphc.grad(lambda x: sums(x, n))
        f(X)
        return len(str(f.graph("final", X)).splitlines())

    def sums(x, n):
        s = 0.0
        for i in range(n):
            s = s + np.sin(x[0] * i)
        return s

    assert count(10) == count(1000)


def test_one_program_serves_every_size():
    f = graphc.grad(product_of_sines)
    for size in (4, 6, 9):
        x = np.linspace(0.4, 1.2, size)
        step = 1e-6 * np.eye(size)[1]
        expected = (product_of_sines(x + step) - product_of_sines(x - step)) / 2e-6
        np.testing.assert_allclose(f(x)[1], expected, rtol=1e-7)
    assert f.cache_info()["programs"] == 1


# --- errors -----------------------------------------------------------------------------------------------------------


def grows(x):
    y = x
    for _ in range(65):  # up to 64 iterations are written out
        y = np.concatenate([y, y])
    return np.sum(y)


def triangular(x):
    s = 0.0
    for i in range(6):
        for j in range(i):
            s = s + x[i] * x[j]
    return s


def known_in_one_branch(x):
    if x[0] > 0.1:
        y = x[1]
    return y * 2


def second_name(x):
    u = x.copy()
    w = u
    s = 0.0
    for _ in range(6):
        u[0] = u[0] * 1.1
        s = s + w[0]
        u = u * 2.0
    return s


def second_name_afterwards(x):
    u = x.copy()
    w = u
    for _ in range(6):
        u[0] = u[0] * 1.1
        u = u * 2.0
    return w[0]


def appends_in_a_branch(x):
    parts = [x[1]]
    if x[0] > 0.1:
        parts.append(x[2])
    return sum(parts)


def fills_in_a_while_loop(x):
    parts, s = {}, x[0]
    while s < 3.0:
        s = s * 1.5
        parts["s"] = s
    return parts["s"]


@pytest.mark.parametrize(
    ("program", "error", "message"),
    [
        (grows, TraceTypeError, "'y' changes its shape in the loop"),
        (known_in_one_branch, UnsupportedError, "'y' is assigned in one branch only"),
        (appends_in_a_branch, UnsupportedError, "'parts', a list, is changed"),
        (fills_in_a_while_loop, UnsupportedError, "'parts', a dict, is changed"),
        (second_name, UnsupportedError, "second name"),
        (second_name_afterwards, UnsupportedError, "may share memory"),
    ],
)
def test_errors_name_the_line(program, error, message):
    with pytest.raises(error, match=message) as caught:
        graphc.jit(program)(X)
    assert caught.value.location is not None
    assert caught.value.location.file == __file__
