"""Small branches as selects: both sides are computed, and a write is made of what one of them would have written.

>>> print(apply_to_text(writes_as_selects, '''
... graph f(%x: f64[n], %v: f64[], %flag: bool[]) -> (%0) where n-1 >= 0 {
...   %0: f64[n] = cond %flag, %x, %v
...     graph first(%x: f64[n], %v: f64[]) -> (%2) {
...       %0: f64[1] = reshape %v dims=(1,)
...       %1: i64[] = const dtype=i64 value=0 weak=False
...       %2: f64[n] = update %x, %0, %1 steps=(1,)
...     }
...     graph second(%x: f64[n], %v: f64[]) -> (%x) {
...     }
... }''', OPS))
graph f(%x: f64[n], %v: f64[], %flag: bool[]) -> (%4) where n-1 >= 0 {
  %0: f64[1] = reshape %v dims=(1,)
  %1: i64[] = const dtype=i64 value=0 weak=False
  %2: f64[1] = read %x, %1 dims=(1,) steps=(1,)
  %3: f64[1] = select %flag, %0, %2
  %4: f64[n] = update %x, %3, %1 steps=(1,)
}

Writes stay in their branch, where the scheduler makes them in place, unless their loop can so be done for all
iterations at once (``independent``). Positions that only the branch taken makes valid are 0 on the other side, so
nothing is read outside of an array; what one side computes of numbers meant for the other is not selected, and its
derivative is guarded (``guarded_mul``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import product
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Create, Op, Pointwise, Read
from graphc.ir.ranges import Ranges
from graphc.ir.rewrite import copy_node
from graphc.passes.common import node_key
from graphc.passes.indices import rewrite_in_loops

MOST_COST = 40  # operations of both branches together: about what a branch that is predicted wrongly costs
MOST_ELEMENTS = 16  # of a value that is computed on both sides
WRITES = ("update", "accumulate")
CONDS = frozenset(("cond",))
MOVES = ("reshape", "broadcast_to", "transpose", "slice")


def branches_as_selects(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with each branch, in loops or not, that is cheap on both sides and writes nothing as selects."""
    return rewrite_in_loops(graph, ops, _without_writes, CONDS)


