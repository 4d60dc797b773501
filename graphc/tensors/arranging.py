"""Dividing, joining and combining tensors, and small questions about them, under PyTorch's names."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.errors import NumberError, ShapeError
from graphc.tensors import library, methods, ordering, shaping, statistics
from graphc.tensors.core import Tensor, record
from graphc.tensors.creation import arange, get_default_dtype, shape_of, tensor, zeros
from graphc.tensors.declaring import Ordered, common_shape, numpy_named, several
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.memory import settled
from graphc.tensors.placing import near
from graphc.trace.location import user_location

# --- dimensions -------------------------------------------------------------------------------------------------------


def _at_least(rank: int) -> Callable[..., Any]:
    def call(*tensors: Any) -> Any:
        if len(tensors) != 1 or not isinstance(tensors[0], Tensor):
            given = tensors[0] if len(tensors) == 1 else tensors
            return tuple([call(x) for x in given])
        x = tensors[0]
        if rank == 3 and x.ndim == 2:
            return shaping.unsqueeze(x, 2)
        while x.ndim < rank:
            x = shaping.unsqueeze(x, 0)
            if rank == 3 and x.ndim == 2:
                return shaping.unsqueeze(x, 2)
        return x

    call.__name__ = f"atleast_{rank}d"
    call.__doc__ = f"Views of the tensors with at least {rank} dimensions."
    return call


def sum_to_size(self: Tensor, *size: Any) -> Tensor:
    """The sum over the dimensions in which the size is 1, or that it does not have."""
    wanted = shape_of(size)
    extra = self.ndim - len(wanted)
    fits = extra >= 0 and all(w in (1, n) for w, n in zip(wanted, self.shape[extra:], strict=True))
    if not fits:
        message = f"sum_to_size: a tensor of shape {self.shape} cannot be summed to {wanted}"
        raise ShapeError(message, location=user_location())
    dims = [*range(extra), *(k + extra for k, w in enumerate(wanted) if w == 1 and self.shape[k + extra] != 1)]
    return shaping.reshape(methods.sum(self, dims), wanted) if dims else self


def split_with_sizes(input: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Views of pieces of these lengths."""
    return shaping.split(input, list(split_sizes), dim)


def _splits(name: str, least: int, dim: int) -> Callable[..., tuple[Tensor, ...]]:
    def call(input: Tensor, indices_or_sections: Any) -> tuple[Tensor, ...]:
        if input.ndim < least:
            message = f"{name} needs a tensor of at least {least} dimensions, this one has {input.ndim}"
            raise ShapeError(message, location=user_location())
        along = 0 if name == "hsplit" and input.ndim == 1 else dim
        if isinstance(indices_or_sections, int) and (
            indices_or_sections < 1 or input.shape[along] % indices_or_sections
        ):
            message = f"{name}: {indices_or_sections} equal pieces of a dimension of length {input.shape[along]}"
            raise ShapeError(message, location=user_location())
        return library.tensor_split(input, indices_or_sections, along)

    call.__name__ = name
    call.__doc__ = f"Views of equal pieces of dimension {dim}, or of the pieces between positions."
    return call


def block_diag(*tensors: Tensor) -> Tensor:
    """Matrices along the diagonal of a larger one; vectors are rows."""
    parts = [_AT_LEAST_2(x) for x in tensors] or [zeros(1, 0)]
    if any(part.ndim > 2 for part in parts):
        raise ShapeError("block_diag needs tensors of at most two dimensions", location=user_location())
    total = sum(part.shape[1] for part in parts)
    rows, before = [], 0
    for part in parts:
        height, width = part.shape
        pieces = [zeros(height, before, dtype=part.dtype, device=part.device), part,
                  zeros(height, total - before - width, dtype=part.dtype, device=part.device)]  # fmt: skip
        rows.append(shaping.cat(pieces, 1))
        before += width
    return shaping.cat(rows, 0)


_AT_LEAST_2 = _at_least(2)


def combinations(input: Tensor, r: int = 2, with_replacement: bool = False) -> Tensor:
    """All choices of r elements of a vector, one row each."""
    if input.ndim != 1:
        message = f"combinations needs a vector, the tensor has {input.ndim} dimensions"
        raise ShapeError(message, location=user_location())
    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    if r == 0:
        return shaping.narrow(input, 0, 0, 0)
    places = np.array(list(choose(range(input.shape[0]), r)), np.int64).reshape(-1, r)
    return shaping.getitem(input, near(places, input))


def cummax(input: Tensor, dim: int) -> Ordered:
    """``(values, indices)``: the largest element so far along the dimension, and its last place."""
    return Ordered(*several("cummax", (input,), (int(dim),)))


def cummin(input: Tensor, dim: int) -> Ordered:
    """``(values, indices)``: the smallest element so far along the dimension, and its last place."""
    return Ordered(*several("cummin", (input,), (int(dim),)))


def logcumsumexp(input: Tensor, dim: int) -> Tensor:
    """``log(cumsum(exp(x)))``."""
    return record(FUNCTIONS["logcumsumexp"], (input,), (int(dim),))


def nanmedian(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Any:
    """The lower median of the elements that are not NaN; along a dimension ``(values, indices)``."""
    if dim is None:
        return several("nanmedian_dim", (shaping.reshape(input, -1),), (0, False))[0]
    return Ordered(*several("nanmedian_dim", (input,), (int(dim), keepdim)))


def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float = 1.0, dim: int = -1) -> Tensor:
    """The running integral by the trapezoidal rule."""
    return methods.BOTH["cumsum"](statistics.trapezoids(y, x, dx, dim), dim)


