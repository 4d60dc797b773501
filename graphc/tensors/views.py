"""Views: tensors that share the memory of another one, their base.

A view keeps the steps that make it of its base. While the base has the version that the view has seen, the view's own
value stands for it; after a write the steps are taken again. ``memory_of`` takes them with NumPy, over memory;
``written_back`` takes them backwards, to write into the base what was written into the view.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any
from weakref import ref

import numpy as np

from graphc.errors import AutogradError
from graphc.tensors import traced
from graphc.tensors.core import Tensor, compute, from_array, record
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.memory import is_shared, settled
from graphc.tensors.recording import Recording, now, switched
from graphc.trace.location import user_location

RESHAPE, PERMUTE, PUT = FUNCTIONS["reshape"], FUNCTIONS["permute"], FUNCTIONS["index_put"]
EXPAND, DETACH, SELECT = FUNCTIONS["expand"], FUNCTIONS["detach"], FUNCTIONS["select"]
NARROW, VIEW, DIAGONAL = FUNCTIONS["narrow"], FUNCTIONS["view"], FUNCTIONS["diagonal"]
SAME_ORDER = {FUNCTIONS[name] for name in ("reshape", "view", "flatten", "unsqueeze", "squeeze")}

MANY = 8  # references to views, before those that died are dropped


def root_of(tensor: Tensor) -> Tensor:
    """The tensor whose memory this one shares: itself, where it is no view."""
    return tensor if tensor._base is None else tensor._base


def view(function: Function, tensor: Tensor, statics: tuple[Any, ...] = ()) -> Tensor:
    """The tensor that the function makes, as a view; of memory that is there and lies so, without a program."""
    if now.recording.traced:
        return traced.view(function, traced.lifted(tensor), statics, "read-only" if function is DETACH else "view")
    made = _shown(function, tensor, statics)
    if made is None:
        made = record(function, (tensor,), statics)
    root = root_of(tensor)
    made._base, made._view, made._seen = root, (*tensor._view, (function, statics)), root._writes
    made._special, made._quiet = True, tensor._quiet
    if root._views is None:
        root._views = []
    elif len(root._views) > MANY:
        root._views = [reference for reference in root._views if reference() is not None]
    root._views.append(ref(made))
    return made


def _shown(function: Function, tensor: Tensor, statics: tuple[Any, ...]) -> Tensor | None:
    """The view of an array that is computed and has no gradient; None where a program must rearrange it."""
    if tensor._array is None or (tensor._kind.requires_grad and function is not DETACH) or is_stale(tensor):
        return None
    if tensor._kind.place is not None:
        return from_array(tensor._array) if function is DETACH else None
    try:
        array = _applied(np.asarray(tensor._array), function, statics)
    except ValueError:  # which is said better where it is recorded
        return None
    return from_array(settled(array)) if array.flags.c_contiguous else None


def is_viewed(root: Tensor) -> bool:
    """Whether a view of the tensor is alive."""
    return root._views is not None and any(reference() is not None for reference in root._views)


def is_stale(tensor: Tensor) -> bool:
    """Whether the tensor is a view of memory that was, or may have been, written into since it was made."""
    base = tensor._base
    return base is not None and (tensor._seen != base._writes or is_shared(base))


def renew(tensor: Tensor) -> None:
    """Make a stale view again, of its base as it is now: recorded where a gradient flows, else from its memory."""
    value = tensor._base
    assert value is not None
    tensor._seen = value._writes
    is_cut = any(function is DETACH for function, _ in tensor._view)
    asks_itself = tensor._kind.requires_grad and tensor.is_leaf
    quiet = is_cut or not value._kind.requires_grad or asks_itself
    if quiet and value._kind.place is None:
        array = memory_of(tensor, np.asarray(compute(value)))
        tensor._array = settled(np.array(array) if is_shared(value) else array)
        tensor._recording = None
        return
    if quiet and tensor._kind.requires_grad:
        raise AutogradError(
            "a detached tensor on a device, which requires grad by itself, shares memory that was written into: take "
            "a clone() of it before",
            location=user_location(),
        )
    with switched(not quiet):
        for function, statics in tensor._view:
            value = record(function, (value,), statics)
    adopt(tensor, value)


def adopt(tensor: Tensor, value: Tensor) -> None:
    """Let the tensor stand for a value that was just recorded and that no other tensor holds."""
    recording = value._recording
    assert recording is not None
    if tensor._recording is recording and tensor._history is not None:
        _replaced(recording, tensor)
    tensor._recording, tensor._position, tensor._kind = recording, value._position, value._kind
    tensor._array, tensor._history = None, None
    recording.refs[value._position] = ref(tensor)
    value._recording = None


def _replaced(recording: Recording, tensor: Tensor) -> None:
    """Let another tensor with the same history stand for one that came into the recording, and is to change."""
    for number, came in enumerate(recording.tensors):
        if came is tensor:
            old = object.__new__(Tensor)
            old.__dict__.update(tensor.__dict__)
            recording.tensors[number] = old


# --- memory -----------------------------------------------------------------------------------------------------------


def _narrowed(array: np.ndarray, dim: int, start: int, length: int) -> np.ndarray:
    return array[tuple([slice(None)] * (dim % array.ndim) + [slice(start, start + length)])]


def _flattened(array: np.ndarray, start: int, end: int) -> np.ndarray:
    if not array.ndim:
        return array.reshape(1)
    first, last = start % array.ndim, end % array.ndim
    return array.reshape(*array.shape[:first], math.prod(array.shape[first : last + 1]), *array.shape[last + 1 :])


def _squeezed(array: np.ndarray, dims: tuple[int, ...] | None) -> np.ndarray:
    if dims is None:
        return array.squeeze()
    return array.squeeze(tuple([d % array.ndim for d in dims if array.shape[d] == 1])) if array.ndim else array


def _expanded(array: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    extra = len(shape) - array.ndim
    sizes = [array.shape[i - extra] if size == -1 and i >= extra else size for i, size in enumerate(shape)]
    if math.prod(sizes) == array.size:
        return array.reshape(sizes)  # which may be written into
    return np.broadcast_to(array, sizes)


def _diagonal(array: np.ndarray, offset: int, first: int, second: int) -> np.ndarray:
    """NumPy's, which is read-only, so that it can be written into."""
    plane = np.moveaxis(array, (first, second), (-2, -1))[..., max(-offset, 0) :, max(offset, 0) :]
    shape = (*plane.shape[:-2], min(plane.shape[-2:]))
    strides = (*plane.strides[:-2], plane.strides[-2] + plane.strides[-1])
    return np.lib.stride_tricks.as_strided(plane, shape, strides, writeable=array.flags.writeable)


