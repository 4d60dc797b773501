"""The tensor as people use it: its properties, ``backward``, how it prints, and the methods of the tables."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphc.errors import AutogradError, nearest
from graphc.ir.types import is_real_float
from graphc.tensors import (
    arranging,
    containers,
    converting,
    devices,
    hooks,
    interchange,
    library,
    matrices,
    methods,
    operators,
    ordering,
    printing,
    random,
    scattering,
    shaping,
    statistics,
    traced,
    turning,
    writing,
)
from graphc.tensors.backward import backward_of, check_root
from graphc.tensors.core import Tensor, compute
from graphc.tensors.creation import full, ones, require_floating, tensor, zeros
from graphc.tensors.declaring import axis_of
from graphc.tensors.functions.promotion import Default
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.interchange import replace
from graphc.tensors.kinds import kind_of
from graphc.tensors.memory import own
from graphc.tensors.placing import host_values
from graphc.tensors.segments import Applied, version_of
from graphc.tensors.views import layout, memory_of, root_of
from graphc.trace.location import user_location

__all__ = ["Tensor"]


# --- what it is -------------------------------------------------------------------------------------------------------


def _requires_grad(self: Tensor) -> bool:
    if self._base is not None:
        interchange.up_to_date(self)
    return self._kind.requires_grad


def _set_requires_grad(self: Tensor, flag: bool) -> None:
    requires_grad_(self, flag)


def is_leaf(self: Tensor) -> bool:
    """Whether the tensor was not made by operations through which a gradient flows."""
    if isinstance(self, traced.TracedTensor):
        return self.origin.is_input
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
    self._kind = kind_of(self._kind.dtype, self._kind.shape, bool(requires_grad), place=self._kind.place)
    self._recording = None  # what is recorded from now on sees another kind
    return self


def grad_fn(self: Tensor) -> str | None:
    """The name of what made the tensor, such as ``MulBackward0``; None for a leaf."""
    if is_leaf(self):
        return None
    from graphc.tensors.recording import State

    state: State | None
    if self._history is not None and isinstance(self._history[0], Applied):
        return f"<{self._history[0].cls.__name__}Backward>"
    if self._history is not None and self._array is not None:
        state, position = self._history[0].state, self._history[1]
    else:
        assert self._recording is not None
        state, position = self._recording.state, self._position
    while state is not None and not state.position <= position < state.end:
        state = state.parent
    return None if state is None else f"<{state.step[0].title}>"


def ndim(self: Tensor) -> int:
    """The number of dimensions."""
    return len(self._kind.shape)


def numel(self: Tensor) -> int:
    """The number of elements."""
    return math.prod(self._kind.shape)


def detach_(self: Tensor) -> Tensor:
    """Forget how the tensor was computed: from now on it is a leaf; the tensor."""
    replace(self, own(compute(self)))
    return requires_grad_(self, False)


def _grad(self: Tensor) -> Tensor | None:
    return self._grad


def _set_grad(self: Tensor, value: Tensor | None) -> None:
    if value is not None and not isinstance(value, Tensor):
        raise TypeError(f".grad can be None or a tensor, not {type(value).__name__}")
    if value is not None and value._kind.shape != self._kind.shape:
        message = f"a gradient of shape {value._kind.shape} does not fit a tensor of shape {self._kind.shape}"
        raise AutogradError(message, location=user_location())
    if value is self:
        raise AutogradError("a tensor cannot be its own gradient", location=user_location())
    if value is not None and value._kind.dtype != self._kind.dtype:
        message = f"a gradient of dtype {value._kind.dtype} does not fit a tensor of dtype {self._kind.dtype}"
        raise AutogradError(message, location=user_location())
    self._grad = value


def _delete_grad(self: Tensor) -> None:
    self._grad = None


def data_ptr(self: Tensor) -> int:
    """The address of the first element, in this machine's memory. Raises ``AutogradError`` for one on a device."""
    if self._kind.place is not None:
        message = "data_ptr() of a tensor on a device: take x.__cuda_array_interface__"
        raise AutogradError(message, location=user_location())
    root = root_of(self)
    return int(memory_of(self, np.asarray(compute(root))).__array_interface__["data"][0])


