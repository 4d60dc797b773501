"""What is made, or read, as one contiguous block of an array that is there: it stands in that array, without a copy.

A value whose only use is to be written into an array as a whole block (an entry of a tape) is made there. A block that
is only read (an entry of a tape, on the way back) is the part of the array where it stands. And an array that gains or
loses axes of length 1 is the same memory.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.ir.dims import Dim, product
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.positions import as_dim
from graphc.ir.rewrite import drop_dead
from graphc.schedule.lower import is_trivial_reshape
from graphc.schedule.program import Storage
from graphc.schedule.sequence import Sequence as Pieces


def part_of(whole: Storage, value: Value, offset: Dim) -> Storage:
    """The place of the value in the array that holds it."""
    return Storage("part", -1, value.type.short, product(value.dims), whole=whole, offset=offset)


def block_offset(base: Value, starts: Sequence[Dim | None], steps: Sequence[int], dims: Sequence[Dim]) -> Dim | None:
    """Where a block of this many elements begins in the base; None where it is not contiguous, or not known."""
    offset: Dim = 0
    begun = False  # an axis of which the block has more than one place
    for size, start, step, dim in zip(base.dims, starts, steps, dims, strict=True):
        if start is None or (dim != 1 and step != 1) or (begun and (start != 0 or dim != size)):
            return None
        begun = begun or dim != 1
        offset = offset * size + start
    return offset


def without_outputs(piece: Graph, outputs: Sequence[Value]) -> Graph:
    """The piece with these of its outputs only, and what they need."""
    made = drop_dead(Graph(piece.name, piece.params, piece.nodes, tuple(outputs), piece.guards))
    read = {v for node in made.nodes for v in node.inputs} | set(outputs)
    return Graph(piece.name, tuple(p for p in piece.params if p in read), made.nodes, made.outputs, piece.guards)


def unshaped(value: Value, piece: Graph) -> Value:
    """What the value is a reshape of within the piece, but for axes of length 1; often the value itself."""
    while value not in piece.params:
        node = value.node
        if node is None or node.op.name != "reshape" or not is_trivial_reshape(node.inputs[0].dims, node.output.dims):
            break
        value = node.inputs[0]
    return value


def read_part(value: Value, piece: Graph) -> tuple[Value, Dim] | None:
    """The parameter of which an output of the piece is a part, and where that begins; None where it is none."""
    block = unshaped(value, piece)
    node = block.node
    if block in piece.params or node is None or node.op.name not in ("read", "slice"):
        return None
    base = node.inputs[0]
    starts = map(as_dim, node.inputs[1:]) if node.op.name == "read" else node.attrs["starts"]
    offset = block_offset(base, list(starts), node.attrs["steps"], node.attrs["dims"])
    return None if offset is None or base not in piece.params else (base, offset)


def written_by(value: Value, pieces: Pieces) -> tuple[Node, int] | None:
    """The barrier that writes the value into an array, and its number, where that is the value's only use."""
    times = pieces.uses.get(value, [])
    if len(times) != 1 or times[0] >= 2 * len(pieces.barriers):
        return None
    (time,) = times
    if time % 2:
        barrier = pieces.barriers[time // 2]
        takes = barrier.op.name == "update" and barrier.inputs[1] is value and value not in barrier.inputs[2:]
        return (barrier, time // 2 + 1) if takes else None
    readers = [node for node in pieces.members.get(time // 2, ()) if value in node.inputs]
    if len(readers) == 1 and readers[0].op.name == "reshape" and is_trivial_reshape(value.dims, readers[0].output.dims):
        return written_by(readers[0].output, pieces)
    return None
