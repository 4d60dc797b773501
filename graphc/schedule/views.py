"""Views: where the elements of a rearranged value stand in the array that it was rearranged from.

A library call reads and writes matrices through strides, so transposes, slices, broadcasts and most reshapes of its
operands need no copy.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from graphc.ir.dims import Dim
from graphc.ir.graph import Node, Value
from graphc.ir.positions import as_dim


@dataclass(frozen=True)
class View:
    """Element ``index`` of a value is element ``offset + sum(index * strides)`` of ``base``, which is C-contiguous."""

    base: Value
    offset: Dim
    strides: tuple[Dim, ...]


def contiguous(dims: Sequence[Dim], innermost: Dim = 1) -> tuple[Dim, ...]:
    """The strides of a C-contiguous array."""
    strides = [innermost]
    for dim in reversed(dims[1:]):
        strides.append(strides[-1] * dim)
    return tuple(reversed(strides[: len(dims)]))


def whole(value: Value) -> View:
    """The value as the view of itself."""
    return View(value, 0, contiguous(value.dims))


def view_of(value: Value, stored: Callable[[Value], bool]) -> View:
    """The value as a view of the farthest array that it is a rearrangement of, or the nearest that is ``stored``."""
    chain: list[Node] = []
    base = value
    while base.node is not None and base.node.op.name in _STEPS and not stored(base):
        chain.append(base.node)
        base = base.node.inputs[0]
    view = whole(base)
    for node in reversed(chain):
        view = _STEPS[node.op.name](view, node) or whole(node.output)
    return view


def reshaped(dims: Sequence[Dim], strides: Sequence[Dim], target: Sequence[Dim]) -> tuple[Dim, ...] | None:
    """The strides of the array's elements in the dims ``target``, or None where there are none.

    What both have at their ends stays; between, axes that lie one in the other merge and split.

    >>> reshaped((4, 6, 5), (60, 10, 2), (4, 30))
    (60, 2)
    >>> reshaped((4, 6, 5), (60, 5, 1), (24, 5)) is None
    True
    """
    old = [(d, s) for d, s in zip(dims, strides, strict=True) if d != 1]
    new = [d for d in target if d != 1]
    first: list[Dim] = []
    last: list[Dim] = []
    while old and new and old[0][0] == new[0]:
        first.append(old.pop(0)[1])
        new.pop(0)
    while old and new and old[-1][0] == new[-1]:
        last.insert(0, old.pop()[1])
        new.pop()
    if bool(old) != bool(new):
        return None
    if any(outer[1] != inner[1] * inner[0] for outer, inner in pairwise(old)):
        return None
    middle = contiguous(new, old[-1][1]) if old else ()
    rest = iter((*first, *middle, *last))
    return tuple(0 if d == 1 else next(rest) for d in target)


def _transpose(view: View, node: Node) -> View:
    return View(view.base, view.offset, tuple(view.strides[axis] for axis in node.attrs["perm"]))


def _slice(view: View, node: Node) -> View | None:
    starts, steps = node.attrs["starts"], node.attrs["steps"]
    if any(step < 0 for step in steps):
        return None  # a matrix of the library runs forwards
    offset = view.offset
    for start, stride in zip(starts, view.strides, strict=True):
        offset = offset + start * stride
    return View(view.base, offset, tuple(stride * step for stride, step in zip(view.strides, steps, strict=True)))


def _read(view: View, node: Node) -> View | None:
    """A block whose start is known before the call."""
    offset = view.offset
    for start, stride, step in zip(node.inputs[1:], view.strides, node.attrs["steps"], strict=True):
        known = as_dim(start)
        if known is None or step < 0:
            return None
        offset = offset + known * stride
    steps = node.attrs["steps"]
    return View(view.base, offset, tuple(stride * step for stride, step in zip(view.strides, steps, strict=True)))


def _broadcast_to(view: View, node: Node) -> View:
    source, dims = node.inputs[0].dims, node.output.dims
    extra = len(dims) - len(source)
    own = tuple(0 if d == 1 else s for d, s in zip(source, view.strides, strict=True))
    return View(view.base, view.offset, (0,) * extra + own)


def _reshape(view: View, node: Node) -> View | None:
    strides = reshaped(node.inputs[0].dims, view.strides, node.output.dims)
    return None if strides is None else View(view.base, view.offset, strides)


_STEPS: dict[str, Callable[[View, Node], View | None]] = {
    "transpose": _transpose,
    "slice": _slice,
    "read": _read,
    "broadcast_to": _broadcast_to,
    "reshape": _reshape,
}
