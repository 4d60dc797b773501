"""Shapes, positions and joining, under PyTorch's names: views where PyTorch has views."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from graphc.errors import IndexRangeError, ShapeError
from graphc.tensors import traced
from graphc.tensors.core import Tensor, from_array, record
from graphc.tensors.creation import as_tensor, shape_of
from graphc.tensors.declaring import axis_of, common_shape, given, need_rank, numpy_named, several_of
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.memory import settled
from graphc.tensors.placing import host_values, near, on_host
from graphc.tensors.recording import now
from graphc.tensors.views import DETACH, EXPAND, NARROW, SELECT, is_contiguous, reshaped, view
from graphc.tensors.writing import write
from graphc.trace.location import user_location

INDEX, PUT = FUNCTIONS["index"], FUNCTIONS["index_put"]


def reshape(input: Tensor, *shape: Any) -> Tensor:
    """The elements, counted in the order of the indices, in another shape; -1 for one size that follows."""
    return reshaped(input, shape_of(shape), must_view=False)


def view_(self: Tensor, *shape: Any) -> Tensor:
    """A view in another shape, or with a dtype, a conversion. Raises ``AutogradError`` where a copy would be needed."""
    if len(shape) == 1 and isinstance(shape[0], np.dtype | type):
        raise TypeError("view(dtype) is not supported: convert with .to(dtype)")
    return reshaped(self, shape_of(shape), must_view=True)


def view_as(self: Tensor, other: Tensor) -> Tensor:
    """A view in the shape of another tensor."""
    return reshaped(self, other._kind.shape, must_view=True)


def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """The dimensions from the one to the other as one; the tensor itself where that is one dimension."""
    if input.ndim and axis_of("flatten", input, start_dim) == axis_of("flatten", input, end_dim):
        return input
    if not input.ndim:
        axis_of("flatten", input, start_dim), axis_of("flatten", input, end_dim)
    if not is_contiguous(input):
        return record(FUNCTIONS["flatten"], (input,), (start_dim, end_dim))
    return view(FUNCTIONS["flatten"], input, (start_dim, end_dim))


def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """A view with two dimensions exchanged."""
    axis_of("transpose", input, dim0), axis_of("transpose", input, dim1)
    return view(FUNCTIONS["transpose"], input, (int(dim0), int(dim1)))


def t(input: Tensor) -> Tensor:
    """A view of a matrix with its dimensions exchanged."""
    return view(FUNCTIONS["t"], input)


def permute(input: Tensor, *order: Any, dims: Any = None) -> Tensor:
    """A view with the dimensions in this order."""
    dims = order if dims is None else (dims,)
    return view(FUNCTIONS["permute"], input, (shape_of(dims),))


def movedim(input: Tensor, source: Any, destination: Any) -> Tensor:
    """A view with dimensions moved to other places."""
    rank = input.ndim
    sources = [axis_of("movedim", input, s) for s in ([source] if isinstance(source, int) else source)]
    targets = [axis_of("movedim", input, d) for d in ([destination] if isinstance(destination, int) else destination)]
    if len(sources) != len(targets) or len(set(sources)) != len(sources) or len(set(targets)) != len(targets):
        message = f"movedim: {source} and {destination} must be as many dimensions, each of them once"
        raise ShapeError(message, location=user_location())
    rest = iter(a for a in range(rank) if a not in sources)
    if not input.ndim:
        return input
    return permute(input, *(sources[targets.index(a)] if a in targets else next(rest) for a in range(rank)))


def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """A view with a dimension of length 1 at this place."""
    return view(FUNCTIONS["unsqueeze"], input, (int(dim),))


def squeeze(input: Tensor, dim: Any = None) -> Tensor:
    """A view without the dimensions of length 1, or without these where they are."""
    dims = None if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    return view(FUNCTIONS["squeeze"], input, (dims,))


def expand(self: Tensor, *sizes: Any) -> Tensor:
    """A view broadcast to these sizes, -1 for one that stays."""
    return view(EXPAND, self, (shape_of(sizes),))


def broadcast_to(input: Tensor, *size: Any) -> Tensor:
    """A view broadcast to the size."""
    return expand(input, *size)


def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """A view of ``length`` positions of a dimension; a negative ``start`` counts from its end."""
    start, length = int(start), int(length)
    if not now.recording.traced and -input.ndim <= dim < input.ndim:
        size = input._kind.shape[dim]
        first = start + size if start < 0 else start
        if not 0 <= first <= first + length <= size:
            message = f"narrow: positions {start} to {start + length} of a dimension of length {size}"
            raise IndexRangeError(message, location=user_location())
        start = first
    return view(NARROW, input, (int(dim), start, length))


def detach(self: Tensor) -> Tensor:
    """A view through which no gradient flows. Writing into it writes into the tensor."""
    return view(DETACH, self)


def contiguous(self: Tensor) -> Tensor:
    """The tensor itself where its elements lie in order, else a copy."""
    return self if is_contiguous(self) else record(FUNCTIONS["clone"], (self,))


def split(input: Tensor, split_size_or_sections: Any, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of pieces of a dimension: of this length, or of these lengths."""
    if not input.ndim:
        raise ShapeError("split needs a tensor of at least one dimension", location=user_location())
    total = input._kind.shape[axis_of("split", input, dim)]
    sizes = split_size_or_sections
    if isinstance(sizes, int):
        if sizes < 0 or (sizes == 0 and total):
            raise ShapeError(f"split into pieces of length {sizes}", location=user_location())
        sizes = [min(sizes, total - start) for start in range(0, total, sizes)] if total else [0]
    elif sum(sizes) != total:
        message = f"split: the sizes {list(sizes)} do not add up to {total}, the length of dimension {dim}"
        raise ShapeError(message, location=user_location())
    starts = np.cumsum([0, *sizes]).tolist()
    return tuple([narrow(input, dim, start, size) for start, size in zip(starts, sizes, strict=False)])


