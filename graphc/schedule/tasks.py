"""Which values are stored, and the task that computes each: one loop nest over a space of axes.

A value is a *root*, stored in a buffer of its own, when something needs it in memory: it is an output, a fold's result,
an operand or result of a library call, the source of a reshape that is more than a relabelling or of a gather, or is
too dear to compute again at every place that reads it. Everything else is inlined where it is read.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from graphc.ir.dims import Dim
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Compact, Contract, Gather, Read, Reduce, Scan, Scatter, Windows
from graphc.ir.positions import as_dim
from graphc.schedule.gemm import Products
from graphc.schedule.lower import ZERO, Index, Lowering, is_trivial_reshape, linear, split_gathered, unrolls
from graphc.schedule.scalars import RARE, SHORT, Affine, Scalar, Scalars

LONGEST = 150  # values inlined into one expression: more are cut by storing one (compile time stays linear)
WIDEST = 24  # stored values that one expression reads
MOST_READERS = 2  # of a long array with ends that is not stored


@dataclass
class Task:
    """Computes ``value`` over ``space``, the sizes of its loop axes.

    kind: ``map`` (stores the source), ``fold`` (``reduced`` loop axes are folded), ``scan``, ``scatter``, ``compact``,
    or ``place`` (stores the source at ``target`` inside a larger, cleared or jointly filled buffer).
    """

    value: Value
    kind: str
    source: Value
    space: tuple[Dim, ...]
    index: Index  # of the source, in loop axes
    target: Affine  # where the result goes in the value's buffer
    reduced: frozenset[int] = frozenset()
    reads: dict[int, set[Affine]] = field(default_factory=dict)  # buffer -> positions read, None where gathered
    gathers: bool = False
    visited: dict[Value, Scalar] = field(default_factory=dict)
    scalars: list[Scalar] = field(default_factory=list)  # all that it computes, with those that they are made of

    @property
    def node(self) -> Node:
        assert self.value.node is not None
        return self.value.node


def find_roots(graph: Graph, products: Products, extra: Sequence[Value] = ()) -> list[Value]:
    """The stored values that are computed, in order of definition."""
    roots: set[Value] = set(extra) | set(graph.outputs) | products.bases()
    users = graph.users()
    for node in graph.nodes:
        kind = node.op.kind
        if node in products.absorbed or isinstance(kind, Contract):
            continue
        if isinstance(kind, Scan | Scatter | Compact) or (isinstance(kind, Reduce) and not unrolls(node)):
            roots.update(node.outputs)
        elif isinstance(kind, Windows):
            roots.update((*node.inputs, *node.outputs))
        elif isinstance(kind, Gather) or (isinstance(kind, Read) and any(as_dim(v) is None for v in node.inputs[1:])):
            roots.add(node.inputs[0])
        elif node.op.name == "concat":
            roots.update(() if is_long_with_ends(node) and len(users[node.output]) <= MOST_READERS else node.outputs)
        elif node.op.name == "embed" and set(node.attrs["steps"]) - {1, -1}:
            roots.update(node.outputs)
        elif node.op.name == "reshape" and not is_trivial_reshape(node.inputs[0].dims, node.output.dims):
            source = node.inputs[0]
            inner = source.node
            if inner is None or inner.op.name != "reshape" or is_trivial_reshape(inner.inputs[0].dims, source.dims):
                roots.add(source)
    roots |= cut_long_chains(graph, products, roots)
    return [v for node in graph.nodes for v in node.outputs if v in roots]


def is_long_with_ends(node: Node) -> bool:
    """Whether a concatenation is one long array with a few elements before or after it (a shift, a padding).

    Such a one need not be stored: a loop over it is split at its ends anyway.
    """
    sizes = [piece.dims[node.attrs["axis"]] for piece in node.inputs]
    short = [size for size in sizes if isinstance(size, int) and size <= RARE]
    (long, *others) = [size for size in sizes if size not in short] or [0]
    return not others and 0 not in sizes and (not isinstance(long, int) or long > SHORT)


def cut_long_chains(graph: Graph, products: Products, roots: set[Value]) -> set[Value]:
    """Values to store so that no expression inlines more than ``LONGEST`` others, or reads more than ``WIDEST``.

    A long one that several others read is stored too: each of them would begin with all of it.
    """
    cuts: set[Value] = set()
    inside: dict[Value, frozenset[Value]] = {}
    reads: dict[Value, frozenset[Value]] = {}
    users = graph.users()
    for node in graph.nodes:
        for value in node.outputs:
            if value in roots or not node.inputs or node in products.absorbed or isinstance(node.op.kind, Contract):
                continue
            members = frozenset((value,)).union(*(inside.get(v, frozenset()) for v in node.inputs))
            apart = (v for v in node.inputs if not _is_made_here(v, roots))
            read = frozenset[Value]().union(*(reads.get(v, (v,)) for v in apart))
            longest = LONGEST if len(users[value]) < 2 else LONGEST // 4
            if len(members) > longest or len(read) > WIDEST:
                cuts.add(value)
            else:
                inside[value], reads[value] = members, read
    return cuts


def _is_made_here(value: Value, roots: set[Value]) -> bool:
    """A constant, or what else is read from nowhere."""
    return value.node is not None and not value.node.inputs and value not in roots


def make_tasks(roots: Sequence[Value], products: Products, stored: dict[Value, int]) -> list[Task]:
    """The tasks that compute the roots, in order; those that library calls compute are not among them."""
    tasks: list[Task] = []
    for root in roots:
        assert root.node is not None
        kind = root.node.op.kind
        if isinstance(kind, Reduce | Scan) and not (isinstance(kind, Reduce) and unrolls(root.node)):
            tasks.append(_fold_task(root))
        elif isinstance(kind, Scatter | Compact):
            tasks.append(_scattering_task(root, "scatter" if isinstance(kind, Scatter) else "compact"))
        elif root.node.op.name == "concat":
            tasks.extend(_concat_tasks(root, products.placed.get(root, ())))
        elif root.node.op.name == "embed" and set(root.node.attrs["steps"]) - {1, -1}:
            tasks.append(_place_task(root, root.node.inputs[0], root.node.attrs["starts"], root.node.attrs["steps"]))
        else:
            tasks.append(_map_task(root))
    for task in tasks:
        inspect(task, stored)
    return tasks


def axes_of(dims: Sequence[Dim]) -> tuple[tuple[Dim, ...], Index]:
    """Loop axes for the dims other than 1, and the index of an element in them."""
    space: list[Dim] = []
    index: list[Affine] = []
    for dim in dims:
        index.append(ZERO if dim == 1 else Affine.axis(len(space)))
        if dim != 1:
            space.append(dim)
    return tuple(space), tuple(index)


def _map_task(root: Value) -> Task:
    space, index = axes_of(root.dims)
    return Task(root, "map", root, space, index, linear(root.dims, index))


def _fold_task(root: Value) -> Task:
    node = root.node
    assert node is not None
    source = node.inputs[0]
    space, index = axes_of(source.dims)
    if isinstance(node.op.kind, Scan):
        axis = node.attrs["axis"]
        reduced = frozenset(index[axis].axes)
        if node.attrs["reverse"]:
            size = source.dims[axis]
            index = tuple(
                Affine(size - 1).plus(i.times(-1)) if a == axis and size != 1 else i for a, i in enumerate(index)
            )
        return Task(root, "scan" if reduced else "map", source, space, index, linear(root.dims, index), reduced)
    axes = node.attrs["axes"]
    folded = frozenset[int]().union(*(index[a].axes for a in axes))
    kept = [i for a, i in enumerate(index) if a not in axes]
    return Task(root, "fold" if folded else "map", source, space, index, linear(root.dims, kept), folded)


def _scattering_task(root: Value, kind: str) -> Task:
    node = root.node
    assert node is not None
    space, index = axes_of(node.inputs[0].dims)
    return Task(root, kind, node.inputs[0], space, index, ZERO)


def _place_task(root: Value, source: Value, starts: Sequence[Dim], steps: Sequence[int]) -> Task:
    space, index = axes_of(source.dims)
    inner = [i.times(step).plus(start) for i, start, step in zip(index, starts, steps, strict=True)]
    return Task(root, "place", source, space, index, linear(root.dims, inner))


def _concat_tasks(root: Value, placed: Collection[int]) -> list[Task]:
    """A task for each piece but those that are ``placed`` already."""
    node = root.node
    assert node is not None
    axis, tasks = node.attrs["axis"], []
    offset: Dim = 0
    for number, part in enumerate(node.inputs):
        starts: list[Dim] = [0] * part.rank
        starts[axis] = offset
        if number not in placed:
            tasks.append(_place_task(root, part, starts, [1] * part.rank))
        offset = offset + part.dims[axis]
    return tasks


def inspect(task: Task, stored: dict[Value, int]) -> None:
    """Note what the task reads, and choose the order of its loops so that the innermost runs along memory."""
    lowering = trial(task, stored)
    task.scalars = _scalars(lowering)
    order = _loop_order(task)
    if order != list(range(len(task.space))):
        _permute(task, order)
        lowering = trial(task, stored)
        task.scalars = _scalars(lowering)
    task.visited = lowering.visited
    for scalar in loads(task):
        task.reads.setdefault(scalar.data.buffer, set()).add(scalar.data.index)
        if scalar.data.strides:
            task.gathers = True
            task.reads[scalar.data.buffer].add(Affine(-1))  # a position that is never the identity


def trial(task: Task, stored: dict[Value, int]) -> Lowering:
    """The task lowered on its own."""
    lowering = Lowering(Scalars(), stored)
    task_scalar(task, lowering)
    if task.kind == "scatter":
        scatter_positions(task, lowering)
    if task.kind == "scan":
        scan_operands(task, lowering)
    return lowering


def task_scalar(task: Task, lowering: Lowering) -> Scalar:
    """What the task computes at one place of its space, before it is folded or stored."""
    if task.source is task.value:
        return lowering.define(task.source, task.index)
    return lowering.at(task.source, task.index)


def scan_operands(task: Task, lowering: Lowering) -> tuple[Scalar, ...]:
    """The operands of a scan's step after the first."""
    return tuple(lowering.at(v, task.index) for v in task.node.inputs[1:])


