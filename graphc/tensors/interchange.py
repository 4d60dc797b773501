"""Values in and out: NumPy, Python numbers, DLPack, pickling and copying."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.abi import BFLOAT16
from graphc.errors import AutogradError
from graphc.ir.types import dtype_of
from graphc.runtime.dlpack import bfloat16_array, capsule_of
from graphc.tensors import devices
from graphc.tensors.core import Tensor, compute, from_array
from graphc.tensors.creation import from_numpy
from graphc.tensors.kinds import kind_of_array
from graphc.tensors.memory import given_to_numpy, own, settled
from graphc.tensors.placing import host_values, on_host, placed
from graphc.tensors.views import is_stale, memory_of, root_of
from graphc.trace.location import user_location


def _refuse_grad(tensor: Tensor, what: str) -> None:
    if tensor.requires_grad:
        raise AutogradError(
            f"can't call {what} on a tensor that requires grad, which would not be recorded: use x.detach().{what}",
            location=user_location(),
        )


def numpy(self: Tensor, *, force: bool = False) -> np.ndarray:
    """The values as a NumPy array that shares the tensor's memory, a view's that of its base.

    ``force``: also of a tensor that requires grad, and a copy of one on a device. Raises ``AutogradError`` for the one,
    ``TypeError`` for the other otherwise.
    """
    if not force:
        _refuse_grad(self, "numpy()")
    if self._kind.place is not None:
        if not force:
            raise TypeError(
                f"can't convert a tensor on {devices.device_of(self._kind.place)} to a NumPy array: x.cpu() first"
            )
        return host_values(self)
    root = root_of(self)
    compute(root)
    if root is self:
        return given_to_numpy(root)
    return memory_of(self, given_to_numpy(root))


def array(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    """``np.asarray(x)``: shares memory where the dtype is the tensor's."""
    _refuse_grad(self, "numpy()")
    if self._kind.place is None and (copy or (dtype is not None and dtype_of(dtype) != self._kind.dtype)):
        return np.array(compute(self), dtype)
    return numpy(self)


def item(self: Tensor) -> Any:
    """The only element, as a Python number. Raises ``AutogradError`` where there are more."""
    values = on_host(self)
    if values.size != 1:
        message = f"a tensor with {values.size} elements cannot be converted to one number: select one, or reduce it"
        raise AutogradError(message, location=user_location())
    return values.item()


def tolist(self: Tensor) -> Any:
    """The values as nested lists of Python numbers."""
    return on_host(self).tolist()


def data(self: Tensor) -> Tensor:
    """The tensor's memory without its history: ``x.detach()``, but that a write into it is not counted as one.

    What was computed before keeps its gradient, by the values that stood there then.
    """
    made = self.detach()
    made._quiet = True
    return made


def set_data(self: Tensor, value: Tensor) -> None:
    """Give the tensor other values, whatever was recorded of the old ones."""
    if value._kind.dtype != self._kind.dtype:
        message = f"data of dtype {value._kind.dtype} does not fit a tensor of dtype {self._kind.dtype}"
        raise AutogradError(message, location=user_location())
    replace(self, own(compute(value)))
    self._unseen += 1


def replace(tensor: Tensor, values: Any) -> None:
    """Give the tensor an array of its own, which nobody else holds, in place of its memory."""
    tensor._array, tensor._recording, tensor._history = values, None, None
    tensor._base, tensor._view, tensor._shared, tensor._special = None, (), None, False
    tensor._writes += 1
    tensor._kind = kind_of_array(values, tensor._kind.requires_grad)


# --- DLPack -----------------------------------------------------------------------------------------------------------


def dlpack(self: Tensor, **options: Any) -> Any:
    """``__dlpack__``: the tensor's memory for other libraries, without a copy."""
    _refuse_grad(self, "__dlpack__()")
    if self._kind.place is not None:
        return compute(self).__dlpack__(**options)
    array = numpy(self)
    if array.dtype.name != BFLOAT16:
        return array.__dlpack__(**options)
    array = array.copy() if options.get("copy") else array
    return capsule_of(array, array.ctypes.data, array.shape, array.dtype, dlpack_device(self), array.strides)


def dlpack_device(self: Tensor) -> tuple[int, int]:
    """``__dlpack_device__``: the CPU, or a CUDA device."""
    return (1, 0) if self._kind.place is None else compute(self).__dlpack_device__()


def _interface(self: Tensor) -> dict[str, Any]:
    """What other libraries read of a tensor on a device; no attribute of one on the CPU."""
    if self._kind.place is None:
        raise AttributeError("a tensor on the CPU has no __cuda_array_interface__")
    _refuse_grad(self, "__cuda_array_interface__")
    return compute(self).__cuda_array_interface__


def from_dlpack(obj: Any) -> Tensor:
    """A tensor over the memory of another library's array or tensor, without a copy.

    On a device, too: also of an array with ``__cuda_array_interface__`` alone, which must lie in C order. Such memory
    must not be written into as long as the tensor is used.
    """
    from graphc.runtime.cuda_arrays import shared, view_of

    view = view_of(obj)
    if view is not None:
        return from_array(shared(view))
    halves = bfloat16_array(obj.__dlpack__()) if str(getattr(obj, "dtype", "")).endswith(BFLOAT16) else None
    return from_numpy(np.from_dlpack(obj) if halves is None else halves)


# --- copies -----------------------------------------------------------------------------------------------------------


def _rebuilt(values: np.ndarray, requires_grad: bool, kind: type, place: int | None) -> Tensor:
    made = from_array(placed(settled(values), place), requires_grad)
    if kind is not Tensor:
        made.__class__ = kind
    return made


def reduce_(self: Tensor, protocol: int = 2) -> Any:
    """Pickling: the values, and whether a gradient is required; only of leaves."""
    if not self.is_leaf:
        raise AutogradError(
            "only leaf tensors can be copied with their gradients or pickled: detach() it first",
            location=user_location(),
        )
    return _rebuilt, (np.array(on_host(self)), self._kind.requires_grad, type(self), self._kind.place)


def deepcopy(self: Tensor, memo: dict[int, Any]) -> Tensor:
    """A leaf with values, and gradient, of its own."""
    if id(self) in memo:
        return memo[id(self)]
    rebuild, args = reduce_(self)
    made: Tensor = rebuild(*args)
    memo[id(self)] = made
    if self._grad is not None:
        made._grad = copy.deepcopy(self._grad, memo)
    return made


def shallow_copy(self: Tensor) -> Tensor:
    """``copy.copy``: a leaf over the same memory."""
    if not self.is_leaf:
        reduce_(self)
    made = self.detach()
    made.__class__ = type(self)
    return made.requires_grad_(self._kind.requires_grad)


def up_to_date(self: Tensor) -> Tensor:
    """The tensor; a view of memory that was written into is made again first."""
    if is_stale(self):
        compute(self)
    return self


def _number(kind: Callable[[Any], Any]) -> Callable[[Tensor], Any]:
    return lambda self: kind(item(self))


METHODS: dict[str, Any] = {
    "numpy": numpy, "item": item, "tolist": tolist, "__array__": array, "__dlpack__": dlpack,
    "__dlpack_device__": dlpack_device, "__reduce_ex__": reduce_, "__deepcopy__": deepcopy, "__copy__": shallow_copy,
    "__cuda_array_interface__": property(_interface), "__bool__": _number(bool), "__complex__": _number(complex),
    "__float__": _number(float), "__int__": _number(int), "__index__": _number(int),
}  # fmt: skip
