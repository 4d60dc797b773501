"""What is the same in every iteration of a loop, before the loop: computed once, in the loop's adjoint too.

>>> print(apply_to_text(invariants_before_loops, '''
... graph f(%x: f64[n], %w: f64[n]) -> (%0) {
...   %0: f64[n] = for %x, %w carried=1 reverse=False stacked=0 trips=9
...     graph body(%i: i64[], %c: f64[n], %w: f64[n]) -> (%1) {
...       %0: f64[n] = exp %w
...       %1: f64[n] = mul %c, %0
...     }
... }''', OPS))
graph f(%x: f64[n], %w: f64[n]) -> (%1) {
  %0: f64[n] = exp %w
  %1: f64[n] = for %x, %0 carried=1 reverse=False stacked=0 trips=9
    graph body(%i: i64[], %c: f64[n], %p2: f64[n]) -> (%0) {
      %0: f64[n] = mul %c, %p2
    }
}

What leaves the loop is stored, and so only what costs more than reading it: functions, sums, products, loops, and the
transpose by which a vector is multiplied, since rows of the matrix are then read one after another. An inner loop that
only in part is the same in every iteration is taken apart first (``apart``). Nothing leaves that could stop the
program: the loop may have no iteration.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Contract, Control, Create, Movement, Op, Pointwise, Read, Reduce, Scan, Write
from graphc.ir.ranges import Ranges
from graphc.ir.regions import carried, own_params, with_regions
from graphc.ir.rewrite import copy_node, drop_dead, with_inputs
from graphc.ir.sizes import Needs
from graphc.ir.types import C128, F64
from graphc.passes.apart import taken_apart
from graphc.passes.indices import rewrite_in_loops

DEAR = 10  # operations an element, from which on storing is quicker than computing again
LOOPS = frozenset(("for", "while"))
Leaves = Callable[[Node, Node | None], bool]  # whether what a node makes, for a reader, is computed before the loop


def invariants_before_loops(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with each loop behind what is dear in its body and the same in all iterations."""
    return rewrite_in_loops(graph, ops, partial(_without_invariants, leaves=_is_dear), LOOPS)


