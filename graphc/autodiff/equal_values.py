"""Adjoints through vectors of equal eigenvalues: found to be needed by one program, computed by another.

``Checked``  a program whose nodes with vectors stop it where a limit is needed: it does not serve such a call.
``Limits``   a program that computes the limits (``ops.spectral_limits``), for what comes after the node the cotangents
             anew, of other vectors, and their tangents; and a flag for each node that had no derivative.
"""

from __future__ import annotations

from typing import Protocol

from graphc.autodiff.chain import Cotangents, fit, pull_back
from graphc.autodiff.requires_grad import mark
from graphc.autodiff.tangent import jvp_graph
from graphc.errors import Location
from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.rewrite import inline, with_inputs
from graphc.ir.types import I64
from graphc.ops.index import EQUAL_VALUES
from graphc.ops.matrices import required
from graphc.ops.spectral_limits import LIMITS, NEEDS, VALUES
from graphc.passes.facts import NumberFacts


class Rule(Protocol):
    """How a node with vectors is differentiated. ``flags``: outputs that the joint graph gets."""

    flags: list[Value]

    def pull_back(self, F: Builder, facts: NumberFacts, node: Node, cotangents: Cotangents) -> Cotangents:
        """The cotangents of the node's inputs."""


def has_limit(node: Node) -> bool:
    return node.op.name in LIMITS and 0 not in node.inputs[0].dims


class Checked:
    """As without limits, but the program stops where one is needed."""

    def __init__(self) -> None:
        self.flags: list[Value] = []

    def pull_back(self, F: Builder, facts: NumberFacts, node: Node, cotangents: Cotangents) -> Cotangents:
        met = NEEDS[node.op.name](F, node, cotangents)
        found = pull_back(F, facts, node, cotangents)
        assert found[0] is not None
        return (required(F, F.cast(met, I64), EQUAL_VALUES, found[0]), *found[1:])


class Limits:
    """``flags`` and ``places``: whether there was no derivative (bool[]), and where, of each node."""

    def __init__(self) -> None:
        self.flags: list[Value] = []
        self.places: list[tuple[str, Location | None]] = []

    def pull_back(self, F: Builder, facts: NumberFacts, node: Node, cotangents: Cotangents) -> Cotangents:
        def along(outputs: tuple[Value, ...], direction: Value) -> tuple[Cotangents, Cotangents]:
            return moved_cotangents(F, node, cotangents, outputs, direction)

        g, flag = LIMITS[node.op.name](F, node, cotangents, along)
        self.flags.append(flag)
        self.places.append((node.op.name, node.location))
        return (fit(F, node, node.inputs[0], g),)


def moved_cotangents(
    F: Builder, node: Node, cotangents: Cotangents, outputs: tuple[Value, ...], direction: Value
) -> tuple[Cotangents, Cotangents]:
    """What the node's cotangents are where its outputs are these, and their tangents where its values move."""
    wanted = [g for g in cotangents if g is not None]
    graph, captures = after(F, node, wanted)
    place = VALUES[node.op.name]
    marked = mark(graph, [k == place for k in range(len(graph.params))])
    made = inline(F, jvp_graph(marked, F.ops), [*outputs, *captures, direction])
    parts = iter(made[: len(wanted)]), iter(made[len(wanted) :])
    first, second = (tuple(None if g is None else next(part) for g in cotangents) for part in parts)
    return first, second


def after(F: Builder, node: Node, wanted: list[Value]) -> tuple[Graph, list[Value]]:
    """What is computed of the node's outputs for these values, as a graph by itself, and what else it reads.

    Its parameters are the node's outputs and then the captures.
    """
    reached = set(node.outputs)
    for each in F.nodes:
        if any(v in reached for v in each.inputs):
            reached.update(each.outputs)
    needed, nodes = set(wanted), []
    for each in reversed(F.nodes):
        if each is not node and any(o in needed and o in reached for o in each.outputs):
            nodes.append(each)
            needed.update(each.inputs)
    nodes.reverse()
    made = {o for each in nodes for o in each.outputs}
    captures = list(dict.fromkeys(
        v for v in (*(v for each in nodes for v in each.inputs), *wanted)
        if v not in made and v not in node.outputs
    ))  # fmt: skip
    params = {v: Value(v.type, name=f"a{k}") for k, v in enumerate((*node.outputs, *captures))}
    new, copies = dict(params), []
    for each in nodes:
        copied = with_inputs(each, tuple(new[v] for v in each.inputs))
        new.update(zip(each.outputs, copied.outputs, strict=True))
        copies.append(copied)
    outputs = tuple(new[v] for v in wanted)
    return Graph("after", tuple(params.values()), tuple(copies), outputs), captures
