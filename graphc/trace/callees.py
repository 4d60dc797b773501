"""What a traced function calls: a user's function is rewritten, a few of Python's and NumPy's get traced forms."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import itertools
import operator
import sys
from collections.abc import Callable
from types import BuiltinFunctionType, FunctionType, MethodDescriptorType, MethodType, ModuleType, WrapperDescriptorType
from typing import Any

import numpy as np

from graphc.trace.algorithms.arguments import without_defaults
from graphc.trace.algorithms.functional import CALLED_OBJECTS, CALLING
from graphc.trace.algorithms.index_tricks import ITEMS
from graphc.trace.algorithms.outside import form_of
from graphc.trace.algorithms.sparse_products import SPARSE_PRODUCTS, solve_factored
from graphc.trace.algorithms.table import ALGORITHMS
from graphc.trace.classes import class_of, is_instance, is_scalar
from graphc.trace.creation import array_function, taking_lists
from graphc.trace.functions.absent import OF_FUNCTIONS
from graphc.trace.functions.arguments import as_array, as_dtype
from graphc.trace.laws.calls import is_of_stats, traced_law, traced_method
from graphc.trace.leaves import is_factored, is_sparse
from graphc.trace.location import user_location
from graphc.trace.made import constants, made
from graphc.trace.missing import raise_unsupported
from graphc.trace.protocol import public_name
from graphc.trace.python_functions import TRACED_FORMS, has_traced
from graphc.trace.randomness import is_of_a_generator, refuse_random
from graphc.trace.rewrite import rewritten
from graphc.trace.session import current
from graphc.trace.symbolic import SymbolicInt
from graphc.trace.texts import is_writer, known_numbers, writer
from graphc.trace.values import TracedBox, TracedValue, converted, opened, session_of, unwrap, wrap

DISPATCHING = (
    "numpy",
    "uarray",
    "scipy.special._multiufuncs",
)  # of the classes of library functions that are no Python functions
LIBRARIES = frozenset([
    "numpy", "scipy", "graphc", "numba", "llvmlite", "optree", "jax", "jaxlib", "torch", "autograd", "pytensor",
    "pandas", "sklearn", "matplotlib", "cupy", "pytest", "_pytest", "hypothesis", "array_api_compat", "tqdm", "rich",
    *sys.stdlib_module_names,
])  # fmt: skip
_STAGED = ("graphc.trace.algorithms.", "graphc.random.", "numpy.polynomial.")  # NumPy code, traced as a user's
_TEXTS = (str, repr, ascii, format)
_CALLS: dict[Any, tuple[int | None, str]] = {  # where functions of Python take the one that they call
    **dict.fromkeys([map, filter, functools.reduce, itertools.starmap, itertools.filterfalse], (0, "")),
    **dict.fromkeys([itertools.takewhile, itertools.dropwhile, getattr(operator, "call", map)], (0, "")),
    itertools.accumulate: (1, "func"),
    itertools.groupby: (1, "key"),
    **dict.fromkeys([max, min, sorted], (None, "key")),
}


@functools.lru_cache(maxsize=1024)
def is_library(module: ModuleType) -> bool:
    """Whether the module is of NumPy, SciPy, the standard library or the like: what is in it is not recorded."""
    return is_library_name(module.__name__)


def is_library_name(name: str | None) -> bool:
    name = name or ""
    return name.partition(".")[0] in LIBRARIES and not name.startswith(_STAGED)


def traced_callee(function: Any) -> Any:
    """What is called in place of the function while a trace is active."""
    kind = type(function)
    if is_of_a_generator(function):
        refuse_random(f"{type(function.__self__).__name__}.{function.__name__}")
    if kind is FunctionType:
        if not is_library_name(function.__module__):
            return rewritten(function)
        return writer(function) if is_writer(function) else _library_function(function)
    if kind is MethodType:
        inner = function.__func__
        if type(inner) is FunctionType and not is_library_name(inner.__module__):
            return MethodType(rewritten(inner), function.__self__)
        return _library_method(function)
    if kind is BuiltinFunctionType or isinstance(function, type):
        return writer(function) if is_writer(function) else _builtin(function)
    if kind is functools.partial:
        return functools.partial(traced_callee(function.func), *function.args, **function.keywords)
    if kind in (MethodDescriptorType, WrapperDescriptorType) and function.__objclass__ is np.ndarray:
        return functools.partial(_method_of_first, function)
    if hasattr(function, "py_func") and type(function.py_func) is FunctionType:  # Numba's: traced through its source
        return rewritten(function.py_func)
    if kind in CALLED_OBJECTS:
        return _called_object(function, CALLED_OBJECTS[kind])
    if kind.__module__ in DISPATCHING:
        return _library_function(function)
    form = form_of(function)
    if form is not None:
        return _of_outside(function, function, "__call__", form)
    if is_of_stats(function):
        return traced_law(function)
    call = kind.__call__ if callable(function) else None
    if type(call) is FunctionType and not is_library_name(call.__module__):
        return MethodType(rewritten(call), function)
    return function


def _method_of_first(method: Any, array: Any, /, *args: Any, **kwargs: Any) -> Any:
    """``np.ndarray.sum(x)``, which is ``x.sum()``."""
    own = getattr(array, method.__name__) if isinstance(array, TracedValue) else functools.partial(method, array)
    return own(*args, **kwargs)


def guarded_callee(function: Any) -> Any:
    """``traced_callee`` in a trace: what a partial, a bound method or an object from outside holds is read through it,
    and its kind, and what its class does when it is called, are guards."""
    session = current()
    if session is None or not callable(function):
        return traced_callee(function)
    captures = session.captures
    path, paths = captures.path_of(function), captures.paths
    if path is not None and type(function) is functools.partial:
        names = ("func", "args", "keywords")
        func, args, keywords = (captures.materialise(getattr(function, n), paths.attribute(path, n)) for n in names)
        return functools.partial(guarded_callee(func), *args, **keywords)
    if path is not None and type(function) is MethodType:
        owner = captures.materialise(function.__self__, paths.attribute(path, "__self__"))
        return traced_callee(MethodType(function.__func__, owner))
    if isinstance(function, MethodType | FunctionType):
        return traced_callee(function)
    if path is not None and has_own_form(function):
        paths.require_same(path, function)
    elif path is not None and not isinstance(function, type):
        paths.require_type(path, type(function))
    if isinstance(type(function).__call__, FunctionType):
        captures.require_member(type(function), "__call__")
    return traced_callee(function)


def has_own_form(obj: Any) -> bool:
    """Whether the object, called, is computed from numbers that are read of it once, when it is traced."""
    return (
        isinstance(obj, functools.partial)
        or type(obj) in CALLED_OBJECTS
        or is_of_stats(obj)
        or form_of(obj) is not None
    )


def _builtin(function: Any) -> Any:
    if function in _TEXTS:
        return lambda *args, **kwargs: function(*map(known_numbers, args), **kwargs)
    if function in _CALLS:
        return _calling(TRACED_FORMS.get(function, function), *_CALLS[function])
    if function in TRACED_FORMS:
        return TRACED_FORMS[function]
    if function is isinstance:
        return is_instance
    if function is type:
        return class_of
    if function is setattr:
        from graphc.trace.reader import Reader

        return lambda obj, name, value: setattr(Reader({}, {}).store(obj), name, value)
    if isinstance(function, type):
        return _class(function)
    if isinstance(getattr(function, "__self__", None), np.ufunc):
        return taking_lists(function)
    if is_factored(getattr(function, "__self__", None)) and function.__name__ == "solve":
        return _factored_solve(function)
    of_library = (function.__module__ or "").partition(".")[0] in ("numpy", "scipy")
    return _library_function(function) if of_library else function


def _class(cls: type) -> Any:
    if issubclass(cls, np.generic):
        return lambda *args: _scalar_type(cls, tuple(converted(a, "__float__", "__index__") for a in args))
    if cls.__module__.startswith("scipy."):
        return _library_function(cls)
    if issubclass(cls, contextlib._GeneratorContextManager):  # of contextlib.contextmanager
        return lambda function, *rest: cls(traced_callee(function), *rest)
    makes = [name for name in ("__new__", "__init__") if _is_users(getattr(cls, name))]
    if not makes or is_library_name(cls.__module__) or type(cls).__call__ is not type.__call__:
        return cls
    session = current()
    if session is not None:
        for name in makes:
            session.captures.require_member(cls, name)
    return functools.partial(_made, cls)


def _is_users(function: Any) -> bool:
    if type(function) is not FunctionType or (function.__module__ or "").startswith("namedtuple_"):
        return False
    return not is_library_name(function.__module__)


def _made(cls: type, /, *args: Any, **kwargs: Any) -> Any:
    """What ``cls(*args, **kwargs)`` gives, as ``type.__call__`` makes it, with the user's functions rewritten."""
    new: Any = cls.__new__
    if _is_users(new):
        instance = rewritten(new)(cls, *args, **kwargs)
    else:
        instance = new(cls) if new is object.__new__ else new(cls, *args, **kwargs)
    if not isinstance(instance, cls):
        return instance
    own: Any = type(instance)
    after: Any = getattr(own, "__post_init__", None)
    is_called = dataclasses.is_dataclass(own) and _is_users(after) and hasattr(instance, "__dict__")
    if is_called:  # by the generated __init__, which looks for it in the object first
        vars(instance)["__post_init__"] = MethodType(rewritten(after), instance)
    try:
        (rewritten(own.__init__) if _is_users(own.__init__) else own.__init__)(instance, *args, **kwargs)
    finally:
        if is_called:
            del vars(instance)["__post_init__"]
    return instance