def numbers_before_loops(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with each loop behind the single numbers of less than double precision that doubles from outside give.

    >>> from graphc.ir.text import parse
    >>> from graphc.ops.table import OPS
    >>> print(numbers_before_loops(parse('''
    ... graph f(%x: f32[n], %k: weak f64[]) -> (%0) {
    ...   %0: f32[n] = for %x, %k carried=1 reverse=False stacked=0 trips=9
    ...     graph body(%i: i64[], %c: f32[n], %k: weak f64[]) -> (%1) {
    ...       %0: f32[] = cast %k dtype=f32
    ...       %1: f32[n] = mul %c, %0
    ...     }
    ... }''', OPS), OPS))
    graph f(%x: f32[n], %k: weak f64[]) -> (%1) {
      %0: f32[] = cast %k dtype=f32
      %1: f32[n] = for %x, %0 carried=1 reverse=False stacked=0 trips=9
        graph body(%i: i64[], %c: f32[n], %p2: f32[]) -> (%0) {
          %0: f32[n] = mul %c, %p2
        }
    }
    """
    return rewrite_in_loops(graph, ops, partial(_without_invariants, leaves=_is_narrowed), LOOPS)


def _without_invariants(F: Builder, node: Node, ranges: Ranges, *, leaves: Leaves) -> Sequence[Value] | None:
    if node.op.name not in ("for", "while"):
        return None
    body = node.regions[-1]
    first = own_params(node) + carried(node)
    with ranges.region(node, body):
        body = _with_loops_apart(F, body, body.params[first:], ranges)
    fixed = _fixed(body, body.params[first:])
    leaving = _leaving(body, fixed, leaves)
    if not leaving:
        return None
    outside = dict(zip(body.params[first:], node.inputs[carried(node) :], strict=True))
    _emit(F, body, leaving, outside)
    return _loop_with(F, node, body, leaving, [outside[v] for v in leaving])


def _with_loops_apart(F: Builder, body: Graph, captures: Collection[Value], ranges: Ranges) -> Graph:
    """The body with those of its loops taken apart of which a part is the same in every iteration."""
    if not any(inner.op.name == "for" for inner in body.nodes):
        return body
    B = Builder(F.ops, F.facts)
    fixed, needs = set(captures), Needs(body)
    new: dict[Value, Value] = {}
    for old in body.nodes:
        inner = with_inputs(old, tuple(new.get(v, v) for v in old.inputs))
        found: Sequence[Value] | None = None
        if inner.op.name == "for" and is_harmless(inner):
            with B.at(inner.location):
                found = taken_apart(B, inner, fixed, ranges)
        if found is None:
            B.nodes.append(inner)
            found = inner.outputs
        new.update((a, b) for a, b in zip(old.outputs, found, strict=True) if a is not b)
        if is_harmless(inner) and all(new.get(v, v) in fixed for v in needs.of(old)):
            fixed.update(found)
        elif found is not inner.outputs:
            fixed.update(v for v in found if v.node is not None and all(a in fixed for a in v.node.inputs))
    if not new:
        return body
    return Graph(body.name, body.params, tuple(B.nodes), tuple(new.get(v, v) for v in body.outputs))


def is_harmless(node: Node) -> bool:
    """Whether the node computes and does nothing else: it may be done where it would not have been."""
    kind = node.op.kind
    if isinstance(kind, Control):
        return node.op.name == "for" and all(is_harmless(inner) for region in node.regions for inner in region.nodes)
    if node.op.name == "checked_index":
        return False
    return isinstance(kind, Pointwise | Create | Movement | Reduce | Scan | Contract | Read | Write)


def _fixed(body: Graph, captures: Collection[Value]) -> set[Value]:
    """The values that are the same in every iteration."""
    fixed, needs = set(captures), Needs(body)
    for node in body.nodes:
        if is_harmless(node) and all(v in fixed for v in needs.of(node)):
            fixed.update(node.outputs)
    return fixed


def _leaving(body: Graph, fixed: Collection[Value], leaves: Leaves) -> list[Value]:
    """Those that shall leave of them which the rest of the body reads, or that others are made of which it reads."""
    found: dict[Value, None] = {}
    stack: list[tuple[Value, Node | None]] = [(v, None) for v in body.outputs]
    stack += [(v, node) for node in body.nodes if node.outputs[0] not in fixed for v in node.inputs]
    seen: set[Value] = set()
    while stack:
        value, reader = stack.pop()
        node = value.node
        if value not in fixed or node is None or value in body.params:
            continue
        if leaves(node, reader):
            found[value] = None
        elif value not in seen:
            seen.add(value)
            stack += [(v, node) for v in node.inputs]
    order = {v: k for k, v in enumerate(body.values())}
    return sorted(found, key=order.__getitem__)


def _is_dear(node: Node, reader: Node | None) -> bool:
    if isinstance(node.op.kind, Control | Contract | Reduce | Scan):
        return True
    if isinstance(node.op.kind, Pointwise):
        return node.op.cost >= DEAR
    return node.op.name == "transpose" and reader is not None and _multiplies_a_vector(reader)


def _is_narrowed(node: Node, reader: Node | None) -> bool:
    wide = any(v.type.dtype in (F64, C128) for v in node.inputs)
    return (
        isinstance(node.op.kind, Pointwise)
        and wide
        and not node.output.dims
        and node.output.type.dtype not in (F64, C128)
    )


def _multiplies_a_vector(node: Node) -> bool:
    return node.op.name == "matmul" and any(1 in v.dims[-2:] for v in node.inputs)


def _emit(F: Builder, body: Graph, leaving: Sequence[Value], outside: dict[Value, Value]) -> None:
    """Append what makes these values to the builder's nodes; ``outside`` then knows them there."""
    needed = {v.node for v in leaving}
    for node in reversed(body.nodes):
        if node in needed:
            needed.update(v.node for v in node.inputs if v.node is not None)
    for node in body.nodes:
        if node in needed:
            made = copy_node(F, node, tuple(outside[v] for v in node.inputs))
            outside.update(zip(node.outputs, made, strict=True))


def _loop_with(
    F: Builder, node: Node, body: Graph, inside: Sequence[Value], operands: Sequence[Value]
) -> Sequence[Value]:
    """The loop over this body, in which the values ``inside`` are captures; its outputs."""
    captures = [Value(v.type, v.grad) for v in inside]
    new = dict(zip(inside, captures, strict=True))
    nodes: list[Node] = []
    for old in body.nodes:
        current = with_inputs(old, tuple(new.get(v, v) for v in old.inputs))
        nodes.append(current)
        new.update((a, b) for a, b in zip(old.outputs, current.outputs, strict=True) if a not in new and a is not b)
    outputs = tuple(new.get(v, v) for v in body.outputs)
    rest = drop_dead(Graph(body.name, (*body.params, *captures), tuple(nodes), outputs))
    regions = [
        Graph(r.name, (*r.params, *(Value(v.type) for v in inside)), r.nodes, r.outputs) for r in node.regions[:-1]
    ]
    loop = with_regions(node, (*node.inputs, *operands), [*regions, rest])
    F.nodes.append(loop)
    return loop.outputs
