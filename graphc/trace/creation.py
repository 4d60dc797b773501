"""NumPy's functions that make arrays, in traced form: what they make can be written into later.

From traced values and symbolic sizes they make traced arrays; from constants a ``Made``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.errors import UnsupportedError
from graphc.ir.graph import Value
from graphc.trace.functions import NUMPY_FUNCTIONS
from graphc.trace.functions.arguments import as_array, as_dtype, qualified
from graphc.trace.location import user_location
from graphc.trace.made import ZeroDim, constants, on_constants
from graphc.trace.memory_order import copies_in_c_order, in_order, in_other_order
from graphc.trace.protocol import run_function
from graphc.trace.session import Session
from graphc.trace.tracer import Tracer
from graphc.trace.values import converted, has_traced, session_of, unwrap, wrap

_SAME = ("numpy.asarray", "numpy.asanyarray", "numpy.asarray_chkfinite")  # they give an array back as it is
_PIECE = ("numpy.ascontiguousarray", "numpy.asfortranarray")
COPYING = ("numpy.array", *_SAME, *_PIECE)
_CREATION = frozenset(
    f"numpy.{name}"
    for name in ("zeros", "ones", "full", "empty", "zeros_like", "ones_like", "full_like", "empty_like", "copy")
)
_FOLLOWING = frozenset(["numpy.zeros_like", "numpy.ones_like", "numpy.full_like", "numpy.empty_like", "numpy.copy"])
CONSTANT_ONLY = frozenset(
    qualified(
        "numpy",
        """
        fromiter mask_indices broadcast_shapes
    """,
    )
)
_DETERMINED = {np.empty: np.zeros, np.empty_like: np.zeros_like}  # what was never written is zero, at every call


def array_function(function: Any, name: str) -> Any:
    """What is called in place of a library's function; the function itself where it dispatches on its arguments."""
    if name in COPYING:
        return _Making(_array, function, name)
    if name == "numpy.require":
        return _require
    if name in NUMPY_FUNCTIONS or name in CONSTANT_ONLY:
        return _Making(_of_table, _DETERMINED.get(function, function), name)
    return function


def _require(a: Any, dtype: Any = None, requirements: Any = None, *, like: Any = None) -> Any:
    """``np.require``: a traced array is aligned and may be written into; it is copied for an order in memory."""
    asked = {flag[0].upper() for flag in requirements or ()}
    if not has_traced((a,)) or asked <= {"A", "W"}:
        return array_function(np.asanyarray, "numpy.asanyarray")(a, dtype)
    if not asked <= {"A", "W", "C", "F"}:
        message = (
            f"require: of a traced array, {requirements!r} is not known; np.array(x) is a copy that owns its memory"
        )
        raise UnsupportedError(message, location=user_location())
    name = "asfortranarray" if "F" in asked else "ascontiguousarray"
    return array_function(getattr(np, name), f"numpy.{name}")(a, dtype)


def taking_lists(function: Any) -> Callable[..., Any]:
    """A ufunc, or a method of one, that makes arrays of the lists of traced values among its arguments as NumPy does:
    what dispatches on its arguments does not look into lists."""
    operands = slice(2, None) if function.__name__ == "at" else slice(None)  # the rest of its are positions
    made_of = array_function(np.array, "numpy.array")

    def call(*args: Any, **kwargs: Any) -> Any:
        given = list(args)
        given[operands] = [made_of(a) if isinstance(a, list | tuple) and has_traced(a) else a for a in args[operands]]
        return function(*given, **kwargs)

    return call


class _Making:
    """A function of the table, or of constants alone."""

    def __init__(self, traced: Callable[..., Any], plain: Callable[..., Any], name: str):
        self.traced, self.plain, self.name = traced, plain, name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        args = tuple(converted(a, "__array__") for a in args) if self.name in COPYING else args
        operands = constants((args, kwargs))
        if operands is None:
            return self.traced(self.name, *args, **kwargs)
        return on_constants(self.plain, self, args, kwargs, *operands)


def _of_table(name: str, *args: Any, **kwargs: Any) -> Any:
    result = run_function(name, args, kwargs)
    if name not in _CREATION or not isinstance(result, Tracer):
        return result
    if not result.value.dims:
        return ZeroDim(result.session, result.value)
    if kwargs.get("order") == "F" or (name in _FOLLOWING and not _orders_follow(result.session, args[0])):
        return Tracer(result.session, in_other_order(result.session.F, result.value))
    return result


def _orders_follow(session: Session, like: Any) -> bool:
    value = unwrap(session, like)
    return not isinstance(value, Value) or copies_in_c_order(value)


def _array(  # noqa: PLR0913 - NumPy's own parameters
    name: str, obj: Any, dtype: Any = None, order: Any = None, *, copy: Any = True, subok: bool = False, ndmin: int = 0,
    device: Any = None, like: Any = None,
) -> Any:  # fmt: skip
    """``np.array`` and its like on traced values: nested lists are stacked."""
    session = session_of((obj,))
    F = session.F
    F.location = user_location()
    source = unwrap(session, obj)
    value = as_array(F, source)
    if ndmin > value.rank:
        value = F.expand_dims(value, range(ndmin - value.rank))
    value = value if dtype is None else F.cast(value, as_dtype(F, name, dtype))
    if isinstance(obj, Tracer) and value is source and (name != "numpy.array" or not copy):
        if name in _PIECE:
            return _in_one_piece(name, session, obj, source)
        return obj if obj.is_array else _zero_dim(session, value)
    if name in _PIECE and not value.dims:  # these two give an array of one dimension or more
        return wrap(session, F.reshape(value, (1,)))
    value = in_order(F, value, "F" if name == "numpy.asfortranarray" else order)
    return wrap(session, value) if value.dims else _zero_dim(session, value)


def _in_one_piece(name: str, session: Session, array: Tracer, source: Value) -> Tracer:
    """The array itself where it lies in C order, or in Fortran's; else a copy. Of a number one of one dimension."""
    if not source.dims:
        return array.viewed(session, source, session.F.reshape(source, (1,)), "view")
    if name == "numpy.ascontiguousarray":
        return array.viewed(session, source, source, "raveled")
    back = range(source.rank)[::-1]
    turned = session.F.transpose(source, back)
    piece = array.viewed(session, source, turned, "view").viewed(session, turned, turned, "raveled")
    return piece.viewed(session, turned, session.F.transpose(turned, back), "view")


def _zero_dim(session: Session, value: Value) -> ZeroDim:
    """A 0-d array of a number; the dtype of a Python number no longer gives way to that of others."""
    F = session.F
    strong = F.raw(F.ops["cast"], (value,), {"dtype": value.type.dtype}).output if value.type.weak else value
    return ZeroDim(session, strong)
