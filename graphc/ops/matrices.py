"""What rules about matrices share: transposes, triangles, diagonals. All axes but the last two are a batch.

**Complex matrices.** A cotangent c of a value z is such that a real loss changes by ``Re(sum(c dz))`` (see
``complex_numbers``), so what is holomorphic (products, systems, determinants) has the rules of real matrices. What has
an adjoint in it (Hermitian matrices, orthogonal columns) is stated for the inner product ``Re(sum(conj(G) dz))``: such
a rule begins with ``G = conjugate(c)`` and ends with the conjugate of what it has found. ``adjoint`` is the conjugate
transpose, of real matrices the transpose.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.errors import InvalidGraphError, LinearAlgebraError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Value
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import I64, ArrayType
from graphc.ops.linalg import swap
from graphc.ops.sorting import along_last

Types = Sequence[ArrayType]
Slots = tuple[Value | None, ...]
Inputs = tuple[Value, ...]


def matrix_of(name: str, facts: ShapeFacts, type_: ArrayType, square: bool = True) -> tuple[tuple[Dim, ...], Dim, Dim]:
    """The batch, the rows and the columns of matrices. Raises: InvalidGraphError: what are no (square) ones."""
    if type_.rank < 2 or not type_.is_float or (square and not facts.equal(*type_.dims[-2:])):
        raise InvalidGraphError(f"{name} of {type_}")
    return type_.dims[:-2], type_.dims[-2], type_.dims[-1]


def real_type(type_: ArrayType, dims: Sequence[Dim]) -> ArrayType:
    """Real numbers of the matrix's precision."""
    return ArrayType(type_.real_dtype, tuple(dims))


def precision(x: Value) -> float:
    """The distance of 1 from the next number of the dtype."""
    return float(np.finfo(x.type.dtype).eps)


def numpy_ref(function: Callable[..., Any]) -> Callable[..., Any]:
    """A reference whose failure is graphc's error."""

    def ref(*arrays: np.ndarray, **attrs: Any) -> Any:
        try:
            return function(*arrays, **attrs)
        except np.linalg.LinAlgError as error:
            raise LinearAlgebraError(str(error)) from None

    return ref


# --- conjugates -------------------------------------------------------------------------------------------------------


def conjugate(F: Builder, x: Value) -> Value:
    """The complex conjugate; real numbers as they are."""
    return F.conj(x) if x.type.is_complex else x


def adjoint(F: Builder, x: Value) -> Value:
    """The conjugate transpose."""
    return swap(F, conjugate(F, x))


def real_part(F: Builder, x: Value) -> Value:
    return F.real(x) if x.type.is_complex else x


def conjugates(F: Builder, values: Slots) -> Slots:
    """Cotangents for the inner product, and back."""
    return tuple(None if v is None else conjugate(F, v) for v in values)


def squared_sizes(F: Builder, x: Value) -> Value:
    """``abs(x)**2``."""
    return F.add(F.square(F.real(x)), F.square(F.imag(x))) if x.type.is_complex else F.square(x)


# --- parts of matrices ------------------------------------------------------------------------------------------------


def triangle(F: Builder, x: Value, *, lower: bool, strict: bool = False) -> Value:
    """The matrix with zeros beyond its diagonal; ``strict``: on it, too."""
    dims = x.dims[-2:]
    rows, columns = F.iota(dims=dims, axis=0), F.iota(dims=dims, axis=1)
    first, second = (columns, rows) if lower else (rows, columns)
    return F.select(F.lt(first, second) if strict else F.le(first, second), x, 0.0)


def identity_mask(F: Builder, x: Value) -> Value:
    """Where the diagonal of the matrices is: bool[m, n]."""
    dims = x.dims[-2:]
    return F.eq(F.iota(dims=dims, axis=0), F.iota(dims=dims, axis=1))


def diagonal(F: Builder, x: Value) -> Value:
    """The diagonals of square matrices."""
    return F.reduce("sum", F.select(identity_mask(F, x), x, 0.0), [x.rank - 1])


