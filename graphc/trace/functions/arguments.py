"""What NumPy accepts where an array, an axis, a dtype or a shape is asked for, turned into the IR's terms.

Every error here names the NumPy function (``name``) and what came.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import index
from typing import Any

import numpy as np

from graphc.abi import BFLOAT16
from graphc.errors import AxisRangeError, ShapeError, TraceTypeError, UnsupportedError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, Expr, dim_max, dim_min
from graphc.ir.graph import Value
from graphc.ir.types import BOOL, I64, bfloat16_dtype, is_floating, is_known, known_names, result_type
from graphc.trace.extents import dim_of_number, number_in_call
from graphc.trace.session import current
from graphc.trace.symbolic import SymbolicInt

UNSIGNED = np.dtype(np.uint64)

Implementation = Callable[..., Any]  # f(F, *args, **kwargs) with the arguments of the NumPy function


def qualified(prefix: str, names: str) -> list[str]:
    """The names of a table, written as words, in their module.

    >>> qualified("numpy", "sin cos")
    ['numpy.sin', 'numpy.cos']
    """
    return [f"{prefix}.{name}" for name in names.split()]


def unsupported(F: Builder, message: str) -> UnsupportedError:
    """The error to raise, placed at the user's line."""
    return UnsupportedError(message, location=F.location)


def shape_error(F: Builder, message: str) -> ShapeError:
    return ShapeError(message, location=F.location)


def shape_text(dims: Sequence[Dim]) -> str:
    """A shape as NumPy prints it: ``(n, 3)``, ``(n,)``."""
    return f"({', '.join(map(str, dims))}{',' if len(dims) == 1 else ''})"


# --- arrays -----------------------------------------------------------------------------------------------------------


def as_array(F: Builder, a: Any) -> Value:
    """A value from a value, a number, a dim, or a nested list of those (which is stacked, as ``np.asarray`` does)."""
    if isinstance(a, list | tuple):
        parts = promoted(F, [as_array(F, part) for part in a])
        if not parts:
            raise unsupported(F, "an empty list cannot stand for an array here: write np.zeros(0)")
        for part in parts:
            require_same_dims(F, "a list that is an array", parts[0], part)
        return F.concat(*(F.expand_dims(part, (0,)) for part in parts), axis=0)
    if isinstance(a, Value | Expr | bool | int | float | complex | np.bool_ | np.integer | np.inexact):
        return F.value(a)
    if isinstance(a, np.generic) and is_known(a.dtype):  # bfloat16, which is no np.inexact
        return F.value(a)
    kind = f"an array of dtype {a.dtype}" if isinstance(a, np.ndarray) else f"a {type(a).__name__}"
    raise TraceTypeError(f"{kind} cannot be part of a traced computation", location=F.location)


def promoted(F: Builder, values: Sequence[Value]) -> list[Value]:
    """The values cast to their common dtype; Python numbers count as arrays, as where NumPy joins arrays."""
    if not values:
        return []
    dtype = result_type(*(v.type.dtype for v in values))
    return [F.cast(v, dtype) for v in values]


def mask_of(F: Builder, where: Any) -> Value | None:
    """The mask of a ``where=`` argument; None when it selects everything."""
    return None if where is None or where is True else F.cast(as_array(F, where), BOOL)


# --- dtypes -----------------------------------------------------------------------------------------------------------


def as_dtype(F: Builder, name: str, dtype: Any) -> np.dtype:
    """The dtype; raises ``UnsupportedError`` for one that graphc does not compute in (object, strings)."""
    try:
        result = bfloat16_dtype() if isinstance(dtype, str) and dtype == BFLOAT16 else np.dtype(dtype)
    except TypeError as error:
        raise TraceTypeError(f"{name}: {dtype!r} is no dtype", location=F.location) from error
    if not is_known(result):
        raise unsupported(F, f"{name}: dtype {result} is not supported; the dtypes are {known_names()}")
    return result


