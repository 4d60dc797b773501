"""Eigenvalues and eigenvectors of general matrices on a device: a block of threads works on a matrix.

The algorithm is LAPACK's ``geev`` for matrices of up to 75 rows, in its order, so that eigenvalues come in that order,
too: balancing, Hessenberg form, shifted QR steps, back substitution. There is one way for batches of small matrices and
for single large ones, which needs no library, waits for nothing, and can be captured: cuSOLVER's ``Xgeev`` has no
batches, asks for memory of the host to work in, and is not in CUDA before 12.8.

All threads look at the numbers that decide how it goes on, between two barriers, and come to the same conclusion; then
each takes its share of rows or columns. What one thread computes never depends on how many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from graphc.codegen.cuda_eigen import complex_steps, real_steps
from graphc.codegen.cuda_eigen.numbers import PRECISION, SMALLEST, Writer
from graphc.codegen.cuda_eigen.reduction import print_reduction
from graphc.codegen.cuda_eigen.vectors import print_vectors
from graphc.codegen.text import literal
from graphc.schedule.program import Call

EIGEN = ("eigen_of_real", "eigen_pairs")
MOST_ROUNDS = 30  # steps for an eigenvalue, times the number of rows: as many as LAPACK makes


def eigen_kernels(call: Call) -> list[str]:
    """Texts of the kernels ``NAME(*buffers, n0, count)`` for ``count`` matrices, to be run one after the other."""
    vectors = "values" not in call.flags
    kernels = [Writer(call.dtype, 2 if call.name == "eigen_pairs" else 1) for _ in range(2 + vectors)]
    with _each_matrix(kernels[0]):
        print_reduction(kernels[0], vectors=vectors)
    with _each_matrix(kernels[1]):
        with kernels[1].inside("if b3[e] == 0:"):
            _iterate(kernels[1], vectors=vectors)
        _finish(kernels[1], "w", "2 * n0", scale_back=not vectors)
    if vectors:
        with _each_matrix(kernels[2]):
            with kernels[2].inside("if b3[e] == 0:"):
                print_vectors(kernels[2])
            _finish(kernels[2], "z", "2 * n0 * n0", scale_back=True)
    buffers = ", ".join(f"b{k}" for k in range(len(call.buffers)))
    return [f"def NAME({buffers}, n0, count):\n{lines}\n" for lines in kernels]


@contextmanager
def _each_matrix(lines: Writer) -> Iterator[None]:
    """``given``: the matrix, ``t`` and ``small``: to work in, ``w``: eigenvalues, ``z``: the transpose of a basis."""
    n, w = "n0 * n0", lines.width
    room = "(n0 * n0 + 66 * n0 + 1)" if w == 1 else "(130 * n0 + 1)"
    lines.add("thread = thread_index()")
    lines.add("threads = thread_count()")
    lines.add(f"meeting = shared_{lines.dtype}()")
    with lines.inside("for e in range(block_index(), count, block_count()):"):
        own = {0: ("given", f"{n} * {w}"), 1: ("w", "n0 * 2"), 2: ("z", f"{n} * 2"), 4: ("t", f"{n} * {w}")}
        for number, (name, size) in (own | {5: ("small", room)}).items():
            lines.add(f"{name} = at(b{number}, e * {size})")
        yield


def _iterate(lines: Writer, *, vectors: bool) -> None:
    """Steps until all subdiagonal elements are 0 but those of pairs of complex eigenvalues; else ``b3`` is not 0."""
    add, steps = lines.add, real_steps if lines.width == 1 else complex_steps
    add("i = n0 - 1")
    add("failed = 0")
    with lines.inside("while i >= 0 and failed == 0:"):
        add("rounds = 0")
        add("low = 0")
        add("going = 1")
        with lines.inside("while going == 1:"):
            _find_low(lines)
            with lines.inside(f"if low >= i - {2 - lines.width}:"):
                add("going = 0")
            with lines.inside("else:"):
                add("rounds = rounds + 1")
                with lines.inside(f"if rounds > {MOST_ROUNDS} * greatest(n0, 10):"):
                    add("failed = i + 1")
                    add("going = 0")
                with lines.inside("else:"):
                    steps.print_step(lines, vectors=vectors)
        with lines.inside("if failed == 0:"):
            steps.print_split(lines, vectors=vectors)
        add("i = low - 1")
    with lines.inside("if thread == 0:"):
        add("b3[e] = failed")


def _find_low(lines: Writer) -> None:
    """``low``: the first of the rows up to i that subdiagonal elements join which are not negligible."""
    add, dtype, t, size = lines.add, lines.dtype, lines.t, lines.size
    tiny = f"cast_{dtype}(n0) * {lines.real(SMALLEST[dtype] / PRECISION[dtype])}"
    add("low = 0")
    add(f"tiny = {tiny}")
    with lines.inside("for k in range(i, 0, -1):"):
        add(f"under = {size(t('k', 'k - 1'))}")
        with lines.inside("if under <= tiny:"):
            add("low = k")
            add("break")
        add(f"total = {size(t('k - 1', 'k - 1'))} + {size(t('k', 'k'))}")
        with lines.inside("if total == 0:"):
            for condition, place in (("k > 1", ("k - 1", "k - 2")), ("k + 1 < n0", ("k + 1", "k"))):
                with lines.inside(f"if {condition}:"):
                    add(f"total = total + {size(t(*place))}")
        with lines.inside(f"if under <= {lines.real(PRECISION[dtype])} * total:"):
            add(f"above = {size(t('k - 1', 'k'))}")
            add(f"here = {size(t('k', 'k'))}")
            add(f"apart = {size(t('k - 1', 'k - 1') - t('k', 'k'))}")
            for more, less, one, other in (("ab", "ba", "under", "above"), ("aa", "bb", "here", "apart")):
                add(f"{more} = select({one} > {other}, {one}, {other})")
                add(f"{less} = select({one} > {other}, {other}, {one})")
            add("total = aa + ab")
            add(f"bound = {lines.real(PRECISION[dtype])} * (bb * (aa / total))")
            lines.greater("bound", "tiny")
            with lines.inside("if ba * (ab / total) <= bound:"):
                add("low = k")
                add("break")
    add("barrier()")
    with lines.inside("if thread == 0 and low > 0:"):
        for part in t("low", "low - 1").parts:
            add(f"{part} = {lines.real(0)}")


def _finish(lines: Writer, array: str, count: str, *, scale_back: bool) -> None:
    """NaN for what a matrix has not that was given up; eigenvalues of the scaled matrix become those of the given."""
    lines.add("barrier()")
    with lines.inside("if b3[e] != 0:"), lines.inside(f"for p in range(thread, {count}, threads):"):
        lines.add(f"{array}[p] = {literal(lines.dtype, 'nan')}")
    if scale_back:
        with lines.inside("for p in range(thread, 2 * n0, threads):"):
            lines.add("w[p] = w[p] / small[0]")
