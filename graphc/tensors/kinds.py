"""What is known of a tensor without its values: dtype, shape, whether a gradient flows to it. One object each."""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.abi import LeafKind, OnDevice
from graphc.errors import TraceTypeError
from graphc.ir.types import F32, HALVES, dtype_of, is_known, is_real_float, known_names
from graphc.trace.leaves import LeafSpec
from graphc.trace.location import user_location


class Kind:
    """Interned: two kinds are equal where they are one object, so that a kind is a quick key.

    ``weak``: a Python number, which gives way to the dtype of an array. ``computed``: the dtype in a program.
    ``place``: the number of the device that it is on, None for the CPU.
    """

    __slots__ = ("computed", "dtype", "frozen", "is_half", "place", "requires_grad", "shape", "spec", "weak")

    def __init__(self, dtype: np.dtype, shape: tuple[int, ...], requires_grad: bool, weak: bool, place: int | None):
        self.dtype, self.shape, self.requires_grad, self.weak = dtype, shape, requires_grad, weak
        self.place = place
        self.is_half = dtype in HALVES  # stored so, computed in float32: see ``halves``
        self.computed = F32 if self.is_half else dtype
        self.spec = _spec(dtype, shape, weak)
        self.frozen: Kind = self if not requires_grad else kind_of(dtype, shape, place=place)

    def __repr__(self) -> str:
        there = "" if self.place is None else f" cuda:{self.place}"
        return f"<{self.dtype.name}{list(self.shape)}{' grad' * self.requires_grad}{there}>"


_kinds: dict[tuple[np.dtype, tuple[int, ...], bool, bool, int | None], Kind] = {}
_dtypes: dict[np.dtype, np.dtype] = {}


def kind_of(
    dtype: np.dtype, shape: tuple[int, ...], requires_grad: bool = False, weak: bool = False, place: int | None = None
) -> Kind:
    """The kind. Raises ``TraceTypeError`` for a dtype that graphc does not compute in."""
    key = (dtype, shape, requires_grad, weak, place)
    kind = _kinds.get(key)
    if kind is None:
        kind = _kinds.setdefault(key, Kind(known_dtype(dtype), shape, requires_grad, weak, place))
    return kind


def kind_of_array(array: Any, requires_grad: bool = False) -> Kind:
    """The kind of a NumPy array or scalar, or of an array on a device."""
    place = array.number if isinstance(array, OnDevice) else None
    return kind_of(array.dtype, array.shape, requires_grad, place=place)


def known_dtype(dtype: Any) -> np.dtype:
    """The dtype in this machine's byte order. Raises ``TraceTypeError`` for one that graphc does not compute in."""
    found = _dtypes.get(dtype)
    if found is None:
        native = dtype_of(dtype)
        if not is_known(native) or native.kind == "c":
            message = f"a tensor of dtype {native} is not supported; the dtypes are {known_names(real=True)}"
            raise TraceTypeError(message, location=user_location())
        found = _dtypes[dtype] = native
    return found


def _spec(dtype: np.dtype, shape: tuple[int, ...], weak: bool) -> LeafSpec:
    """How the value is handed to a program: numbers and what has no dimensions as a number."""
    if weak and is_real_float(dtype):
        return LeafSpec(LeafKind.FLOAT, dtype, ())
    kind = LeafKind.ARRAY if shape else LeafKind.SCALAR
    return LeafSpec(kind, dtype, tuple([d if d < 2 else None for d in shape]))