def promotes_as(a: Any) -> Any:
    """What stands for the value in NumPy's promotion: its dtype, or a Python number for one of those."""
    if not isinstance(a, Value):
        return a
    if not a.type.weak:
        return a.type.dtype
    return {"f": 0.0, "c": 0j}.get(a.type.dtype.kind, 0)


CASTINGS = ("no", "equiv", "safe", "same_kind", "unsafe")


def cast_by(F: Builder, name: str, value: Value, dtype: Any, casting: str) -> Value:
    """The value in the dtype; raises ``TraceTypeError`` where NumPy's casting rule refuses."""
    wanted = as_dtype(F, name, dtype)
    if casting not in CASTINGS:
        raise shape_error(F, f"{name}: casting={casting!r} is none of {', '.join(CASTINGS)}")
    if not np.can_cast(value.type.dtype, wanted, casting):  # type: ignore[arg-type]
        message = f"{name}: cannot cast {value.type.dtype} to {wanted} with casting rule {casting!r}"
        raise TraceTypeError(f"{message}; convert with astype, or give casting='unsafe'", location=F.location)
    return F.cast(value, wanted)


def sum_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype in which NumPy adds and multiplies up: bool and short integers widen to 64 bit."""
    if dtype.kind == "u":
        return UNSIGNED
    return I64 if dtype.kind in "bi" else dtype


def mean_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype of a mean: integers give float64."""
    return dtype if is_floating(dtype) else np.dtype(np.float64)


# --- numbers that are part of the program -----------------------------------------------------------------------------


def specialised(F: Builder, number: Any) -> Any:
    """A symbolic integer, or a number that follows from outside ones, as the number in this call, for which alone the
    program then is; anything else as it is."""
    session = current()
    if session is None or not isinstance(number, Expr | Value):
        return number
    if isinstance(number, Value):
        known = session.captures.concrete_number(session.wrap(session, number))
        return number if known is None else known
    return SymbolicInt(session, number).specialise("the program depends on the number")


def known_array(value: Value) -> np.ndarray | None:
    """The numbers of an array that follows from constants and arrays from outside, for which alone the program then is.

    Outside arrays may be written into afterwards: what is made of these numbers has to be checked at each call.
    """
    session = current()
    return None if session is None else session.captures.concrete_array(session.wrap(session, value))


# --- axes and flags ---------------------------------------------------------------------------------------------------


def as_int(F: Builder, name: str, what: str, number: Any) -> int:
    """A plain Python int; a symbolic one specialises the program. Raises where the number is traced or no integer."""
    if isinstance(number, Expr):
        return specialised(F, number)
    if isinstance(number, Value):
        raise unsupported(F, f"{name}: {what} must be a Python int, it cannot depend on a traced value")
    try:
        return index(number)
    except TypeError as error:
        raise TraceTypeError(f"{name}: {what} must be an integer, got {number!r}", location=F.location) from error


def as_flag(F: Builder, name: str, what: str, flag: Any) -> Any:
    """True or False; an int argument decides by being 0 or not, which is guarded. None stays."""
    if isinstance(flag, Expr):
        return not F.facts.equal(flag, 0)
    if isinstance(flag, Value):
        raise unsupported(F, f"{name}: {what} must be a Python bool, it cannot depend on a traced value")
    return flag


def axis_of(F: Builder, name: str, axis: Any, rank: int) -> int:
    """The axis, non-negative."""
    number = as_int(F, name, "axis", axis)
    if not -rank <= number < rank:
        message = f"{name}: axis {number} is out of bounds for an array of {rank} dimensions"
        raise AxisRangeError(message, axis=number, ndim=rank, location=F.location)
    return number % rank


