"""Kernels over the same elements, one after another, as one kernel: around writes in place, which keep them apart.

Every straight piece between two writes is scheduled by itself, and a write is a kernel, too: an iteration that fills a
column is some loops over that column. Where an element of each of them reads and writes only what the same element of
the others does, or places that none of them touches, they are one loop; what one stores and the next reads is a
variable of it, and is not stored at all where nothing else reads it. In doubt, they stay apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from graphc.ir.dims import Dim
from graphc.ir.shapes import ShapeFacts
from graphc.schedule.loopnest import Nest, Phase, Store
from graphc.schedule.program import (
    Bind,
    Branch,
    Check,
    Exchange,
    Foreign,
    Inline,
    Launch,
    Loop,
    Section,
    Step,
    Storage,
    While,
    inner_steps,
    step_buffers,
    walk_steps,
)
from graphc.schedule.scalars import Affine, Scalar, Scalars, walk
from graphc.schedule.slots import whole
from graphc.schedule.tasks import weights

MOST_BUFFERS = 24  # of a kernel: each costs a register
FARTHEST = 8  # steps between two that may become one


@dataclass
class _Piece:
    """A straight step, and what its buffers' numbers stand for."""

    storage: list[Storage]
    step: Step
    joined: bool = False

    def touches(self) -> dict[int, bool]:
        """What it reads or writes, by identity of the whole array, and whether it may write it."""
        uses = (
            self.step.nest.buffers()
            if isinstance(self.step, Launch | Inline)
            else dict.fromkeys(step_buffers(self.step), "both")
        )
        found: dict[int, bool] = {}
        for buffer, how in uses.items():
            key = id(whole(self.storage[buffer]))
            found[key] = found.get(key, False) or how != "read"
        return found

    def depends(self, other: _Piece) -> bool:
        """Whether the two must stay in their order."""
        if isinstance(self.step, Bind | Check | Foreign):
            return True
        theirs = other.touches()
        return any(key in theirs and (written or theirs[key]) for key, written in self.touches().items())


def join_neighbours(steps: Sequence[Step], results: Iterable[Storage], facts: ShapeFacts) -> list[Step]:
    """The steps with such kernels joined; ``results`` are read when they have run."""
    fused: list[Launch] = []
    joined = _joined(steps, facts, fused)
    if fused:
        _drop_unread(joined, {id(whole(s)) for s in results}, {id(step) for step in fused})
    return joined


def _joined(steps: Sequence[Step], facts: ShapeFacts, fused: list[Launch]) -> list[Step]:
    made: list[Step] = []
    pieces: list[_Piece] = []

    def end() -> None:
        made.extend(Section(piece.storage, [piece.step]) for piece in pieces)
        fused.extend(p.step for p in pieces if p.joined and isinstance(p.step, Launch))
        pieces.clear()

    for step in steps:
        if isinstance(step, Section) and not any(inner_steps(inner) for inner in step.steps):
            for inner in step.steps:
                _add(pieces, _Piece(step.storage, inner), facts)
            continue
        end()
        made.append(_inside(step, facts, fused))
    end()
    return made


def _inside(step: Step, facts: ShapeFacts, fused: list[Launch]) -> Step:
    match step:
        case Loop():
            return replace(step, steps=_joined(step.steps, facts, fused))
        case While():
            return replace(
                step, condition=_joined(step.condition, facts, fused), steps=_joined(step.steps, facts, fused)
            )
        case Branch():
            return replace(step, first=_joined(step.first, facts, fused), second=_joined(step.second, facts, fused))
    return step


def _add(pieces: list[_Piece], piece: _Piece, facts: ShapeFacts) -> None:
    """Append the piece, or join it with one of the last, if it may stand there."""
    if _is_elementwise(piece):
        for k in range(len(pieces) - 1, max(-1, len(pieces) - 1 - FARTHEST), -1):
            together = _Join(pieces[k], piece, facts).run() if _is_elementwise(pieces[k]) else None
            if together is not None:
                pieces[k] = together
                return
            if pieces[k].depends(piece):
                break
    pieces.append(piece)


