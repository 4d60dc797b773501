"""The loop IR: what kernels and drivers are made of, between the array IR and printed source.

    Program   storage, steps, slots, symbols
    step   := Launch(nest) | Inline(nest) | Gemm | Clear | Combine | Copy | Bind | Check | Foreign
            | Section(steps) | Loop(steps) | While(steps) | Branch(steps) | Choice(sections) | Exchange
    Nest      space, row, phases    phases of a row: Store(buffer, index, scalar), Fold(key, step, scalar), ...
    scalar := load | apply | literal | position | size | holds | folded      (one class, told apart by ``form``)

Scalars and the positions in their loads stand in ``schedule.scalars``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphc.ir.dims import Dim
from graphc.schedule.scalars import Affine, Scalar, walk

# --- statements -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Fold:
    """``accumulator = step(accumulator, scalar, *more)``.

    ``index_of``: the fold's result is this position of its best element, and ``step`` is the condition to replace it.
    """

    key: int
    dtype: str
    init: str
    step: str
    scalar: Scalar
    index_of: Affine | None = None
    more: tuple[Scalar, ...] = ()
    running: bool = False  # every value of the accumulator is stored, not the last alone
    depth: int = 0  # loops of its phase in which it starts afresh


@dataclass(frozen=True)
class Compaction:
    """Appends ``position`` to the buffer where the scalar is true; the number of them ends up in ``count[0]``."""

    buffer: int
    count: int
    position: Affine
    scalar: Scalar


@dataclass(frozen=True)
class Store:
    buffer: int
    index: Affine
    scalar: Scalar
    accumulate: str = ""  # a fold's step: the element is combined with what is there
    gathered: tuple[tuple[Scalar, Dim], ...] = ()


@dataclass(frozen=True)
class Total:
    """A fold over rows into ``partial[block]``."""

    fold: Fold
    partial: int


@dataclass(frozen=True)
class LaneFold:
    """A fold over the outer axis of a phase for each position of its inner one: it stands in ``buffer`` at ``index``.

    Long sums are made of parts, which are added with compensation in ``total`` and ``error`` at ``sums``.
    """

    fold: Fold
    buffer: int
    index: Affine
    total: int
    error: int
    sums: Affine


@dataclass
class Phase:
    """Statements that run together in a row, in loops over ``axes``, of which the last is the innermost.

    ``results`` store what folds inside the first loop came to. ``skip``: where it is 0, a round of the first loop, or
    what is done once, has no effect.
    """

    axes: tuple[int, ...] = ()
    stores: list[Store] = field(default_factory=list)
    folds: list[Fold] = field(default_factory=list)
    totals: list[Total] = field(default_factory=list)
    lanes: list[LaneFold] = field(default_factory=list)
    results: list[Store] = field(default_factory=list)
    exclusive: bool = False  # stores read a running fold as it was before this element
    compaction: Compaction | None = None
    skip: Scalar | None = None

    def is_empty(self) -> bool:
        return not (self.stores or self.folds or self.totals or self.lanes or self.compaction)

    def scalars(self) -> list[Scalar]:
        """What the statements read in the loops."""
        found = [s for f in self.folds for s in (f.scalar, *f.more)]
        for store in self.stores:
            found += [store.scalar, *(position for position, _ in store.gathered)]
        found += [self.compaction.scalar] if self.compaction else []
        found += [t.fold.scalar for t in self.totals] + [lane.fold.scalar for lane in self.lanes]
        return found + ([self.skip] if self.skip is not None else [])


@dataclass
class Nest:
    """One kernel's loops: a row loop over ``space[:row]``, and in each row the phases one after another.

    Totals are folds across rows, one result for each block of ``block`` iterations of axis 0 (``blocks`` of them). Axis
    0, or the blocks, is what threads share, unless the nest is ``sequential``. ``together``: rows that run as one.
    """

    space: tuple[Dim, ...]
    row: int
    phases: list[Phase]
    sequential: bool = False
    block: Dim | None = None
    blocks: Dim | None = None
    together: Dim | None = None

    @property
    def totals(self) -> list[Total]:
        return [total for phase in self.phases for total in phase.totals]

    def scalars(self) -> list[Scalar]:
        """What stores and folds need, outermost expressions only."""
        return [s for phase in self.phases for s in (*phase.scalars(), *(store.scalar for store in phase.results))]

    def buffers(self) -> dict[int, str]:
        """Every program buffer that the nest touches, in order of first use, with what it is for: read, write, both."""
        uses: dict[int, str] = {}

        def use(buffer: int, how: str) -> None:
            uses[buffer] = how if uses.get(buffer, how) == how else "both"

        for scalar in walk(self.scalars()):
            if scalar.form == "load":
                use(scalar.data.buffer, "read")
        for phase in self.phases:
            for store in (*phase.stores, *phase.results):
                use(store.buffer, "both" if store.accumulate else "write")
            for lane in phase.lanes:
                for buffer in (lane.buffer, lane.total, lane.error):
                    use(buffer, "both")
            if phase.compaction is not None:
                use(phase.compaction.buffer, "write")
                use(phase.compaction.count, "write")
            for total in phase.totals:
                use(total.partial, "write")
        return uses


def storing_nest(space: tuple[Dim, ...], store: Store) -> Nest:
    """A nest that does nothing but the store, for each element."""
    return Nest(space, 0, [Phase(tuple(range(len(space))), stores=[store])])


# --- driver steps -----------------------------------------------------------------------------------------------------


@dataclass
class Launch:
    """Run the nest's kernel over ``count`` rows or blocks; ``work``: rough operations of one of them."""

    nest: Nest
    count: Dim
    work: Dim
    comment: str


