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
    """The dim under these sizes of symbols; a symbol that is not among them counts as ``UNKNOWN_SIZE``.

    The difference of two such is not nothing: one of them, perhaps the index of a loop, may be small.
    """
    if isinstance(dim, int):
        return dim
    known = {name: sizes.get(name, UNKNOWN_SIZE) for name in symbols_of(dim)}
    unknown = [name for name in sorted(known) if name not in sizes]
    found = evaluate(dim, known)
    return max(found, *(evaluate(dim, {**known, name: 1}) for name in unknown)) if len(unknown) > 1 else found
