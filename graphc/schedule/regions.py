"""Scheduling of graphs with loops, branches and writes in place: straight pieces, and what stands between them.

Every straight piece is scheduled on its own (``plan``); its buffers become those of the whole program. A loop runs in
the driver, around the steps of its body. What it carries has one place for the whole loop: a body that writes into it
changes it there, and one that makes a new array makes it in a second place, which then trades places with the first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from graphc.errors import UnsupportedError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product, substitute, symbols_of
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op, Routine
from graphc.ir.positions import as_dim
from graphc.ir.ranges import Ranges, without_floor
from graphc.ir.regions import carried
from graphc.ir.shapes import Guard, ShapeFacts
from graphc.ir.sizes import limit_of
from graphc.ir.types import ArrayType
from graphc.schedule.bodies import Body, captured, with_known_sizes, written_operands
from graphc.schedule.neighbours import join_neighbours
from graphc.schedule.parts import block_offset, part_of, read_part, unshaped, without_outputs, written_by
from graphc.schedule.prepare import IndexCheck
from graphc.schedule.program import (
    Bind,
    Branch,
    Check,
    Copy,
    Exchange,
    Foreign,
    Loop,
    Program,
    Section,
    Step,
    Storage,
    While,
    walk_steps,
)
from graphc.schedule.routines import routine_call
from graphc.schedule.sequence import Sequence, detached, make_sequence
from graphc.schedule.slots import grown_storage, plan_slots
from graphc.schedule.whole import made_anew
from graphc.schedule.writes import write_step

Straight = Callable[[Graph, Collection[int]], Program]  # with the parameters, by number, that may be overwritten


def new_storage(type_: ArrayType) -> Storage:
    return Storage("arena", -1, type_.short, product(type_.dims))


def copied(source: Storage, target: Storage) -> Section:
    return Section([source, target], [Copy(0, 1, target.size, target.dtype)])


@dataclass
class Composer:
    """What all graphs of one program share. ``straight`` schedules a piece without barriers."""

    ops: Mapping[str, Op]
    guards: tuple[Guard, ...]
    straight: Straight
    ranges: Ranges
    checks: list[IndexCheck] = field(default_factory=list)
    bounds: dict[str, Dim] = field(default_factory=dict)
    indices: list[str] = field(default_factory=list)  # a symbol for each loop
    open_sizes: set[str] = field(default_factory=set)  # symbols whose value shows when the program runs, however large
    own_sizes: set[str] = field(default_factory=set)  # symbols that have values inside the program only

    def capacity(self, size: Dim) -> Dim:
        """The most that a size can be, as far as the program's inputs tell; what is open is part of it."""
        size = substitute(size, self.bounds)
        inside = [*self.indices, *self.own_sizes]
        if symbols_of(size).isdisjoint(inside):
            return size
        found = self.ranges.facts.highest(size, inside)
        assert found is not None, f"{size} has no limit"
        return substitute(found, self.bounds)

    def compose(
        self, graph: Graph, given: Mapping[Value, Storage], owned: set[Value]
    ) -> tuple[list[Step], list[Storage]]:
        """The graph's steps and where its outputs are. ``owned``: parameters that may be overwritten."""
        graph = made_anew(with_known_sizes(replace(graph, guards=self.guards)), self.ops)
        return _Piecewise(self, graph, dict(given), set(owned)).run()

    def new_index(self, trips: Dim) -> str:
        self.indices.append(f"loop{len(self.indices)}")
        self.ranges.facts.know_bound(self.indices[-1], without_floor(trips) - 1)
        return self.indices[-1]


