"""Tensors in another dtype or place, and copies, under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.abi import BFLOAT16
from graphc.tensors import devices
from graphc.tensors.core import Tensor, record
from graphc.tensors.functions.table import FUNCTIONS
from graphc.tensors.kinds import known_dtype
from graphc.tensors.placing import moved


def to(
    input: Tensor, *args: Any, dtype: Any = None, device: Any = None, copy: bool = False, non_blocking: bool = False
) -> Tensor:
    """The tensor in another dtype or on another device, or in those of another tensor; itself where it is so already.

    Gradients flow through both. Inside a compiled function the device is that of the arguments, whatever is asked for.
    Raises ``CudaError`` for a device that is not there.
    """
    for arg in args:
        if isinstance(arg, Tensor):
            dtype, device = arg.dtype, arg.device
        elif devices.is_device(arg) or type(arg) is int:
            device = arg
        else:
            dtype = arg
    there = input if device is None else moved(input, devices.place_of(device))
    wanted = input._kind.dtype if dtype is None else known_dtype(dtype)
    if wanted == input._kind.dtype:
        return clone(input) if copy and there is input else there
    return record(FUNCTIONS["to_copy"], (there,), (wanted,))


def type_(self: Tensor, dtype: Any = None) -> Any:
    """PyTorch's name of the type of tensor, such as "torch.DoubleTensor"; or the tensor in a dtype, or one named so."""
    if dtype is None:
        return _TYPE_NAMES.get(self._kind.dtype.name, self._kind.dtype.name)
    names = {name: known for known, name in _TYPE_NAMES.items()}
    return to(self, names.get(dtype, dtype) if isinstance(dtype, str) else dtype)


_TYPE_NAMES = {
    "float64": "torch.DoubleTensor", "float32": "torch.FloatTensor", "float16": "torch.HalfTensor",
    "int64": "torch.LongTensor", "int32": "torch.IntTensor", "int16": "torch.ShortTensor", "int8": "torch.CharTensor",
    "uint8": "torch.ByteTensor", "bool": "torch.BoolTensor", "bfloat16": "torch.BFloat16Tensor",
}  # fmt: skip


def cuda(self: Tensor, device: Any = None) -> Tensor:
    """The tensor on a CUDA device, the first one by default. Raises ``CudaError`` where there is none."""
    return to(self, device="cuda" if device is None else device)


def cpu(self: Tensor) -> Tensor:
    """The tensor on the CPU: itself where it is there."""
    return to(self, device="cpu")


def _to_dtype(name: str, dtype: Any) -> Callable[[Tensor], Tensor]:
    def call(self: Tensor) -> Tensor:
        return to(self, dtype)

    call.__name__ = name
    return call


def clone(input: Tensor) -> Tensor:
    """A copy, through which gradients flow."""
    return record(FUNCTIONS["clone"], (input,))


METHODS: dict[str, Callable[..., Any]] = {
    "to": to,
    "type": type_,
    **{name: _to_dtype(name, dtype) for name, dtype in {
        "double": np.float64, "float": np.float32, "half": np.float16, "long": np.int64, "int": np.int32,
        "short": np.int16, "char": np.int8, "byte": np.uint8, "bool": np.bool_, "bfloat16": BFLOAT16,
    }.items()},
    "cpu": cpu,
    "cuda": cuda,
}  # fmt: skip
