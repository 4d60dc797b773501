"""What rewritten functions call at their loads, stores and calls (see ``loads``).

While a trace is active, a value that was read from outside is recorded in its ``Captures`` and comes back as the trace
sees it. Outside of a trace every hook is the plain operation.
"""

from __future__ import annotations

import functools
import importlib.util
import operator
import os
import sys
from collections.abc import Callable, Mapping
from types import BuiltinMethodType, CellType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from graphc.errors import SideEffectError
from graphc.trace import branches, control, dispatch, grids, iteration, signals
from graphc.trace.algorithms.index_tricks import ITEMS
from graphc.trace.attributes import attribute_function
from graphc.trace.callees import guarded_callee, has_own_form, is_library, is_library_name, traced_callee
from graphc.trace.captures import Captures
from graphc.trace.classes import matched, plain_class
from graphc.trace.comprehensions import collected
from graphc.trace.environment import environment_function, environment_variable, refuse_unseen_names
from graphc.trace.foreign import again, method_again, record_with, through_library
from graphc.trace.holders import MUTATORS
from graphc.trace.identity import fix_identity, looking_up
from graphc.trace.location import user_location
from graphc.trace.made import settled
from graphc.trace.raising import Handler, raising
from graphc.trace.session import current
from graphc.trace.stores import (
    ArrayOwner,
    Assigned,
    Store,
    contains_traced,
    defines_stores,
    mutator,
    require_once,
    storing_method,
)
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedValue
from graphc.trace.variables import Variables

_CONTAINERS = (dict, list, tuple)  # and their subclasses
_PLAIN_ITEMS = (dict.__getitem__, list.__getitem__, tuple.__getitem__)
_IN_PLACE: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.iadd, "Sub": operator.isub, "Mult": operator.imul, "Div": operator.itruediv,
    "FloorDiv": operator.ifloordiv, "Mod": operator.imod, "Pow": operator.ipow, "MatMult": operator.imatmul,
    "BitAnd": operator.iand, "BitOr": operator.ior, "BitXor": operator.ixor, "LShift": operator.ilshift,
    "RShift": operator.irshift,
}  # fmt: skip


