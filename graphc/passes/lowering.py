"""The last steps before a graph is scheduled: what the scheduler does not know is written in terms of what it does."""

from __future__ import annotations

from collections.abc import Mapping

from graphc.ir.graph import Graph
from graphc.ir.opdef import Op
from graphc.passes.complex_parts import split_complex
from graphc.passes.composites import expand_composites
from graphc.passes.half_bits import halves_as_bits
from graphc.passes.pipeline import optimize
from graphc.passes.unread import without_unread


def lowered(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """Without composites, complex numbers and halves: a complex parameter or output is a real one of the same bytes,
    one of halves their bits."""
    graph = expand_composites(graph, ops)
    real = split_complex(graph, ops)
    return halves_as_bits(without_unread(graph if real is graph else optimize(real, ops), ops), ops)