def scatter_positions(task: Task, lowering: Lowering) -> tuple[Affine, tuple[tuple[Scalar, Dim], ...]]:
    """Where a scatter's update goes: an affine position, and scalars with their strides to add to it."""
    dims, positions, axes = task.value.dims, task.node.inputs[1:], task.node.attrs["axes"]
    own, rest = split_gathered(task.index, positions, axes, len(dims))
    return linear(dims, rest), lowering.gathered(dims, positions, own, axes)


def keeps_rows(task: Task) -> bool:
    """Whether each row of a scatter's updates goes to a row of its own, all of whose places are inside it."""
    dims, positions, axes = task.value.dims, task.node.inputs[1:], task.node.attrs["axes"]
    _, rest = split_gathered(task.index, positions, axes, len(dims))
    return bool(task.space) and 0 not in axes and rest[0] == Affine.axis(0)


def _scalars(lowering: Lowering) -> list[Scalar]:
    seen: dict[int, Scalar] = {}
    stack = list(lowering.memo.values())
    while stack:
        scalar = stack.pop()
        if scalar.number not in seen:
            seen[scalar.number] = scalar
            stack.extend(scalar.args)
    return list(seen.values())


def loads(task: Task) -> list[Scalar]:
    """What an inspected task reads from memory."""
    return [scalar for scalar in task.scalars if scalar.form == "load"]


