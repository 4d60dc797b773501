"""Services gemm: every shape and flag against NumPy, and the number of BLAS threads left alone."""

import ctypes
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

from graphc import abi, config
from graphc.errors import ConfigError
from graphc.runtime import blas, blas_code, launch, threads
from graphc.runtime.library_threads import guard_address
from graphc.runtime.library_threads_code import GUARD_WORDS, LOCK, USERS
from tests.runtime.test_threads import wait_for

SMALL = [(1, 1, 1), (1, 1, 9), (1, 7, 5), (7, 1, 5), (5, 6, 1), (17, 19, 23)]
LARGE = [(97, 98, 99), (500, 3, 600), (3, 500, 600), (1, 1000, 900), (1000, 1, 900), (300, 33, 100)]
EMPTY = [(0, 3, 4), (3, 0, 4), (3, 4, 0), (0, 0, 0)]
LIBRARIES = ["numpy", "scipy", "mkl", "native"]


def gemm(flags, a, b, c, m, n, k):
    """Call the service on 2-d arrays whose rows may be longer than the matrix."""
    service = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 10)(blas.gemm_address(c.dtype))
    steps = [array.strides[0] // array.itemsize for array in (a, b, c)]
    service(flags, m, n, k, a.ctypes.data, steps[0], b.ctypes.data, steps[1], c.ctypes.data, steps[2])


def matrix(rng, rows, columns, dtype, padding):
    return rng.standard_normal((rows + 1, columns + padding)).astype(dtype)[:rows, :columns]


def product(a, b):
    """The reference: no BLAS, so nothing of OpenBLAS's own threads."""
    return np.einsum("ij,jk->ik", a.astype("f8"), b.astype("f8"))


def check(dtype, shape, flags, padding):
    m, n, k = shape
    rng = np.random.default_rng(m + n + k + flags)
    a = matrix(rng, *((k, m) if flags & abi.GEMM_TRANSPOSE_A else (m, k)), dtype, padding)
    b = matrix(rng, *((n, k) if flags & abi.GEMM_TRANSPOSE_B else (k, n)), dtype, padding)
    whole = rng.standard_normal((m + 1, n + padding)).astype(dtype)
    c = whole[:m, :n]
    op_a = a.T if flags & abi.GEMM_TRANSPOSE_A else a
    op_b = b.T if flags & abi.GEMM_TRANSPOSE_B else b
    expected = product(op_a, op_b)
    bound = k * np.finfo(dtype).eps * product(np.abs(op_a), np.abs(op_b))
    if flags & abi.GEMM_ACCUMULATE:
        expected = expected + c
        bound = bound + np.finfo(dtype).eps * np.abs(expected)
    else:
        c[...] = np.nan
    outside = whole.copy()
    gemm(flags, a, b, c, m, n, k)
    assert (np.abs(c - expected) <= bound + np.finfo(dtype).tiny).all()
    outside[:m, :n] = c
    np.testing.assert_array_equal(whole, outside)


@pytest.fixture(params=LIBRARIES)
def any_library(request):
    """The services over each library in turn; other tests keep theirs."""
    if request.param == "mkl" and not any(blas._mkl_paths()):
        pytest.skip("the extra graphc[mkl] is not installed")
    blas._gemm.cache_clear()
    with config.override(blas=request.param, num_threads=3):
        assert blas.library().origin == {"native": "graphc"}.get(request.param, request.param)
        yield
    blas._gemm.cache_clear()


@pytest.mark.usefixtures("any_library")
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_every_shape_and_flag(dtype):
    for shape in SMALL + LARGE + EMPTY:
        for flags in range(8):
            with config.override(deterministic=bool(sum(shape) + flags & 1)):
                check(dtype, shape, flags, padding=flags % 3)


def batch_product(arrays, flags, sizes, strides, inner):
    """The batched service on flat arrays; each array is a matrix wide enough, its entries at the strides."""
    m, n, k = sizes
    leading = (m if flags & abi.GEMM_TRANSPOSE_A else k, k if flags & abi.GEMM_TRANSPOSE_B else n, n)
    service = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 18)(blas.gemm_address(arrays[0].dtype, batched=True))
    operands = [word for array, step in zip(arrays, leading, strict=True) for word in (array.ctypes.data, step)]
    batch = 6
    service(flags, m, n, k, *operands, batch, inner, *(s for pair in strides for s in pair))


