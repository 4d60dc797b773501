"""Blocks written at known places: what is read back is taken from where it came, and pieces of a new array are joined.

>>> print(apply_to_text(simplify_updates, '''
... graph f(%v: f64[n], %w: f64[1]) -> (%6, %7) where n - 2 >= 0 {
...   %0: f64[] = const dtype=f64 value=0.0 weak=False
...   %1: f64[n+1] = broadcast_to %0 dims=(n+1,)
...   %2: i64[] = const dtype=i64 value=1 weak=False
...   %3: f64[n+1] = update %1, %v, %2 steps=(1,)
...   %4: i64[] = const dtype=i64 value=0 weak=False
...   %5: f64[n+1] = update %3, %w, %4 steps=(1,)
...   %6: f64[n+1] = exp %5
...   %7: f64[n] = slice %5 dims=(n,) starts=(1,) steps=(1,)
... }''', OPS))
graph f(%v: f64[n], %w: f64[1]) -> (%1, %v) where n-2 >= 0 {
  %0: f64[n+1] = concat %w, %v axis=0
  %1: f64[n+1] = exp %0
}

An array of one number that is filled along one axis is a ``concat`` of the pieces, and of what no write covers. Others
stay as they are: whether they need a copy is decided when they are scheduled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.regions import map_regions
from graphc.ir.rewrite import drop_dead, with_inputs
from graphc.ir.shapes import ShapeFacts
from graphc.passes.patterns import constant, made_by
from graphc.passes.rewriter import Rewriter, Rules, rewrite


def simplify_updates(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The rules of this file, then the joining of pieces."""
    return join_pieces(rewrite(graph, ops, UPDATE_RULES), ops)


@dataclass(frozen=True)
class Block:
    """The places ``starts + steps * i`` for i below ``dims``."""

    starts: tuple[Dim, ...]
    steps: tuple[int, ...]
    dims: tuple[Dim, ...]

    def ends(self, axis: int) -> tuple[Dim, Dim]:
        """The lowest and the highest place along the axis."""
        first = self.starts[axis]
        last = first + self.steps[axis] * (self.dims[axis] - 1)
        return (first, last) if self.steps[axis] > 0 else (last, first)

    def misses(self, other: Block, facts: ShapeFacts) -> bool:
        """Whether the blocks are known to share no place."""
        for axis in range(len(self.dims)):
            (low, high), (from_, to) = self.ends(axis), other.ends(axis)
            if facts.proves_at_least(from_, high + 1) or facts.proves_at_least(low, to + 1):
                return True
        return False

    def covers(self, other: Block, facts: ShapeFacts) -> bool:
        """Whether every place of the other block is known to be one of this, without gaps along any axis."""
        for axis, step in enumerate(self.steps):
            same = all(getattr(self, a)[axis] == getattr(other, a)[axis] for a in ("starts", "steps", "dims"))
            (low, high), (from_, to) = self.ends(axis), other.ends(axis)
            inside = facts.proves_at_least(from_, low) and facts.proves_at_least(high, to)
            if not (same or (abs(step) == 1 and inside)):
                return False
        return True


def known_start(value: Value) -> Dim | None:
    """The position, where it is one of sizes and numbers alone."""
    node = value.node
    while node is not None and node.op.name == "cast":
        node = node.inputs[0].node
    if node is None or node.op.name not in ("const", "dim"):
        return None
    found: Dim = node.attrs["value" if node.op.name == "const" else "dim"]
    return found


def written_block(node: Node) -> Block | None:
    """The block that an ``update`` writes; None where it is known only when the program runs, or is a diagonal."""
    starts = [known_start(v) for v in node.inputs[2:]]
    if any(start is None for start in starts) or not all(isinstance(step, int) for step in node.attrs["steps"]):
        return None
    return Block(tuple(s for s in starts if s is not None), node.attrs["steps"], node.inputs[1].dims)


# --- rules ------------------------------------------------------------------------------------------------------------


def read_of_update(rewriter: Rewriter, node: Node) -> Value | None:
    """What was just written, at the very same place."""
    inner = made_by(node.inputs[0], "update")
    if inner is None or node.attrs["steps"] != inner.attrs["steps"] or node.attrs["dims"] != inner.inputs[1].dims:
        return None
    same = all(a is b or _same_start(a, b) for a, b in zip(node.inputs[1:], inner.inputs[2:], strict=True))
    return inner.inputs[1] if same else None


def _same_start(a: Value, b: Value) -> bool:
    start = known_start(a)
    return start is not None and start == known_start(b)


