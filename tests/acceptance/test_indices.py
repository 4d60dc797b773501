"""Indices that are wrong only at run time, when the program that reads by them is compiled already."""

import numpy as np
import pytest

import graphc

X = np.arange(4.0)


def read(a, i):
    return a[i].sum()


@pytest.mark.parametrize("bad", [[1, 4], [0, -5]])
def test_an_index_out_of_bounds_is_an_index_error_at_the_users_line(bad):
    gradient = graphc.grad(read)
    np.testing.assert_array_equal(gradient(X, np.array([1, 3, 1])), [0, 2, 0, 1])
    with pytest.raises(IndexError, match=r"(test_indices.py:\d+: an )?index.* out of bounds for axis 0 with size 4"):
        gradient(X, np.array(bad))
    np.testing.assert_array_equal(gradient(X, np.array([-1, -4])), [1, 0, 0, 1])


def test_an_outside_mask_twice_selects_the_same():
    """The sizes of the mask become those of the array between its two uses."""
    mask_of = np.array([[1.0, -1.0, 2.0], [0.5, -2.0, 3.0]])
    x = np.arange(6.0).reshape(2, 3)
    f = lambda x: x[mask_of > 0] @ x[mask_of > 0]  # noqa: E731
    np.testing.assert_allclose(graphc.jit(f)(x), f(x))
    np.testing.assert_allclose(graphc.grad(f)(x), np.where(mask_of > 0, 2 * x, 0))
    with pytest.raises(graphc.ShapeError, match=r"here the shapes are .a count,. and .a count,."):
        graphc.jit(lambda x: x[x > 1] + x[x > 2])(x)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0)])
def test_products_of_empty_matrices(shape):
    z = np.zeros(shape)
    for f in (lambda z: z.T @ z, lambda z: np.dot(z, z.T), lambda z: z @ np.ones(z.shape[1])):
        np.testing.assert_array_equal(graphc.jit(f)(z), f(z))
        out, pullback = graphc.vjp(f, z)
        np.testing.assert_array_equal(pullback(np.ones_like(out))[0], z)


def test_a_list_of_bools_selects_a_known_number():
    a = np.arange(12.0).reshape(3, 4)
    f = lambda a: a[[True, False, True]][:, [True, False, True, False]].sum(0) * a[1, ::2] + a[[False] * 3].sum()  # noqa: E731
    np.testing.assert_array_equal(graphc.jit(f)(a), f(a))
    with pytest.raises(graphc.ShapeError, match="a list of bools as an index"):
        graphc.jit(lambda a: a[[True, False]])(a)
