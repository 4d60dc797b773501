"""A write into a raveled or Fortran-ordered array reaches the array it was made of where it does so in NumPy; or it is
refused, where the order in memory is not known."""

import numpy as np
import pytest
import scipy.linalg

import graphc
from graphc.config import override

X = np.array([[4.0, 1.0, 0.5], [0.2, 3.0, 0.7], [0.3, 0.9, 5.0]])
INDEX = np.array([0, 2, 1])


def ravel(y):
    flat = y.ravel()
    flat[1:] *= 3.0


def ravel_in_fortran_order(y):
    flat = y.ravel(order="F")
    flat[1:] *= 3.0


def ask_for_fortran_order(y):
    ordered = np.asfortranarray(y)
    ordered[0, 1] = 7.0 * y[1, 1]


def program(make, write):
    def f(x):
        y = make(x)
        write(y)
        return np.sum(y * y), y

    return f


KNOWN = {
    "copied in C order": (lambda x: x.T.copy(), ravel),
    "cast in C order": (lambda x: x.T.astype(np.float64, order="C"), ravel),
    "an array in C order": (lambda x: np.array(x.T, order="C"), ravel),
    "rows": (lambda x: x[INDEX], ravel),
    "widened columns": (lambda x: np.copy(np.broadcast_to(x[:, :1], (3, 2))), ravel),
    "a sum of widened rows": (lambda x: np.broadcast_to(x[0], (2, 3)) + 1.0, ravel),
    "C order by columns": (lambda x: x * 2.0, ravel_in_fortran_order),
    "Fortran order by columns": (lambda x: (x * 2.0).T, ravel_in_fortran_order),
    "C order to Fortran's": (lambda x: x * 2.0, ask_for_fortran_order),
    "Fortran order to itself": (lambda x: (x * 2.0).T, ask_for_fortran_order),
}


@pytest.mark.parametrize("name", KNOWN)
def test_a_write_reaches_what_it_does_in_numpy(name):
    f = program(*KNOWN[name])
    with override(disable_jit=True):
        (_, y), gradient = graphc.value_and_grad(f, has_aux=True)(X)
    np.testing.assert_allclose(y, f(X)[1])
    steps = 1e-6 * np.eye(9).reshape(9, 3, 3)
    expected = [(f(X + step)[0] - f(X - step)[0]) / 2e-6 for step in steps]
    np.testing.assert_allclose(gradient.ravel(), expected, rtol=1e-6, atol=1e-6)


UNKNOWN = {
    "copied in Fortran order": lambda x: x.copy(order="F"),
    "an array in Fortran order": lambda x: np.array(x, order="F"),
    "Fortran order": lambda x: np.asfortranarray(x * 1.0),
    "columns": lambda x: x[:, INDEX],
    "columns of a mask": lambda x: x[:, np.array([True, False, True])],
    "like a transposed array": lambda x: np.full_like(x.T, 2.0) * x[0, 0],
    "widened rows": lambda x: np.copy(np.broadcast_to(x[0], (2, 3))),
    "like widened rows": lambda x: np.zeros_like(np.broadcast_to(x[0], (2, 3))),
    "widened rows in another dtype": lambda x: np.broadcast_to(x[0], (2, 3)).astype(np.float32),
    "widened rows behind each other": lambda x: np.concatenate([np.broadcast_to(x[0], (2, 3))] * 2),
    "Einstein's": lambda x: np.einsum("ij,jk->ki", x, x),
    "LAPACK's": lambda x: scipy.linalg.solve_triangular(x, x),
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_order_that_is_not_known_is_refused(name):
    """NumPy copies each of these for ``ravel``: they were taken for views."""
    make = UNKNOWN[name]
    made = make(X)
    assert not np.shares_memory(made, made.ravel())
    with override(disable_jit=True), pytest.raises(graphc.UnsupportedError, match="lies in memory"):
        graphc.grad(program(make, ravel), has_aux=True)(X)


def test_windows_see_what_is_written_later():
    def f(x):
        y = x * 1.0
        windows = np.lib.stride_tricks.sliding_window_view(y, (2, 2))
        y[1] = 3.0 * x[0]
        return np.sum(windows * windows)

    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(f)(X)
    assert value == f(X)
    expected = [(f(X + step) - f(X - step)) / 2e-6 for step in 1e-6 * np.eye(9).reshape(9, 3, 3)]
    np.testing.assert_allclose(gradient.ravel(), expected, rtol=1e-6, atol=1e-6)


SHARING = {
    "real_if_close": (np.real_if_close, True),
    "reshape": (lambda y: np.reshape(y, -1, copy=True), False),
    "the method reshape": (lambda y: y.reshape(-1, copy=True), False),
    "astype": (lambda y: np.astype(y, np.float64, copy=False), True),
}


@pytest.mark.parametrize("name", SHARING)
def test_what_copies_only_if_asked(name):
    make, shared = SHARING[name]

    def f(x):
        y = x * 1.0
        make(y)[0] = 7.0
        return np.sum(y * y)

    assert shared == (f(X) != np.sum(X * X))
    with override(disable_jit=True):
        assert graphc.value_and_grad(f)(X)[0] == f(X)
