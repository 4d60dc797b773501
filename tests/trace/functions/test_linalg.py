"""Linear algebra: NumPy's values and errors, batches, and what holds at singular and degenerate matrices."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.linalg
import scipy.special

import graphc
from graphc.config import settings
from graphc.errors import NoDerivativeError, ShapeError, UnsupportedError
from graphc.trace.functions import NUMPY_FUNCTIONS
from graphc.trace.functions.indexing import getitem
from tests.trace.functions.support import check, numpy_call, trace
from tests.trace.functions.test_gradients import check_orders, slope

rng = np.random.default_rng(11)
compiled = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: jit is the plain function")


def regular(*shape, dtype=np.float64):
    return (rng.normal(size=shape) + 2.5 * np.eye(shape[-1])).astype(dtype)


def definite(n):
    a = rng.normal(size=(n, n))
    return a @ a.T + 2 * np.eye(n)


A, B, TALL, WIDE = regular(3, 3), regular(2, 3, 3), rng.normal(size=(4, 3)), rng.normal(size=(3, 4))
INTEGERS = np.array([[2, 1], [1, 3]])
VALUES = [
    ("numpy.linalg.solve", (..., ...), {}, (A, A[0]), (B, TALL.T[:, :2]), (B[:, None], B), (A, np.ones((3, 0)))),
    (
        "numpy.linalg.solve",
        (..., ...),
        {},
        (INTEGERS, INTEGERS),
        (regular(3, 3, dtype=np.float32), np.float32([1, 2, 3])),
    ),
    ("numpy.linalg.inv", (...,), {}, (A,), (B,), (np.zeros((0, 2, 2)),), (regular(1, 1),), (INTEGERS,)),
    ("numpy.linalg.det", (...,), {}, (A,), (B,), (np.zeros((0, 0)),), (INTEGERS,), (np.zeros((2, 2)),)),
    ("numpy.linalg.slogdet", (...,), {}, (A,), (-B,), (np.zeros((0, 0)),), (np.zeros((2, 2)),)),
    ("numpy.linalg.cholesky", (...,), {}, (definite(3),), (np.stack([definite(2)] * 2),)),
    ("numpy.linalg.cholesky", (...,), {"upper": True}, (definite(3) + np.triu(np.ones((3, 3)), 1),)),
    ("numpy.linalg.eigh", (...,), {}, (B,), (INTEGERS,), (np.eye(3),)),
    ("numpy.linalg.eigvalsh", (...,), {"UPLO": "U"}, (A,)),
    ("numpy.linalg.eigvalsh", (...,), {}, (B,)),
    ("numpy.linalg.svd", (...,), {"full_matrices": False}, (TALL,), (WIDE,), (B,), (rng.normal(size=(3, 1)),)),
    ("numpy.linalg.svd", (...,), {}, (A,)),
    ("numpy.linalg.svd", (...,), {"compute_uv": False}, (TALL,)),
    ("numpy.linalg.svdvals", (...,), {}, (B,)),
    ("numpy.linalg.qr", (...,), {}, (TALL,), (WIDE,), (B,), (A,)),
    ("numpy.linalg.qr", (...,), {"mode": "r"}, (TALL,)),
    ("numpy.linalg.pinv", (...,), {}, (TALL,), (WIDE,), (np.stack([TALL, TALL * 2]),), (np.zeros((0, 3)),)),
    ("numpy.linalg.pinv", (..., 0.5), {}, (TALL,)),
    ("numpy.linalg.pinv", (...,), {"rtol": None}, (np.outer(TALL[0], TALL[1]),)),
    ("numpy.linalg.matrix_rank", (...,), {}, (TALL,), (np.outer(TALL[0], TALL[1]),), (B,), (TALL[0],)),
    ("numpy.linalg.matrix_rank", (...,), {"tol": 1.5}, (TALL,)),
    ("numpy.linalg.lstsq", (..., ...), {}, (TALL, TALL[:, 0]), (TALL, TALL[:, :2]), (WIDE, WIDE[:, 0])),
    ("numpy.linalg.cond", (...,), {}, (TALL,), (B,)),
    ("numpy.linalg.cond", (..., "fro"), {}, (A,)),
    ("numpy.linalg.cond", (..., 1), {}, (B,)),
    ("numpy.linalg.cond", (..., -2), {}, (TALL,)),
    *[("numpy.linalg.norm", (..., order), {}, (TALL,)) for order in (2, -2, "nuc")],
    ("numpy.linalg.norm", (..., 2, (0, 2)), {"keepdims": True}, (B,)),
    ("numpy.linalg.matrix_norm", (...,), {"ord": "nuc"}, (B,)),
    *[("numpy.linalg.matrix_power", (..., n), {}, (A,), (INTEGERS,)) for n in (0, 1, 5)],
    ("numpy.linalg.matrix_power", (..., -3), {}, (B,)),
    ("numpy.linalg.tensorinv", (...,), {"ind": 1}, (rng.normal(size=(6, 2, 3)),)),
    ("numpy.linalg.tensorsolve", (..., ...), {}, (rng.normal(size=(2, 3, 6)), rng.normal(size=(2, 3)))),
]


@pytest.mark.parametrize("k", range(len(VALUES)))
def test_values(k):
    name, args, kwargs, *sets = VALUES[k]
    for arrays in sets:
        ours, theirs = numpy_call(name, *args, **kwargs)
        check(ours, lambda *a, f=theirs: plain(f(*a)), *arrays)


def plain(found):
    return tuple(found) if isinstance(found, tuple) else found


def call(name, *args, **kwargs):
    return lambda F, *arrays: NUMPY_FUNCTIONS[name](F, *arrays, *args, **kwargs)


def projections(F, u, s, vt):
    """Onto what the singular vectors of the smaller side leave; those beside them are another basis than LAPACK's."""
    k = s.dims[0]
    left, right = getitem(F, u, np.s_[:, k:]), getitem(F, vt, np.s_[k:])
    return F.matmul(left, F.transpose(left, (1, 0))), s, F.matmul(F.transpose(right, (1, 0)), right)


