"""What JAX, PyTorch, autograd and Numba call otherwise, or need and graphc does not: said where it is asked for.

``NAMES``: of the module. ``KEYWORDS``: of the transformations.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, cast

from graphc.errors import TraceTypeError, nearest

F = TypeVar("F", bound=Callable[..., Any])

NAMES: Mapping[str, str] = {
    "associative_scan": "np.cumsum and np.cumprod are compiled, and graphc.scan is any other running fold",
    "block_until_ready": "results are there when a call returns",
    "custom_gradient": "graphc.custom_vjp",
    "debug": "print(x) in a function prints its numbers with GRAPHC_DISABLE_JIT=1",
    "device_put": "graphc.jit(f, target='cuda') runs on the GPU, and functions of arrays on a device run there",
    "disable_jit": "graphc.config.override(disable_jit=True), or GRAPHC_DISABLE_JIT=1 in the environment",
    "egrad": "graphc.elementwise_grad",
    "enable_x64": "arrays keep their dtype, float64 too",
    "eval_shape": "graphc.jit(f).graph('traced', *args) shows the dtypes and shapes",
    "Function": "graphc.custom_vjp of a function of arrays, graphc.autograd.Function of one of tensors",
    "GradientTape": "graphc.grad(f)(x), or, of tensors, backward()",
    "jacfwd": "graphc.jacobian takes either way, whichever is shorter; of tensors there is graphc.func.jacfwd",
    "jacrev": "graphc.jacobian takes either way, whichever is shorter; of tensors there is graphc.func.jacrev",
    "lax": "NumPy's functions and Python's loops and branches are compiled as they are; graphc.scan, cond, while_loop, "
    "fori_loop and stop_gradient are there, too",
    "make_jaxpr": "graphc.jit(f).graph('traced', *args)",
    "make_jvp": "graphc.jvp(f, primals, tangents)",
    "make_vjp": "graphc.vjp(f, *args)",
    "map": "graphc.vmap(f)(xs), or a loop, which is compiled",
    "pmap": "graphc.vmap(f)(xs), whose work threads share",
    "pure_callback": "graphc.opaque",
    "remat": "graphc.checkpoint",
    "scipy": "import scipy: its functions are compiled as they are",
    "switch": "an if in the function is compiled, and graphc.cond says it explicitly",
    "tree": "arguments and results may be nested containers as they are; optree.tree_map is for more",
    "tree_map": "arguments and results may be nested containers as they are; optree.tree_map is for more",
    "tree_util": "arguments and results may be nested containers as they are; optree.tree_map is for more",
    "Variable": "functions take NumPy arrays as they are; graphc.tensor(x, requires_grad=True) is a tensor",
}

_STATIC = (
    "strings, flags, None and functions are compared at each call by themselves, and integers may be sizes, ends of "
    "loops and exponents. What is to be a constant is bound before: functools.partial(f, n=3)"
)
_ON_DEVICE = "target='cuda' runs on a GPU, and so do functions of arrays that are there"
_OF_NUMBA = "kernels use threads and are kept on disk by themselves, and NaN and infinity stay what they are"
_COLLECTIVE = "elements of a batch do not meet: sum over the result of vmap"
_NESTED = "compiled functions may be differentiated again: graphc.grad(graphc.grad(f))"
_CHECKPOINT = "all that the function computes is computed again: checkpoint(f), or a part of it: checkpoint(g) in f"

KEYWORDS: Mapping[str, str] = {
    "static_argnums": _STATIC,
    "static_argnames": _STATIC,
    "donate_argnums": "f(x, out=y) writes the result into memory of yours",
    "donate_argnames": "f(x, out=y) writes the result into memory of yours",
    "backend": _ON_DEVICE,
    "device": _ON_DEVICE,
    **dict.fromkeys(("nopython", "fastmath", "parallel", "cache", "nogil", "boundscheck", "forceobj"), _OF_NUMBA),
    **dict.fromkeys(("argnum", "wrt"), "which arguments to differentiate is argnums= or argnames="),
    **dict.fromkeys(("create_graph", "retain_graph"), _NESTED),
    "allow_int": "an argument that is not floating has no gradient: in a container it is None",
    "in_dims": "it is in_axes=",
    "out_dims": "it is out_axes=",
    "axis": "it is in_axes=, and out_axes= for the results",
    "axis_size": "it is the size of what is mapped",
    **dict.fromkeys(("axis_name", "spmd_axis_name"), _COLLECTIVE),
    "chunk_size": "a loop over parts of the batch takes less memory",
    "randomness": "keys say which numbers each element draws: graphc.random",
    **dict.fromkeys(("vectorize", "strategy"), "all directions are one batch; mode='fwd' or 'rev' chooses them"),
    **dict.fromkeys(("policy", "prevent_cse", "use_reentrant"), _CHECKPOINT),
}


def explained(function: F) -> F:
    """The transformation, whose error for a keyword that it does not have says what to do instead, and where."""
    name, known = function.__name__, inspect.signature(function).parameters
    most = sum(p.kind is not inspect.Parameter.KEYWORD_ONLY for p in known.values())

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        unknown = next((keyword for keyword in kwargs if keyword not in known), None)
        if unknown is not None:
            instead = KEYWORDS.get(unknown)
            remark = nearest(unknown, known) if instead is None else f": {instead}"
            raise _error(f"graphc.{name} has no argument {unknown!r}{remark}")
        if len(args) > most:
            raise _error(f"graphc.{name} takes a function, and gives one that takes its arguments: graphc.{name}(f)(x)")
        return function(*args, **kwargs)

    return cast(F, call)


def _error(message: str) -> TraceTypeError:
    from graphc.trace.location import user_location

    return TraceTypeError(message, location=user_location())