def _loop_order(task: Task) -> list[int]:
    rank = len(task.space)
    natural = list(range(rank))
    if rank < 2:
        return natural
    if task.kind == "scan" or (task.kind == "fold" and is_index_fold(task) and len(task.reduced) == 1):
        (last,) = task.reduced
        return [a for a in natural if a != last] + [last]
    if task.kind in ("scatter", "compact"):
        return natural
    along, apart = [0] * rank, [0] * rank  # how many positions run along memory with each axis, how many jump
    positions = [s.data.index for s in loads(task)]
    positions += [task.target] if task.kind != "fold" else []
    for position in positions:
        if len(position.terms) >= 2:
            for axis, coefficient in position.terms:
                along[axis] += coefficient == 1
                apart[axis] += coefficient != 1
    best = max(natural, key=lambda a: (along[a], a))
    if along[best] <= along[-1] or apart[best] >= apart[-1]:
        return natural
    return [a for a in natural if a != best] + [best]


def _permute(task: Task, order: list[int]) -> None:
    new = {old: k for k, old in enumerate(order)}

    def renamed(position: Affine) -> Affine:
        return Affine.make(position.offset, [(new[a], c) for a, c in position.terms])

    task.space = tuple(task.space[a] for a in order)
    task.index = tuple(renamed(i) for i in task.index)
    task.target = renamed(task.target)
    task.reduced = frozenset(new[a] for a in task.reduced)


def is_index_fold(task: Task) -> bool:
    kind = task.node.op.kind
    return isinstance(kind, Reduce) and kind.index


def linear_position(task: Task) -> Affine:
    """The position along the folded axes, in C order of the source."""
    axes = task.node.attrs["axes"]
    return linear([task.source.dims[a] for a in axes], [task.index[a] for a in axes])


def weights(scalar: Scalar, known: Collection[int] = ()) -> int:
    """Operations of the scalar with all that it needs, each counted once; those numbered in ``known`` are read."""
    seen: set[int] = set()
    stack, total = [scalar], 0
    while stack:
        s = stack.pop()
        if s.number not in seen:
            seen.add(s.number)
            if s.number in known or s.form == "load":
                total += 1
            else:
                total += s.data.cost if s.form == "apply" else 0
            if s.number not in known:
                stack.extend(s.args)
    return total
