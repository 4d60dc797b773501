"""LLVM IR of the innermost parts of a convolution: tiles in registers, and what lays out their operands.

What is read lies in planes of rows that follow each other at one pitch, zeros around it, so that a tap of the kernel is
one offset, and a vector of neighbouring places runs on from row to row. What it computes between two rows nobody reads.

Functions, for each real type, all arguments int64:

    spread_R_V(a, b, offsets, k, out)           a tile of R channels by V vectors of places: weights a[k][R] times what
                                                lies ``offsets[k]`` bytes after b, summed over k
    put(out, tile, rows, ldc, pieces, count, flags, bias, by_bias, step)
                                                pieces (first lane, lanes, place) of a tile's rows go to their places,
                                                added to what is there, and cut off at zero, as flags say
    collect_R_S(a, a_row, b, offsets, masks, steps, chunks, a_chunk, b_chunk, out, out_row, add)
                                                a tile of R by S weights: R rows of a times what lies ``offsets[s]``
                                                bytes after b, summed over places and chunks
    masked(...)                                 the same for one weight, reading b where the masks are set
    finite(source, count)                       1 where all numbers are finite, else 0
    lay(target, source, planes, t_plane, s_plane, rows, t_row, s_row, inside, step)
                                                rows of planes, every ``step``-th element
    pick(target, source, offsets, k, width, row)
                                                a panel [k][width] of a: elements at offsets, and ``row`` apart
    clear(target, count)                        zeros
    sum(target, source, parts, part, count)     the sum of parts that lie ``part`` elements apart, in order
"""

from __future__ import annotations

from dataclasses import dataclass

from graphc.abi import CONVOLUTION_RECTIFIED
from graphc.runtime.tile_code import Function, Shape, folded, fused, mask, masked_load, splat

VECTORS = 3  # of a row of the largest tile of a result
FEW_SHIFTS, MANY_SHIFTS = 3, 6  # taps of a tile of weights, if not one
ADD = 1  # flag of ``put``, beside ``CONVOLUTION_RECTIFIED``


@dataclass(frozen=True)
class Tiles:
    """``wide``: channels of the largest tile of a result; ``tall``: of the largest tile of weights."""

    shape: Shape
    wide: int
    tall: int


