"""Graphs as they are scheduled for a device, and what is refused there."""

from __future__ import annotations

from collections.abc import Iterator

from graphc.abi import SCIPY_PART
from graphc.codegen.cuda_eigen import EIGEN
from graphc.codegen.cuda_libraries import FACTORS, TRANSFORMS
from graphc.codegen.cuda_routines import ROUTINES
from graphc.errors import UnsupportedError
from graphc.ir.graph import Graph, Node
from graphc.ir.opdef import Composite, CpuRoutine, Foreign, Op, Pointwise, Routine, Windows
from graphc.ops.scipy_functions import PREFIX
from graphc.ops.table import OPS
from graphc.passes.composites import expand_composites
from graphc.passes.device_forms import FORMS, with_device_forms
from graphc.passes.lowering import lowered
from graphc.scalar_special.table import FUNCTIONS


def graph_for_device(graph: Graph) -> Graph:
    """The graph as it is scheduled: without composites, complex numbers and services of the CPU.

    Raises: UnsupportedError: at the user's line, what is computed by a library of the CPU or by its routines.
    """
    composites = {node.location: node.op.name for node in _nodes(graph) if isinstance(node.op.kind, Composite)}
    plain = expand_composites(expand_composites(lowered(graph, OPS), OPS, Windows), OPS, CpuRoutine)
    plain = with_device_forms(plain, OPS)
    for node in _nodes(plain):
        if is_missing(node.op):
            name = composites.get(node.location, node.op.name.partition("__")[0])
            message = f'{name} is not there for target="cuda" yet: compute it in a function for the CPU'
            raise UnsupportedError(message, location=node.location)
    return plain


def is_missing(op: Op) -> bool:
    """Whether a device lacks an op that the CPU has: by a library's compiled code, or by a routine of its own."""
    match op.kind:
        case Pointwise():
            in_library = isinstance(op.expr, str) and op.expr.startswith(PREFIX)
            return in_library and op.name not in FORMS and op.name.partition(SCIPY_PART)[0] not in FUNCTIONS
        case Routine():
            return op.name not in (*ROUTINES, *EIGEN, *FACTORS, *TRANSFORMS)
    return isinstance(op.kind, Composite | Foreign)


def _nodes(graph: Graph) -> Iterator[Node]:
    """The nodes of the graph and of its regions."""
    for node in graph.nodes:
        yield node
        for region in node.regions:
            yield from _nodes(region)
