"""The compiled function: what ``grad``, ``value_and_grad`` and ``jit`` return.

Calling one calls what its slot ``__call__`` holds, with no Python code between (a method in Python would cost 0.15 us):
the native entry of the program that served last. Those of a few programs made before it stand behind it, each the
fallback of the next. Where none of them fits, the slow path flattens the arguments, looks the programs of their key up,
tries each by its guards, and traces the function anew where none serves. While a trace is running, in any thread, the
slots hold the slow path, which records calls of that thread into the trace (``nested``).
"""

from __future__ import annotations

import functools
import os
import sys
import threading
import weakref
from collections.abc import Callable, Hashable, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc import pytree
from graphc.config import settings
from graphc.errors import SideEffectError, UnsupportedError
from graphc.trace.leaves import Receiver, leaf_key
from graphc.trace.location import user_location
from graphc.trace.session import Vectors, current, traces_running, when_a_trace_begins
from graphc.trace.target import make_target
from graphc.transform import Transform

if TYPE_CHECKING:  # what traces and compiles is imported when a function is first called
    from graphc.cfunc import CFunction
    from graphc.debug_prints import PlainRun
    from graphc.program import Program
    from graphc.saving import Saved

MAX_PROGRAMS = 256  # of one function; the oldest goes first
MAX_CHAINED = 8  # entries that a call tries one after the other, for 0.1 us each

_ON_THE_HOST = frozenset((np.ndarray, float, int, bool, str, type(None), np.float64, np.float32))
_all_functions: weakref.WeakSet[CompiledFunction] = weakref.WeakSet()
_native: dict[int, weakref.ref[CompiledFunction]] = {}  # by id: those that may be called without the slow path


