"""The leaves of a call's arguments: what each is to the program, its part of the key, and how it is handed over.

Arrays and NumPy scalars are inputs of their dtype, Python floats weak ones, ints symbols. An array dim that is 0 or 1
is part of the key, any other is a symbol. A Fortran-ordered array is the C-ordered array of its transpose; any other
layout is copied. Everything else is static: by value, by identity, or, an object with attributes, by its type and by
what is read from it.
"""

from __future__ import annotations

import enum
from array import array
from collections import deque
from collections.abc import Hashable, ItemsView, KeysView, ValuesView
from types import MappingProxyType, ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from graphc.abi import DeviceLeaf, LeafKind
from graphc.errors import TraceTypeError
from graphc.ir.types import dtype_of, is_known
from graphc.trace.location import user_location
from graphc.trace.slots import HEAP_TYPE
from graphc.trace.symbolic import INT64
from graphc.trace.values import TracedValue, raise_dtype

_VALUES = (
    np.ndarray,
    np.generic,
    bool,
    type(None),
    str,
    bytes,
    int,
    complex,
    slice,
    type(...),
    range,
    enum.Enum,
    np.dtype,
    type,
    ModuleType,
)
PLAIN_ARRAYS = (np.ndarray, np.memmap)
_IMMUTABLE_TYPE = 1 << 8
TABLE_LIBRARIES = frozenset(["pandas", "polars", "pyarrow", "xarray"])
_FOREIGN = TABLE_LIBRARIES | frozenset([  # whose code is not traced
    "torch", "jax", "jaxlib", "sklearn", "h5py", "zarr", "netCDF4", "numba", "collections", "ctypes", "configparser",
])  # fmt: skip

UNKNOWN_CONTAINERS = (  # where they are leaves
    dict,
    list,
    tuple,
    set,
    frozenset,
    deque,
    bytearray,
    memoryview,
    array,
    MappingProxyType,
    KeysView,
    ValuesView,
    ItemsView,
)


class LeafSpec(NamedTuple):
    """A leaf that is an input: its kind, dtype, the dims with None for those that are symbols, and its layout."""

    kind: LeafKind
    dtype: np.dtype
    dims: tuple[int | None, ...]
    transposed: bool = False


class ByType(NamedTuple):
    """The key of an object whose attributes are read at each call."""

    kind: type


class Receiver:
    """The ``self`` of a method call: never a container, whatever its class."""

    __slots__ = ("obj",)

    def __init__(self, obj: Any):
        self.obj = obj


def leaf_key(leaf: Any) -> Hashable:
    """What a program must know of the leaf. Equal keys: the same program may serve, if its guards hold."""
    kind = type(leaf)
    if kind in PLAIN_ARRAYS:
        flags = leaf.flags
        fortran = flags.f_contiguous and not flags.c_contiguous
        return leaf.dtype.num, tuple([d if d < 2 else None for d in leaf.shape]), fortran
    if kind is float:
        return float
    if kind is complex:
        return complex
    if kind is int and leaf in INT64:
        return int
    if isinstance(leaf, np.generic):
        return (kind,)
    if isinstance(leaf, DeviceLeaf):
        return leaf.key()
    if is_object(leaf):
        return ByType(kind)
    if kind is Receiver:
        return ByType(type(leaf.obj))
    key = _exact(leaf)
    return key if _hashable(key) else (kind, id(leaf))  # the latter is never traced: see ``input_spec``


def _exact(value: Any) -> Any:
    """A key that tells apart what a function can: == sees neither all types, nor a set's order, nor the sign of 0."""
    kind = type(value)
    if isinstance(value, tuple | set | frozenset):
        return kind, tuple(map(_exact, value))
    if isinstance(value, slice | range):
        return kind, _exact(value.start), _exact(value.stop), _exact(value.step)
    if isinstance(value, float):
        return kind, float.hex(value)
    return kind, value


def _hashable(key: Any) -> bool:
    try:
        hash(key)
    except TypeError:
        return False
    return True


def is_table(obj: Any) -> bool:
    """Whether the object was made by one of the libraries whose tables are read again at each call."""
    return type(obj).__module__.partition(".")[0] in TABLE_LIBRARIES


def is_sparse(obj: Any) -> bool:
    """Whether it is a sparse array or matrix of SciPy."""
    return type(obj).__module__.startswith("scipy.sparse.") and hasattr(obj, "tocsr")


def is_factored(obj: Any) -> bool:
    """Whether it is a factorisation of a sparse matrix, as ``scipy.sparse.linalg.splu`` gives it."""
    return type(obj).__name__ == "SuperLU" and not type(obj).__flags__ & HEAP_TYPE


def is_polynomial(obj: Any) -> bool:
    """Whether it is one of ``numpy.polynomial``'s, whose code is followed at traced points; what makes another
    polynomial of it, such as ``deriv``, is done by NumPy at each call."""
    return type(obj).__module__.startswith("numpy.polynomial.")


def is_builtin(kind: type) -> bool:
    """Whether the class is one of Python's own that is written in C: such are fixed, on the heap or not."""
    return bool(kind.__flags__ & _IMMUTABLE_TYPE or not kind.__flags__ & HEAP_TYPE)