@dataclass
class Inline:
    """A nest without axes, printed into the driver itself."""

    nest: Nest
    comment: str


@dataclass
class Gemm:
    """``c = op(a) op(b) (+ c)`` for ``batch`` matrices.

    ``offsets`` and ``leading`` (from row to row), in elements, are those of a, b and c. Matrix number e of each is
    ``e // inner * outer stride + e % inner * inner stride`` elements after the first: ``strides``.
    """

    dtype: str
    flags: int
    batch: Dim
    inner: Dim
    m: Dim
    n: Dim
    k: Dim
    a: int
    b: int
    c: int
    offsets: tuple[Dim, Dim, Dim]
    leading: tuple[Dim, Dim, Dim]
    strides: tuple[tuple[Dim, Dim], tuple[Dim, Dim], tuple[Dim, Dim]]
    comment: str


@dataclass
class Call:
    """Run the routine of an op over the ``count`` rows or matrices of its buffers.

    ``buffers``: operands, results, then what the routine works in. ``sizes`` are those of one row or matrix; ``work``:
    rough operations of one. ``flags``: what the op's attrs say, as text that the routine's printer knows.
    """

    name: str
    flags: tuple[str, ...]
    dtype: str
    buffers: list[int]
    sizes: list[Dim]
    count: Dim
    work: Dim
    comment: str


@dataclass
class Clear:
    """Fill a buffer with a fold's neutral element."""

    buffer: int
    size: Dim
    dtype: str
    init: str


@dataclass(frozen=True)
class Combine:
    """Fold ``blocks`` partial results, each of ``kept`` elements, into the result's buffer, in order."""

    partial: int
    result: int
    kept: Dim
    blocks: Dim
    dtype: str
    init: str
    step: str


@dataclass
class Copy:
    source: int
    target: int
    size: Dim
    dtype: str


@dataclass
class Bind:
    """The symbol's value is the number in the buffer from here on."""

    symbol: str
    buffer: int


@dataclass
class Check:
    """Stop with this status where the flag in the buffer is set."""

    buffer: int
    status: int


@dataclass
class Foreign:
    """Call the function whose address stands in the buffer, with the addresses of the others and then the sizes.

    Where it fails, the program stops.
    """

    address: int
    buffers: tuple[int, ...]
    sizes: tuple[Dim, ...]
    comment: str


