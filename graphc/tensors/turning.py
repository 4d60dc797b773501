"""Dimensions changed in place: ``x.unsqueeze_(0)`` and the like, after which x is a view of the memory that it had."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import ref

from graphc.errors import AutogradError
from graphc.tensors import shaping
from graphc.tensors.core import Tensor
from graphc.tensors.recording import now
from graphc.tensors.traced import refused
from graphc.tensors.views import is_viewed
from graphc.tensors.writing import check_writable
from graphc.trace.location import user_location


def _in_place(name: str, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def call(self: Tensor, *args: Any, **options: Any) -> Tensor:
        if now.recording.traced:
            refused(f"{name}_()", f"take {name}() of it")
        check_writable(self)
        if self._kind.requires_grad and self.is_leaf:
            message = f"{name}_() of a leaf tensor that requires grad: take {name}() of it"
            raise AutogradError(message, location=user_location())
        if self._base is None and is_viewed(self):
            message = f"{name}_() of a tensor of which there are views: take {name}() of it"
            raise AutogradError(message, location=user_location())
        before = _moved(self)
        made = function(before, *args, **options)
        if made is before:
            made = shaping.view_as(before, before)
        _become(self, made)
        return self

    call.__name__ = f"{name}_"
    call.__doc__ = f"``{name}`` of the tensor, which is then that view; the tensor."
    return call


def _moved(tensor: Tensor) -> Tensor:
    """Another tensor in the place of this one, which has its memory and its history."""
    old = object.__new__(Tensor)
    old.__dict__.update(tensor.__dict__)
    recording = tensor._recording
    if recording is not None and tensor._array is None:
        recording.refs[tensor._position] = ref(old)
    return old


def _become(tensor: Tensor, made: Tensor) -> None:
    kept = {name: tensor.__dict__[name] for name in ("_grad", "_hooks", "_after") if name in tensor.__dict__}
    tensor.__dict__.clear()
    tensor.__dict__.update(made.__dict__ | kept)
    recording = made._recording
    if recording is not None and recording.refs[made._position] is not None:
        recording.refs[made._position] = ref(tensor)
    root = tensor._base
    if root is not None and root._views is not None:
        root._views.append(ref(tensor))


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "unsqueeze": shaping.unsqueeze, "squeeze": shaping.squeeze, "transpose": shaping.transpose, "t": shaping.t,
    "swapaxes": shaping.transpose, "swapdims": shaping.transpose,
}  # fmt: skip
METHODS = {f"{name}_": _in_place(name, function) for name, function in _FUNCTIONS.items()}