def _library_method(method: MethodType) -> Callable[..., Any]:
    owner = method.__self__
    form = form_of(owner)
    if form is not None:
        return _of_outside(method, owner, method.__name__, form)
    if is_of_stats(owner):
        return traced_method(method)
    return _sparse_method(method, owner) if is_sparse(owner) else method


def _sparse_method(method: MethodType, owner: Any) -> Callable[..., Any]:
    name = method.__name__
    if name == "dot":
        return lambda other: (sparse_operation(owner, other) or operator.matmul)(owner, other)

    def call(*args: Any, **kwargs: Any) -> Any:
        if has_traced([args, kwargs]):
            raise_unsupported(f"scipy.sparse.{type(owner).__name__}.{name}")
        return method(*args, **kwargs)

    return call


def _factored_solve(method: Any) -> Callable[..., Any]:
    """``splu(A).solve``, called with what may be traced."""
    solver: Any = solve_factored

    def call(*args: Any, **kwargs: Any) -> Any:
        operands = constants((args, kwargs))
        if operands is None:
            return rewritten(solver)(method.__self__, *args, **kwargs)
        return made(method(*operands[0], **operands[1]))

    return call


def sparse_operation(left: Any, right: Any) -> Callable[[Any, Any], Any] | None:
    """What computes ``left @ right`` where one is traced and the other a sparse matrix of SciPy."""
    if isinstance(right, TracedValue) and is_sparse(left):
        return rewritten(SPARSE_PRODUCTS["left"])
    if isinstance(left, TracedValue) and is_sparse(right):
        return rewritten(SPARSE_PRODUCTS["right"])
    return None