# --- control ----------------------------------------------------------------------------------------------------------


@dataclass
class Section:
    """Straight steps whose buffers are numbers in a storage of their own; what sections share is one object in both."""

    storage: list[Storage]
    steps: list[Step]


@dataclass
class Loop:
    """``steps`` for each value of the symbol ``index``, from 0 to ``trips - 1``, or from there to 0."""

    index: str
    trips: Dim
    reverse: bool
    steps: list[Step]


@dataclass
class While:
    """``condition``, and ``steps`` where it set the flag; again and again until it does not."""

    condition: list[Step]
    flag: Storage
    steps: list[Step]


@dataclass
class Branch:
    """``first`` where the flag is set, else ``second``."""

    flag: Storage
    first: list[Step]
    second: list[Step]


@dataclass
class Choice:
    """``first`` where the dim is not 0, else ``second``: two ways to the same results, for different sizes."""

    condition: Dim
    first: Section
    second: Section


@dataclass
class Exchange:
    """Two pieces of the arena trade places, so that what one held is found in the other without a copy."""

    a: Storage
    b: Storage


Step = (
    Launch
    | Inline
    | Gemm
    | Call
    | Clear
    | Combine
    | Copy
    | Bind
    | Check
    | Foreign
    | Section
    | Loop
    | While
    | Branch
    | Choice
    | Exchange
)


def inner_steps(step: Step) -> list[list[Step]]:
    """The lists of steps inside a step."""
    match step:
        case Section() | Loop():
            return [step.steps]
        case While():
            return [step.condition, step.steps]
        case Branch():
            return [step.first, step.second]
        case Choice():
            return [[step.first], [step.second]]
    return []


def walk_steps(steps: Iterable[Step]) -> Iterator[Step]:
    """Every step, and those inside it, in order."""
    for step in steps:
        yield step
        for part in inner_steps(step):
            yield from walk_steps(part)


def launches(steps: Iterable[Step], times: Dim = 1) -> Iterator[tuple[Launch | Call, Dim]]:
    """Every launch and call, and how often it runs; the iterations of a while count as one."""
    for step in steps:
        if isinstance(step, Launch | Call):
            yield step, times
        for part in inner_steps(step):
            yield from launches(part, times * step.trips if isinstance(step, Loop) else times)


def step_buffers(step: Step) -> list[int]:
    """The program buffers that a straight step reads or writes."""
    match step:
        case Launch() | Inline():
            return list(step.nest.buffers())
        case Gemm():
            return [step.a, step.b, step.c]
        case Call():
            return step.buffers
        case Clear() | Bind() | Check():
            return [step.buffer]
        case Combine():
            return [step.partial, step.result]
        case Copy():
            return [step.source, step.target]
        case Foreign():
            return [step.address, *step.buffers]
    raise AssertionError(f"{type(step).__name__} is no straight step")


@dataclass
class Storage:
    """Where a buffer of the program lives.

    ``input`` or ``output`` number ``position``; ``arena`` in a ``slot``; ``local``: a variable of the driver, number
    ``position``; ``grown``: in memory of its own, made when its size is bound; ``part``: of ``whole``, from element
    ``offset`` on.
    """

    place: str
    position: int
    dtype: str
    size: Dim
    slot: int = -1
    whole: Storage | None = None
    offset: Dim = 0


@dataclass
class Program:
    """``slots``: bytes of each piece of the arena; ``symbols``: the dims' symbols, in the order of the driver's array.

    ``bounds``: the most that each symbol bound at run time can be; those that have no bound size what is ``grown``.
    ``checks[k]`` describes status k + 1. ``in_place``: outputs, by number, that stand where this input stood.
    """

    name: str
    storage: list[Storage]
    steps: list[Step]
    slots: list[Dim]
    symbols: list[str]
    bounds: dict[str, Dim]
    checks: Sequence[Any]
    grown: Sequence[Storage] = ()
    in_place: Mapping[int, int] = field(default_factory=dict)