class CompiledFunction:
    """A function and what is asked of it. Call it as you would call the function."""

    __slots__ = ("__call__", "__dict__", "__weakref__")
    __call__: Callable[..., Any]

    graphc_static = True  # as an argument of another compiled function: the same by identity
    graphc_takes_frozen = True

    def __init__(self, function: Callable[..., Any], transform: Transform):
        self._target = make_target(function)
        self._transform = transform
        self._is_method = False
        self._lock = threading.RLock()
        self._programs: dict[Hashable, list[Program]] = {}
        self._latest: Program | None = None
        self._counts = {"calls_traced": 0}
        self._plain_run: PlainRun | None = None  # where the function prints, and nothing is compiled
        self._entry: Callable[..., Any] = self._slow
        self._chained = 0  # native entries that a call tries, ``_entry`` the first
        self.__call__ = self._slow
        functools.update_wrapper(self, function, updated=())
        _all_functions.add(self)

    # --- calls --------------------------------------------------------------------------------------------------------

    def _slow(self, *args: Any, **kwargs: Any) -> Any:
        if "out" in kwargs and not self._owns_out():
            return self._slow_into(kwargs.pop("out"), args, kwargs)
        session = current()
        if session is not None:
            from graphc.nested import call_nested

            return call_nested(self, session, args, kwargs)
        plain = settings.disable_jit and not settings.nan
        if plain and self._transform.kind == "jit" and not self._transform.forward_mode:
            if not self._target.takes_frozen:
                args, kwargs = pytree.bare((args, kwargs))
            return self._target.original(*args, **kwargs)
        arguments = [*args, *kwargs.values()]
        given = (Receiver(args[0]), *args[1:]) if self._is_method and args else args
        if self._plain_run is not None and settings.disable_jit:
            self._plain_run(args, kwargs)
        leaves, spec = pytree.flatten((given, kwargs))
        if any(type(leaf) not in _ON_THE_HOST for leaf in leaves):
            leaves, given, kwargs = _seen_there(leaves, spec, given, kwargs)
        key = (spec, tuple([leaf_key(leaf) for leaf in leaves]), settings.code_key(), settings.disable_jit,
               settings.nan)  # fmt: skip
        for program in self._programs.get(key, ()):
            result = program.attempt(arguments, leaves)
            if result is not program.MISSED:
                self._now_serving(program)
                return result
        return self._first_call(key, given, kwargs, leaves, arguments)

    def _owns_out(self) -> bool:
        """Whether ``out`` is an argument of the user's function, and not graphc's."""
        from graphc.results import owns_out

        return owns_out(self._target)

    def _slow_into(self, out: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """The call, its result written into the arrays of ``out``."""
        from graphc.results import write_into

        if out is not None and current() is not None:
            raise UnsupportedError(
                f"{self._target.name} is called inside a compiled function, where out= has no meaning: use its result",
                location=user_location(),
            )
        result = self._slow(*args, **kwargs)
        return result if out is None else write_into(out, result)

    def _first_call(
        self,
        key: Hashable,
        given: Sequence[Any],
        kwargs: dict[str, Any],
        leaves: Sequence[Any],
        arguments: Sequence[Any],
    ) -> Any:
        from graphc.build import build_program

        with self._lock:
            for program in self._programs.get(key, ()):  # another thread may have been quicker
                result = program.attempt(arguments, leaves)
                if result is not program.MISSED:
                    return result
            behind = self._chained if self._chained < MAX_CHAINED else 0
            fallback = self._entry if behind else self._slow
            met = any(program.met_equal_values for program in self._programs.get(key, ()))
            vectors: Vectors = "limits" if met else "checked"
            program = build_program(self._target, self._transform, given, kwargs, self._is_method, fallback, vectors)
            program.chained = behind + 1
            self._counts["calls_traced"] += 1
            self._keep(key, program)
            if program.traced.captures.prints and self._plain_run is None:
                from graphc.debug_prints import plain_run

                self._plain_run = plain_run(self._target, self._transform, self._is_method)
                self._plain_run(arguments[: len(given)], kwargs)
            result = program.attempt(arguments, leaves)
            if result is program.MISSED and program.met_equal_values:
                return self._first_call(key, given, kwargs, leaves, arguments)
            if result is program.MISSED:
                self._programs[key].remove(program)
                raise SideEffectError(
                    f"{self._target.name} changed something that it reads (a counter, an attribute, a global): a "
                    "compiled program would not change it again; return it, and assign it outside",
                    location=self._target.location,
                )
            self._now_serving(program)
            return result

    def _keep(self, key: Hashable, program: Program) -> None:
        if sum(map(len, self._programs.values())) >= MAX_PROGRAMS:
            oldest = next(iter(self._programs))
            self._programs[oldest].pop(-1)
            if not self._programs[oldest]:
                del self._programs[oldest]
        self._programs.setdefault(key, []).insert(0, program)

    def _now_serving(self, program: Program) -> None:
        self._latest = program
        if program.entry is not None:
            self._entry, self._chained = program.entry, program.chained
        if self._chained:  # also where a program without an entry served: the calls after this one may fit another
            self.__call__ = self._entry
            _native[id(self)] = weakref.ref(self)
            if traces_running:  # looked at last: a trace that begins from now on finds the function in ``_native``
                self.__call__ = self._slow

    def _forget(self) -> None:
        """Serve the next call through the slow path, which looks at the settings."""
        self._entry, self._chained = self._slow, 0
        self.__call__ = self._slow

    # --- as an attribute, as a value ----------------------------------------------------------------------------------

    def __set_name__(self, owner: type, name: str) -> None:
        self._is_method = True

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        name = getattr(self, "__qualname__", None)
        if name and _find(getattr(self, "__module__", None), name) is self:
            return _find, (self.__module__, name)
        return CompiledFunction, (self._target.original, self._transform)

    def __repr__(self) -> str:
        return f"<graphc {self._transform.kind} of {self._target.name}>"

    # --- for compiled callers -----------------------------------------------------------------------------------------

    def cfunc(self, prototype: str) -> CFunction:
        """A C pointer: any thread may call it, without the GIL.

        >>> logp = graphc.value_and_grad(lambda x: -0.5 * np.sum(x**2))
        >>> c = logp.cfunc("int64_t f(uint64_t dim, const double x[dim], double grad[dim], double *logp, void *data)")
        >>> c.address > 0
        True

        Integers in brackets are sizes; ``const`` arrays and numbers are the arguments, in order; arrays and pointers
        without ``const`` take the results, each the next one of its dtype and rank, and may be null. A returned
        ``double`` or ``float`` is the first single number of the result (NaN where the call fails); a returned integer
        is the status, 0 where all is well. All arrays are C-contiguous.

        Returns: a ``CFunction`` with ``address`` and ``ctypes``, which keep working as long as the process.
        Raises: ``ValueError`` for what is no prototype, ``OutputError`` for a parameter that no result fits, and the
        errors of tracing. What the function reads from outside keeps its value of now.
        """
        from graphc.cfunc import make_cfunc

        return make_cfunc(self, prototype)

    @property
    def _numba_type_(self) -> Any:
        """What Numba asks for where njit code names this function."""
        from graphc.numba_ext import numba_type

        return numba_type(self)

    # --- inspection ---------------------------------------------------------------------------------------------------

    def graph(self, stage: str = "final", *args: Any, **kwargs: Any) -> Any:
        """The graph, at a stage, of the program that was made last; with arguments, of the one that serves them.

        Stages: ``traced``, ``marked``, ``joint``, ``final``. Raises ``ValueError`` for another name.
        """
        from graphc.inspection import stage_graph

        return stage_graph(self._served(args, kwargs), self._transform, stage)

    def explain(self, *args: Any, **kwargs: Any) -> str:
        """In plain words: what was pruned and why, what it saved, what was specialised, fused and kept."""
        from graphc.inspection import explanation

        return explanation(self._served(args, kwargs), self._transform)

    def saved(self, *args: Any, **kwargs: Any) -> Saved:
        """What forward saves for the backward part, in bytes by line: ``total``, ``lines``; printed as a table.

        Raises ``ValueError`` for a function that has no backward part.
        """
        from graphc.inspection import require_backward, what_is_saved

        require_backward(self._transform)
        return what_is_saved(self._served(args, kwargs), self._transform)

    def source(self, *args: Any, **kwargs: Any) -> str:
        """The generated source of the program's driver and kernels."""
        from graphc.inspection import program_source

        return program_source(self._served(args, kwargs))

    def kernels(self, *args: Any, **kwargs: Any) -> tuple[str, ...]:
        """The names of the program's kernels, in the order of launch."""
        from graphc.inspection import program_kernels

        return program_kernels(self._served(args, kwargs))

    def cache_info(self) -> dict[str, int]:
        """How many calls were traced, and how many programs are kept."""
        return {**self._counts, "programs": sum(map(len, self._programs.values()))}

    def _served(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Program:
        if args or kwargs:
            self._slow(*args, **kwargs)
        if self._latest is None:
            raise ValueError(f"{self._target.name} has not been called yet: call it first, or pass example arguments")
        return self._latest


def _seen_there(leaves: list[Any], spec: Any, given: Any, kwargs: Any) -> tuple[list[Any], Any, Any]:
    """Leaves and arguments with views in place of arrays that are on a device. Raises ``CudaError``."""
    from graphc.runtime.cuda_arrays import require_together, view_of

    views = [view_of(leaf) for leaf in leaves]
    if all(view is None for view in views):
        return leaves, given, kwargs
    seen = [leaf if view is None else view for leaf, view in zip(leaves, views, strict=True)]
    require_together(seen, lambda: pytree.names(spec))
    if settings.disable_jit:
        from graphc.runners import NOT_INTERPRETED

        raise UnsupportedError(NOT_INTERPRETED)
    return seen, *pytree.unflatten(spec, seen)


def _find(module: str | None, qualified_name: str) -> Any:
    """The object of this name, or None: how a compiled function of a module is pickled."""
    found: Any = sys.modules.get(module or "")
    if found is None and module:
        try:
            found = __import__(module, fromlist=["_"])
        except ImportError:
            return None
    for part in qualified_name.split("."):
        found = getattr(found, part, None)
    return found


def _settings_changed() -> None:
    for function in list(_all_functions):
        function._forget()


def _trace_begins() -> None:
    """Until they have been served once more, all functions take the slow path, which sees the trace."""
    while _native:
        function = _native.popitem()[1]()
        if function is not None:
            function.__call__ = function._slow


def _after_fork() -> None:
    """Other threads do not live on in a child process: neither do their traces, nor the locks that they held."""
    if current() is None:
        traces_running.clear()
    for function in list(_all_functions):
        function._lock = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
when_a_trace_begins.append(_trace_begins)
for _name in ("disable_jit", "contract", "deterministic", "cuda_atomics", "nan"):
    settings.on_change(_name, _settings_changed)
