"""Sparse Jacobians and Hessians: structure, colours, values against the dense ones."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

import graphc
from graphc.config import override
from graphc.errors import GradientError, UnsupportedError

X = np.random.default_rng(0).normal(size=6)
LABELS = np.array([3, 0, 3, 1])


def loop(x):
    y = np.zeros_like(x)
    for i in range(1, x.shape[0] - 1):
        y[i] = x[i - 1] * x[i + 1] - x[i] ** 2
    return y


def carried(x):
    total = x[0]
    for i in range(1, 4):
        total = total * x[i]
    return np.stack([total, x[5]])


def scattered(x):
    y = np.zeros_like(x)
    np.add.at(y, LABELS, np.sin(x[:4]))
    return y


def branch(x):
    return np.sin(x[:2]) if x[0] > 0 else x[1:3] * x[4]


def halved(x):
    y = x[:2]
    while np.sum(y) > 1e-3:
        y = y * x[2:4]
    return y


@graphc.custom_jvp
def doubled(x):
    return 2.0 * x


doubled.defjvp(lambda p, t: (doubled(p[0]), 2.0 * t[0]))


@graphc.custom_vjp
def coarse(x, scale):
    """Rounding, whose gradient is said to be that of its argument's neighbours."""
    return np.round(x) * scale, np.sum(np.round(x[:2]))


coarse.defvjp(
    lambda x, scale: (coarse(x, scale), (x, scale)),
    lambda r, g: (g[0] * r[1] * np.cos(r[0]) + np.roll(g[0], 1) + np.pad(np.ones(2) * g[1], (0, 4)), None),
)


def ruled(x):
    rounded, few = coarse(np.sin(x), np.arange(6.0))
    for _ in range(2):
        rounded = doubled(rounded)
    return np.concatenate([rounded, few[None]])


