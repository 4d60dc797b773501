"""Arrays that end where memory does: loads under conditions that do not hold must not leave them.

The pages around an array may not be touched, so a load outside of it ends the process; it is one of its own.
"""

from __future__ import annotations

import ctypes
import mmap
import subprocess
import sys

import numpy as np
import pytest

import graphc
from graphc.config import settings

SIZES = (1, 8, 9, 64, 65, 66, 74)  # around those from which on a few elements are rare
SHORT = (1, 8, 9)

JOINED = {
    "before": lambda x, n: np.concatenate([x[:n], x]) * 2,
    "after": lambda x, n: np.concatenate([x, x[-n:]]) * 2,
    "around": lambda x, n: np.concatenate([x[-n:], x + x, x[:n]])[::-1],
    "steps": lambda x, n: np.concatenate([x[:n], x, x[-n:]])[::3] * 2,
    "padded": lambda x, n: np.pad(x, (n, 1)) * np.flip(np.pad(x, (1, n))),
    "rolled": lambda x, n: np.roll(x, n) * np.roll(x, -n),
    "one place": lambda x, n: np.pad(x, n)[n - 1] + np.pad(x, n)[n] + np.concatenate([x[:n], x * 2])[-1],
    "columns": lambda x, n: np.roll(np.pad(x[:, None] + x, ((0, 0), (n, n))), n, 0),
    "looked up": lambda x, n: np.concatenate([x[(x * x).astype(int) % len(x)][:n], x]) * 2,
    "running sum": lambda x, n: np.cumsum(np.concatenate([x[:n], np.flip(x)])),
    "best place": lambda x, n: np.argmax(np.concatenate([x[-n:], x + x]).real),
}
DTYPES = ("f8", "c16", "?")  # widest and narrowest


def at_page_end(values, before):
    """The values in memory of their own, at its beginning (``before``: bool) or its end, and what keeps it."""
    page = mmap.PAGESIZE
    inside = -(-values.nbytes // page) * page
    memory = mmap.mmap(-1, inside + 2 * page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for closed in (start, start + page + inside):
        assert ctypes.CDLL(None).mprotect(ctypes.c_void_p(closed), ctypes.c_size_t(page), 0) == 0
    offset = page if before else page + inside - values.nbytes
    array = np.frombuffer(memory, values.dtype, values.size, offset)
    array[...] = values
    return array, memory


def run(name, dtype):
    """Every size and number of elements beside it; at both ends of the memory."""
    for short in SHORT:
        function = JOINED[name]
        compiled = graphc.jit(lambda x, function=function, short=short: function(x, short))
        for size in (size for size in SIZES if size >= short):
            drawn = np.random.default_rng(size).normal(size=size) * 4
            values = drawn.astype(dtype)
            expected = function(values, short)
            for before in (True, False):
                x, memory = at_page_end(values, before)
                found = compiled(x)
                assert found.dtype == expected.dtype
                tolerance = 4 * np.finfo(dtype).eps if values.dtype.kind in "fc" else 0
                np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * 100)
                assert memory


@pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
@pytest.mark.skipif(sys.platform == "win32", reason="pages are closed by POSIX's mprotect")
@pytest.mark.parametrize("name", JOINED)
def test_no_load_leaves_its_array(name):
    dtypes = [d for d in DTYPES if not (name == "looked up" and d == "c16")]
    code = f"from tests.schedule.test_page_ends import run\nfor dtype in {dtypes}: run({name!r}, dtype)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=300)
