"""Printed routines that call LAPACK: what stands around one Fortran call for each matrix.

LAPACK counts by columns, so in a row-major matrix it sees the transpose. Where a routine can be chosen so that this is
what it should see (an upper triangle for a lower one, LQ for QR), nothing is transposed in memory. Letters are passed
as their codes; the distance between columns is at least 1, also where there are no rows.

Routines of complex matrices (``..._pairs``) have the same text: an element is ``width`` real numbers, 1 or 2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphc.abi import Lapack
from graphc.ir.dims import Dim, ceildiv, dim_min, floordiv
from graphc.schedule.program import REVERSE_BLOCK, Call

U, L, N, T, R, S, V = (ord(letter) for letter in "ULNTRSV")
LETTERS = {("f64", 1): "D", ("f32", 1): "S", ("f64", 2): "Z", ("f32", 2): "C"}

# Work of spectra for that of factors of the same matrix. Much of it is products with vectors, which more threads hardly
# speed up: so they are LAPACK's to share from the same sizes on as factors are.
_SPECTRA = {"symmetric_eigen": 9, "singular": 20, "eigen_of_real": 25, "eigen": 25}


# Columns on the right of a triangular system that are solved together. They do not depend on each other, so graphc's
# threads share them. With fewer, LAPACK is slower on one thread (3 % for 256 columns, 10 % with 64 at a time).
SOLVED_COLUMNS = 128


def shares(call: Call) -> tuple[Dim, Dim, Dim]:
    """How the kernel's work can be shared: the number of parts, the work of one, and that of as large a factorisation.

    By the last one service LAUNCH_LAPACK decides who shares it.
    """
    if call.name == "triangular_solve":
        rows, columns = call.sizes
        work = rows * rows * dim_min(columns, SOLVED_COLUMNS)
        return call.count * ceildiv(columns, SOLVED_COLUMNS), work, work
    return call.count, call.work, floordiv(call.work, _SPECTRA.get(call.name.removesuffix("_pairs"), 1))


def width(call: Call) -> int:
    """Real numbers in an element of the matrices."""
    return 2 if call.name.endswith("_pairs") else 1


def subroutine(call: Call, name: str, arguments: str) -> str:
    """A call of the subroutine for the dtype: ``name`` is without its first letter."""
    letter = LETTERS[call.dtype, width(call)]
    return f"fortran(as_pointer_i64(library)[{int(Lapack[letter + name])}], {arguments})"


def moved(call: Call, target: str, place: str, value: str, keep: str = "", *, conjugate: bool = False) -> str:
    """One element: both its parts. ``value`` has ``{part}`` in its index; where ``keep``, a condition, fails, 0."""
    numbers = width(call)
    lines = []
    for part in range(numbers):
        found = value.format(part=f" * {numbers} + {part}" if numbers > 1 else "")
        found = f"select({keep}, {found}, cast_{call.dtype}(0.0))" if keep else found
        found = f"-{found}" if conjugate and part else found
        index = f"({place}) * {numbers} + {part}" if numbers > 1 else place
        lines.append(f"{target}[{index}] = {found}")
    return "; ".join(lines)


def lu(call: Call) -> str:
    """A with columns exchanged = L U, U with a unit diagonal: LAPACK's row exchanges of the transpose.

    Operands and results: A; L and U in one, positions of the columns, their inverse, exchanges, sign, info; room:
    exchanges as LAPACK writes them.
    """
    w = width(call)
    return f"""
    for e in range(start, stop):
        packed = at(b1, e * n0 * n1 * {w})
        for i in range(n0 * n1 * {w}):
            packed[i] = b0[e * n0 * n1 * {w} + i]
        k = least(n0, n1)
        exchanges = at(b7, e * k)
        b6[e] = 0
        {subroutine(call, "GETRF", "n1, n0, packed, greatest(n1, 1), exchanges, at(b6, e)")}
        columns = at(b2, e * n1)
        for j in range(n1):
            columns[j] = j
        sign = 1
        for j in range(k):
            other = fortran_integer(exchanges, j, as_pointer_i64(library)[0]) - 1
            b4[e * k + j] = other
            moved = columns[j]
            columns[j] = columns[other]
            columns[other] = moved
            sign = select(other == j, sign, -sign)
        for j in range(n1):
            b3[e * n1 + columns[j]] = j
        b5[e] = sign