def tiles_of(real: str, bits: int) -> Tiles:
    """The largest tiles (Tiles) for which the registers of this width (int) suffice."""
    wide, tall = {512: (8, 4), 256: (4, 2), 128: (4, 2)}[bits]
    return Tiles(Shape(real, bits // (32 if real == "float" else 64), wide), wide, tall)


def powers(most: int) -> list[int]:
    """1, 2, 4, ... up to ``most``."""
    return [1 << k for k in range(most.bit_length())]


def vector(shape: Shape) -> str:
    return f"<{shape.lanes} x {shape.real}>"


def function(shape: Shape, name: str, *parameters: str) -> Function:
    return Function(f"{name}_{shape.name}", parameters, 8 * shape.lanes * shape.bytes)


def spread(shape: Shape, rows: int, vectors: int) -> str:
    real, kind = shape.real, vector(shape)
    f = function(shape, f"spread_{rows}_{vectors}", "a", "b", "offsets", "k", "out")
    a, b, offsets, out = (f.pointer(f"%{name}") for name in ("a", "b", "offsets", "out"))
    sums = [[f.variable(kind, "zeroinitializer") for _ in range(vectors)] for _ in range(rows)]
    with f.loop(0, "%k") as k:
        place = f.place("i8", b, f.let(f"load i64, ptr {f.place('i64', offsets, k)}"))
        read = [
            f.let(f"load {kind}, ptr {f.place(real, place, shape.lanes * v)}, align {shape.bytes}")
            for v in range(vectors)
        ]
        column = f.place(f"[{rows} x {real}]", a, k)
        for i in range(rows):
            x = splat(f, kind, real, f.let(f"load {real}, ptr {f.place(real, column, i)}"), shape.lanes)
            for v in range(vectors):
                multiply_add(f, shape, sums[i][v], x, read[v])
    for i in range(rows):
        for v in range(vectors):
            total = f.let(f"load {kind}, ptr {sums[i][v]}")
            f.do(f"store {kind} {total}, ptr {f.place(kind, out, i * VECTORS + v)}, align {shape.bytes}")
    return f.text()


def multiply_add(f: Function, shape: Shape, total: str, x: str, y: str) -> None:
    kind = vector(shape)
    before = f.let(f"load {kind}, ptr {total}")
    after = f.let(f"call {kind} @{fused(shape)}({kind} {x}, {kind} {y}, {kind} {before})")
    f.do(f"store {kind} {after}, ptr {total}")


def put(shape: Shape) -> str:
    real, lanes = shape.real, shape.lanes
    parameters = ("out", "tile", "rows", "ldc", "pieces", "count", "flags", "bias", "by_bias", "step")
    f = function(shape, "put", *parameters)
    out, tile, pieces = (f.pointer(f"%{name}") for name in ("out", "tile", "pieces"))
    with f.loop(0, "%count") as number:
        words = f.place("[3 x i64]", pieces, number)
        first, inside, target = (f.let(f"load i64, ptr {f.place('i64', words, k)}") for k in range(3))
        start, source = f.place(real, out, target), f.place(real, tile, first)
        apart = f.let("icmp ne i64 %step, 1")
        with f.when(apart), f.loop(0, "%rows") as row, f.loop(0, inside) as e:
            place = f.place(
                real, start, f.let(f"add i64 {f.let(f'mul i64 {row}, %ldc')}, {f.let(f'mul i64 {e}, %step')}")
            )
            made = f.let(f"load {real}, ptr {f.place(real, f.place(f'[{VECTORS * lanes} x {real}]', source, row), e)}")
            old = f.let(f"load {real}, ptr {place}")
            f.do(f"store {real} {finished(f, shape, 1, made, old, row)}, ptr {place}")
        with f.when(f.let(f"xor i1 {apart}, true")), f.loop(0, inside, lanes) as v:
            put_vectors(f, shape, start, source, v, f.let(f"sub i64 {inside}, {v}"))
    return f.text()


def put_vectors(f: Function, shape: Shape, start: str, source: str, v: str, left: str) -> None:
    """A vector of each row, so many lanes of it at most."""
    real, kind, lanes = shape.real, vector(shape), shape.lanes
    inside = mask(f, lanes, left)
    with f.loop(0, "%rows") as row:
        place = f.place(real, start, f.let(f"add i64 {f.let(f'mul i64 {row}, %ldc')}, {v}"))
        made = f.place(real, f.place(f"[{VECTORS * lanes} x {real}]", source, row), v)
        numbers, old = (
            f.let(f"load {kind}, ptr {made}, align {shape.bytes}"),
            masked_load(f, shape, lanes, place, inside),
        )
        whole = finished(f, shape, lanes, numbers, old, row)
        operands = f"{kind} {whole}, ptr {place}, i32 {shape.bytes}, <{lanes} x i1> {inside}"
        f.do(f"call void @llvm.masked.store.v{lanes}f{8 * shape.bytes}.p0({operands})")


def finished(f: Function, shape: Shape, lanes: int, made: str, old: str, row: str) -> str:
    """What is stored: with what stood there, the bias and the rectifier, as the flags say."""
    real = shape.real
    kind, truth = (real, "i1") if lanes == 1 else (vector(shape), f"<{lanes} x i1>")

    def wide(kind: str, scalar_kind: str, number: str) -> str:
        return number if lanes == 1 else splat(f, kind, scalar_kind, number, lanes)

    def flag(bit: int) -> str:
        return wide(truth, "i1", f.let(f"icmp ne i64 {f.let(f'and i64 %flags, {bit}')}, 0"))

    zero = "0.0" if lanes == 1 else "zeroinitializer"
    added = f.let(f"select {truth} {flag(ADD)}, {kind} {f.let(f'fadd {kind} {old}, {made}')}, {kind} {made}")
    bias = f.let(f"load {real}, ptr {f.place(real, f.pointer('%bias'), f.let(f'mul i64 {row}, %by_bias'))}")
    whole = f.let(f"fadd {kind} {added}, {wide(kind, real, bias)}")
    low = f.let(f"fcmp ole {kind} {whole}, {zero}")
    cut = f.let(f"and {truth} {low}, {flag(CONVOLUTION_RECTIFIED)}")
    return f.let(f"select {truth} {cut}, {kind} {zero}, {kind} {whole}")


def collect(shape: Shape, rows: int, shifts: int, masked: bool = False) -> str:
    real, kind, lanes = shape.real, vector(shape), shape.lanes
    name = "masked" if masked else f"collect_{rows}_{shifts}"
    parameters = [
        "a",
        "a_row",
        "b",
        "offsets",
        "masks",
        "steps",
        "chunks",
        "a_chunk",
        "b_chunk",
        "out",
        "out_row",
        "add",
    ]
    f = function(shape, name, *parameters)
    a, b, offsets, masks, out = (f.pointer(f"%{name}") for name in ("a", "b", "offsets", "masks", "out"))
    shifted = [f.let(f"load i64, ptr {f.place('i64', offsets, s)}") for s in range(shifts)]
    sums = [[f.variable(kind, "zeroinitializer") for _ in range(shifts)] for _ in range(rows)]
    with f.loop(0, "%chunks") as chunk:
        a_start = f.place(real, a, f.let(f"mul i64 {chunk}, %a_chunk"))
        b_start = f.place(real, b, f.let(f"mul i64 {chunk}, %b_chunk"))
        a_rows = [f.place(real, a_start, f.let(f"mul i64 %a_row, {r}")) for r in range(rows)]
        b_rows = [f.place("i8", b_start, offset) for offset in shifted]
        with f.loop(0, "%steps") as step:
            numbers = [f.let(f"load {kind}, ptr {f.place(kind, row, step)}, align {shape.bytes}") for row in a_rows]
            for s in range(shifts):
                place = f.place(kind, b_rows[s], step)
                if masked:
                    x = masked_load(f, shape, lanes, place, mask_of_word(f, lanes, f.place("i64", masks, step)))
                else:
                    x = f.let(f"load {kind}, ptr {place}, align {shape.bytes}")
                for r in range(rows):
                    multiply_add(f, shape, sums[r][s], x, numbers[r])
    keeps = f.let("icmp ne i64 %add, 0")
    for r in range(rows):
        for s in range(shifts):
            place = f.place(real, f.place(real, out, f.let(f"mul i64 %out_row, {r}")), s)
            made = sum_of_lanes(f, shape, f.let(f"load {kind}, ptr {sums[r][s]}"))
            before = f.let(f"select i1 {keeps}, {real} {f.let(f'load {real}, ptr {place}')}, {real} -0.0")
            f.do(f"store {real} {f.let(f'fadd {real} {before}, {made}')}, ptr {place}")
    return f.text()


def mask_of_word(f: Function, lanes: int, word: str) -> str:
    bits = f.let(f"trunc i64 {f.let(f'load i64, ptr {word}')} to i{lanes}")
    return f.let(f"bitcast i{lanes} {bits} to <{lanes} x i1>")


def sum_of_lanes(f: Function, shape: Shape, numbers: str) -> str:
    return f.let(f"call reassoc {shape.real} @{folded(shape)}({shape.real} -0.0, {vector(shape)} {numbers})")


def finite(shape: Shape) -> str:
    real, kind, lanes = shape.real, vector(shape), shape.lanes
    f = function(shape, "finite", "source", "count")
    source, total = f.pointer("%source"), f.variable(kind, "zeroinitializer")
    with f.loop(0, "%count", lanes) as e:
        inside = mask(f, lanes, f.let(f"sub i64 %count, {e}"))
        numbers, before = (
            masked_load(f, shape, lanes, f.place(real, source, e), inside),
            f.let(f"load {kind}, ptr {total}"),
        )
        after = f"call {kind} @{fused(shape)}({kind} {numbers}, {kind} zeroinitializer, {kind} {before})"
        f.do(f"store {kind} {f.let(after)}, ptr {total}")
    found = f.let(f"fcmp oeq {real} {sum_of_lanes(f, shape, f.let(f'load {kind}, ptr {total}'))}, 0.0")
    f.do(f"ret i64 {f.let(f'zext i1 {found} to i64')}")
    return f.text()


def lay(shape: Shape) -> str:
    real, kind, lanes = shape.real, vector(shape), shape.lanes
    parameters = ("target", "source", "planes", "t_plane", "s_plane", "rows", "t_row", "s_row", "inside", "step")
    f = function(shape, "lay", *parameters)
    target, source = f.pointer("%target"), f.pointer("%source")
    whole, apart = f.let(f"and i64 %inside, -{lanes}"), f.let("icmp ne i64 %step, 1")
    rest = mask(f, lanes, f.let(f"sub i64 %inside, {whole}"))
    with f.loop(0, "%planes") as plane, f.loop(0, "%rows") as row:
        out = f.place(real, f.place(real, target, f.let(f"mul i64 {plane}, %t_plane")), f.let(f"mul i64 {row}, %t_row"))
        read = f.place(
            real, f.place(real, source, f.let(f"mul i64 {plane}, %s_plane")), f.let(f"mul i64 {row}, %s_row")
        )
        with f.when(apart), f.loop(0, "%inside") as e:
            number = f.let(f"load {real}, ptr {f.place(real, read, f.let(f'mul i64 {e}, %step'))}")
            f.do(f"store {real} {number}, ptr {f.place(real, out, e)}")
        with f.when(f.let(f"xor i1 {apart}, true")):
            with f.loop(0, whole, lanes) as e:
                numbers = f.let(f"load {kind}, ptr {f.place(real, read, e)}, align {shape.bytes}")
                f.do(f"store {kind} {numbers}, ptr {f.place(real, out, e)}, align {shape.bytes}")
            numbers = masked_load(f, shape, lanes, f.place(real, read, whole), rest)
            operands = f"{kind} {numbers}, ptr {f.place(real, out, whole)}, i32 {shape.bytes}, <{lanes} x i1> {rest}"
            f.do(f"call void @llvm.masked.store.v{lanes}f{8 * shape.bytes}.p0({operands})")
    return f.text()


def pick(shape: Shape) -> str:
    real = shape.real
    f = function(shape, "pick", "target", "source", "offsets", "k", "width", "row")
    target, source, offsets = (f.pointer(f"%{name}") for name in ("target", "source", "offsets"))
    with f.loop(0, "%k") as k:
        read = f.place(real, source, f.let(f"load i64, ptr {f.place('i64', offsets, k)}"))
        out = f.place(real, target, f.let(f"mul i64 {k}, %width"))
        with f.loop(0, "%width") as r:
            number = f.let(f"load {real}, ptr {f.place(real, read, f.let(f'mul i64 {r}, %row'))}")
            f.do(f"store {real} {number}, ptr {f.place(real, out, r)}")
    return f.text()


def clear(shape: Shape) -> str:
    real, kind, lanes = shape.real, vector(shape), shape.lanes
    f = function(shape, "clear", "target", "count")
    target = f.pointer("%target")
    whole = f.let(f"and i64 %count, -{lanes}")
    with f.loop(0, whole, lanes) as e:
        f.do(f"store {kind} zeroinitializer, ptr {f.place(real, target, e)}, align {shape.bytes}")
    with f.loop(whole, "%count") as e:
        f.do(f"store {real} 0.0, ptr {f.place(real, target, e)}")
    return f.text()


def sum_parts(shape: Shape) -> str:
    real, kind, lanes = shape.real, vector(shape), shape.lanes
    f = function(shape, "sum", "target", "source", "parts", "part", "count")
    target, source = f.pointer("%target"), f.pointer("%source")
    with f.loop(0, "%count", lanes) as e:
        inside = mask(f, lanes, f.let(f"sub i64 %count, {e}"))
        total = f.variable(kind, masked_load(f, shape, lanes, f.place(real, source, e), inside))
        with f.loop(1, "%parts") as k:
            place = f.place(real, f.place(real, source, f.let(f"mul i64 {k}, %part")), e)
            more, before = masked_load(f, shape, lanes, place, inside), f.let(f"load {kind}, ptr {total}")
            f.do(f"store {kind} {f.let(f'fadd {kind} {before}, {more}')}, ptr {total}")
        operands = f"ptr {f.place(real, target, e)}, i32 {shape.bytes}, <{lanes} x i1> {inside}"
        whole = f.let(f"load {kind}, ptr {total}")
        f.do(f"call void @llvm.masked.store.v{lanes}f{8 * shape.bytes}.p0({kind} {whole}, {operands})")
    return f.text()


def convolution_functions(tiles: Tiles) -> str:
    """The functions of a real type as textual LLVM IR (str)."""
    shape = tiles.shape
    kind, lanes, bits = vector(shape), shape.lanes, 8 * shape.bytes
    declared = [
        f"declare {kind} @{fused(shape)}({kind}, {kind}, {kind})",
        f"declare {shape.real} @{folded(shape)}({shape.real}, {kind})",
        f"declare {kind} @llvm.masked.load.v{lanes}f{bits}.p0(ptr, i32, <{lanes} x i1>, {kind})",
        f"declare void @llvm.masked.store.v{lanes}f{bits}.p0({kind}, ptr, i32, <{lanes} x i1>)",
    ]
    functions = [spread(shape, rows, v) for rows in powers(tiles.wide) for v in range(1, VECTORS + 1)]
    functions += [collect(shape, rows, s) for rows in powers(tiles.tall) for s in (1, FEW_SHIFTS, MANY_SHIFTS)]
    functions += [lay(shape), clear(shape), pick(shape), put(shape), sum_parts(shape), finite(shape)]
    functions.append(collect(shape, 1, 1, masked=True))
    return "\n".join([*declared, *functions])
