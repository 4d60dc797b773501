"""``Tracer``: what the user's function gets instead of an array. Each operation on it appends a node to its session.

Operators, methods and properties go through the tables of ``graphc.trace.functions``; NumPy's functions arrive through
``__array_ufunc__`` and ``__array_function__`` (see ``protocol``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import numpy as np

from graphc.errors import TraceTypeError, UnsupportedAttributeError, UnsupportedError
from graphc.ir.graph import Value
from graphc.trace import protocol
from graphc.trace.concretization import cannot_be_concrete
from graphc.trace.location import user_location
from graphc.trace.session import Session, hint_of
from graphc.trace.symbolic import SymbolicInt, wrap_dim
from graphc.trace.values import TracedValue, alive

_LIFTED = (TracedValue, SymbolicInt, int, float, np.generic, np.ndarray, list, tuple, complex)


class Tracer(TracedValue):
    """An array of the program that is being recorded."""

    __slots__ = ()
    __array_priority__ = 1000.0
    __hash__ = None  # type: ignore[assignment]

    # --- what it is ---------------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[Any, ...]:
        session = alive(self)
        return tuple([d if type(d) is int else wrap_dim(session, d) for d in self.value.type.dims])

    @property
    def ndim(self) -> int:
        return len(self.value.type.dims)

    @property
    def dtype(self) -> np.dtype:
        return self.value.type.dtype

    @property
    def size(self) -> Any:
        result: Any = 1
        for size in self.shape:
            result = result * size
        return result

    @property
    def itemsize(self) -> int:
        return self.value.type.dtype.itemsize

    @property
    def nbytes(self) -> Any:
        return self.size * self.itemsize

    def __repr__(self) -> str:
        if not self.session.alive:
            return "<traced array of an ended trace>"
        sizes = ", ".join(str(hint_of(self.session, d)) for d in self.value.type.dims)
        return f"<traced {self.dtype.name} array of shape ({sizes}{',' if self.ndim == 1 else ''})>"

    def __str__(self) -> str:  # the text of a number from outside may decide something: a key, a name
        known = alive(self).captures.concrete_number(self) if self.session.alive else None
        return repr(self) if known is None else str(known)

    def __format__(self, spec: str) -> str:
        known = alive(self).captures.concrete_number(self)
        if known is None and spec:
            cannot_be_concrete(self, f"format(x, {spec!r})")
        return repr(self) if known is None else format(known, spec)

    def __len__(self) -> int:
        if not self.ndim:
            raise TypeError("len() of a 0-d array has no value")
        return int(self.shape[0])

    def __iter__(self) -> Iterator[Any]:
        if not self.ndim:
            raise TypeError("iteration over a 0-d array")
        return iter([self[i] for i in range(int(self.shape[0]))])

    def __getitem__(self, key: Any) -> Any:
        return protocol.get_item(self, key)

    # --- what it cannot do --------------------------------------------------------------------------------------------

    def __setitem__(self, key: Any, value: Any) -> NoReturn:
        refuse_write(self, "x[i] = v", "build the new array: np.where(mask, v, x), np.concatenate, or stack the parts")

    def __delitem__(self, key: Any) -> NoReturn:
        refuse_write(self, "del x[i]", "select what is kept: x[keep]")

    def __bool__(self) -> bool:
        return cannot_be_concrete(self, "bool(x)")

    def __float__(self) -> float:
        return cannot_be_concrete(self, "float(x)")

    def __int__(self) -> int:
        return cannot_be_concrete(self, "int(x)")

    def __round__(self, digits: Any = None) -> Any:
        if digits is None or self.ndim:
            return cannot_be_concrete(self, "round(x)")
        rounded = protocol.find_attribute(self, "round")(digits)
        if self.value.type.weak:
            protocol.make_weak(rounded.value)
        return rounded

    def __complex__(self) -> complex:
        return cannot_be_concrete(self, "complex(x)")

    def __index__(self) -> int:
        return cannot_be_concrete(self, "an index")

    def __contains__(self, item: Any) -> bool:
        return cannot_be_concrete(self, "v in x")

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return cannot_be_concrete(self, "np.asarray(x)")

    def item(self, *args: Any) -> Any:
        return cannot_be_concrete(self, "x.item()")

    def tolist(self) -> Any:
        return cannot_be_concrete(self, "x.tolist()")

    def __reduce__(self) -> NoReturn:
        alive(self)
        raise TraceTypeError("a traced array cannot be pickled or copied out of its trace", location=user_location())

    def __copy__(self) -> Tracer:
        return self

    def __deepcopy__(self, memo: Any) -> Tracer:
        return self

    # --- NumPy's protocols and the tables -----------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return protocol.call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        return protocol.call_function(function, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        found = protocol.find_attribute(self, name)
        if found is None:
            raise UnsupportedAttributeError(
                f"a traced array has no {name!r}{protocol.nearest_attribute(name)}", location=user_location()
            )
        return found


class LazyTracer(Tracer):
    """An array read from outside: becomes an input of the program only when something asks for its value."""

    __slots__ = ("make",)

    def __init__(self, session: Session, make: Callable[[], Value]):
        self.session = session
        self.make = make

    def __getattr__(self, name: str) -> Any:
        if name == "value":
            alive(self)
            self.value = self.make()
            return self.value
        return super().__getattr__(name)


def refuse_write(tracer: Tracer, what: str, instead: str) -> NoReturn:
    alive(tracer)
    message = f"{what}: writing into a traced array is not supported yet; {instead}"
    raise UnsupportedError(message, location=user_location())


# --- operators --------------------------------------------------------------------------------------------------------


def _binary(ufunc: str) -> tuple[Callable[[Tracer, Any], Any], Callable[[Tracer, Any], Any]]:
    def forward(self: Tracer, other: Any) -> Any:
        if isinstance(other, _LIFTED):
            return protocol.apply_operator(ufunc, (self, other))
        return NotImplemented

    def reflected(self: Tracer, other: Any) -> Any:
        if isinstance(other, _LIFTED):
            return protocol.apply_operator(ufunc, (other, self))
        return NotImplemented

    return forward, reflected


def _unary(ufunc: str) -> Callable[[Tracer], Any]:
    return lambda self: protocol.apply_operator(ufunc, (self,))


def _in_place(symbol: str, ufunc: str) -> Callable[[Tracer, Any], Any]:
    def method(self: Tracer, other: Any) -> Any:
        return protocol.in_place(self, symbol, ufunc, other)

    return method


_BINARY = {
    "add": ("add", "+"), "sub": ("subtract", "-"), "mul": ("multiply", "*"), "truediv": ("divide", "/"),
    "floordiv": ("floor_divide", "//"), "mod": ("remainder", "%"), "pow": ("power", "**"), "matmul": ("matmul", "@"),
    "and": ("bitwise_and", "&"), "or": ("bitwise_or", "|"), "xor": ("bitwise_xor", "^"),
    "divmod": ("divmod", "divmod"), "lshift": ("left_shift", "<<"), "rshift": ("right_shift", ">>"),
}  # fmt: skip
_COMPARISONS = {
    "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal",
}  # fmt: skip
_UNARY = {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}


def _add_operators(cls: type) -> None:
    """Give the class Python's operators; each is a NumPy ufunc."""
    for name, (ufunc, symbol) in _BINARY.items():
        forward, reflected = _binary(ufunc)
        setattr(cls, f"__{name}__", forward)
        setattr(cls, f"__r{name}__", reflected)
        setattr(cls, f"__i{name}__", _in_place(symbol, ufunc))
    for name, ufunc in _COMPARISONS.items():
        setattr(cls, f"__{name}__", _binary(ufunc)[0])
    for name, ufunc in _UNARY.items():
        setattr(cls, f"__{name}__", _unary(ufunc))


_add_operators(Tracer)
