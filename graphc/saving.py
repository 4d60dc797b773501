"""What the forward part of a differentiated program saves for its backward part: bytes by the user's lines."""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from dataclasses import dataclass

from graphc.autodiff.estimate import size_bytes
from graphc.errors import Location
from graphc.ir.dims import Dim, evaluate, substitute, symbols_of
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.regions import carried, results_of


@dataclass(frozen=True)
class SavedLine:
    """``count`` values of one line, ``bytes`` together; ``location``: None for what no line of the user made."""

    location: Location | None
    count: int
    bytes: int

    def __str__(self) -> str:
        what = f"{self.count} value{'s' * (self.count != 1)}"
        if self.location is None:
            return f"{self.bytes:>12,} bytes  {what}, of no line"
        line = linecache.getline(self.location.file, self.location.line).strip()
        return f"{self.bytes:>12,} bytes  {what}, {self.location}: {line}"


@dataclass(frozen=True)
class Saved:
    """``lines``: the largest first; ``in_segments``: bytes that checkpoints need while they compute again.

    ``total`` is the bytes of all lines. Where a loop's iterations show only when it runs, it is counted as one.
    """

    lines: tuple[SavedLine, ...]
    in_segments: int

    @property
    def total(self) -> int:
        return sum(line.bytes for line in self.lines)

    def __str__(self) -> str:
        if not self.lines:
            return "nothing is saved for the backward part"
        head = f"{self.total:,} bytes are saved for the backward part, at the sizes of the traced call"
        again = [f"{self.in_segments:>12,} bytes  more while a checkpoint computes again"] if self.in_segments else []
        return "\n".join([head, *map(str, self.lines), *again])

    __repr__ = __str__


def saved_values(joint: Graph, count: int) -> list[Value]:
    """The values of the forward part, inputs and numbers without inputs left out, that the backward part reads.

    ``count``: the outputs of the forward part, the first ones. A ``while`` saves when it runs again.
    """
    forward: set[Value] = set(joint.outputs[:count])
    for node in reversed(joint.nodes):
        if any(output in forward for output in node.outputs):
            forward.update(node.inputs)
    early = [n for n in joint.nodes if any(output in forward for output in n.outputs)]
    read = {v for node in joint.nodes if node not in early for v in node.inputs}
    made = {output for node in early for output in node.outputs if node.inputs}
    again = [v for node in joint.nodes if node not in early for v in _stacked(node)]
    return [*(v for node in early for v in node.outputs if v in read and v in made), *again]


def _stacked(node: Node) -> tuple[Value, ...]:
    """What the iterations of a loop save, or give."""
    return node.outputs[carried(node) :] if node.op.name == "for" else ()


def saved(joint: Graph, values: list[Value], sizes: Mapping[str, int]) -> Saved:
    """These values of the graph by line, and what its checkpoints save inside."""
    found: dict[Location | None, list[int]] = {}
    for value in values:
        found.setdefault(_location(value), []).append(_bytes(size_bytes(value), sizes))
    lines = [SavedLine(location, len(sizes_), sum(sizes_)) for location, sizes_ in found.items()]
    inside = [_most_inside(node, sizes) for node in joint.nodes]
    return Saved(tuple(sorted(lines, key=lambda line: -line.bytes)), max(inside, default=0))


def _location(value: Value) -> Location | None:
    """The line that made the value; of what a loop saves, the line of its body that made an entry."""
    node = value.node
    if node is None:
        return None
    if node.op.name == "for" and value.index >= carried(node):
        inner = _location(results_of(node)[-1].outputs[value.index])
        return inner or node.location
    return node.location


def _most_inside(node: Node, sizes: Mapping[str, int]) -> int:
    """The most that loops save inside of the checkpoints of a node, at any time."""
    most = 0
    for region in node.regions:
        most = max(most, *(_most_inside(inner, sizes) for inner in region.nodes), 0)
        if node.op.name == "checkpoint":
            stacked = (v for inner in region.nodes for v in _stacked(inner))
            most = max(most, sum(_bytes(size_bytes(v), sizes) for v in stacked))
    return most


def _bytes(dim: Dim, sizes: Mapping[str, int]) -> int:
    """The number at these sizes; a size that shows when the program runs counts as 1."""
    return evaluate(substitute(dim, {name: sizes.get(name, 1) for name in symbols_of(dim)}), {})
