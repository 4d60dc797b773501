"""C pointers of compiled functions, called through ctypes, from threads, and by SciPy."""

from __future__ import annotations

import ctypes
import threading

import numpy as np
import pytest

import graphc
from graphc.errors import OutputError
from graphc.prototype import parse_prototype

NUTPIE = "int64_t logp(uint64_t dim, const double x[dim], double grad[dim], double *logp, void *data)"
logp = graphc.value_and_grad(lambda x: -0.5 * np.sum(x**2))


def pointer(array: np.ndarray) -> ctypes._Pointer:
    return array.ctypes.data_as(ctypes.POINTER(np.ctypeslib.as_ctypes_type(array.dtype)))


def call_logp(function, x):
    grad, value = np.empty_like(x), np.zeros(1)
    status = function.ctypes(x.size, pointer(x), pointer(grad), pointer(value), None)
    return status, value[0], grad


@pytest.fixture(scope="module")
def nutpie():
    return logp.cfunc(NUTPIE)


def test_any_dimension_through_one_pointer(nutpie):
    for n in (5, 1, 0, 2000):
        x = np.linspace(-1.0, 2.0, n)
        status, value, grad = call_logp(nutpie, x)
        assert status == 0
        expected = logp(x)
        assert value == expected[0]
        np.testing.assert_array_equal(grad, expected[1])


def test_null_pointers_are_results_that_are_not_wanted(nutpie):
    x, value = np.ones(4), np.zeros(1)
    assert nutpie.ctypes(4, pointer(x), None, pointer(value), None) == 0
    assert value[0] == -2.0


def test_threads_call_at_the_same_time():
    product = graphc.value_and_grad(lambda a: np.sum((a @ a.T) ** 2))
    function = product.cfunc("int f(size_t n, size_t m, const double a[n][m], double *value, double grad[n][m])")
    wrong = []

    def run(k):
        a = np.random.default_rng(k).normal(size=(40 + k, 30))
        expected = product(a)
        for _ in range(20):
            value, grad = np.zeros(1), np.empty_like(a)
            status = function.ctypes(*a.shape, pointer(a), pointer(value), pointer(grad))
            if status or not (np.isclose(value[0], expected[0]) and np.allclose(grad, expected[1])):
                wrong.append(k)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_returned_number_and_scalars():
    f = graphc.jit(lambda x, scale, k: np.sum(x) * scale + k)
    function = f.cfunc("float (unsigned n, const float x[n], double scale, int k)").ctypes
    x = np.ones(3, np.float32)
    assert function(3, pointer(x), 2.0, 5) == float(f(x, 2.0, 5)) == 11.0


def test_failures_are_a_status():
    f = graphc.jit(lambda x, i: x[i])
    function = f.cfunc("int f(int n, const double x[n], const int64_t i[2], double y[2])").ctypes
    x, y = np.arange(3.0), np.zeros(2)
    assert function(3, pointer(x), pointer(np.array([2, 0])), pointer(y)) == 0
    assert y.tolist() == [2.0, 0.0]
    assert function(3, pointer(x), pointer(np.array([3, 0])), pointer(y)) > 0
    doubled = graphc.jit(lambda x: np.concatenate([x, x]))
    too_short = doubled.cfunc("int f(int n, const double x[n], double y[n])").ctypes
    assert too_short(3, pointer(x), pointer(np.zeros(6))) == -4


def test_scipy_integrates_without_python():
    scipy = pytest.importorskip("scipy")
    from scipy.integrate import nquad

    f = graphc.jit(lambda x: np.exp(-0.5 * np.sum(x**2)))
    function = f.cfunc("double f(int n, const double x[n], void *data)")
    value, _ = nquad(scipy.LowLevelCallable(function.ctypes), [(-1.0, 1.0), (0.0, 2.0)])
    expected, _ = nquad(lambda a, b: np.exp(-0.5 * (a * a + b * b)), [(-1.0, 1.0), (0.0, 2.0)])
    assert value == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("double f", "not a C prototype"),
        ("double f(const double x[n])", "a size 'n' that is none of its integers"),
        ("matrix f(int n)", "returns 'matrix"),
        ("double f(complex z)", "unknown type"),
        ("double f(const char *text)", "arrays are of"),
    ],
)
def test_prototypes_that_are_none(text, message):
    with pytest.raises(ValueError, match=message):
        parse_prototype(text)


def test_a_parameter_without_a_result_is_named():
    with pytest.raises(OutputError, match=r"parameter 'hessian' .* there is no result left"):
        logp.cfunc("void f(int n, const double x[n], double hessian[n][n])")
