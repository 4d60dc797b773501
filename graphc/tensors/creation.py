"""Making tensors: from data, filled with a number, random."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import AutogradError, TraceTypeError
from graphc.ir.types import HALVES, is_real_float
from graphc.tensors.core import Tensor, from_array
from graphc.tensors.devices import device_of, place_of
from graphc.tensors.functions.promotion import Default
from graphc.tensors.kinds import known_dtype
from graphc.tensors.memory import FOREVER, settled
from graphc.tensors.placing import on_host, placed
from graphc.tensors.recording import forget, now
from graphc.trace.location import user_location
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedValue, has_traced


def tensor(data: Any, *, dtype: Any = None, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A tensor with a copy of the data: a number, nested lists, an array or a tensor.

    >>> graphc.tensor([1.0, 2.0], requires_grad=True)
    tensor([1., 2.], requires_grad=True)

    Args:
        data: anything that NumPy makes an array of.
        dtype: a NumPy dtype; by default that of an array, of Python numbers bool, int64 or the default dtype.
        requires_grad: whether ``backward()`` shall compute a gradient by it, which needs a floating dtype.
        device: ``"cpu"``, ``"cuda"`` or ``"cuda:1"``; by default that of a tensor, of other data the CPU.
    Raises: ``TraceTypeError`` for data or a dtype that graphc does not compute in; ``AutogradError`` where a gradient
        is asked for and the dtype is not floating; ``CudaError`` where there is no such device.
    """
    return _marked(_from_data(data, dtype, place_of(device)), requires_grad)


def _marked(made: Tensor, requires_grad: bool) -> Tensor:
    return made.requires_grad_() if requires_grad else made


def _own(array: Any, requires_grad: bool = False, device: Any = None) -> Tensor:
    """A tensor of an array that belongs to it alone; inside a compiled function a constant of the program."""
    if now.recording.traced:
        from graphc.tensors.traced import constant

        return constant(array)
    return _marked(from_array(placed(settled(array), place_of(device))), requires_grad)


def _from_data(data: Any, dtype: Any, place: int | None = None) -> Tensor:
    if now.recording.traced and has_traced(data):
        from graphc.tensors.traced import from_traced

        return from_traced(data, dtype)
    if isinstance(data, Tensor):
        array, place = np.array(on_host(data)), data._kind.place if place is None else place
    else:
        array = np.array(_without_tensors(data))
        if not isinstance(data, np.ndarray | np.generic) and array.dtype == np.float64 and dtype is None:
            array = array.astype(Default.dtype)
    if array.dtype.kind not in "biu" and not is_real_float(array.dtype):
        message = f"a tensor cannot be made of {type(data).__name__} with dtype {array.dtype}: give real numbers"
        raise TraceTypeError(message, location=user_location())
    wanted = known_dtype(array.dtype if dtype is None else dtype)
    return _own(array.astype(wanted, order="C", copy=False), device=device_of(place))


def _without_tensors(data: Any) -> Any:
    if isinstance(data, Tensor):
        return on_host(data)
    return [_without_tensors(part) for part in data] if isinstance(data, list | tuple) else data


def from_numpy(array: Any) -> Tensor:
    """A tensor over the array's memory, which both go on sharing. Raises ``TraceTypeError`` for what is no array.

    >>> a = np.zeros(2)
    >>> t = graphc.from_numpy(a)
    >>> a[0] = 1.0
    >>> t
    tensor([1., 0.])
    """
    if isinstance(array, TracedValue):
        from graphc.tensors.traced import TracedTensor

        return TracedTensor(array)
    if not isinstance(array, np.ndarray):
        message = f"from_numpy needs a NumPy array, got {type(array).__name__}: use graphc.tensor"
        raise TraceTypeError(message, location=user_location())
    made = from_array(array.view(np.ndarray).view())
    made._shared, made._special = FOREVER, True
    return made


def as_tensor(data: Any, dtype: Any = None, device: Any = None) -> Tensor:
    """The tensor itself, a tensor over an array's memory, or of any other data a new one."""
    if isinstance(data, Tensor):
        return data.to(data.dtype if dtype is None else dtype, device=device)
    if hasattr(type(data), "__cuda_array_interface__"):
        from graphc.tensors.interchange import from_dlpack

        made: Any = from_dlpack(data)
    else:
        made = from_numpy(data) if isinstance(data, np.ndarray | TracedValue) else _from_data(data, dtype)
    return made.to(made.dtype if dtype is None else dtype, device=device)


