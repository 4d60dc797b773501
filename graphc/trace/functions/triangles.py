"""Positions of the diagonal and the triangles of a matrix: ``diag_indices tril_indices triu_indices`` and ``_from``.

How many there are follows from the sizes, so that what is put there, or taken from there, fits for every size.
"""

from __future__ import annotations

from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Value
from graphc.ir.types import I64
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_dim,
    as_int,
    larger,
    not_negative,
    shape_error,
)


def diag_indices(F: Builder, n: Any, ndim: Any = 2) -> tuple[Value, ...]:
    """Positions of the diagonal of a square array of n rows, an array for each axis."""
    return (F.iota(dims=(as_dim(F, "diag_indices", n),), axis=0),) * as_int(F, "diag_indices", "ndim", ndim)


def diag_indices_from(F: Builder, arr: Any) -> tuple[Value, ...]:
    """Positions of the diagonal, an array for each axis."""
    value = as_array(F, arr)
    if value.rank < 2 or not all(F.facts.equal(dim, value.dims[0]) for dim in value.dims):
        raise shape_error(F, f"diag_indices_from: {value.type} is no square array of two or more dimensions")
    return (F.iota(dims=(value.dims[0],), axis=0),) * value.rank


def _below(F: Builder, rows: Dim, columns: Dim, k: int) -> Dim:
    """How many elements there are at and below the k-th diagonal.

    Row i has min(i + k + 1, columns) of them, if that is positive: a staircase from the first row that has any, with
    ``low`` of them, to the last, with ``high``, less what of it is outside on the right.
    """
    low, high = larger(F, k + 1, 0), larger(F, rows + k, 0)
    stairs = _triangle(high) - _triangle(not_negative(F, low - 1))
    beyond = _triangle(not_negative(F, high - columns)) - _triangle(not_negative(F, low - 1 - columns))
    return stairs - beyond


def _triangle(side: Dim) -> Dim:
    return side * (side + 1) // 2


def _positions(F: Builder, name: str, rows: Dim, columns: Dim, k: Any, *, upper: bool) -> tuple[Value, Value]:
    """Row by row. The row of an element is found among the ends of the rows, its column by the row's beginning."""
    offset = as_int(F, name, "k", k) if upper else as_int(F, name, "k", k) + 1
    boundary = F.add(F.iota(dims=(rows,), axis=0), offset)  # of each row: the first column that is not below
    boundary = F.minimum(F.maximum(boundary, 0), F.cast(F.value(columns), I64))
    count = _below(F, rows, columns, offset - 1)
    count = rows * columns - count if upper else count
    widths = F.sub(columns, boundary) if upper else boundary
    ends = F.cumsum(widths, axis=0, exclusive=False, reverse=False)
    place = F.iota(dims=(count,), axis=0)
    row = F.search(ends, place, right=True)
    first = F.sub(boundary, F.sub(ends, widths)) if upper else F.sub(widths, ends)
    return row, F.add(place, F.gather(first, row, axes=(0,), checked=False))


def _of_sizes(name: str, *, upper: bool) -> Implementation:
    def indices(F: Builder, n: Any, k: Any = 0, m: Any = None) -> tuple[Value, Value]:
        rows = not_negative(F, as_dim(F, name, n))
        columns = rows if m is None else not_negative(F, as_dim(F, name, m))
        return _positions(F, name, rows, columns, k, upper=upper)

    indices.__doc__ = f"Positions (int64) of the {'upper' if upper else 'lower'} triangle of an (n, m) matrix."
    return indices


def _of_array(name: str, *, upper: bool) -> Implementation:
    def indices(F: Builder, arr: Any, k: Any = 0) -> tuple[Value, Value]:
        value = as_array(F, arr)
        if value.rank != 2:
            raise shape_error(F, f"{name}: {value.type} is no matrix")
        rows, columns = value.dims
        return _positions(F, name, rows, columns, k, upper=upper)

    indices.__doc__ = f"Positions (int64) of the {'upper' if upper else 'lower'} triangle, an array for each axis."
    return indices


FUNCTIONS: dict[str, Implementation] = {
    "numpy.diag_indices": diag_indices, "numpy.diag_indices_from": diag_indices_from,
    "numpy.tril_indices": _of_sizes("tril_indices", upper=False),
    "numpy.triu_indices": _of_sizes("triu_indices", upper=True),
    "numpy.tril_indices_from": _of_array("tril_indices_from", upper=False),
    "numpy.triu_indices_from": _of_array("triu_indices_from", upper=True),
}  # fmt: skip