FUNCTIONS = {  # a function, and how many entries its pattern has
    "difference": (lambda x: x[1:] - x[:-1] ** 2, 10),
    "stencil": (lambda x: np.pad(x, 1)[2:] * x - np.pad(x, 1)[:-2], 16),
    "gather": (lambda x: x[LABELS] * x[0], 7),
    "scatter": (scattered, 4),
    "matrix": (lambda x: np.diag([1.0, 2.0]) @ x.reshape(2, 3), 12),  # structure, not numbers: rows of the matrix
    "sum": (lambda x: np.sum(x.reshape(2, 3), axis=1), 6),
    "cumsum": (lambda x: np.cumsum(x[:3]), 6),
    "transposed": (lambda x: np.concatenate([x.reshape(2, 3).T.ravel()[::2], x[:1]]), 4),
    "where": (lambda x: np.where(x > 0, x, 0.0) + np.floor(x[::-1]), 6),
    "constant": (lambda x: np.stack([x[0], 1.0]), 1),
    "loop": (loop, 12),
    "carried": (carried, 5),
    "branch": (branch, 6),
    "while": (halved, 4),
    "custom": (doubled, 6),
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("mode", ["fwd", "rev"])
def test_values_and_structure(name, mode):
    f, entries = FUNCTIONS[name]
    with override(disable_jit=True):
        jacobian = graphc.sparse_jacobian(f, mode=mode)
        found, dense = jacobian(X), graphc.jacobian(f)(X)
        assert isinstance(found, sparse.csr_array)
        np.testing.assert_allclose(found.toarray(), dense.reshape(-1, X.size), atol=1e-14)
        assert jacobian.pattern(X).matrix.nnz == entries


def test_a_rule_for_one_mode_says_which_mode_and_what_depends_on_what():
    with override(disable_jit=True):
        jacobian = graphc.sparse_jacobian(ruled)
        found = jacobian(X).toarray()
        np.testing.assert_allclose(found, graphc.jacobian(ruled)(X), atol=1e-14)
        assert jacobian.pattern(X).mode == "rev"
        assert jacobian.pattern(X).matrix.nnz == 14  # a diagonal, the neighbours, and the first two for the sum
        with pytest.raises(GradientError, match="coarse has a rule for reverse mode alone"):
            graphc.sparse_jacobian(ruled, mode="fwd")(X)


def test_a_band_of_any_length_takes_as_many_sweeps_as_it_is_wide():
    def band(x):
        p = np.pad(x, 2)
        return p[4:] * 0.5 + p[:-4] * p[2:-2] + np.sin(p[2:-2]) * p[1:-3]

    jacobian = graphc.sparse_jacobian(band)
    x = np.linspace(0.0, 1.0, 20_000)
    found = jacobian(x)
    assert jacobian.pattern(x).sweeps == 5
    assert found.nnz == 4 * x.size - 5
    assert jacobian.pattern(x) is jacobian.pattern(2 * x)  # found once
    np.testing.assert_allclose(found @ np.ones_like(x), graphc.jvp(band, (x,), (np.ones_like(x),))[1], rtol=1e-13)
    np.testing.assert_allclose(jacobian(x[:9]).toarray(), graphc.jacobian(band)(x[:9]))


def test_fewer_sweeps_are_taken_from_either_side():
    arrow = graphc.sparse_jacobian(lambda x: np.concatenate([np.sum(x**2)[None], x[1:] ** 2]))
    assert arrow.pattern(X).sweeps == 2
    assert arrow.pattern(X).mode == "rev"


def test_hessians():
    def chain(x, scale):
        return np.sum(scale * (x[1:] - x[:-1] ** 2) ** 2) + np.sum(x)

    hessian = graphc.sparse_hessian(chain)
    scale = np.arange(1.0, 6.0)
    np.testing.assert_allclose(hessian(X, scale).toarray(), graphc.hessian(chain)(X, scale), atol=1e-13)
    assert hessian.pattern(X, scale).sweeps == 3
    assert hessian.pattern(X, scale).matrix.nnz == 16


def test_integers_are_part_of_the_structure():
    jacobian = graphc.sparse_jacobian(lambda x, i: x[i] ** 2)
    with override(disable_jit=True):
        for indices in (np.array([0, 2]), np.array([5, 5])):
            found = jacobian(X, indices).toarray()
            np.testing.assert_allclose(found, graphc.jacobian(lambda x, i: x[i] ** 2)(X, indices))


def test_what_is_read_from_outside_is_looked_at_again(monkeypatch):
    jacobian = graphc.sparse_jacobian(lambda x: x[LABELS] ** 2)
    with override(disable_jit=True):
        first = jacobian(X)
        assert jacobian.pattern(X) is jacobian.pattern(X)
        monkeypatch.setitem(globals(), "LABELS", np.array([1, 1, 2, 2]))
        second = jacobian(X).toarray()
    assert np.flatnonzero(first.toarray().any(0)).tolist() == [0, 1, 3]
    np.testing.assert_allclose(second[[0, 2], [1, 2]], 2 * X[1:3])


def test_frozen_arguments_have_no_columns():
    scale = np.arange(6.0)
    for found in (
        graphc.sparse_jacobian(lambda x, s: x**2 * s),
        graphc.sparse_hessian(lambda x, s: np.sum(x[1:] ** 2 * x[:-1] * s[1:])),
    ):
        with override(disable_jit=True):
            np.testing.assert_array_equal(found(X, graphc.frozen(scale)).toarray(), found(X, scale).toarray())
            assert found(graphc.frozen(X), scale) is None


def test_a_pattern_may_be_given():
    jacobian = graphc.sparse_jacobian(lambda x: x**2, pattern=np.eye(6))
    np.testing.assert_allclose(jacobian(X).toarray(), np.diag(2 * X))
    assert jacobian.pattern(X).sweeps == 1


def test_what_cannot_be_sparse_says_so():
    with pytest.raises(UnsupportedError, match="how many entries a mask selects"):
        graphc.sparse_jacobian(lambda x: x[x > 0])(X)
    with pytest.raises(UnsupportedError, match="this Jacobian is not sparse"):
        graphc.sparse_jacobian(np.cumsum)(np.zeros(100_000))
    with pytest.raises(GradientError, match="must return one array"):
        graphc.sparse_jacobian(lambda x: (x, x))(X)
    with pytest.raises(GradientError, match="flatten_args"):
        graphc.sparse_jacobian(lambda p: p["a"])({"a": X})
    with pytest.raises(ValueError, match="it is 'auto', 'fwd' or 'rev'"):
        graphc.sparse_jacobian(loop, mode="both")