def _part(part: Any) -> Any:
    return slice(*part[1:]) if isinstance(part, tuple) else part


SHOWN: dict[str, Callable[..., np.ndarray]] = {
    "reshape": lambda a, shape: a.reshape(shape),
    "view": lambda a, shape: a.reshape(shape),
    "flatten": _flattened,
    "unsqueeze": np.expand_dims,
    "squeeze": _squeezed,
    "expand": _expanded,
    "permute": np.transpose,
    "transpose": lambda a, i, j: a.swapaxes(i, j) if a.ndim else a,
    "t": np.transpose,
    "narrow": _narrowed,
    "diagonal": _diagonal,
    "detach": lambda a: a,
}


def layout(tensor: Tensor) -> np.ndarray:
    """An array that lies in memory as the tensor does, over memory without values."""
    memory = np.empty(root_of(tensor)._kind.shape, np.int8)
    return memory_of(tensor, memory)


def memory_of(tensor: Tensor, memory: np.ndarray) -> np.ndarray:
    """The part of the base's memory that the tensor is, as an array over the same memory."""
    for function, statics in tensor._view:
        memory = _applied(memory, function, statics)
    return memory


def _applied(memory: np.ndarray, function: Function, statics: tuple[Any, ...]) -> np.ndarray:
    if function is not SELECT:
        return SHOWN[function.name](memory, *statics)
    parts = [
        _part(part) for part in statics[0]
    ]  # an integer at each place gives a number, an ellipsis keeps it an array
    return memory[tuple(parts if Ellipsis in parts else [*parts, Ellipsis])]


