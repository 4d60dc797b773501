"""Writing at positions, under PyTorch's names; each gives a new tensor, and most of them have a form in place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.errors import NumberError, ShapeError
from graphc.tensors import methods, ordering, shaping
from graphc.tensors.core import Tensor, record
from graphc.tensors.declaring import axis_of, given
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.placing import near
from graphc.tensors.writing import write
from graphc.trace.location import user_location

_FOLDS = ("sum", "prod", "mean", "amax", "amin")


def scatter_reduce(
    input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """The tensor with what comes to each place folded: ``reduce`` is "sum", "prod", "mean", "amax" or "amin".

    ``include_self``: whether what stood there counts.
    """
    if reduce not in _FOLDS:
        message = f"scatter_reduce: reduce={reduce!r}: expected one of {', '.join(_FOLDS)}"
        raise NumberError(message, location=user_location())
    return record(FUNCTIONS["scatter_reduce"], (input, index, src), (int(dim), reduce, bool(include_self)))


def index_reduce(
    input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True
) -> Tensor:
    """As ``scatter_reduce``, with the entries of ``source`` going to these positions of the dimension."""
    shape = [1] * source.ndim
    shape[dim] = -1
    places = shaping.expand(shaping.reshape(index, shape), source.shape)
    return scatter_reduce(input, dim, places, source, reduce, include_self=include_self)


def index_put(input: Tensor, indices: Sequence[Tensor], values: Any, accumulate: bool = False) -> Tensor:
    """The tensor with the values at these positions, one tensor of positions for each dimension; or added there."""
    parts, arrays = shaping.parsed(tuple(slice(None) if index is None else index for index in indices))
    name = "index_put_added" if accumulate else "index_put"
    return record(FUNCTIONS[name], (input, given(values), *arrays), (parts,))


def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """The tensor with the source at these positions, counted in order."""
    flat = index_put(shaping.reshape(input, -1), (shaping.reshape(index, -1),), shaping.reshape(source, -1), accumulate)
    return shaping.reshape(flat, input.shape)


def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """The tensor with the elements of the source, in order, where the mask is true."""
    where = np.broadcast_to(ordering.known(mask, "masked_scatter()"), input.shape)
    count = int(where.sum())
    if source.numel() < count:
        message = f"masked_scatter: {source.numel()} elements for {count} places of the mask"
        raise ShapeError(message, location=user_location())
    part = shaping.narrow(shaping.reshape(source, -1), 0, 0, count)
    places = near(np.ascontiguousarray(np.flatnonzero(where)), input)
    return put(input, places, part)


def select_scatter(input: Tensor, src: Any, dim: int, index: int) -> Tensor:
    """The tensor with ``src`` at one position of a dimension."""
    axis = axis_of("select_scatter", input, dim)
    _same_shape("select_scatter", src, (*input.shape[:axis], *input.shape[axis + 1 :]))
    return record(
        FUNCTIONS["index_put"], (input, given(src)), (((("slice", None, None, None),) * axis) + (int(index),),)
    )


def slice_scatter(
    input: Tensor, src: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Tensor:
    """The tensor with ``src`` at a slice of a dimension."""
    part = ("slice", start, end, step)
    axis = axis_of("slice_scatter", input, dim)
    key = (("slice", None, None, None),) * axis + (part,)
    length = len(range(*slice(start, end, step).indices(input.shape[axis])))
    _same_shape("slice_scatter", src, (*input.shape[:axis], length, *input.shape[axis + 1 :]))
    return record(FUNCTIONS["index_put"], (input, given(src)), (key,))


def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """The tensor with ``src`` on a diagonal of two dimensions."""
    first, second = (axis_of("diagonal_scatter", input, dim) for dim in (dim1, dim2))
    length = _length(input.shape[first], input.shape[second], offset)
    rows = near(np.arange(length) + max(-offset, 0), input)
    columns = near(np.arange(length) + max(offset, 0), input)
    front = shaping.movedim(input, (first, second), (0, 1))
    _same_shape("diagonal_scatter", src, (*front.shape[2:], length))
    made = index_put(front, (rows, columns), shaping.movedim(src, -1, 0))
    return shaping.movedim(made, (0, 1), (first, second))


def _length(rows: int, columns: int, offset: int) -> int:
    return max(min(rows + min(offset, 0), columns - max(offset, 0)), 0)


def _same_shape(name: str, src: Any, wanted: tuple[int, ...]) -> None:
    if isinstance(src, Tensor) and tuple(src.shape) != wanted:
        message = f"{name}: src has shape {tuple(src.shape)}, its place in the tensor has {wanted}; expand src before"
        raise ShapeError(message, location=user_location())


def fill_diagonal_(self: Tensor, fill_value: Any, wrap: bool = False) -> Tensor:
    """Write the number on the main diagonal; with ``wrap`` again below it in a tall matrix; the tensor."""
    if self.ndim < 2 or (self.ndim > 2 and len(set(self.shape)) > 1):
        message = f"fill_diagonal_ needs a matrix, or dimensions of one length; the tensor has shape {self.shape}"
        raise ShapeError(message, location=user_location())
    step = sum(math.prod(self.shape[k + 1 :]) for k in range(self.ndim))
    tall = self.ndim == 2 and not wrap
    last = min(self.numel(), self.shape[1] * self.shape[1]) if tall else self.numel()
    places = near(np.arange(0, last, step), self)
    return write(self, lambda: put(self, places, _repeated(self, fill_value, len(places))))


def _repeated(like: Tensor, value: Any, count: int) -> Tensor:
    from graphc.tensors.creation import full

    return full((count,), value, dtype=like.dtype, device=like.device)


def renorm(input: Tensor, p: float, dim: int, maxnorm: float) -> Tensor:
    """Each part along the dimension shrunk to the norm where that is larger."""
    axis = axis_of("renorm", input, dim)
    others = tuple(a for a in range(input.ndim) if a != axis)
    norms = methods.norm(input, p, others, True)
    scale = methods.where(methods.BOTH["gt"](norms, maxnorm), methods.div(maxnorm, methods.add(norms, 1e-7)), 1.0)
    return methods.BOTH["mul"](input, scale)


BOTH: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        scatter_reduce, index_reduce, index_put, put, masked_scatter, select_scatter, slice_scatter, diagonal_scatter,
        renorm,
    )
}  # fmt: skip
ONLY_METHODS: dict[str, Callable[..., Any]] = {"fill_diagonal_": fill_diagonal_}
IN_PLACE = ("scatter_reduce", "index_reduce", "index_put", "put", "masked_scatter", "renorm")
