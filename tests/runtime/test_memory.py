"""The pool of results: memory is reused, given back exactly once, bounded, and nobody else's arrays are touched."""

from __future__ import annotations

import ctypes
import os
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from entry_support import F8, const, make, plan, symbol

from graphc.abi import Code, OutputLeaf
from graphc.config import override
from graphc.runtime import entry, memory, object_layout
from graphc.runtime.entry_arrays import SMALLEST_POOLED
from graphc.runtime.entry_layout import POOL_SLOTS, PoolField

pytestmark = pytest.mark.skipif(not object_layout.KNOWN, reason="this interpreter has no native entries")
LARGE = SMALLEST_POOLED // 8  # elements of the smallest array that comes from the pool


class Handler:
    """NumPy's side of a pool of its own."""

    def __init__(self, limit=memory.LARGEST_KEPT):
        code = entry.code_addresses()
        self.pool = memory.Pool(code)
        self.pool.set(PoolField.LIMIT, limit)
        arguments = {"malloc": 2, "calloc": 3, "realloc": 3, "free": 3}
        word = ctypes.c_int64
        for name, count in arguments.items():
            function = ctypes.PYFUNCTYPE(word, *[word] * count)(code[f"graphc_pool_{name}"])
            setattr(self, name, lambda *args, call=function: call(self.pool.address, *args))


def test_a_block_is_reused_for_what_it_fits():
    pool = Handler()
    block = pool.malloc(1000)
    assert block % 4096 == 0
    pool.free(block, 1000)
    assert pool.pool.kept_bytes() == 1000
    assert pool.malloc(1001) != block
    assert pool.malloc(799) != block, "a quarter of it would be idle"
    assert pool.malloc(800) == block
    assert pool.pool.kept_bytes() == 0
    assert pool.malloc(1000) != block, "it is in use"


def test_the_smallest_that_fits():
    pool = Handler()
    blocks = {size: pool.malloc(size) for size in (1100, 1000, 1200)}
    for size, block in blocks.items():
        pool.free(block, size)
    assert pool.malloc(990) == blocks[1000]
    assert pool.malloc(990) == blocks[1100]
    assert pool.malloc(990) == blocks[1200]


def test_no_more_is_kept_than_the_limit_and_the_oldest_goes_first():
    pool = Handler(limit=3000)
    blocks = [pool.malloc(1000) for _ in range(4)]
    for block in blocks:
        pool.free(block, 0)
        assert pool.pool.kept_bytes() <= 3000
    assert pool.pool.kept_bytes() == 3000
    pool.free(pool.malloc(2500), 0)
    assert pool.pool.kept_bytes() == 2500
    pool.free(pool.malloc(3001), 0)
    assert pool.pool.kept_bytes() == 2500, "what is larger than the limit is not kept"


def test_more_blocks_than_slots():
    pool = Handler()
    blocks = [pool.malloc(64) for _ in range(3 * POOL_SLOTS)]
    assert len(set(blocks)) == len(blocks)
    for block in blocks:
        pool.free(block, 64)
    assert pool.pool.kept_bytes() == 64 * POOL_SLOTS
    assert {pool.malloc(64) for _ in range(POOL_SLOTS)} == set(blocks[-POOL_SLOTS:])
    assert pool.pool.kept_bytes() == 0


def test_a_block_that_lies_idle_stays_while_there_is_room():
    pool = Handler()
    idle = pool.malloc(5000)
    pool.free(idle, 0)
    for _ in range(3 * POOL_SLOTS):
        pool.free(pool.malloc(1000), 0)
    assert pool.pool.kept_bytes() == 6000
    assert pool.malloc(5000) == idle


def test_large_arenas_come_from_the_pool_and_are_shared():
    seen = []
    p = plan(arena_bytes=(*symbol(0), *const(8), Code.MUL), outputs=(), result=((1,),))
    first, second = (make(p, lambda call: seen.append(call.arena)) for _ in range(2))
    for _ in range(2):
        first(np.zeros(3 * LARGE))
        second(np.zeros(3 * LARGE))
    assert len(set(seen)) == 1
    before = entry.result_pool().kept_bytes()
    with pytest.raises(ArithmeticError):
        make(p, lambda call: 1)(np.zeros(3 * LARGE))
    assert entry.result_pool().kept_bytes() == before, "given back after an error, too"
    with pytest.raises(MemoryError):
        make(plan(arena_bytes=const(2**60)))(np.zeros(3))