def gradient(input: Tensor, *, spacing: Any = 1.0, dim: Any = None, edge_order: int = 1) -> tuple[Tensor, ...]:
    """The slopes along each dimension, by central differences; ``spacing``: a number, or one for each dimension."""
    dims = tuple(range(input.ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    steps = tuple(spacing) if isinstance(spacing, list | tuple) else (spacing,) * len(dims)
    if any(isinstance(step, Tensor) for step in steps):
        message = "gradient: spacing by a tensor of positions is not supported: give numbers"
        raise NumberError(message, location=user_location())
    return several("gradient_along", (input,), (steps, dims, edge_order))


def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """All elements as the diagonal of a matrix."""
    return record(FUNCTIONS["diagflat"], (input,), (int(offset),))


def vander(x: Tensor, N: int | None = None, increasing: bool = False) -> Tensor:
    """The powers of a vector's elements, the highest first unless ``increasing``."""
    return record(FUNCTIONS["vander"], (x,), (N, increasing))


def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """The elements (along ``dim``: the slices) without repetitions of the one before; their places and counts."""
    values = ordering.known(input, "unique_consecutive()")
    rows = values.ravel() if dim is None else np.moveaxis(values, dim, 0)
    changes = np.any((rows[1:] != rows[:-1]).reshape(max(len(rows) - 1, 0), -1), 1)
    first = np.flatnonzero(np.concatenate([np.ones(min(len(rows), 1), bool), changes]))
    found = [rows[first] if dim is None else np.moveaxis(rows[first], 0, dim)]
    place = np.cumsum(np.concatenate([np.zeros(min(len(rows), 1), np.int64), changes]))
    found.append(place.reshape(values.shape) if dim is None else place)
    found.append(np.diff([*first.tolist(), len(rows)]))
    made = [near(settled(np.ascontiguousarray(part)), input) for part in found]
    wanted = [made[0], *[made[1]] * return_inverse, *[made[2]] * return_counts]
    return wanted[0] if len(wanted) == 1 else tuple(wanted)


def argwhere(input: Tensor) -> Tensor:
    """The positions of the elements that are not 0, one row each."""
    return ordering.nonzero(input)


def is_nonzero(input: Tensor) -> bool:
    """Whether the only element is not 0. Raises ``AutogradError`` where there are more."""
    return bool(input)


def is_same_size(input: Tensor, other: Tensor) -> bool:
    """Whether both have one shape."""
    return input.shape == other.shape


def is_signed(input: Tensor) -> bool:
    """Whether the dtype has negative numbers."""
    return input._kind.dtype.kind not in "ub"


def conj(input: Tensor) -> Tensor:
    """The tensor itself, which is real."""
    return input


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that tensors of these shapes broadcast to. Raises ``ShapeError``."""
    return common_shape("broadcast_shapes", *shapes)


def unravel_index(indices: Tensor, shape: Any) -> tuple[Tensor, ...]:
    """The positions along each dimension of a shape, of positions counted in order."""
    sizes = (shape,) if isinstance(shape, int) else tuple(shape)
    found, rest = [], indices
    for size in reversed(sizes):
        found.append(methods.BOTH["remainder"](rest, size))
        rest = methods.BOTH["floor_divide"](rest, size)
    return tuple(found[::-1])


def scalar_tensor(s: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor without dimensions, in the default dtype."""
    return tensor(s, dtype=dtype or get_default_dtype(), device=device, requires_grad=requires_grad)


def range_(start: Any, end: Any, step: Any = 1, *, dtype: Any = None, device: Any = None) -> Tensor:
    """Numbers from ``start`` up to ``end``, which is included."""
    wanted = get_default_dtype() if dtype is None else dtype
    count = math.floor((end - start) / step) + 1
    return arange(start, start + (count - 0.5) * step, step, dtype=wanted, device=device)


def fill(input: Tensor, value: Any) -> Tensor:
    """A tensor of the same shape and dtype, all elements the value."""
    return record(FUNCTIONS["copy"], (input, value))


BOTH: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        split_with_sizes, diagflat, unique_consecutive, argwhere, is_nonzero, is_same_size, is_signed, conj,
        _splits("hsplit", 1, 1), _splits("vsplit", 2, 0), _splits("dsplit", 3, 2),
    )
} | {f.__name__: numpy_named(f) for f in (cummax, cummin, logcumsumexp, nanmedian)}  # fmt: skip
BOTH |= dict.fromkeys(("conj_physical", "resolve_conj", "resolve_neg"), conj)
ONLY_METHODS: dict[str, Callable[..., Any]] = {"sum_to_size": sum_to_size}
ONLY_FUNCTIONS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        block_diag, combinations, cumulative_trapezoid, gradient, vander, fill, broadcast_shapes, unravel_index,
        scalar_tensor,
    )
}  # fmt: skip
ONLY_FUNCTIONS |= {f"atleast_{n}d": _at_least(n) for n in (1, 2, 3)}
ONLY_FUNCTIONS |= {"real": conj, "range": range_, "row_stack": library.ONLY_FUNCTIONS["vstack"]}
IN_PLACE = ("logcumsumexp",)
