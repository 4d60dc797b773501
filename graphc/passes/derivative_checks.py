"""Programs that do not stop where there is no derivative, once others have: what they compute is NaN there.

>>> print(apply_to_text(without_derivative_checks, '''
... graph f(%i: i64[]) -> (%1) {
...   %0: i64[] = checked_index %i axis=-10 size=1
...   %1: i64[] = neg %0
... }''', OPS))
graph f(%i: i64[]) -> (%1) {
  %0: i64[] = const dtype=i64 value=0 weak=False
  %1: i64[] = neg %0
}
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ops.index import EQUAL_VALUES, NO_DERIVATIVE
from graphc.passes.rewriter import Rewriter, rewrite


def is_derivative_check(node: Node) -> bool:
    return node.op.name == "checked_index" and node.attrs["axis"] in NO_DERIVATIVE


def derivative_checks(graph: Graph) -> set[int]:
    """For what the graph, its regions included, stops of that which equal values do to derivatives: numbers that stand
    for the axes of checks."""
    found: set[int] = set()
    for node in graph.nodes:
        found.update(*map(derivative_checks, node.regions))
        if is_derivative_check(node) or (node.op.name == "checked_index" and node.attrs["axis"] == EQUAL_VALUES):
            found.add(node.attrs["axis"])
    return found


def passed(rewriter: Rewriter, node: Node) -> Value | None:
    return rewriter.F.zeros(node.output.type) if is_derivative_check(node) else None


def without_derivative_checks(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph without such checks; the very graph where there is none."""
    return rewrite(graph, ops, {"checked_index": (passed,)})
