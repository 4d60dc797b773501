"""Functions that NumPy and SciPy have under other names: products, linear algebra, statistics, special functions.

Each entry is NumPy's implementation for traced arrays with the arguments in PyTorch's order and PyTorch's dtypes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.errors import ShapeError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import I64, ArrayType
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.promotion import floating, promoted
from graphc.tensors.functions.reductions import of_scalars
from graphc.trace.functions import NUMPY_FUNCTIONS as NUMPY
from graphc.trace.functions.arguments import axis_of
from graphc.trace.functions.assignment import add_at


def _of(name: str, *, operands: int = 1, is_float: bool = False) -> Callable[..., Any]:
    """NumPy's function of so many tensors, in their common dtype, and of statics."""
    function = NUMPY[name]

    def build(F: Builder, *given: Any) -> Any:
        values = promoted(F, given[:operands])
        values = [floating(F, v) for v in values] if is_float else values
        return function(F, *values, *given[operands:])

    return build


def _ufunc(name: str) -> Callable[..., Value]:
    return lambda F, x: F.apply(F.ops[name], (floating(F, x),), {})


# --- products ---------------------------------------------------------------------------------------------------------


def einsum(F: Builder, *operands_and_subscripts: Any) -> Value:
    *operands, subscripts = operands_and_subscripts
    return NUMPY["numpy.einsum"](F, subscripts, *promoted(F, operands))


def tensordot(F: Builder, a: Value, b: Value, axes: Any) -> Value:
    x, y = promoted(F, (a, b))
    return NUMPY["numpy.tensordot"](F, x, y, axes)


def outer(F: Builder, a: Value, b: Value) -> Value:
    if a.rank != 1 or b.rank != 1:
        raise ShapeError(f"outer needs two vectors, got {a.type} and {b.type}", location=F.location)
    return F.mul(*promoted(F, (F.expand_dims(a, (1,)), F.expand_dims(b, (0,)))))


def cross(F: Builder, a: Value, b: Value, dim: int) -> Value:
    x, y = promoted(F, (a, b))
    return NUMPY["numpy.cross"](F, x, y, axis=dim)


def diag_embed(F: Builder, x: Value) -> Value:
    """The last dimension as the diagonal of matrices."""
    n = x.dims[-1]
    on = F.eq(F.iota(dims=(n, 1), axis=0), F.iota(dims=(1, n), axis=1))
    return F.select(on, F.expand_dims(x, (x.rank,)), F.cast(F.value(0), x.type.dtype))


def cdist(F: Builder, a: Value, b: Value, order: float) -> Value:
    """The p-norms of all differences of rows."""
    x, y = promoted(F, (a, b))
    difference = F.sub(F.expand_dims(x, (x.rank - 1,)), F.expand_dims(y, (y.rank - 2,)))
    return NUMPY["numpy.linalg.vector_norm"](F, difference, axis=-1, ord=order)


# --- statistics -------------------------------------------------------------------------------------------------------


def quantile(F: Builder, x: Value, q: Any, dim: int | None, keepdim: bool, skips_nan: bool) -> Value:
    function = NUMPY["numpy.nanquantile" if skips_nan else "numpy.quantile"]
    return function(F, x, q if isinstance(q, Value) else F.value(q), dim, keepdims=keepdim)


def nansum(F: Builder, x: Value, dim: Any, keepdim: bool) -> Value:
    return NUMPY["numpy.nansum"](F, x, dim, I64 if x.type.dtype.kind == "u" else None, keepdims=keepdim)


def nanmean(F: Builder, x: Value, dim: Any, keepdim: bool) -> Value:
    return NUMPY["numpy.nanmean"](F, floating(F, x), dim, keepdims=keepdim)


def nan_to_num(F: Builder, x: Value, nan: float, posinf: float | None, neginf: float | None) -> Value:
    return NUMPY["numpy.nan_to_num"](F, x, nan=nan, posinf=posinf, neginf=neginf)


def count_nonzero(F: Builder, x: Value, dim: Any) -> Value:
    return NUMPY["numpy.count_nonzero"](F, x, dim)


def isclose(F: Builder, a: Value, b: Value, rtol: float, atol: float, equal_nan: bool) -> Value:
    x, y = promoted(F, (a, b))
    return NUMPY["numpy.isclose"](F, x, y, rtol, atol, equal_nan)