def size(self: Tensor, dim: int | None = None) -> Any:
    """The shape, or the size of one dimension."""
    return self._kind.shape if dim is None else self._kind.shape[axis_of("size", self, dim)]


def strides(self: Tensor, dim: int | None = None) -> Any:
    """How many elements lie between neighbours along each dimension, or along one."""
    found, shape = list(layout(self).strides), self._kind.shape
    for k in reversed(range(len(shape))):
        if shape[k] == 1 and found[k] == 0:  # a dimension that ``None`` made
            found[k] = found[k + 1] * shape[k + 1] if k + 1 < len(shape) else 1
    return tuple(found) if dim is None else found[axis_of("stride", self, dim)]


# --- gradients --------------------------------------------------------------------------------------------------------


def backward(
    self: Tensor, gradient: Tensor | None = None, retain_graph: bool | None = None, create_graph: bool = False,
    inputs: Tensor | Sequence[Tensor] | None = None,
) -> None:  # fmt: skip
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
        inputs: the tensors whose ``.grad`` is added to, instead of all leaves.
    Raises: ``AutogradError`` where the tensor does not require grad, is no scalar and no vector is given, was
        differentiated before without ``retain_graph``, or needs a value that was overwritten.
    """
    if gradient is not None and not isinstance(gradient, Tensor):
        raise TypeError(f"gradient must be a tensor or None, not {type(gradient).__name__}")
    check_root(self, gradient)
    retain = create_graph if retain_graph is None else retain_graph
    backward_of((self,), (gradient,), retain, create_graph, inputs)


def __len__(self: Tensor) -> int:
    if not self._kind.shape:
        raise TypeError("len() of a 0-d tensor")
    return self._kind.shape[0]


def __repr__(self: Tensor) -> str:
    array = host_values(self)
    remarks = [f"size={array.shape}"] if not array.size and array.ndim != 1 else []
    if self._kind.place is not None:
        remarks.append(f"device='{devices.device_of(self._kind.place)}'")
    if array.dtype != Default.dtype and (array.dtype not in (np.int64, np.bool_) or not array.size):
        remarks.append(f"dtype={array.dtype}")
    made = grad_fn(self)
    if made is not None:
        remarks.append(f"grad_fn={made}")
    elif self._kind.requires_grad:
        remarks.append("requires_grad=True")
    return printing.with_remarks(f"tensor({printing.text_of(array, len('tensor('))}", remarks, len("tensor(")) + ")"


def __format__(self: Tensor, spec: str) -> str:
    return format(interchange.item(self), spec) if spec and not self._kind.shape else object.__format__(self, spec)


def __contains__(self: Tensor, element: Any) -> bool:
    return bool(methods.BOTH["any"](methods.BOTH["eq"](self, element)))


def _new(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A method that makes a tensor of this one's dtype, on its device, unless others are given."""

    def call(self: Tensor, *args: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        there = self.device if device is None else device
        return make(*args, dtype=dtype or self._kind.dtype, device=there, requires_grad=requires_grad)

    return call


def _transposed(self: Tensor) -> Tensor:
    if self.ndim not in (0, 2):
        message = f"x.H is of matrices, this tensor has shape {self.shape}: use x.mH"
        raise AutogradError(message, location=user_location())
    return shaping.t(self)


PROPERTIES: dict[str, Any] = {
    "requires_grad": property(_requires_grad, _set_requires_grad),
    "grad": property(_grad, _set_grad, _delete_grad),
    "grad_fn": property(grad_fn),
    "is_leaf": property(is_leaf),
    "retains_grad": property(lambda self: self._retains),
    "_version": property(version_of),
    "shape": property(lambda self: self._kind.shape),
    "dtype": property(lambda self: self._kind.dtype),
    "ndim": property(ndim),
    "device": property(lambda self: devices.device_of(self._kind.place)),
    "is_cuda": property(lambda self: self._kind.place is not None),
    "data": property(interchange.data, interchange.set_data),
    "T": property(lambda self: self.permute(*range(len(self._kind.shape))[::-1])),
    "mT": property(matrices.adjoint),
    "H": property(_transposed),
    "real": property(lambda self: self),
    "mH": property(matrices.adjoint),
    "is_cpu": property(lambda self: self._kind.place is None),
    "is_sparse": property(lambda self: False),
    "is_quantized": property(lambda self: False),
    "is_meta": property(lambda self: False),
    "nbytes": property(lambda self: numel(self) * self._kind.dtype.itemsize),
    "itemsize": property(lambda self: self._kind.dtype.itemsize),
    "current_values": containers.CURRENT_VALUES,
}
METHODS: dict[str, Callable[..., Any]] = {
    "backward": backward, "requires_grad_": requires_grad_, "size": size, "__len__": __len__, "__repr__": __repr__,
    "__format__": __format__, "__contains__": __contains__,
    "__hash__": object.__hash__, "dim": ndim, "numel": numel, "nelement": numel, "register_hook": hooks.register_hook,
    "retain_grad": hooks.retain_grad,
    "register_post_accumulate_grad_hook": hooks.register_post_accumulate_grad_hook, "data_ptr": data_ptr,
    "copy_": writing.copy_, "fill_": writing.fill_, "zero_": writing.zero_,
    "detach_": detach_, "element_size": lambda self: self._kind.dtype.itemsize, "one_hot": shaping.one_hot,
    "is_floating_point": lambda self: is_real_float(self._kind.dtype),
    "new_zeros": _new(zeros), "new_empty": _new(zeros), "new_ones": _new(ones), "new_full": _new(full),
    "new_tensor": _new(tensor),
    "type_as": lambda self, other: self.to(other._kind.dtype),
    "get_device": lambda self: -1 if self._kind.place is None else self._kind.place,
    "stride": strides,
    "is_complex": lambda self: False, "ndimension": ndim, "is_inference": lambda self: False,
    "is_pinned": lambda self: False, "pin_memory": lambda self: self, "share_memory_": lambda self: self,
}  # fmt: skip
COMPOSED = ("logit", "renorm", "index_reduce", "put", "masked_scatter")
WRITING = {
    f"{name}_": writing.in_place(function, composed=name in COMPOSED)
    for room in (methods, shaping, ordering, library, statistics, scattering, matrices, arranging)
    for name, function in room.BOTH.items()
    if name in (*methods.IN_PLACE, *getattr(room, "IN_PLACE", ()))
}
AUGMENTED = {f"__i{symbol}__": WRITING[f"{name}_"] for symbol, name in (
    ("add", "add"), ("sub", "sub"), ("mul", "mul"), ("truediv", "div"), ("pow", "pow"), ("floordiv", "floor_divide"),
    ("mod", "remainder"), ("and", "bitwise_and"), ("or", "bitwise_or"), ("xor", "bitwise_xor"),
    ("lshift", "bitwise_left_shift"), ("rshift", "bitwise_right_shift"),
)}  # fmt: skip


def _absent(self: Tensor, name: str) -> Any:
    if not name.startswith("_"):
        raise AttributeError(f"a tensor has no attribute {name!r}{nearest(name, dir(Tensor))}")
    raise AttributeError(name)


def complete(cls: type) -> None:
    """Give the class its properties and methods."""
    tables = (
        PROPERTIES, interchange.METHODS, operators.OPERATORS, methods.BOTH, methods.ONLY_METHODS, shaping.BOTH,
        shaping.ONLY_METHODS, ordering.BOTH, random.METHODS, library.BOTH, library.ONLY_METHODS, matrices.BOTH,
        scattering.BOTH, scattering.ONLY_METHODS, arranging.BOTH, arranging.ONLY_METHODS, METHODS, WRITING, AUGMENTED,
        turning.METHODS, statistics.BOTH, converting.METHODS,
    )  # fmt: skip
    for table in tables:
        for name, member in table.items():
            setattr(cls, name, member)
    cls.__array_priority__ = 1000.0  # type: ignore[attr-defined]
    cls.__getattr__ = _absent  # type: ignore[attr-defined]


complete(Tensor)
traced.complete({symbol: FUNCTIONS[name] for symbol, name in (operators.BINARY | operators.COMPARISONS).items()})