def test_the_other_functions_of_the_handler():
    pool = Handler()
    block = pool.calloc(25, 8)
    assert ctypes.string_at(block, 200) == bytes(200)
    ctypes.memmove(block, bytes(range(200)), 200)
    assert pool.realloc(block, 100) == block
    larger = pool.realloc(block, 1000)
    assert larger != block
    assert ctypes.string_at(larger, 200) == bytes(range(200))
    assert pool.pool.kept_bytes() == 200
    assert pool.realloc(0, 160) == block
    pool.free(0, 0)
    assert pool.pool.kept_bytes() == 0
    assert pool.malloc(2**60) == 0


def handler_of(array):
    return np._core.multiarray.get_handler_name(array)


def test_a_result_is_an_array_like_any_other():
    f = make(plan())
    x = np.random.default_rng(0).random(LARGE)
    result, plain = f(x), 2 * x
    np.testing.assert_array_equal(result, plain)
    assert handler_of(result) == "graphc"
    assert handler_of(plain) == "default_allocator", "no other array is touched"
    assert result.base is None
    assert str(result.flags) == str(plain.flags)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(result)), plain)
    result.resize(2 * LARGE, refcheck=False)
    np.testing.assert_array_equal(result[:LARGE], plain)
    assert not result[LARGE:].any()
    result.resize(3, refcheck=False)
    np.testing.assert_array_equal(result, plain[:3])
    assert handler_of(f(x[:10])) == "default_allocator"


def test_dead_results_are_reused_and_living_ones_are_not():
    f, x = make(plan()), np.arange(float(LARGE + 8))
    first = f(x)
    address, part = first.ctypes.data, first[5:9]
    del first
    second = f(2 * x)
    assert second.ctypes.data != address, "a view still needs it"
    np.testing.assert_array_equal(part, 2 * np.arange(5.0, 9.0))
    del part
    assert f(x).ctypes.data == address
    np.testing.assert_array_equal(second, 4 * x)
    addresses = {f(x).ctypes.data for _ in range(100)}
    assert len(addresses) == 1


def test_results_of_several_dims_and_dtypes():
    n = symbol(0)
    outputs = (
        OutputLeaf("<f4", (n, const(3))),
        OutputLeaf("|b1", (const(2), n, n)),
        OutputLeaf("<i8", (const(1), n)),
    )
    result = ((0, 0), (0, 1), (0, 2), (2, 3))
    arrays = make(plan(outputs=outputs, result=result), lambda call: None)(np.zeros(20_000 // 50))
    for array, leaf in zip(arrays, outputs, strict=True):
        plain = np.empty(array.shape, leaf.dtype)
        assert (array.dtype, array.strides, str(array.flags)) == (plain.dtype, plain.strides, str(plain.flags))


def test_sizes_that_cannot_be():
    wrapped = (*symbol(0), *const(2**61), Code.MUL)
    for dims, error in (
        ((const(2**45), const(2**3)), MemoryError),
        ((const(-(2**20)),), ValueError),
        ((const(-(2**10)), const(-(2**10))), ValueError),
        ((wrapped, const(8)), (MemoryError, ValueError)),
        ((const(2**61 + 2**14), const(8)), (MemoryError, ValueError)),
    ):
        with pytest.raises(error):
            make(plan(outputs=(OutputLeaf(F8, dims),)))(np.zeros(3))


def test_without_the_pool():
    with override(keep_memory=False):
        assert handler_of(make(plan())(np.zeros(LARGE))) == "default_allocator"


def test_arrays_that_die_in_other_threads():
    f, x = make(plan()), np.arange(float(LARGE))
    made = [f(x) for _ in range(40)]

    def use():
        while made:
            try:
                array = made.pop()
            except IndexError:
                return
            array += f(array)
            np.testing.assert_array_equal(array, 6 * x)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not made


PROGRAM = """
import os, sys
import numpy as np
import graphc
f = graphc.jit(lambda x: x * 2)
x = np.ones(300_000)
kept = f(x)
sys.kept = [f(x), kept[3:]]        # dies after every module
class Late:
    def __init__(self): self.array = f(x)
    def __del__(self): self.array = f(self.array) if f else None
late = Late()
cycle = [f(x)]; cycle.append(cycle)
f(x)
{ending}
"""


@pytest.mark.parametrize("ending", ["", "raise SystemExit(0)", "os.fork()", "del f; kept.resize(10, refcheck=False)"])
def test_the_interpreter_ends_with_living_results(ending):
    if "fork" in ending and not hasattr(os, "fork"):
        pytest.skip("no fork here")
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PROGRAM.format(ending=ending)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
