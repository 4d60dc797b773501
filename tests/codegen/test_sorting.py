"""Sorting of compiled rows: stable, NaN last, by NumPy's function with and without room for all digits of a key."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.abi import Sorter
from graphc.config import settings
from graphc.runtime import sorting
from tests.nightly import part

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
SIZES = (1, 15, 16, 17, 100, 1023, 1024, 5000)
DTYPES = ["f8", "i8", "f4", "u8", "i4", "i2", "u1", "?"]


def rows(dtype: str, n: int) -> np.ndarray:
    """Rows of n that are hard to sort: ties, what only the last digits tell apart, the ends of the dtype."""
    kind = np.dtype(dtype)
    rng = np.random.default_rng(n)
    steps = rng.permutation(n)
    if kind.kind == "f":
        near = 1.0 + steps * np.finfo(kind).eps
        wide = np.where(steps % 2, near, np.finfo(kind).min / 8 / n * near)
        ties = rng.choice([0.0, -0.0, 1.0, -np.inf, np.inf, np.nan, -np.nan, 5e-324, -5e-324], n)
        return np.array([rng.normal(size=n), near, wide, ties, steps, np.zeros(n)], kind)
    if kind.kind == "b":
        return np.array([steps % 2, steps % 3 > 0, np.ones(n)], kind)
    ends = np.iinfo(kind)
    random = rng.integers(ends.min, ends.max, n, kind, endpoint=True)
    near = (steps % 100).astype(kind)
    wide = np.where(steps % 2, near, ends.max - near)
    return np.array([random, near, wide, np.where(steps % 3, wide, ends.min), near % 2], kind)


@pytest.mark.parametrize("dtype", part(DTYPES, 0, len(DTYPES)))
def test_rows_of_all_lengths(dtype):
    both = graphc.jit(lambda x: (np.sort(x, axis=1), np.argsort(x, axis=1)))
    alone = graphc.jit(lambda x: np.sort(x, axis=1))
    for n in SIZES:
        x = rows(dtype, n)
        expected = np.argsort(x, axis=1, kind="stable")
        values, positions = both(x)
        np.testing.assert_array_equal(positions, expected, err_msg=f"{dtype}, {n}")
        np.testing.assert_array_equal(values.view("u1"), np.take_along_axis(x, expected, 1).view("u1"))
        np.testing.assert_array_equal(alone(x), np.sort(x, axis=1))


def test_numpys_functions_are_there():
    """Else rows are sorted by the routine's own way, which takes longer."""
    words = sorting.words() or []
    assert len(words) == len(Sorter)
    assert 0 not in words