GRADIENTS = {
    "solve": (call("numpy.linalg.solve"), B, TALL.T[:, :1]),
    "vector": (call("numpy.linalg.solve"), A, A[0]),
    "upper": (call("numpy.linalg.cholesky", upper=True), definite(3)),
    "eigvalsh": (call("numpy.linalg.eigvalsh", "U"), definite(3)),
    "nuclear": (call("numpy.linalg.norm", "nuc"), TALL),
    "spectral": (call("numpy.linalg.norm", 2), WIDE),
    "cond": (call("numpy.linalg.cond"), A),
    "complete qr": (call("numpy.linalg.qr", "complete"), TALL),
    "full svd of few rows": (lambda F, a: projections(F, *NUMPY_FUNCTIONS["numpy.linalg.svd"](F, a)), WIDE),
    "full svd of few columns": (lambda F, a: projections(F, *NUMPY_FUNCTIONS["numpy.linalg.svd"](F, a)), TALL),
    "wide qr": (call("numpy.linalg.qr"), WIDE),
    "least squares": (lambda F, a, b: NUMPY_FUNCTIONS["numpy.linalg.lstsq"](F, a, b)[:2], TALL, TALL[:, 0]),
    "power": (call("numpy.linalg.matrix_power", -2), A),
    "cho_solve": (lambda F, a, b: NUMPY_FUNCTIONS["scipy.linalg.cho_solve"](F, (a, True), b), definite(3), A),
    "general eigh": (call("scipy.linalg.eigh", eigvals_only=True), definite(3), definite(3)),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(GRADIENTS))
def test_gradients(name):
    function, *arrays = GRADIENTS[name]
    check_orders(function, *arrays, tolerance=1e-5)


def test_a_determinant_is_differentiable_at_singular_matrices():
    for singular in ([[1.0, 2.0], [2.0, 4.0]], [[0.0]], [[0.0, 0.0], [0.0, 0.0]], [[0.0, 1.0], [0.0, 3.0]]):
        a = np.array(singular)
        (found,) = slope(call("numpy.linalg.det"), a)
        exact = np.array([[1.0]]) if a.size == 1 else np.array([[a[1, 1], -a[1, 0]], [-a[0, 1], a[0, 0]]])
        np.testing.assert_allclose(found, exact, atol=1e-15)


