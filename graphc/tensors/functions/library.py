"""Functions that NumPy and SciPy have under other names: products, linear algebra, statistics, special functions.

Each entry is NumPy's implementation for traced arrays with the arguments in PyTorch's order and PyTorch's dtypes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.errors import ShapeError
from graphc.ir.builder import Builder
from graphc.ir.graph import Value
from graphc.ir.types import DTYPES, I64, ArrayType
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


def diag_embed(F: Builder, x: Value, offset: int, dim1: int, dim2: int) -> Value:
    """The last dimension as a diagonal of matrices in the plane of two dimensions."""
    n = x.dims[-1]
    size = n + abs(offset)
    rows, columns = F.iota(dims=(size, 1), axis=0), F.iota(dims=(1, size), axis=1)
    before = [(0, 0)] * (x.rank - 1)
    padded = x if not offset else NUMPY["numpy.pad"](F, x, [*before, (max(-offset, 0), max(offset, 0))])
    on = F.eq(F.sub(columns, rows), offset)
    made = F.select(on, F.expand_dims(padded, (x.rank,)), F.cast(F.value(0), x.type.dtype))
    first, second = axis_of(F, "diag_embed", dim1, x.rank + 1), axis_of(F, "diag_embed", dim2, x.rank + 1)
    return NUMPY["numpy.moveaxis"](F, made, (-2, -1), (first, second))


def cdist(F: Builder, a: Value, b: Value, order: float) -> Value:
    """The p-norms of all differences of rows."""
    x, y = promoted(F, (a, b))
    difference = F.sub(F.expand_dims(x, (x.rank - 1,)), F.expand_dims(y, (y.rank - 2,)))
    return NUMPY["numpy.linalg.vector_norm"](F, difference, axis=-1, ord=order)


def _of_symmetric(name: str) -> Callable[..., Any]:
    """NumPy's function of one triangle of matrices; the gradient is shared by both, as PyTorch has it."""
    function = NUMPY[name]

    def build(F: Builder, x: Value, uplo: str = "L") -> Any:
        x = floating(F, x)
        if x.rank < 2 or not F.facts.equal(x.dims[-1], x.dims[-2]):
            return function(F, x)  # which says that it needs square matrices
        turned = F.transpose(x, (*range(x.rank - 2), x.rank - 1, x.rank - 2))
        n = x.dims[-1]
        rows, columns = F.iota(dims=(n, 1), axis=0), F.iota(dims=(1, n), axis=1)
        is_read = F.ge(rows, columns) if uplo in ("L", "l") else F.le(rows, columns)
        read = F.stop_gradient(F.select(is_read, x, turned))
        half = F.mul(F.add(x, turned), 0.5)
        return function(F, F.add(read, F.sub(half, F.stop_gradient(half))))

    return build


# --- statistics -------------------------------------------------------------------------------------------------------


def quantile(F: Builder, x: Value, q: Any, dim: int | None, keepdim: bool, skips_nan: bool, method: str) -> Value:
    function = NUMPY["numpy.nanquantile" if skips_nan else "numpy.quantile"]
    return function(F, x, q if isinstance(q, Value) else F.value(q), dim, method=method, keepdims=keepdim)


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


def diff(F: Builder, x: Value, prepend: Value | None, append: Value | None, count: int, dim: int) -> Value:
    return NUMPY["numpy.diff"](F, x, count, dim, prepend, append)


def cov(F: Builder, x: Value, fweights: Value | None, aweights: Value | None, correction: int) -> Value:
    """The covariances of the rows, in the dtype of the tensor."""
    x = floating(F, x)
    made = NUMPY["numpy.cov"](F, x, ddof=correction, fweights=fweights, aweights=aweights, dtype=x.type.dtype)
    return made if x.rank > 1 else F.reshape(made, ())


def corrcoef(F: Builder, x: Value) -> Value:
    x = floating(F, x)
    made = NUMPY["numpy.corrcoef"](F, x, dtype=x.type.dtype)
    return made if x.rank > 1 else F.reshape(made, ())


def gradient(F: Builder, x: Value, spacing: Any, dims: tuple[int, ...], order: int) -> Any:
    """Differences along each of the dimensions."""
    return tuple(
        [
            NUMPY["numpy.gradient"](F, floating(F, x), step, axis=d, edge_order=order)
            for d, step in zip(dims, spacing, strict=True)
        ]
    )