def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Views of so many pieces of a dimension, the last one shorter where they cannot be equal."""
    if chunks < 1:
        raise ShapeError(f"chunk: {chunks} pieces", location=user_location())
    need_rank("chunk", input, 1)
    size = input._kind.shape[axis_of("chunk", input, dim)]
    return split(input, -(-size // chunks) if size else [0] * chunks, dim)


def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """A view of each position of a dimension."""
    if not input.ndim:
        raise IndexRangeError("unbind: a tensor without dimensions has no parts", location=user_location())
    axis = axis_of("unbind", input, dim)
    before = (slice(None),) * axis
    return tuple([getitem(input, (*before, i)) for i in range(input._kind.shape[axis])])


# --- positions --------------------------------------------------------------------------------------------------------


def parsed(key: tuple[Any, ...]) -> tuple[tuple[Any, ...], list[Tensor]]:
    """The key as a tuple that can be looked up, and its arrays of positions; a mask is where it is true."""
    parts: list[Any] = []
    arrays: list[Tensor] = []
    for item in key:
        if item is None or item is Ellipsis:
            parts.append(item)
        elif isinstance(item, slice):
            bounds = (item.start, item.stop, item.step)
            parts.append(("slice", *(None if b is None else int(b) for b in bounds)))
        elif isinstance(item, int | np.integer) and not isinstance(item, bool):
            parts.append(int(item))
        else:
            for positions in _positions(item):
                parts.append(("array",))
                arrays.append(positions)
    return tuple(parts), arrays


def _positions(item: Any) -> Iterator[Tensor]:
    index = (
        item if isinstance(item, Tensor) else from_array(settled(np.asarray(item, None if np.size(item) else np.int64)))
    )
    if not _is_mask(index):
        yield index
        return
    for positions in np.atleast_1d(host_values(index)).nonzero():
        yield from_array(np.ascontiguousarray(positions))


def _is_mask(item: Any) -> bool:
    """Whether an item of a key is a mask: of bools, or of uint8, as PyTorch once had them."""
    if isinstance(item, Tensor):
        return item._kind.dtype in (np.bool_, np.uint8)
    return isinstance(item, bool | np.bool_)


def _without_flags(self: Tensor, key: tuple[Any, ...]) -> tuple[Tensor, tuple[Any, ...]]:
    """Masks without dimensions as positions of new dimensions of length 1: 0 where they are true, else none."""
    if not any(_is_mask(item) and not getattr(item, "shape", ()) for item in key):
        return self, key
    spans = [item.ndim if isinstance(item, Tensor) and _is_mask(item) else 0 if item is None else 1 for item in key]
    spans = [0 if _is_mask(item) and not getattr(item, "shape", ()) else n for item, n in zip(key, spans, strict=True)]
    place, items = 0, list(key)
    for k, item in enumerate(key):
        if item is Ellipsis:
            place = self.ndim - sum(spans[k + 1 :])
        elif _is_mask(item) and not getattr(item, "shape", ()):
            self = unsqueeze(self, place)
            items[k] = near(np.zeros(int(bool(item)), np.int64), self)
            place += 1
        else:
            place += spans[k]
    return self, tuple(items)


def getitem(self: Tensor, key: Any) -> Tensor:
    """``x[key]``: a view for integers, slices, None and ``...``; a copy for positions and masks."""
    if now.recording.traced:
        return traced.get_item(traced.lifted(self), key)
    self, items = _without_flags(self, key if isinstance(key, tuple) else (key,))
    parts, arrays = parsed(items)
    if arrays:
        return record(INDEX, (self, *arrays), (parts,))
    return view(SELECT, self, (parts,))


def setitem(self: Tensor, key: Any, value: Any) -> None:
    """``x[key] = value``, in x's dtype."""
    covers = _is_mask(key) and getattr(key, "shape", ()) in ((), self._kind.shape)
    if covers and not getattr(value, "shape", ()):
        mask = as_tensor(key).to(np.bool_)
        write(self, lambda: record(FUNCTIONS["masked_fill"], (self, mask, given(value))))
        return
    parts, arrays = parsed(key if isinstance(key, tuple) else (key,))
    source = given(np.asarray(value) if isinstance(value, list | tuple) else value)
    write(self, lambda: record(PUT, (self, source, *arrays), (parts,)))


