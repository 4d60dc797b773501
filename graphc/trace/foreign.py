"""What is read from objects of other libraries, such as a table of pandas: computed again at each call, by the library.

Such an object keeps its numbers where no load of the user's function can be followed to. So all that the function does
with one from outside, ``data["y"]``, ``data.x > 0``, ``len(data)``, is a step of the access plan: a call that each call
of the program makes again. What comes of it is such an object too, or an array or a number, which is a hidden input, or
anything else, which is compared.
"""

from __future__ import annotations

import collections
import functools
import operator
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from io import IOBase
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any, NoReturn

import numpy as np
import optree

from graphc.errors import TraceTypeError
from graphc.trace.callees import reaches_traced, traced_callee
from graphc.trace.captures import Captures
from graphc.trace.leaves import TABLE_LIBRARIES, is_factored, is_foreign, is_object, is_polynomial, is_sparse
from graphc.trace.location import user_location
from graphc.trace.made import is_constant
from graphc.trace.missing import raise_unsupported
from graphc.trace.protocol import public_name
from graphc.trace.python_functions import has_traced
from graphc.trace.session import current
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.values import TracedValue, raise_dtype


class Recipe:
    """A call that wants the tables among its arguments one by one, at these ``places`` among their leaves."""

    __slots__ = ("_arguments", "_found", "_function", "_leaves", "_places")

    def __init__(
        self,
        function: Callable[..., Any],
        leaves: list[Any],
        arguments: optree.PyTreeSpec,
        places: tuple[int, ...],
        found: tuple[Any, ...] = (),
    ):
        self._function, self._leaves, self._arguments = function, leaves, arguments
        self._places, self._found = places, found

    def written(self, tables: Sequence[str]) -> str:
        """The call in the user's words, with these tables in it."""
        leaves = [
            tables[self._places.index(k)] if k in self._places else repr(leaf) for k, leaf in enumerate(self._leaves)
        ]
        if self._function is operator.getitem:
            return "{}[{}]".format(*leaves)
        if self._function is _invoke:
            return f"{leaves[0]}.{self._leaves[1]}({', '.join(leaves[2:])})"
        return f"{getattr(self._function, '__name__', type(self._function).__name__)}({', '.join(leaves)})"

    def __call__(self, table: Any) -> Any:
        found = (*self._found, table)[: len(self._places)]  # a call of none is made for anything
        if len(found) < len(self._places):
            return Recipe(self._function, self._leaves, self._arguments, self._places, found)
        leaves = list(self._leaves)
        for place, each in zip(self._places, found, strict=True):
            leaves[place] = each
        args, kwargs = self._arguments.unflatten(leaves)
        return self._function(*args, **kwargs)


def record_with(*objects: Any) -> Captures | None:
    """The record of the trace, where one of the objects is foreign, or a polynomial among constants, and was read from
    outside."""
    session = current()
    if session is None:
        return None
    asked = [obj for obj in objects if is_foreign(obj) or (is_polynomial(obj) and not has_traced(objects))]
    return session.captures if any(session.captures.path_of(obj) is not None for obj in asked) else None


def through_library(function: Callable[..., Any], substitute: Callable[..., Any]) -> Callable[..., Any]:
    """What stands for a function of a library: ``substitute``, unless a foreign object from outside is handed to it, or
    a function of the user's, which may read from outside what SciPy's code would not show."""

    def call(*args: Any, **kwargs: Any) -> Any:
        leaves = optree.tree_leaves((args, kwargs), none_is_leaf=True)
        captures = None if _is_of_sparse(leaves) else record_with(*leaves)
        session = current()
        if session is not None and _calls_back(function, leaves) and not reaches_traced([args, kwargs]):
            captures = session.captures
        if session is not None and substitute is function and _makes_sparse(function) and has_traced(leaves):
            if not all(session.captures.outside_array(leaf) for leaf in leaves if has_traced(leaf)):
                raise_unsupported(public_name(function))
            captures = session.captures
        return substitute(*args, **kwargs) if captures is None else again(captures, function, *args, **kwargs)

    return call


def _is_of_sparse(leaves: Sequence[Any]) -> bool:
    """Whether sparse matrices meet traced values, for which some of SciPy's functions have traced forms."""
    return any(is_sparse(leaf) or is_factored(leaf) for leaf in leaves) and any(has_traced(leaf) for leaf in leaves)


