"""Compiled functions called from ``@numba.njit`` code."""

from __future__ import annotations

import threading
import warnings
from collections import namedtuple

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError

import graphc
from graphc.config import override

X = np.arange(12.0).reshape(4, 3)


def cubes(x):
    return np.sum(x**3)


cube_gradient = graphc.grad(cubes)
pair = graphc.value_and_grad(lambda w, s: np.sum((X @ w) ** 2) * s)
Pair = namedtuple("Pair", "first second")


@numba.njit
def call_cubes(x):
    return cube_gradient(x)


def test_a_gradient_of_any_length_from_one_compilation():
    for n in (7, 2, 1, 0, 100):
        x = np.linspace(-1.0, 1.0, n)
        np.testing.assert_array_equal(call_cubes(x), cube_gradient(x))
    assert len(call_cubes.signatures) == 1


def test_each_layout_and_dtype_is_typed_on_its_own():
    total = graphc.value_and_grad(lambda a: np.sum(a[0] * a[1]))

    @numba.njit
    def call(a):
        return total(a)

    base = np.arange(12.0).reshape(3, 4)
    for a in (np.asfortranarray(base), base.astype(np.float32)[:, ::2]):
        value, gradient = call(a)
        expected = total(a)
        assert value == expected[0]
        np.testing.assert_array_equal(gradient, expected[1])
        assert gradient.dtype == a.dtype


def test_value_scalars_ints_and_tuples():
    f = graphc.jit(lambda p, n, k=2.0: Pair(p[0] * n + p[1].T @ p[1][:, 0] * k, (p[0].shape[0], None)))

    @numba.njit
    def call(a, b, n):
        return f((a, b), n, k=3.0)

    a, b = np.ones(3), np.arange(6.0).reshape(2, 3)
    result, expected = call(a, b, 5), f((a, b), 5, k=3.0)
    np.testing.assert_array_equal(result.first, expected.first)
    assert result.second == expected.second == (3, None)


def test_out_writes_into_arrays_also_where_they_overlap_inputs():
    @numba.njit
    def call(w, out):
        value, same = pair(w, 2.0, out=(None, out))
        return value, same

    w = np.array([1.0, 2.0, 3.0])
    value, gradient = pair(w, 2.0)
    out = np.zeros(6)
    for target in (out[:3], out[::2], w):
        assert call(w, target)[0] == value
        np.testing.assert_array_equal(target, gradient)
        w[:] = [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="out= for lambda has another shape"):
        call(w, np.zeros(4))


def test_out_refuses_what_it_cannot_hold():
    @numba.njit
    def call(w, out):
        return cube_gradient(w, out=out)

    with pytest.raises(TypingError, match=r"out= for cubes needs an array of float64 with 1 dimensions"):
        call(np.ones(3), np.ones(3, np.float32))
    both = graphc.grad(lambda a, b: np.sum(a * b), argnums=(0, 1))

    @numba.njit
    def same_twice(a, b, out):
        return both(a, b, out=(out, out))

    with pytest.raises(ValueError, match="two of its arrays share memory"):
        same_twice(np.ones(3), np.ones(3), np.zeros(3))


def test_parallel_loops_and_threads_without_the_gil():
    @numba.njit(parallel=True, nogil=True)
    def rows(x):
        out = np.empty_like(x)
        for i in numba.prange(x.shape[0]):
            cube_gradient(x[i], out=out[i])
        return out

    x = np.random.default_rng(0).normal(size=(400, 3))
    rows(x[:1])
    results = {}

    def run(k):
        results[k] = rows(x + k)

    threads = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, result in results.items():
        np.testing.assert_allclose(result, 3 * (x + k) ** 2, rtol=1e-14)


def test_large_arenas_of_calls_at_the_same_time_are_apart():
    f = graphc.grad(lambda a: np.sum((a @ a.T) ** 2))

    @numba.njit(nogil=True)
    def call(a):
        return f(a)

    arrays = [np.random.default_rng(k).normal(size=(60, 50)) for k in range(4)]
    expected = [f(a) for a in arrays]
    call(arrays[0])
    failures = []

    def run(k):
        failures.extend(k for _ in range(30) if not np.allclose(call(arrays[k]), expected[k], rtol=1e-12))

    threads = [threading.Thread(target=run, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_sizes_are_those_of_what_is_read_from_outside():
    weights = {"a": np.ones((17, 5))}

    def product(x, y):
        return x @ weights["a"] * y

    f = graphc.jit(lambda x, y: np.sum(product(x, y)))

    @numba.njit
    def call(x, y):
        return f(x, y)

    assert call(np.ones(17), np.ones(5)) == 85.0


def test_a_compiled_function_is_an_argument_like_any_other():
    @numba.njit
    def apply(f, x):
        return f(x)

    np.testing.assert_array_equal(apply(cube_gradient, np.ones(2)), [3.0, 3.0])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_globals_are_those_of_the_compilation_as_numbas_are():
    scale = np.array([2.0, 3.0])
    f = graphc.jit(lambda x: x * scale)

    @numba.njit
    def call(x):
        return f(x)

    np.testing.assert_array_equal(call(np.ones(2)), [2.0, 3.0])
    with pytest.raises(ValueError, match="serves these sizes"):  # and the reason is printed
        call(np.ones(3))


def test_an_index_out_of_range_is_an_error():
    f = graphc.jit(lambda x, i: x[i])

    @numba.njit
    def call(x, i):
        return f(x, i)

    assert call(np.arange(4.0), np.array([1, 3])).tolist() == [1.0, 3.0]
    with pytest.raises(IndexError, match="lambda failed"):
        call(np.arange(4.0), np.array([1, 4]))


def test_a_program_that_fails_raises_what_it_would_from_python():
    @graphc.jit
    def root(x, a):
        if x[0] < 0:
            raise KeyError("negative", 3)
        return np.sqrt(x) + np.linalg.inv(a)[0]

    @numba.njit
    def call(x, a):
        return root(x, a)

    np.testing.assert_allclose(call(np.ones(2), np.eye(2)), [2.0, 1.0])
    with pytest.raises(KeyError) as caught:
        call(-np.ones(2), np.eye(2))
    assert caught.value.args == ("negative", 3)
    with pytest.raises(np.linalg.LinAlgError, match="singular"):
        call(np.ones(2), np.zeros((2, 2)))


def test_what_cannot_be_typed_names_itself():
    dictionary = graphc.jit(lambda x: {"a": x})
    for f, argument, message in (
        (cube_gradient, np.ones(3, complex), "returns complex128, no real number"),
        (cube_gradient, True, "argument 0 of cubes is bool"),
        (dictionary, np.ones(3), "lambda returns a dict"),
        (graphc.jit(lambda x: x[x > 0]), np.ones(3), "a result whose size only the values tell"),
    ):
        with pytest.raises(TypingError, match=message):
            numba.njit(lambda x, f=f: f(x))(argument)
    never_called = graphc.grad(cubes)
    with override(disable_jit=True), pytest.raises(TypingError, match="disable_jit"):
        numba.njit(lambda x: never_called(x))(np.ones(3))  # noqa: PLW0108


def test_numba_keeps_no_code_on_disk_that_holds_an_address(tmp_path, monkeypatch):
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))

    @numba.njit(cache=True)
    def call(x):
        return cube_gradient(x)

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(np.ones(2))
    assert any("dynamic globals" in str(w.message) for w in caught)