class _Piecewise:
    """Emits one graph, piece by piece and barrier by barrier."""

    def __init__(self, shared: Composer, graph: Graph, stored: dict[Value, Storage], owned: set[Value]):
        self.shared, self.graph, self.stored, self.owned = shared, graph, stored, owned
        self.sequence: Sequence = make_sequence(graph)
        self.steps: list[Step] = []
        self.placed: set[Node] = set()  # writes of what was made in its place

    def run(self) -> tuple[list[Step], list[Storage]]:
        for k in range(self.sequence.pieces()):
            piece = self.sequence.piece(k)
            if piece is not None:
                self._straight(self._without_parts(piece, k), k)
            if k < len(self.sequence.barriers):
                self._barrier(self.sequence.barriers[k], k + 1)
        return self.steps, [self.stored[v] for v in self.graph.outputs]

    # --- straight pieces ----------------------------------------------------------------------------------------------

    def _without_parts(self, piece: Graph, k: int) -> Graph:
        """The piece without those of its outputs that are parts of arrays that are there, and stay as they are."""
        rest = []
        for value in piece.outputs:
            found, source = read_part(value, piece), unshaped(value, piece)
            if found is not None and found[0] not in self.owned:
                base, offset = found
                self.stored[value] = part_of(self.stored[base], value, offset)
            elif source in piece.params and source in self.owned and self.sequence.last_use(source) == 2 * k:
                self.owned.discard(source)
                self._set(value, self.stored[source])
            else:
                rest.append(value)
        return piece if len(rest) == len(piece.outputs) else without_outputs(piece, rest)

    def _place_for(self, value: Value, time: int) -> Storage:
        """Where to make the value: in the array that it is written into next, where that is its only use."""
        found = written_by(value, self.sequence)
        if found is not None and found[0] not in self.placed:
            node, number = found
            base, block, *starts = node.inputs
            offset = block_offset(base, [as_dim(s) for s in starts], node.attrs["steps"], block.dims)
            unread = all(t < time or t == 2 * number - 1 for t in self.sequence.uses[base])
            if offset is not None and unread and base in self.owned and self.sequence.is_last_use(base, number):
                self.placed.add(node)
                return part_of(self.stored[base], value, offset)
        return new_storage(value.type)

    def _straight(self, piece: Graph, k: int | None = None) -> None:
        """``k``: its number, of a piece that stands in the sequence."""
        if not piece.outputs:
            return
        free = [] if k is None else [
            n for n, v in enumerate(piece.params) if v in self.owned and self.sequence.last_use(v) == 2 * k
        ]  # fmt: skip
        program = self.shared.straight(detached(piece), free)
        made = []
        for n, value in enumerate(piece.outputs):
            if n in program.in_place:
                made.append(self.stored[piece.params[program.in_place[n]]])
            else:
                made.append(new_storage(value.type) if k is None else self._place_for(value, 2 * k))
        for n, storage in enumerate(program.storage):
            if storage.place == "input":
                program.storage[n] = self.stored[piece.params[storage.position]]
            elif storage.place == "output":
                program.storage[n] = made[storage.position]
            else:
                storage.slot = -1
        first = len(self.shared.checks)
        steps = [replace(s, status=s.status + first) if isinstance(s, Check) else s for s in program.steps]
        self.shared.checks += program.checks
        self.shared.bounds |= program.bounds
        self.steps.append(Section(program.storage, steps))
        self.stored.update(zip(piece.outputs, made, strict=True))
        self.owned.update(piece.outputs)

    # --- barriers -----------------------------------------------------------------------------------------------------

    def _barrier(self, node: Node, time: int) -> None:
        match node.op.name:
            case "for":
                self._for(node, time)
            case "while":
                self._while(node, time)
            case "cond":
                self._cond(node, time)
            case "checkpoint":
                self._checkpoint(node)
            case "checked_index":
                self._check(node)
            case "bind_size":
                self._bind(node)
            case "foreign":
                self._foreign(node)
            case _ if isinstance(node.op.kind, Routine):
                places = [new_storage(o.type) for o in node.outputs]
                self.steps.append(routine_call(node, [self.stored[v] for v in node.inputs], places))
                self._results(node, places)
            case _:
                target = self._own(node.inputs[0], time)
                if node not in self.placed:
                    self.steps.append(write_step(node, target, self.stored))
                self._set(node.output, target)

    def _set(self, value: Value, storage: Storage) -> None:
        self.stored[value] = storage
        self.owned.add(value)

    def _own(self, value: Value, time: int) -> Storage:
        """A place with the value that may be overwritten: its own where nothing reads it any more, else a copy."""
        if value in self.owned and self.sequence.is_last_use(value, time):
            return self.stored[value]
        target = new_storage(value.type)
        self.steps.append(copied(self.stored[value], target))
        return target

    def _for(self, node: Node, time: int) -> None:
        shared, count = self.shared, carried(node)
        trips = node.attrs["trips"]
        index = shared.new_index(trips)
        places = [self._own(v, time) for v in node.inputs[:count]]
        places += [self._place_for(o, 2 * time) for o in node.outputs[count:]]
        body = Body(node, node.regions[0], shared.ops, shared.guards).of_for(index)
        with shared.ranges.inside(index, trips):
            body = shared.ranges.simplified(body, shared.ops, shared.guards)
            steps = self._body(node, body, places)
        self.steps.append(Loop(index, trips, node.attrs["reverse"], steps))
        self._results(node, places)

    def _body(self, node: Node, body: Graph, places: list[Storage]) -> list[Step]:
        """The steps of one iteration, from the places of what is carried to the same places."""
        given = dict(zip(body.params, [*places, *(self.stored[v] for v in captured(node))], strict=True))
        steps, results = self.shared.compose(body, given, set(body.params[: len(places)]))
        return steps + settle(places, results)

    def _while(self, node: Node, time: int) -> None:
        shared = self.shared
        places = [self._own(v, time) for v in node.inputs[: carried(node)]]
        condition, body = (Body(node, region, shared.ops, shared.guards).graph() for region in node.regions)
        given = dict(zip(condition.params, [*places, *(self.stored[v] for v in captured(node))], strict=True))
        before, (flag,) = shared.compose(condition, given, set())
        self.steps.append(While(before, flag, self._body(node, body, places)))
        self._results(node, places)

    def _cond(self, node: Node, time: int) -> None:
        shared = self.shared
        kept = [v if v in self.owned and self.sequence.is_last_use(v, time) else None for v in written_operands(node)]
        places = [new_storage(o.type) if v is None else self.stored[v] for v, o in zip(kept, node.outputs, strict=True)]
        branches = []
        for region in node.regions:
            body, operands = Body(node, region, shared.ops, shared.guards).graph(), captured(node)
            given = dict(zip(body.params, (self.stored[v] for v in operands), strict=True))
            owned = {p for p, v in zip(body.params, operands, strict=True) if v in kept}
            steps, results = shared.compose(body, given, owned)
            pairs = zip(results, places, strict=True)
            branches.append(steps + [copied(found, place) for found, place in pairs if found is not place])
        self.steps.append(Branch(self.stored[node.inputs[0]], *branches))
        self._results(node, places)

    def _checkpoint(self, node: Node) -> None:
        body = Body(node, node.regions[0], self.shared.ops, self.shared.guards).graph()
        given = dict(zip(body.params, (self.stored[v] for v in captured(node)), strict=True))
        steps, results = self.shared.compose(body, given, set())
        self.steps += steps
        taken = {id(storage) for storage in given.values()}
        places = []
        for found in results:
            place = found
            if id(found) in taken:  # an operand, or a result that is there already
                place = Storage("arena", -1, found.dtype, found.size)
                self.steps.append(copied(found, place))
            taken.add(id(found))
            places.append(place)
        self._results(node, places)

    def _results(self, node: Node, places: list[Storage]) -> None:
        for value, place in zip(node.outputs, places, strict=True):
            self._set(value, place)

    def _bind(self, node: Node) -> None:
        place = self.stored[node.inputs[0]]
        self.steps.append(Section([place], [Bind(node.attrs["symbol"], 0)]))
        self.stored[node.output] = place
        limit = limit_of(node)
        self.shared.ranges.facts.know_bound(node.attrs["symbol"], limit)
        (self.shared.open_sizes if limit is None else self.shared.own_sizes).add(node.attrs["symbol"])

    def _foreign(self, node: Node) -> None:
        made = [new_storage(o.type) for o in node.outputs]
        storage = [*(self.stored[v] for v in node.inputs), *made]
        sizes = tuple(dim for v in (*node.inputs[1:], *node.outputs) for dim in v.dims)
        comment = str(node.location or "").rsplit("/", 1)[-1]
        self.steps.append(Section(storage, [Foreign(0, tuple(range(1, len(storage))), sizes, comment)]))
        for value, place in zip(node.outputs, made, strict=True):
            self._set(value, place)

    def _check(self, node: Node) -> None:
        """Stop where the index is outside. The checked index is the index itself, which nothing overwrites."""
        index, shared = node.inputs[0], self.shared
        F = Builder(shared.ops, ShapeFacts(shared.guards))
        dim = as_dim(index)
        seen = Value(index.type) if dim is None else F.value(dim)
        outside = F.logical_or(F.lt(seen, 0), F.ge(seen, F.value(node.attrs["size"])))
        flag = F.reduce("any", outside, range(outside.rank))
        if dim is None:
            self.stored[seen] = self.stored[index]
        params, outputs = ((seen,), (flag,)) if dim is None else ((), (flag, seen))
        self._straight(Graph("check", params, tuple(F.nodes), outputs, shared.guards))
        shared.checks.append(IndexCheck(flag, node.attrs["axis"], node.attrs["size"], node.location))
        self.steps.append(Section([self.stored[flag]], [Check(0, len(shared.checks))]))
        self.stored[node.output] = self.stored[seen]


