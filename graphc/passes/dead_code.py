"""Drop what no output needs.

>>> before = '''graph f(%x: f64[n]) -> (%1) {
...   %0: f64[n] = neg %x
...   %1: f64[] = sum %x axes=(0,)
... }'''
>>> print(apply_to_text(eliminate_dead_code, before, OPS))
graph f(%x: f64[n]) -> (%0) {
  %0: f64[] = sum %x axes=(0,)
}
"""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.graph import Graph
from graphc.ir.opdef import Op
from graphc.ir.rewrite import drop_dead


def eliminate_dead_code(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Without the nodes that no output needs."""
    return drop_dead(graph)
