"""LLVM IR of the innermost parts of a matrix product: tiles of the result in registers, and the packing of operands.

A tile is ``rows`` by two vectors of the result. It stays in registers while one column of A and one row of B after
another are multiplied into it (K. Goto, R. van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS
34, 2008). For that A is packed into panels of ``rows`` rows, each column by column, and B into panels as wide as the
tile, each row by row.

Functions, for each real type, all arguments int64:

    tile(a, a_step, b, b_step, k, c, ldc, add, ahead, step)
                                                C = A B, or C + A B; columns of A and rows of B lie the steps apart
    wide, narrow(a, a_step, b, b_step, k, c, ldc, add, rows, columns, a_row)
                                                the same for a part of a tile, of two vectors or of one, where rows of A
                                                lie a_row apart
    straight_a, straight_b(target, source, ld, k, panels)
                                                whole panels, from where the elements of one k lie side by side
    edge_a, edge_b(target, source, ld, k, width)
                                                the same for less than a panel
    turned_a, turned_b(target, source, ld, k, count)
                                                panels with so many elements in all, from where they lie ld apart
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

VECTORS = 2  # of a row of the tile
AHEAD = 64  # columns of A from what is read to what is fetched: as long as memory that another core wrote takes
TOGETHER = 8  # panels that are packed side by side
_OPERANDS = ("a", "a_step", "b", "b_step", "k", "c", "ldc", "add")


@dataclass(frozen=True)
class Shape:
    """The tile of a real type (``"float"`` or ``"double"``) on a machine."""

    real: str
    lanes: int
    rows: int

    @property
    def bytes(self) -> int:
        return 4 if self.real == "float" else 8

    @property
    def name(self) -> str:
        return "f32" if self.real == "float" else "f64"

    @property
    def columns(self) -> int:
        return VECTORS * self.lanes


def shape_of(real: str, bits: int) -> Shape:
    """The largest tile that, with a row of B and an element of A, the registers of this width (int) can hold."""
    rows = {512: 12, 256: 6, 128: 4}[bits]
    return Shape(real, bits // (32 if real == "float" else 64), rows)


class Function:
    """One function's text. What a loop changes stands in a variable (``alloca``, first of all), which LLVM keeps in a
    register."""

    def __init__(self, name: str, parameters: tuple[str, ...], bits: int):
        self.lines: list[str] = []
        self.slots: list[str] = []
        self.made = 0
        listed = ", ".join(f"i64 %{p}" for p in parameters)
        width = f'"prefer-vector-width"="{bits}" "min-legal-vector-width"="{bits}"'
        self.head = f"define internal i64 @{name}({listed}) {width} {{"

    def text(self) -> str:
        return "\n".join([self.head, *self.slots, *self.lines, "  ret i64 0", "}"])

    def do(self, instruction: str) -> None:
        self.lines.append(f"  {instruction}")

    def let(self, instruction: str) -> str:
        self.made += 1
        self.do(f"%v{self.made} = {instruction}")
        return f"%v{self.made}"

    def variable(self, kind: str, value: str) -> str:
        self.made += 1
        slot = f"%v{self.made}"
        self.slots.append(f"  {slot} = alloca {kind}")
        self.do(f"store {kind} {value}, ptr {slot}")
        return slot

    def place(self, kind: str, base: str, index: str | int) -> str:
        return self.let(f"getelementptr {kind}, ptr {base}, i64 {index}")

    def pointer(self, address: str) -> str:
        return self.let(f"inttoptr i64 {address} to ptr")

    @contextmanager
    def loop(self, start: str | int, stop: str, step: str | int = 1) -> Iterator[str]:
        """The body for each index from start up to stop (int64)."""
        self.made += 1
        number = self.made
        slot = self.variable("i64", str(start))
        self.do(f"br label %head{number}")
        self.lines.append(f"head{number}:")
        index = self.let(f"load i64, ptr {slot}")
        more = self.let(f"icmp slt i64 {index}, {stop}")
        self.do(f"br i1 {more}, label %body{number}, label %after{number}")
        self.lines.append(f"body{number}:")
        yield index
        self.do(f"store i64 {self.let(f'add i64 {index}, {step}')}, ptr {slot}")
        self.do(f"br label %head{number}")
        self.lines.append(f"after{number}:")

    @contextmanager
    def when(self, condition: str) -> Iterator[None]:
        self.made += 1
        number = self.made
        self.do(f"br i1 {condition}, label %then{number}, label %after{number}")
        self.lines.append(f"then{number}:")
        yield
        self.do(f"br label %after{number}")
        self.lines.append(f"after{number}:")


def tile(shape: Shape) -> str:
    """A whole tile. What is needed soon is fetched: C, A some columns on, and a line of ``ahead`` for each k."""
    real, kind = shape.real, f"<{shape.lanes} x {shape.real}>"
    f = Function(f"tile_{shape.name}", (*_OPERANDS, "ahead", "step"), 8 * shape.lanes * shape.bytes)
    c = f.pointer("%c")
    rows = [f.place(real, c, f.let(f"mul i64 %ldc, {i}")) for i in range(shape.rows)]
    places = [[f.place(real, row, shape.lanes * v) for v in range(VECTORS)] for row in rows]
    for place in (p for row in places for p in row):
        f.do(f"call void @llvm.prefetch.p0(ptr {place}, i32 1, i32 3, i32 1)")
    ahead = f.variable("ptr", f.pointer("%ahead"))

    def fetch(column: str) -> None:
        at_ahead = f.let(f"load ptr, ptr {ahead}")
        f.do(f"call void @llvm.prefetch.p0(ptr {at_ahead}, i32 0, i32 2, i32 1)")
        f.do(f"store ptr {f.place('i8', at_ahead, '%step')}, ptr {ahead}")
        f.do(f"call void @llvm.prefetch.p0(ptr {f.place(real, column, AHEAD * shape.rows)}, i32 0, i32 3, i32 1)")

    def row_of_b(place: str, v: int) -> str:
        return f.let(f"load {kind}, ptr {place}, align {shape.bytes}")

    def row_of_a(column: str, i: int) -> str:
        return f.place(real, column, i)

    sums = multiplied(f, shape, VECTORS, row_of_a, row_of_b, f.pointer("%a"), fetch)
    pairs = [(p, s) for row in zip(places, sums, strict=True) for p, s in zip(*row, strict=True)]
    with f.when(f.let("icmp ne i64 %add, 0")):
        for place, total in pairs:
            old = f.let(f"load {kind}, ptr {place}, align {shape.bytes}")
            new = f.let(f"load {kind}, ptr {total}")
            f.do(f"store {kind} {f.let(f'fadd {kind} {old}, {new}')}, ptr {total}")
    for place, total in pairs:
        f.do(f"store {kind} {f.let(f'load {kind}, ptr {total}')}, ptr {place}, align {shape.bytes}")
    return f.text()


def corner(shape: Shape, name: str, vectors: int) -> str:
    """The part of a tile that is inside C, of so many vectors: nothing outside of B and C is read or written."""
    real, kind, lanes = shape.real, f"<{shape.lanes} x {shape.real}>", shape.lanes
    f = Function(f"{name}_{shape.name}", (*_OPERANDS, "rows", "columns", "a_row"), 8 * lanes * shape.bytes)
    truths, c, a, last = f"<{lanes} x i1>", f.pointer("%c"), f.pointer("%a"), f.let("sub i64 %rows, 1")
    rows_of_a = [row_of(f, real, a, i, last, "%a_row") for i in range(shape.rows)]
    adds = f.let("icmp ne i64 %add, 0")
    masks = [mask(f, lanes, f.let(f"sub i64 %columns, {v * lanes}")) for v in range(vectors)]
    keeps = [f.let(f"select i1 {adds}, {truths} {m}, {truths} zeroinitializer") for m in masks]

    def row_of_b(place: str, v: int) -> str:
        return masked_load(f, shape, lanes, place, masks[v])

    def row_of_a(column: str, i: int) -> str:
        return f.place(real, rows_of_a[i], column)

    sums = multiplied(f, shape, vectors, row_of_a, row_of_b, "0", lambda column: None)
    for i, row in enumerate(sums):
        with f.when(f.let(f"icmp sgt i64 %rows, {i}")):
            out = f.place(real, c, f.let(f"mul i64 %ldc, {i}"))
            for v, total in enumerate(row):
                place, new = f.place(real, out, v * lanes), f.let(f"load {kind}, ptr {total}")
                added = f.let(f"fadd {kind} {masked_load(f, shape, lanes, place, keeps[v])}, {new}")
                whole = f.let(f"select i1 {adds}, {kind} {added}, {kind} {new}")
                operands = f"{kind} {whole}, ptr {place}, i32 {shape.bytes}, {truths} {masks[v]}"
                f.do(f"call void @llvm.masked.store.v{lanes}f{8 * shape.bytes}.p0({operands})")
    return f.text()


def multiplied(
    f: Function,
    shape: Shape,
    vectors: int,
    row_of_a: Callable[[str, int], str],
    row_of_b: Callable[[str, int], str],
    start: str,
    fetch: Callable[[str], None],
) -> list[list[str]]:
    """The tile's sums over k as variables.

    ``row_of_a(column, i)``: the place of row i in a column; ``start`` is the first column, a pointer or a number of
    elements. ``row_of_b(place, v)`` loads vector v of a row of B. ``fetch(column)`` comes before each column.
    """
    real, kind = shape.real, f"<{shape.lanes} x {shape.real}>"
    place = "i64" if start == "0" else "ptr"
    a, b = f.variable(place, start), f.variable("ptr", f.pointer("%b"))
    sums = [[f.variable(kind, "zeroinitializer") for _ in range(vectors)] for _ in range(shape.rows)]
    with f.loop(0, "%k"):
        column, at_b = f.let(f"load {place}, ptr {a}"), f.let(f"load ptr, ptr {b}")
        fetch(column)
        row = [row_of_b(f.place(real, at_b, shape.lanes * v), v) for v in range(vectors)]
        for i in range(shape.rows):
            x = splat(f, kind, real, f.let(f"load {real}, ptr {row_of_a(column, i)}"), shape.lanes)
            for v in range(vectors):
                before = f.let(f"load {kind}, ptr {sums[i][v]}")
                after = f.let(f"call {kind} @{fused(shape)}({kind} {x}, {kind} {row[v]}, {kind} {before})")
                f.do(f"store {kind} {after}, ptr {sums[i][v]}")
        following = f.let(f"add i64 {column}, %a_step") if place == "i64" else f.place(real, column, "%a_step")
        f.do(f"store {place} {following}, ptr {a}")
        f.do(f"store ptr {f.place(real, at_b, '%b_step')}, ptr {b}")
    return sums


def splat(f: Function, kind: str, real: str, number: str, lanes: int) -> str:
    first = f.let(f"insertelement {kind} poison, {real} {number}, i32 0")
    return f.let(f"shufflevector {kind} {first}, {kind} poison, <{lanes} x i32> zeroinitializer")


def fused(shape: Shape) -> str:
    """Multiplies and adds, with one rounding where the machine has such an instruction."""
    return f"llvm.fmuladd.v{shape.lanes}f{8 * shape.bytes}"


def folded(shape: Shape) -> str:
    """Sums the lanes of a vector."""
    return f"llvm.vector.reduce.fadd.v{shape.lanes}f{8 * shape.bytes}"


def packing(name: str, shape: Shape, last: str) -> tuple[Function, str, str]:
    """A function that packs, its target and its source."""
    bits = 8 * shape.lanes * shape.bytes
    f = Function(f"{name}_{shape.name}", ("target", "source", "ld", "k", last), bits)
    return f, f.pointer("%target"), f.pointer("%source")


def kind_array(real: str, width: int) -> str:
    return f"[{width} x {real}]"


def straight(shape: Shape, name: str, width: int) -> str:
    """For one k after another: several panels, so that memory is read as it lies."""
    real, kind = shape.real, f"<{width} x {shape.real}>"
    f, target, source = packing(f"straight_{name}", shape, "panels")
    with f.loop(0, "%panels", TOGETHER) as group, f.loop(0, "%k") as p:
        end = f.let(f"call i64 @llvm.smin.i64(i64 %panels, i64 {f.let(f'add i64 {group}, {TOGETHER}')})")
        row = f.place(real, source, f.let(f"mul i64 {p}, %ld"))
        column = f.place(kind_array(real, width), target, p)
        with f.loop(group, end) as panel:
            place = f.place(real, row, f.let(f"mul i64 {panel}, {width}"))
            numbers = f.let(f"load {kind}, ptr {place}, align {shape.bytes}")
            out = f.place(kind_array(real, width), column, f.let(f"mul i64 {panel}, %k"))
            f.do(f"store {kind} {numbers}, ptr {out}, align {shape.bytes}")
    return f.text()


def edge(shape: Shape, name: str, width: int) -> str:
    """A panel that runs over the matrix: what is outside is not read."""
    real, full = shape.real, masked_width(width)
    kind = f"<{full} x {real}>"
    f, target, source = packing(f"edge_{name}", shape, "width")
    inside = mask(f, full, "%width")
    picks = ", ".join(f"i32 {k}" for k in range(width))
    with f.loop(0, "%k") as p:
        place = f.place(real, source, f.let(f"mul i64 {p}, %ld"))
        numbers = masked_load(f, shape, full, place, inside)
        kept = f.let(f"shufflevector {kind} {numbers}, {kind} {numbers}, <{width} x i32> <{picks}>")
        out = f.place(kind_array(real, width), target, p)
        f.do(f"store <{width} x {real}> {kept}, ptr {out}, align {shape.bytes}")
    return f.text()


def masked_width(width: int) -> int:
    """The lanes of the vector in which so many are read under a mask."""
    return 1 << (width - 1).bit_length()


def mask(f: Function, lanes: int, count: str) -> str:
    """True in the first ``count`` lanes."""
    numbers = ", ".join(f"i64 {k}" for k in range(lanes))
    counts = splat(f, f"<{lanes} x i64>", "i64", count, lanes)
    return f.let(f"icmp slt <{lanes} x i64> <{numbers}>, {counts}")


def masked_load(f: Function, shape: Shape, lanes: int, place: str, inside: str) -> str:
    kind, suffix = f"<{lanes} x {shape.real}>", f"v{lanes}f{8 * shape.bytes}"
    operands = f"ptr {place}, i32 {shape.bytes}, <{lanes} x i1> {inside}, {kind} zeroinitializer"
    return f.let(f"call {kind} @llvm.masked.load.{suffix}.p0({operands})")


def turned(shape: Shape, name: str, width: int) -> str:
    """Blocks of four rows by four columns are transposed in registers, while the rows after them are fetched.

    A panel that runs over the matrix has its last row again and again: nobody reads what comes of it.
    """
    f, target, source = packing(f"turned_{name}", shape, "count")
    last = f.let("sub i64 %count, 1")
    with f.loop(0, "%count", width) as begin:
        panel = f.place(shape.real, target, f.let(f"mul i64 {begin}, %k"))
        with f.loop(0, str(width // 4 * 4), 4) as first:
            rows = [source_row(f, shape, source, begin, first, i, last) for i in range(8)]
            turn_rows(f, shape, width, f.place(shape.real, panel, first), rows[:4], rows[4:])
        if width % 4:
            first = str(width // 4 * 4)
            rows = [source_row(f, shape, source, begin, first, i, last) for i in range(width % 4)]
            turn_rows(f, shape, width, f.place(shape.real, panel, first), rows, [])
    return f.text()


def source_row(f: Function, shape: Shape, source: str, begin: str, first: str, number: int, last: str) -> str:
    top = f.let(f"add i64 {begin}, {first}")
    return row_of(f, shape.real, source, f.let(f"add i64 {top}, {number}"), last, "%ld")


def turn_rows(f: Function, shape: Shape, width: int, target: str, rows: list[str], later: list[str]) -> None:
    """Some rows of a panel; ``later`` ones are fetched."""
    real, count = shape.real, len(rows)
    fours = f.let("and i64 %k, -4")
    with f.loop(0, fours, 4) as p:
        for row in later:
            f.do(f"call void @llvm.prefetch.p0(ptr {f.place(real, row, p)}, i32 0, i32 3, i32 1)")
        block = [f.let(f"load <4 x {real}>, ptr {f.place(real, row, p)}, align {shape.bytes}") for row in rows]
        for column, numbers in enumerate(transposed(f, real, block)):
            out = f.place(kind_array(real, width), target, f.let(f"add i64 {p}, {column}"))
            f.do(f"store <{count} x {real}> {numbers}, ptr {out}, align {shape.bytes}")
    with f.loop(fours, "%k") as p:
        out = f.place(kind_array(real, width), target, p)
        for i, row in enumerate(rows):
            number = f.let(f"load {real}, ptr {f.place(real, row, p)}")
            f.do(f"store {real} {number}, ptr {f.place(real, out, i)}")


def row_of(f: Function, real: str, source: str, number: str | int, last: str, distance: str) -> str:
    """The place of a row; instead of those after the last one, that."""
    row = f.let(f"call i64 @llvm.smin.i64(i64 {number}, i64 {last})")
    return f.place(real, source, f.let(f"mul i64 {row}, {distance}"))


def transposed(f: Function, real: str, block: list[str]) -> list[str]:
    """Four columns of two or four rows of four."""

    def shuffled(a: str, b: str, picks: tuple[int, ...], length: int = 4) -> str:
        listed = ", ".join(f"i32 {p}" for p in picks)
        kind = f"<{length} x {real}>"
        return f.let(f"shufflevector {kind} {a}, {kind} {b}, <{len(picks)} x i32> <{listed}>")

    if len(block) == 2:
        mixed = shuffled(block[0], block[1], (0, 4, 1, 5, 2, 6, 3, 7))
        return [shuffled(mixed, mixed, (2 * p, 2 * p + 1), 8) for p in range(4)]
    low, high = (0, 4, 1, 5), (2, 6, 3, 7)
    pairs = [shuffled(block[i], block[i + 1], picks) for picks in (low, high) for i in (0, 2)]
    halves = (0, 1, 4, 5), (2, 3, 6, 7)
    return [shuffled(pairs[i], pairs[i + 1], picks) for i in (0, 2) for picks in halves]


def tile_functions(shape: Shape) -> str:
    """The functions of a real type as textual LLVM IR (str)."""
    real, bits = shape.real, 8 * shape.bytes
    kind = f"<{shape.lanes} x {real}>"
    loaded = sorted({shape.lanes, *(masked_width(width) for width in (shape.rows, shape.columns))})
    declared = [f"declare {kind} @{fused(shape)}({kind}, {kind}, {kind})"]
    declared += [
        f"declare <{n} x {real}> @llvm.masked.load.v{n}f{bits}.p0(ptr, i32, <{n} x i1>, <{n} x {real}>)" for n in loaded
    ]
    declared.append(f"declare void @llvm.masked.store.v{shape.lanes}f{bits}.p0({kind}, ptr, i32, <{shape.lanes} x i1>)")
    functions = [tile(shape), corner(shape, "wide", VECTORS), corner(shape, "narrow", 1)]
    for name, width in (("a", shape.rows), ("b", shape.columns)):
        functions += [make(shape, name, width) for make in (straight, edge, turned)]
    return "\n".join([*declared, *functions])
