"""Eigenvalues and eigenvectors of general matrices on a device, by graphc's own kernels, beside LAPACK's."""

from __future__ import annotations

import re

import numpy as np
import pytest

import graphc
from graphc.codegen.cuda_chores import whole_kernel
from graphc.codegen.cuda_eigen import EIGEN, eigen_kernels
from graphc.codegen.ptx import kernel_ptx
from graphc.config import override, settings
from graphc.schedule.program import Call
from tests.cuda.racecheck import race_checker
from tests.cuda.test_ptx import ARCHITECTURES, assert_no_spills
from tests.nightly import NIGHTLY

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
RNG = np.random.default_rng(5)
GRADES = 10.0 ** RNG.uniform(-8, 8, size=8)


def dense(n):
    return RNG.normal(size=(n, n))


def few(n):
    return dense(n) * (RNG.random((n, n)) < 0.25)


MATRICES = {
    "pairs and real ones": dense(8), "one row": dense(1), "more rows than threads": dense(25),
    "upper": np.triu(dense(6)), "lower": np.tril(dense(6)), "zero": np.zeros((4, 4)), "diagonal": np.diag([3.0, -1, 2]),
    "a permutation": np.eye(6)[[3, 0, 5, 1, 2, 4]], "few numbers": few(9), "symmetric": dense(5) + np.eye(5) * 40,
    "a chain": np.eye(5) * 2 + np.eye(5, k=1), "a long chain": np.eye(40) + np.eye(40, k=1),
    "nearly a chain": np.eye(5) * 2 + np.eye(5, k=1) + 1e-9 * dense(5), "scaled": dense(8) * GRADES[:, None] / GRADES,
    "companion": np.vstack([-np.poly(np.arange(1, 11))[1:], np.eye(10)[:-1]]),
    "large": dense(5) * 1e300, "small": dense(5) * 1e-305, "pairs alone": dense(6) - dense(6).T,
    "a block that is nearly none": np.array([[1.0, 1e-9], [-1e-9, 1.0]]),
}  # fmt: skip
UNORDERED = ("a permutation", "few numbers")  # pairs of one size: which comes first hangs on roundings
eig, eigvals = (graphc.jit(f, target="cuda") for f in (np.linalg.eig, np.linalg.eigvals))


@pytest.fixture
def emulated():
    with override(cuda_emulator=True):
        yield


def check(a, name=""):
    """A V = V diag(w) as well as LAPACK's; its order, and which are real; V normalised as its."""
    values, vectors = eig(a)
    expected, wanted = np.linalg.eig(a)
    scale, precision = np.abs(a).max() or 1.0, np.finfo(vectors.dtype).eps
    a, alone, values, expected = a / scale, eigvals(a) / scale, values / scale, expected / scale
    assert np.abs(a @ vectors - vectors * values[..., None, :]).max() < 4 * precision * a.shape[-1]
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=-2), 1, rtol=10 * precision)
    sizes = np.abs(vectors)
    assert np.any((vectors.imag == 0) & (sizes > 0.999 * sizes.max(axis=-2, keepdims=True)), axis=-2).all()
    apart = np.abs(np.linalg.det(wanted)) > 1e-3  # of others, values and vectors are roundings
    if not np.all(apart):
        return
    close = 100 * precision * np.abs(expected).max()
    if name in UNORDERED:
        nearest = np.abs(values[..., None] - expected[..., None, :])
        assert max(nearest.min(axis=-1).max(), nearest.min(axis=-2).max()) <= close
        return
    for found in (values, alone):
        np.testing.assert_allclose(found, expected, rtol=0, atol=close)
    along = np.abs(np.sum(np.conj(vectors) * wanted, axis=-2))
    np.testing.assert_allclose(along, 1, rtol=1000 * precision / np.abs(np.linalg.det(wanted)).min())
    if a.dtype.kind == "f":
        np.testing.assert_array_equal(values.imag == 0, expected.imag == 0)
        np.testing.assert_array_equal(vectors.imag == 0, wanted.imag == 0)


@pytest.mark.parametrize("name", MATRICES if NIGHTLY else ["pairs and real ones", "lower", "nearly a chain", "scaled"])
def test_real_matrices(name, emulated):
    check(MATRICES[name], name)