def diff(F: Builder, x: Value, count: int, dim: int) -> Value:
    return NUMPY["numpy.diff"](F, x, count, dim)


def bincount(F: Builder, x: Value, weights: Value | None, size: int) -> Value:
    """How often each number stands there, or the sum of the weights that stand with it."""
    added = F.full(ArrayType(I64, x.dims), 1) if weights is None else weights
    return add_at(F, F.zeros(ArrayType(added.type.dtype, (size,))), F.cast(x, I64), added)


def unfold(F: Builder, x: Value, dim: int, size: int, step: int) -> Value:
    """Windows of the dimension, along a new last one."""
    axis = axis_of(F, "unfold", dim, x.rank)
    count = (x.dims[axis] - size) // step + 1
    place = F.add(F.mul(F.iota(dims=(count, 1), axis=0), step), F.iota(dims=(1, size), axis=1))
    windows = NUMPY["numpy.take"](F, x, place, axis)
    return F.transpose(windows, (*(a for a in range(x.rank + 1) if a != axis + 1), axis + 1))


LIBRARY = [
    Function("einsum", einsum, "others"),
    Function("tensordot", tensordot, "others"),
    Function("outer", outer, "others"),
    Function("inner", _of("numpy.inner", operands=2), "others"),
    Function("kron", _of("numpy.kron", operands=2), "others"),
    Function("cross", cross, "others"),
    Function("diag", _of("numpy.diag"), "nothing"),
    Function("diag_embed", diag_embed, "nothing"),
    Function("diagonal", _of("numpy.diagonal"), "nothing"),
    Function("trace", _of("numpy.trace"), "nothing"),
    Function("tile", _of("numpy.tile"), "nothing"),
    Function("repeat_interleave", _of("numpy.repeat"), "nothing"),
    Function("rot90", _of("numpy.rot90"), "nothing"),
    Function("unfold", unfold, "nothing"),
    Function("cdist", cdist),
    Function("quantile", quantile),
    Function("nansum", of_scalars(nansum)),
    Function("nanmean", of_scalars(nanmean)),
    Function("nan_to_num", nan_to_num),
    Function("count_nonzero", of_scalars(count_nonzero), "nothing", differentiable=False),
    Function("isclose", isclose, "nothing", differentiable=False),
    Function("diff", diff, "nothing"),
    Function("bincount", bincount, "nothing"),
    Function("linalg_inv", _of("numpy.linalg.inv", is_float=True), "result"),
    Function("linalg_pinv", _of("numpy.linalg.pinv", is_float=True)),
    Function("linalg_solve", _of("numpy.linalg.solve", operands=2, is_float=True)),
    Function("linalg_solve_triangular", lambda F, a, b, upper: NUMPY["scipy.linalg.solve_triangular"](
        F, a, b, lower=not upper)),
    Function("linalg_det", _of("numpy.linalg.det", is_float=True)),
    Function("linalg_slogdet", _of("numpy.linalg.slogdet", is_float=True)),
    Function("linalg_cholesky", _of("numpy.linalg.cholesky", is_float=True), "result"),
    Function("linalg_eigh", _of("numpy.linalg.eigh", is_float=True), "result"),
    Function("linalg_eigvalsh", _of("numpy.linalg.eigvalsh", is_float=True)),
    Function("linalg_qr", _of("numpy.linalg.qr", is_float=True)),
    Function("linalg_svd", _of("numpy.linalg.svd", is_float=True), "result"),
    Function("linalg_svdvals", _of("numpy.linalg.svdvals", is_float=True)),
    Function("linalg_matrix_power", _of("numpy.linalg.matrix_power")),
    Function("linalg_matrix_norm", lambda F, x, order, keepdim: NUMPY["numpy.linalg.matrix_norm"](
        F, x, keepdims=keepdim, ord=order)),
    Function("linalg_lstsq", _of("numpy.linalg.lstsq", operands=2, is_float=True)),
    Function("erfinv", _ufunc("erfinv"), "result"),
    Function("sinc", _of("numpy.sinc", is_float=True)),
    Function("deg2rad", _ufunc("deg2rad"), "nothing"),
    Function("rad2deg", _ufunc("rad2deg"), "nothing"),
]  # fmt: skip
