"""Functions whose loads are recorded while they are traced.

``rewritten(f)`` runs as ``f`` does, with the same globals, closure cells, defaults and line numbers; its code is made
once for each code object. A function without source is run with its outside arrays and floats replaced instead.
"""

from __future__ import annotations

import ast
import builtins
import copy
import dis
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, BuiltinMethodType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from graphc import pytree
from graphc.trace.leaves import UNKNOWN_CONTAINERS
from graphc.trace.loads import FRAME_READERS, HOOKS, LoadRewriter
from graphc.trace.session import current
from graphc.trace.slots import HEAP_TYPE
from graphc.trace.source import bare, compile_function, function_tree, owner_class
from graphc.trace.staging import stage
from graphc.trace.values import TracedValue

_rewritten: dict[int, tuple[CodeType, CodeType | None]] = {}  # by the id of the code; None: it has no source
_results: dict[int, CodeType] = {}  # code that is rewritten already, and that of the functions inside it


def rewritten(function: FunctionType) -> Callable[..., Any]:
    """The function with its loads recorded."""
    code = function.__code__
    if is_rewritten(code):
        return function
    _require_same_code(function)
    new = _rewritten_code(code)
    if new is None:
        return _without_source(function)
    from graphc.trace.reader import Reader

    cells = dict(zip(code.co_freevars, function.__closure__ or (), strict=True))
    hooks = CellType(Reader(function.__globals__, cells))
    closure = tuple(hooks if name == HOOKS else cells[name] for name in new.co_freevars)
    return _with_defaults(_like(function, new, function.__globals__, closure), function)


def _require_same_code(function: FunctionType) -> None:
    """Guard: what reloads an edited file into living functions (IPython's autoreload does) gives them other code."""
    session = current()
    if session is not None and not (function.__module__ or "").startswith("graphc."):
        session.captures.paths.require_same_code(function)


def _with_defaults(made: FunctionType, function: FunctionType) -> FunctionType:
    """``made`` with the containers and objects among the function's defaults as the trace sees them."""
    session = current()
    if session is None or not (function.__defaults__ or function.__kwdefaults__):
        return made
    captures = session.captures
    paths, root = captures.paths, captures.paths.const(function)

    def seen(default: Any, path: int) -> Any:
        return captures.materialise(default, path) if _is_followed(default) else default

    if function.__defaults__:
        path = paths.attribute(root, "__defaults__")
        paths.require_same(path, function.__defaults__)
        made.__defaults__ = tuple(
            seen(default, paths.sequence_item(path, i)) for i, default in enumerate(function.__defaults__)
        )
    if function.__kwdefaults__:
        path = paths.attribute(root, "__kwdefaults__")
        for name, default in function.__kwdefaults__.items():
            paths.require_same(paths.dict_item(path, name), default)
        made.__kwdefaults__ = {
            name: seen(default, paths.dict_item(path, name)) for name, default in function.__kwdefaults__.items()
        }
    return made


def _is_followed(default: Any) -> bool:
    """Whether the default can change while it stays the same object: an array, a container, an iterator, an instance
    of a Python class, a method of one."""
    if isinstance(default, TracedValue | type):
        return False
    kinds = (np.ndarray, MethodType, BuiltinMethodType, Iterator, *UNKNOWN_CONTAINERS)
    return isinstance(default, kinds) or bool(type(default).__flags__ & HEAP_TYPE)


def _like(
    function: FunctionType, code: CodeType, globals_: dict[str, Any], closure: tuple[CellType, ...]
) -> FunctionType:
    made = FunctionType(code, globals_, function.__name__, function.__defaults__, closure)
    made.__kwdefaults__ = function.__kwdefaults__
    made.__qualname__, made.__module__, made.__doc__ = function.__qualname__, function.__module__, function.__doc__
    if function.__dict__:
        made.__dict__.update(function.__dict__)
    return made


def _rewritten_code(code: CodeType) -> CodeType | None:
    known = _rewritten.get(id(code))
    if known is None:
        known = _rewritten[id(code)] = (code, _rewrite(code))
    return known[1]


