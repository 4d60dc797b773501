"""Factorisations and transforms on a device: what is done around the calls of a vendor's library.

A row-major matrix is to a library, which counts by columns, the transpose. Where a call can be chosen so that this is
what it should see, nothing moves in memory: an upper triangle for a lower one, the factors of A' for those of A. As on
the CPU (``codegen.lapack_routines``), but for QR, of whose other side, LQ, there is no function.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from graphc.codegen.cuda_chores import CudaKernel, gather_kernel
from graphc.codegen.cuda_libraries import TRANSFORMS, half_kernel, lower_kernel, pivots_kernel, upper_kernel

BYTES = {"f64": 8, "f32": 4, "c128": 16, "c64": 8}
COMPLEX = {"f64": "c128", "f32": "c64"}
CAPTURED = ("trsm",)  # cuBLAS's own
INFO = 8  # bytes: a library writes 4 of them, the others are 0


class Call(NamedTuple):
    """A routine over ``batch`` rows or matrices, as in ``schedule.program.Call``; ``places``: addresses of buffers."""

    name: str
    flags: tuple[str, ...]
    dtype: str
    batch: int
    sizes: tuple[int, ...]
    places: tuple[int, ...]

    @property
    def routine(self) -> str:
        """The routine that real and complex matrices share."""
        return self.name.removesuffix("_pairs") if self.name not in TRANSFORMS else self.name

    @property
    def width(self) -> int:
        """Real numbers in an element of a matrix."""
        return 2 if self.routine != self.name else 1

    @property
    def element(self) -> str:
        """The dtype of a matrix."""
        return COMPLEX[self.dtype] if self.width == 2 else self.dtype


class Solver(Protocol):
    """A vendor's library, on matrices by columns: LAPACK's names and order of arguments, addresses as ints.

    Complex matrices are asked for by the names of real ones; eigenvalues and singular values are real.

    Leading dimensions are the numbers of rows. ``info``: address of an int32. Raises ``CudaError``.
    """

    def getrf(self, dtype: str, m: int, n: int, a: int, pivots: int, info: int, stream: int) -> None:
        """L U of a with rows exchanged, L with a unit diagonal; ``pivots``: int32."""

    def potrf(self, dtype: str, n: int, a: int, info: int, stream: int) -> None:
        """U in the upper triangle of a = U' U."""

    def trsm(
        self, dtype: str, flags: tuple[str, ...], sizes: tuple[int, int], places: tuple[int, int], workspace: int,
        stream: int,
    ) -> None:  # fmt: skip
        """X in place of b[m,n]: X op(T) = b. ``flags``: upper, transposed, unit; ``sizes``: m and n; ``places``: of T
        and b; ``workspace``: the program's own, of ``Device.workspace`` bytes."""

    def syevd(self, dtype: str, n: int, a: int, values: int, info: int, stream: int) -> None:
        """Eigenvalues, and eigenvectors in place of the symmetric a, of which the lower triangle is read."""

    def gesvd(self, dtype: str, m: int, n: int, a: int, results: tuple[int, int, int], info: int, stream: int) -> None:
        """``results``: s, the first n columns of U, and V', of a with m >= n, which is overwritten."""

    def geqrf(self, dtype: str, m: int, n: int, a: int, tau: int, info: int, stream: int) -> None:
        """R in the upper triangle, reflectors below it."""

    def orgqr(self, dtype: str, m: int, n: int, a: int, tau: int, info: int, stream: int) -> None:
        """Q[m,n] of reflectors."""


class Later:
    """A solver whose calls are made outside of the graph that is captured, each time the graph is replayed.

    NVIDIA says of cuBLAS and cuFFT that their calls may be captured, and of cuSOLVER nothing: some of its calls are
    known to end a capture.
    """

    def __init__(self, solver: Solver, outside: Callable[[Callable[[int], None]], None]):
        self.solver, self.outside = solver, outside

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.solver, name)

        def later(*arguments: Any) -> None:
            *given, _ = arguments  # the last one is the stream that is captured
            self.outside(lambda stream: method(*given, stream))

        return method if name in CAPTURED else later


