"""Writes to what stands outside of the traced function: refused where the written value is traced."""

from __future__ import annotations

from collections.abc import Callable
from io import IOBase
from types import BuiltinMethodType, MethodWrapperType
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc import pytree
from graphc.errors import SideEffectError, UnsupportedError
from graphc.trace.callees import is_library_name, traced_callee
from graphc.trace.dispatch import special_method
from graphc.trace.holders import MUTATORS
from graphc.trace.location import user_location
from graphc.trace.made import is_constant, settled
from graphc.trace.session import Session, current
from graphc.trace.slots import HEAP_TYPE
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedBox, TracedValue

if TYPE_CHECKING:
    from graphc.trace.reader import Reader

_WRITING = frozenset(["write", "writelines", "flush"])
_GIVING = frozenset(["pop", "popitem", "setdefault", "__iadd__", "__imul__", "__ior__"])  # back what stood there


def _note_store(obj: Any, *part: str) -> None:
    session = current()
    if session is not None:
        require_once(session, f"a {type(obj).__name__}")
        session.captures.outside.store(obj, *part)


def require_once(session: Session, what: str) -> None:
    """Raise where a store would come as often as a loop runs, or in one of two branches."""
    around: Session | None = session
    while around is not None:
        if around.is_region:
            raise SideEffectError(
                f"{what} outside of the function is changed in a loop or branch of the compiled program, which does "
                "not change it: return what is to be stored, and store it outside",
                location=user_location(),
            )
        around = around.parent


def contains_traced(value: Any) -> bool:
    leaves, _ = pytree.flatten(value)
    return any(isinstance(leaf, TracedValue | SymbolicInt) and not is_constant(leaf) for leaf in leaves)


def refuse_traced(value: Any, what: str, before: Any = None) -> None:
    """Raise where a traced value would be stored outside, in place of ``before``."""
    if contains_traced(value):
        instead = "; or write into the tensor that is there, a module's buffer: x.copy_(value)"
        raise SideEffectError(
            f"a traced value is stored in {what}, outside of the function: a compiled program would not store it "
            "again; return it instead (has_aux=True under grad), or, if it is kept for later calls and is the same in "
            f"all of them, compute it before the call{instead if isinstance(before, TracedBox) else ''}",
            location=user_location(),
        )


class Store:
    """Stands for an outside object on the left of an assignment."""

    __slots__ = ("_obj", "_reader")

    def __init__(self, obj: Any, reader: Reader):
        object.__setattr__(self, "_obj", obj)
        object.__setattr__(self, "_reader", reader)

    def __setattr__(self, name: str, value: Any) -> None:
        before = getattr(self._obj, "__dict__", {}).get(name)
        refuse_traced(value, f"attribute {name!r} of a {type(self._obj).__name__}", before)
        _note_store(self._obj, name)
        setattr(self._obj, name, settled(value))

    def __getattr__(self, name: str) -> Any:  # x.a += v reads first
        return self._reader.attribute(self._obj, name)

    def __delattr__(self, name: str) -> None:
        delattr(self._obj, name)

    def __setitem__(self, key: Any, value: Any) -> None:
        if isinstance(self._obj, np.ndarray):
            refuse_array_write(key, value)
        else:
            refuse_traced(value, f"item {key!r} of a {type(self._obj).__name__}")
            _note_store(self._obj)
        self._obj[settled(key)] = settled(value)

    def __getitem__(self, key: Any) -> Any:
        return self._reader.item(self._obj, key)

    def __delitem__(self, key: Any) -> None:
        del self._obj[key]


class Assigned:
    """Stands for an object made in the trace on the left of an assignment: what its class defines is traced.

    Its own attributes have names that no attribute of the object has.
    """

    __slots__ = ("__obj", "__reader")

    def __init__(self, obj: Any, reader: Reader):
        object.__setattr__(self, "_Assigned__obj", obj)
        object.__setattr__(self, "_Assigned__reader", reader)

    def __setattr__(self, name: str, value: Any) -> None:
        defined = getattr(type(self.__obj), name, None)
        method = special_method(self.__obj, "__setattr__")
        if method is not None:
            method(name, value)
        elif isinstance(defined, property) and defined.fset is not None:
            traced_callee(defined.fset)(self.__obj, value)
        else:
            setattr(self.__obj, name, value)

    def __getattr__(self, name: str) -> Any:
        return self.__reader.attribute(self.__obj, name)

    def __delattr__(self, name: str) -> None:
        delattr(self.__obj, name)

    def __setitem__(self, key: Any, value: Any) -> None:
        method = special_method(self.__obj, "__setitem__")
        if method is not None:
            method(key, value)
        else:
            self.__obj[key] = value

    def __getitem__(self, key: Any) -> Any:
        return self.__reader.item(self.__obj, key)

    def __delitem__(self, key: Any) -> None:
        del self.__obj[key]


class ArrayOwner:
    """Stands for a traced array on the left of an assignment to one of its attributes: its elements in order, its real
    or imaginary part."""

    __slots__ = ("_array",)

    def __init__(self, array: Any):
        object.__setattr__(self, "_array", array)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "flat":
            values = np.ravel(value)
            self._array[...] = value if values.shape[0] == 1 else np.resize(values, self._array.shape)
            return
        is_part = name == "real" or (name == "imag" and self._array.dtype.kind == "c")
        if not is_part:
            raise UnsupportedError(
                f"x.{name} = v: of the attributes of a traced array, flat and real are assigned to, and of a complex "
                "one imag; "
                "make a new array, such as x.reshape(shape)",
                location=user_location(),
            )
        getattr(self._array, name)[...] = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._array, name)


def defines_stores(obj: Any) -> bool:
    """Whether the object's class, of the user's, has a say in assignments to its attributes or items."""
    kind = type(obj)
    if not kind.__flags__ & HEAP_TYPE or is_library_name(kind.__module__):
        return False
    own = [vars(cls) for cls in kind.__mro__ if not is_library_name(cls.__module__)]
    return any(
        "__setitem__" in members or "__setattr__" in members or any(map(_is_set, members.values())) for members in own
    )


def _is_set(member: Any) -> bool:
    return isinstance(member, property) and member.fset is not None


def refuse_array_write(key: Any, value: Any) -> None:
    """Raise where a traced value, or at a traced position, is written into an array that is not traced."""
    if contains_traced((key, value)):
        raise UnsupportedError(
            "x[i] = v: writing a traced value into an array is not supported yet; build the array from its parts with "
            "np.stack, np.concatenate or np.where",
            location=user_location(),
        )


def storing_method(function: Any) -> Callable[..., Any] | None:
    """A list's ``append`` that is kept outside, or ``write`` of a file that is only written; None for others."""
    session = current()
    if session is None or type(function) not in (BuiltinMethodType, MethodWrapperType):
        return None
    owner, name = function.__self__, function.__name__
    is_change = isinstance(owner, dict | list) and name in MUTATORS
    is_written = isinstance(owner, IOBase) and name in _WRITING and not (owner.closed or owner.readable())
    is_store = (is_change or is_written) and session.captures.path_of(owner) is not None
    return _storing(function, owner) if is_store else None


def mutator(container: Any, name: str) -> Callable[..., Any]:
    """The container's mutating method, refusing traced values."""
    return _storing(getattr(container, name), container)


def _storing(method: Any, container: Any) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        refuse_traced((args, kwargs), f"a {type(container).__name__}")
        if method.__name__ not in _GIVING:
            _note_store(container)
        return method(*settled(args), **settled(kwargs))

    return call
