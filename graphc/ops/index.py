"""Reading and adding at positions given by integer arrays, and the positions of the true elements of a mask.

``gather``        x, i0, i1, ...          axes checked          result[.., p.., ..] = x[.., i0[p], .., i1[p], ..]
``scatter_add``   updates, i0, i1, ...    axes dims checked     its transpose: zeros of ``dims``, each update added
``checked_index`` index                 axis size             the index itself, which must be inside the axis (or, for
                                                              an axis below 0, a number that must have an answer)
``mask_indices``  mask                    symbol                C-order positions in the flattened mask, i64[symbol]

The int64 index arrays broadcast together; ``axes`` (sorted) names the axis of x that each one indexes, and their common
dims stand in the result where the first of these axes stood. So ``np.take(x, i, axis)`` is a gather over ``(axis,)``,
``x[i, :, j]`` one over ``(0, 2)`` (NumPy then moves the dims to the front), and ``x[mask]`` is ``gather(ravel(x),
mask_indices(ravel(mask)))``. Indices are not negative: wrapping around is a select before the op. ``checked``: an index
outside the axis is an ``IndexRangeError`` at run time; it is False where the indices are inside by construction.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphc.errors import (
    IndexRangeError,
    InvalidGraphError,
    LinearAlgebraError,
    Location,
    NoDerivativeError,
    NumberError,
    ShapeError,
)
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, symbol
from graphc.ir.graph import Attrs, Node, Value
from graphc.ir.opdef import Compact, Gather, Linear, Movement, NotDifferentiable, Op, Scatter
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import BOOL, I64, ArrayType
from graphc.ops.exceptions import exception_of, is_number


def gathered_dims(
    facts: ShapeFacts, dims: Sequence[Dim], indices: Sequence[ArrayType], axes: Sequence[int]
) -> tuple[tuple[Dim, ...], int]:
    """The dims of a gather from an array of ``dims``, and how many of them are the indices' own."""
    if len(indices) != len(axes) or not axes or list(axes) != sorted(set(axes)) or axes[-1] >= len(dims):
        raise InvalidGraphError(
            f"gather or scatter_add: {len(indices)} index arrays over axes {axes} of rank {len(dims)}"
        )
    if any(i.dtype != I64 for i in indices):
        raise InvalidGraphError(f"gather or scatter_add: indices {', '.join(map(str, indices))} are not int64")
    joined = facts.broadcast([i.dims for i in indices])
    if joined is None:
        shapes = " and ".join(f"({', '.join(map(str, i.dims))})" for i in indices)
        raise ShapeError(f"index arrays of shapes {shapes} do not broadcast together")
    rest = [dim for axis, dim in enumerate(dims) if axis not in axes]
    return (*rest[: axes[0]], *joined, *rest[axes[0] :]), len(joined)


def gather_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType]:
    x, *indices = types
    return (ArrayType(x.dtype, gathered_dims(facts, x.dims, indices, attrs["axes"])[0]),)


def scatter_add_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType]:
    updates, *indices = types
    wanted, _ = gathered_dims(facts, attrs["dims"], indices, attrs["axes"])
    if updates.rank != len(wanted) or any(not facts.equal(a, b) for a, b in zip(updates.dims, wanted, strict=True)):
        raise InvalidGraphError(f"scatter_add: updates {updates} where the indices ask for {wanted}")
    return (ArrayType(updates.dtype, attrs["dims"]),)


def mask_indices_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType]:
    if types[0].dtype != BOOL:
        raise InvalidGraphError(f"mask_indices of {types[0]}")
    return (ArrayType(I64, (symbol(attrs["symbol"]),)),)


# --- references -------------------------------------------------------------------------------------------------------


def require_inside(indices: Sequence[np.ndarray], shape: Sequence[int], axes: Sequence[int]) -> None:
    """Raises ``IndexRangeError`` for the first index outside its axis."""
    for index, axis in zip(indices, axes, strict=True):
        outside = (index < 0) | (index >= shape[axis])
        if outside.any():
            first = index[outside].flat[0]
            raise IndexRangeError(f"index {first} is out of bounds for axis {axis} with size {shape[axis]}")


def gather_ref(x: np.ndarray, *indices: np.ndarray, axes: tuple[int, ...], checked: bool) -> np.ndarray:
    joined = np.broadcast_arrays(*indices)
    require_inside(joined, x.shape, axes)
    found = np.moveaxis(x, axes, range(len(axes)))[tuple(joined)]
    own = range(joined[0].ndim)
    return np.moveaxis(found, own, [axes[0] + k for k in own])


def scatter_add_ref(
    updates: np.ndarray, *indices: np.ndarray, axes: tuple[int, ...], dims: tuple[int, ...], checked: bool
) -> np.ndarray:
    joined = np.broadcast_arrays(*indices)
    require_inside(joined, dims, axes)
    result = np.zeros(dims, updates.dtype)
    own = range(joined[0].ndim)
    moved = np.moveaxis(updates, [axes[0] + k for k in own], own)
    np.add.at(np.moveaxis(result, axes, range(len(axes))), tuple(joined), moved)
    return result


def mask_indices_ref(mask: np.ndarray, symbol: str) -> np.ndarray:
    return np.flatnonzero(mask)


