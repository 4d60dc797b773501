"""The interpreter: NumPy's values, and refusal of inputs that do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.errors import ShapeError
from graphc.ir.interp import interpret
from graphc.ir.text import parse
from graphc.ops.table import OPS

TEXT = """
graph f(%x: f32[n,m], %y: f32[m], k: int) -> (%3, %4) where k - n >= 0 {
  %0: f32[n,m] = add %x, %y
  %1: f32[n] = sum %0 axes=(1,)
  %2: f32[n,1] = reshape %1 dims=(n,1)
  %3: f32[n,k] = broadcast_to %2 dims=(n,k)
  %4: weak i64[] = dim dim=2*n+k
}"""


def test_values_and_dtypes() -> None:
    x, y = np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(3, np.float32)
    result, size = interpret(parse(TEXT, OPS), [x, y], [4])
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, np.broadcast_to((x + y).sum(1)[:, None], (2, 4)))
    assert size == 8


def test_a_shape_that_does_not_fit() -> None:
    with pytest.raises(ShapeError, match="expected shape"):
        interpret(parse(TEXT, OPS), [np.ones((2, 3)), np.ones(4)], [4])


def test_a_guard_that_does_not_hold() -> None:
    with pytest.raises(ShapeError, match="guard"):
        interpret(parse(TEXT, OPS), [np.ones((5, 3)), np.ones(3)], [4])


def test_sizes_of_zero() -> None:
    result, _ = interpret(parse(TEXT, OPS), [np.ones((0, 3)), np.ones(3)], [0])
    assert result.shape == (0, 0)


def test_floating_point_warnings_stay_silent() -> None:
    graph = parse("graph f(%x: f64[]) -> (%0) {\n  %0: f64[] = div %x, %x\n}", OPS)
    with np.errstate(all="raise"):
        assert np.isnan(interpret(graph, [0.0])[0])