def settle(places: list[Storage], results: list[Storage]) -> list[Step]:
    """Bring what an iteration made to the places where the next one looks for it."""
    steps: list[Step] = []
    final = list(results)
    for k, found in enumerate(results):
        taken = found is not places[k] and (any(found is p for p in places) or any(found is f for f in final[:k]))
        if taken:  # another carried value's place, or a result that goes to two places
            final[k] = Storage("arena", -1, found.dtype, found.size)
            steps.append(copied(found, final[k]))
    for place, found in zip(places, final, strict=True):
        if found is place:
            continue
        if place.size == 1 or found.place != "arena":
            steps.append(copied(found, place))
        else:
            steps.append(Exchange(place, found))
    return steps


def schedule_regions(
    graph: Graph, ops: Mapping[str, Op], straight: Straight, symbols: list[str], given: Mapping[int, int]
) -> Program:
    """The program of a graph with barriers; ``symbols``: those of its sizes; ``given``: see ``plan.schedule``."""
    shared = Composer(ops, graph.guards, straight, Ranges(ShapeFacts(graph.guards)))
    inputs = [Storage("input", k, p.type.short, product(p.dims)) for k, p in enumerate(graph.params)]
    steps, results = shared.compose(graph, dict(zip(graph.params, inputs, strict=True)), set())
    homes = bring_home(steps, results, {k: inputs[home] for k, home in given.items()})
    deliver(steps, [found for k, found in enumerate(results) if k not in given])
    steps += homes
    steps = join_neighbours(steps, results, shared.ranges.facts)
    for value in graph.outputs:
        if any(symbols_of(dim) & (shared.open_sizes | shared.own_sizes) for dim in value.dims):
            raise UnsupportedError(
                "a result whose size is a number that the program computes, such as the iterations of a while loop, "
                "is not supported: give it the largest size, and fill a part of it",
                location=value.node.location if value.node is not None else None,
            )
    slots = plan_slots(steps, shared.capacity, shared.open_sizes)
    known = [name for name in symbols if name not in shared.open_sizes | shared.own_sizes]
    return Program(graph.name, inputs, steps, slots, known, shared.bounds, shared.checks, grown_storage(steps))


def bring_home(steps: list[Step], results: list[Storage], homes: Mapping[int, Storage]) -> list[Step]:
    """The steps that copy results, by number, over parameters; of one that is a parameter a copy is made before."""
    last: list[Step] = []
    for k, home in homes.items():
        if results[k].place == "input":
            kept = Storage("arena", -1, home.dtype, home.size)
            steps.append(copied(results[k], kept))
            results[k] = kept
        last.append(copied(results[k], home))
    return last


def deliver(steps: list[Step], results: list[Storage]) -> None:
    """Make the results outputs: an array of the program's own is made in the output's memory from the start."""
    moving = {id(s) for step in walk_steps(steps) if isinstance(step, Exchange) for s in (step.a, step.b)}
    for k, found in enumerate(results):
        if found.place == "arena" and found.size != 1 and id(found) not in moving:
            found.place, found.position = "output", k
        else:
            steps.append(copied(found, Storage("output", k, found.dtype, found.size)))