def counts_along(index: Value, size: Dim) -> bool:
    """Whether the index is 0, 1, ..., size - 1: every position of its axis once, and none outside."""
    return index.node is not None and index.node.op.name == "iota" and index.dims == (size,)


# --- transposes -------------------------------------------------------------------------------------------------------


def gather_transpose(F: Builder, g: Value, node: Node) -> tuple[Value | None, ...]:
    x, *indices = node.inputs
    return F.scatter_add(g, *indices, dims=x.dims, **node.attrs), *(None for _ in indices)


def scatter_add_transpose(F: Builder, g: Value, node: Node) -> tuple[Value | None, ...]:
    _, *indices = node.inputs
    attrs = {key: value for key, value in node.attrs.items() if key != "dims"}
    return F.gather(g, *indices, **attrs), *(None for _ in indices)


def checked_index_type(facts: ShapeFacts, types: Sequence[ArrayType], attrs: Attrs) -> tuple[ArrayType]:
    return (ArrayType(I64, types[0].dims),)


def checked_index_ref(index: np.ndarray, axis: int, size: int) -> np.ndarray:
    index = np.asarray(index)
    outside = (index < 0) | (index >= size)
    if outside.any():
        raise range_error(axis, size, f"index {index[outside].flat[0]}")
    return index


# What stands for the axis of a ``checked_index`` whose number is no position: numbers that have no answer.
NOTHING, NEGATIVE_POWER, SINGULAR, INDEFINITE, NOT_CONVERGED, CUT_SHORT, LEADING_ZERO = -1, -2, -3, -4, -5, -6, -7
EQUAL_VALUES = -8  # no error: another program serves the call
OTHER_LENGTH = -9
OF_EIGH, OF_EIG, OF_SVD = -10, -11, -12  # derivatives that equal values do not have
_NO_ANSWER = {
    NOTHING: "there is no maximum or minimum of no elements, and the mask selects none; give initial= (np.max, np.min)",
    NEGATIVE_POWER: "integers to negative integer powers are not allowed; convert one to a float",
    LEADING_ZERO: "the leading coefficient of the polynomial is 0, so it has fewer roots: leave zeros in front out",
    OTHER_LENGTH: "the largest number that bincount counts is another one than when the program was made: an array "
    "from outside was written into; give minlength=, or make a new array",
}
_CUT_SHORT = (
    "a slice x[i : i + length] reaches beyond an end of its axis, where NumPy makes it shorter; the function was "
    "traced for slices of the whole length, since it uses that"
)
_NO_FACTOR = {
    SINGULAR: "the matrix is singular: it has no inverse, and a system of equations with it no unique solution",
    INDEFINITE: "the matrix is not positive definite; only its lower triangle is read",
    NOT_CONVERGED: "the eigenvalues or singular values did not converge: is there a NaN in the matrix?",
}
_NO_DERIVATIVE = (
    "{op}: some {values} are equal{more} up to rounding, and no derivative was found there: what is computed depends "
    "on the choice of their vectors, and its derivative is NaN; or it has a kink like the largest of equal values, "
    "which then share. What treats equal {values} alike (a function of the matrix, a projection onto all of their "
    "vectors) has a derivative, which is found, but not in loops, and not the second one of what uses vectors"
)
NO_DERIVATIVE = {  # by the number that stands for the axis
    OF_EIGH: _NO_DERIVATIVE.format(op="eigh", values="eigenvalues", more=""),
    OF_EIG: _NO_DERIVATIVE.format(op="eig", values="eigenvalues", more=""),
    OF_SVD: _NO_DERIVATIVE.format(op="svd", values="singular values", more=" or zero"),
}


class EqualValues(Exception):
    """A program met equal eigenvalues, whose vectors need a limit that it does not compute."""


def range_error(axis: int, size: int, what: str = "an index", location: Location | None = None) -> BaseException:
    """The error of a ``checked_index`` that failed: of one that stands for an exception, that."""
    if is_number(axis):
        return exception_of(axis, location)
    if axis in _NO_ANSWER:
        return NumberError(_NO_ANSWER[axis], location=location)
    if axis == EQUAL_VALUES:
        return EqualValues()
    if axis in NO_DERIVATIVE:
        return NoDerivativeError(NO_DERIVATIVE[axis], location=location)
    if axis == CUT_SHORT:
        return IndexRangeError(_CUT_SHORT, location=location)
    if axis in _NO_FACTOR:
        return LinearAlgebraError(_NO_FACTOR[axis], location=location)
    return IndexRangeError(f"{what} is out of bounds for axis {axis} with size {size}", location=location)


INDEX = [
    Op("checked_index", Movement(), checked_index_ref, NotDifferentiable("a position"), type=checked_index_type),
    Op("gather", Gather(), gather_ref, Linear(gather_transpose, wrt=(0,)), type=gather_type),
    Op(
        "scatter_add",
        Scatter(),
        scatter_add_ref,
        Linear(scatter_add_transpose, wrt=(0,)),
        type=scatter_add_type,
        cost=2,
    ),
    Op("mask_indices", Compact(), mask_indices_ref, NotDifferentiable("positions"), type=mask_indices_type, cost=2),
]