def set_default_dtype(dtype: Any) -> None:
    """The dtype of tensors made of Python floats, and of floating results of integers. Raises ``TypeError``."""
    wanted = known_dtype(dtype)
    if wanted.kind != "f" or wanted in HALVES:
        raise TypeError(f"the default dtype must be float64 or float32, not {wanted}")
    Default.dtype = wanted
    forget()


def get_default_dtype() -> np.dtype:
    """The dtype of tensors made of Python floats: float64, as in NumPy, unless it was changed."""
    return Default.dtype


def filled(shape: tuple[int, ...], number: Any, dtype: Any, requires_grad: bool, device: Any = None) -> Tensor:
    """A tensor of this shape, all elements the number."""
    wanted = known_dtype(dtype or Default.dtype)
    if now.recording.traced:
        from graphc.tensors.traced import filled as traced_filled

        return traced_filled(shape, number, wanted)
    return _own(np.full(shape, number, wanted), requires_grad, device)


def shape_of(sizes: tuple[Any, ...]) -> tuple[Any, ...]:
    """A shape given as separate ints or as one sequence; inside a compiled function sizes may be symbols."""
    if len(sizes) == 1 and not isinstance(sizes[0], int | np.integer | SymbolicInt):
        sizes = tuple(sizes[0])
    return tuple([size if isinstance(size, SymbolicInt) else int(size) for size in sizes])


def zeros(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of this shape."""
    return filled(shape_of(size), 0, dtype, requires_grad, device)


def ones(*size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of this shape."""
    return filled(shape_of(size), 1, dtype, requires_grad, device)


def full(size: Any, fill_value: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of this shape, all elements ``fill_value``."""
    if dtype is None and not isinstance(fill_value, float):
        dtype = np.asarray(fill_value).dtype
    return filled(shape_of((size,)), fill_value, dtype, requires_grad, device)


def eye(n: int, m: int | None = None, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones on the diagonal of an n x m matrix."""
    values = np.eye(n, n if m is None else m, dtype=known_dtype(dtype or Default.dtype))
    return _own(values, requires_grad, device)


def arange(
    start: Any, end: Any = None, step: Any = 1, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """Numbers from ``start`` (0 where only one is given) below ``end``."""
    if end is None:
        start, end = 0, start
    is_float = any(isinstance(number, float) for number in (start, end, step))
    wanted = known_dtype(dtype or (Default.dtype if is_float else np.int64))
    return _own(np.arange(start, end, step, dtype=wanted), requires_grad, device)


def logspace(start: float, end: float, steps: int, base: float = 10.0, *, dtype: Any = None) -> Tensor:
    """``steps`` powers of the base, with exponents from ``start`` to ``end``."""
    return _own(np.logspace(start, end, steps, base=base, dtype=known_dtype(dtype or Default.dtype)))


def linspace(
    start: float, end: float, steps: int, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
) -> Tensor:
    """``steps`` numbers from ``start`` to ``end``, both included."""
    values = np.linspace(start, end, steps, dtype=known_dtype(dtype or Default.dtype))
    return _own(values, requires_grad, device)


def zeros_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Zeros of the tensor's shape and dtype."""
    return filled(input._kind.shape, 0, dtype or input._kind.dtype, requires_grad, device or input.device)


def ones_like(input: Tensor, *, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
    """Ones of the tensor's shape and dtype."""
    return filled(input._kind.shape, 1, dtype or input._kind.dtype, requires_grad, device or input.device)


def full_like(input: Tensor, fill_value: Any, *, dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of the same shape and dtype, all elements ``fill_value``."""
    return filled(input._kind.shape, fill_value, dtype or input._kind.dtype, requires_grad, input.device)


empty, empty_like = zeros, zeros_like  # in PyTorch whatever was in the memory


def require_floating(made: Tensor) -> None:
    """Raise ``AutogradError`` unless the dtype is floating."""
    if not is_real_float(made._kind.dtype):
        raise AutogradError(
            f"only tensors of floating dtype can require gradients, this one is {made._kind.dtype}: convert it, "
            "x.float() or dtype=float",
            location=user_location(),
        )