def is_contiguous(tensor: Tensor) -> bool:
    """Whether the elements lie in memory in the order of the tensor's indices, one after the other."""
    if isinstance(tensor, traced.TracedTensor):
        return True  # how they lie is the compiler's affair
    if all(function in SAME_ORDER or function is DETACH for function, _ in tensor._view):
        return True
    return bool(layout(tensor).flags.c_contiguous)


def reshaped(tensor: Tensor, shape: tuple[int, ...], must_view: bool) -> Tensor:
    """The tensor in another shape: a view where its elements lie so that they can be counted anew, else a copy.

    Raises ``AutogradError`` where it ``must_view`` and cannot.
    """
    if now.recording.traced:
        return traced.view(RESHAPE, traced.lifted(tensor), (shape,), "view" if must_view else "reshaped")
    if all(function in SAME_ORDER or function is DETACH for function, _ in tensor._view):
        return view(VIEW if must_view else RESHAPE, tensor, (shape,))
    here = layout(tensor)
    if _can_view(here, shape):
        return view(VIEW if must_view else RESHAPE, tensor, (shape,))
    if must_view:
        raise AutogradError(
            f"view: a tensor that lies in memory with strides {here.strides} has no view of shape {shape}, since the "
            "elements are in another order; use reshape, which copies them",
            location=user_location(),
        )
    return record(RESHAPE, (tensor,), (shape,))


def _can_view(array: np.ndarray, shape: tuple[int, ...]) -> bool:
    try:
        return np.may_share_memory(array, array.reshape(shape)) or not array.size
    except ValueError:
        return True  # the sizes do not fit, which the function itself says better


# --- writing back -----------------------------------------------------------------------------------------------------


def written_back(tensor: Tensor, value: Tensor) -> Tensor:
    """The base with the value where the view is."""
    values = [root_of(tensor)]
    for function, statics in tensor._view[:-1]:
        values.append(record(function, (values[-1],), statics))
    for before, (function, statics) in zip(reversed(values), reversed(tensor._view), strict=True):
        value = _backwards(function, statics, before, value)
    return value


def _backwards(function: Function, statics: tuple[Any, ...], before: Tensor, value: Tensor) -> Tensor:
    if function is DETACH:
        return value
    if function in SAME_ORDER:
        return record(RESHAPE, (value,), (before._kind.shape,))
    if function is SELECT:
        return record(PUT, (before, value), statics)
    if function is NARROW:
        dim, start, length = statics
        key = (*[("slice", None, None, None)] * (dim % len(before._kind.shape)), ("slice", start, start + length, None))
        return record(PUT, (before, value), (key,))
    if function is DIAGONAL:
        return _on_diagonal(before, value, *statics)
    if function is EXPAND:
        return record(RESHAPE, (value,), (before._kind.shape,))
    places = _places(function, statics, before)
    return record(PERMUTE, (value,), (tuple(np.argsort(places).tolist()),))


def _on_diagonal(before: Tensor, value: Tensor, offset: int, first: int, second: int) -> Tensor:
    """What was before with the value on a diagonal of two dimensions."""
    rank, length = len(before._kind.shape), value._kind.shape[-1]
    order = [first, second, *(a for a in range(rank) if a not in (first, second))]
    turned = record(PERMUTE, (before,), (tuple(order),))
    back = (len(value._kind.shape) - 1, *range(len(value._kind.shape) - 1))
    places = [from_array(np.arange(length) + max(start, 0)) for start in (-offset, offset)]
    made = record(PUT, (turned, record(PERMUTE, (value,), (back,)), *places), ((("array",), ("array",)),))
    return record(PERMUTE, (made,), (tuple(np.argsort(order).tolist()),))


def _places(function: Function, statics: tuple[Any, ...], before: Tensor) -> list[int]:
    """Which dimension of the tensor before stands where."""
    rank = len(before._kind.shape)
    if function is PERMUTE:
        return [d % rank for d in statics[0]]
    places = list(range(rank))
    if function.name == "t":
        return places[::-1]
    if rank:
        a, b = statics
        places[a % rank], places[b % rank] = places[b % rank], places[a % rank]
    return places
