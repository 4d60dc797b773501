"""A loop as two, one after the other: first what it carries that is the same wherever the loop runs, then the rest.

In a loop over time steps, an inner loop may carry coefficients that depend on nothing that changes from step to step,
beside values that do (elimination in a tridiagonal system). Taken apart, the first loop can leave the loop around it.

The second loop reads what the first one has made as it is when that has ended. That is what it would have read in its
own iteration where no later write reaches the place: every write goes to a place of its own, beyond what is read.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, substitute, symbols_of
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Create, Movement, Pointwise, Read, Write
from graphc.ir.ranges import Ranges
from graphc.ir.regions import carried
from graphc.ir.rewrite import copy_node, copy_param

Chain = list[Value]  # a carried value, and what the writes of an iteration make of it, in order


def taken_apart(F: Builder, node: Node, fixed: Collection[Value], ranges: Ranges) -> Sequence[Value] | None:
    """Append two loops for the ``for`` whose first one reads ``fixed`` values only; what its results are then.

    None where there is no such part, or where the rest of the loop reads it in another way.
    """
    (body,) = node.regions
    alone = _alone(node, body, fixed)
    if not alone or len(alone) == carried(node):
        return None
    with ranges.region(node, body):
        chains = {k: _chain(body, k) for k in alone}
        if any(chain is None for chain in chains.values()):
            return None
        split = _Split(F, node, body, {k: c for k, c in chains.items() if c is not None}, ranges)
        return split.run()


def _alone(node: Node, body: Graph, fixed: Collection[Value]) -> list[int]:
    """The carried values that depend on nothing but each other, the index and fixed captures: from above."""
    count = carried(node)
    states, captures = body.params[1 : 1 + count], body.params[1 + count :]
    same = {p for p, v in zip(captures, node.inputs[count:], strict=True) if v in fixed} | {body.params[0]}
    alone = [k for k in range(count) if node.inputs[k] in fixed]
    while True:
        known = same | {states[k] for k in alone}
        for inner in body.nodes:
            if all(v in known for v in inner.inputs):
                known.update(inner.outputs)
        kept = [k for k in alone if body.outputs[k] in known]
        if kept == alone:
            return alone
        alone = kept


def _chain(body: Graph, k: int) -> Chain | None:
    """Carried value k, then what each write of an iteration makes of it; None where it is made anew."""
    chain = [body.outputs[k]]
    while chain[-1] is not body.params[1 + k]:
        node = chain[-1].node
        if chain[-1] in body.params or node is None or not isinstance(node.op.kind, Write):
            return None
        chain.append(node.inputs[0])
    return chain[::-1]


@dataclass
class _Block:
    """Along one axis: from where, as an expression over the index, and how many places."""

    start: Dim
    size: Dim


class _Split:
    """Builds the two loops."""

    def __init__(self, F: Builder, node: Node, body: Graph, chains: Mapping[int, Chain], ranges: Ranges):
        self.F, self.node, self.body, self.chains, self.ranges = F, node, body, chains, ranges
        self.index = next(iter(symbols_of(ranges.known[body.params[0]])))
        self.R = Builder(F.ops, F.facts)  # of the second loop's body
        self.rest = [k for k in range(len(body.outputs)) if k not in chains]
        self.led = self._led()
        kept = [p for k, p in enumerate(body.params) if k - 1 not in chains]
        self.params = {p: copy_param(p) for p in kept}
        self.finals = {k: Value(body.outputs[k].type, body.outputs[k].grad) for k in chains}
        self.new: dict[Value, Value] = dict(self.params)

    def _led(self) -> set[Value]:
        """What depends on the states that go ahead, and on no other."""
        count = carried(self.node)
        others = {p for k, p in enumerate(self.body.params[1 : 1 + count]) if k not in self.chains}
        led = {self.body.params[1 + k] for k in self.chains}
        for inner in self.body.nodes:
            if any(v in others for v in inner.inputs):
                others.update(inner.outputs)
            elif any(v in led for v in inner.inputs):
                led.update(inner.outputs)
        return led

    def run(self) -> Sequence[Value] | None:
        for inner in self.body.nodes:
            if inner.outputs[0] in self.led:
                continue
            if not all(self._is_found(v) for v in inner.inputs):
                return None
            with self.R.at(inner.location):
                made = copy_node(self.R, inner, tuple(self.new[v] for v in inner.inputs))
            self.new.update(zip(inner.outputs, made, strict=True))
        if not all(self._is_found(self.body.outputs[k]) for k in self.rest):
            return None
        ahead = self._ahead()
        behind = self._behind(ahead)
        found: dict[int, Value] = dict(zip(self.chains, ahead.outputs, strict=True))
        found.update(zip(self.rest, behind.outputs, strict=True))
        return [found[k] for k in range(len(self.body.outputs))]

    # --- the two loops ------------------------------------------------------------------------------------------------

    def _ahead(self) -> Node:
        states = [self.body.params[1 + k] for k in self.chains]
        outputs = [self.body.outputs[k] for k in self.chains]
        needed = set(outputs)
        nodes = []
        for inner in reversed(self.body.nodes):
            if any(o in needed for o in inner.outputs):
                nodes.append(inner)
                needed.update(inner.inputs)
        count = carried(self.node)
        captures = [(v, p) for v, p in zip(self.node.inputs[count:], self.body.params[1 + count :], strict=True)
                    if p in needed]  # fmt: skip
        params = (self.body.params[0], *states, *(p for _, p in captures))
        region = Graph(self.body.name, params, tuple(nodes[::-1]), tuple(outputs))
        inputs = (*(self.node.inputs[k] for k in self.chains), *(v for v, _ in captures))
        return self._loop(inputs, region, len(states), 0, [self.node.outputs[k] for k in self.chains])

    def _behind(self, ahead: Node) -> Node:
        count = carried(self.node)
        own = [k for k in range(count) if k not in self.chains]
        params = (*self.params.values(), *self.finals.values())
        outputs = tuple(self.new[self.body.outputs[k]] for k in self.rest)
        region = Graph(self.body.name, params, tuple(self.R.nodes), outputs)
        inputs = (*(self.node.inputs[k] for k in own), *self.node.inputs[count:], *ahead.outputs)
        results = [self.node.outputs[k] for k in self.rest]
        return self._loop(inputs, region, len(own), len(results) - len(own), results)

    def _loop(
        self, inputs: tuple[Value, ...], region: Graph, count: int, stacked: int, results: Sequence[Value]
    ) -> Node:
        attrs = {**self.node.attrs, "carried": count, "stacked": stacked}
        types = [o.type for o in results]
        loop = Node(self.node.op, inputs, attrs, types, regions=(region,), location=self.node.location)
        for old, fresh in zip(results, loop.outputs, strict=True):
            fresh.grad = old.grad
        self.F.nodes.append(loop)
        return loop

    # --- what the second loop reads of the first ----------------------------------------------------------------------

    def _is_found(self, value: Value) -> bool:
        """Whether the second loop has the value, perhaps read from what the first one has made, or computed again."""
        if value in self.new:
            return True
        node = value.node
        if node is None or value in self.body.params:
            return False  # a state as a whole
        if isinstance(node.op.kind, Read) and self._chain_of(node.inputs[0]) is not None:
            return self._is_read(node)
        if not isinstance(node.op.kind, Pointwise | Movement | Create | Read):
            return False
        if not all(self._is_found(v) for v in node.inputs):
            return False
        with self.R.at(node.location):
            self.new[value] = copy_node(self.R, node, tuple(self.new[v] for v in node.inputs))[0]
        return True

    def _chain_of(self, array: Value) -> int | None:
        return next((k for k, chain in self.chains.items() if array in chain), None)

    def _is_read(self, read: Node) -> bool:
        base, *starts = read.inputs
        k = self._chain_of(base)
        assert k is not None
        chain = self.chains[k]
        stays = all(
            self._stays(read, chain[n].node, later=n <= chain.index(base)) for n in range(1, len(chain))
        ) and all(map(self._is_found, starts))
        if stays:
            inputs = (self.finals[k], *(self.new[s] for s in starts))
            with self.R.at(read.location):
                self.new[read.output] = copy_node(self.R, read, inputs)[0]
        return stays

    def _stays(self, read: Node, write: Node | None, *, later: bool) -> bool:
        """Whether no write of a later iteration, and none behind the read in its own, reaches what is read.

        ``later``: in its own iteration, the write has happened before.
        """
        assert write is not None
        if any(step != 1 for step in (*read.attrs["steps"], *write.attrs["steps"])):
            return False
        places = zip(
            self._blocks(read.inputs[1:], read.attrs["dims"]),
            self._blocks(write.inputs[2:], write.inputs[1].dims),
            strict=True,
        )
        return any(a is not None and b is not None and self._beyond(a, b, int(later)) for a, b in places)

    def _blocks(self, starts: Sequence[Value], sizes: Sequence[Dim]) -> list[_Block | None]:
        dims = map(self.ranges.dim_of, starts)
        return [None if d is None else _Block(d, size) for d, size in zip(dims, sizes, strict=True)]

    def _beyond(self, read: _Block, write: _Block, first: int) -> bool:
        """Whether writes of iterations ``first`` and later, counted from the one that reads, are on one side of it."""
        slope = self._slope(read.start)
        if slope is None or slope != self._slope(write.start):
            return False
        step = -slope if self.node.attrs["reverse"] else slope
        ahead = write.start - read.start + step * first
        return self.ranges.never_negative(ahead - read.size if step > 0 else -ahead - write.size)

    def _slope(self, start: Dim) -> int | None:
        """How far the place moves with the index; None where it stays, or that is not a number."""
        places = [substitute(start, {self.index: k}) for k in range(3)]
        slope = places[1] - places[0]
        return slope if isinstance(slope, int) and slope and places[2] - places[1] == slope else None
