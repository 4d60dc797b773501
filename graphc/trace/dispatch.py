"""What Python calls by itself: the special methods of the user's own objects, traced like any other function.

``model + x``, ``for layer in model``, ``if model``, ``len(model)``, ``with model``: no call stands in the source, and
what ``__add__`` or ``__iter__`` read from the object would not be recorded. The hooks here call such methods in their
rewritten form. For all other objects they are the plain operation.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from types import FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from graphc.trace import foreign
from graphc.trace.callees import is_library_name, sparse_operation
from graphc.trace.identity import are_identical, fix_identity
from graphc.trace.openness import as_flag, is_open
from graphc.trace.rewrite import rewritten
from graphc.trace.session import current
from graphc.trace.slots import HEAP_TYPE
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedValue, converted, opened

_OPERATORS: dict[str, tuple[str, str, Callable[[Any, Any], Any]]] = {
    "Add": ("__add__", "__radd__", operator.add), "Sub": ("__sub__", "__rsub__", operator.sub),
    "Mult": ("__mul__", "__rmul__", operator.mul), "Div": ("__truediv__", "__rtruediv__", operator.truediv),
    "FloorDiv": ("__floordiv__", "__rfloordiv__", operator.floordiv), "Mod": ("__mod__", "__rmod__", operator.mod),
    "Pow": ("__pow__", "__rpow__", operator.pow), "MatMult": ("__matmul__", "__rmatmul__", operator.matmul),
    "BitAnd": ("__and__", "__rand__", operator.and_), "BitOr": ("__or__", "__ror__", operator.or_),
    "BitXor": ("__xor__", "__rxor__", operator.xor), "LShift": ("__lshift__", "__rlshift__", operator.lshift),
    "RShift": ("__rshift__", "__rrshift__", operator.rshift),
    "Lt": ("__lt__", "__gt__", operator.lt), "LtE": ("__le__", "__ge__", operator.le),
    "Gt": ("__gt__", "__lt__", operator.gt), "GtE": ("__ge__", "__le__", operator.ge),
    "Eq": ("__eq__", "__eq__", operator.eq), "NotEq": ("__ne__", "__ne__", operator.ne),
}  # fmt: skip
_UNARY: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "USub": ("__neg__", operator.neg), "UAdd": ("__pos__", operator.pos), "Invert": ("__invert__", operator.invert),
}  # fmt: skip
_BY_IDENTITY = ("Eq", "NotEq", "In", "NotIn")
_CONVERSIONS = {
    len: "__len__", float: "__float__", int: "__int__", abs: "__abs__", str: "__str__", repr: "__repr__",
    round: "__round__", next: "__next__",
}  # fmt: skip
_TEXTS: dict[str, Callable[[Any], str]] = {"s": str, "r": repr, "a": ascii}
_NUMBERS = (TracedValue, SymbolicInt, int, float, complex, np.generic)
_ITERATING = frozenset([list, tuple, set, frozenset, sum, enumerate, zip, iter, any, all, min, max, sorted])


def special_method(obj: Any, name: str) -> MethodType | None:
    """The method that the object's class defines in the user's Python code, rewritten; else None."""
    kind = type(obj)
    if not kind.__flags__ & HEAP_TYPE or isinstance(obj, TracedValue | SymbolicInt | type | ModuleType):
        return None
    for cls in kind.__mro__:
        if name in cls.__dict__:
            defined = cls.__dict__[name]
            if type(defined) is FunctionType and not is_library_name(defined.__module__):
                session = current()
                if session is not None:
                    session.captures.require_member(kind, name)
                return MethodType(rewritten(defined), obj)
            return None
    return None


# --- operators --------------------------------------------------------------------------------------------------------


def binary(operation: str, left: Any, right: Any) -> Any:
    """``left <operation> right``, for the name of a node of ``ast``."""
    if operation in ("Is", "IsNot"):
        return are_identical(left, right) is (operation == "Is")
    if operation in _BY_IDENTITY:
        fix_identity(left, right)
    if operation in ("In", "NotIn"):
        found = is_in(left, right)
        return found if operation == "In" else np.logical_not(found) if is_open(found) else not found
    if operation == "MatMult":
        sparse = sparse_operation(left, right)
        if sparse is not None:
            return sparse(left, right)
    forward, reflected, operate = _OPERATORS[operation]
    captures = foreign.record_with(left, right)
    if captures is not None:
        return foreign.again(captures, operate, left, right)
    if special_method(left, forward) is None and special_method(right, reflected) is None:
        inverted = operation == "NotEq" and (special_method(left, "__eq__") or special_method(right, "__eq__"))
        return not binary("Eq", left, right) if inverted else operate(left, right)
    attempts = [(left, forward, right), (right, reflected, left)]
    if type(left) is type(right) and forward != reflected:
        attempts.pop()
    elif issubclass(type(right), type(left)):
        attempts.reverse()
    for owner, name, other in attempts:
        method = special_method(owner, name)
        plain = getattr(type(owner), name, None)
        result = method(other) if method is not None else plain(owner, other) if plain is not None else NotImplemented
        if result is not NotImplemented:
            return result
    return operate(left, right)  # what Python says of operands that do not fit


def unary(operation: str, operand: Any) -> Any:
    name, operate = _UNARY[operation]
    captures = foreign.record_with(operand)
    if captures is not None:
        return foreign.again(captures, operate, operand)
    method = special_method(operand, name)
    return operate(operand) if method is None else method()


def is_in(element: Any, container: Any) -> Any:
    """``element in container``: a traced bool where that shows when the program runs."""
    captures = foreign.record_with(element, container)
    if captures is not None:
        return bool(foreign.again(captures, operator.contains, container, element))
    method = special_method(container, "__contains__")
    if method is not None:
        return as_bool(method(element))
    if special_method(container, "__iter__") is not None:
        return any(part is element or part == element for part in iterated(container))
    if isinstance(container, TracedValue) and container.value.dims:
        return (container == element).any()
    if type(container) in (list, tuple) and any(map(is_open, (element, *container))):
        return _is_among(element, container)
    return element in container


def _is_among(element: Any, parts: Sequence[Any]) -> Any:
    found: Any = np.False_
    for part in parts:
        if part is element:
            return True
        if isinstance(part, _NUMBERS) and isinstance(element, _NUMBERS):
            found = np.logical_or(found, operator.eq(element, part))
    return found


# --- truth, iteration, contexts ---------------------------------------------------------------------------------------


def truth(obj: Any) -> Any:
    """What Python tests in place of the object."""
    obj = opened(obj)
    for name in ("__bool__", "__len__"):
        method = special_method(obj, name)
        if method is not None:
            return method()
    return obj


def as_bool(obj: Any) -> Any:
    """``bool(obj)``; of a number that shows when the program runs, a traced bool."""
    obj = truth(obj)
    return as_flag(obj) if is_open(obj) else bool(obj)


def iterated(obj: Any) -> Any:
    """What Python iterates over in place of the object."""
    captures = foreign.record_with(obj)
    if captures is not None:
        return foreign.again(captures, list, obj)
    method = special_method(obj, "__iter__")
    if method is None:
        return obj
    iterator = method()
    advance = special_method(iterator, "__next__")
    return iterator if advance is None else _advancing(advance)


def _advancing(advance: Callable[[], Any]) -> Iterator[Any]:
    while True:
        try:
            element = advance()
        except StopIteration:
            return
        yield element


class _Context:
    """A context manager in rewritten form."""

    def __init__(self, enter: Callable[[], Any], leave: Callable[..., Any]):
        self._enter, self._leave = enter, leave

    def __enter__(self) -> Any:
        return self._enter()

    def __exit__(self, *error: Any) -> Any:
        return self._leave(*error)


def context(manager: Any) -> Any:
    """What stands in a ``with`` statement in place of the manager."""
    enter, leave = special_method(manager, "__enter__"), special_method(manager, "__exit__")
    return manager if enter is None or leave is None else _Context(enter, leave)


# --- builtin functions ------------------------------------------------------------------------------------------------


def through_builtin(function: Any, substitute: Callable[..., Any]) -> Callable[..., Any]:
    """``substitute``, which stands for the function, if that calls no special methods of its arguments; else with these
    in rewritten form."""
    if function in (map, filter):  # what they call first
        return lambda call, *args: substitute(call, *map(iterated, args))
    if function in _ITERATING:
        return lambda *args, **kwargs: substitute(*map(iterated, args), **kwargs)
    if function is range:
        return lambda *args: substitute(*(converted(a, "__index__") for a in args))
    if function is bool:
        return lambda *args: substitute(*args) if len(args) != 1 else as_bool(*args)
    name = _CONVERSIONS.get(function)
    if name is None:
        return substitute

    def convert(*args: Any, **kwargs: Any) -> Any:
        method = special_method(args[0], name) if args else None
        return substitute(*args, **kwargs) if method is None else method(*args[1:], **kwargs)

    return convert


def formatted(obj: Any, conversion: str, spec: str) -> str:
    """A replacement field of an f-string."""
    if conversion:
        obj = through_builtin(_TEXTS[conversion], _TEXTS[conversion])(obj)
    method = special_method(obj, "__format__")
    if method is not None:
        return str(method(spec))
    text = special_method(obj, "__str__") or special_method(obj, "__repr__") if not spec else None
    return format(obj, spec) if text is None else str(text())


def is_builtin(function: Any) -> bool:
    """Whether ``through_builtin`` is to be asked."""
    return getattr(function, "__module__", None) == "builtins"
