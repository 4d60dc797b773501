"""Products of arrays: ``matmul dot vdot inner outer tensordot kron cross multi_dot``.

The op ``matmul`` takes matrices with equal leading dims; vectors become matrices of one row or column around it, and
leading dims are broadcast before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Value
from graphc.ir.types import BOOL
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    as_int,
    axes_of,
    axis_of,
    broadcast_dims,
    promoted,
    require_equal,
    shape_error,
    shape_text,
)
from graphc.trace.functions.complex_values import conjugated
from graphc.trace.functions.paths import Chain, chain_order, known_size
from graphc.trace.functions.slicing import take_range


def pair(F: Builder, a: Any, b: Any) -> tuple[Value, Value]:
    """Both factors in their common dtype."""
    first, second = promoted(F, [as_array(F, a), as_array(F, b)])
    return first, second


def sum_of_products(F: Builder, a: Value, b: Value, axes: Sequence[int]) -> Value:
    """``sum(a * b)`` over the axes, in the dtype of the factors."""
    name = "any" if a.type.dtype == BOOL else "sum"
    return F.reduce(name, F.mul(a, b), axes)


def matrices(F: Builder, a: Value, b: Value) -> Value:
    """``a @ b`` for two arrays of rank >= 2 whose inner dims are equal; leading dims broadcast."""
    if a.rank > 2 and b.rank == 2:  # one tall matrix instead of a batch: one library call, and no copies of b
        rows = F.reshape(a, (product(a.dims[:-1]), a.dims[-1]))
        return F.reshape(F.matmul(rows, b), (*a.dims[:-1], b.dims[-1]))
    batch = broadcast_dims(F, "matmul", [a.dims[:-2], b.dims[:-2]])
    return F.matmul(F.broadcast_to(a, (*batch, *a.dims[-2:])), F.broadcast_to(b, (*batch, *b.dims[-2:])))


def matmul(F: Builder, x1: Any, x2: Any, /) -> Value:
    """``x1 @ x2``."""
    a, b = pair(F, x1, x2)
    if not a.rank or not b.rank:
        raise shape_error(F, f"matmul: a scalar is no matrix ({a.type} and {b.type}); use * to scale an array")
    require_equal(F, "matmul", a.dims[-1], b.dims[-2 if b.rank > 1 else 0], (a.dims, b.dims))
    if a.rank == b.rank == 1:
        return sum_of_products(F, a, b, (0,))
    row, column = a.rank == 1, b.rank == 1
    result = matrices(F, F.expand_dims(a, (0,)) if row else a, F.expand_dims(b, (1,)) if column else b)
    return F.squeeze(result, [result.rank - 2] if row else [result.rank - 1] if column else [])


def dot(F: Builder, a: Any, b: Any, out: None = None) -> Value:
    """NumPy's ``dot``: the last axis of a with the last but one of b; leading dims do not broadcast, they multiply."""
    x, y = pair(F, a, b)
    if not x.rank or not y.rank:
        return F.mul(x, y)
    if x.rank <= 2 and y.rank <= 2:
        return matmul(F, x, y)
    return tensordot(F, x, y, ((x.rank - 1,), (max(y.rank - 2, 0),)))


def inner(F: Builder, a: Any, b: Any, /) -> Value:
    """The last axis of a with the last axis of b."""
    x, y = pair(F, a, b)
    if not x.rank or not y.rank:
        return F.mul(x, y)
    return tensordot(F, x, y, ((x.rank - 1,), (y.rank - 1,)))


def vdot(F: Builder, a: Any, b: Any, /) -> Value:
    """The sum of the products of all elements; those of a are conjugated."""
    x, y = pair(F, a, b)
    require_equal(F, "vdot", product(x.dims), product(y.dims), (x.dims, y.dims))
    if x.dims != y.dims:
        x, y = (F.reshape(v, (product(v.dims),)) for v in (x, y))
    return sum_of_products(F, conjugated(F, x), y, range(x.rank))


def vecdot(F: Builder, x1: Any, x2: Any, /, *, axis: int = -1) -> Value:
    """The inner products of vectors along the axis; the other dims broadcast. Those of x1 are conjugated."""
    a, b = pair(F, x1, x2)
    a, b = (_axis_last(F, "vecdot", v, axis) for v in (a, b))
    require_equal(F, "vecdot", a.dims[-1], b.dims[-1], (a.dims, b.dims))
    return sum_of_products(F, conjugated(F, a), b, (max(a.rank, b.rank) - 1,))


def _axis_last(F: Builder, name: str, a: Value, axis: int) -> Value:
    along = axis_of(F, name, axis, a.rank)
    return F.transpose(a, [*(i for i in range(a.rank) if i != along), along])


def outer(F: Builder, a: Any, b: Any, out: None = None) -> Value:
    """The products of every element of a with every element of b."""
    x, y = pair(F, a, b)
    return F.mul(F.reshape(x, (product(x.dims), 1)), F.reshape(y, (1, product(y.dims))))


