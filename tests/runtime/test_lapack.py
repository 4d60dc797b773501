"""Service LAUNCH_LAPACK: whose threads share matrices, and the number of threads that is the user's afterwards."""

import contextlib
import ctypes
import os
import threading

import numba
import numpy as np
import pytest
import scipy.linalg

import graphc
from graphc.abi import Lapack
from graphc.codegen.lapack_routines import SOLVED_COLUMNS
from graphc.config import override
from graphc.runtime import blas, blas_code, lapack, lapack_code, libraries, library_threads, native, threads
from graphc.runtime.library_threads_code import GET_THREADS, GUARD_WORDS, SAVED, SET_THREADS, USERS
from tests.runtime.test_threads import counting_kernel, wait_for

CONTROL = lapack.require_lapack().control
is_global = pytest.mark.skipif(CONTROL.kind != "global", reason="this LAPACK has no process-wide number of threads")
LARGE = round(lapack_code.CALM_WORK ** (1 / 3)) + 8  # rows of a matrix whose factors LAPACK makes with its own threads


def get_threads():
    return ctypes.CFUNCTYPE(ctypes.c_int)(CONTROL.get_threads)()


@contextlib.contextmanager
def users_threads(count):
    set_threads = ctypes.CFUNCTYPE(None, ctypes.c_int)(CONTROL.set_threads)
    before = get_threads()
    set_threads(count)
    try:
        yield
        assert get_threads() == count
    finally:
        set_threads(before)


@contextlib.contextmanager
def asked():
    """What the library is asked for meanwhile: numbers that are set, and None where its number is read."""
    log, guard = [], library_threads._guard(CONTROL)
    real_set = ctypes.CFUNCTYPE(None, ctypes.c_int)(CONTROL.set_threads)

    def get():
        log.append(None)
        return get_threads()

    def put(count):
        log.append(count)
        real_set(count)

    spies = {GET_THREADS: ctypes.CFUNCTYPE(ctypes.c_int)(get), SET_THREADS: ctypes.CFUNCTYPE(None, ctypes.c_int)(put)}
    before = {word: guard[word] for word in spies}
    for word, spy in spies.items():
        guard[word] = ctypes.cast(spy, ctypes.c_void_p).value
    try:
        yield log
    finally:
        for word, address in before.items():
            guard[word] = address


@contextlib.contextmanager
def launched():
    """What LAUNCH_LAPACK asks of LAUNCH meanwhile: the number of matrices, and how many a thread has at least."""
    log = []
    lapack.launch_address()  # it has loaded the service
    state = native.loaded_address(lapack_code.symbols(CONTROL.kind)[1])
    slots = (ctypes.c_int64 * lapack_code.STATE_SLOTS).from_address(ctypes.CFUNCTYPE(ctypes.c_void_p)(state)())
    kind = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 5)
    real = kind(slots[lapack_code.LAUNCH])

    def launch(*words):
        log.append(words[3:])
        return real(*words)

    spy, before = kind(launch), slots[lapack_code.LAUNCH]
    slots[lapack_code.LAUNCH] = ctypes.cast(spy, ctypes.c_void_p).value
    try:
        yield log
    finally:
        slots[lapack_code.LAUNCH] = before


def definite(shape, seed=0):
    a = np.random.default_rng(seed).standard_normal(shape)
    return a @ np.swapaxes(a, -1, -2) + shape[-1] * np.eye(shape[-1])


@graphc.jit
def factor(a):
    return np.linalg.cholesky(a)


@graphc.grad
def factor_gradient(a):
    return np.sum(np.linalg.cholesky(a) ** 3)


@is_global
@pytest.mark.parametrize("shape", [(8, 8), (40, 40), (256, 256), (300, 20, 20)])
def test_a_call_sets_one_thread_once_and_gives_the_users_number_back(shape):
    a = definite(shape)
    factor(a)
    with users_threads(2), asked() as log, override(num_threads=2):
        result = factor(a)
    assert log == [None, 1, 2]
    np.testing.assert_allclose(result, np.linalg.cholesky(a), rtol=1e-12, atol=1e-12)


