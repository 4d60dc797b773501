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
