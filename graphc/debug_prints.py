"""What a function prints while it is debugged: where nothing is compiled the plain function runs beside its program.

A trace knows no numbers, so a function that is differentiated could print stand-ins only. With GRAPHC_DISABLE_JIT=1
``print`` is silent in the trace instead, and a call of a program in which it was met runs the plain function too, once,
on the numbers of the call (for ``vmap`` once for each element). Its result is thrown away; arrays are copies.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from graphc import pytree
from graphc.trace.target import Target
from graphc.transform import Transform

PlainRun = Callable[[Sequence[Any], Mapping[str, Any]], None]


def runs_plainly(target: Target, transform: Transform) -> bool:
    """Whether the function can run without a trace, on numbers."""
    return not transform.forward_mode or hasattr(target.original, "differentiated")


def plain_run(target: Target, transform: Transform, is_method: bool) -> PlainRun:
    """What runs the function, without what the transform makes of it, for the arguments of a call."""
    offset = int(is_method)

    def run(args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        function: Any = target.original
        given = pytree.tree_map(_apart, tuple(args))
        named = pytree.tree_map(_apart, dict(kwargs))
        if transform.forward_mode:
            function, given = function.differentiated, given[0]
        elif transform.kind == "hvp":
            assert isinstance(transform.argnums, int)
            vector = offset + transform.argnums + 1
            given = (*given[:vector], *given[vector + 1 :])
        if not target.takes_frozen:
            given, named = pytree.bare((given, named))
        if transform.kind == "vmap":
            for element, named_element in _elements(target, transform, given, named, offset):
                function(*element, **named_element)
        else:
            function(*given, **named)

    return run


def _apart(leaf: Any) -> Any:
    return leaf.copy() if isinstance(leaf, np.ndarray) else leaf


def _elements(target: Target, transform: Transform, args: Any, kwargs: Any, offset: int) -> Iterator[Any]:
    """The arguments of each element of a batch."""
    from graphc.nested_batch import leaf_axes

    leaves, spec = pytree.flatten((args, kwargs))
    axes = leaf_axes(target, transform.in_axes, args, kwargs, offset)
    size = next(leaf.shape[axis] for leaf, axis in zip(leaves, axes, strict=True) if axis is not None)
    for k in range(size):
        element = [x if axis is None else x.take(k, axis) for x, axis in zip(leaves, axes, strict=True)]
        yield pytree.unflatten(spec, element)
