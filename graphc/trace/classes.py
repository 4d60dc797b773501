"""``isinstance``, ``type`` and ``np.isscalar`` in a traced function: answered as in plain NumPy.

A traced array stands for an array, a Python number or a NumPy scalar, a symbolic integer for an int. What the function
decides by the class must not depend on whether it is traced.
"""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc import pytree
from graphc.errors import UnsupportedError
from graphc.ir.graph import Value
from graphc.trace.location import user_location, user_module
from graphc.trace.session import current
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedValue, alive

_PYTHON_NUMBERS: dict[str, type] = {"f": float, "i": int, "u": int}


def plain_class(obj: Any) -> type:
    """The class that the object has where nothing is traced. A 0-d result is a NumPy scalar, as in NumPy."""
    if isinstance(obj, SymbolicInt):
        return int
    if not isinstance(obj, TracedValue):
        return type(obj)
    session = alive(obj)
    if obj.is_array or session.captures.is_array_input(_outermost(obj)):  # type: ignore[attr-defined]
        return np.ndarray
    value = obj.value
    return _PYTHON_NUMBERS[value.type.dtype.kind] if value.type.weak else value.type.dtype.type


def _outermost(traced: TracedValue) -> Value:
    """The value of the root trace that a parameter of a nested one stands for."""
    session, value = traced.session, traced.value
    while session.parent is not None and value in session.origins:
        session, value = session.parent, session.origins[value]
    return value


def class_of(*args: Any) -> Any:
    """``type``, of one argument or of three, which make a class of the module that calls it."""
    if len(args) == 1:
        return plain_class(args[0])
    name, bases, members = args
    made = type(name, bases, {"__module__": user_module(), **members})
    session = current()
    if session is not None:
        session.captures.note_class(made)
    return made


def is_instance(obj: Any, classes: Any) -> bool:
    """``isinstance``; ``classes`` is a class, a union, or a tuple of those, nested at will."""
    if not isinstance(obj, TracedValue | SymbolicInt):
        return isinstance(obj, classes)
    if isinstance(classes, Sequence):
        return any(is_instance(obj, part) for part in classes)
    return issubclass(plain_class(obj), classes)


def matched(subject: Any) -> Any:
    """The subject of a ``match`` with class patterns, which Python tests by itself: nothing in it may be traced."""
    leaves, _ = pytree.flatten(subject)
    if any(isinstance(leaf, TracedValue | SymbolicInt) for leaf in leaves):
        raise UnsupportedError(
            "match with a class pattern on a traced value, whose class is graphc's own: write if isinstance(x, float) "
            "in place of case float()",
            location=user_location(),
        )
    return subject


def is_scalar(element: Any) -> bool:
    """``np.isscalar``."""
    if isinstance(element, TracedValue | SymbolicInt):
        return issubclass(plain_class(element), np.generic | numbers.Number)
    return np.isscalar(element)
