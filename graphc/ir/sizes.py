"""Sizes that a node binds when the program runs: the count of a mask, the iterations of a ``while``, a loop's index.

Such a size is a symbol in the types and attrs of what follows, in the same region and in those inside it. So a node
depends not only on its inputs, but also on what binds the sizes that it has.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import WeakKeyDictionary

from graphc.ir.dims import Dim, Expr, product, symbols_of
from graphc.ir.graph import Graph, Node, Value


def is_binder(node: Node) -> bool:
    return "symbol" in node.attrs


def limit_of(node: Node) -> Dim | None:
    """The most that the size can be which the node binds; None where nothing is known of it."""
    if node.op.name == "mask_indices":
        return product(node.inputs[0].dims)
    limit: Dim | None = node.attrs.get("limit")
    return limit


def binders(graph: Graph) -> dict[str, Value]:
    """What binds a size in this graph, without its regions: the output of the node, by the symbol."""
    return {node.attrs["symbol"]: node.output for node in graph.nodes if is_binder(node)}


def bound_sizes(graph: Graph) -> Iterator[tuple[str, Dim | None]]:
    """The symbols that nodes of the graph and its regions bind, outer ones first, and their limits."""
    for node in graph.nodes:
        if is_binder(node):
            yield node.attrs["symbol"], limit_of(node)
        for region in node.regions:
            yield from bound_sizes(region)


def sizes_of(node: Node) -> set[str]:
    """The symbols in the node's attrs, in the types of its results and in its regions."""
    names: set[str] = set()
    for attr in node.attrs.values():
        names |= _symbols_in(attr)
    for output in node.outputs:
        for dim in output.dims:
            names |= symbols_of(dim)
    for region in node.regions:
        names |= sizes_in(region)
    return names


_IN: WeakKeyDictionary[Graph, set[str]] = WeakKeyDictionary()


def sizes_in(region: Graph) -> set[str]:
    """The symbols in the region, not to be changed: each pass asks for them."""
    if region not in _IN:
        _IN[region] = _sizes_in(region)
    return _IN[region]


def _sizes_in(region: Graph) -> set[str]:
    names = {name for param in region.params for dim in param.dims for name in symbols_of(dim)}
    for node in region.nodes:
        names |= sizes_of(node)
    return names


def _symbols_in(attr: Any) -> frozenset[str]:
    if isinstance(attr, tuple):
        return frozenset().union(*map(_symbols_in, attr))
    return symbols_of(attr) if isinstance(attr, Expr) else frozenset()


class Needs:
    """For the nodes of one graph: the values that each depends on, those that bind its sizes among them."""

    def __init__(self, graph: Graph):
        self.binders = binders(graph)

    def of(self, node: Node) -> tuple[Value, ...]:
        if not self.binders:
            return node.inputs
        names = sizes_of(node).union(*(symbols_of(dim) for v in node.inputs for dim in v.dims))
        found = (self.binders[name] for name in sorted(names & self.binders.keys()))
        return (*node.inputs, *(v for v in found if v not in node.outputs))
