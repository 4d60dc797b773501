"""Writing into tensors: ``add_``, ``x[i] = v``, ``copy_``, and what they change for views and backward passes.

A written tensor stands for a new value; what was recorded before goes on reading the old one, and its version counts
the write, by which a backward pass finds that a value it needs is gone. Only where others share the memory (views,
NumPy) or where a gradient must not be recorded, is the value computed at once and written into the memory itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import AutogradError
from graphc.tensors import traced
from graphc.tensors.core import Tensor, compute, flush, record
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.kinds import Kind
from graphc.tensors.memory import is_shared, writable
from graphc.tensors.recording import now, switched
from graphc.tensors.views import DETACH, EXPAND, adopt, is_viewed, layout, memory_of, root_of, written_back
from graphc.trace.location import user_location

COPY, CLONE = FUNCTIONS["copy"], FUNCTIONS["clone"]
_ORDER = {"b": 0, "u": 1, "i": 1, "f": 2}


def check_writable(tensor: Tensor) -> None:
    """Raise ``AutogradError`` for a leaf that requires grad, or a view of one, where gradients are recorded; and for a
    view whose elements share memory."""
    if any(function is EXPAND for function, _ in tensor._view):
        refuse_overlap(layout(tensor))
    if not (now.enabled and tensor.requires_grad):
        return
    root = root_of(tensor)
    if root._kind.requires_grad and root.is_leaf:
        what = "a leaf tensor" if root is tensor else "a view of a leaf tensor"
        raise AutogradError(
            f"{what} that requires grad is being used in an in-place operation: write under graphc.no_grad(), into "
            "x.detach(), or compute a new tensor",
            location=user_location(),
        )


def refuse_overlap(array: np.ndarray) -> None:
    """Raise ``AutogradError`` where several places of an array are one place of memory."""
    if any(size > 1 and stride == 0 for size, stride in zip(array.shape, array.strides, strict=True)):
        raise AutogradError(
            "more than one element of the written-to tensor refers to a single memory location: it was expanded; "
            "clone() it before writing",
            location=user_location(),
        )


def write(tensor: Tensor, make: Callable[[], Tensor]) -> Tensor:
    """Write into the tensor what ``make`` records; the tensor. Raises ``AutogradError`` for what does not fit."""
    if now.recording.traced:
        traced.write(tensor, _fitted(tensor, make()))
        return tensor
    check_writable(tensor)
    value = make()
    _note_in_place(tensor, value)
    value = _fitted(tensor, value)
    root = root_of(tensor)
    flows = now.enabled and (value._kind.requires_grad or root._kind.requires_grad)
    is_cut = any(function is DETACH for function, _ in tensor._view)
    quiet = root._kind.requires_grad and not now.enabled
    if root is tensor and not (quiet or is_viewed(root) or is_shared(root)):
        _rename(tensor, value)
    elif flows and not is_cut:
        _write_recorded(tensor, root, value)
    else:
        _write_memory(tensor, root, value)
    return tensor


def _fitted(tensor: Tensor, value: Tensor) -> Tensor:
    """The value in the tensor's shape and dtype."""
    ours, theirs = tensor._kind, value._kind
    if theirs.shape != ours.shape:
        message = f"an in-place operation makes a tensor of shape {theirs.shape} of one of shape {ours.shape}"
        raise AutogradError(f"{message}: use the operation that is not in place", location=user_location())
    if theirs.dtype == ours.dtype:
        return value
    if _ORDER[theirs.dtype.kind] > _ORDER[ours.dtype.kind]:
        raise AutogradError(
            f"the result has dtype {theirs.dtype}, which cannot be written into a tensor of dtype {ours.dtype}: "
            "convert it, or use the operation that is not in place",
            location=user_location(),
        )
    return record(COPY, (tensor, value))


def _note_in_place(tensor: Tensor, value: Tensor) -> None:
    """Let the step that was just taken be that of a function in place, where the tensor is its first operand."""
    recording = now.recording
    state = recording.state
    if value._recording is not recording or value._position != state.position or isinstance(state.step, Kind):
        return
    function, enabled, operands, statics = state.step
    if not operands or tensor._recording is not recording or operands[0] != tensor._position:
        return
    assert state.parent is not None
    step = (function.in_place, enabled, operands, statics)
    taken = state.parent.next.get(step)
    recording.state = state.parent.grow(step, state.kinds, state.location) if taken is None else taken


def _note(tensor: Tensor) -> None:
    """Count a write; values of the recording that the tensor stood for are overwritten."""
    recording = now.recording
    if tensor._recording is recording:
        recording.overwritten |= 1 << tensor._position
    tensor._writes += 1


def _rename(tensor: Tensor, value: Tensor) -> None:
    _note(tensor)
    adopt(tensor, value)


def _write_recorded(tensor: Tensor, root: Tensor, value: Tensor) -> None:
    """Into the base, recorded; computed at once, so that every view is made again when it is next used."""
    memory = root._array if is_shared(root) else None
    whole = value if root is tensor else written_back(tensor, value)
    _note(root)
    adopt(root, whole)
    flush(now.recording)
    if memory is not None:
        memory[...] = root._array
        root._array = memory


def _write_memory(tensor: Tensor, root: Tensor, value: Tensor) -> None:
    """Into the memory itself: the history of the base stays what it was."""
    if root._kind.place is None:
        array = compute(value)
        flush(now.recording)
        memory_of(tensor, writable(root))[...] = array
    else:
        array = _write_there(tensor, root, value)
    root._writes += 1
    root._unseen += tensor._quiet
    root._recording = None
    if value._kind.requires_grad and root is not tensor:  # a detached tensor, which has a history of its own now
        tensor._kind, tensor._history, tensor._array = value._kind, value._history, array
        tensor._seen = root._writes


def _write_there(tensor: Tensor, root: Tensor, value: Tensor) -> Any:
    """On a device, where the base gets another array; the value's array."""
    compute(root)
    with switched(False):
        whole = value if root is tensor else written_back(tensor, value)
    root._array = compute(whole)
    return compute(value)


def in_place(function: Callable[..., Tensor], composed: bool = False) -> Callable[..., Tensor]:
    """The in-place form of a function of a tensor: ``x.f_(...)`` writes ``f(x, ...)`` into x.

    ``composed``: of several steps that save x, which is a copy then, as it is of a step in place.
    """

    def call(self: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if composed and not now.recording.traced:
            return write(self, lambda: function(record(CLONE, (self,)), *args, **kwargs))
        return write(self, lambda: function(self, *args, **kwargs))

    call.__name__ = f"{function.__name__}_"
    call.__doc__ = f"Write ``{function.__name__}`` of the tensor and the arguments into the tensor; the tensor."
    return call


def copy_(self: Tensor, src: Any) -> Tensor:
    """Write a tensor, array or number, broadcast to the shape, into the tensor; the tensor."""
    return write(self, lambda: record(COPY, (self, _source(src))))


def fill_(self: Tensor, value: Any) -> Tensor:
    """Write the number everywhere; the tensor."""
    return copy_(self, value)


def zero_(self: Tensor) -> Tensor:
    """Write 0 everywhere; the tensor."""
    return copy_(self, 0)


def _source(src: Any) -> Any:
    if isinstance(src, np.ndarray | list | tuple):
        from graphc.tensors.creation import as_tensor

        return as_tensor(np.asarray(src))
    return src
