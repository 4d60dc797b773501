"""The scheduler: a graph becomes a ``Program`` of kernels, library calls and planned buffers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from graphc.errors import Location
from graphc.ir.dims import Dim, dim_min, product, substitute, symbols_of
from graphc.ir.graph import Graph, Value
from graphc.ir.opdef import Compact, Op
from graphc.schedule.across import SmallSizes
from graphc.schedule.bufferize import plan_arena
from graphc.schedule.dear import dear_values
from graphc.schedule.fuse import Fusion, Group
from graphc.schedule.gemm import make_gemm, plan_products
from graphc.schedule.loopnest import Nest
from graphc.schedule.merge import merge_axes
from graphc.schedule.nests import OF_A_CPU, Blocks, Limits, NestBuilder
from graphc.schedule.order import in_order
from graphc.schedule.overwrite import Overwriting
from graphc.schedule.prepare import IndexCheck, prepare
from graphc.schedule.program import Bind, Check, Choice, Copy, Inline, Launch, Program, Section, Step, Storage
from graphc.schedule.regions import schedule_regions
from graphc.schedule.sequence import has_barriers
from graphc.schedule.tasks import Task, find_roots, make_tasks, weights
from graphc.schedule.windows import WindowCall, is_convolution, make_convolution

MANY_LANES = 16  # two vectors: with fewer lanes, loops along the short axis are quicker
ROUNDS = 3  # storing a dear value can make another one dear: decided again so many times


def schedule(graph: Graph, ops: Mapping[str, Op], given: Mapping[int, int] = {}, blocks: Blocks = OF_A_CPU) -> Program:
    """Kernels, library calls and buffers for the graph (optimised, one joint graph).

    ``given``: outputs, by number, that are written over a parameter of their type: its number. They are no outputs of
    the program. ``blocks``: what suits the machine.
    """

    def straight(graph: Graph, owned: Collection[int] = ()) -> Program:
        return Scheduler(*prepare(graph, ops), owned, is_whole=False, blocks=blocks).run()

    if has_barriers(graph):
        return schedule_regions(graph, ops, straight, symbols_of_graph(graph), given)
    return straight_by_size(*prepare(graph, ops), given, blocks)


def straight_by_size(graph: Graph, checks: Sequence[IndexCheck], given: Mapping[int, int], blocks: Blocks) -> Program:
    """A program without control; where it has lanes, with another way to the same results for when they are few."""
    scheduler = Scheduler(graph, checks, given=given, blocks=blocks)
    program = scheduler.run()
    many: Dim = 1
    for lanes in scheduler.lanes:
        many = many * dim_min(1, lanes // MANY_LANES)
    if many == 1 or not symbols_of(many).isdisjoint(program.bounds):
        return program
    other = Scheduler(graph, checks, lanes=False, given=given, blocks=blocks).run()
    for storage in {id(s): s for s in other.storage}.values():
        storage.slot += len(program.slots) if storage.place == "arena" else 0
    choice = Choice(many, Section(program.storage, program.steps), Section(other.storage, other.steps))
    slots = [size * many for size in program.slots] + [size * (1 - many) for size in other.slots]
    return replace(program, storage=[], steps=[choice], slots=slots)


class Scheduler:
    """``owned``: the numbers of the parameters that may be overwritten; ``lanes``: whether groups may have some.

    ``is_whole``: the graph is a program, and not a piece of one, whose results others place. ``given``: as for
    ``schedule``.
    """

    def __init__(
        self, graph: Graph, checks: Sequence[IndexCheck], owned: Collection[int] = (), *,
        lanes: bool = True, is_whole: bool = True, given: Mapping[int, int] = {}, blocks: Blocks = OF_A_CPU,
    ):  # fmt: skip
        self.graph, self.masks = in_order(graph)
        graph = self.graph
        self.checks, self.is_whole, self.given, self.blocks = checks, is_whole, given, blocks
        self.small = SmallSizes(graph)
        self.may_have_lanes = lanes and not self.small.any()
        self.lanes: list[Dim] = []  # the lengths of those that there are
        self.products = plan_products(graph, [graph.params[k] for k in owned])
        self.flags = {check.flag: status for status, check in enumerate(checks, start=1)}
        self.barriers = {check.flag for check in checks if check.barrier}
        self.counts: dict[Value, int] = {}  # positions of a mask -> buffer of their number
        self.storage: list[Storage] = []
        self.stored: dict[Value, int] = {}
        self.fusion = Fusion({}, self.may_have_lanes)
        self.steps: list[Step] = []
        self.readers: dict[int, set[int]] = {}  # buffer -> groups that read it
        self.kept: set[int] = set()  # buffers that outputs are

    def run(self) -> Program:
        self._choose()
        for number, group in enumerate(self.fusion.groups):
            if group.library is not None:
                call = group.library
                if isinstance(call, WindowCall):
                    self.steps.append(make_convolution(call, self.stored))
                else:
                    self.steps.append(make_gemm(call, self.stored))
            elif group.check is not None:
                status = next(s for flag, s in self.flags.items() if self.stored[flag] == group.check)
                self.steps.append(Check(group.check, status))
            else:
                self._emit_group(number, group)
        homes = self._copy_outputs()
        bounds = run_time_bounds(self.graph)
        for storage in self.storage:
            storage.size = substitute(storage.size, bounds)
        Overwriting(self.storage, self.steps, ("arena", "output") if self.is_whole else ("arena",), homes).run()
        self._bring_home(homes)
        slots = plan_arena(self.storage, self.steps)
        symbols = symbols_of_graph(self.graph)
        in_place = self.in_place
        return Program(
            self.graph.name, self.storage, self.steps, slots, symbols, bounds, self.checks, in_place=in_place
        )

    @property
    def in_place(self) -> dict[int, int]:
        """The outputs that stand where a parameter stood: its number by theirs."""
        grown, outputs = self.products.grown, self.graph.outputs
        return {k: self.stored[grown[v]] for k, v in enumerate(outputs) if v in grown and outputs.index(v) == k}

    # --- what is stored, and what is fused ---------------------------------------------------------------------------

    def _choose(self) -> None:
        extra: list[Value] = [*self.flags, *self.masks]
        for attempt in range(ROUNDS):
            roots = find_roots(self.graph, self.products, extra)
            self._store(roots)
            tasks = make_tasks([r for r in roots if self._has_own_task(r)], self.products, self.stored)
            self._fuse(roots, tasks)
            places = [((k, m.time), m.task) for k, g in enumerate(self.fusion.groups) for m in g.members]
            dear = dear_values(places, self.stored)
            if not dear or attempt == ROUNDS - 1:
                return
            extra += dear

    def _store(self, roots: Sequence[Value]) -> None:
        """A buffer for every parameter and root; a reshape shares its source's."""
        self.storage = [Storage("input", k, p.type.short, product(p.dims)) for k, p in enumerate(self.graph.params)]
        self.stored = {p: k for k, p in enumerate(self.graph.params)}
        outputs = set(self.graph.outputs)
        for root in roots:
            if root in self.products.grown:
                self.stored[root] = self.stored[self.products.grown[root]]
                continue
            source = self._reshaped_source(root)
            if source is not None and not (root in outputs and (source in outputs or source.node is None)):
                self.stored[root] = self.stored[source]
                continue
            self.stored[root] = self._new_buffer(root.type.short, product(root.dims))
        self.kept = {self.stored[self.graph.outputs[number]] for number in self.given}
        for position, output in enumerate(self._outputs()):
            buffer = self.stored[output]
            if self.storage[buffer].place == "arena" and buffer not in self.kept:
                self.storage[buffer].place, self.storage[buffer].position = "output", position
                self.kept.add(buffer)

    def _reshaped_source(self, root: Value) -> Value | None:
        node = root.node
        while node is not None and node.op.name == "reshape":
            source = node.inputs[0]
            if source in self.stored:
                return source
            node = source.node
        return None

    def _has_own_task(self, root: Value) -> bool:
        if root in self.products.by_result or is_convolution(root):
            return False
        source = self._reshaped_source(root)
        return source is None or self.stored[source] != self.stored[root]

    def _new_buffer(self, dtype: str, size: Dim) -> int:
        self.storage.append(Storage("arena", -1, dtype, size))
        return len(self.storage) - 1

    def _fuse(self, roots: Sequence[Value], tasks: Sequence[Task]) -> None:
        self.fusion = Fusion(self.stored, self.may_have_lanes)
        by_root: dict[Value, list[Task]] = {}
        for task in tasks:
            by_root.setdefault(task.value, []).append(task)
        for root in roots:
            for made in self.products.calls_for(root):
                self.fusion.add_library(made)
            if root.node is not None and is_convolution(root):
                self.fusion.add_library(WindowCall(root.node))
            place = self.fusion.add_alone if root in self.masks else self.fusion.add
            for task in by_root.get(root, ()):
                place(task)
            if root in self.flags:
                self.fusion.add_check(root, barrier=root in self.barriers)
        self.readers = {}
        for number, group in enumerate(self.fusion.groups):
            for buffer in group.reads(self.stored):
                self.readers.setdefault(buffer, set()).add(number)

    # --- steps --------------------------------------------------------------------------------------------------------

    def _emit_group(self, number: int, group: Group) -> None:
        def needed(value: Value) -> bool:
            buffer = self.stored[value]
            return buffer in self.kept or bool(self.readers.get(buffer, set()) - {number})

        merge = merge_axes(group)
        if group.lanes:
            self.lanes.append(group.space[group.row or 0])
        builder = NestBuilder(
            group, merge, self.stored, needed, self._new_buffer, self._count_of, self._size_of,
            Limits(self.small, self.blocks),
        )  # fmt: skip
        nest = builder.build()
        comment = places(group)
        self.steps += builder.clears
        for copied in builder.copies_before:
            self._run(copied, comment)
        self._run(nest, comment)
        self.steps += builder.combines
        for copied in builder.copies_after:
            self._run(copied, comment)
        for member in group.members:
            if member.task.kind == "compact":
                self.steps.append(Bind(member.task.node.attrs["symbol"], self._count_of(member.task.value)))

    def _run(self, nest: Nest, comment: str) -> None:
        if not nest.space:
            self.steps.append(Inline(nest, comment))
            return
        count = 1 if nest.sequential else (nest.blocks if nest.blocks is not None else nest.space[0])
        operations = max(1, sum(weights(s) for s in nest.scalars()))
        work = operations * product(nest.space[1:]) * (nest.block or 1)
        self.steps.append(Launch(nest, count, work, comment))

    def _size_of(self, buffer: int) -> Dim:
        return self.storage[buffer].size

    def _count_of(self, positions: Value) -> int:
        if positions not in self.counts:
            self.counts[positions] = self._new_buffer("i64", 1)
        return self.counts[positions]

    def _outputs(self) -> list[Value]:
        """The outputs that the program gives, in their order."""
        return [output for number, output in enumerate(self.graph.outputs) if number not in self.given]

    def _copy_outputs(self) -> dict[int, int]:
        """Outputs that are a parameter, or the same value as an earlier output, are copied at the end.

        The result: the parameter in whose memory each buffer of a given output is to stand.
        """
        for position, output in enumerate(self._outputs()):
            buffer = self.stored[output]
            storage = self.storage[buffer]
            if (storage.place == "output" and storage.position == position) or position in self.in_place:
                continue
            self.storage.append(Storage("output", position, output.type.short, product(output.dims)))
            self.steps.append(Copy(buffer, len(self.storage) - 1, product(output.dims), output.type.short))
        homes: dict[int, int] = {}
        for number, home in self.given.items():
            output = self.graph.outputs[number]
            buffer, size, dtype = self.stored[output], product(output.dims), output.type.short
            if buffer == home:
                continue
            if buffer in homes or self.storage[buffer].place != "arena":
                source, buffer = buffer, self._new_buffer(dtype, size)
                self.steps.append(Copy(source, buffer, size, dtype))
            homes[buffer] = home
        return homes

    def _bring_home(self, homes: Mapping[int, int]) -> None:
        """Copy to their homes the results that could not be made there."""
        for buffer, home in homes.items():
            place = self.storage[buffer]
            if place is not self.storage[home]:
                self.steps.append(Copy(buffer, home, place.size, place.dtype))