def slice_of_update(rewriter: Rewriter, node: Node) -> Value | None:
    """What was just written, or what was there before."""
    inner, F = made_by(node.inputs[0], "update"), rewriter.F
    wrote = written_block(inner) if inner is not None else None
    if inner is None or wrote is None or not all(isinstance(step, int) for step in node.attrs["steps"]):
        return None
    wanted = Block(node.attrs["starts"], node.attrs["steps"], node.attrs["dims"])
    if wanted == wrote:
        return inner.inputs[1]
    if wrote.misses(wanted, F.facts):
        before: Value = F.slice(inner.inputs[0], **node.attrs)
        return before
    if set(wrote.steps) == {1} and wrote.covers(wanted, F.facts):
        starts = tuple(a - b for a, b in zip(wanted.starts, wrote.starts, strict=True))
        part: Value = F.slice(inner.inputs[1], starts=starts, steps=wanted.steps, dims=wanted.dims)
        return part
    return None


def update(rewriter: Rewriter, node: Node) -> Value | None:
    """A write over everything, and one over the whole of an earlier one."""
    x, v, *places = node.inputs
    wrote, F = written_block(node), rewriter.F
    if wrote is None:
        return None
    zeros, ones = (0,) * x.rank, (1,) * x.rank
    if wrote.covers(Block(zeros, ones, x.dims), F.facts):
        starts = tuple(dim - 1 if step < 0 else 0 for dim, step in zip(v.dims, wrote.steps, strict=True))
        turned: Value = v if set(wrote.steps) <= {1} else F.slice(v, starts=starts, steps=wrote.steps, dims=v.dims)
        return turned
    inner = made_by(x, "update")
    earlier = written_block(inner) if inner is not None else None
    if inner is None or earlier is None or not wrote.covers(earlier, F.facts):
        return None
    again: Value = F.update(inner.inputs[0], v, *places, steps=wrote.steps)
    return again


def accumulate_onto_update(rewriter: Rewriter, node: Node) -> Value | None:
    """What is added to what was just written, at the very same place, is written with it."""
    x, v, *places = node.inputs
    inner = made_by(x, "update")
    if inner is None or not rewriter.read_once(x) or not _same_block(node, inner):
        return None
    F = rewriter.F
    both: Value = F.update(inner.inputs[0], F.add(inner.inputs[1], v), *places, steps=node.attrs["steps"])
    return both


def _same_block(node: Node, inner: Node) -> bool:
    """Whether two writes go to the same place."""
    if node.attrs["steps"] != inner.attrs["steps"] or node.inputs[1].dims != inner.inputs[1].dims:
        return False
    return all(a is b or _same_start(a, b) for a, b in zip(node.inputs[2:], inner.inputs[2:], strict=True))


def accumulate_beside_accumulate(rewriter: Rewriter, node: Node) -> Value | None:
    """What is added to two blocks that are one block moved along an axis is added to both at once."""
    x, second, *places = node.inputs
    inner = made_by(x, "accumulate")
    if inner is None or not rewriter.read_once(x) or {*node.attrs["steps"], *inner.attrs["steps"]} != {1}:
        return None
    first = inner.inputs[1]
    moved = _moved(node, inner)
    if moved is None:
        return None
    axis, start, apart = moved
    F, rank = rewriter.F, x.rank
    dims = tuple(dim + abs(apart) if k == axis else dim for k, dim in enumerate(first.dims))
    parts = []
    for block, offset in ((first, max(-apart, 0)), (second, max(apart, 0))):
        offsets = tuple(offset if k == axis else 0 for k in range(rank))
        parts.append(F.embed(block, starts=offsets, steps=(1,) * rank, dims=dims))
    places[axis] = F.value(start + min(apart, 0))
    both: Value = F.accumulate(inner.inputs[0], F.add(*parts), *places, steps=node.attrs["steps"])
    return both


FARTHEST = 8  # places between two blocks


def _moved(node: Node, inner: Node) -> tuple[int, Dim, int] | None:
    """The one axis along which two blocks of one shape lie apart, the inner one's start, and how far the other is."""
    if node.inputs[1].dims != inner.inputs[1].dims:
        return None
    found = None
    for axis, (a, b) in enumerate(zip(node.inputs[2:], inner.inputs[2:], strict=True)):
        if a is b or _same_start(a, b):
            continue
        other, start = known_start(a), known_start(b)
        if found is not None or other is None or start is None or node.inputs[1].dims[axis] == 1:
            return None
        apart = other - start
        if not isinstance(apart, int) or abs(apart) > FARTHEST:
            return None
        found = axis, start, apart
    return found


UPDATE_RULES: Rules = {
    "read": (read_of_update,),
    "slice": (slice_of_update,),
    "update": (update,),
    "accumulate": (accumulate_onto_update, accumulate_beside_accumulate),
}


# --- pieces of a new array --------------------------------------------------------------------------------------------


