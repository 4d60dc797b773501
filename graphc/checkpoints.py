"""Memory for time: what the backward part reads is computed again instead of saved.

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

import functools
import math
import sys
from collections.abc import Callable, Sequence
from types import MethodType
from typing import Any

from graphc.autodiff.estimate import number
from graphc.autodiff.segments import checkpointed, entry_bytes, in_segments, state_bytes
from graphc.differentiate import Differentiated
from graphc.errors import ConfigError, UnsupportedError
from graphc.ir.builder import Builder
from graphc.ir.dims import ceildiv
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.rewrite import copy_node
from graphc.nested import result, trace_inner
from graphc.ops.table import OPS
from graphc.other_names import explained
from graphc.passes.pipeline import optimize_region
from graphc.trace.location import user_location
from graphc.trace.session import Session, current
from graphc.trace.target import make_target


@explained
def checkpoint(
    f: Callable[..., Any] | None = None, *, every: int | None = None, memory_limit: int | None = None
) -> Callable[..., Any]:
    """A function that saves less for its gradient, and computes more: for long loops and deep networks.

    Without ``every`` and ``memory_limit``, nothing that ``f`` computes is saved: the backward part begins with its
    arguments and computes it again. With ``every``, the loops of ``f`` run in segments of so many iterations. Forward
    saves what they carry at the beginning of each segment; the backward part runs one segment after the other again,
    the last one first. A loop of n iterations which carries S bytes and saves B bytes an iteration so needs
    S * n / every + B * every bytes in place of B * n, and every iteration runs forward twice. With ``memory_limit``,
    ``every`` is chosen for each loop over a range so that this is the least, where B * n is more than the limit.

    The value and the gradient are the same. Outside of a compiled function ``f`` is called as it is; but for tensors it
    does the same as in one, and may be a module: nothing that it computes is saved. (Its loops run in Python, so that
    ``every`` and ``memory_limit`` mean nothing there.)

    Args:
        f: a function of nested containers of numbers and arrays; None gives a decorator.
        every: iterations in a segment, an int from 1 on.
        memory_limit: bytes that the loops of ``f`` may save together, for the sizes of the call; a call for which they
            would save more is compiled anew.
    Raises:
        ConfigError: ``every`` or ``memory_limit`` is no such number, or both are given.
        UnsupportedError: the limit cannot be kept, or it is given for a loop whose iterations show when it runs, or for
            tensors; raised by the call.
        AutogradError: ``f`` of tensors asks for the value of one, or writes into an argument; raised by the call.

    >>> @graphc.grad
    ... @graphc.checkpoint(every=10)
    ... def walk(x):
    ...     for i in range(100):
    ...         x = x + 0.1 * np.sin(x)
    ...     return x
    >>> np.round(walk(0.5), 6)
    np.float64(0.000555)
    """
    _require_numbers(every, memory_limit)
    if f is None:
        return functools.partial(checkpoint, every=every, memory_limit=memory_limit)
    return Checkpointed(f, every, memory_limit)


class Checkpointed:
    """A function that computes again what its gradient reads; a method where it stands in a class."""

    def __init__(self, function: Callable[..., Any], every: int | None, memory_limit: int | None):
        self._target, self._every, self._limit = make_target(function), every, memory_limit
        functools.update_wrapper(self, function, updated=())

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        session = current()
        if session is None:
            return self._plainly(args, kwargs)
        inner = trace_inner(session, self._target, args, kwargs, Differentiated((), single=False), keeps=True)
        region = optimize_region(inner.graph, OPS, session.F.facts)
        with session.F.at(user_location()):
            if self._every is None and self._limit is None:
                values: Sequence[Value] = checkpointed(session.F, region, inner.outer)
            else:
                values = _loops_in_segments(session, region, inner.outer, self._every, self._limit)
        inner.keep(values)
        return result(session, inner.out, values)

    def _plainly(self, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
        """The call outside of a trace: of tensors, recorded so that it is computed again; else the function itself."""
        if "graphc.tensors.core" not in sys.modules:
            return self._target.original(*args, **kwargs)
        from graphc.tensors.recomputing import has_tensors, recomputed

        if not has_tensors(args, kwargs):
            return self._target.original(*args, **kwargs)
        if self._every is not None or self._limit is not None:
            raise UnsupportedError(
                "checkpoint: every= and memory_limit= are for the loops of compiled functions; a loop over tensors is "
                "one of Python: checkpoint the function of a few of its iterations",
                location=user_location(),
            )
        return recomputed(self._target.original, args, kwargs)


def _require_numbers(every: int | None, memory_limit: int | None) -> None:
    if every is not None and memory_limit is not None:
        raise ConfigError("checkpoint: every= and memory_limit= are two ways to choose the same: give one of them")
    for name, given in (("every", every), ("memory_limit", memory_limit)):
        if given is not None and (not isinstance(given, int) or isinstance(given, bool) or given < 1):
            raise ConfigError(f"checkpoint: {name} must be an int from 1 on, and is {given!r}")


def _loops_in_segments(
    session: Session, graph: Graph, outer: Sequence[Value], every: int | None, limit: int | None
) -> list[Value]:
    """The graph over these values, appended to the session's, with its own loops in segments."""
    loops = sum(node.op.name in ("for", "while") for node in graph.nodes)
    new = dict(zip(graph.params, outer, strict=True))
    for node in graph.nodes:
        inputs = tuple(new[v] for v in node.inputs)
        with session.F.at(node.location):
            length = every
            if limit is not None and node.op.name in ("for", "while"):
                length = _length_within(session, node, limit // loops)
            if node.op.name in ("for", "while") and length is not None and _is_longer(session.F, node, length):
                outputs = in_segments(session.F, node, inputs, length)
            else:
                outputs = copy_node(session.F, node, inputs)
        new.update(zip(node.outputs, outputs, strict=True))
    return [new[v] for v in graph.outputs]


def _is_longer(F: Builder, node: Node, length: int) -> bool:
    trips = node.attrs.get("trips")
    return trips is None or not isinstance(trips, int) or trips > length


def _length_within(session: Session, node: Node, limit: int) -> int | None:
    """Iterations of a segment with which a loop saves the least; None where all of it fits into the limit."""
    facts, hints = session.F.facts, session.F.facts.hints or {}
    trips = node.attrs.get("trips")
    if trips is None or facts.is_bound(trips):
        raise UnsupportedError(
            "checkpoint: how often this loop runs shows only when it does, so its memory cannot be known before: give "
            "every= in place of memory_limit=",
            location=node.location,
        )
    state, entry = state_bytes(node), entry_bytes(node, OPS, facts)
    if facts.at_least(limit, entry * trips):
        return None
    sizes = [max(number(dim, hints), 1) for dim in (trips, state, entry)]
    length = max(1, round(math.sqrt(sizes[0] * sizes[1] / sizes[2])))
    needed = state * ceildiv(trips, length) + entry * length
    if not facts.at_least(limit, needed):
        raise UnsupportedError(
            f"checkpoint: this loop runs {sizes[0]} times, carries {sizes[1]} bytes and saves {sizes[2]} bytes an "
            f"iteration, which takes at least {number(needed, hints)} bytes, and the limit is {limit}: allow more",
            location=node.location,
        )
    return length
