"""Values where NumPy's and a compiler's conventions could part."""

import numpy as np

import graphc


def test_a_constant_argument_of_a_vector_function():
    """LLVM used to drop the constant parameter, and then abort the process over its vector forms."""

    def f(a):
        return a.prod(1), a % 2, np.fmod(a, 3), np.arctan2(a, 2.0), np.abs(a) ** 1.7

    x = np.random.default_rng(0).normal(size=(5, 9)) * 5
    for got, want in zip(graphc.jit(f)(x), f(x), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-14)
