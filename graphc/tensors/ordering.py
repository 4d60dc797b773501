"""Sorting, and reading and writing at positions along a dimension, under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import IndexRangeError, NumberError, ShapeError
from graphc.tensors import methods, shaping
from graphc.tensors.core import Tensor, record
from graphc.tensors.creation import as_tensor
from graphc.tensors.declaring import Ordered, axis_of, given, several
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.memory import settled
from graphc.tensors.placing import host_values, near
from graphc.tensors.recording import now
from graphc.tensors.traced import refused
from graphc.trace.location import user_location

# --- sorting ----------------------------------------------------------------------------------------------------------


def sort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Ordered:
    """``(values, indices)``: the elements along the dimension in order, equal ones as they stand."""
    return Ordered(*several("sort", (input,), (int(dim), bool(descending))))


def argsort(input: Tensor, dim: int = -1, descending: bool = False, stable: bool = True) -> Tensor:
    """The positions along the dimension in the order of the elements."""
    return record(FUNCTIONS["argsort"], (input,), (int(dim), bool(descending)))


def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Ordered:
    """``(values, indices)`` of the k largest elements along the dimension, or of the smallest."""
    size = input.shape[dim] if input.ndim else 1
    if not 0 <= k <= size:
        raise ShapeError(f"topk: k={k} of {size} elements", location=user_location())
    return Ordered(*several("topk", (input,), (int(k), int(dim), bool(largest))))


def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> Ordered:
    """``(values, indices)`` of the k-th smallest element along the dimension, the first being 1."""
    if not input.ndim:
        return Ordered(*(shaping.reshape(part, ()) for part in kthvalue(shaping.reshape(input, 1), k, dim)))
    if not 1 <= k <= input.shape[dim]:
        raise ShapeError(f"kthvalue: k={k} of {input.shape[dim]} elements", location=user_location())
    values, indices = sort(input, dim)
    found = [shaping.narrow(part, dim, k - 1, 1) for part in (values, indices)]
    return Ordered(*(found if keepdim else [shaping.squeeze(part, dim) for part in found]))


def msort(input: Tensor) -> Tensor:
    """The elements in order along the first dimension."""
    return sort(input, 0).values


def known(input: Tensor, what: str) -> np.ndarray:
    """The values, where a result's size depends on them."""
    if now.recording.traced:
        refused(what, "how many elements there are is not known; use a mask and where, or compute it outside")
    return host_values(input)


def nonzero(input: Tensor, *, as_tuple: bool = False) -> Any:
    """The positions of the elements that are not 0: one row each, or one vector for each dimension."""
    found = np.nonzero(np.atleast_1d(known(input, "nonzero()")))[: max(input.ndim, 1)]
    if as_tuple:
        return tuple([near(np.ascontiguousarray(part), input) for part in found])
    return near(np.stack(found, 1)[:, : input.ndim].copy(), input)


def unique(
    input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False, dim: Any = None
) -> Any:
    """The different elements in order (along ``dim``: the different slices); their places and counts."""
    found = np.unique(known(input, "unique()"), return_inverse=True, return_counts=True, axis=dim)
    made = [near(settled(np.ascontiguousarray(part)), input) for part in found]
    made[1] = made[1].reshape(input.shape if dim is None else -1)
    wanted = [made[0], *[made[1]] * return_inverse, *[made[2]] * return_counts]
    return wanted[0] if len(wanted) == 1 else tuple(wanted)


def searchsorted(sorted_sequence: Tensor, input: Any, *, right: bool = False, side: str | None = None) -> Tensor:
    """Where each element would stand in a sequence that is in order, before equal ones, or after them."""
    after = right or side == "right"
    if sorted_sequence.ndim > 1:
        edges, values = shaping.unsqueeze(sorted_sequence, -2), shaping.unsqueeze(as_tensor(input), -1)
        return methods.sum(methods.BOTH["le" if after else "lt"](edges, values), -1)
    return record(FUNCTIONS["searchsorted"], (sorted_sequence, as_tensor(input)), (after,))


def bucketize(input: Any, boundaries: Tensor, *, right: bool = False) -> Tensor:
    """In which of the intervals between the boundaries each element lies."""
    return searchsorted(boundaries, input, right=right)


# --- positions --------------------------------------------------------------------------------------------------------


def _at_positions(name: str) -> Callable[..., Tensor]:
    def call(input: Tensor, dim: int, index: Tensor, src: Any) -> Tensor:
        return record(FUNCTIONS[name], (input, index, given(src)), (int(dim),))

    call.__name__ = name
    return call


scatter_add = _at_positions("scatter_add")
_scatter, _index_copy = _at_positions("scatter"), _at_positions("index_copy")


def scatter(
    input: Tensor, dim: int, index: Tensor, src: Any = None, *, value: Any = None, reduce: Any = None
) -> Tensor:
    """The tensor with ``src[i][j]``, or a value, at ``[index[i][j]][j]`` (for dim 0); ``reduce="add"``: added."""
    if reduce == "multiply":
        source = shaping.expand(as_tensor(value, dtype=input.dtype), index.shape) if src is None else src
        return record(FUNCTIONS["scatter_reduce"], (input, index, source), (int(dim), "prod", True))
    if reduce not in (None, "add"):
        message = f"scatter: reduce={reduce!r}: expected None, 'add' or 'multiply'"
        raise NumberError(message, location=user_location())
    return (_scatter if reduce is None else scatter_add)(input, dim, index, value if src is None else src)


def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: float = 1) -> Tensor:
    """The tensor with the entries of ``source`` added at these positions of the dimension."""
    added = source if alpha == 1 else methods.BOTH["mul"](source, alpha)
    return record(FUNCTIONS["index_add"], (input, index, added), (int(dim),))


def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """The tensor with the entries of ``source`` at these positions of the dimension."""
    return _index_copy(input, dim, index, source)


def index_fill(input: Tensor, dim: int, index: Tensor, value: Any) -> Tensor:
    """The tensor with the value at these positions of the dimension."""
    return _index_copy(input, dim, index, value)


def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """For each place of the indices the element at that position of the dimension."""
    return record(FUNCTIONS["take_along_dim"], (input, indices), (dim,))


def take(input: Tensor, index: Tensor) -> Tensor:
    """The elements at these positions, counted in order."""
    flat = shaping.reshape(input, -1)
    return shaping.getitem(flat, index)


def select(input: Tensor, dim: int, index: int) -> Tensor:
    """A view of one position of a dimension."""
    if not input.ndim:
        raise IndexRangeError("select: a tensor without dimensions has no positions", location=user_location())
    return shaping.getitem(input, (*[slice(None)] * axis_of("select", input, dim), int(index)))


BOTH: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        sort, argsort, topk, kthvalue, msort, nonzero, unique, scatter, scatter_add, index_add, index_copy, index_fill,
        take_along_dim, take, select,
    )
}  # fmt: skip
ONLY_FUNCTIONS: dict[str, Callable[..., Any]] = {"searchsorted": searchsorted, "bucketize": bucketize}
IN_PLACE = ("scatter", "scatter_add", "index_add", "index_copy", "index_fill")
