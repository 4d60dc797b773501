"""Tensors as arguments and results of compiled functions: containers of one array each.

A traced function sees a ``TracedTensor`` in place of a tensor, and gives back tensors where it returns such. The array
is read anew at each call. Whether a tensor requires grad is part of what selects a program.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from graphc import pytree
from graphc.abi import DeviceLeaf, OnDevice
from graphc.tensors.core import Tensor, compute
from graphc.tensors.kinds import kind_of, kind_of_array
from graphc.tensors.lending import store
from graphc.tensors.memory import own, settled
from graphc.tensors.recording import now
from graphc.tensors.traced import Origin, TracedTensor
from graphc.trace.record import Constant, GradientOutput, Output
from graphc.trace.values import TracedValue

Rest = tuple[type[Tensor], bool]  # the class, and whether it requires grad


class Place:
    """What stands in the description of a result where a tensor will be."""

    __slots__ = ("child", "rest")

    def __init__(self, rest: Rest, child: Any):
        self.rest, self.child = rest, child


class _Node:
    """Of a tensor with values."""

    def take_apart(self, tensor: Tensor) -> tuple[Sequence[Any], Hashable]:
        return (compute(tensor),), (type(tensor), tensor._kind.requires_grad)

    def rebuild(self, rest: Rest, children: Sequence[Any]) -> Any:
        """A tensor of an array or of a traced one; None of None; of anything else a place for one."""
        (child,) = children
        cls, requires_grad = rest
        if type(child) is np.ndarray or isinstance(child, OnDevice):
            return _made(cls, requires_grad, child)
        if child is None:
            return None
        if isinstance(child, DeviceLeaf):  # how the slow path looks at an array that is there
            made = object.__new__(cls)
            made._array, made._kind = child, kind_of(child.dtype, child.shape, requires_grad, place=child.device)
            return made
        if isinstance(child, TracedValue):
            if requires_grad:
                child.session.captures.recorded_if = (now, "enabled")
            return TracedTensor(child, Origin(cls, requires_grad, is_input=True))
        if isinstance(child, Output | Constant):
            return Place((cls, requires_grad and not isinstance(child, GradientOutput)), child)
        if isinstance(child, np.ndarray | np.generic | int | float):
            return _made(cls, requires_grad, np.asarray(child))
        return child  # of a container in place of a number, as in a Jacobian: what is in it is a tensor already

    def reach(self, paths: Any, path: int, tensor: Tensor) -> list[int]:
        kind = paths.attribute(path, "_kind")
        paths.require_same(paths.attribute(kind, "requires_grad"), tensor._kind.requires_grad)
        return [paths.attribute(path, "current_values")]

    def write(self, tensor: Tensor, array: Any) -> None:
        """Give the tensor these values, which the array alone may have."""
        store(tensor, own(array))

    def names(self, tensor: Tensor) -> Sequence[str]:
        return ("",)

    def is_frozen(self, tensor: Tensor) -> bool:
        return not tensor._kind.requires_grad


class _TracedNode(_Node):
    """Of a tensor in a traced function."""

    def take_apart(self, tensor: Any) -> tuple[Sequence[Any], Hashable]:
        return (tensor.traced,), tensor.origin

    def rebuild(self, origin: Any, children: Sequence[Any]) -> Any:
        (child,) = children
        if isinstance(child, TracedValue):
            return TracedTensor(child, origin)
        return super().rebuild((origin.cls, origin.requires_grad), children)

    def reach(self, paths: Any, path: int, tensor: Any) -> list[int]:
        return [paths.attribute(path, "traced")]

    def is_frozen(self, tensor: Any) -> bool:
        return not tensor.origin.requires_grad


class _PlaceNode(_Node):
    """Of a place in the description of a result."""

    def take_apart(self, place: Any) -> tuple[Sequence[Any], Hashable]:
        return (place.child,), place.rest


def _made(cls: type[Tensor], requires_grad: bool, array: Any) -> Tensor:
    made = object.__new__(cls)
    made._array, made._kind = settled(array), kind_of_array(array, requires_grad)
    return made


def register(cls: type[Tensor]) -> None:
    """Make the tensors of a class arguments and results of compiled functions."""
    pytree.register_object(cls, _Node(), is_tensor=True)


register(Tensor)
pytree.register_object(TracedTensor, _TracedNode(), is_tensor=True)
pytree.register_object(Place, _PlaceNode(), is_tensor=True)
CURRENT_VALUES = property(compute, doc="The array or NumPy scalar, computed now where it was not.")
