"""How much work a node is and how many bytes a value takes, as dims: estimates for choices and for ``explain()``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from graphc.ir.dims import Dim, evaluate, product, symbols_of
from graphc.ir.graph import Node, Value
from graphc.ir.opdef import Contract, Create, Movement, Windows

UNKNOWN_SIZE = 64  # taken for a symbol of which nothing is known


def elements(value: Value) -> Dim:
    return product(value.dims)


def size_bytes(value: Value) -> Dim:
    return elements(value) * value.type.dtype.itemsize


def operations(node: Node) -> Dim:
    """Rough arithmetic operations; rearranging elements counts as none."""
    if isinstance(node.op.kind, Movement | Create):
        return 0
    if isinstance(node.op.kind, Contract) and node.inputs[0].rank:
        return elements(node.outputs[0]) * node.inputs[0].dims[-1] * node.op.cost
    if isinstance(node.op.kind, Windows):
        work: Dim = node.op.kind.work(node)
        return work
    largest = node.outputs[0] if not node.inputs else max((*node.inputs, node.outputs[0]), key=lambda v: v.rank)
    return elements(largest) * node.op.cost


def total(dims: Iterable[Dim]) -> Dim:
    result: Dim = 0
    for dim in dims:
        result = result + dim
    return result


def number(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The dim under these sizes of symbols; a symbol that is not among them counts as ``UNKNOWN_SIZE``."""
    if isinstance(dim, int):
        return dim
    return evaluate(dim, {name: sizes.get(name, UNKNOWN_SIZE) for name in symbols_of(dim)})