class Transforms(Protocol):
    """A vendor's library of Fourier transforms."""

    def plan(self, name: str, dtype: str, points: int, count: int) -> Any:
        """What a transform needs; ``name``: one of ``codegen.cuda_libraries.TRANSFORMS``. Raises ``CudaError``."""

    def run(self, plan: Any, source: int, target: int, inverse: bool, stream: int) -> None:
        """Start it."""


class Starts(Protocol):
    """What a program does for a routine, on its stream."""

    @property
    def solver(self) -> Solver:
        """Raises ``CudaError`` where there is none."""

    @property
    def transforms(self) -> Transforms:
        """Raises ``CudaError`` where there is none."""

    stream: int
    workspace: int

    def start(self, print_kernel: Callable[..., CudaKernel], given: Sequence[Any], count: int, words: Any) -> None:
        """Launch the kernel that ``print_kernel`` prints of ``given``."""

    def clear(self, address: int, size: int) -> None:
        """Zero bytes."""

    def copy(self, target: int, source: int, dtype: str, count: int) -> None:
        """Copy elements."""

    def room(self, call: Call, elements: int) -> int:
        """The address of memory for this call, which nothing else is in until the next one like it."""

    def kept_plan(self, name: str, dtype: str, points: int, count: int) -> Any:
        """The plan of a transform, made once for the program."""


def run_routine(at: Starts, call: Call) -> None:
    """Ask all of the call of the stream."""
    if call.batch and all(call.sizes):
        ROUTINES[call.routine](at, call)
    elif call.batch:
        _nothing(at, call)


def _nothing(at: Starts, call: Call) -> None:
    """Of matrices without elements: what fails in none."""
    info = {"lu": 6, "cholesky_factor": 2, "symmetric_eigen": 3, "singular": 4, "orthogonal": 3}.get(call.routine)
    if info is not None:
        at.clear(call.places[info], INFO * call.batch)
    if call.routine == "lu":
        at.start(pivots_kernel, (), call.batch, (*_lu_places(call), 0, call.sizes[1]))


def _matrices(call: Call, *elements: tuple[int, int]) -> Iterator[tuple[int, ...]]:
    """The addresses of each matrix' parts. ``elements``: pairs of a buffer and how many it has of a matrix."""
    size = BYTES[call.element]
    for e in range(call.batch):
        yield tuple([call.places[buffer] + e * many * size for buffer, many in elements])


def _reals(call: Call, buffer: int, many: int) -> list[int]:
    """The addresses of each matrix' part in a buffer of real numbers."""
    return [call.places[buffer] + e * many * BYTES[call.dtype] for e in range(call.batch)]


def _turn(at: Starts, call: Call, source: int, target: int, rows: int, columns: int) -> None:
    """All matrices of ``source``, of so many rows and columns, by columns in ``target``."""
    w = call.width
    words: tuple[int, ...] = (source, target, call.batch, columns, rows, rows * columns, 1, columns)
    if w == 2:
        words = (source, target, call.batch, columns, rows, w, rows * columns * w, w, columns * w, 1)
    at.start(gather_kernel, (2 + w, call.dtype), call.batch * rows * columns * w, words)


def _lu_places(call: Call) -> tuple[int, int, int, int, int]:
    _, _, columns, places, exchanges, sign, _, written = call.places
    return written, columns, places, exchanges, sign


def lu(at: Starts, call: Call) -> None:
    """Row exchanges of A' are column exchanges of A, whose U has the unit diagonal."""
    m, n = call.sizes
    k = min(m, n)
    at.copy(call.places[1], call.places[0], call.element, call.batch * m * n)
    at.clear(call.places[6], INFO * call.batch)
    for e, (packed,) in enumerate(_matrices(call, (1, m * n))):
        at.solver.getrf(call.element, n, m, packed, call.places[7] + 4 * k * e, call.places[6] + INFO * e, at.stream)
    at.start(pivots_kernel, (), call.batch, (*_lu_places(call), k, n))


def cholesky_factor(at: Starts, call: Call) -> None:
    """A lower triangle by rows is an upper one by columns."""
    (n,) = call.sizes
    given, factors, info = call.places
    words = (given, factors, n, n)
    at.start(lower_kernel, (call.dtype, call.width), call.batch * n * n * call.width, words)
    at.clear(info, INFO * call.batch)
    for e, (factor,) in enumerate(_matrices(call, (1, n * n))):
        at.solver.potrf(call.element, n, factor, info + INFO * e, at.stream)