def equal_pair(values):
    """A symmetric matrix with these eigenvalues."""
    q, _ = np.linalg.qr(A)
    a = (q * values) @ q.T
    return (a + a.T) / 2


def test_functions_of_equal_eigenvalues_have_derivatives():
    a = equal_pair([2.0, 2.0, 3.0])
    (values,) = slope(lambda F, x: F.reduce("prod", NUMPY_FUNCTIONS["numpy.linalg.eigvalsh"](F, x), (0,)), a)
    exact = np.linalg.det(a) * np.linalg.inv(a)
    np.testing.assert_allclose(values, np.tril(2 * exact) - np.diag(np.diag(exact)), rtol=1e-12)


def test_a_vector_beside_an_equal_pair_has_its_derivative():
    """The last vector of a matrix whose first two eigenvalues are equal: (w I - A)^+ tells how it moves."""
    a = equal_pair([2.0, 2.0, 3.0])

    def last(F, x):
        vectors = NUMPY_FUNCTIONS["numpy.linalg.eigh"](F, x).eigenvectors
        return F.reduce("sum", F.mul(getitem(F, vectors, np.s_[:, 2]), F.iota(dims=(3,), axis=0)), (0,))

    (found,) = slope(last, a)
    w, v = np.linalg.eigh(a)
    exact = np.outer(np.linalg.pinv(w[2] * np.eye(3) - a, 1e-10) @ np.arange(3.0), v[:, 2])
    exact = exact + exact.T
    np.testing.assert_allclose(found, np.tril(exact) - np.diag(np.diag(exact)) / 2, rtol=1e-11, atol=1e-12)


def test_a_program_stops_where_equal_values_hide_the_derivative():
    """A matrix put together again has the derivative 1, which vectors at this one point cannot tell."""

    def again(F, x):
        w, v = NUMPY_FUNCTIONS["numpy.linalg.eigh"](F, x)
        return F.matmul(F.mul(v, F.expand_dims(w, (0,))), F.transpose(v, (1, 0)))

    def product(F, x):
        u, s, vt = NUMPY_FUNCTIONS["numpy.linalg.svd"](F, x, False)
        return F.matmul(F.mul(u, F.expand_dims(s, (0,))), vt)

    for values in ([2.0, 2.0, 3.0], [0.0, 0.0, 1.0]):
        with pytest.raises(NoDerivativeError, match="eigh: some eigenvalues are equal"):
            slope(again, equal_pair(values))
    for matrix in (np.eye(3)[:, :2], np.outer([1.0, 2.0, 2.0], [3.0, 4.0])):
        with pytest.raises(NoDerivativeError, match="svd: some singular values are equal or zero"):
            slope(product, matrix)
    np.testing.assert_allclose(slope(product, TALL)[0], np.ones_like(TALL), rtol=1e-12)


REFUSED = [
    ("numpy.linalg.inv", (TALL,), {}, ShapeError, "inv: the last two dimensions of .* must be square"),
    ("numpy.linalg.inv", (TALL[0],), {}, ShapeError, "fewer than two dimensions"),
    ("numpy.linalg.solve", (A, TALL), {}, ShapeError, "solve: shapes .* do not fit"),
    ("numpy.linalg.qr", (TALL,), {"mode": "raw"}, UnsupportedError, "use 'reduced'"),
    ("numpy.linalg.norm", (TALL, 3), {}, ShapeError, "no norm of matrices"),
    ("numpy.linalg.eigh", (A,), {"UPLO": "X"}, ShapeError, "neither 'L' nor 'U'"),
]


@pytest.mark.parametrize("k", range(len(REFUSED)))
def test_refusals(k):
    name, args, kwargs, kind, says = REFUSED[k]
    arrays = [a for a in args if isinstance(a, np.ndarray)]
    rest = [a for a in args if not isinstance(a, np.ndarray)]
    with pytest.raises(kind, match=says):
        trace(lambda F, *values: NUMPY_FUNCTIONS[name](F, *values, *rest, **kwargs), *arrays)


# --- compiled ---------------------------------------------------------------------------------------------------------


