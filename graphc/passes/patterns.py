"""What rules look for in the values before them."""

from __future__ import annotations

from graphc.ir.dims import Dim
from graphc.ir.graph import Node, Value
from graphc.ir.types import BOOL

_SAME_NUMBER_EVERYWHERE = frozenset({"broadcast_to", "reshape", "transpose", "slice"})


def made_by(value: Value, name: str) -> Node | None:
    """The node that made the value, when it is of this op."""
    node = value.node
    return node if node is not None and node.op.name == name else None


def constant(value: Value) -> float | int | bool | None:
    """The number that every element of the value is known to be, or None; of complex ones the parts are asked about."""
    if value.type.is_complex:
        return None
    node = value.node
    while node is not None and node.op.name in _SAME_NUMBER_EVERYWHERE:
        node = node.inputs[0].node
    return node.attrs["value"] if node is not None and node.op.name == "const" else None


def is_constant(value: Value, number: float) -> bool:
    """Every element is this number; zeros of another sign are other numbers, and bools are none."""
    found = constant(value)
    return (
        found is not None and value.type.dtype != BOOL and found == number and repr(float(found)) == repr(float(number))
    )


def without_ones(dims: tuple[Dim, ...]) -> tuple[Dim, ...]:
    return tuple(dim for dim in dims if dim != 1)


def padded(dims: tuple[Dim, ...], rank: int) -> tuple[Dim, ...]:
    """The dims with ones before them, as broadcasting sees them."""
    return (1,) * (rank - len(dims)) + tuple(dims)
