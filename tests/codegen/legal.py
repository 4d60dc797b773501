"""The dtypes that each pointwise op computes in, and numbers that show what it does with them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import numpy as np

from graphc.errors import GraphcError
from graphc.ir.opdef import Op, Pointwise, loop_dtypes
from graphc.ir.types import BOOL, F32, F64, I64, REAL_DTYPES, ArrayType
from graphc.ops.complex_numbers import COMPLEX
from graphc.ops.scipy_functions import SCIPY_FUNCTIONS  # which have tests of their own
from graphc.ops.table import OPS

POINTWISE = {
    name: op
    for name, op in OPS.items()
    if isinstance(op.kind, Pointwise) and name != "cast" and op not in [*SCIPY_FUNCTIONS, *COMPLEX]
}
WINDOWS = ("convolution", "convolution_source", "convolution_weight")
FLOATS_ONLY = ("linear_scan", *WINDOWS)  # made for cotangents, which are floats; calls for floats


def computes_in(op: Op, dtypes: tuple[np.dtype, ...]) -> bool:
    """Whether the op takes these very dtypes, with no cast before it."""
    if op.name in FLOATS_ONLY and dtypes[0].kind != "f":
        return False
    try:
        loop = loop_dtypes(op, [ArrayType(dtype) for dtype in dtypes])
    except GraphcError:
        return False
    return tuple(loop[:-1]) == dtypes


def input_dtypes(op: Op, dtype: np.dtype) -> tuple[np.dtype, ...]:
    """The inputs' dtypes where the op is asked to compute in ``dtype``."""
    arity = op.kind.arity  # type: ignore[union-attr]
    if op.name == "select":
        return BOOL, dtype, dtype
    return (dtype, I64) if op.name == "ldexp" else (dtype,) * arity


def loops(op: Op) -> Iterator[tuple[np.dtype, ...]]:
    """Every combination of input dtypes that the op computes in."""
    arity = op.kind.arity  # type: ignore[union-attr]
    yield from (d for d in itertools.product(REAL_DTYPES.values(), repeat=arity) if computes_in(op, d))


# --- numbers ----------------------------------------------------------------------------------------------------------

SMALL = (0.0, 1.0, 0.5, 2.0, 3.0, 0.1, 0.7, 1.5, 2.5, 7.3, 11.9, 30.0, 1e-5, 1e-10, 0.999, 1.001)
LARGE = (np.inf, 100.0, 700.0, 745.2, 1e4, 123456.789, 1e10, 1e15 + 0.5)
INTEGERS = (0, 1, 2, 3, 5, 7, 8, 31, 63, 64, 100, -1, -2, -3, -7, -8, -64)


def special_points(dtype: np.dtype) -> np.ndarray:
    """Both signs of ordinary, huge, tiny, subnormal and infinite numbers, zeros, NaN; an integer's ends of range."""
    if dtype == BOOL:
        return np.array([True, False])
    if dtype.kind != "f":
        info = np.iinfo(dtype)
        ends = [info.min, info.min + 1, info.max - 1, info.max]
        return np.array([n for n in INTEGERS if info.min <= n <= info.max] + ends, dtype)
    info = np.finfo(dtype)
    edges = (info.max, info.max / 3, info.tiny, info.tiny * 2, info.tiny * 0.3, info.smallest_subnormal, info.eps)
    with np.errstate(over="ignore"):
        positive = np.array([*SMALL, *LARGE, *edges]).astype(dtype)
    return np.concatenate([positive, -positive, [np.nan]]).astype(dtype)


def inputs_for(dtypes: tuple[np.dtype, ...], seed: int = 0) -> list[np.ndarray]:
    """Every combination of special points, and as many ordinary numbers of several magnitudes."""
    grid = np.meshgrid(*map(special_points, dtypes), indexing="ij")
    random = np.random.default_rng(seed)
    arrays = []
    for dtype, points in zip(dtypes, grid, strict=True):
        if dtype in (F64, F32):
            numbers = random.normal(size=max(points.size, 300)) * 10.0 ** random.integers(-3, 2, max(points.size, 300))
            arrays.append(np.concatenate([points.ravel(), numbers.astype(dtype)]))
        else:
            arrays.append(np.concatenate([points.ravel(), random.permutation(points.ravel())]))
    size = min(a.size for a in arrays)
    return [a[:size] for a in arrays]
