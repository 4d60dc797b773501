"""graphc's own products: every width of vectors that this CPU has, corners, threads, and their memory."""

import ctypes

import numpy as np
import pytest

from graphc import abi, config
from graphc.runtime import blas, tiled
from graphc.runtime.gemm_layout import DEPTH, LONG, State
from graphc.runtime.tile_code import shape_of
from tests.runtime.test_blas import check, gemm, matrix

WIDTHS = [bits for bits in (128, 256, 512) if bits <= tiled.vector_bits()]
DTYPES = {"f8": "double", "f4": "float"}


@pytest.fixture(params=WIDTHS)
def bits(request, monkeypatch):
    """graphc's own services for vectors of each width in turn."""
    blas._gemm.cache_clear()
    monkeypatch.setattr(tiled, "vector_bits", lambda: request.param)
    with config.override(blas="native", num_threads=2):
        yield request.param
    blas._gemm.cache_clear()


def edges(bits, dtype):
    """Sizes around a tile: one less than it, it, and one more."""
    shape = shape_of(DTYPES[dtype], bits)
    return (shape.rows - 1, shape.rows, shape.rows + 1), (1, shape.lanes, shape.lanes + 1, shape.columns)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_tiles_and_corners(bits, dtype):
    rows, columns = edges(bits, dtype)
    for m in rows:
        for n in columns:
            for k in (1, 3, 6):
                for flags in range(8):
                    check(dtype, (m, n, k), flags, padding=flags % 2)


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_blocks_and_parts(bits, dtype):
    """Sums over several blocks of k, several blocks of rows and columns, by one thread and by parts of it."""
    shapes = [(5, 700, DEPTH + 1), (300, 9, 2 * DEPTH), (290, 530, DEPTH + 3), (530, 290, 7)]
    for flags, shape in zip((0, 3, 6, 1), shapes, strict=True):
        check(dtype, shape, flags, padding=1)


def test_an_operand_that_is_packed_in_rounds():
    """What all threads share is 36 MB here: it is packed in two rounds, the second one added to the first."""
    with config.override(blas="native"):
        blas._gemm.cache_clear()
        check("f8", (64, 64, 70_000), abi.GEMM_TRANSPOSE_B, padding=0)
    blas._gemm.cache_clear()


@pytest.mark.parametrize("flags", range(4))
def test_what_is_not_finite_stays_in_its_row_and_column(bits, flags):
    """Also where a tile runs over the matrix, and computes with what it has at hand."""
    m, n, k = 29, 37, 11
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((m, k)), rng.standard_normal((k, n))
    a[m - 1, 3], b[5, n - 1] = np.inf, np.nan
    stored_a = np.ascontiguousarray(a.T) if flags & abi.GEMM_TRANSPOSE_A else a
    stored_b = np.ascontiguousarray(b.T) if flags & abi.GEMM_TRANSPOSE_B else b
    c = np.empty((m, n))
    gemm(flags, stored_a, stored_b, c, m, n, k)
    assert np.isfinite(c[: m - 1, : n - 1]).all()
    assert not np.isfinite(c[m - 1]).any()
    assert np.isnan(c[:, n - 1]).all()


@pytest.mark.parametrize("shape", [(257, 130, 300), (64, 900, 150), (100, 100, 100), (60, 7, 3 * LONG)])
def test_bits_do_not_depend_on_threads(bits, shape):
    """Without any setting, unlike a library's."""
    m, n, k = shape
    rng = np.random.default_rng(3)
    flags = abi.GEMM_TRANSPOSE_B if k > LONG else 0
    a, b = matrix(rng, m, k, "f4", 0), matrix(rng, *((n, k) if flags else (k, n)), "f4", 1)
    results = []
    for count in (1, 2, 5):
        with config.override(num_threads=count):
            results.append(np.empty((m, n), "f4"))
            gemm(flags, a, b, results[-1], m, n, k)
    for result in results[1:]:
        np.testing.assert_array_equal(result, results[0])


def test_memory_is_kept_and_a_lack_of_it_is_told(bits):
    """Scratch memory is asked for once; where there is none the service says so, and writes nothing."""
    gemm_services = blas._gemm()
    state = gemm_services.state
    real, asked = state[State.ALLOCATE // 8], []
    signature = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_size_t)
    allocate = signature(real)
    spy = signature(lambda size: asked.append(size) or allocate(size))
    none = signature(lambda size: 0)
    a = np.ones((200, 200))
    c = np.zeros((200, 200))
    with config.override(num_threads=1):
        gemm(0, a, a, c, 200, 200, 200)
        state[State.ALLOCATE // 8] = ctypes.cast(spy, ctypes.c_void_p).value
        try:
            for _ in range(5):
                gemm(0, a, a, c, 200, 200, 200)
            assert asked == []
            kept = [state[k] for k in range(State.SCRATCH // 8, State.SIZE // 8)]
            for k in range(State.SCRATCH // 8, State.SIZE // 8):
                state[k] = 0
            state[State.ALLOCATE // 8] = ctypes.cast(none, ctypes.c_void_p).value
            c[:] = 7
            service = ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 10)(blas.gemm_address(c.dtype))
            address = a.ctypes.data
            for size in (20, 200):
                assert service(0, size, size, size, address, 200, address, 200, c.ctypes.data, 200) == 1
            assert (c == 7).all()
            for k, block in zip(range(State.SCRATCH // 8, State.SIZE // 8), kept, strict=True):
                state[k] = block
        finally:
            state[State.ALLOCATE // 8] = real


@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_long_rows(bits, dtype):
    """Which are not packed: rows and columns that no tile divides, blocks of columns, what is added."""
    for m, n, k in ((1, 1, LONG), (4, 10, LONG + 1), (5, 6, 2 * LONG + 9), (33, 11, LONG + 15)):
        for flags in (abi.GEMM_TRANSPOSE_B, abi.GEMM_TRANSPOSE_B | abi.GEMM_ACCUMULATE):
            check(dtype, (m, n, k), flags, padding=1)
