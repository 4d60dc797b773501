"""The tensor as people use it: its properties, ``backward``, how it prints, and the methods of the tables."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import AutogradError
from graphc.tensors import methods, operators
from graphc.tensors.backward import BackwardPass, check_root
from graphc.tensors.core import Tensor, compute
from graphc.tensors.creation import require_floating
from graphc.tensors.kinds import kind_of
from graphc.tensors.memory import given_to_numpy
from graphc.trace.location import user_location

__all__ = ["Tensor"]


# --- what it is -------------------------------------------------------------------------------------------------------


def _requires_grad(self: Tensor) -> bool:
    return self._kind.requires_grad


def _set_requires_grad(self: Tensor, flag: bool) -> None:
    requires_grad_(self, flag)


def is_leaf(self: Tensor) -> bool:
    """Whether the tensor was not made by operations through which a gradient flows."""
    return not self._kind.requires_grad or (self._array is not None and self._history is None)


def requires_grad_(self: Tensor, requires_grad: bool = True) -> Tensor:
    """Switch whether a gradient is computed by this tensor, from now on; the tensor.

    Raises ``AutogradError`` for a dtype that is not floating, and for switching it off where the tensor was computed of
    others.
    """
    if bool(requires_grad) == self._kind.requires_grad:
        return self
    if not requires_grad and not is_leaf(self):
        raise AutogradError(
            "you can only change requires_grad flags of leaf tensors, and this one was computed of others: to use its "
            "value without its gradient, take x.detach()",
            location=user_location(),
        )
    if requires_grad:
        require_floating(self)
    compute(self)
    self._kind = kind_of(self._kind.dtype, self._kind.shape, bool(requires_grad))
    self._recording = None  # what is recorded from now on sees another kind
    return self


def grad_fn(self: Tensor) -> str | None:
    """The name of what made the tensor, such as ``MulBackward0``; None for a leaf."""
    if is_leaf(self):
        return None
    from graphc.tensors.recording import State

    state: State | None
    if self._history is not None and self._array is not None:
        state, position = self._history[0].state, self._history[1]
    else:
        assert self._recording is not None
        state, position = self._recording.state, self._position
    while state is not None and not state.position <= position < state.end:
        state = state.parent
    return None if state is None else f"<{state.step[0].title}>"


def _grad(self: Tensor) -> Tensor | None:
    return self._grad


def _set_grad(self: Tensor, value: Tensor | None) -> None:
    if value is not None and not isinstance(value, Tensor):
        raise TypeError(f".grad can be None or a tensor, not {type(value).__name__}")
    if value is not None and value._kind.shape != self._kind.shape:
        message = f"a gradient of shape {value._kind.shape} does not fit a tensor of shape {self._kind.shape}"
        raise AutogradError(message, location=user_location())
    self._grad = value


def size(self: Tensor, dim: int | None = None) -> Any:
    """The shape, or the size of one dimension."""
    return self._kind.shape if dim is None else self._kind.shape[dim]


# --- gradients --------------------------------------------------------------------------------------------------------


def backward(
    self: Tensor, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False
) -> None:
    """Add the gradient of this tensor to ``.grad`` of every leaf that requires grad and that it was computed of.

    >>> x = graphc.tensor([1.0, 2.0], requires_grad=True)
    >>> (x * x).sum().backward()
    >>> x.grad
    tensor([2., 4.])

    Args:
        gradient: for a tensor with more than one element, the vector that its Jacobian is multiplied by: of its shape.
        retain_graph: whether another backward pass through the same values is to be possible; by default only with
            ``create_graph``.
        create_graph: record the gradients, so that they can be differentiated in turn.
    Raises: ``AutogradError`` where the tensor does not require grad, is no scalar and no vector is given, was
        differentiated before without ``retain_graph``, or needs a value that was overwritten.
    """
    if gradient is not None and not isinstance(gradient, Tensor):
        raise TypeError(f"gradient must be a tensor or None, not {type(gradient).__name__}")
    check_root(self, gradient)
    retain = create_graph if retain_graph is None else retain_graph
    BackwardPass(create=create_graph, retain=retain).run((self,), (gradient,))


# --- values -----------------------------------------------------------------------------------------------------------


def numpy(self: Tensor) -> np.ndarray:
    """The values as a NumPy array that shares the tensor's memory. Raises ``AutogradError`` where it requires grad."""
    if self._kind.requires_grad:
        raise AutogradError(
            "can't call numpy() on a tensor that requires grad, which NumPy would not record: use x.detach().numpy()",
            location=user_location(),
        )
    compute(self)
    return given_to_numpy(self)


def item(self: Tensor) -> Any:
    """The only element, as a Python number. Raises ``AutogradError`` where there are more."""
    array = compute(self)
    if array.size != 1:
        message = (
            f"a tensor with {array.size} elements cannot be converted to one number: select an element, or reduce it"
        )
        raise AutogradError(message, location=user_location())
    return array.item()


def tolist(self: Tensor) -> Any:
    """The values as nested lists of Python numbers."""
    return compute(self).tolist()


def __len__(self: Tensor) -> int:
    if not self._kind.shape:
        raise TypeError("len() of a 0-d tensor")
    return self._kind.shape[0]


def __repr__(self: Tensor) -> str:
    array = np.asarray(compute(self))
    text = np.array2string(array, separator=", ", prefix="tensor(", threshold=1000)
    if array.dtype not in (np.float64, np.int64, np.bool_):
        text += f", dtype={array.dtype}"
    made = grad_fn(self)
    if made is not None:
        text += f", grad_fn={made}"
    elif self._kind.requires_grad:
        text += ", requires_grad=True"
    return f"tensor({text})"


def _number(kind: Callable[[Any], Any]) -> Callable[[Tensor], Any]:
    return lambda self: kind(item(self))


PROPERTIES: dict[str, Any] = {
    "requires_grad": property(_requires_grad, _set_requires_grad),
    "grad": property(_grad, _set_grad),
    "grad_fn": property(grad_fn),
    "is_leaf": property(is_leaf),
    "shape": property(lambda self: self._kind.shape),
    "dtype": property(lambda self: self._kind.dtype),
    "ndim": property(lambda self: len(self._kind.shape)),
    "device": property(lambda self: "cpu"),
}
METHODS: dict[str, Callable[..., Any]] = {
    "backward": backward, "requires_grad_": requires_grad_, "size": size, "numpy": numpy, "item": item,
    "tolist": tolist, "__len__": __len__, "__repr__": __repr__, "__bool__": _number(bool), "__float__": _number(float),
    "__int__": _number(int), "__index__": _number(int), "__hash__": object.__hash__,
    "dim": lambda self: len(self._kind.shape),
    "numel": lambda self: int(np.prod(self._kind.shape)),
}  # fmt: skip

for _name, _member in {**PROPERTIES, **METHODS, **operators.OPERATORS, **methods.TENSOR_FUNCTIONS}.items():
    setattr(Tensor, _name, _member)
Tensor.__array_priority__ = 1000.0  # type: ignore[attr-defined]