def on_diagonal(F: Builder, x: Value) -> Value:
    """Diagonal matrices."""
    wide = F.broadcast_to(columns(F, x), (*x.dims, x.dims[-1]))
    return F.select(identity_mask(F, wide), wide, 0.0)


def halved_diagonal(F: Builder, x: Value) -> Value:
    """1/2 on the diagonal, 1 elsewhere."""
    return F.select(identity_mask(F, x), 0.5, F.constant(1.0, ArrayType(x.type.real_dtype)))


def half_triangle(F: Builder, x: Value) -> Value:
    """The lower triangle, with half of the diagonal."""
    return F.mul(triangle(F, x, lower=True), halved_diagonal(F, x))


def of_lower(F: Builder, s: Value) -> Value:
    """By the lower triangle of a Hermitian matrix, what reaches the matrix: an element stands in two places."""
    both = triangle(F, F.add(s, adjoint(F, s)), lower=True)
    return F.mul(both, halved_diagonal(F, s))


def symmetric(F: Builder, x: Value) -> Value:
    """The symmetric (Hermitian) matrix that a lower triangle stands for; of its diagonal the real part counts."""
    lower = triangle(F, x, lower=True, strict=x.type.is_complex)
    whole = F.add(lower, adjoint(F, triangle(F, x, lower=True, strict=True)))
    return F.add(whole, on_diagonal(F, F.real(diagonal(F, x)))) if x.type.is_complex else whole


# --- numbers for matrices ---------------------------------------------------------------------------------------------


def traces(F: Builder, a: Value, b: Value) -> Value:
    """The sum of all products of elements of both, for each matrix."""
    return F.reduce("sum", F.mul(a, b), [a.rank - 2, a.rank - 1])


def over_matrix(F: Builder, x: Value) -> Value:
    """A number for each matrix, to go with all of its elements."""
    return F.expand_dims(x, (x.rank, x.rank + 1))


def columns(F: Builder, x: Value) -> Value:
    """A row of numbers for each matrix, to go with its columns."""
    return F.expand_dims(x, (x.rank - 1,))


def rows(F: Builder, x: Value) -> Value:
    """A row of numbers for each matrix, to go with its rows."""
    return F.expand_dims(x, (x.rank,))


def inverse_where(F: Builder, x: Value, condition: Value) -> Value:
    """1/x where the condition holds, else 0."""
    return F.select(condition, F.div(1.0, F.select(condition, x, 1.0)), 0.0)


def rounding(F: Builder, x: Value) -> Value:
    """By how much values of this size, all of one matrix, are uncertain at most: [.., 1].

    Computed values differ from those of the matrix by its size times the precision times a number that grows with n;
    matrices that were put together of equal values were measured to have them apart by up to 1.3 n of these.
    """
    n = x.dims[-1]
    if n == 0:
        return F.zeros(real_type(x.type, (*x.dims[:-1], 1)))
    largest = F.reduce("max", F.abs(x), [x.rank - 1], keepdims=True)
    return F.stop_gradient(F.mul(F.mul(largest, 8 * precision(x)), F.value(n)))


# --- sums, products, checks -------------------------------------------------------------------------------------------


def product(F: Builder, *factors: Value) -> Value:
    """The matrix product from left to right."""
    result, *rest = factors
    for factor in rest:
        result = F.matmul(result, factor)
    return result


def add_up(F: Builder, first: Value | None, second: Value | None) -> Value | None:
    return second if first is None else first if second is None else F.add(first, second)


def rows_of(F: Builder, x: Value, index: Value) -> Value:
    """Rows of the matrices in another order."""
    places = along_last(F, index)
    return F.gather(x, *places, axes=tuple(range(index.rank)), checked=False)


def required(F: Builder, info: Value, failure: int, result: Value) -> Value:
    """The result, after the check that nothing failed, which stops the program otherwise."""
    failed = F.checked_index(F.cast(F.ne(info, 0), I64), axis=failure, size=1)
    wide = F.expand_dims(failed, range(failed.rank, result.rank)) if result.rank > failed.rank else failed
    return F.select(F.gt(wide, 0), 0.0, result)