class Reader:
    """The hooks of one function: ``globals_`` and ``cells`` are where its outside names live."""

    __slots__ = ("cells", "globals_")

    def __init__(self, globals_: dict[str, Any], cells: Mapping[str, CellType]):
        self.globals_ = globals_
        self.cells = cells

    # --- names --------------------------------------------------------------------------------------------------------

    def name(self, value: Any, name: str) -> Any:
        """The value of an outside name."""
        return self._read_name(value, name, raw=False)

    def raw_name(self, value: Any, name: str) -> Any:
        return self._read_name(value, name, raw=True)

    def _read_name(self, value: Any, name: str, *, raw: bool) -> Any:
        session = current()
        if session is None or isinstance(value, TracedValue) or (type(value) is ModuleType and is_library(value)):
            return value
        captures = session.captures
        paths = captures.paths
        if name in self.cells:
            path = paths.cell(paths.const(self.cells[name]), name)
        elif name in self.globals_:
            if self.globals_.get("__name__", "").startswith("graphc."):
                return value  # a constant of graphc's own algorithms
            path = paths.dict_item(paths.const(self.globals_), name)
        else:
            return value  # a builtin
        return self._found(captures, value, path, raw=raw)

    def imported(self, value: Any, module: str, level: int, name: str) -> Any:
        """What ``from module import name`` in a function has found."""
        session = current()
        full = importlib.util.resolve_name("." * level + module, self.globals_.get("__package__")) if level else module
        owner = sys.modules.get(full)
        if session is None or owner is None or not _is_followed(owner) or name not in vars(owner):
            return value
        paths = session.captures.paths
        return self._found(session.captures, value, paths.attribute(paths.const(owner), name), raw=False)

    def _found(self, captures: Captures, value: Any, path: int, *, raw: bool) -> Any:
        if raw and isinstance(value, _CONTAINERS):
            captures.remember(value, path)
            return value
        return captures.materialise(value, path)

    # --- attributes and items -----------------------------------------------------------------------------------------

    def attribute(self, obj: Any, name: str) -> Any:
        return self._read_attribute(obj, name, raw=False)

    def raw_attribute(self, obj: Any, name: str) -> Any:
        return self._read_attribute(obj, name, raw=True)

    def _read_attribute(self, obj: Any, name: str, *, raw: bool) -> Any:
        session = current()
        if session is None or isinstance(obj, TracedValue):
            is_traced = session is not None and name == "__class__"
            return plain_class(obj) if is_traced else getattr(obj, name)
        if type(obj) is ModuleType and is_library(obj):
            return getattr(obj, name)
        captures = session.captures
        if isinstance(obj, _CONTAINERS):
            if name in MUTATORS and captures.is_outside(obj):
                return mutator(obj, name)
            path = captures.path_of(obj)
            return getattr(obj if path is None else captures.materialise(obj, path), name)
        defined = None if record_with(obj) else _class_attribute(obj, name)
        path = captures.path_of(obj)
        if isinstance(defined, property) and defined.fget is not None:
            if path is not None:
                captures.paths.require_same(captures.paths.attribute(captures.paths.const(type(obj)), name), defined)
            return traced_callee(defined.fget)(obj)
        if isinstance(defined, functools.cached_property) and path is None:
            vars(obj)[name] = value = traced_callee(defined.func)(obj)
            return value
        if path is None and defined is None and name not in getattr(obj, "__dict__", ()):
            missing = dispatch.special_method(obj, "__getattr__")
            if missing is not None:
                return missing(name)
        value = getattr(obj, name)
        if path is None and isinstance(obj, type | ModuleType) and _is_followed(obj):
            path = None if captures.is_made_class(obj) else captures.paths.const(obj)
        if path is None or isinstance(value, TracedValue):
            if isinstance(defined, FunctionType) and not is_library_name(defined.__module__):
                captures.require_member(type(obj), name)
            return value
        if isinstance(value, MethodType | BuiltinMethodType) and value.__self__ is obj:
            self._guard_method(captures, obj, path, name, defined)
            return value
        if isinstance(defined, classmethod):
            self._guard_function(captures, path, name, value.__func__)
            return value
        return self._found(captures, value, captures.paths.attribute(path, name), raw=raw)

    def _guard_method(self, captures: Captures, obj: Any, path: int, name: str, defined: Any) -> None:
        """The method stays the same as long as the object's class and the function in it do."""
        paths = captures.paths
        if isinstance(obj, type):  # a class method: the class itself is guarded
            method = getattr(obj, name)
            if isinstance(method, MethodType):
                self._guard_function(captures, path, name, method.__func__)
            return
        paths.require_type(path, type(obj))
        if isinstance(defined, FunctionType):
            self._guard_function(captures, path, name, defined)
        if has_own_form(obj):
            paths.require_same(path, obj)

    def _guard_function(self, captures: Captures, path: int, name: str, function: Any) -> None:
        """The object's method under the name is that of this function: neither its class nor itself has another one."""
        method = captures.paths.attribute(path, name)
        captures.paths.require_same(captures.paths.attribute(method, "__func__"), function)

    def item(self, obj: Any, key: Any) -> Any:
        return self._read_item(obj, key, raw=False)

    def raw_item(self, obj: Any, key: Any) -> Any:
        return self._read_item(obj, key, raw=True)

    def _read_item(self, obj: Any, key: Any, *, raw: bool) -> Any:
        session = current()
        if session is None or isinstance(obj, TracedValue):
            return obj[key]
        if obj is os.environ:
            return environment_variable(obj, key)
        captures = session.captures
        path = captures.path_of(obj)
        has_form = getattr(type(obj), "__getitem__", None) in ITEMS  # np.r_ and its like
        if record_with(obj) and not has_form:
            return again(captures, operator.getitem, obj, key)
        if not isinstance(obj, _CONTAINERS) or type(obj).__getitem__ not in _PLAIN_ITEMS:
            defined = _class_attribute(obj, "__getitem__")
            if has_form or (isinstance(defined, FunctionType) and not is_library_name(defined.__module__)):
                if not has_form:
                    captures.require_member(type(obj), "__getitem__")
                return traced_callee(defined)(obj, key)
            return _plain_item(obj, key) if path is None else again(captures, operator.getitem, obj, key)
        if path is None:
            return _plain_item(obj, key)
        paths = captures.paths
        key = int(key) if isinstance(key, SymbolicInt) else key
        if isinstance(obj, dict):
            fix_identity(key)
            value = obj[key]
            return self._found(captures, value, paths.dict_item(path, key), raw=raw)
        if isinstance(key, slice) or not hasattr(type(key), "__index__"):
            return captures.materialise(obj, path)[key]
        position = operator.index(key)
        value = obj[position]
        if position < 0:
            paths.require_type(path, type(obj), len(obj))
            position += len(obj)
        return self._found(captures, value, paths.sequence_item(path, position), raw=raw)

    slice = staticmethod(slice)

    # --- calls --------------------------------------------------------------------------------------------------------

    def callee(self, function: Any) -> Any:
        """What is called in place of ``function``: a user's function is rewritten too."""
        session = current()
        if session is None:
            return function
        reading = (
            storing_method(function)
            or attribute_function(self, function)
            or environment_function(function)
            or method_again(function)
        )
        if reading is not None:
            return reading
        if is_library_name(getattr(function, "__module__", None)):
            return through_library(function, self._substitute(function))
        return self._substitute(function)

    def _substitute(self, function: Any) -> Any:
        substitute = looking_up(function, guarded_callee(function))
        return dispatch.through_builtin(function, substitute) if dispatch.is_builtin(function) else substitute

    def printed_elsewhere(self, function: Any) -> bool:
        """Whether this call of ``print`` is left to a run of the plain function, which knows the numbers."""
        session = current()
        if function is not print or session is None or not session.captures.silent:
            return False
        session.captures.prints = True
        return True

    @staticmethod
    def made_class(kind: Any) -> Any:
        """The class that a statement of a traced function defines."""
        session = current()
        if session is not None:
            session.captures.note_class(kind)
        return kind

    # --- what Python calls by itself ----------------------------------------------------------------------------------

    formatted = staticmethod(dispatch.formatted)
    matched = staticmethod(matched)
    binary = staticmethod(dispatch.binary)
    unary = staticmethod(dispatch.unary)
    truth = staticmethod(dispatch.truth)
    iterated = staticmethod(dispatch.iterated)
    context = staticmethod(dispatch.context)

    # --- loops and branches -------------------------------------------------------------------------------------------

    variables = staticmethod(Variables)
    loop = staticmethod(control.loop)
    repeat = staticmethod(control.repeat)
    branch = staticmethod(branches.branch)
    after = staticmethod(branches.after)
    choose = staticmethod(branches.choose)
    both = staticmethod(branches.both)
    either = staticmethod(branches.either)
    first_false = staticmethod(branches.first_false)
    first_true = staticmethod(branches.first_true)
    raising = staticmethod(raising)
    handler = staticmethod(Handler)
    negated = staticmethod(branches.negated)
    compared = staticmethod(branches.compared)
    span = staticmethod(iteration.span)
    combined = staticmethod(iteration.combined)
    collected = staticmethod(collected)
    leaving = staticmethod(signals.leaving)
    passed_on = staticmethod(signals.passed_on)
    returned = staticmethod(signals.returned)
    BREAK, CONTINUE = signals.BREAK, signals.CONTINUE

    def grid(self, function: Any, *args: Any) -> Any:
        return grids.grid(function, self.callee, *args)

    # --- the frame ----------------------------------------------------------------------------------------------------

    def all_globals(self, globals_: dict[str, Any]) -> dict[str, Any]:
        """``globals()``: what is read from the mapping is recorded."""
        session = current()
        if session is not None:
            session.captures.remember(globals_, session.captures.paths.const(globals_))
        return globals_

    def expression(self, source: Any) -> Any:
        """What ``eval`` or ``exec`` runs in the frame, refused where it would read a name from outside unseen."""
        if current() is not None:
            refuse_unseen_names(source, self.globals_)
        return source

    def evaluating(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``eval`` or ``exec`` in namespaces that are given: they have been seen, unless they are the globals."""
        return lambda source, *namespaces: function(
            self.expression(source) if any(n is self.globals_ for n in namespaces) else source, *namespaces
        )

    # --- stores -------------------------------------------------------------------------------------------------------

    def store(self, obj: Any) -> Any:
        """What an attribute or item is assigned to in place of ``obj``."""
        session = current()
        if session is None or isinstance(obj, TracedValue):
            return obj
        if isinstance(obj, np.ndarray) or session.captures.is_outside(obj):
            return Store(obj, self)
        return Assigned(obj, self) if defines_stores(obj) else obj

    def owner(self, obj: Any) -> Any:
        """What an attribute is assigned to in place of ``obj``."""
        return ArrayOwner(obj) if current() is not None and isinstance(obj, TracedValue) else self.store(obj)

    def escaping(self, value: Any, name: str) -> Any:
        """The value that is assigned to a name outside of the function."""
        session = current()
        if session is not None and contains_traced(value):
            raise SideEffectError(
                f"a traced value is stored in {name!r}, outside of the function: a compiled program would not store it "
                "again; return it instead (has_aux=True under grad)",
                location=user_location(),
            )
        if session is not None:
            require_once(session, repr(name))
            is_cell = name in self.cells
            session.captures.outside.store_variable(self.cells.get(name, self.globals_), name, is_cell=is_cell)
        return settled(value)

    def in_place(self, operation: str, old: Any, value: Any) -> Any:
        session = current()
        if session is not None and isinstance(old, _CONTAINERS) and session.captures.is_outside(old):
            raise SideEffectError(
                f"a {type(old).__name__} outside of the function is changed in place: a compiled program would not "
                "change it again; return the new one instead",
                location=user_location(),
            )
        return _IN_PLACE[operation](old, value)


def _plain_item(obj: Any, key: Any) -> Any:
    return obj[key]


def _is_followed(owner: type | ModuleType) -> bool:
    """Whether it is a class or module of the user's, wherever it came from: what it holds may change."""
    name = owner.__name__ if isinstance(owner, ModuleType) else owner.__module__
    return not is_library_name(name) and not name.startswith(("graphc.", "numpy."))


def _class_attribute(obj: Any, name: str) -> Any:
    """What the object's class defines under the name, undisturbed by descriptors; None where the object itself does."""
    if isinstance(obj, type):
        return None
    for cls in type(obj).__mro__:
        if name in cls.__dict__:
            defined = cls.__dict__[name]
            is_data = isinstance(defined, property)
            return defined if is_data or name not in getattr(obj, "__dict__", ()) else None
    return None