def writes_as_selects(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The same of branches that write into arrays, too."""
    return rewrite_in_loops(graph, ops, as_selects, CONDS)


def _without_writes(F: Builder, node: Node, ranges: Ranges) -> Sequence[Value] | None:
    writes = any(inner.op.name in WRITES for region in node.regions for inner in region.nodes)
    return None if writes else as_selects(F, node, ranges)


def as_selects(F: Builder, node: Node, ranges: Ranges) -> Sequence[Value] | None:
    """What stands for the results of a branch that is cheap on both sides; None for other nodes."""
    if node.op.name != "cond" or not all(map(_is_plain, node.regions)):
        return None
    if sum(inner.op.cost for region in node.regions for inner in region.nodes) > MOST_COST:
        return None
    flag, *captures = node.inputs
    if not all(_mergeable(node, k) for k in range(len(node.outputs))) or not _never_empty(F, node):
        return None
    seen = {node_key(made): made for made in F.nodes if not made.regions}
    sides = []
    for region, taken in zip(node.regions, (flag, F.logical_not(flag)), strict=True):
        sides.append(_Side(F, ranges, seen, taken).run(region, captures))
    merge = _Merge(F, ranges, flag)
    results = [merge.values(a, b) for a, b in zip(*sides, strict=True)]
    return [_of_type(F, result, old) for result, old in zip(results, node.outputs, strict=True)]


# --- which branches ---------------------------------------------------------------------------------------------------


def _is_plain(region: Graph) -> bool:
    """Whether the region only computes few numbers, reads them, and writes them into arrays that it then gives."""
    uses = Counter(v for node in region.nodes for v in node.inputs)
    uses.update(region.outputs)
    for node in region.nodes:
        name, kind = node.op.name, node.op.kind
        if name in WRITES:
            is_base = any(user.op.name in WRITES and user.inputs[0] is node.output for user in region.nodes)
            if uses[node.output] != 1 or not (is_base or node.output in region.outputs):
                return False
            if not _single(node.inputs[1]):
                return False
        elif isinstance(kind, Pointwise | Create | Read) or name in (*MOVES, "checked_index"):
            size = product(node.output.dims)
            if not isinstance(size, int) or size > MOST_ELEMENTS or (isinstance(kind, Read) and size != 1):
                return False
        else:
            return False
    return True


def _single(value: Value) -> bool:
    return all(dim == 1 for dim in value.dims)


def _root(value: Value, region: Graph) -> Value:
    """What the writes that end in the value began with."""
    while value.node is not None and value.node.op.name in WRITES:
        value = value.node.inputs[0]
    return value


def _mergeable(node: Node, k: int) -> bool:
    """Whether result k is small, or one array on both sides, with or without writes."""
    first, second = (region.outputs[k] for region in node.regions)
    roots = [_root(v, r) for v, r in zip((first, second), node.regions, strict=True)]
    operands = [
        node.inputs[1 + region.params.index(root)] if root in region.params else None
        for root, region in zip(roots, node.regions, strict=True)
    ]
    if operands[0] is not None and operands[0] is operands[1]:
        return True
    size = product(first.dims)
    return roots == [first, second] and isinstance(size, int) and size <= MOST_ELEMENTS


def _never_empty(F: Builder, node: Node) -> bool:
    """Whether position 0 is inside of every array that a branch reads or writes."""
    for region in node.regions:
        for inner in region.nodes:
            if isinstance(inner.op.kind, Read) or inner.op.name in WRITES:
                if not all(F.facts.proves_at_least(dim, 1) for dim in inner.inputs[0].dims):
                    return False
            elif inner.op.name == "checked_index" and not F.facts.proves_at_least(inner.attrs["size"], 1):
                return False
    return True


# --- both sides in one place ------------------------------------------------------------------------------------------


@dataclass
class _Written:
    """A write that a branch makes: what it makes it into, and where."""

    node: Node
    base: Value | _Written
    block: Value
    starts: tuple[Value, ...]
    taken: Value


def safe_position(F: Builder, ranges: Ranges, taken: Value, start: Value, size: Any, checked: bool) -> Value:
    """The position where the branch is taken, and a position inside of the array in any case."""
    if checked or ranges.is_index(start, size):
        return start
    found: Value = F.select(taken, start, F.cast(F.value(0), start.type.dtype))
    return found


class _Side:
    """One branch's nodes among those around it; what is computed there already is not computed again."""

    def __init__(self, F: Builder, ranges: Ranges, seen: dict[tuple[Any, ...], Node], taken: Value):
        self.F, self.ranges, self.seen, self.taken = F, ranges, seen, taken
        self.checked = {node.output for node in seen.values() if node.op.name == "checked_index"}

    def run(self, region: Graph, captures: Sequence[Value]) -> list[Value | _Written]:
        new: dict[Value, Any] = dict(zip(region.params, captures, strict=True))
        for node in region.nodes:
            with self.F.at(node.location):
                new[node.output] = self._node(node, [new[v] for v in node.inputs])
        return [new[v] for v in region.outputs]

    def _node(self, node: Node, inputs: list[Any]) -> Value | _Written:
        if node.op.name in WRITES:
            base, block, *starts = inputs
            return _Written(node, base, block, self._starts(starts, node.inputs[0]), self.taken)
        if isinstance(node.op.kind, Read):
            inputs = [inputs[0], *self._starts(inputs[1:], node.inputs[0])]
        known = self.seen.get(node_key(Node(node.op, tuple(inputs), node.attrs, [node.output.type])))
        if known is not None:
            return known.output
        if node.op.name == "checked_index":
            inputs = [safe_position(self.F, self.ranges, self.taken, inputs[0], node.attrs["size"], checked=False)]
        (made,) = copy_node(self.F, node, tuple(inputs))
        if node.op.name == "checked_index":
            self.checked.add(made)
        return made

    def _starts(self, starts: Sequence[Value], array: Value) -> tuple[Value, ...]:
        return tuple(
            safe_position(self.F, self.ranges, self.taken, start, size, start in self.checked)
            for start, size in zip(starts, array.dims, strict=True)
        )


class _Merge:
    """What the two sides come to."""

    def __init__(self, F: Builder, ranges: Ranges, flag: Value):
        self.F, self.ranges, self.flag = F, ranges, flag

    def values(self, a: Value | _Written, b: Value | _Written) -> Value:
        if a is b:
            assert isinstance(a, Value)
            return a
        if isinstance(a, _Written) and isinstance(b, _Written) and self._one_place(a, b):
            block = self.F.select(self.flag, a.block, b.block)
            return self._write(self.values(a.base, b.base), a, block)
        if isinstance(a, _Written):
            return self._where(self.values(a.base, b), a)
        if isinstance(b, _Written):
            return self._where(self.values(a, b.base), b)
        found: Value = self.F.select(self.flag, a, b)
        return found

    @staticmethod
    def _one_place(a: _Written, b: _Written) -> bool:
        same = a.node.op is b.node.op and a.node.attrs == b.node.attrs
        return same and all(x is y for x, y in zip(a.starts, b.starts, strict=True))

    def _where(self, base: Value, made: _Written) -> Value:
        """The base with the write, where its branch is taken."""
        F = self.F
        if made.node.op.name == "update":
            there = F.read(base, *made.starts, steps=made.node.attrs["steps"], dims=made.block.dims)
        else:
            there = F.zeros(made.block.type)
        return self._write(base, made, F.select(made.taken, made.block, there))

    def _write(self, base: Value, made: _Written, block: Value) -> Value:
        with self.F.at(made.node.location):
            found: Value = self.F.apply(made.node.op, (base, block, *made.starts), made.node.attrs)
        return found


def _of_type(F: Builder, value: Value, old: Value) -> Value:
    """The value in the very type of what it stands for, which is never weak."""
    return value if value.type == old.type else F.raw(F.ops["cast"], (value,), {"dtype": old.type.dtype}).output