def everything(a, b, s, t):
    """A number that every decomposition has a part in."""
    w, v = np.linalg.eigh(s)
    u, d, vt = np.linalg.svd(t, full_matrices=False)
    q, r = np.linalg.qr(t)
    x = np.linalg.solve(a, b) + np.linalg.inv(a) @ b
    factor = scipy.linalg.cho_factor(s, lower=True)
    y = scipy.linalg.cho_solve(factor, b) + scipy.linalg.solve_triangular(a, b, lower=True, trans="T")
    parts = (x * y, v[:, :1] * w, u * d, vt[:1] * d, q[:1] * r, np.linalg.pinv(t))
    return sum(np.sum(np.sin(p)) for p in parts) + np.linalg.det(a) + np.linalg.slogdet(s)[1]


def example(n, m, dtype=np.float64):
    random = np.random.default_rng(5)
    a, b, t = random.normal(size=(n, n)) + 3 * np.eye(n), random.normal(size=(n, 2)), random.normal(size=(m, n))
    s = random.normal(size=(n, n))
    return [x.astype(dtype) for x in (a, b, s @ s.T + np.diag(np.arange(1.0, n + 1)), t)]


@compiled
def test_compiled():
    """Value and gradient of all factorisations, compiled once and run at two sizes."""
    random = np.random.default_rng(6)
    f = graphc.value_and_grad(everything, argnums=(0, 1, 2, 3))
    for n, m in ((3, 5), (7, 9)):
        arrays = example(n, m)
        value, slopes = f(*arrays)
        np.testing.assert_allclose(value, everything(*arrays), rtol=1e-12)
        direction, step = [random.normal(size=x.shape) for x in arrays], 1e-5
        ends = [everything(*(x + sign * step * d for x, d in zip(arrays, direction, strict=True))) for sign in (1, -1)]
        along = sum(np.sum(g * d) for g, d in zip(slopes, direction, strict=True))
        np.testing.assert_allclose(along, (ends[0] - ends[1]) / (2 * step), rtol=1e-6)
    assert f.cache_info()["programs"] == 1


@compiled
def test_compiled_float32():
    """LAPACK's routines of this precision, one of each kind."""

    def factors(a, b, s, t):
        singular = np.linalg.svd(t, compute_uv=False)
        return np.linalg.eigvalsh(s), singular, np.linalg.qr(t)[1], np.linalg.solve(a, b), np.linalg.cholesky(s)

    arrays = example(4, 6, np.float32)
    for found, expected in zip(graphc.jit(factors)(*arrays), factors(*arrays), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@compiled
def test_compiled_batches_sorting_and_failures():
    f = graphc.jit(lambda a, b, x: (np.linalg.solve(a, b), np.linalg.eigvalsh(a), np.sort(x, axis=0), np.argsort(x)))
    x = rng.normal(size=(40, 3))
    x[rng.random(x.shape) < 0.1] = np.nan
    expected = np.linalg.solve(B, A), np.linalg.eigvalsh(B), np.sort(x, axis=0), np.argsort(x, kind="stable")
    for found, wanted in zip(f(B, A, x), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)
    with pytest.raises(np.linalg.LinAlgError, match=r"test_linalg.py:\d+: the matrix is singular"):
        f(B * 0, A, x)
    with pytest.raises(graphc.LinearAlgebraError, match="not positive definite"):
        graphc.jit(np.linalg.cholesky)(-np.eye(2))


def test_the_table_of_lapack_has_a_word_for_each_function():
    from graphc.abi import Lapack
    from graphc.runtime.lapack import words

    assert sorted(Lapack) == list(range(len(Lapack))) == list(range(len(words())))


@compiled
def test_one_factorisation_serves_value_and_gradient():
    """The gradient of a solution costs triangular systems, no second factorisation."""
    f = graphc.value_and_grad(lambda a, b: np.sum(np.linalg.solve(a, b) ** 2), argnums=(0, 1))
    f(A, A[0])
    from graphc.abi import Lapack

    assert sum(text.count(f"as_pointer_i64(library)[{int(Lapack.DGETRF)}]") for text in [f.source()]) == 1


def test_vmap_over_systems():
    rows = rng.normal(size=(5, 3))
    found = graphc.vmap(lambda b: np.linalg.solve(A, b))(rows)
    np.testing.assert_allclose(found, np.linalg.solve(A, rows.T).T, rtol=1e-12)
