"""Numbers that the host computes for a program on a device: what follows from a call's Python numbers and sizes alone.

Python's numbers have double precision, and those with arrays in single precision are read in single precision. What
leads from the one to the other (``x * np.sqrt(years)``, ``scores / np.sqrt(x.shape[1])``) would be done by each thread
again, by units for double precision that many devices have few of. So it is a program of its own, compiled for the
CPU, whose results are packed beside the call's other numbers (``runtime.cuda_numbers`` runs it).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from graphc.compiler import Executable, compile_graph
from graphc.ir.dims import symbol, symbols_of
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Pointwise
from graphc.ir.rewrite import drop_dead, with_inputs
from graphc.ir.sizes import bound_sizes
from graphc.ir.types import C128, F64
from graphc.ops.table import OPS
from graphc.passes.invariants import numbers_before_loops
from graphc.runtime.cuda_numbers import NumbersProgram

CREATED = ("const", "dim")


class Parts(NamedTuple):
    """A graph in two.

    ``device``: its parameters are the whole graph's, then the outputs of ``host``. ``host``: of the parameters with the
    numbers ``sources``, and of sizes (``ints``); None where nothing is computed there.
    """

    device: Graph
    host: Graph | None
    sources: tuple[int, ...]


def host_numbers(graph: Graph, there: Collection[int] = ()) -> Parts:
    """Take out of the graph what leads from Python's numbers and from sizes to numbers of less than double precision.

    ``there``: the places of parameters that are on the device in any call, so that the host would wait for them.

    >>> from graphc.ir.text import parse
    >>> parts = host_numbers(parse('''
    ... graph price(%x: f32[n], %years: weak f64[]) -> (%2) {
    ...   %0: weak f64[] = sqrt %years
    ...   %1: f32[] = cast %0 dtype=f32
    ...   %2: f32[n] = mul %x, %1
    ... }''', OPS))
    >>> print(parts.device)
    graph price(%x: f32[n], %years: weak f64[], %host0: f32[]) -> (%0) {
      %0: f32[n] = mul %x, %host0
    }
    >>> print(parts.host)
    graph numbers(%x0: weak f64[]) -> (%1) {
      %0: weak f64[] = sqrt %x0
      %1: f32[] = cast %0 dtype=f32
    }
    """
    graph = numbers_before_loops(graph, OPS)
    alone, doubles = _computable(graph, there)
    frontier = _read_elsewhere(graph, alone, doubles)
    if not frontier:
        return Parts(graph, None, ())
    given = {value: Value(value.type, value.grad, f"host{k}") for k, value in enumerate(frontier)}
    nodes, new = [], dict(given)
    for node in graph.nodes:
        if node.outputs[0] in given:
            continue
        copied = with_inputs(node, tuple([new.get(v, v) for v in node.inputs]))
        new.update(zip(node.outputs, copied.outputs, strict=True))
        nodes.append(copied)
    outputs = tuple([new.get(v, v) for v in graph.outputs])
    params = (*graph.params, *given.values())
    device = drop_dead(Graph(graph.name, params, tuple(nodes), outputs, graph.guards, graph.ints))
    host, sources = _host_graph(graph, alone, frontier)
    return Parts(device, host, sources)


def _computable(graph: Graph, there: Collection[int]) -> tuple[set[Value], set[Value]]:
    """What follows from Python's numbers, sizes and constants alone; and what has a double in it, or comes of one."""
    bound = {name for name, _ in bound_sizes(graph)}
    alone = {p for k, p in enumerate(graph.params) if p.type.weak and not p.dims and k not in there}
    doubles = {p for p in alone if p.type.dtype in (F64, C128)}
    for node in graph.nodes:
        if node.regions or len(node.outputs) != 1 or node.output.dims or not all(v in alone for v in node.inputs):
            continue
        if not isinstance(node.op.kind, Pointwise) and not _is_created(node, bound):
            continue
        alone.add(node.output)
        if node.output.type.dtype in (F64, C128) or any(v in doubles for v in node.inputs):
            doubles.add(node.output)
    return alone, doubles


def _is_created(node: Node, bound: set[str]) -> bool:
    return node.op.name in CREATED and not (node.op.name == "dim" and symbols_of(node.attrs["dim"]) & bound)


def _read_elsewhere(graph: Graph, alone: set[Value], doubles: set[Value]) -> list[Value]:
    """The numbers that come of doubles and are none, and that arrays are computed with."""
    read = {v: None for node in graph.nodes if node.outputs[0] not in alone for v in node.inputs}
    read |= dict.fromkeys(graph.outputs)
    return [v for v in read if v in doubles and v.node is not None and v.type.dtype not in (F64, C128)]


def _host_graph(graph: Graph, alone: set[Value], outputs: Sequence[Value]) -> tuple[Graph, tuple[int, ...]]:
    """The graph of these numbers, by names that say nothing of the function: others may have it, too."""
    needed = set(outputs)
    nodes = []
    for node in reversed(graph.nodes):
        if node.outputs[0] in needed:
            needed.update(node.inputs)
            nodes.append(node)
    sources = tuple([k for k, p in enumerate(graph.params) if p in needed])
    new = {graph.params[k]: Value(graph.params[k].type, name=f"x{n}") for n, k in enumerate(sources)}
    kept = []
    for node in reversed(nodes):
        copied = with_inputs(node, tuple([new[v] for v in node.inputs]))
        new.update(zip(node.outputs, copied.outputs, strict=True))
        kept.append(copied)
    sizes = {name: None for node in kept for name in sorted(symbols_of(node.attrs.get("dim", 0)))}
    results = tuple([new[v] for v in outputs])
    host = Graph("numbers", tuple([new[graph.params[k]] for k in sources]), tuple(kept), results,
                 ints=tuple(map(symbol, sizes)))  # fmt: skip
    return host, sources


def compiled_numbers(host: Graph) -> NumbersProgram:
    """The program of ``Parts.host``."""
    executable: Executable = compile_graph(host, lambda graph: graph, kind="numbers")
    return NumbersProgram(
        executable.driver, executable.table, executable.symbols, executable.arena, len(host.params), len(host.ints),
        len(host.outputs), executable,
    )  # fmt: skip
