"""No derivative by what cancels out: a softmax does not depend on the maximum that is taken off before its exp.

>>> print(apply_to_text(cut_cancelling_shifts, '''
... graph f(%x: f64[n] grad) -> (%5) where n - 1 >= 0 {
...   %0: f64[] grad = max %x axes=(0,)
...   %1: f64[n] grad = sub %x, %0
...   %2: f64[n] grad = exp %1
...   %3: f64[] grad = sum %2 axes=(0,)
...   %4: f64[] grad = log %3
...   %5: f64[] grad = add %4, %0
... }''', OPS))
graph f(%x: f64[n] grad) -> (%6) where n-1 >= 0 {
  %0: f64[] grad = max %x axes=(0,)
  %1: f64[] = stop_gradient %0 cancels=True
  %2: f64[n] grad = sub %x, %1
  %3: f64[n] grad = exp %2
  %4: f64[] grad = sum %3 axes=(0,)
  %5: f64[] grad = log %4
  %6: f64[] grad = add %5, %1
}

If the maximum were larger by d, the differences would be smaller by d, their exponentials and the sum of these by a
factor of ``exp(d)``, its logarithm by d, and the result what it was. So the derivative by the maximum is zero: cut, it
is not computed as a difference of large terms, and neither are the positions of the maximum looked for.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op, Pointwise, Reduce
from graphc.ir.rewrite import copy_node, rebuild
from graphc.passes.patterns import constant, without_ones

EXTREMES = ("max", "min")


@dataclass(frozen=True)
class Motion:
    """How a value moves with the shift d: by ``degree * d`` added, or, as a ``factor``, times ``exp(degree * d)``.

    ``axes``: the value's axis along which each axis of the shift runs, of those that are longer than 1.
    """

    factor: bool
    degree: float
    axes: tuple[int, ...]


class _Stuck(Exception):
    """The value does not move in a way that a ``Motion`` can say."""


def cut_cancelling_shifts(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The gradient of a maximum or minimum is stopped where no result depends on what number it is."""
    extremes = [n for n in graph.nodes if n.op.name in EXTREMES and isinstance(n.op.kind, Reduce) and n.output.grad]
    if not extremes:
        return graph
    users = graph.users()
    order = {node: position for position, node in enumerate(graph.nodes)}
    outputs = set(graph.outputs)
    cut = {node for node in extremes if _cancels(node.output, users, order, outputs)}
    if not cut:
        return graph

    def visit(F: Builder, node: Node, inputs: tuple[Value, ...]) -> tuple[Value, ...] | None:
        if node in cut:
            return (F.stop_gradient(copy_node(F, node, inputs)[0], cancels=True),)
        changed = any(old.grad != new.grad for old, new in zip(node.inputs, inputs, strict=True))
        return F.raw(node.op, inputs, node.attrs, node.regions).outputs if changed else None

    return rebuild(graph, ops, visit)


def _cancels(
    shift: Value, users: Mapping[Value, Sequence[Node]], order: Mapping[Node, int], outputs: set[Value]
) -> bool:
    """Whether everything that moves with the shift ends in values that do not."""
    readers = users[shift]
    if shift in outputs or all(user.op.name == "stop_gradient" for user in readers):
        return False
    long_axes = tuple(axis for axis, dim in enumerate(shift.dims) if dim != 1)
    motions = {shift: Motion(False, 1.0, long_axes)}
    waiting = [order[user] for user in readers]
    nodes = list(order)
    done: set[int] = set()
    heapq.heapify(waiting)
    while waiting:
        position = heapq.heappop(waiting)
        if position in done:
            continue
        done.add(position)
        node = nodes[position]
        try:
            motion = _motion(node, [motions.get(v) for v in node.inputs])
        except _Stuck:
            return False
        if motion is not None and motion.degree != 0.0:
            if node.output in outputs:
                return False
            motions[node.output] = motion
            for user in users[node.output]:
                heapq.heappush(waiting, order[user])
    return True


