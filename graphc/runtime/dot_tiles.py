"""LLVM IR of tiles for products of a few long rows: ``A B'`` where both have many more columns than rows.

Vectors run along the rows, so neither is packed: some rows of A by some of B, each with a vector of partial sums that
stays in registers while the columns go by.

    dots_R_S(a, lda, b, ldb, k, c, ldc, add)    R by S elements of C: A B', or C + A B'
"""

from __future__ import annotations

from graphc.runtime.tile_code import Function, Shape, folded, fused, mask, masked_load

FEW, MANY = 3, 6  # rows of B of a tile, if not one


def tall_of(bits: int) -> int:
    """Rows of A (int) of a tile for which, with ``MANY`` of B, the registers of this width suffice."""
    return 4 if bits == 512 else 2


def dots(shape: Shape, rows: int, columns: int) -> str:
    real, kind, lanes = shape.real, f"<{shape.lanes} x {shape.real}>", shape.lanes
    parameters = ("a", "lda", "b", "ldb", "k", "c", "ldc", "add")
    f = Function(f"dots_{rows}_{columns}_{shape.name}", parameters, 8 * lanes * shape.bytes)
    a, b, c = (f.pointer(f"%{name}") for name in ("a", "b", "c"))
    of_a = [f.place(real, a, f.let(f"mul i64 %lda, {r}")) for r in range(rows)]
    of_b = [f.place(real, b, f.let(f"mul i64 %ldb, {s}")) for s in range(columns)]
    sums = [[f.variable(kind, "zeroinitializer") for _ in range(columns)] for _ in range(rows)]
    whole = f.let(f"and i64 %k, -{lanes}")
    rest = mask(f, lanes, f.let(f"sub i64 %k, {whole}"))

    def multiplied(numbers: list[str], others: list[str]) -> None:
        for s, y in enumerate(others):
            for r, x in enumerate(numbers):
                before = f.let(f"load {kind}, ptr {sums[r][s]}")
                after = f.let(f"call {kind} @{fused(shape)}({kind} {x}, {kind} {y}, {kind} {before})")
                f.do(f"store {kind} {after}, ptr {sums[r][s]}")

    with f.loop(0, whole, lanes) as p:
        places = [[f.place(real, row, p) for row in matrix] for matrix in (of_a, of_b)]
        multiplied(*([f.let(f"load {kind}, ptr {at}, align {shape.bytes}") for at in some] for some in places))
    with f.when(f.let(f"icmp slt i64 {whole}, %k")):
        places = [[f.place(real, row, whole) for row in matrix] for matrix in (of_a, of_b)]
        multiplied(*([masked_load(f, shape, lanes, at, rest) for at in some] for some in places))
    keeps = f.let("icmp ne i64 %add, 0")
    for r in range(rows):
        line = f.place(real, c, f.let(f"mul i64 %ldc, {r}"))
        for s in range(columns):
            total, place = f.let(f"load {kind}, ptr {sums[r][s]}"), f.place(real, line, s)
            made = f.let(f"call reassoc {real} @{folded(shape)}({real} -0.0, {kind} {total})")
            before = f.let(f"select i1 {keeps}, {real} {f.let(f'load {real}, ptr {place}')}, {real} -0.0")
            f.do(f"store {real} {f.let(f'fadd {real} {before}, {made}')}, ptr {place}")
    return f.text()


def dot_functions(shape: Shape) -> str:
    """The functions of a real type as textual LLVM IR (str); ``tile_code`` declares what they call."""
    kind = f"<{shape.lanes} x {shape.real}>"
    declared = f"declare {shape.real} @{folded(shape)}({shape.real}, {kind})"
    tall = tall_of(8 * shape.lanes * shape.bytes)
    return "\n".join([declared, *(dots(shape, rows, s) for rows in (tall, 1) for s in (MANY, FEW, 1))])