def _contracted_axes(F: Builder, a: Value, b: Value, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    if isinstance(axes, list | tuple):
        ours, theirs = axes
        return axes_of(F, "tensordot", ours, a.rank), axes_of(F, "tensordot", theirs, b.rank)
    count = as_int(F, "tensordot", "axes", axes)
    if not 0 <= count <= min(a.rank, b.rank):
        raise shape_error(F, f"tensordot: {count} axes cannot be summed over for {a.type} and {b.type}")
    return tuple(range(a.rank - count, a.rank)), tuple(range(count))


def tensordot(F: Builder, a: Any, b: Any, axes: Any = 2) -> Value:
    """Sum over pairs of axes: those of a and those of b, or the last of a and the first of b."""
    x, y = pair(F, a, b)
    ours, theirs = _contracted_axes(F, x, y, axes)
    if len(ours) != len(theirs):
        raise shape_error(F, f"tensordot: {len(ours)} axes of a and {len(theirs)} of b are to be summed over")
    for i, j in zip(ours, theirs, strict=True):
        require_equal(F, "tensordot", x.dims[i], y.dims[j], (x.dims, y.dims))
    rows = [i for i in range(x.rank) if i not in ours]
    columns = [j for j in range(y.rank) if j not in theirs]
    row_dims, column_dims = [x.dims[i] for i in rows], [y.dims[j] for j in columns]
    x, y = F.transpose(x, [*rows, *ours]), F.transpose(y, [*theirs, *columns])
    if not ours:
        return F.mul(F.reshape(x, (*row_dims, *(1,) * len(columns))), y)
    if not rows and not columns:
        return sum_of_products(F, x, y, range(x.rank))
    shared: Dim = product(y.dims[: len(theirs)])
    left, right = F.reshape(x, (product(row_dims), shared)), F.reshape(y, (shared, product(column_dims)))
    return F.reshape(F.matmul(left, right), (*row_dims, *column_dims))


def kron(F: Builder, a: Any, b: Any) -> Value:
    """The Kronecker product."""
    x, y = as_array(F, a), as_array(F, b)
    rank = max(x.rank, y.rank)
    x, y = (F.reshape(v, ((1,) * (rank - v.rank)) + v.dims) for v in (x, y))
    blocks = tuple(dim for d in x.dims for dim in (d, 1))
    inside = tuple(dim for d in y.dims for dim in (1, d))
    products = F.mul(F.reshape(x, blocks), F.reshape(y, inside))
    return F.reshape(products, tuple(d * e for d, e in zip(x.dims, y.dims, strict=True)))


def cross(
    F: Builder, a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Value:
    """The cross product of vectors of length 3 (and, for one or both, 2)."""
    if axis is not None:
        axisa = axisb = axisc = axis
    x, y = as_array(F, a), as_array(F, b)
    x, y = _axis_last(F, "cross", x, axisa), _axis_last(F, "cross", y, axisb)
    parts = [_components(F, v) for v in (x, y)]
    (a0, a1, a2), (b0, b1, b2) = parts
    last = _difference(F, _product(F, a0, b1), _product(F, a1, b0))
    if a2 is None and b2 is None:
        return last
    first = _difference(F, _product(F, a1, b2), _product(F, a2, b1))
    second = _difference(F, _product(F, a2, b0), _product(F, a0, b2))
    result = F.concat(*(F.expand_dims(c, (c.rank,)) for c in (first, second, last)), axis=last.rank)
    place = axis_of(F, "cross", axisc, result.rank)
    perm = list(range(result.rank - 1))
    perm.insert(place, result.rank - 1)
    return F.transpose(result, perm)


def _components(F: Builder, v: Value) -> list[Value | None]:
    """The components along the last axis; the third is None for vectors of length 2."""
    length = 3 if F.facts.equal(v.dims[-1], 3) else 2
    require_equal(F, "cross", v.dims[-1], length, (v.dims,))
    parts: list[Value | None] = [F.squeeze(take_range(F, v, v.rank - 1, i, 1), (v.rank - 1,)) for i in range(length)]
    return parts if length == 3 else [*parts, None]


def _product(F: Builder, a: Value | None, b: Value | None) -> Value | None:
    """``a * b``, where None is zero."""
    return None if a is None or b is None else F.mul(a, b)


def _difference(F: Builder, plus: Value | None, minus: Value | None) -> Value:
    """``plus - minus``, where None (not both) is zero."""
    if minus is None:
        return F.positive(plus)
    return F.neg(minus) if plus is None else F.sub(plus, minus)


def multi_dot(F: Builder, arrays: Sequence[Any], *, out: None = None) -> Value:
    """The product of a chain of matrices (the ends may be vectors), in the order that costs least at these sizes."""
    values = promoted(F, [as_array(F, a) for a in arrays])
    if len(values) < 2:
        raise shape_error(F, "multi_dot: at least two arrays are needed")
    if any(v.rank > 2 or not v.rank for v in values) or any(v.rank != 2 for v in values[1:-1]):
        shapes = ", ".join(shape_text(v.dims) for v in values)
        raise shape_error(F, f"multi_dot: needs matrices, with vectors at the ends only; got {shapes}")
    for a, b in pairwise(values):
        require_equal(F, "multi_dot", a.dims[-1], b.dims[0], (a.dims, b.dims))
    edges = [1 if values[0].rank == 1 else values[0].dims[0], *(v.dims[0] for v in values[1:])]
    edges.append(1 if values[-1].rank == 1 else values[-1].dims[-1])
    return _multiply_chain(F, values, chain_order([known_size(F, dim) for dim in edges]))


def _multiply_chain(F: Builder, values: Sequence[Value], order: Chain) -> Value:
    if isinstance(order, int):
        return values[order]
    left, right = order
    return matmul(F, _multiply_chain(F, values, left), _multiply_chain(F, values, right))


FUNCTIONS: dict[str, Implementation] = {
    "numpy.matmul": matmul, "numpy.dot": dot, "numpy.inner": inner, "numpy.vdot": vdot, "numpy.vecdot": vecdot,
    "numpy.outer": outer, "numpy.tensordot": tensordot, "numpy.kron": kron, "numpy.cross": cross,
    "numpy.linalg.multi_dot": multi_dot, "numpy.linalg.matmul": matmul, "numpy.linalg.outer": outer,
    "numpy.linalg.tensordot": tensordot, "numpy.linalg.vecdot": vecdot, "numpy.linalg.cross": cross,
}  # fmt: skip
