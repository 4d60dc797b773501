"""Programs that do not stop where there is no derivative, once others have: what they compute is NaN there.

>>> print(apply_to_text(without_derivative_checks, '''
... graph f(%i: i64[]) -> (%1) {
...   %0: i64[] = checked_index %i axis=-10 size=1
...   %1: i64[] = neg %0
... }''', OPS))
graph f(%i: i64[]) -> (%1) {
  %0: i64[] = const value=0
  %1: i64[] = neg %0
}
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ops.index import NO_DERIVATIVE
from graphc.passes.rewriter import Rewriter, rewrite


def is_derivative_check(node: Node) -> bool:
    return node.op.name == "checked_index" and node.attrs["axis"] in NO_DERIVATIVE


def has_derivative_checks(graph: Graph) -> bool:
    """Whether the graph or one of its regions stops where there is no derivative."""
    return any(is_derivative_check(node) or any(map(has_derivative_checks, node.regions)) for node in graph.nodes)


def passed(rewriter: Rewriter, node: Node) -> Value | None:
    return rewriter.F.zeros(node.output.type) if is_derivative_check(node) else None


def without_derivative_checks(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph without such checks; the very graph where there is none."""
    return rewrite(graph, ops, {"checked_index": (passed,)})