@is_global
def test_factor_and_adjoint_each_set_it():
    a = definite((50, 50))
    factor_gradient(a)
    with users_threads(2), asked() as log:
        factor_gradient(a)
    assert log == [None, 1, 2] * 2


@is_global
@pytest.mark.parametrize("shape", [(7, 7), (9000, 7, 7), (0, 7, 7), (0, 0)])
def test_tiny_matrices_need_nothing(shape):
    """OpenBLAS has no use for threads there; batches of them are shared all the same."""
    a = definite(shape)
    factor(a)
    with users_threads(2), asked() as log, launched() as launches, override(num_threads=2):
        result = factor(a)
    assert log == []
    assert launches == [(int(np.prod(shape[:-2])), 100_000 // max(shape[-1] ** 3, 1) + 1)]
    np.testing.assert_allclose(result, np.linalg.cholesky(a), rtol=1e-12, atol=1e-12)


@is_global
def test_nothing_is_set_where_the_user_has_one_thread():
    a = definite((40, 40))
    factor(a)
    with users_threads(1), asked() as log:
        factor(a)
    assert log == [None]


@is_global
@pytest.mark.parametrize(("count", "is_shared"), [(1, False), (lapack_code.SEVERAL - 1, False), (8, True)])
def test_few_large_matrices_are_left_to_the_library(count, is_shared):
    a = np.broadcast_to(definite((LARGE, LARGE)), (count, LARGE, LARGE)).copy()
    factor(a)
    with users_threads(2), asked() as log, launched() as launches, override(num_threads=2):
        result = factor(a)
    assert log == ([None, 1, 2] if is_shared else [])
    assert launches == ([(count, 1)] if is_shared else [])
    np.testing.assert_allclose(result[-1], np.linalg.cholesky(a[-1]), rtol=1e-11, atol=1e-11)


@is_global
@pytest.mark.parametrize("rows", [400, LARGE])
def test_spectra_are_the_librarys_to_share_from_the_same_size_on(rows):
    values = graphc.jit(np.linalg.eigvalsh)
    values(np.eye(2))
    with users_threads(2), asked() as log:
        np.testing.assert_allclose(values(np.diag(np.arange(float(rows)))), np.arange(rows), rtol=1e-13, atol=1e-10)
    assert log == ([None, 1, 2] if rows < LARGE else [])


@is_global
@pytest.mark.parametrize(("rows", "seen"), [(40, 1), (LARGE, 2)])
def test_the_number_that_lapack_has(rows, seen):
    """Looked at from a function in the place of LAPACK's."""
    a = definite((rows, rows))
    factor(a)
    numbers, table = [], libraries._table()
    spy = ctypes.CFUNCTYPE(None)(lambda: numbers.append(get_threads()))  # what it is called with does not matter here
    real = table[Lapack.DPOTRF]
    table[Lapack.DPOTRF] = ctypes.cast(spy, ctypes.c_void_p).value
    try:
        with users_threads(2):
            factor(a)
    finally:
        table[Lapack.DPOTRF] = real
    assert numbers == [seen]


def lower(a):
    return np.tril(a) + a.shape[-1] * np.eye(a.shape[-1])


def complex_of(a):
    return a + 1j * np.swapaxes(a, -1, -2) / 2


def hermitian(a):
    return complex_of(a) + np.conj(np.swapaxes(complex_of(a), -1, -2))


SPECTRA = ("eig", "svd")  # whose order and signs are nobody's choice: in single precision they are not NumPy's
ROUTINES = {
    "lu": np.linalg.inv,
    "cholesky": lambda a: np.linalg.cholesky(a @ np.swapaxes(a, -1, -2) + 30 * np.eye(a.shape[-1])),
    "triangle": lambda a: np.linalg.solve(lower(a), a),
    "eigh": lambda a: np.linalg.eigh(a + np.swapaxes(a, -1, -2)),
    "eigvalsh": lambda a: np.linalg.eigvalsh(a + np.swapaxes(a, -1, -2)),
    "svd": lambda a: np.linalg.svd(a[..., 2:], full_matrices=False),
    "qr": lambda a: np.linalg.qr(a[..., 2:]),
    "eig": np.linalg.eig,
    "complex lu": lambda a: np.linalg.inv(complex_of(a)),
    "complex eigh": lambda a: np.linalg.eigh(hermitian(a)),
    "complex svd": lambda a: np.linalg.svd(complex_of(a), full_matrices=False),
    "complex qr": lambda a: np.linalg.qr(complex_of(a)),
    "complex eig": lambda a: np.linalg.eig(complex_of(a)),
}


@pytest.mark.parametrize("name", ROUTINES)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_batches_are_shared_and_have_the_same_bits_for_every_number_of_threads(name, dtype):
    a = np.random.default_rng(4).standard_normal((300, 12, 12)).astype(dtype)
    compiled = graphc.jit(ROUTINES[name])
    compiled(a)
    results = []
    for count in (1, 2, 3, 5):
        with override(num_threads=count), launched() as launches:
            found = compiled(a)
        assert launches
        assert all(matrices == 300 and grain < 150 for matrices, grain in launches)  # so they are two parts at least
        results.append(found if isinstance(found, tuple) else (found,))
    for found in results[1:]:
        for one, other in zip(results[0], found, strict=True):
            np.testing.assert_array_equal(one, other)
    if dtype == "f4" and any(kind in name for kind in SPECTRA):
        return
    expected = ROUTINES[name](a)
    tolerance = 3e-9 if dtype == "f8" else 3e-2  # the worst of 300 matrices
    for one, other in zip(results[0], expected if isinstance(expected, tuple) else (expected,), strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("columns", [1, 127, 128, 129, 300])
@pytest.mark.parametrize("lower_one", [False, True])
def test_right_sides_of_a_triangle_are_shared(columns, lower_one):
    random = np.random.default_rng(columns)
    rows, parts = 70, -(-columns // SOLVED_COLUMNS)
    t = random.standard_normal((2, rows, rows)) + 2 * rows**0.5 * np.eye(rows)
    t = np.tril(t) if lower_one else np.triu(t)
    b = random.standard_normal((2, rows, columns))
    solve = graphc.jit(lambda t, b: scipy.linalg.solve_triangular(t, b, lower=lower_one))
    results = []
    for count in (1, 2, 5):
        with override(num_threads=count), launched() as launches:
            results.append(solve(t, b))
        assert launches == [(2 * parts, 100_000 // (rows**2 * min(columns, SOLVED_COLUMNS)) + 1)]
        np.testing.assert_array_equal(results[-1], results[0])
    np.testing.assert_allclose(results[0], np.linalg.solve(t, b), rtol=1e-11, atol=1e-12)


def test_gradients_of_batches_are_those_of_each_matrix_alone():
    a = definite((200, 12, 12))
    with override(num_threads=3):
        together = factor_gradient(a)
    np.testing.assert_allclose(together, [factor_gradient(one) for one in a], rtol=1e-12, atol=1e-13)


def test_a_matrix_in_a_batch_that_fails_is_an_error():
    a = definite((200, 12, 12))
    a[137] *= -1
    with override(num_threads=3), pytest.raises(np.linalg.LinAlgError, match=r"test_lapack.py:\d+"):
        factor(a)


@is_global
def test_many_threads_of_python_and_of_numba_and_the_users_number_comes_back():
    small, batch = definite((30, 30)), definite((60, 20, 20))
    gradients = [(factor_gradient, x, factor_gradient(x)) for x in (small, batch)]
    wrong = []

    @numba.njit(nogil=True)
    def repeat(x, times):
        total = 0.0
        for _ in range(times):
            total += factor_gradient(x)[0, 0]
        return total

    repeat(small, 1)

    def call(k):
        function, x, expected = gradients[k % 2]
        for _ in range(60):
            if not np.array_equal(function(x), expected):
                wrong.append(k)
        if not np.isclose(repeat(small, 60), 60 * gradients[0][2][0, 0]):
            wrong.append(k)

    callers = [threading.Thread(target=call, args=(k,)) for k in range(6)]
    with users_threads(2), override(num_threads=2):
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(60)
        assert not any(caller.is_alive() for caller in callers)
    assert not wrong
    assert library_threads._guard(CONTROL)[USERS] == 0


@is_global
def test_products_and_lapack_of_one_library_have_one_guard():
    """Else one that ends would give the user's number back while the other is inside."""
    blas._gemm.cache_clear()
    with override(blas="numpy"):
        products = blas._gemm()
        same = products.library.control == CONTROL
        assert same == (products.state[blas_code.GUARD] == library_threads.guard_address(CONTROL))
        assert same or blas.library().origin != "numpy"
    blas._gemm.cache_clear()


@is_global
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_has_the_users_number_and_computes():
    a = definite((100, 20, 20))
    expected = factor(a)
    guard = library_threads._guard(CONTROL)
    with users_threads(2):
        ctypes.CFUNCTYPE(None, ctypes.c_int)(CONTROL.set_threads)(1)
        guard[USERS], guard[SAVED] = 1, 2  # as while another thread is inside
        child = os.fork()
        if child == 0:
            os._exit(0 if get_threads() == 2 and np.array_equal(factor(a), expected) and get_threads() == 2 else 1)
        guard[USERS] = 0
        ctypes.CFUNCTYPE(None, ctypes.c_int)(CONTROL.set_threads)(2)
        assert wait_for(child) == 0


@pytest.mark.parametrize("kind", sorted({"local", "none"} - {CONTROL.kind}))
def test_libraries_of_other_kinds(kind):
    """One whose number each thread sets for itself is set and given back by each part; without control, nothing is."""
    symbols = lapack_code.symbols(kind)
    ir = lapack_code.launch_ir(kind, yields=threads.have_posix_threads())
    addresses = native.load_object(native.compile_module(ir, 0), symbols)
    service, state = (addresses[symbol] for symbol in symbols)
    log, numbers = [], {}  # by thread: Python's own locals of graphc's threads end with each call

    def put(count):
        mine = threading.get_ident()
        before, numbers[mine] = numbers.get(mine, 7), count
        log.append((before, count))
        return before

    spy = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(put)
    guard = (ctypes.c_int64 * GUARD_WORDS)()
    guard[SET_THREADS] = ctypes.cast(spy, ctypes.c_void_p).value
    slots = (ctypes.c_int64 * lapack_code.STATE_SLOTS).from_address(ctypes.CFUNCTYPE(ctypes.c_void_p)(state)())
    slots[lapack_code.LAUNCH], slots[lapack_code.GUARD] = threads.launch_address(), ctypes.addressof(guard)
    counts, calls = np.zeros(1000, np.int64), np.zeros(1, np.int64)
    arguments = np.array([counts.ctypes.data, calls.ctypes.data], np.int64)
    run = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 6)(service)
    with override(num_threads=3):
        run(counting_kernel(2), arguments.ctypes.data, 2, 1000, lapack_code.TINY_WORK, 10)
        parts = int(calls[0])
        run(counting_kernel(2), arguments.ctypes.data, 2, 1, lapack_code.CALM_WORK + 1, 1)
    assert (counts[1:] == 1).all()
    assert counts[0] == calls[0] - parts + 1 == 2
    assert (parts > 1) == threads.have_posix_threads()
    assert sorted(log) == ([(1, 7)] * parts + [(7, 1)] * parts if kind == "local" else [])