def vander(F: Builder, x: Value, count: int | None, increasing: bool) -> Value:
    made: Value = NUMPY["numpy.vander"](F, x, count, increasing)
    return F.cast(made, x.type.dtype) if x.type.is_float else made


def lu_factor(F: Builder, x: Value) -> tuple[Value, Value]:
    """The factors in one matrix, and which rows were exchanged, counted from 1 as in LAPACK."""
    factors, pivots = NUMPY["scipy.linalg.lu_factor"](F, floating(F, x))
    return factors, F.cast(F.add(pivots, 1), DTYPES["i32"])


def lu_solve(F: Builder, factors: Value, pivots: Value, b: Value) -> Value:
    return NUMPY["scipy.linalg.lu_solve"](F, (factors, F.sub(F.cast(pivots, I64), 1)), b)


def lu(F: Builder, x: Value) -> tuple[Value, ...]:
    return tuple(NUMPY["scipy.linalg.lu"](F, floating(F, x)))


def cholesky_solve(F: Builder, b: Value, factor: Value, upper: bool) -> Value:
    """x with ``A @ x = b``, given the Cholesky factor of A."""
    return NUMPY["scipy.linalg.cho_solve"](F, (factor, not upper), b)


def bincount(F: Builder, x: Value, weights: Value | None, size: int) -> Value:
    """How often each number stands there, or the sum of the weights that stand with it."""
    added = F.full(ArrayType(I64, x.dims), 1) if weights is None else floating(F, weights)
    return add_at(F, F.zeros(ArrayType(added.type.dtype, (size,))), F.cast(x, I64), added)


def unfold(F: Builder, x: Value, dim: int, size: int, step: int) -> Value:
    """Windows of the dimension, along a new last one."""
    if not x.rank:
        return unfold(F, F.reshape(x, (1,)), dim, size, step) if size != 1 else F.reshape(x, (1,))
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
    Function("cov", cov),
    Function("corrcoef", corrcoef),
    Function("gradient_along", gradient),
    Function("diagflat", _of("numpy.diagflat"), "nothing"),
    Function("vander", vander),
    Function("linalg_lu_factor", lu_factor, "result"),
    Function("linalg_lu_solve", lu_solve),
    Function("linalg_lu", lu, "result"),
    Function("linalg_cond", _of("numpy.linalg.cond", is_float=True)),
    Function("linalg_matrix_rank", lambda F, x, tol, rtol: NUMPY["numpy.linalg.matrix_rank"](F, x, tol=tol, rtol=rtol),
             "nothing", differentiable=False),
    Function("linalg_tensorinv", _of("numpy.linalg.tensorinv", is_float=True)),
    Function("linalg_tensorsolve", _of("numpy.linalg.tensorsolve", operands=2, is_float=True)),
    Function("cholesky_solve", cholesky_solve),
    Function("bincount", bincount, "nothing"),
    Function("linalg_inv", _of("numpy.linalg.inv", is_float=True), "result"),
    Function("linalg_pinv", _of("numpy.linalg.pinv", is_float=True)),
    Function("linalg_solve", _of("numpy.linalg.solve", operands=2, is_float=True)),
    Function("linalg_solve_triangular", lambda F, a, b, upper, unit: NUMPY["scipy.linalg.solve_triangular"](
        F, a, b, lower=not upper, unit_diagonal=unit)),
    Function("linalg_det", _of("numpy.linalg.det", is_float=True)),
    Function("linalg_slogdet", _of("numpy.linalg.slogdet", is_float=True)),
    Function("linalg_cholesky", _of_symmetric("numpy.linalg.cholesky"), "result"),
    Function("linalg_eigh", _of_symmetric("numpy.linalg.eigh"), "result"),
    Function("linalg_eigvalsh", _of_symmetric("numpy.linalg.eigvalsh")),
    Function("linalg_qr", _of("numpy.linalg.qr", is_float=True)),
    Function("linalg_svd", _of("numpy.linalg.svd", is_float=True), "result"),
    Function("linalg_svdvals", _of("numpy.linalg.svdvals", is_float=True)),
    Function("linalg_matrix_power", _of("numpy.linalg.matrix_power")),
    Function("linalg_matrix_norm", lambda F, x, order, keepdim: NUMPY["numpy.linalg.matrix_norm"](
        F, x, keepdims=keepdim, ord=order)),
    Function("linalg_lstsq", _of("numpy.linalg.lstsq", operands=2, is_float=True)),
    Function("sinc", _of("numpy.sinc", is_float=True)),
]  # fmt: skip
