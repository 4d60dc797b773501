"""Views: values that are rearrangements of an array's value, read again after a write and written through.

What a function made of an array is followed back through its nodes (``slice``, ``reshape``, ``transpose``, ``real``,
``imag``, and a gather at single positions). The same nodes over the array's new value are the view's new value; their
inverses, last first, turn a write into the view into one into the array.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from graphc.errors import ShapeError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Node, Value
from graphc.trace.functions.assignment import inside, update_block

Steps = Sequence[Node]
Strides = tuple[Dim, ...]


def steps_between(base: Value, value: Value, *, only_read: bool) -> Steps | None:
    """The nodes that lead from the base to a rearrangement of it; None where the value is something else.

    What is ``only_read`` may have elements of the base more than once, at any positions.
    """
    steps: list[Node] = []
    while value is not base:
        node = value.node
        if node is None or not (_rearranges(node) or (only_read and node.op.name == "gather")):
            return None
        steps.append(node)
        value = node.inputs[0]
    return steps[::-1]


def _rearranges(node: Node) -> bool:
    if node.op.name == "gather":
        return not any(index.rank for index in node.inputs[1:])
    return node.op.name in ("slice", "reshape", "transpose", "broadcast_to", "real", "imag")


def moved(node: Node, found: Callable[[Value], Value]) -> Node:
    """The step with other values for its positions."""
    types = [o.type for o in node.outputs]
    return Node(node.op, (node.inputs[0], *map(found, node.inputs[1:])), node.attrs, types, location=node.location)


def replayed(F: Builder, base: Value, steps: Steps) -> Value:
    """The same rearrangement of another array of the same shape."""
    for node in steps:
        base = F.raw(node.op, (base, *node.inputs[1:]), node.attrs).output
    return base


def written_through(F: Builder, base: Value, steps: Steps, new: Value) -> Value:
    """The base with ``new`` in place of what the steps make of it."""
    if not steps:
        return new
    stages = [base]
    for node in steps[:-1]:
        stages.append(replayed(F, stages[-1], [node]))
    for node, before in zip(reversed(steps), reversed(stages), strict=True):
        new = _put_back(F, node, before, new)
    return new


def _put_back(F: Builder, node: Node, before: Value, new: Value) -> Value:
    attrs = node.attrs
    match node.op.name:
        case "transpose":
            return F.transpose(new, [attrs["perm"].index(axis) for axis in range(before.rank)])
        case "reshape":
            return F.reshape(new, before.dims)
        case "real":
            return F.complex(new, F.imag(before))
        case "imag":
            return F.complex(F.real(before), new)
        case "broadcast_to":
            message = "assignment destination is read-only: one element of a broadcast array stands at many places"
            raise ShapeError(message, location=F.location)
        case "slice":
            return before if 0 in new.dims else _put_slice_back(F, node, before, new)
    starts: list[Dim | Value] = [0] * before.rank
    for axis, index in zip(attrs["axes"], node.inputs[1:], strict=True):
        starts[axis] = inside(F, index, axis, before.dims[axis]) if attrs["checked"] else index
    block = tuple(1 if axis in attrs["axes"] else dim for axis, dim in enumerate(before.dims))
    return update_block(F, before, F.reshape(new, block), starts, (1,) * before.rank)


def _put_slice_back(F: Builder, node: Node, before: Value, new: Value) -> Value:
    """What was written into a part of the slice is written into that part of the array."""
    write, starts, steps = new.node, node.attrs["starts"], node.attrs["steps"]
    if write is not None and write.op.name == "update":
        part, block, *own = write.inputs
        same = part.node is not None and part.node.op is node.op and part.node.inputs == (before,)
        if same and part.node is not None and part.node.attrs == node.attrs:
            places = [F.add(F.mul(inner, step), start) for inner, step, start in zip(own, steps, starts, strict=True)]
            both = [a * b for a, b in zip(write.attrs["steps"], steps, strict=True)]
            return update_block(F, before, block, places, both)
    return update_block(F, before, new, starts, steps)


# --- memory -----------------------------------------------------------------------------------------------------------


def contiguous(dims: Sequence[Dim]) -> Strides:
    """The strides, in elements, of an array in C order."""
    strides: list[Dim] = [1]
    for dim in reversed(dims[1:]):
        strides.append(strides[-1] * dim)
    return tuple(reversed(strides[: len(dims)]))


def is_view(F: Builder, root: Value, before: Steps, own: Steps, *, whole: bool) -> bool:
    """Whether NumPy makes ``own`` of what ``before`` makes of the root without a copy; the root lies in C order.

    ``whole``: what does not lie in one piece is copied, as ``ravel`` does.
    """
    dims: Sequence[Dim] = root.dims
    strides = contiguous(dims)
    path = (*before, *own)
    if whole and own and own[-1].op.name == "reshape":  # of what must lie in one piece: in Fortran order, turned
        path = path[:-1]
    for node in path:
        found = _strides_after(F, node, dims, strides)
        if found is None:
            return False
        dims, strides = node.output.dims, found
    pairs = zip(dims, strides, contiguous(dims), strict=True)
    return not whole or all(d == 1 or F.facts.equal(s, t) for d, s, t in pairs)


def _strides_after(F: Builder, node: Node, dims: Sequence[Dim], strides: Strides) -> Strides | None:
    match node.op.name:
        case "transpose":
            return tuple(strides[axis] for axis in node.attrs["perm"])
        case "slice":
            return tuple(stride * step for stride, step in zip(strides, node.attrs["steps"], strict=True))
        case "reshape":
            return _reshaped(F, dims, strides, node.output.dims)
        case "real" | "imag":  # every second number
            return tuple(stride * 2 for stride in strides)
    return tuple(stride for axis, stride in enumerate(strides) if axis not in node.attrs["axes"])


def _reshaped(F: Builder, dims: Sequence[Dim], strides: Strides, target: Sequence[Dim]) -> Strides | None:
    """The strides of the same elements in other dims; None where there are none, and NumPy copies."""
    if 0 in dims:
        return contiguous(target)
    old = [(d, s) for d, s in zip(dims, strides, strict=True) if d != 1]
    new = [d for d in target if d != 1]
    found: list[Dim] = []
    while old and new:
        axes, sizes = [old.pop(0)], [new.pop(0)]
        ours, theirs = axes[0][0], sizes[0]
        while not F.facts.equal(ours, theirs):
            if old and F.facts.at_least(theirs, ours):
                axes.append(old.pop(0))
                ours = ours * axes[-1][0]
            elif new:
                sizes.append(new.pop(0))
                theirs = theirs * sizes[-1]
            else:
                return None
        if any(not F.facts.equal(outer[1], inner[1] * inner[0]) for outer, inner in pairwise(axes)):
            return None
        found += [stride * axes[-1][1] for stride in contiguous(sizes)]
    rest = iter(found)
    return tuple(0 if d == 1 else next(rest) for d in target)
