"""Loops whose lanes never meet as one kernel: each thread runs all iterations for its elements.

A loop's body is kernels over the same elements (a *lane* is an element with all that the body does for it) and single
numbers beside them. Where every array that the loop writes is touched by each lane at its own places alone, nothing
has to wait between two iterations: what a lane carries stays in registers, and only what is saved for each iteration
goes to memory, neighbours beside neighbours. Single numbers are computed by every lane for itself; one thread more
runs the loop for them alone and stores what they end up as, when all lanes have read what they began with.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from graphc.ir.dims import Dim, product, symbols_of
from graphc.schedule.loopnest import Nest, Store, storing_nest
from graphc.schedule.program import Copy, Exchange, Inline, Launch, Loop, Section, Step, Storage
from graphc.schedule.scalars import Affine, Scalars, walk

Root = tuple[str, int]  # the place of a storage that is no part, and its slot or position there


@dataclass
class LanePart:
    """A nest of the body, over the lanes or for a single number; what its buffers' numbers stand for."""

    nest: Nest
    storage: Sequence[Storage]

    @property
    def is_single(self) -> bool:
        return not self.nest.space


@dataclass
class Held:
    """What the loop does with memory that it writes: ``dtype`` is its elements', whatever that of the whole is.

    ``way``: ``kept``, each lane has one element of it, at ``offset``; ``saved``, one in each iteration, which is
    written before it is read; ``memory``, anything else at the lane's own places.
    """

    storage: Storage
    dtype: str
    is_single: bool
    way: str
    offset: Dim


@dataclass
class LaneLoop:
    """``size``: lanes, or None where there are single numbers alone. ``held``: what the loop writes, by its root."""

    loop: Loop
    parts: list[LanePart | Exchange]
    size: Dim | None
    held: dict[Root, Held]


@dataclass(frozen=True)
class Access:
    root: Root
    storage: Storage
    offset: Dim
    is_single: bool  # by a single number's nest
    own: bool  # at the lane's own place, or a single number at its place
    writes: bool


def lane_loop(step: Loop, storage: Sequence[Storage]) -> LaneLoop | None:
    """The loop by lanes, where it can be run so."""
    parts = _parts(step.steps, storage)
    if parts is None:
        return None
    nests = [part for part in parts if isinstance(part, LanePart)]
    sizes = [product(part.nest.space) for part in nests if not part.is_single]
    size = sizes[0] if sizes else None
    if any(other != size or step.index in symbols_of(other) for other in sizes):
        return None
    accesses = [access for part in nests for access in _accesses(part)]
    dtypes: dict[Root, str] = {}
    for access in accesses:
        if any(dtypes.setdefault(access.root, dtype) != dtype for dtype in _dtypes(access.storage)):
            return None
    traded = [part for part in parts if isinstance(part, Exchange)]
    written = [access.root for access in accesses if access.writes]
    written += [root_of(storage) for part in traded for storage in (part.a, part.b)]
    held: dict[Root, Held] = {}
    for root in dict.fromkeys(written):
        found = _held([access for access in accesses if access.root == root], size, step.index)
        if found is None:
            return None
        held[root] = found
    if not all(_may_trade(held[root_of(part.a)], held[root_of(part.b)]) for part in traded):
        return None
    return LaneLoop(step, parts, size, held)


def root_of(storage: Storage) -> Root:
    root = whole_of(storage)
    return root.place, root.slot if root.place == "arena" else root.position


def whole_of(storage: Storage) -> Storage:
    return storage if storage.whole is None else whole_of(storage.whole)


def offset_of(storage: Storage) -> Dim:
    """Elements from the start of what it is a part of, however deep."""
    return 0 if storage.whole is None else storage.offset + offset_of(storage.whole)


def _dtypes(storage: Storage) -> Iterator[str]:
    """Of a storage and of the parts that it is a part of; a whole is memory for any."""
    yield storage.dtype
    if storage.whole is not None and storage.whole.whole is not None:
        yield from _dtypes(storage.whole)


def lane_position(nest: Nest) -> Affine:
    """The number of an element, in order."""
    return Affine.make(0, [(axis, product(nest.space[axis + 1 :])) for axis in range(len(nest.space))])


def _parts(steps: Sequence[Step], storage: Sequence[Storage]) -> list[LanePart | Exchange] | None:
    found: list[LanePart | Exchange] = []
    for step in steps:
        match step:
            case Section():
                inner = _parts(step.steps, step.storage)
                if inner is None:
                    return None
                found += inner
            case Launch() | Inline() if _is_plain(step.nest):
                found.append(LanePart(step.nest, storage))
            case Copy():
                space = () if step.size == 1 else (step.size,)
                place = lane_position(Nest(space, 0, []))
                load = Scalars().load(step.dtype, step.source, place)
                found.append(LanePart(storing_nest(space, Store(step.target, place, load)), storage))
            case Exchange():
                found.append(step)
            case _:
                return None
    return found


def _is_plain(nest: Nest) -> bool:
    """Whether the nest does nothing but store, at known places, what it computes for each element."""
    has_order = nest.sequential and bool(nest.space)
    if has_order or nest.block is not None or nest.across or len(nest.phases) != 1:
        return False
    (phase,) = nest.phases
    others = phase.folds, phase.totals, phase.lanes, phase.results, phase.compaction, phase.skip
    everywhere = len(phase.axes) + nest.row == len(nest.space)
    return everywhere and not any(others) and not any(store.gathered for store in phase.stores)


def _accesses(part: LanePart) -> Iterator[Access]:
    def access(buffer: int, index: Affine, plain: bool, writes: bool) -> Access:
        storage = part.storage[buffer]
        offset, place = offset_of(storage) + index.offset, lane_position(part.nest)
        is_lane, is_number = index.terms == place.terms and not part.is_single, not index.terms
        own = plain and (is_number if part.is_single or (not writes and not is_lane) else is_lane)
        return Access(root_of(storage), storage, offset, not index.terms and not is_lane, own, writes)

    (phase,) = part.nest.phases
    for scalar in walk(part.nest.scalars()):
        if scalar.form == "load":
            plain = not scalar.args and not scalar.data.conditions
            yield access(scalar.data.buffer, scalar.data.index, plain, False)
    for store in phase.stores:
        if store.accumulate:
            yield access(store.buffer, store.index, True, False)
    for store in phase.stores:
        yield access(store.buffer, store.index, True, True)


def _held(accesses: Sequence[Access], size: Dim | None, index: str) -> Held | None:
    """How memory that the loop writes is used, in order; None where lanes could meet in it."""
    if not accesses or not all(access.own for access in accesses):
        return None
    first, singles = accesses[0], {access.is_single for access in accesses}
    if len(singles) != 1:
        return None
    offsets = {access.offset for access in accesses}
    whole, dtype = whole_of(first.storage), first.storage.dtype
    way = "memory"
    if len(offsets) == 1:
        way = "kept" if index not in symbols_of(first.offset) else "saved" if first.writes else "memory"
    if first.is_single:
        read = any(not access.writes for access in accesses)
        return None if read and way == "memory" else Held(whole, dtype, True, way, first.offset)
    if size is None or any(offset // size * size != offset for offset in offsets):
        return None
    return Held(whole, dtype, False, way, first.offset)


def _may_trade(a: Held, b: Held) -> bool:
    same = a.is_single == b.is_single and a.dtype == b.dtype
    return same and a.way == b.way == "kept" and a.offset == 0 == b.offset
