"""Folds that need an element, of what a mask selects: an error when the program runs, as in NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import graphc

X = np.arange(4.0)
FOLDS = {
    "max": lambda s: s.max(),
    "min": np.min,
    "keepdims": lambda s: np.max(s, keepdims=True)[0],
    "ptp": np.ptp,
    "nanmax": np.nanmax,
    "argmax": lambda s: 1.0 * np.argmax(s),
    "argmin": lambda s: 1.0 * s.argmin(),
    "norm": lambda s: np.linalg.norm(s, -np.inf),
}


@pytest.mark.parametrize("name", FOLDS)
@pytest.mark.parametrize("jit", [True, False])
def test_a_fold_of_nothing_is_an_error(name, jit):
    f = graphc.value_and_grad(lambda x, low: FOLDS[name](x[x > low]) + 0.0 * x.sum())
    with graphc.config.override(disable_jit=not jit):
        value, gradient = f(X, 1.5)
        assert value == FOLDS[name](X[X > 1.5])
        assert np.isfinite(gradient).all()
        place = r"test_empty.py:\d+: " if jit else ""
        with pytest.raises(graphc.NumberError, match=f"{place}there is no maximum or minimum of no elements"):
            f(X, 10.0)


def test_the_gradient_alone_is_an_error_too():
    f = graphc.grad(lambda x, low: x[x > low].max())
    np.testing.assert_array_equal(f(X, 1.5), [0, 0, 0, 1])
    with pytest.raises(graphc.NumberError):
        f(X, 10.0)


def test_folds_of_nothing_that_have_an_answer():
    def f(x, low):
        s = x[x > low]
        return s.sum(), s.prod(), s.max(initial=-1.0), np.linalg.norm(s, np.inf), np.linalg.norm(s)

    for low in (1.5, 10.0):
        np.testing.assert_array_equal(graphc.jit(f)(X, low), f(X, low))
    assert np.linalg.norm(X[:0], np.inf) == graphc.jit(lambda x: np.linalg.norm(x, np.inf))(X[:0])


def test_whole_numbers_of_nothing():
    with pytest.raises(ValueError, match="no elements"):
        graphc.jit(lambda i: i[i > 9].max())(np.arange(4))
