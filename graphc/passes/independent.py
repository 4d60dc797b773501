"""Loops whose iterations do not meet, as expressions over whole arrays: they fuse, fill vectors and use threads.

>>> print(apply_to_text(independent_loops_as_arrays, '''
... graph f(%x: f64[n+1], %y: f64[n]) -> (%0) where n-1 >= 0 {
...   %0: f64[n] = for %y, %x carried=1 reverse=False stacked=0 trips=n
...     graph body(%i: i64[], %y: f64[n], %x: f64[n+1]) -> (%4) {
...       %0: i64[] = const dtype=i64 value=1 weak=False
...       %1: i64[] = add %i, %0
...       %2: f64[1] = read %x, %1 dims=(1,) steps=(1,)
...       %3: f64[1] = exp %2
...       %4: f64[n] = update %y, %3, %i steps=(1,)
...     }
... }''', OPS))
graph f(%x: f64[n+1], %y: f64[n]) -> (%5) where n-1 >= 0 {
  %0: i64[] = const dtype=i64 value=0 weak=False
  %1: f64[n] = slice %x dims=(n,) starts=(1,) steps=(1,)
  %2: f64[n,1] = reshape %1 dims=(n,1)
  %3: f64[n,1] = exp %2
  %4: f64[n] = reshape %3 dims=(n,)
  %5: f64[n] = update %y, %4, %0 steps=(1,)
}

An iteration may write one block of an array that the loop carries, at a position that moves with the index, so that no
two write the same element. Of that array it reads its own block, and what is known to lie outside of all blocks that
are written. Everything else in the body computes from captures and the index. Where any of this is not known, the loop
stays: in doubt, iterations run one after another. Inner loops come first, so a nest of loops is one expression.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product, substitute, symbols_of
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Create, Op, Pointwise, Read, Reduce
from graphc.ir.ranges import Ranges
from graphc.ir.regions import carried
from graphc.ir.rewrite import copy_node
from graphc.passes.branches import CONDS, as_selects
from graphc.passes.indices import rewrite_in_loops, rewrite_region

MOVES = ("reshape", "broadcast_to", "transpose")


def independent_loops_as_arrays(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with every loop of which that is known as array operations."""
    return rewrite_in_loops(graph, ops, _as_arrays, frozenset(("for",)))


def _as_arrays(F: Builder, node: Node, ranges: Ranges) -> Sequence[Value] | None:
    if node.op.name != "for" or node.attrs["stacked"]:
        return None
    (body,) = node.regions
    with ranges.region(node, body):
        if any(inner.op.name == "cond" for inner in body.nodes):
            body = rewrite_region(body, F.facts, F.ops, as_selects, CONDS, ranges)
        plan = _plan(F, node, body, ranges)
        return None if plan is None else _Batch(F, node, body, ranges, plan).run()


@dataclass
class _Move:
    """Along this axis the start of a block moves by ``step`` an iteration."""

    axis: int
    step: int


# --- which loops ------------------------------------------------------------------------------------------------------


def _plan(F: Builder, node: Node, body: Graph, ranges: Ranges) -> dict[Node, _Move] | None:
    """How the blocks move that iterations read and write; None where iterations may meet."""
    index, count = _index(body, ranges), carried(node)
    writes = [_write(body, k) for k in range(count)]
    if any(w is None and body.outputs[k] is not body.params[1 + k] for k, w in enumerate(writes)):
        return None
    if not any(writes):
        return None
    moves: dict[Node, _Move] = {}
    largest = {product(w.inputs[1].dims) for w in writes if w is not None}
    runs = F.facts.proves_at_least(node.attrs["trips"], 1)
    depends = {body.params[0]}
    for inner in body.nodes:
        varies = any(v in depends for v in inner.inputs)
        if inner in writes or isinstance(inner.op.kind, Read):
            move = _move(inner, index, ranges) if varies else None
            if (varies or inner in writes) and move is None:
                return None
            if move is not None:
                moves[inner] = move
        elif not _is_simple(inner, varies):
            return None
        if not varies and not runs and (isinstance(inner.op.kind, Read) or inner.op.name == "checked_index"):
            return None  # it would be done even where there is no iteration
        size = product(inner.output.dims)
        if inner not in writes and varies and not (isinstance(size, int) and size == 1) and size not in largest:
            return None  # an array for each iteration where one did
        if varies:
            depends.add(inner.output)
    for k, write in enumerate(writes):
        if write is not None and not _keeps_apart(body, body.params[1 + k], write, moves, ranges):
            return None
    return moves