"""


def cholesky_factor(call: Call) -> str:
    """L of the lower triangle, and info; its upper triangle is zero. What LAPACK sees is the conjugate."""
    w = width(call)
    return f"""
    for e in range(start, stop):
        factor = at(b1, e * n0 * n0 * {w})
        for i in range(n0):
            for j in range(n0 * {w}):
                given = b0[(e * n0 + i) * n0 * {w} + j]
                factor[i * n0 * {w} + j] = select(j < (i + 1) * {w}, given, cast_{call.dtype}(0.0))
        b2[e] = 0
        {subroutine(call, "POTRF", f"{U}, n0, factor, greatest(n0, 1), at(b2, e)")}
"""


def cholesky_reverse(call: Call) -> str:
    """The adjoint of L by blocks of columns, from the last: what reaches the matrix, lower triangle, and L's in place.

    Rows of a block are R D, those below B C, D on the diagonal. Operands: L, its cotangent; room: one block. Source:
    Murray, "Differentiation of the Cholesky decomposition" (2016), section 4.
    """
    minus, one, zero = (f"cast_{call.dtype}({x})" for x in ("-1.0", "1.0", "0.0"))
    below, beside = "at(factor, k * n0 + j), n0", "at(found, k * n0 + j), n0"
    first_rows, room = "at(factor, j * n0), n0", "room, b"
    return f"""
    for e in range(start, stop):
        factor = at(b0, e * n0 * n0)
        found = at(b2, e * n0 * n0)
        room = at(b3, e * {REVERSE_BLOCK**2})
        for i in range(n0):
            for j in range(n0):
                found[i * n0 + j] = select(j <= i, b1[(e * n0 + i) * n0 + j], {zero})
        for block in range((n0 + {REVERSE_BLOCK - 1}) // {REVERSE_BLOCK}):
            k = n0 - block * {REVERSE_BLOCK}
            j = greatest(k - {REVERSE_BLOCK}, 0)
            b = k - j
            m = n0 - k
            if m > 0:
                {subroutine(call, "TRSM", f"{L}, {U}, {N}, {N}, b, m, {one}, at(factor, j * n0 + j), n0, {beside}")}
                {subroutine(call, "GEMM", f"{N}, {T}, b, b, m, {one}, {below}, {beside}, {zero}, {room}")}
                for p in range(b):
                    for q in range(p + 1):
                        found[(j + p) * n0 + j + q] -= room[p * b + q]
                if j > 0:
                    {
        subroutine(call, "GEMM", f"{N}, {N}, j, m, b, {minus}, {first_rows}, {beside}, {one}, at(found, k * n0), n0")
    }
                    {
        subroutine(
            call, "GEMM", f"{N}, {T}, j, b, m, {minus}, at(factor, k * n0), n0, {beside}, {one}, at(found, j * n0), n0"
        )
    }
{_block_reverse(call)}
            if j > 0:
                for p in range(b):
                    for q in range(b):
                        lower = found[(j + greatest(p, q)) * n0 + j + least(p, q)]
                        room[p * b + q] = select(p == q, lower + lower, lower)
                {
        subroutine(call, "GEMM", f"{N}, {N}, j, b, b, {minus}, {first_rows}, {room}, {one}, at(found, j * n0), n0")
    }
"""


def _block_reverse(call: Call) -> str:
    """The rows R D of a block, from the last, with what reaches the matrix in place of the factor's cotangent."""
    return f"""\
            for back in range(b):
                p = k - 1 - back
                d = factor[p * n0 + p]
                total = found[p * n0 + p]
                for q in range(p + 1, k):
                    found[q * n0 + p] = found[q * n0 + p] / d
                    total = total - found[q * n0 + p] * factor[q * n0 + p]
                total = total / d
                for i in range(j, p):
                    found[p * n0 + i] = found[p * n0 + i] - total * factor[p * n0 + i]
                for q in range(p + 1, k):
                    share = found[q * n0 + p]
                    for i in range(j, p):
                        found[p * n0 + i] = found[p * n0 + i] - share * factor[q * n0 + i]
                        found[q * n0 + i] = found[q * n0 + i] - share * factor[p * n0 + i]
                found[p * n0 + p] = total * cast_{call.dtype}(0.5)"""


def triangular_solve(call: Call) -> str:
    """X with T X = B, or T' X = B: in LAPACK's eyes X' T' = B', from the right; some columns of B at a time."""
    w = width(call)
    uplo = U if "lower" in call.flags else L
    trans = T if "transposed" in call.flags else N
    diag = U if "unit" in call.flags else N
    one, factor = "", f"cast_{call.dtype}(1.0)"
    parts, columns = (
        f"greatest((n1 + {SOLVED_COLUMNS - 1}) // {SOLVED_COLUMNS}, 1)",
        f"least({SOLVED_COLUMNS}, n1 - left)",
    )
    if w == 2:  # a complex number stands in memory, once for a matrix
        parts, columns = "1", "n1"
        one, factor = f"b3[2 * e] = cast_{call.dtype}(1.0); b3[2 * e + 1] = cast_{call.dtype}(0.0)", "at(b3, 2 * e)"
    first = f"{R}, {uplo}, {trans}, {diag}, columns, n0, {factor}"
    return f"""
    parts = {parts}
    for part in range(start, stop):
        e = part // parts
        left = part % parts * {SOLVED_COLUMNS}
        columns = {columns}
        given = at(b1, (e * n0 * n1 + left) * {w})
        result = at(b2, (e * n0 * n1 + left) * {w})
        for i in range(n0):
            for j in range(columns * {w}):
                result[i * n1 * {w} + j] = given[i * n1 * {w} + j]
        {one}
        {subroutine(call, "TRSM", f"{first}, at(b0, e * n0 * n0 * {w}), greatest(n0, 1), result, greatest(n1, 1)")}
"""


def symmetric_eigen(call: Call) -> str:
    """Eigenvalues, eigenvectors as rows, info, of the lower triangle, which is written where LAPACK's own is: so signs
    are those of NumPy."""
    w, job, triangle, place = width(call), N if "values" in call.flags else V, L, "j * n0 + i"
    if "upper" in call.flags:  # the lower triangle as the upper one
        triangle, place = U, "i * n0 + j"
    name, room = "SYEVD", "reals, n_reals, integers, n_integers, at(b3, e)"
    reals, integers, more = "b4", "b5", ""
    if w == 2:
        name, room = "HEEVD", "numbers, n0 * n0 + 2 * n0, " + room
        reals, integers, more = "b5", "b6", "numbers = at(b4, e * 2 * (n0 * n0 + 2 * n0))"
    n_reals = "2 * n0 * n0 + 6 * n0 + 1" if w == 1 else "2 * n0 * n0 + 5 * n0 + 1"
    return f"""
    n_reals = {n_reals}
    n_integers = 5 * n0 + 3
    for e in range(start, stop):
        vectors = at(b2, e * n0 * n0 * {w})
        for i in range(n0):
            for j in range(i + 1):
                {moved(call, "vectors", place, "b0[((e * n0 + i) * n0 + j){part}]", conjugate=triangle == U)}
        {more}
        reals = at({reals}, e * n_reals)
        integers = at({integers}, e * n_integers)
        b3[e] = 0
        {subroutine(call, name, f"{job}, {triangle}, n0, vectors, greatest(n0, 1), at(b1, e * n0), {room}")}
"""


def singular(call: Call) -> str:
    """U', s, V*', info: LAPACK sees the matrix itself, turned over in memory, so signs are those of NumPy."""
    w, job = width(call), N if "values" in call.flags else S
    left, right = f"at(b1, e * n0 * k * {w}), greatest(n0, 1)", f"at(b3, e * k * n1 * {w}), greatest(k, 1)"
    lead, results = "greatest(n0, 1)", f"at(b2, e * k), {left}, {right}"
    if w == 1:
        n_room, reals, room, integers = "4 * k * k + 7 * k + 64 * (n0 + n1) + 1", "", "room, n_room", "b7"
    else:
        n_room, room, integers = "k * k + 67 * (n0 + n1) + 1", "room, n_room, reals", "b8"
        reals = "reals = at(b7, e * (5 * k * k + 7 * k + 2 * greatest(n0, n1) * k + 1))"
    return f"""
    k = least(n0, n1)
    n_room = {n_room}
    for e in range(start, stop):
        turned = at(b5, e * n0 * n1 * {w})
        for i in range(n0):
            for j in range(n1):
                {moved(call, "turned", "j * n0 + i", "b0[((e * n0 + i) * n1 + j){part}]")}
        room = at(b6, e * n_room * {w})
        {reals}
        integers = at({integers}, e * (8 * k + 1))
        b4[e] = 0
        {subroutine(call, "GESDD", f"{job}, n0, n1, turned, {lead}, {results}, {room}, integers, at(b4, e)")}
"""


def orthogonal(call: Call) -> str:
    """Q (m x n), R (n x n), info of a tall A (m x n): LQ of the transpose."""
    w = width(call)
    room = "greatest(n1, 1), scales, reals, size, at(b3, e)"
    return f"""
    size = 64 * greatest(n0, n1) + 1
    for e in range(start, stop):
        q = at(b1, e * n0 * n1 * {w})
        for i in range(n0 * n1 * {w}):
            q[i] = b0[e * n0 * n1 * {w} + i]
        scales = at(b4, e * n1 * {w})
        reals = at(b5, e * size * {w})
        b3[e] = 0
        {subroutine(call, "GELQF", f"n1, n0, q, {room}")}
        for i in range(n1):
            for j in range(n1):
                {moved(call, "b2", "(e * n1 + i) * n1 + j", "q[(i * n1 + j){part}]", "j >= i")}
        {subroutine(call, "ORGLQ" if w == 1 else "UNGLQ", f"n1, n0, n1, q, {room}")}
"""


def eigen_of_real(call: Call) -> str:
    """Eigenvalues and eigenvectors as rows, complex, and info; LAPACK writes a complex vector as two columns."""
    job = N if "values" in call.flags else V
    results = "re, im, vectors, 1, vectors, greatest(n0, 1), room, n_room, at(b3, e)"
    vectors = f"""
            first = select(im[j] < zero, j - 1, j)
            second = least(first + 1, n0 - 1)
            sign = select(im[j] < zero, cast_{call.dtype}(-1.0), cast_{call.dtype}(1.0))
            factor = select(im[j] == zero, zero, sign)
            for i in range(n0):
                b2[((e * n0 + j) * n0 + i) * 2] = vectors[first * n0 + i]
                b2[((e * n0 + j) * n0 + i) * 2 + 1] = factor * vectors[second * n0 + i]
"""
    return f"""
    n_room = 64 * n0
    zero = cast_{call.dtype}(0.0)
    for e in range(start, stop):
        turned = at(b4, e * n0 * n0)
        for i in range(n0):
            for j in range(n0):
                turned[j * n0 + i] = b0[(e * n0 + i) * n0 + j]
        re = at(b5, e * (n0 * n0 + 66 * n0 + 1))
        im = at(re, n0)
        vectors = at(im, n0)
        room = at(vectors, n0 * n0)
        b3[e] = 0
        {subroutine(call, "GEEV", f"{N}, {job}, n0, turned, greatest(n0, 1), {results}")}
        for j in range(n0):
            b1[(e * n0 + j) * 2] = re[j]
            b1[(e * n0 + j) * 2 + 1] = im[j]
{vectors if job == V else ""}"""


def eigen(call: Call) -> str:
    """Eigenvalues, eigenvectors as rows, info, of complex matrices."""
    job = N if "values" in call.flags else V
    vectors = "at(b2, e * n0 * n0 * 2)"
    room = "at(b5, e * (130 * n0 + 1)), 64 * n0, at(b6, e * n0 * 2)"
    results = f"at(b1, e * n0 * 2), {vectors}, 1, {vectors}, greatest(n0, 1), {room}, at(b3, e)"
    return f"""
    for e in range(start, stop):
        turned = at(b4, e * n0 * n0 * 2)
        for i in range(n0):
            for j in range(n0):
                {moved(call, "turned", "j * n0 + i", "b0[((e * n0 + i) * n0 + j){part}]")}
        b3[e] = 0
        {subroutine(call, "GEEV", f"{N}, {job}, n0, turned, greatest(n0, 1), {results}")}
"""


_OF_BOTH: Mapping[str, Callable[[Call], str]] = {
    "lu": lu, "cholesky_factor": cholesky_factor, "triangular_solve": triangular_solve,
    "symmetric_eigen": symmetric_eigen, "singular": singular, "orthogonal": orthogonal,
}  # fmt: skip
LAPACK_ROUTINES: Mapping[str, Callable[[Call], str]] = {
    **_OF_BOTH,
    **{f"{name}_pairs": routine for name, routine in _OF_BOTH.items()},
    "eigen_of_real": eigen_of_real,
    "cholesky_reverse": cholesky_reverse,
    "eigen_pairs": eigen,
}