def is_foreign(obj: Any) -> bool:
    """An object that holds its numbers where no load can be followed to: what is done with it is done at each call."""
    kind = type(obj)
    if isinstance(obj, np.ndarray | np.void):  # of another class, or of labels, dates, records
        return kind not in PLAIN_ARRAYS or obj.dtype.fields is not None or not is_known(obj.dtype.newbyteorder("="))
    is_listed = kind.__module__.partition(".")[0] in _FOREIGN or is_sparse(obj) or is_factored(obj) or is_of_c(kind)
    return is_listed and not isinstance(obj, (*_VALUES, *UNKNOWN_CONTAINERS))


def is_of_c(kind: type) -> bool:
    """Whether it is one of the numbers, arrays and structures of ``ctypes``, whose classes users make."""
    return len(kind.__mro__) > 1 and kind.__mro__[-2].__module__ == "_ctypes"


def is_object(leaf: Any) -> bool:
    """An instance of a class written in Python whose identity is all there is to compare, or a table."""
    kind = type(leaf)
    if is_table(leaf) or isinstance(leaf, TracedValue):
        return True
    if isinstance(leaf, (*_VALUES, *UNKNOWN_CONTAINERS, DeviceLeaf)) or not (
        kind.__flags__ & HEAP_TYPE or kind is SimpleNamespace
    ):
        return False
    hash_function: Any = kind.__hash__
    return (hash_function is None or hash_function is object.__hash__) and not getattr(kind, "graphc_static", False)


def input_spec(leaf: Any) -> LeafSpec | None:
    """The leaf as an input, or None where it is static. Raises ``TraceTypeError`` for dtypes that cannot be traced."""
    kind = type(leaf)
    if isinstance(leaf, np.ndarray):
        if kind not in PLAIN_ARRAYS:
            raise_kind(leaf)
        dtype = native_dtype(leaf.dtype)
        fortran = leaf.flags.f_contiguous and not leaf.flags.c_contiguous
        shape = leaf.shape[::-1] if fortran else leaf.shape
        return LeafSpec(LeafKind.ARRAY, dtype, tuple([d if d < 2 else None for d in shape]), fortran)
    if isinstance(leaf, DeviceLeaf):
        dims = tuple([d if d < 2 else None for d in leaf.shape])
        return LeafSpec(LeafKind.ARRAY, native_dtype(leaf.dtype), dims)
    if isinstance(leaf, np.generic):
        return LeafSpec(LeafKind.SCALAR, native_dtype(leaf.dtype), ())
    if kind is float:
        return LeafSpec(LeafKind.FLOAT, np.dtype(np.float64), ())
    if kind is int and leaf in INT64:
        return LeafSpec(LeafKind.INT, np.dtype(np.int64), ())
    if kind is complex:
        return LeafSpec(LeafKind.FLOAT, np.dtype(np.complex128), ())
    unknown = isinstance(leaf, UNKNOWN_CONTAINERS) and kind not in (set, frozenset)
    if unknown or not (is_object(leaf) or _hashable(_exact(leaf))):
        name = kind.__name__
        message = f"a {name} is no container that graphc looks into: pass a dict, list, tuple, named tuple or dataclass"
        raise TraceTypeError(message, location=user_location())
    return None


def native_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype in this machine's byte order, as graphc's table has it. Raises ``TraceTypeError``."""
    native = dtype.newbyteorder("=") if not dtype.isnative else dtype
    if not is_known(native) or native.fields is not None:
        raise_dtype(dtype)
    return dtype_of(native)


def raise_kind(leaf: np.ndarray) -> None:
    instead = "np.asarray(x)"
    if isinstance(leaf, np.ma.MaskedArray):  # whose mask that would drop
        instead = "its numbers and its mask, x.filled(0.0) and np.ma.getmaskarray(x), and np.where(mask, 0.0, ...)"
    message = f"an array of the subclass {type(leaf).__name__} cannot be traced; pass {instead}"
    raise TraceTypeError(message, location=user_location())


def as_input(spec: LeafSpec, leaf: Any) -> Any:
    """The leaf as the program takes it: a C-contiguous, aligned array in native byte order, or the number itself.

    What is on a device stays as it is.
    """
    if isinstance(leaf, DeviceLeaf):
        return leaf
    if spec.kind is not LeafKind.ARRAY:
        return spec.dtype.type(leaf) if spec.kind is LeafKind.SCALAR and type(leaf) is not spec.dtype.type else leaf
    array = np.asarray(leaf.T if spec.transposed else leaf)
    same_dtype = array.dtype.num == spec.dtype.num and array.dtype.isnative
    if same_dtype and array.flags.c_contiguous and array.flags.aligned:
        own = np.dtype(spec.dtype.type)  # an equal one may be another object (with metadata, of a foreign buffer)
        return array if array.dtype is own else array.view(own)
    return array.astype(spec.dtype, order="C")


def shape_of(spec: LeafSpec, leaf: Any) -> tuple[int, ...]:
    """The sizes of the input as the program takes it."""
    if spec.kind is not LeafKind.ARRAY:
        return ()
    return leaf.shape[::-1] if spec.transposed else leaf.shape