def _of_outside(function: Any, owner: Any, name: str, form: Callable[[Any], Any]) -> Callable[..., Any]:
    """A method of SciPy's object that was made outside, such as a spline, called with what may be traced."""

    def call(*args: Any, **kwargs: Any) -> Any:
        if not has_traced([args, kwargs]):
            return function(*args, **kwargs)
        method = getattr(form(owner), name, None)
        if method is None:
            raise_unsupported(f"{public_name(type(owner))}.{name}")
        return traced_callee(method)(*args, **kwargs)

    return call


def _called_object(obj: Any, algorithm: Any) -> Callable[..., Any]:
    """``np.vectorize(f)`` or ``np.poly1d(c)``, called with what may be traced."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return rewritten(algorithm)(obj, *args, **kwargs) if has_traced([args, kwargs]) else obj(*args, **kwargs)

    return call


def _calling(function: Any, place: int | None, keyword: str) -> Callable[..., Any]:
    """The function, with what it calls in the form in which that is called in the trace."""

    def called(given: Any) -> Any:
        return guarded_callee(given) if callable(given) else given

    def call(*args: Any, **kwargs: Any) -> Any:
        new = [called(arg) if k == place else arg for k, arg in enumerate(args)]
        return function(*new, **{name: called(v) if name == keyword else v for name, v in kwargs.items()})

    return call


# --- traced forms -----------------------------------------------------------------------------------------------------


def _scalar_type(cls: type, args: tuple[Any, ...]) -> Any:
    if len(args) == 1 and has_traced(args):
        session = session_of(args)
        session.F.location = user_location()
        value = as_array(session.F, unwrap(session, args[0]))
        return wrap(session, session.F.cast(value, as_dtype(session.F, cls.__name__, cls)))
    return cls(*args)


_substitutes: dict[int, tuple[Any, Any]] = {}


def _library_function(function: Any) -> Any:
    """NumPy's and SciPy's functions that do not dispatch on their arguments, such as ``np.zeros`` and ``np.array``."""
    known = _substitutes.get(id(function))
    if known is not None:
        return known[1]
    substitute = _make_substitute(function)
    if substitute is not function:  # others are not kept: a method of a traced array would keep its whole trace
        _substitutes[id(function)] = (function, substitute)
    return substitute


def _make_substitute(function: Any) -> Any:
    if isinstance(function, np.ufunc):
        return taking_lists(function)
    module = (getattr(function, "__module__", None) or "").partition(".")[0]
    if module == "statistics":
        from graphc.trace.python_statistics import statistics_form

        return statistics_form(function) or function
    if module not in ("numpy", "scipy"):
        return function
    if function is np.isscalar:
        return is_scalar
    name = public_name(function)
    algorithm = ALGORITHMS.get(name) or ITEMS.get(function)
    if algorithm is None and name in OF_FUNCTIONS:
        return lambda *args, **kwargs: (
            raise_unsupported(name) if reaches_traced([args, kwargs]) else function(*args, **kwargs)
        )
    if algorithm is None:
        return array_function(function, name)
    always = name in CALLING

    def call(*args: Any, **kwargs: Any) -> Any:
        if not always and not reaches_traced([args, kwargs]):
            return function(*args, **kwargs)
        return rewritten(algorithm)(*args, **without_defaults(name, function, algorithm, args, kwargs))

    return call


def reaches_traced(arguments: Any) -> bool:
    """Whether a traced value is among the arguments, or in what functions and objects of the user's among them hold:
    closures, defaults, attributes, containers, however deep."""
    waiting, seen = [arguments], {id(arguments)}
    while waiting:
        obj = waiting.pop()
        if isinstance(obj, TracedValue | TracedBox | SymbolicInt):
            if has_traced([opened(obj)]):
                return True
            continue
        new = [part for part in _held_by(obj) if id(part) not in seen]
        seen.update(map(id, new))
        waiting += new
    return False


def _held_by(obj: Any) -> list[Any]:
    """What the function, container or object of a user's class holds; of a library's objects nothing."""
    if isinstance(obj, list | tuple | set):
        return list(obj)
    if isinstance(obj, dict):
        return list(obj.values())
    if isinstance(obj, slice):
        return [obj.start, obj.stop, obj.step]
    if type(obj) is FunctionType:
        return [*map(_content, obj.__closure__ or ()), *(obj.__defaults__ or ()), *(obj.__kwdefaults__ or {}).values()]
    if type(obj) is MethodType:
        return [obj.__func__, obj.__self__]
    if type(obj) is functools.partial:
        return [obj.func, *obj.args, *obj.keywords.values()]
    if isinstance(obj, type | ModuleType) or is_library_name(type(obj).__module__):
        return []
    return list(getattr(obj, "__dict__", {}).values())


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # a variable that has no value yet
        return None