def _motion(node: Node, inputs: Sequence[Motion | None]) -> Motion | None:
    """How the node's output moves when its inputs move so; None stands for what does not move."""
    if len(node.outputs) != 1 or node.regions or not node.output.type.is_float:
        raise _Stuck
    if node.op.name in _POINTWISE and isinstance(node.op.kind, Pointwise):
        aligned = [_aligned(node, v, motion) for v, motion in zip(node.inputs, inputs, strict=True)]
        if len({motion.axes for motion in aligned if motion is not None}) > 1:
            raise _Stuck
        return _POINTWISE[node.op.name](node, aligned)
    (motion,) = inputs if len(inputs) == 1 else (None,)
    if motion is None:
        raise _Stuck
    if isinstance(node.op.kind, Reduce) and node.op.name in ("sum", *EXTREMES):
        return _folded(node, motion)
    if node.op.name == "broadcast_to":
        return _aligned(node, node.inputs[0], motion)
    if node.op.name == "transpose":
        perm = node.attrs["perm"]
        return Motion(motion.factor, motion.degree, tuple(perm.index(axis) for axis in motion.axes))
    if node.op.name == "reshape":
        return _reshaped(node, motion)
    raise _Stuck


def _aligned(node: Node, value: Value, motion: Motion | None) -> Motion | None:
    """The motion in the axes of the output, to which the value is broadcast."""
    if motion is None:
        return None
    extra = node.output.rank - value.rank
    return Motion(motion.factor, motion.degree, tuple(axis + extra for axis in motion.axes))


def _folded(node: Node, motion: Motion) -> Motion:
    folded = node.attrs["axes"]
    if set(folded) & set(motion.axes) or (node.op.name == "sum" and not motion.factor):
        raise _Stuck
    return Motion(motion.factor, motion.degree, tuple(a - sum(f < a for f in folded) for a in motion.axes))


def _reshaped(node: Node, motion: Motion) -> Motion:
    """Of reshapes, those that add and drop axes of length 1."""
    source, target = node.inputs[0].dims, node.output.dims
    if without_ones(source) != without_ones(target):
        raise _Stuck
    old, new = ([axis for axis, dim in enumerate(dims) if dim != 1] for dims in (source, target))
    return Motion(motion.factor, motion.degree, tuple(new[old.index(axis)] for axis in motion.axes))


# --- pointwise ops, by the motions of their operands ------------------------------------------------------------------

Motions = Sequence[Motion | None]


def _combined(motions: Motions, factor: bool, degrees: Sequence[float]) -> Motion:
    """Both operands move in this way, or not at all: the output moves by the sum of the degrees."""
    moving = [motion for motion in motions if motion is not None]
    if any(motion.factor != factor for motion in moving):
        raise _Stuck
    total = sum(0.0 if m is None else sign * m.degree for m, sign in zip(motions, degrees, strict=True))
    return Motion(factor, total, moving[0].axes)


def _sum(sign: float) -> Callable[[Node, Motions], Motion]:
    def rule(node: Node, motions: Motions) -> Motion:
        a, b = motions
        if a is not None and a == b and a.factor:
            return a  # both grow by the same factor
        return _combined(motions, False, (1.0, sign))

    return rule


def _product(sign: float) -> Callable[[Node, Motions], Motion]:
    def rule(node: Node, motions: Motions) -> Motion:
        a, b = motions
        number = constant(node.inputs[1] if b is None else node.inputs[0])
        if number and ((b is None and a is not None and not a.factor) or (a is None and sign == 1.0)):
            moving = a or b
            assert moving is not None
            if not moving.factor:
                return Motion(False, moving.degree * float(number) ** sign, moving.axes)
        return _combined(motions, True, (1.0, sign))

    return rule


def _exp(node: Node, motions: Motions) -> Motion:
    moved = _combined(motions, False, (1.0,))
    return Motion(True, moved.degree, moved.axes)


def _log(node: Node, motions: Motions) -> Motion:
    moved = _combined(motions, True, (1.0,))
    return Motion(False, moved.degree, moved.axes)


def _same(node: Node, motions: Motions) -> Motion | None:
    return motions[0]


def _neg(node: Node, motions: Motions) -> Motion | None:
    (motion,) = motions
    return motion if motion is None or motion.factor else Motion(False, -motion.degree, motion.axes)


_POINTWISE: dict[str, Callable[[Node, Motions], Motion | None]] = {
    "add": _sum(1.0),
    "sub": _sum(-1.0),
    "mul": _product(1.0),
    "div": _product(-1.0),
    "exp": _exp,
    "log": _log,
    "neg": _neg,
    "cast": _same,
}