@pytest.mark.skipif(not NIGHTLY, reason="three more kernels: TEST_PROGRAMS=2000")
@pytest.mark.parametrize("name", MATRICES)
def test_complex_matrices(name, emulated):
    a = MATRICES[name] * (1 + 0.5j)
    check(a, UNORDERED[0])  # what was a pair has one size
    if len(a) <= 25:
        check(a + 0.1 * np.abs(a).max() * MATRICES["more rows than threads"][: len(a), : len(a)], name)


@pytest.mark.skipif(not NIGHTLY, reason="more kernels: TEST_PROGRAMS=2000")
@pytest.mark.parametrize("dtype", ["f4", "c8"])
def test_single_precision(dtype, emulated):
    for factor in (1.0, 1e30, 1e-37):
        check((np.stack([dense(6), np.tril(dense(6)), few(6)]) * factor).astype(dtype), UNORDERED[0])


def test_complex_values(emulated):
    batch = np.stack([dense(4) + 1j * dense(4), np.triu(dense(4)) * 1j])
    np.testing.assert_allclose(eigvals(batch), np.linalg.eigvals(batch), atol=1e-14)
    assert eigvals(np.zeros((2, 0, 0), complex)).shape == (2, 0)


def by_values_and_vectors(a):
    values, vectors = np.linalg.eig(a)
    return np.sum(np.abs(values) ** 3 + values.imag**2) + np.sum(np.abs(vectors[:, 0]) ** 4)


def test_gradients_and_batches(emulated):
    batch = np.stack([dense(4), dense(4), np.triu(dense(4)) + np.diag([9.0, 6, 3, 0])])
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(by_values_and_vectors)(batch)
    found = graphc.value_and_grad(by_values_and_vectors, target="cuda")(batch)
    np.testing.assert_allclose(found[0], value, rtol=1e-12)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-9, atol=1e-9 * np.abs(gradient).max())


def test_roots(emulated):
    def spread(p):
        return np.sum(np.abs(np.roots(p)) ** 3)

    p = np.array([2.0, -3, 1, 5, -4])
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(spread)(p)
    found = graphc.value_and_grad(spread, target="cuda")(p)
    np.testing.assert_allclose(found[0], value, rtol=1e-12)
    np.testing.assert_allclose(found[1], gradient, rtol=1e-9)


@pytest.mark.parametrize("number", [np.nan, np.inf])
def test_what_is_not_finite_is_an_error(number, emulated):
    batch = np.stack([dense(3), dense(3)])
    batch[1, 2, 0] = number
    with pytest.raises(np.linalg.LinAlgError, match="did not converge"):
        eig(batch)
    check(batch[:1])  # the error is told once


@pytest.mark.skipif(not NIGHTLY, reason="more kernels: TEST_PROGRAMS=2000")
@pytest.mark.parametrize("factor", [1, 1 + 0.5j])
def test_threads_never_meet(factor, emulated):
    few_and_large = few(6)
    few_and_large[0] *= 1e6
    batch = np.stack([dense(6), few_and_large, np.tril(dense(6))]) * factor
    with race_checker() as checker:
        graphc.jit(np.linalg.eig, target="cuda")(batch)
    assert not checker.races, checker.races[:3]


@pytest.mark.parametrize("dtype", ["f64", "f32"] if NIGHTLY else ["f32"])
@pytest.mark.parametrize("name", EIGEN if NIGHTLY else EIGEN[1:])
def test_ptx(name, dtype, tmp_path):
    """No spills, and nothing of double precision where matrices are single."""
    buffers = list(range(6 + (name == "eigen_pairs")))
    for flags in ((), ("values",)) if NIGHTLY else ((),):
        for text in eigen_kernels(Call(name, flags, dtype, buffers, [8], 1, 1, ""))[0 if NIGHTLY else -1 :]:
            dtypes = [*[dtype] * 3, "i64", *[dtype] * (len(buffers) - 4)]
            kernel = whole_kernel("eigen", text, dtypes, 1, "rows")
            for architecture in ARCHITECTURES if NIGHTLY else ("sm_80",):
                assert_no_spills(kernel, kernel_ptx(kernel, architecture), architecture, tmp_path)
            assert bool(re.search(r"\.f64", kernel_ptx(kernel, "sm_80"))) == (dtype == "f64")
