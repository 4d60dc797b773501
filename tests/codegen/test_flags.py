"""The search for flags, at every length around a vector's and from every place."""

import numpy as np
import pytest
from numba import njit

from graphc.codegen.flags import AT_A_LOOK, flag_before, next_flag
from graphc.codegen.intrinsics import as_pointer_u8

RNG = np.random.default_rng(2)


@pytest.fixture(scope="module")
def searches():
    @njit("int64(int64, int64, int64)")
    def forward(address, start, stop):
        return next_flag(as_pointer_u8(address), start, stop)

    @njit("int64(int64, int64)")
    def backward(address, end):
        return flag_before(as_pointer_u8(address), end)

    return forward, backward


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 1.0])
def test_the_nearest_flag_is_found(searches, share):
    forward, backward = searches
    for size in (0, 1, AT_A_LOOK - 1, AT_A_LOOK, AT_A_LOOK + 1, 3 * AT_A_LOOK + 5):
        flags = np.ones(size + 2, bool)  # the first and the last lie outside of what is searched
        flags[1:-1] = RNG.uniform(size=size) < share
        address = flags.ctypes.data + 1
        for place in range(size + 1):
            behind, before = np.flatnonzero(flags[1 + place : 1 + size]), np.flatnonzero(flags[1 : 1 + place])
            assert forward(address, place, size) == (place + behind[0] if behind.size else size)
            assert backward(address, place) == (before[-1] if before.size else -1)