def _rewrite(code: CodeType) -> CodeType | None:
    tree = function_tree(code)
    if tree is None:
        return None
    node = LoadRewriter(owner_class(code)).rewrite_function(stage(copy.deepcopy(bare(tree))))
    new = compile_function(ast.fix_missing_locations(node), code, extra_free=(HOOKS,))
    if new is not None:
        _note_result(new)
        missing = set(new.co_freevars) - {HOOKS, *code.co_freevars}
        assert not missing, f"rewriting {code.co_qualname} made up the names {missing}"
    return new


def is_rewritten(code: CodeType) -> bool:
    """Whether it is the code of a rewritten function, or of one inside it."""
    return id(code) in _results


def _note_result(code: CodeType) -> None:
    _results[id(code)] = code
    for const in code.co_consts:
        if isinstance(const, CodeType):
            _note_result(const)


# --- without source ---------------------------------------------------------------------------------------------------


def _without_source(function: FunctionType) -> Callable[..., Any]:
    """The function over copies of its globals and cells, in which what it reads from outside is seen by the trace."""
    session = current()
    if session is None:
        return function
    from graphc.trace.reader import Reader

    stand_ins = session.captures.stand_ins
    if id(function) in stand_ins:
        return stand_ins[id(function)][1]
    code = function.__code__
    if any(i.opname in ("STORE_GLOBAL", "STORE_DEREF", "DELETE_GLOBAL") for i in dis.get_instructions(code)):
        return function
    reader = Reader(function.__globals__, dict(zip(code.co_freevars, function.__closure__ or (), strict=True)))
    globals_ = dict(function.__globals__)
    cells = {name: CellType() for name in reader.cells}
    made = _with_defaults(_like(function, code, globals_, tuple(cells.values())), function)
    stand_ins[id(function)] = (function, made)  # before its names are followed, which may lead back to it
    for name in _global_names(code):
        builtin = getattr(builtins, name, None)
        if name in globals_:
            globals_[name] = _as_callee(reader.name(globals_[name], name))
        elif type(builtin) is BuiltinFunctionType and name not in FRAME_READERS:
            globals_[name] = reader.callee(builtin)
    for name, cell in reader.cells.items():
        if cell != CellType():  # an empty cell belongs to a function that is still being defined
            cells[name].cell_contents = _as_callee(reader.name(cell.cell_contents, name))
    return made


def _as_callee(value: Any) -> Any:
    """A helper or a library's function is seen in its traced form, since the calls to it cannot be."""
    from graphc.trace.callees import DISPATCHING, is_library, traced_callee

    if type(value) is ModuleType and is_library(value):
        return _Library(value)
    is_function = type(value) in (FunctionType, BuiltinFunctionType) or type(value).__module__ in DISPATCHING
    return traced_callee(value) if is_function and callable(value) else value


class _Library:
    """NumPy or another library as code without source sees it: its functions in their traced form."""

    def __init__(self, module: ModuleType):
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return _as_callee(getattr(self._module, name))


def _global_names(code: CodeType) -> set[str]:
    names = {i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    for const in code.co_consts:
        if isinstance(const, CodeType):
            names |= _global_names(const)
    return names


# --- the function that is traced --------------------------------------------------------------------------------------


def prepare(original: Any) -> Callable[..., Any]:
    """What a trace runs in place of the user's callable; to be called while the trace is active.

    What a bound method, a partial or a callable object holds is read from outside, through that object.
    """
    import functools

    from graphc.trace.callees import traced_callee

    session = current()
    assert session is not None
    captures = session.captures
    paths = captures.paths
    if isinstance(original, functools.partial):
        root = paths.const(original)
        args = captures.materialise(original.args, paths.attribute(root, "args"))
        keywords = captures.materialise(original.keywords, paths.attribute(root, "keywords"))
        return functools.partial(prepare(original.func), *args, **keywords)
    if isinstance(original, MethodType):
        owner = original.__self__
        if not isinstance(owner, type):
            where = paths.attribute(paths.const(original), "__self__")
            if pytree.object_node(type(owner)) is not None:  # a module: with traced arrays in it
                return traced_callee(MethodType(original.__func__, captures.materialise(owner, where)))
            captures.remember(owner, where)
    elif not isinstance(original, FunctionType | type):
        if pytree.object_node(type(original)) is not None:
            return traced_callee(captures.materialise(original, paths.const(original)))
        captures.remember(original, paths.const(original))
    return traced_callee(original)
