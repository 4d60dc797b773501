"""In which order NumPy has laid an array in memory, which decides whether a reshape of it is a view or a copy."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.ir.builder import Builder
from graphc.ir.graph import Node, Value

# what NumPy and SciPy give in different orders, or LAPACK in Fortran's
_FOLLOWING = frozenset(["cast", "concat", "sort"])  # results lie as copies of their operands do
_ORDERS_OF_LAPACK = frozenset(["triangular_solve", "qr", "svd", "eigh", "eig", "lu"])


def lies_in_c_order(value: Value) -> bool:
    """Whether NumPy is known to have made the array in C order: results follow the order of their operands."""
    stack, seen = [value], set()
    while stack:
        top = stack.pop()
        if top in seen or top.rank < 2 or top.node is None or top.node.op.name == "broadcast_to":
            continue
        seen.add(top)
        node = top.node
        if node.op.name == "matmul":
            if all(v.node is not None and v.node.op.name == "transpose" for v in node.inputs[:2]):
                return False  # ``einsum`` writes in the order of its operands
            continue
        if node.op.name == "reshape" and node.attrs["dims"] == node.inputs[0].dims:
            continue  # see ``in_order``
        if node.op.name in _FOLLOWING and not any(copies_in_c_order(v) for v in node.inputs):
            return False
        if node.op.name in _ORDERS_OF_LAPACK or (node.op.name == "gather" and not _keeps_c_order(node)):
            return False
        if node.op.name == "transpose":
            kept = [axis for axis in node.attrs["perm"] if node.inputs[0].dims[axis] != 1]
            if kept != sorted(kept):
                return False
        stack.extend(node.inputs)
    return True


def copies_in_c_order(value: Value) -> bool:
    """Whether NumPy's copy of the array, which lies as the array does, is known to be in C order.

    An axis that ``broadcast_to`` made has no step in memory, and so becomes an innermost one of a copy.
    """
    node, turned = value.node, False
    while node is not None and node.op.name in ("slice", "reshape", "transpose"):
        node, turned = node.inputs[0].node, True
    if node is None or node.op.name != "broadcast_to":
        return lies_in_c_order(value)
    dims, kept = node.outputs[0].dims, node.inputs[0].dims
    own = [size != 1 for size in (*[1] * (len(dims) - len(kept)), *kept)]  # along which elements differ
    moves = [differs for differs, size in zip(own, dims, strict=True) if size != 1]
    return (moves == sorted(moves, reverse=True) and not turned) or not any(moves)


def _keeps_c_order(gather: Node) -> bool:
    """The axes of the positions are the outermost in memory, wherever they stand: ``x[:, index]`` is no C order."""
    axes: Sequence[int] = gather.attrs["axes"]
    return not any(index.rank for index in gather.inputs[1:]) or tuple(axes) == tuple(range(len(axes)))


def in_other_order(F: Builder, value: Value) -> Value:
    """The same array, known to lie in memory otherwise than in C order."""
    back = range(value.rank)[::-1]
    return F.transpose(F.transpose(value, back), back)


def in_order(F: Builder, value: Value, order: str | None) -> Value:
    """A copy of the array in C or Fortran order; for ``K`` and ``A`` it lies as the array does.

    A reshape to the same sizes says that it is C order.
    """
    if order == "F":
        return in_other_order(F, value)
    if order != "C" and not copies_in_c_order(value):
        return in_other_order(F, value)
    if order == "C" and not lies_in_c_order(value):
        return F.raw(F.ops["reshape"], (value,), {"dims": value.dims}).output
    return value