def _is_elementwise(piece: _Piece) -> bool:
    """Whether it is one loop over one axis that stores what it computes of each element, at places known before."""
    if not isinstance(piece.step, Launch):
        return False
    nest = piece.step.nest
    if nest.row or len(nest.space) != 1 or len(nest.phases) != 1 or nest.sequential or nest.block is not None:
        return False
    (phase,) = nest.phases
    plain = not (
        phase.folds or phase.totals or phase.lanes or phase.results or phase.compaction or phase.skip is not None
    )
    return plain and nest.together is None and not nest.across and not any(store.gathered for store in phase.stores)


class _Join:
    """Tries to make one kernel of two; ``second`` would run right behind ``first``."""

    def __init__(self, first: _Piece, second: _Piece, facts: ShapeFacts):
        self.first, self.second, self.facts = first, second, facts
        self.storage: list[Storage] = []
        self.scalars = Scalars()
        self.stores: list[Store] = []
        self.loads: list[Scalar] = []  # of what is joined so far

    def run(self) -> _Piece | None:
        first, second = self.first.step, self.second.step
        assert isinstance(first, Launch)
        assert isinstance(second, Launch)
        if first.nest.space != second.nest.space:
            return None
        self.count = first.nest.space[0]
        self._take(self.first)
        if not self._take(self.second) or len(self.storage) > MOST_BUFFERS:
            return None
        nest = Nest(first.nest.space, 0, [Phase((0,), stores=self.stores)])
        comment = ", ".join(dict.fromkeys([*first.comment.split(", "), *second.comment.split(", ")]))
        work = max(1, sum(weights(s) for s in nest.scalars()))
        return _Piece(self.storage, Launch(nest, self.count, work, comment), joined=True)

    def _take(self, piece: _Piece) -> bool:
        """Add the piece's stores, over scalars of the joined kernel; whether they may run element by element."""
        assert isinstance(piece.step, Launch)
        (phase,) = piece.step.nest.phases
        places = {buffer: self._place(piece.storage[buffer]) for buffer in piece.step.nest.buffers()}
        before = list(self.stores)
        new: dict[int, Scalar] = {}
        loads = []
        for scalar in walk(phase.scalars()):
            found = self._scalar(scalar, places, new, before)
            if found is None:
                return False
            new[scalar.number] = found
            loads += [found] if found.form == "load" else []
        stores = []
        for store in phase.stores:
            number, shift = places[store.buffer]
            moved = replace(store, buffer=number, index=store.index.plus(shift), scalar=new[store.scalar.number])
            if not all(self._own(s.index, moved.index) for s in before if s.buffer == number):
                return False
            if not all(self._is_free(load, moved) for load in self.loads):
                return False
            stores.append(moved)
        self.stores = [old for old in before if not any(map(old.is_hidden_by, stores))] + stores
        self.loads += loads
        return True

    def _place(self, storage: Storage) -> tuple[int, Dim]:
        """The number of the array that the storage is, or is part of, and from where on."""
        shift: Dim = 0
        while storage.whole is not None:
            shift, storage = shift + storage.offset, storage.whole
        for number, known in enumerate(self.storage):
            if known is storage:
                return number, shift
        self.storage.append(storage)
        return len(self.storage) - 1, shift

    def _scalar(
        self, scalar: Scalar, places: dict[int, tuple[int, Dim]], new: dict[int, Scalar], before: Sequence[Store]
    ) -> Scalar | None:
        """The scalar in the joined kernel; None where it reads what another element has stored."""
        args = tuple(new[arg.number] for arg in scalar.args)
        match scalar.form:
            case "load":
                number, shift = places[scalar.data.buffer]
                gathered = tuple(zip(args, scalar.data.strides, strict=True))
                index = scalar.data.index.plus(shift)
                found = self.scalars.load(scalar.dtype, number, index, scalar.data.conditions, gathered)
                return self._forwarded(found, [store for store in before if store.buffer == number])
            case "apply":
                return self.scalars.apply(scalar.dtype, scalar.data.template, args, scalar.data.cost, scalar.data.op)
            case "literal":
                return self.scalars.literal(scalar.dtype, scalar.data)
            case "position":
                return self.scalars.position(scalar.data)
            case "size":
                return self.scalars.size(scalar.data)
            case "holds":
                return self.scalars.holds(scalar.data)
        raise AssertionError(f"a {scalar.form} scalar in a loop without folds")

    def _forwarded(self, load: Scalar, stores: Sequence[Store]) -> Scalar | None:
        """What the load finds: itself where no store reaches it, or what the same element has stored there."""
        found: Scalar | None = load
        for store in stores:
            if self._is_free(load, store, apart=True):
                continue
            same = store.index == load.data.index and self._moves(store.index)
            is_plain = not (load.data.conditions or load.data.strides or store.accumulate)
            if not (same and is_plain and store.scalar.dtype == load.dtype):
                return None
            found = store.scalar
        return found

    # --- places -------------------------------------------------------------------------------------------------------

    def _is_free(self, load: Scalar, store: Store, *, apart: bool = False) -> bool:
        """Whether no other element's store reaches what is loaded; ``apart``: nor its own."""
        if load.data.buffer != store.buffer:
            return True
        if load.data.strides:
            return False
        return self._apart(load.data.index, store.index) if apart else self._own(load.data.index, store.index)

    def _own(self, a: Affine, b: Affine) -> bool:
        """Whether two elements never meet: both places are the element's own, or always apart."""
        return (a == b and self._moves(a)) or self._apart(a, b)

    def _moves(self, index: Affine) -> bool:
        return self.facts.proves_at_least(index.coefficient(0), 1)

    def _apart(self, a: Affine, b: Affine) -> bool:
        """Whether ``a`` at any element and ``b`` at any element are different places."""
        step = a.coefficient(0)
        if step != b.coefficient(0) or not self._moves(a):
            return False
        proves, span = self.facts.proves_at_least, step * (self.count - 1)
        for distance in (b.offset - a.offset, a.offset - b.offset):
            if proves(distance - span, 1) or (proves(distance, 1) and proves(step - distance, 1)):
                return True
        return False