def entries(array, rows, columns, pair, inner):
    outer_step, inner_step = pair
    starts = [e // inner * outer_step + e % inner * inner_step for e in range(6)]
    return [array[start : start + rows * columns].reshape(rows, columns) for start in starts]


@pytest.mark.usefixtures("any_library")
@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("sizes", [(3, 4, 5), (70, 60, 50), (40, 170, 30), (3, 4, 0)])
def test_batches(sizes, deterministic):
    """Entries in two axes with strides of their own, of A in the other order, of B the same for all."""
    m, n, k = sizes
    rng = np.random.default_rng(5)
    strides = ((m * k, 2 * m * k), (0, 0), (3 * m * n, m * n))
    for flags in range(8):
        a, b, c = rng.standard_normal(6 * m * k), rng.standard_normal(k * n), rng.standard_normal(6 * m * n)
        before = c.copy()
        with config.override(deterministic=deterministic):
            batch_product((a, b, c), flags, sizes, strides, 3)
        a_dims, b_dims = ((k, m) if flags & 1 else (m, k)), ((n, k) if flags & 2 else (k, n))
        views = (entries(a, *a_dims, strides[0], 3), entries(b, *b_dims, strides[1], 3))
        results = zip(*views, entries(c, m, n, strides[2], 3), entries(before, m, n, strides[2], 3), strict=True)
        for one, other, result, old in results:
            expected = product(one.T if flags & 1 else one, other.T if flags & 2 else other)
            np.testing.assert_allclose(result, expected + (old if flags & 4 else 0), rtol=1e-10, atol=1e-10)


@pytest.fixture
def numpys_blas():
    """The services over the BLAS that NumPy has loaded."""
    blas._gemm.cache_clear()
    with config.override(blas="numpy"):
        yield blas.library()
    blas._gemm.cache_clear()


@pytest.mark.parametrize("size", [30, 64, 80, 92, 300])
def test_the_blas_uses_no_threads_of_its_own(size, numpys_blas):
    """OpenBLAS does from 64^3 on, and its workers spin for long afterwards: where it might, it has one thread."""
    library = numpys_blas
    if library.control.kind != "global":
        pytest.skip("this BLAS has no process-wide number of threads")
    state, seen = blas._gemm().state, []
    get_threads = ctypes.CFUNCTYPE(ctypes.c_int)(library.control.get_threads)
    set_threads = ctypes.CFUNCTYPE(None, ctypes.c_int)(library.control.set_threads)
    signature = ctypes.CFUNCTYPE(None)  # what it is called with does not matter here
    spy = signature(lambda: seen.append(get_threads()))
    before, real = get_threads(), state[blas_code.GEMM_F64]
    a = np.ones((size, size))
    try:
        set_threads(2)
        state[blas_code.GEMM_F64] = ctypes.cast(spy, ctypes.c_void_p).value
        with config.override(num_threads=1):
            gemm(0, a, a, np.empty_like(a), size, size, size)
    finally:
        state[blas_code.GEMM_F64] = real
        set_threads(before)
    assert seen == [1 if size >= 64 else 2]


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize("shape", [(257, 130, 200), (64, 900, 150), (1500, 1, 900)])
@pytest.mark.usefixtures("any_library")
def test_deterministic_bits_do_not_depend_on_threads(dtype, shape):
    m, n, k = shape
    rng = np.random.default_rng(3)
    a, b = matrix(rng, m, k, dtype, 0), matrix(rng, k, n, dtype, 0)
    results = []
    for count in (1, 2, 3, 5):
        with config.override(num_threads=count, deterministic=True):
            results.append(np.empty((m, n), dtype))
            gemm(0, a, b, results[-1], m, n, k)
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_large_products_run_on_the_pool_and_the_users_threads_come_back(numpys_blas):
    library = numpys_blas
    if library.control.kind != "global":
        pytest.skip("this BLAS has no process-wide number of threads")
    get_threads = ctypes.CFUNCTYPE(ctypes.c_int)(library.control.get_threads)
    set_threads = ctypes.CFUNCTYPE(None, ctypes.c_int)(library.control.set_threads)
    before = get_threads()
    a = np.ones((300, 300))
    try:
        for count in (1, 2):
            set_threads(count)
            with config.override(num_threads=3):
                regions = threads.regions_run()
                gemm(0, a, a, np.empty_like(a), 300, 300, 300)
                assert threads.regions_run() == regions + 1
            assert get_threads() == count
    finally:
        set_threads(before)


@pytest.mark.usefixtures("any_library")
def test_concurrent_gemms_restore_the_users_threads():
    library = blas.library()
    get_threads = (
        ctypes.CFUNCTYPE(ctypes.c_int)(library.control.get_threads) if library.control.get_threads else lambda: 1
    )
    before, wrong = get_threads(), []
    a = np.random.default_rng(0).standard_normal((150, 150))
    expected = a @ a

    def many():
        for _ in range(40):
            c = np.full_like(a, np.nan)
            gemm(0, a, a, c, 150, 150, 150)
            if not np.allclose(c, expected):
                wrong.append(1)

    callers = [threading.Thread(target=many) for _ in range(4)]
    with config.override(num_threads=2):
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join(60)
    assert not wrong
    assert get_threads() == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@pytest.mark.usefixtures("any_library")
def test_fork_during_gemm():
    """Nobody holds the guard in a child, and graphc's own products run there.

    OpenBLAS's may wait for ever for a lock of its own, which the thread inside of it holds: they run in a child
    of a fork at a quiet time.
    """
    library = blas.library()
    stop = threading.Event()
    a = np.ones((200, 200))

    def product():
        c = np.empty_like(a)
        gemm(0, a, a, c, 200, 200, 200)
        return bool((c == 200).all())

    def is_free():
        words = (ctypes.c_int64 * GUARD_WORDS).from_address(guard_address(library.control))
        return words[LOCK] == words[USERS] == 0

    def busy():
        while not stop.is_set():
            product()

    caller = threading.Thread(target=busy)
    caller.start()
    try:
        for _ in range(5):
            child = os.fork()
            if child == 0:
                os._exit(0 if is_free() and (library is not blas.OWN or (product() and product())) else 1)
            assert wait_for(child) == 0
    finally:
        stop.set()
        caller.join()
    child = os.fork()
    if child == 0:
        os._exit(0 if product() and product() else 1)
    assert wait_for(child) == 0


def test_a_library_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setitem(blas._PLACES, "mkl", lambda: iter(()))
    with pytest.raises(ConfigError, match=r"GRAPHC_BLAS.*mkl"):
        blas.find_library("mkl")


def test_other_dtypes_are_an_error():
    with pytest.raises(TypeError, match="int64"):
        blas.gemm_address(np.dtype(np.int64))


def test_table_holds_services_then_kernels():
    address, keep = launch.make_table([11, 22])
    words = list((ctypes.c_int64 * (abi.KERNELS_START + 2)).from_address(address))
    assert words[: abi.KERNELS_START] == launch.services_table()
    assert words[abi.KERNELS_START :] == [11, 22]
    assert words[abi.Service.GEMM_F32] == blas.gemm_address(np.dtype("f4"))
    del keep


def test_run_time_imports_neither_numba_nor_scipy():
    program = "import sys\nfrom graphc.runtime import launch\nlaunch.services_table()\n"
    program += "print(sorted({'numba', 'scipy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