# Functions that fold by a ufunc: to these a number has an axis, as to NumPy's ``reduce``.
OF_NUMBERS = frozenset([
    "sum", "prod", "max", "min", "any", "all", "ptp", "count_nonzero", "squeeze", "nansum", "nanprod",
    "nanmax", "nanmin",
])  # fmt: skip


def axes_of(F: Builder, name: str, axis: Any, rank: int) -> tuple[int, ...]:
    """The axes of a reduction, non-negative, in the order given: all of them for None."""
    if axis is None or (not rank and name in OF_NUMBERS and axis in (0, -1)):
        return tuple(range(rank))
    axes = tuple(axis_of(F, name, a, rank) for a in (axis if isinstance(axis, list | tuple) else (axis,)))
    if len(set(axes)) < len(axes):
        raise shape_error(F, f"{name}: an axis stands twice in {axis}")
    return axes


# --- shapes -----------------------------------------------------------------------------------------------------------


def as_dim(F: Builder, name: str, size: Any) -> Dim:
    """A size: a Python int, a symbolic dim, or a number made of loop indices and sizes that is never negative.

    One that is a part of a size, ``int(0.5 * n)``, is that of this call.
    """
    if isinstance(size, Expr):
        return size
    if isinstance(size, Value):
        dim = dim_of_number(size)
        if dim is not None and F.facts.always_at_least(dim, 0):
            return dim
        known = number_in_call(size)
        if known is not None:
            return known
        raise unsupported(
            F,
            f"{name}: a size must come from Python ints, shapes and the indices of loops, and not be negative, and "
            "not from a traced array's values",
        )
    return as_int(F, name, "a size", size)


def as_dims(F: Builder, name: str, shape: Any) -> tuple[Dim, ...]:
    """A shape given as one size or a sequence of them."""
    sizes = shape if isinstance(shape, list | tuple) else (shape,)
    return tuple(as_dim(F, name, size) for size in sizes)


def require_equal(F: Builder, name: str, a: Dim, b: Dim, shapes: Sequence[Sequence[Dim]]) -> None:
    """Raise ``ShapeError`` naming the shapes unless the dims are (guarded to be) equal."""
    if not F.facts.equal(a, b):
        text = " and ".join(shape_text(dims) for dims in shapes)
        raise shape_error(F, f"{name}: shapes {text} do not fit: {a} is not {b}")


def require_same_dims(F: Builder, name: str, a: Value, b: Value) -> None:
    """Raise ``ShapeError`` naming the shapes unless both have one."""
    if a.rank != b.rank:
        raise shape_error(F, f"{name}: shapes {shape_text(a.dims)} and {shape_text(b.dims)} are not the same")
    for ours, theirs in zip(a.dims, b.dims, strict=True):
        require_equal(F, name, ours, theirs, (a.dims, b.dims))


def broadcast_dims(F: Builder, name: str, shapes: Sequence[tuple[Dim, ...]]) -> tuple[Dim, ...]:
    dims = F.facts.broadcast(shapes)
    if dims is None:
        raise shape_error(F, f"{name}: shapes {' and '.join(map(shape_text, shapes))} do not broadcast together")
    return dims


def smaller(F: Builder, a: Dim, b: Dim) -> Dim:
    """The smaller dim, as a clean expression (guarded) unless one is bound at run time."""
    if F.facts.is_bound(a - b):
        return a if F.facts.always_at_least(b, a) else b if F.facts.always_at_least(a, b) else dim_min(a, b)
    return a if F.facts.at_least(b, a) else b


def larger(F: Builder, a: Dim, b: Dim) -> Dim:
    """The larger dim, as a clean expression (guarded) unless one is bound at run time."""
    if F.facts.is_bound(a - b):
        return a if F.facts.always_at_least(a, b) else b if F.facts.always_at_least(b, a) else dim_max(a, b)
    return a if F.facts.at_least(a, b) else b


def not_negative(F: Builder, size: Dim) -> Dim:
    """The size, or 0 where it would be negative."""
    return larger(F, size, 0)