def iterate(self: Tensor) -> Iterator[Tensor]:
    if not self._kind.shape:
        raise TypeError("iteration over a 0-d tensor")
    return iter(unbind(self))


def gather(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """For each place of the index the element at that position of the dimension."""
    return record(FUNCTIONS["gather"], (input, index), (int(dim),))


def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """These positions of a dimension."""
    return record(FUNCTIONS["index_select"], (input, index), (int(dim),))


def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """The elements where the mask is true, in one dimension; both are broadcast against each other."""
    if input._kind.shape != mask._kind.shape:
        shape = common_shape("masked_select", input._kind.shape, mask._kind.shape)
        input, mask = expand(input, shape), expand(mask, shape)
    return getitem(input, mask)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """For each class number a vector with 1 at its place."""
    if num_classes == -1:
        num_classes = int(np.max(on_host(tensor))) + 1
    return record(FUNCTIONS["one_hot"], (tensor,), (int(num_classes),))


# --- joining ----------------------------------------------------------------------------------------------------------


def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors one after the other along a dimension."""
    return record(FUNCTIONS["cat"], _some("cat", tensors), (int(dim),))


def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """The tensors side by side along a new dimension."""
    return record(FUNCTIONS["stack"], _some("stack", tensors), (int(dim),))


def _some(name: str, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    found = several_of(name, tensors)
    if not found:
        raise ShapeError(f"{name} needs at least one tensor", location=user_location())
    return found


def flip(input: Tensor, *dims: Any, **named: Any) -> Tensor:
    """The elements in reverse order along the dimensions, which may be given as ``dims=``, too."""
    dims = (named.pop("dims"),) if "dims" in named and not dims else dims
    if named:
        raise TypeError(f"flip() got an unexpected keyword argument {next(iter(named))!r}")
    return record(FUNCTIONS["flip"], (input,), (shape_of(dims),))


def roll(input: Tensor, shifts: Any, dims: Any = None) -> Tensor:
    """The elements moved along the dimensions, those that leave at the end coming in at the front."""
    tuples = [tuple(x) if isinstance(x, list | tuple) else x for x in (shifts, dims)]
    return record(FUNCTIONS["roll"], (input,), tuple(tuples))


def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """0 above the diagonal."""
    need_rank("tril", input, 2)
    return record(FUNCTIONS["triangle"], (input,), (diagonal, True))


def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """0 below the diagonal."""
    need_rank("triu", input, 2)
    return record(FUNCTIONS["triangle"], (input,), (diagonal, False))


BOTH: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        reshape, flatten, transpose, t, permute, movedim, unsqueeze, squeeze, narrow, split, chunk, unbind, gather,
        index_select, masked_select, flip, roll, tril, triu, broadcast_to, detach,
    )
}  # fmt: skip
BOTH |= {"swapaxes": transpose, "swapdims": transpose, "moveaxis": movedim}
ONLY_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "cat": numpy_named(cat), "concat": numpy_named(cat), "concatenate": numpy_named(cat), "stack": numpy_named(stack),
}  # fmt: skip
ONLY_METHODS: dict[str, Callable[..., Any]] = {
    "view": view_, "view_as": view_as, "expand": expand, "contiguous": contiguous, "is_contiguous": is_contiguous,
    "expand_as": lambda self, other: expand(self, *other._kind.shape),
    "reshape_as": lambda self, other: reshape(self, other._kind.shape),
    "__getitem__": getitem, "__setitem__": setitem, "__iter__": iterate,
}  # fmt: skip