def places(group: Group) -> str:
    """The user's lines that a group computes."""
    lines: dict[Location, None] = {}
    for member in group.members:
        if member.task.node.location is not None:
            lines.setdefault(member.task.node.location, None)
    return ", ".join(f"{location.file.rsplit('/', 1)[-1]}:{location.line}" for location in lines)


def run_time_bounds(graph: Graph) -> dict[str, Dim]:
    """The most that each symbol bound at run time can be: the size of its mask."""
    bounds: dict[str, Dim] = {}
    for node in graph.nodes:
        if isinstance(node.op.kind, Compact):
            bounds[node.attrs["symbol"]] = substitute(product(node.inputs[0].dims), bounds)
    return bounds


def symbols_of_graph(graph: Graph) -> list[str]:
    """Every symbol of the graph, in order of first appearance: integer arguments, then the inputs' dims."""
    names: dict[str, None] = {}
    _note_symbols(graph, names)
    return list(names)


def _note_symbols(graph: Graph, names: dict[str, None]) -> None:
    trips = (node.attrs["trips"] for node in graph.nodes if "trips" in node.attrs)
    for dims in (graph.ints, *(v.dims for v in graph.values()), trips):
        for dim in dims:
            for name in sorted(symbols_of(dim)):
                names.setdefault(name, None)
    for node in graph.nodes:
        for region in node.regions:
            _note_symbols(region, names)
