"""Which loops compute with small arrays alone, of those kinds that their numbers can stand for."""

from __future__ import annotations

import math

from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Pointwise
from graphc.ir.regions import carried, own_params
from graphc.ir.types import ArrayType

MOST_NUMBERS = 16  # of a small array
MOST_OPERATIONS = 1500  # in a body: compile time is in proportion to them
FOLDS = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum", "any": "logical_or", "all": "logical_and"}
MOVES = ("reshape", "broadcast_to", "transpose", "slice", "embed", "concat")
BLOCKS = ("read", "update", "accumulate")


def computes_with_numbers(node: Node) -> bool:
    """Whether the loop has small arrays, and does nothing with them that their numbers could not do."""
    if not _gains(node) or not all(map(_is_plain, node.regions)):
        return False
    return sum(map(_operations, node.regions)) <= MOST_OPERATIONS


def is_small(type_: ArrayType) -> bool:
    """Whether values of this type are arrays of a few numbers."""
    return bool(type_.dims) and all(isinstance(d, int) for d in type_.dims) and 0 < size_of(type_) <= MOST_NUMBERS


def size_of(type_: ArrayType) -> int:
    """The number of elements of a small array."""
    return math.prod(type_.dims)  # type: ignore[arg-type]


def _gains(node: Node) -> bool:
    """Whether a body makes a small array: reads of one element alone gain nothing."""
    return any(
        is_small(value.type) and size_of(value.type) > 1
        for region in node.regions
        for value in (*region.params[own_params(node) :][: carried(node)], *_made(region))
    )


def _made(region: Graph) -> list[Value]:
    return [o for node in region.nodes if node.op.name not in ("const", "broadcast_to") for o in node.outputs]


def _is_plain(region: Graph) -> bool:
    for node in region.nodes:
        if node.regions:
            if not all(map(_is_plain, node.regions)):
                return False
            continue
        makes = any(is_small(o.type) for o in node.outputs)
        if (makes or any(is_small(v.type) for v in node.inputs)) and not _is_known(node, makes):
            return False
    return True


def _is_known(node: Node, makes: bool) -> bool:
    if len(node.outputs) != 1:  # as eigh and slogdet have two
        return False
    name, kind = node.op.name, node.op.kind
    scalar = not node.output.rank
    if isinstance(kind, Pointwise) or name in FOLDS:
        return (makes or scalar) and all(is_small(v.type) or not v.rank for v in node.inputs)
    if name == "matmul":
        return all(is_small(v.type) and v.rank == 2 for v in (*node.inputs, node.output))
    if name == "read" and not is_small(node.inputs[0].type):
        return size_of(node.output.type) == 1
    if name in ("update", "accumulate") and not is_small(node.inputs[0].type):
        return size_of(node.inputs[1].type) == 1
    if name in BLOCKS:
        return all(known_number(start) is not None for start in node.inputs[1 + (name != "read") :])
    if name in MOVES:
        return (makes or scalar) and all(is_small(v.type) or not v.rank for v in node.inputs)
    return name in ("const", "iota")


def _operations(region: Graph) -> int:
    """Roughly how many numbers the region computes."""
    total = 0
    for node in region.nodes:
        sizes = [size_of(v.type) for v in (*node.inputs, *node.outputs) if is_small(v.type)]
        if node.op.name == "matmul":
            total += size_of(node.output.type) * int(node.inputs[0].dims[1])  # type: ignore[arg-type]
        elif node.op.name not in MOVES:
            total += max(sizes, default=1)
        total += sum(map(_operations, node.regions))
    return total


def known_number(value: Value) -> int | None:
    """The integer that a position is known to be."""
    node = value.node
    while node is not None and node.op.name == "cast":
        node = node.inputs[0].node
    return int(node.attrs["value"]) if node is not None and node.op.name == "const" else None