# --- what nobody reads ------------------------------------------------------------------------------------------------


def _drop_unread(steps: Sequence[Step], kept: set[int], fused: set[int]) -> None:
    """Take the stores out of joined kernels that nothing reads."""
    read = kept | set(_read(steps))
    for section in walk_steps(steps):
        if not isinstance(section, Section):
            continue
        for k, step in enumerate(section.steps):
            if isinstance(step, Launch) and id(step) in fused:
                section.steps[k] = _without_unread(step, section.storage, read)


def _without_unread(step: Launch, storage: Sequence[Storage], read: set[int]) -> Launch:
    (phase,) = step.nest.phases
    stores = [
        s for s in phase.stores if id(whole(storage[s.buffer])) in read or whole(storage[s.buffer]).place != "arena"
    ]
    return replace(step, nest=replace(step.nest, phases=[replace(phase, stores=stores)]))


def _read(steps: Iterable[Step]) -> Iterator[int]:
    """What some step reads, or trades, by identity."""
    for step in walk_steps(steps):
        match step:
            case Section():
                for inner in step.steps:
                    uses = inner.nest.buffers() if isinstance(inner, Launch | Inline) else {}
                    yield from (
                        id(whole(step.storage[b])) for b in step_buffers_of(inner) if uses.get(b, "read") != "write"
                    )
            case While() | Branch():
                yield id(whole(step.flag))
            case Exchange():
                yield from (id(whole(step.a)), id(whole(step.b)))


def step_buffers_of(step: Step) -> list[int]:
    return [] if inner_steps(step) else step_buffers(step)
