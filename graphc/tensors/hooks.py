"""What happens to a gradient on its way: hooks, and gradients kept of tensors that are no leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphc.errors import AutogradError
from graphc.tensors.core import Tensor
from graphc.trace.location import user_location

Hook = Callable[[Tensor], Tensor | None]


class RemovableHandle:
    """Takes a hook away again: ``handle.remove()``."""

    def __init__(self, hooks: dict[int, Any], number: int):
        self._hooks, self._number = hooks, number

    def remove(self) -> None:
        self._hooks.pop(self._number, None)


def register_hook(self: Tensor, hook: Hook) -> RemovableHandle:
    """Call ``hook(gradient)`` whenever this tensor's gradient is computed; what it returns, unless None, replaces it.

    Returns a handle with ``remove()``. Raises ``AutogradError`` where the tensor does not require grad.
    """
    if not self.requires_grad:
        message = "cannot register a hook on a tensor that doesn't require gradient: it will never have one"
        raise AutogradError(message, location=user_location())
    if self._hooks is None:
        self._hooks = {}
    _watch(self)
    return add_hook(self._hooks, hook)


def register_post_accumulate_grad_hook(self: Tensor, hook: Callable[[Tensor], None]) -> RemovableHandle:
    """Call ``hook(tensor)`` whenever a gradient was added to ``.grad`` of this leaf. Raises ``AutogradError``."""
    if not (self.requires_grad and self.is_leaf):
        message = "hooks after a gradient was added are for leaves that require grad"
        raise AutogradError(message, location=user_location())
    if self._after is None:
        self._after = {}
    return add_hook(self._after, hook)


def add_hook(hooks: dict[int, Any], hook: Any) -> RemovableHandle:
    """Call the hook after those that are there."""
    number = max(hooks, default=-1) + 1
    hooks[number] = hook
    return RemovableHandle(hooks, number)


def retain_grad(self: Tensor) -> None:
    """Have ``backward()`` set ``.grad`` of this tensor, though it is no leaf. Raises ``AutogradError``."""
    if not self.requires_grad:
        message = "can't retain_grad on a tensor that has requires_grad=False"
        raise AutogradError(message, location=user_location())
    if not self.is_leaf:
        self._retains = True
        _watch(self)


def hooked(tensor: Tensor, gradient: Tensor) -> Tensor:
    """The gradient after the tensor's hooks, each of which may return another one."""
    for hook in list((tensor._hooks or {}).values()):
        changed = hook(gradient)
        if changed is None:
            continue
        if not isinstance(changed, Tensor):
            raise TypeError(f"a hook of a gradient returns a tensor or None, not {type(changed).__name__}")
        if changed._kind.shape != gradient._kind.shape:
            message = f"a hook changed the gradient's shape {gradient._kind.shape} to {changed._kind.shape}"
            raise AutogradError(message, location=user_location())
        gradient = changed
    return gradient


def _watch(tensor: Tensor) -> None:
    """Have backward passes stop at the tensor, where it is computed of others."""
    if tensor._array is None:
        assert tensor._recording is not None
        tensor._recording.cuts[tensor._position] = tensor
    elif tensor._history is not None:
        segment, position = tensor._history
        segment.cuts[position] = tensor