def triangular_solve(at: Starts, call: Call) -> None:
    """X with T X = B: by columns, X' T' = B'. A lower triangle by rows is an upper one by columns."""
    n, k = call.sizes
    at.copy(call.places[2], call.places[1], call.element, call.batch * n * k)
    flags = tuple([flag for flag in call.flags if flag != "lower"]) + ("upper",) * ("lower" in call.flags)
    for t, result in _matrices(call, (0, n * n), (2, n * k)):
        at.solver.trsm(call.element, flags, (k, n), (t, result), at.workspace, at.stream)


def symmetric_eigen(at: Starts, call: Call) -> None:
    """The lower triangle, which the library reads by columns: of the matrix turned over."""
    (n,) = call.sizes
    _turn(at, call, call.places[0], call.places[2], n, n)
    at.clear(call.places[3], INFO * call.batch)
    for e, ((vectors,), values) in enumerate(zip(_matrices(call, (2, n * n)), _reals(call, 1, n), strict=True)):
        at.solver.syevd(call.element, n, vectors, values, call.places[3] + INFO * e, at.stream)


def singular(at: Starts, call: Call) -> None:
    """U', s, V of A. By columns they are U, s, V' of A turned over; of a wide A the factors of A' change places."""
    m, n = call.sizes
    k, (given, us, _, vs, info, turned, *_) = min(m, n), call.places
    is_tall = m >= n
    if is_tall:
        _turn(at, call, given, turned, m, n)
    else:
        at.copy(turned, given, call.element, call.batch * m * n)
    at.clear(info, INFO * call.batch)
    parts = zip(_matrices(call, (5, m * n), (1, k * m), (3, n * k)), _reals(call, 2, k), strict=True)
    for e, ((a, u, v), s) in enumerate(parts):
        first, second = (u, v) if is_tall else (v, u)
        at.solver.gesvd(call.element, max(m, n), k, a, (s, first, second), info + INFO * e, at.stream)
    if not is_tall:  # V' and U by rows, to be turned over: by way of the room that the matrices had
        for place, rows, columns in ((vs, k, n), (us, m, k)):
            at.copy(turned, place, call.element, call.batch * rows * columns)
            _turn(at, call, turned, place, rows, columns)


def orthogonal(at: Starts, call: Call) -> None:
    """Q and R of a tall A, which is turned over to the library and back."""
    (m, n), size = call.sizes, BYTES[call.element]
    given, q, r, info, taus, *_ = call.places
    room = at.room(call, call.batch * m * n * call.width)
    _turn(at, call, given, room, m, n)
    at.clear(info, INFO * call.batch)
    for e in range(call.batch):
        at.solver.geqrf(call.element, m, n, room + e * m * n * size, taus + e * n * size, info + INFO * e, at.stream)
    words = (room, r, n, m)
    at.start(upper_kernel, (call.dtype, call.width), call.batch * n * n * call.width, words)
    for e in range(call.batch):
        at.solver.orgqr(call.element, m, n, room + e * m * n * size, taus + e * n * size, info + INFO * e, at.stream)
    _turn(at, call, room, q, n, m)


def transform(at: Starts, call: Call) -> None:
    """``fft_pairs`` and ``rfft_pairs``."""
    plan = at.kept_plan(call.name, call.dtype, call.sizes[0], call.batch)
    at.transforms.run(plan, call.places[0], call.places[1], "inverse" in call.flags, at.stream)


def irfft_pairs(at: Starts, call: Call) -> None:
    """Of a copy, which the library may overwrite, and in which what does not count is zero."""
    half, points = call.sizes
    given, result = call.places
    room = at.room(call, call.batch * 2 * half)
    at.start(half_kernel, (call.dtype,), 2 * half * call.batch, (given, room, half, points))
    at.transforms.run(at.kept_plan(call.name, call.dtype, points, call.batch), room, result, True, at.stream)


ROUTINES: dict[str, Callable[[Starts, Call], None]] = {
    "lu": lu, "cholesky_factor": cholesky_factor, "triangular_solve": triangular_solve,
    "symmetric_eigen": symmetric_eigen, "singular": singular, "orthogonal": orthogonal,
    "fft_pairs": transform, "rfft_pairs": transform, "irfft_pairs": irfft_pairs,
}  # fmt: skip
