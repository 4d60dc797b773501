"""Sizes and integer arguments while tracing: integers that stay symbols, so that one program serves every size.

Arithmetic gives other symbolic integers. A comparison is answered by the call being traced and recorded as a guard
(``n > 3``, not the value of n). ``/`` and what else leaves the integers gives a traced number. Where Python insists on
the number (``range(n)``, ``int(n)``, a list index), the program is specialised to it, with a guard and a note.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from graphc.errors import LeakedTracerError, ShapeError
from graphc.ir import dims
from graphc.ir.dims import Dim, Expr
from graphc.trace.concretization import raise_at
from graphc.trace.location import user_location
from graphc.trace.session import Session, hint_of

INT64 = range(-(2**63), 2**63)


class SymbolicInt:
    """An integer that is an expression over the program's symbols."""

    __slots__ = ("dim", "session")

    def __init__(self, session: Session, dim: Expr):
        self.session, self.dim = session, dim

    def specialise(self, why: str = "Python needed the number") -> int:
        """The number in this call; from here on the program is only for it."""
        self._check_alive()
        facts = self.session.F.facts
        if facts.is_bound(self.dim):
            raise_at(user_location(), "a count")
        number = hint_of(self.session, self.dim)
        if isinstance(facts.resolve(self.dim), Expr):
            facts.equal(self.dim, number)
            what = describe(self.session, self.dim)
            self.session.note(f"{user_location()}: specialised to {what} == {number}: {why}")
        return number

    def _check_alive(self) -> None:
        if not self.session.alive:
            raise LeakedTracerError(
                "a symbolic size was used after its trace had ended; return it from the function instead",
                location=user_location(),
            )

    def __int__(self) -> int:
        return self.specialise()

    __index__ = __int__
    __trunc__ = __int__

    def __float__(self) -> float:
        return float(self.specialise())

    def __hash__(self) -> int:
        return hash(self.specialise())

    def __bool__(self) -> bool:
        return bool(self != 0)

    def __repr__(self) -> str:  # the text may decide something: a key, a name
        return str(self.specialise()) if self.session.alive else f"<size {self.dim} of an ended trace>"

    def __format__(self, spec: str) -> str:
        return format(self.specialise(), spec)

    def __neg__(self) -> SymbolicInt | int:
        return wrap_dim(self.session, -self.dim)

    def __pos__(self) -> SymbolicInt:
        return self

    def __abs__(self) -> SymbolicInt | int:
        return self if self >= 0 else -self

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    def __pow__(self, exponent: Any) -> Any:
        if type(exponent) is int and exponent >= 0:
            return wrap_dim(self.session, dims.product([self.dim] * exponent))
        return self._traced() ** exponent

    def __rpow__(self, base: Any) -> Any:
        return base ** self._traced()

    def __truediv__(self, other: Any) -> Any:
        return self._traced() / _traced_operand(other)

    def __rtruediv__(self, other: Any) -> Any:
        return _traced_operand(other) / self._traced()

    def __eq__(self, other: object) -> bool:
        return self._compare("__eq__", other, lambda facts, a, b: facts.equal(a, b))

    def __ne__(self, other: object) -> bool:
        return self._compare("__ne__", other, lambda facts, a, b: not facts.equal(a, b))

    def __ge__(self, other: object) -> bool:
        return self._compare("__ge__", other, lambda facts, a, b: facts.at_least(a, b))

    def __le__(self, other: object) -> bool:
        return self._compare("__le__", other, lambda facts, a, b: facts.at_least(b, a))

    def __gt__(self, other: object) -> bool:
        return self._compare("__gt__", other, lambda facts, a, b: facts.at_least(a, b + 1))

    def __lt__(self, other: object) -> bool:
        return self._compare("__lt__", other, lambda facts, a, b: facts.at_least(b, a + 1))

    def _compare(self, name: str, other: object, decide: Callable[[Any, Dim, Dim], bool]) -> Any:
        dim = as_dim(other)
        if dim is None:
            if isinstance(other, float):
                return getattr(self.specialise(), name)(other)
            return NotImplemented
        self._check_alive()
        if isinstance(dim, int) and dim not in INT64:  # the same for every size
            return getattr(hint_of(self.session, self.dim), name)(dim)
        try:
            return decide(self.session.F.facts, self.dim, dim)
        except ShapeError:
            raise_at(user_location(), "a count")

    def _arithmetic(
        self, other: object, combine: Callable[[Dim, Dim], Dim], fallback: Callable[[Any, Any], Any]
    ) -> Any:
        dim = as_dim(other)
        if dim is not None:
            self._check_alive()
            if isinstance(dim, int) and dim not in INT64:
                return combine(self.specialise(), dim)
            return wrap_dim(self.session, combine(self.dim, dim))
        if isinstance(other, float):
            return fallback(self._traced(), other)
        return NotImplemented  # a traced array turns the symbol into a traced number itself

    def _traced(self) -> Any:
        self._check_alive()
        self.session.F.location = user_location()
        return self.session.wrap(self.session, self.session.F.value(self.dim))

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from graphc.trace.protocol import call_ufunc

        return call_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, kwargs: Any) -> Any:
        from graphc.trace.protocol import call_function

        return call_function(function, args, kwargs)

    def __add__(self, other: object) -> Any:
        return self._arithmetic(other, lambda a, b: a + b, lambda a, b: a + b)

    def __radd__(self, other: object) -> Any:
        return self._arithmetic(other, lambda a, b: b + a, lambda a, b: b + a)

    def __sub__(self, other: object) -> Any:
        return self._arithmetic(other, lambda a, b: a - b, lambda a, b: a - b)

    def __rsub__(self, other: object) -> Any:
        return self._arithmetic(other, lambda a, b: b - a, lambda a, b: b - a)

    def __mul__(self, other: object) -> Any:
        if isinstance(other, list | tuple | str):
            return self.specialise() * other
        return self._arithmetic(other, lambda a, b: a * b, lambda a, b: a * b)

    __rmul__ = __mul__

    def __floordiv__(self, other: object) -> Any:
        return self._divide(self, other, dims.floordiv, lambda a, b: a // b)

    def __rfloordiv__(self, other: object) -> Any:
        return self._divide(other, self, dims.floordiv, lambda a, b: a // b)

    def __mod__(self, other: object) -> Any:
        return self._divide(self, other, dims.mod, lambda a, b: a % b)

    def __rmod__(self, other: object) -> Any:
        return self._divide(other, self, dims.mod, lambda a, b: a % b)

    def __rshift__(self, places: Any) -> Any:
        return self // 2**places if type(places) is int and places >= 0 else self._of_bits("__rshift__", places)

    def __lshift__(self, places: Any) -> Any:
        return self * 2**places if type(places) is int and places >= 0 else self._of_bits("__lshift__", places)

    def __rlshift__(self, other: Any) -> Any:
        return self._of_bits("__rlshift__", other)

    def __rrshift__(self, other: Any) -> Any:
        return self._of_bits("__rrshift__", other)

    def __and__(self, other: Any) -> Any:
        is_low = type(other) is int and other >= 0 and not other & (other + 1)  # the last bits: 0, 1, 3, 7, ...
        return self % (other + 1) if is_low else self._of_bits("__and__", other)

    def __or__(self, other: Any) -> Any:
        return self._of_bits("__or__", other)

    def __xor__(self, other: Any) -> Any:
        return self._of_bits("__xor__", other)

    def __invert__(self) -> Any:
        return -self - 1

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def _of_bits(self, name: str, other: object) -> Any:
        dim = as_dim(other)
        if dim is None:
            return NotImplemented
        return getattr(self.specialise(), name)(other.specialise() if isinstance(other, SymbolicInt) else dim)

    def __getattr__(self, name: str) -> Any:
        if name not in _OF_BITS:
            raise AttributeError(f"'int' object has no attribute {name!r}")
        return getattr(self.specialise(), name)

    def _divide(
        self, a: object, b: object, combine: Callable[[Dim, Dim], Dim], fallback: Callable[[Any, Any], Any]
    ) -> Any:
        left, right = as_dim(a), as_dim(b)
        if left is None or right is None:
            if isinstance(a, float) or isinstance(b, float):
                return fallback(*(x._traced() if isinstance(x, SymbolicInt) else x for x in (a, b)))
            return NotImplemented
        self._check_alive()
        facts = self.session.F.facts
        if facts.equal(right, 0):
            raise ZeroDivisionError("integer division or modulo by zero")
        return wrap_dim(self.session, combine(left, right))


_OF_BITS = ("bit_length", "bit_count", "as_integer_ratio", "to_bytes")  # methods of integers


def _traced_operand(other: Any) -> Any:
    return other._traced() if isinstance(other, SymbolicInt) else other


def as_dim(number: object) -> Dim | None:
    """The dim of an integer, symbolic or not; None for anything else."""
    if isinstance(number, SymbolicInt):
        return number.dim
    return int(number) if isinstance(number, int) else None


def wrap_dim(session: Session, dim: Dim) -> SymbolicInt | int:
    """What the user's code sees of a dim: a Python int where it is known."""
    if isinstance(dim, int):
        return dim
    resolved = session.F.facts.resolve(dim)
    return resolved if isinstance(resolved, int) else SymbolicInt(session, resolved)


def describe(session: Session, dim: Dim) -> str:
    """The dim in the user's words, such as ``x.shape[0]`` for a symbol."""
    text = str(dim)
    return session.symbols.get(text, text)


_BOUND = {"i": "the index of a loop", "size": "a computed number", "count": "the count of a mask"}


def meanings(session: Session, text: str) -> str:
    """What the symbols in a message are, in the user's words."""
    found = []
    for name in dict.fromkeys(re.findall(r"\b(?:n|i|size|count)\d+\b", text)):
        meaning = session.symbols.get(name) or _BOUND.get(name.rstrip("0123456789"))
        found += [f"{name} is {meaning}"] if meaning is not None else []
    return f" ({', '.join(found)})" if found else ""