def _index(body: Graph, ranges: Ranges) -> str:
    (index,) = symbols_of(ranges.known[body.params[0]])
    return index


def _write(body: Graph, k: int) -> Node | None:
    """The write that makes carried value k, where it is one."""
    made = body.outputs[k].node
    if made is None or made.op.name not in ("update", "accumulate") or made.inputs[0] is not body.params[1 + k]:
        return None
    return made


def _is_simple(node: Node, varies: bool) -> bool:
    """Whether the node can be done for all iterations at once."""
    kind = node.op.kind
    if node.regions or len(node.outputs) != 1:
        return False
    if not varies:
        return isinstance(kind, Pointwise | Create) or node.op.name in (*MOVES, "checked_index")
    return isinstance(kind, Pointwise) or node.op.name in MOVES or (isinstance(kind, Reduce) and not kind.index)


def _starts(node: Node) -> tuple[Value, ...]:
    return node.inputs[1:] if isinstance(node.op.kind, Read) else node.inputs[2:]


def _block_dims(node: Node) -> tuple[Dim, ...]:
    return node.attrs["dims"] if isinstance(node.op.kind, Read) else node.inputs[1].dims


def _move(node: Node, index: str, ranges: Ranges) -> _Move | None:
    """How the block moves, where it does so along one axis, of which it takes one place."""
    found: _Move | None = None
    for axis, start in enumerate(_starts(node)):
        dim = ranges.dim_of(start)
        if dim is None or index not in symbols_of(dim):
            if dim is None and start.node is not None:
                return None  # computed of arrays, in the body
            continue
        slope = _at(dim, index, 1) - _at(dim, index, 0)
        straight = _at(dim, index, 2) - _at(dim, index, 1) == slope
        if (
            found is not None
            or not straight
            or not isinstance(slope, int)
            or slope == 0
            or _block_dims(node)[axis] != 1
        ):
            return None
        found = _Move(axis, slope)
    return found


def _at(dim: Dim, index: str, place: Dim) -> Dim:
    return substitute(dim, {index: place})


def _keeps_apart(body: Graph, array: Value, write: Node, moves: Mapping[Node, _Move], ranges: Ranges) -> bool:
    """Whether what is read of the array is the iteration's own block, or none that any iteration writes."""
    index, axis = _index(body, ranges), moves[write].axis
    if any(write.output in node.inputs for node in body.nodes) or body.outputs.count(write.output) > 1:
        return False
    for node in body.nodes:
        if array not in node.inputs or node is write:
            continue
        if not isinstance(node.op.kind, Read):
            return False
        if not (_own(node, moves.get(node), write, axis, ranges) or _apart(node, write, index, ranges)):
            return False
    return array not in body.outputs and write.inputs.count(array) == 1


def _own(read: Node, move: _Move | None, write: Node, axis: int, ranges: Ranges) -> bool:
    """Whether the read block lies where its own iteration writes, along the axis on which others write elsewhere."""
    if write.op.name == "accumulate" or move is None or move.axis != axis:
        return False
    return ranges.dim_of(_starts(read)[axis]) == ranges.dim_of(_starts(write)[axis])


def _apart(read: Node, write: Node, index: str, ranges: Ranges) -> bool:
    """Whether there is an axis along which the read places lie on one side of all that are written."""
    for axis in range(len(_starts(read))):
        read_ends, write_ends = (_ends(node, axis, index, ranges) for node in (read, write))
        for low, high in ((read_ends, write_ends), (write_ends, read_ends)):
            if low and high and all(ranges.never_negative(b - a - 1) for a in low for b in high):
                return True
    return False


def _ends(node: Node, axis: int, index: str, ranges: Ranges) -> list[Dim]:
    """Places among which are the first and the last along the axis that any iteration touches."""
    start, step, size = ranges.dim_of(_starts(node)[axis]), node.attrs["steps"][axis], _block_dims(node)[axis]
    if start is None:
        return []
    slope = _at(start, index, 1) - _at(start, index, 0)
    if _at(start, index, 2) - _at(start, index, 1) != slope:
        return []
    return [_at(start, index, place) + step * k for place in (0, ranges.trips[index] - 1) for k in (0, size - 1)]


# --- all iterations at once -------------------------------------------------------------------------------------------