def _makes_sparse(function: Callable[..., Any]) -> bool:
    """Whether it makes a sparse matrix, which holds no traced numbers but may be made of outside ones at each call."""
    return (getattr(function, "__module__", None) or "").startswith("scipy.sparse.")


def _calls_back(function: Callable[..., Any], leaves: Sequence[Any]) -> bool:
    """Whether it is one of SciPy's that is handed a function."""
    is_scipys = (getattr(function, "__module__", None) or "").startswith("scipy.")
    return is_scipys and any(isinstance(leaf, FunctionType | MethodType | functools.partial) for leaf in leaves)


def method_again(function: Any) -> Callable[..., Any] | None:
    """A method that cannot be traced, of an object from outside, called again at each call; None for others."""
    owner, session = getattr(function, "__self__", None), current()
    if session is None or not is_method_again(function, owner) or session.captures.path_of(owner) is None:
        return None
    captures = session.captures

    def call(*args: Any, **kwargs: Any) -> Any:
        leaves = [owner, *optree.tree_leaves((args, kwargs), none_is_leaf=True)]
        if _is_of_sparse(leaves) or (is_polynomial(owner) and has_traced([args, kwargs])):
            return traced_callee(function)(*args, **kwargs)
        return again(captures, _invoke, owner, function.__name__, *args, **kwargs)

    return call


def is_method_again(function: Any, owner: Any) -> bool:
    if isinstance(owner, ContextVar):
        return function.__name__ == "get"
    is_in_c = type(function) is BuiltinMethodType and (is_object(owner) or isinstance(owner, IOBase))
    return is_in_c or is_foreign(owner) or is_polynomial(owner)


def _invoke(table: Any, name: str, /, *args: Any, **kwargs: Any) -> Any:
    result = getattr(table, name)(*args, **kwargs)
    return [_row(each) for each in result] if isinstance(result, Iterator) else result


def _row(element: Any) -> Any:
    """A named tuple as one of a class that stays: ``itertuples`` makes a new class at each call."""
    fields = getattr(type(element), "_fields", None)
    return element if fields is None else _row_class(type(element).__name__, fields)(*element)


@functools.lru_cache(maxsize=64)
def _row_class(name: str, fields: tuple[str, ...]) -> Any:
    return collections.namedtuple(name, fields, rename=True)


def again(captures: Captures, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """What the function returns for arguments with tables from outside in them, as the traced function sees it."""
    leaves, arguments = optree.tree_flatten((args, kwargs), none_is_leaf=True)
    leaves = [leaf.array.copy() if is_constant(leaf) else leaf for leaf in leaves]
    outside = {k: found for k, leaf in enumerate(leaves) if (found := _read_outside(captures, leaf)) is not None}
    places = tuple(outside)
    for k in places:
        leaves[k] = None  # the recipe must not keep the tables of this call alive
    if any(isinstance(leaf, TracedValue | SymbolicInt) for leaf in leaves):
        _refuse_traced([*(table for table, _ in outside.values()), *leaves])
    tables = [table for table, _ in outside.values()]
    recipe: Any = Recipe(function, leaves, arguments, places)
    path = captures.paths.const(recipe)
    if not tables:
        recipe, path = recipe(None), captures.paths.applied(path, captures.paths.const(None))
    for table, where in outside.values():
        recipe = recipe(table)
        path = captures.paths.applied(path, where)
    return captures.materialise(recipe, path)


def _read_outside(captures: Captures, leaf: Any) -> tuple[Any, int] | None:
    """The table, or the array or number that the function sees as a traced one, with the path at which it is read."""
    path = captures.path_of(leaf)
    return captures.outside_array(leaf) if path is None else (leaf, path)


def _refuse_traced(leaves: list[Any]) -> NoReturn:
    kind = type(
        next(leaf for leaf in leaves if is_foreign(leaf) or (is_object(leaf) and not isinstance(leaf, TracedValue)))
    )
    found = next((leaf for leaf in leaves if type(leaf) is np.ndarray and is_foreign(leaf)), None)
    if found is not None:
        raise_dtype(found.dtype)
    how = ".to_numpy() of a column" if kind.__module__.partition(".")[0] in TABLE_LIBRARIES else "np.asarray(x)"
    raise TraceTypeError(
        f"a {kind.__module__.partition('.')[0]} {kind.__name__} cannot compute with traced arrays: take NumPy "
        f"arrays of it first ({how}), and compute with them",
        location=user_location(),
    )
