"""The transformations that users call: ``grad``, ``value_and_grad``, ``jit``, ``vjp``, ``jvp``, ...

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from types import FunctionType
from typing import Any

from graphc import pytree
from graphc.function import CompiledFunction
from graphc.other_names import explained
from graphc.trace.session import current
from graphc.transform import Argnums, Kind, Transform


@explained
def grad(
    function: Callable[..., Any] | None = None,
    argnums: Argnums = 0,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    target: str = "cpu",
    holomorphic: bool = False,
    atomics: bool = False,
) -> Any:
    """The gradient of a function with one scalar output; also a decorator, with or without arguments.

    >>> graphc.grad(lambda x: np.sum(x**2))(np.array([1.0, 2.0]))
    array([2., 4.])

    Args:
        function: a plain NumPy function.
        argnums: which positional arguments to differentiate, ``self`` not counted; a tuple gives a tuple.
        argnames: arguments to differentiate by name; a tuple gives a tuple.
        has_aux: the function returns ``(value, aux)``; the result is ``(gradient, aux)``.
        target: ``"cpu"``, or ``"cuda"``: kernels for an NVIDIA GPU, where NumPy arrays are copied to and back.
        holomorphic: the output is complex, and a holomorphic function of the complex arguments: the gradient is its
            complex derivative. Without it a complex output is an error, and the gradient of a real one by a complex
            ``x + iy`` is ``df/dx - i df/dy``, as in JAX and autograd.
        atomics: on a GPU, updates of one place (an index that comes twice, sums over rows) may be added in any order:
            quicker where many meet, but the last bits differ from run to run. ``GRAPHC_DETERMINISTIC=1`` forbids it.
    Returns: a compiled function. Its gradients have the structure, shapes and dtypes of the arguments: an array for a
        real or complex array, a NumPy scalar for a number, None for what is frozen or is not of a floating dtype.
    Raises: ``ValueError`` for another target. When called: ``GradientError`` (the output is no floating scalar, the
        call lacks an argument), ``TraceTypeError`` (an argument to differentiate that is not floating), ``CudaError``
        (no GPU, or its driver failed), and the errors of tracing: ``ConcretizationError``, ``UnsupportedError``,
        ``SideEffectError``, ``ShapeError``.
    """
    return _compiled("grad", function, argnums, argnames, has_aux, target, holomorphic, atomics)


@explained
def value_and_grad(
    function: Callable[..., Any] | None = None,
    argnums: Argnums = 0,
    *,
    argnames: str | tuple[str, ...] | None = None,
    has_aux: bool = False,
    target: str = "cpu",
    holomorphic: bool = False,
    atomics: bool = False,
) -> Any:
    """As :func:`grad`, and the value with it: ``(value, gradient)``, or ``((value, aux), gradient)``.

    >>> graphc.value_and_grad(lambda p: np.sum(p["a"] * p["b"]))({"a": np.array([1.0, 2.0]), "b": 3.0})
    (np.float64(9.0), {'a': array([3., 3.]), 'b': np.float64(3.0)})

    The value is a NumPy scalar. Raises what :func:`grad` raises.
    """
    return _compiled("value_and_grad", function, argnums, argnames, has_aux, target, holomorphic, atomics)


@explained
def jit(function: Callable[..., Any] | None = None, *, target: str = "cpu", atomics: bool = False) -> Any:
    """The function itself, compiled; also a decorator. Arguments and result: any nested containers.

    >>> graphc.jit(lambda x: {"mean": np.mean(x), "rows": x.shape[0]})(np.ones((3, 2)))
    {'mean': np.float64(1.0), 'rows': 3}

    Arrays of the result are new, with NumPy's shapes and dtypes. ``target``, ``atomics``, and what
    is raised: see :func:`grad`.
    """
    return _compiled("jit", function, None, None, False, target, atomics=atomics)


def _compiled(
    kind: Kind,
    function: Callable[..., Any] | None,
    argnums: Argnums | None,
    argnames: str | tuple[str, ...] | None,
    has_aux: bool,
    target: str,
    holomorphic: bool = False,
    atomics: bool = False,
) -> Any:
    if target not in ("cpu", "cuda"):
        raise ValueError(f"target={target!r}: it is 'cpu' or 'cuda'")
    numbers, names = which_arguments(argnums, argnames)
    return compiled(
        function, Transform(kind, numbers, names, has_aux, target, holomorphic=holomorphic, atomics=atomics)
    )


def compiled(function: Callable[..., Any] | None, transform: Transform) -> Any:
    """The compiled function, or, without a function, the decorator that makes one."""
    if function is None:
        return lambda f: CompiledFunction(f, transform)
    return CompiledFunction(function, transform)


def which_arguments(
    argnums: Argnums | None, argnames: str | tuple[str, ...] | None
) -> tuple[Argnums | None, str | tuple[str, ...] | None]:
    """``argnums`` and ``argnames`` as a ``Transform`` has them. Raises ``TypeError``."""
    for number in argnums if isinstance(argnums, tuple | list) else (argnums,):
        if argnums is not None and (isinstance(number, bool) or not isinstance(number, int)):
            raise TypeError(
                f"argnums is an int or a tuple of ints, not {argnums!r}; arguments by name are argnames, and what the "
                "function is called with is given to the result: graphc.grad(f)(x)"
            )
    numbers = argnums if not (argnames is not None and argnums == 0) else None
    names = tuple(argnames) if isinstance(argnames, list) else argnames
    if not all(
        isinstance(name, str) for name in (names if isinstance(names, tuple) else () if names is None else (names,))
    ):
        raise TypeError(f"argnames is a str or a tuple of them, not {argnames!r}; arguments by place are argnums")
    return (tuple(numbers) if isinstance(numbers, list) else numbers), names


def vjp(function: Callable[..., Any], *args: Any, has_aux: bool = False) -> Any:
    """The value of a function, and its pullback: ``out, pullback = graphc.vjp(f, *args)``.

    >>> out, pullback = graphc.vjp(lambda a, b: a * b, np.array([1.0, 2.0]), 3.0)
    >>> out
    array([3., 6.])
    >>> pullback(np.array([1.0, 0.0]))
    (array([3., 0.]), np.float64(1.0))

    ``pullback(cotangent)``, for a cotangent of the structure and shapes of ``out``, is a tuple with one gradient for
    each argument (None for what has none). With ``has_aux`` the function returns ``(out, aux)``, and the result is
    ``(out, pullback, aux)``.

    Raises the errors of tracing (see :func:`grad`); the pullback raises ``GradientError`` for a cotangent that is not
    like ``out``.
    """
    return _remembered(function, Transform("vjp", None, None, has_aux))(*args)


def jvp(function: Callable[..., Any], primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
    """Forward mode: the value at ``primals``, and its derivative along ``tangents``, which are like them.

    >>> graphc.jvp(lambda a, b: a * b, (np.array([1.0, 2.0]), 3.0), (None, 1.0))
    (array([3., 6.]), array([1., 2.]))

    None is a tangent of zeros. The derivative has the structure, shapes and dtypes of the value. Raises
    ``GradientError`` for tangents that are not like the primals, and the errors of tracing (see :func:`grad`).
    """
    for what, given in (("primals", primals), ("tangents", tangents)):
        if not isinstance(given, tuple | list):
            kind = type(given).__name__
            raise TypeError(f"jvp: {what} are a tuple with one for each argument, not a {kind}: jvp(f, (x,), (t,))")
    session = current()
    if session is not None:
        from graphc.nested_modes import call_jvp
        from graphc.trace.target import make_target

        return call_jvp(session, make_target(function), tuple(primals), tuple(tangents))
    return _remembered(function, "jvp")(tuple(primals), tuple(tangents))


def linearize(function: Callable[..., Any], *primals: Any) -> Any:
    """The value of a function, and its derivative as a function: ``out, linear_map = graphc.linearize(f, *args)``.

    >>> out, linear_map = graphc.linearize(lambda a, b: a * b, np.array([1.0, 2.0]), 3.0)
    >>> linear_map(np.array([1.0, 0.0]), 1.0)
    array([4., 2.])

    ``linear_map(*tangents)``, for tangents of the structure and shapes of the primals (None for zeros), is the
    derivative along them, as of :func:`jvp`; but the function's own work is done once, for all calls of it. The values
    of a loop or branch are computed again beside their tangents.

    Raises the errors of tracing (see :func:`grad`); the linear map raises ``GradientError`` for tangents that are not
    like the primals.
    """
    return _remembered(function, Transform("linearize", None))(*primals)


MAX_REMEMBERED = 256
_remembered_functions: OrderedDict[Hashable, CompiledFunction] = OrderedDict()
_remembered_lock = threading.Lock()


def _remembered(function: Callable[..., Any], what: Transform | str) -> CompiledFunction:
    """The compiled function for a plain one, kept while it is among those used last: a second call compiles nothing."""
    key = (_same_function(function), what)
    with _remembered_lock:
        made = _remembered_functions.pop(key, None)
        if made is None:
            made = _transformed(function, what)
        _remembered_functions[key] = made
        if len(_remembered_functions) > MAX_REMEMBERED:
            _remembered_functions.popitem(last=False)
    return made


def _same_function(function: Callable[..., Any]) -> Hashable:
    """Equal for functions that compute the same: a lambda that is written in a loop is made anew each time round.

    Identities stand for what the compiled function keeps alive.
    """
    if type(function) is not FunctionType:
        return id(function) if function.__hash__ is None else function
    cells = tuple(map(id, function.__closure__ or ()))
    defaults = tuple(map(id, (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())))
    return function.__code__, id(function.__globals__), cells, defaults


def _transformed(function: Callable[..., Any], what: Transform | str) -> CompiledFunction:
    if isinstance(what, Transform):
        return CompiledFunction(function, what)
    from graphc.nested_modes import JvpOf

    return CompiledFunction(JvpOf(function), Transform("jit", None, forward_mode=True))


def stop_gradient(tree: Any) -> Any:
    """The same values, through which no gradient flows; outside of a trace, the tree itself.

    >>> graphc.grad(lambda x: np.sum(x * graphc.stop_gradient(x)))(np.array([1.0, 2.0]))
    array([1., 2.])
    """
    if current() is None:
        return tree
    from graphc.trace.values import held

    return pytree.tree_map(held, tree)


def frozen(tree: Any) -> Any:
    """Mark an argument, or a part of one, as not differentiated: its gradient is None, and is never computed.

    >>> graphc.grad(lambda p: np.sum(p["a"] * p["b"]))({"a": np.array([1.0, 2.0]), "b": graphc.frozen(3.0)})
    {'a': array([3., 3.]), 'b': None}
    """
    session = current()
    if session is None:
        return pytree.Frozen(tree)
    from graphc.trace.values import frozen_in_trace

    return pytree.tree_map(functools.partial(frozen_in_trace, session), tree)
