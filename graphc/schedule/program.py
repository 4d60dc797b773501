"""Programs: the steps of a driver, and where what they read and write lives.

Program   storage, steps, slots, symbols
step   := Launch(nest) | Inline(nest) | Gemm | Convolve | Clear | Combine | Copy | Bind | Check | Foreign
        | Section(steps) | Loop(steps) | While(steps) | Branch(steps) | Choice(sections) | Exchange
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphc.abi import ALIGNMENT
from graphc.ir.dims import Dim
from graphc.schedule.loopnest import Nest

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
class Convolve:
    """A convolution or one of its gradients (``flags``, see ``abi.Service``), ``count`` times.

    ``sizes``: what the service is told after the count. ``bias`` is None where there is none.
    """

    dtype: str
    flags: int
    count: Dim
    sizes: list[Dim]
    x: int
    weight: int
    y: int
    bias: int | None
    work: Dim
    comment: str


LONG_ROW = 1024  # elements of a row from which on it is sorted by digits, which takes more room
REVERSE_BLOCK = 32  # columns that the adjoint of a Cholesky factor is computed by, without products of a library
FEW = 48  # elements among which a rank is found without digits


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
    | Convolve
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


def launches(steps: Iterable[Step], times: Dim = 1) -> Iterator[tuple[Launch | Call | Convolve, Dim]]:
    """Every launch, call and convolution, and how often it runs; the iterations of a while count as one."""
    for step in steps:
        if isinstance(step, Launch | Call | Convolve):
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
        case Convolve():
            return [step.x, step.weight, step.y, *([] if step.bias is None else [step.bias])]
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


def align(size: Dim) -> Dim:
    """Bytes rounded up to the arena's alignment."""
    return size if isinstance(size, int) and size % ALIGNMENT == 0 else (size + ALIGNMENT - 1) // ALIGNMENT * ALIGNMENT


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
