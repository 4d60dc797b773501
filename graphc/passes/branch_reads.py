"""In loops that will be differentiated, a branch that reads one element of an array gets the element.

The adjoint of a branch computes again what the branch computes, of its operands, which the loop saves for that: an
element an iteration, where it would be the array.

>>> print(apply_to_text(read_before_branches, '''
... graph f(%x: f64[n] grad, %c: f64[], %flag: bool[]) -> (%0) where n-1 >= 0 {
...   %0: f64[] grad = for %c, %x, %flag carried=1 reverse=False stacked=0 trips=n
...     graph body(%i: i64[], %c: f64[] grad, %x: f64[n] grad, %flag: bool[]) -> (%0) {
...       %0: f64[] grad = cond %flag, %c, %x, %i
...         graph yes(%c: f64[] grad, %x: f64[n] grad, %i: i64[]) -> (%2) {
...           %0: f64[1] grad = read %x, %i dims=(1,) steps=(1,)
...           %1: f64[] grad = reshape %0 dims=()
...           %2: f64[] grad = sqrt %1
...         }
...         graph no(%c: f64[] grad, %x: f64[n] grad, %i: i64[]) -> (%c) {
...         }
...     }
... }''', OPS))
graph f(%x: f64[n] grad, %c: f64[], %flag: bool[]) -> (%0) where n-1 >= 0 {
  %0: f64[] grad = for %c, %x, %flag carried=1 reverse=False stacked=0 trips=n
    graph body(%i: i64[], %c: f64[] grad, %x: f64[n] grad, %flag: bool[]) -> (%1) {
      %0: f64[1] grad = read %x, %i dims=(1,) steps=(1,)
      %1: f64[] grad = cond %flag, %c, %0
        graph yes(%c: f64[] grad, %p3: f64[1] grad) -> (%1) {
          %0: f64[] grad = reshape %p3 dims=()
          %1: f64[] grad = sqrt %0
        }
        graph no(%c: f64[] grad, %p3: f64[1] grad) -> (%c) {
        }
    }
}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Create, Op, Pointwise, Read
from graphc.ir.ranges import Ranges
from graphc.ir.rewrite import copy_node, drop_dead
from graphc.passes.branches import CONDS, safe_position
from graphc.passes.indices import rewrite_in_loops


def read_before_branches(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with the elements that branches in loops read from outside arrays as operands of these branches."""
    return rewrite_in_loops(graph, ops, _with_elements, CONDS)


def _with_elements(F: Builder, node: Node, ranges: Ranges) -> Sequence[Value] | None:
    if node.op.name != "cond" or not ranges.trips:
        return None
    wanted = [[inner for inner in region.nodes if _is_element(F, inner, region)] for region in node.regions]
    if not any(wanted):
        return None
    flag, *captures = node.inputs
    read: list[Value] = []
    for region, inners, taken in zip(node.regions, wanted, (flag, F.logical_not(flag)), strict=True):
        reader = _Reader(F, ranges, taken, dict(zip(region.params, captures, strict=True)))
        read += [reader.element(inner) for inner in inners]
    starts = (0, len(wanted[0]))
    regions = [
        _handed(F, region, inners, read, start)
        for region, inners, start in zip(node.regions, wanted, starts, strict=True)
    ]
    return F.raw(node.op, (*node.inputs, *read), node.attrs, tuple(regions)).outputs


def _is_element(F: Builder, node: Node, region: Graph) -> bool:
    """Whether the node reads one element of an operand, where operands and sizes say, and there is such an element."""
    if not isinstance(node.op.kind, Read) or not node.output.grad or node.inputs[0] not in region.params:
        return False
    exists = all(F.facts.proves_at_least(dim, 1) for dim in node.inputs[0].dims)
    return exists and all(d == 1 for d in node.output.dims) and all(_is_outside(v, region) for v in node.inputs[1:])


def _is_outside(value: Value, region: Graph) -> bool:
    if value.node is None:
        return value in region.params
    known = isinstance(value.node.op.kind, Pointwise | Create) or value.node.op.name == "checked_index"
    return known and not value.rank and all(_is_outside(v, region) for v in value.node.inputs)


class _Reader:
    """Reads before a branch what one of its sides reads; where the other is taken, at position 0."""

    def __init__(self, F: Builder, ranges: Ranges, taken: Value, outside: dict[Value, Value]):
        """``outside``: what stands for the values of the side, its parameters at first."""
        self.F, self.ranges, self.taken, self.outside = F, ranges, taken, outside

    def element(self, node: Node) -> Value:
        array, *starts = node.inputs
        places = []
        for start, size in zip(starts, array.dims, strict=True):
            checked = start.node is not None and start.node.op.name == "checked_index"
            places.append(safe_position(self.F, self.ranges, self.taken, self._position(start), size, checked))
        with self.F.at(node.location):
            found: Value = self.F.apply(node.op, (self.outside[array], *places), node.attrs)
        return found

    def _position(self, value: Value) -> Value:
        if value not in self.outside:
            assert value.node is not None
            inputs = tuple(map(self._position, value.node.inputs))
            if value.node.op.name == "checked_index":
                size = value.node.attrs["size"]
                inputs = (safe_position(self.F, self.ranges, self.taken, inputs[0], size, checked=False),)
            (self.outside[value],) = copy_node(self.F, value.node, inputs)
        return self.outside[value]


def _handed(F: Builder, region: Graph, inners: Sequence[Node], read: Sequence[Value], start: int) -> Graph:
    """The region with the elements as its last parameters."""
    params = [Value(v.type, v.grad, f"p{len(region.params) + k}") for k, v in enumerate(read)]
    new = dict(zip(region.params, region.params, strict=True))
    given = {inner.output: params[start + k] for k, inner in enumerate(inners)}
    R = Builder(F.ops, F.facts)
    for node in region.nodes:
        if len(node.outputs) == 1 and node.output in given:
            new[node.output] = given[node.output]
            continue
        copies = copy_node(R, node, tuple(new[v] for v in node.inputs))
        new.update(zip(node.outputs, copies, strict=True))
    outputs = tuple(new[v] for v in region.outputs)
    return drop_dead(Graph(region.name, (*region.params, *params), tuple(R.nodes), outputs))
