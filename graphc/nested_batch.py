"""``vmap`` as part of an active trace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc import pytree
from graphc.autodiff.batch import Role, batch_graph
from graphc.errors import Location, ShapeError, TraceTypeError
from graphc.ir.dims import SMALL, Dim, symbol, symbols_of
from graphc.ir.graph import Graph, Value
from graphc.ir.types import ArrayType, is_known
from graphc.nested import argument_leaves, inline, session_below, trace_leaves
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.trace.arguments import ArgumentLeaf
from graphc.trace.location import user_location
from graphc.trace.record import Constant, Output
from graphc.trace.session import Session, hint_of
from graphc.trace.target import Target
from graphc.trace.values import TracedValue, unwrap, wrap
from graphc.transform import Transform


def call_vmap(
    session: Session,
    target: Target,
    transform: Transform,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    offset: int,
) -> Any:
    """The function over a batch of arguments. Raises ``ShapeError`` and ``TraceTypeError`` for axes that do not fit."""
    location = user_location()
    session.F.location = location
    leaves = argument_leaves(target, args, kwargs)
    axes = leaf_axes(target, transform.in_axes, args, kwargs, offset)
    batches = {
        index: _batch_in_front(session, argument, axis, location)
        for index, (argument, axis) in enumerate(zip(leaves, axes, strict=True))
        if axis is not None and argument.leaf is not None
    }
    size = _common_size(session, target, leaves, batches, location)
    marks = [index in batches for index in range(len(leaves))]
    child = session_below(session, target, session.derivatives)
    inner = trace_leaves(child, target, args, kwargs, leaves, marks, batches)
    roles: list[Role] = ["batched" if is_marked else "shared" for is_marked in inner.marks]
    batched, flags = batch_graph(
        optimize(inner.graph, OPS), OPS, roles, session.F.facts.resolve(size), session.F.facts.hints
    )
    values = inline(session, optimize(batched, OPS), inner.outer)
    _note_small_sizes(session, inner.graph)
    out_leaves, spec = pytree.flatten(inner.out)
    out_axes = _prefix("out_axes", transform.out_axes, inner.out, target, location)
    results = [
        _delivered(session, leaf, axis, size, values, flags, location)
        for leaf, axis in zip(out_leaves, out_axes, strict=True)
    ]
    return pytree.unflatten(spec, results)


def _note_small_sizes(session: Session, element: Graph) -> None:
    """Where all sizes of an element are small, programs may count on it: see ``schedule.across``."""
    facts = session.F.facts
    names = {name for value in element.values() for dim in value.dims for name in symbols_of(dim)}
    hints = facts.hints or {}
    if all(name in hints and hints[name] <= SMALL for name in names):
        for name in sorted(names):
            facts.at_least(SMALL, symbol(name))


def leaf_axes(
    target: Target, in_axes: Any, args: Sequence[Any], kwargs: Mapping[str, Any], offset: int
) -> list[int | None]:
    """The mapped axis of each leaf, None where it has none. Keyword arguments are mapped along their first axis."""
    given = pytree.bare(tuple(args[offset:]))
    axes = tuple(in_axes) if isinstance(in_axes, list) else in_axes
    mapped = _prefix("in_axes", axes, given, target, user_location())
    skipped = len(pytree.flatten(tuple(args[:offset]))[0])
    return [*(None,) * skipped, *mapped, *(0,) * len(pytree.flatten(dict(kwargs))[0])]


def _prefix(name: str, axes: Any, tree: Any, target: Target, location: Location | None) -> list[int | None]:
    """The axis for each leaf of the tree, of which ``axes`` is a prefix. Raises ``ShapeError``, ``TraceTypeError``."""
    try:
        found = pytree.prefix_leaves(axes, tree)
    except ValueError as error:
        message = f"vmap: {name}={axes!r} does not fit the structure of what {target.name} takes or returns: {error}"
        raise ShapeError(message, location=location) from None
    for axis in found:
        if axis is not None and (isinstance(axis, bool) or not isinstance(axis, int)):
            raise TraceTypeError(f"vmap: {name} holds ints and None, not {axis!r}", location=location)
    return found


def _batch_in_front(session: Session, argument: ArgumentLeaf, axis: int, location: Location | None) -> Value:
    """The argument's value with its mapped axis first."""
    leaf = argument.leaf
    if not isinstance(leaf, TracedValue | np.ndarray):
        kind = type(leaf).__name__
        message = f"vmap: argument {argument.name!r} is no array but of type {kind}: give it in_axes=None"
        raise TraceTypeError(message, location=location)
    value: Value = session.F.value(unwrap(session, leaf))
    return _moved(session, value, _axis(axis, value.rank, f"argument {argument.name!r}", location), 0)


def _axis(axis: int, rank: int, what: str, location: Location | None) -> int:
    if not -rank <= axis < rank:
        remedy = "" if rank else "; where it is the same for all elements, its axis is None"
        raise ShapeError(f"vmap: axis {axis} of {what}, which has {rank} dimensions{remedy}", location=location)
    return axis % rank


def _moved(session: Session, value: Value, source: int, destination: int) -> Value:
    perm = [axis for axis in range(value.rank) if axis != source]
    perm.insert(destination, source)
    return session.F.transpose(value, perm)


def _common_size(
    session: Session,
    target: Target,
    leaves: Sequence[ArgumentLeaf],
    batches: Mapping[int, Value],
    location: Location | None,
) -> Dim:
    if not batches:
        raise ShapeError(f"vmap: no argument of {target.name} is mapped: one axis at least must be", location=location)
    sizes = [batch.dims[0] for batch in batches.values()]
    if not all(session.F.facts.equal(sizes[0], size) for size in sizes[1:]):
        named = zip(batches, sizes, strict=True)
        text = ", ".join(f"{leaves[index].name} has {_in_call(session, size)}" for index, size in named)
        raise ShapeError(f"vmap: the mapped axes must have one size: {text}", location=location)
    return session.F.facts.resolve(sizes[0])


def _in_call(session: Session, size: Dim) -> Any:
    """The size in the call being traced, where that is known."""
    return size if session.F.facts.is_bound(size) else hint_of(session, size)


def _delivered(
    session: Session,
    leaf: Output | Constant,
    axis: int | None,
    size: Dim,
    values: Sequence[Value],
    flags: Sequence[bool],
    location: Location | None,
) -> Any:
    """An output with the batch at its axis; what is no number is the same for all."""
    F = session.F
    if isinstance(leaf, Constant):
        if axis is None or not isinstance(leaf.value, bool | int | float | np.generic):
            return leaf.value
        constant = np.asarray(leaf.value)
        if not is_known(constant.dtype):
            return leaf.value
        value, is_batched = F.constant(constant.item(), ArrayType(constant.dtype)), False
    else:
        value, is_batched = values[leaf.index], flags[leaf.index]
    if axis is None:
        if is_batched:
            message = "vmap: out_axes is None for an output that differs from element to element"
            raise ShapeError(message, location=location)
        return wrap(session, value)
    whole = value if is_batched else F.broadcast_to(value, (size, *value.dims))
    return wrap(session, _moved(session, whole, 0, _axis(axis, whole.rank, "an output", location)))