def join_pieces(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with every chain of writes that fills an array of one number along an axis as a concat.

    Outside of regions what is read at a known place is a slice, whose cotangent is worth no array to be added to.
    """
    return _join(graph, ShapeFacts(graph.guards), ops, inside=False)


def _join(graph: Graph, facts: ShapeFacts, ops: Mapping[str, Op], *, inside: bool = True) -> Graph:
    reads = Counter(v for node in graph.nodes for v in node.inputs)
    reads.update(graph.outputs)
    going_on = {node.inputs[0] for node in graph.nodes if node.op.name == "update" and reads[node.inputs[0]] == 1}
    F = Builder(ops, facts)
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        current = with_inputs(node, tuple(new.get(v, v) for v in node.inputs))
        if node.regions:
            current = map_regions(current, lambda region: _join(region, facts, ops), "pieces")
        joined = None
        if node.op.name == "update" and node.output not in going_on:
            with F.at(node.location):
                joined = _joined(F, node, new, reads)
        elif node.op.name == "read" and not inside:
            with F.at(node.location):
                joined = _slice(F, current)
        if joined is None:
            F.nodes.append(current)
        found = current.outputs if joined is None else (joined,)
        new.update((old, fresh) for old, fresh in zip(node.outputs, found, strict=True) if old is not fresh)
    if not new:
        return graph
    outputs = tuple(new.get(v, v) for v in graph.outputs)
    return drop_dead(Graph(graph.name, graph.params, tuple(F.nodes), outputs, graph.guards, graph.ints))


def _slice(F: Builder, node: Node) -> Value | None:
    starts = [known_start(v) for v in node.inputs[1:]]
    if any(start is None for start in starts):
        return None
    attrs = {"starts": tuple(starts), "steps": node.attrs["steps"], "dims": node.attrs["dims"]}
    found: Value = F.slice(node.inputs[0], **attrs)
    return found


def _joined(F: Builder, last: Node, new: Mapping[Value, Value], reads: Counter[Value]) -> Value | None:
    """The array after the chain of writes that ends here; None where it is no concat."""
    pieces: list[tuple[Block, Value]] = []
    node: Node | None = last
    base = last.output
    while node is not None and node.op.name == "update" and (node is last or reads[node.output] == 1):
        wrote = written_block(node)
        if wrote is None or set(wrote.steps) != {1}:
            return None
        pieces.append((wrote, new.get(node.inputs[1], node.inputs[1])))
        base = node.inputs[0]
        node = base.node
    number = constant(base)
    axis = _only_axis([block for block, _ in pieces], base.dims)
    if number is None or axis is None:
        return None
    ordered = _ordered(F.facts, pieces, axis)
    return None if ordered is None else _filled(F, ordered, axis, new.get(base, base))


def _only_axis(blocks: Sequence[Block], dims: tuple[Dim, ...]) -> int | None:
    """The axis along which blocks lie that cover all other axes."""
    partial = {
        axis
        for block in blocks
        for axis, dim in enumerate(dims)
        if not (block.starts[axis] == 0 and block.dims[axis] == dim)
    }
    return partial.pop() if len(partial) == 1 else None


def _ordered(facts: ShapeFacts, pieces: Sequence[tuple[Block, Value]], axis: int) -> list[tuple[Block, Value]] | None:
    """The pieces one behind the other; None where that is not known, or one lies over another."""
    ordered: list[tuple[Block, Value]] = []
    for block, value in pieces:
        place = 0
        while place < len(ordered) and facts.proves_at_least(block.starts[axis], ordered[place][0].ends(axis)[1] + 1):
            place += 1
        if place < len(ordered) and not facts.proves_at_least(ordered[place][0].starts[axis], block.ends(axis)[1] + 1):
            return None
        ordered.insert(place, (block, value))
    return ordered


def _filled(F: Builder, ordered: Sequence[tuple[Block, Value]], axis: int, base: Value) -> Value:
    parts: list[Value] = []
    place: Dim = 0
    for block, value in ordered:
        parts += _gap(F, base, axis, place, block.starts[axis])
        parts.append(value)
        place = block.starts[axis] + block.dims[axis]
    parts += _gap(F, base, axis, place, base.dims[axis])
    result: Value = F.concat(*parts, axis=axis) if len(parts) > 1 else parts[0]
    return result


def _gap(F: Builder, base: Value, axis: int, start: Dim, stop: Dim) -> list[Value]:
    """What the base holds between two pieces; nothing where they touch."""
    length = F.facts.resolve(stop - start)
    if length == 0:
        return []
    number = constant(base)
    assert number is not None
    dims = tuple(length if a == axis else dim for a, dim in enumerate(base.dims))
    return [F.broadcast_to(F.cast(F.value(number), base.type.dtype), dims)]