class _Batch:
    """Builds the body for all iterations: what depends on the index has a first axis of them."""

    def __init__(self, F: Builder, node: Node, body: Graph, ranges: Ranges, moves: Mapping[Node, _Move]):
        self.F, self.node, self.body, self.ranges, self.moves = F, node, body, ranges, moves
        self.trips: Dim = node.attrs["trips"]
        self.new: dict[Value, Value] = dict(zip(body.params[1:], node.inputs, strict=True))
        self.batched: set[Value] = set()
        self.index = _index(body, ranges)

    def run(self) -> list[Value]:
        index = self.body.params[0]
        self.new[index] = self.F.iota(dims=(self.trips,), axis=0)
        self.batched.add(index)
        for node in self.body.nodes:
            with self.F.at(node.location):
                self.new[node.output] = self._node(node)
        count = carried(self.node)
        return [self.new[v] for v in self.body.outputs[:count]]

    def _node(self, node: Node) -> Value:
        if node in self.moves:
            return self._read(node) if isinstance(node.op.kind, Read) else self._write(node)
        if not any(v in self.batched for v in node.inputs):
            return copy_node(self.F, node, tuple(self.new[v] for v in node.inputs))[0]
        self.batched.add(node.output)
        if isinstance(node.op.kind, Pointwise):
            return self._pointwise(node)
        (source,) = node.inputs
        x, F = self.new[source], self.F
        match node.op.name:
            case "reshape":
                return F.reshape(x, (self.trips, *node.output.dims))
            case "broadcast_to":
                return F.broadcast_to(self._spread(source, node.output.rank), (self.trips, *node.output.dims))
            case "transpose":
                return F.transpose(x, (0, *(1 + axis for axis in node.attrs["perm"])))
        return F.reduce(node.op.name, x, [1 + axis for axis in node.attrs["axes"]])

    def _spread(self, value: Value, rank: int) -> Value:
        """The value so that its own axes are the last of ``rank``, after that of the iterations."""
        found = self.new[value]
        if value not in self.batched or value.rank == rank:
            return found
        return self.F.reshape(found, (self.trips, *(1,) * (rank - value.rank), *value.dims))

    def _pointwise(self, node: Node) -> Value:
        operands = [self._spread(v, node.output.rank) for v in node.inputs]
        if node.op.name == "cast":
            return self.F.raw(node.op, tuple(operands), node.attrs).output
        found: Value = self.F.apply(node.op, operands, node.attrs)
        return found

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _places(self, node: Node) -> tuple[list[Value], tuple[int, ...], tuple[Dim, ...]]:
        """Starts, steps and dims of the block that all iterations' blocks are together."""
        move, dims = self.moves[node], list(_block_dims(node))
        steps = list(node.attrs["steps"])
        steps[move.axis], dims[move.axis] = move.step, self.trips
        starts = [self._first(s) if axis == move.axis else self.new[s] for axis, s in enumerate(_starts(node))]
        return starts, tuple(steps), tuple(dims)

    def _first(self, start: Value) -> Value:
        """The position in iteration 0."""
        if start is self.body.params[0]:
            return self.F.constant(0, start.type)
        node = start.node
        if node is None or start not in self.batched:
            return self.new[start]
        inputs = [self._first(v) for v in node.inputs]
        if node.op.name == "cast":
            return self.F.raw(node.op, tuple(inputs), node.attrs).output
        found: Value = self.F.apply(node.op, inputs, node.attrs)
        return found

    def _read(self, node: Node) -> Value:
        F, axis = self.F, self.moves[node].axis
        starts, steps, dims = self._places(node)
        self.batched.add(node.output)
        base = self.new[node.inputs[0]]
        known = [self._static(_starts(node)[k]) for k in range(len(starts))]
        if all(place is not None for place in known):
            block = F.slice(base, starts=tuple(known), steps=steps, dims=dims)
        else:
            block = F.read(base, *starts, steps=steps, dims=dims)
        apart = F.reshape(block, (*dims[: axis + 1], 1, *dims[axis + 1 :]))
        return F.transpose(apart, (axis, *(k for k in range(apart.rank) if k != axis)))

    def _static(self, start: Value) -> Dim | None:
        """The position in iteration 0, where only sizes decide it."""
        dim = self.ranges.dim_of(start)
        if dim is None:
            return None
        first = _at(dim, self.index, 0)
        return first if symbols_of(first).isdisjoint(self.ranges.trips) else None

    def _write(self, node: Node) -> Value:
        F, axis = self.F, self.moves[node].axis
        starts, steps, dims = self._places(node)
        base, block = node.inputs[:2]
        whole = self.new[block]
        if block not in self.batched:
            whole = F.broadcast_to(whole, (self.trips, *block.dims))
        order = (*range(1, axis + 1), 0, *range(axis + 1, whole.rank))
        joined = F.reshape(F.transpose(whole, order), dims)
        found: Value = F.apply(node.op, (self.new[base], joined, *starts), {**node.attrs, "steps": steps})
        return found
