"""One program for every size: empty, one, odd, larger than a vector, a chunk, a block and a thread's part."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from graphc import config
from graphc.errors import GraphcError
from graphc.ir.builder import Builder, finish
from graphc.ir.dims import product, symbol
from graphc.ir.graph import Graph, Value
from graphc.ir.interp import interpret
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import BOOL, DTYPES, F32, F64, I64, ArrayType
from graphc.ops.table import OPS
from tests.codegen.run_graph import Compiled, run_compiled

N, M, K = symbol("n"), symbol("m"), symbol("k")
SIZES = [(0, 3), (3, 0), (1, 1), (1, 5), (5, 1), (2, 2), (5, 7), (40, 33), (4097, 3), (3, 4100), (70, 700)]
FORWARD = {"reverse": False, "exclusive": False}
BACKWARD = {"reverse": True, "exclusive": True}


def build(make, *types: ArrayType) -> Graph:
    """The graph of ``make(F, *params)``, which gives the outputs."""
    F = Builder(OPS, ShapeFacts())
    params = [Value(type_, name=f"p{k}") for k, type_ in enumerate(types)]
    return finish(F, "sizes", params, make(F, *params))


def assert_close(found: np.ndarray, expected: np.ndarray, tolerance: float, what: str) -> None:
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), what
    if expected.dtype.kind == "f":
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance, err_msg=what)
    else:
        np.testing.assert_array_equal(found, expected, err_msg=what)


def check_sizes(graph: Graph, make_arrays, sizes=SIZES, tolerance: float = 1e-12) -> None:
    program = Compiled(graph)
    for size in sizes:
        arrays = make_arrays(np.random.default_rng(sum(size)), *size)
        for number, pair in enumerate(zip(program(arrays), interpret(graph, arrays), strict=True)):
            assert_close(*pair, tolerance, f"output {number} at size {size}")


# --- folds and scans --------------------------------------------------------------------------------------------------


ROWS, COLUMNS, EVERYTHING = [1], [0], [0, 1]


def folds_of_nothing(F, x):
    """Folds that have a value where there is nothing to fold."""
    total = F.reduce("sum", x, EVERYTHING)
    yield from (F.reduce("sum", x, axes) for axes in (ROWS, COLUMNS, EVERYTHING))
    yield from (F.reduce("prod", F.tanh(x), axes) for axes in (ROWS, COLUMNS, EVERYTHING))
    yield from (F.reduce(name, F.gt(x, 0.5), axes) for name in ("any", "all") for axes in (ROWS, COLUMNS, EVERYTHING))
    yield F.add(F.reduce("sum", F.square(F.sub(x, total)), EVERYTHING), F.sum(F.neg(x), axes=(0, 1)))


def folds(F, x):
    rows, columns, everything = ROWS, COLUMNS, EVERYTHING
    centered = F.sub(x, F.reduce("max", x, rows, keepdims=True))
    weights = F.exp(centered)
    softmax = F.div(weights, F.reduce("sum", weights, rows, keepdims=True))
    yield from (F.reduce("sum", x, axes) for axes in (rows, columns, everything))
    yield from (F.reduce("max", x, axes) for axes in (rows, columns, everything))
    yield F.reduce("prod", F.tanh(x), rows)
    yield softmax
    yield F.reduce("sum", F.mul(softmax, x), columns)  # a fold across rows of what a row's own folds made
    yield F.reduce("sum", F.square(F.sub(x, F.reduce("sum", x, columns))), everything)  # needs the first fold whole
    yield F.cast(F.reduce("any", F.gt(x, 2.0), rows), F64)


@pytest.mark.parametrize("dtype", [F64, F32])
def test_folds(dtype):
    graph = build(lambda F, x: list(folds(F, x)), ArrayType(dtype, (N, M)))
    sizes = [size for size in SIZES if min(size)]
    tolerance = 1e-12 if dtype == F64 else 2e-4
    check_sizes(graph, lambda random, n, m: [random.normal(size=(n, m)).astype(dtype)], sizes, tolerance)


def test_folds_of_nothing():
    graph = build(lambda F, x: list(folds_of_nothing(F, x)), ArrayType(F64, (N, M)))
    check_sizes(graph, lambda random, n, m: [random.normal(size=(n, m))], [(0, 3), (3, 0), (0, 0), (0, 5000), (4, 9)])


def test_folds_of_special_values():
    """NaN and infinities anywhere: in vectors and remainders, in rows, across rows and in the whole."""
    names = ("sum", "max", "min", "prod")
    graph = build(
        lambda F, x: (
            [F.reduce(n, x, axes) for n in names for axes in (ROWS, COLUMNS, EVERYTHING)]
            + [F.reduce(n, x, axes) for n in ("argmax", "argmin") for axes in (ROWS, COLUMNS)]
        ),
        ArrayType(F64, (N, M)),
    )
    program = Compiled(graph)
    nan, inf = np.nan, np.inf
    for m in (1, 2, 7, 33, 70):
        for special in ([], [nan], [inf], [-inf], [inf, -inf], [nan, inf], [nan, nan], [-inf, nan, inf]):
            x = np.tile(np.random.default_rng(m).uniform(0.5, 1.5, m), (9, 1))
            for row, number in enumerate(special):
                x[row * 3 % 9, (m - 1 - 5 * row) % m] = number
            for number, pair in enumerate(zip(program([x]), interpret(graph, [x]), strict=True)):
                assert_close(*pair, 1e-13, f"output {number} with {special} among {m}")


def positions(F, x):
    return [
        F.reduce(name, value, [axis]) for name in ("argmax", "argmin") for axis in (0, 1) for value in (x, F.neg(x))
    ]


def test_positions():
    """No empty axis: there is no position then."""
    sizes = [size for size in SIZES if min(size)]
    graph = build(positions, ArrayType(F64, (N, M)))
    check_sizes(graph, lambda random, n, m: [np.round(random.normal(size=(n, m)), 1)], sizes)


def scans(F, x):
    return [F.apply(OPS[name], [x], {"axis": axis, **way})
            for name in ("cumsum", "cumprod") for axis in (0, 1) for way in (FORWARD, BACKWARD)]  # fmt: skip


def test_scans():
    graph = build(scans, ArrayType(F64, (N, M)))
    check_sizes(graph, lambda random, n, m: [random.uniform(-1, 1, (n, m))], tolerance=1e-11)


@pytest.mark.parametrize("dtype", [F64, F32])
def test_sums_keep_their_digits(dtype):
    """Closer to the exact sum than one rounding in 2**22 of a million numbers' absolute sum: no plain loop is."""
    graph = build(lambda F, x: [F.reduce("sum", x, [0, 1]), F.reduce("sum", x, [1])], ArrayType(dtype, (N, M)))
    program = Compiled(graph)
    random = np.random.default_rng(3)
    for shape in ((1, 1_000_000), (1000, 1000), (200_000, 5)):
        x = (1 + random.normal(size=shape)).astype(dtype)
        whole, rows = program([x])
        bound = 64 * np.finfo(dtype).eps
        assert abs(math.fsum(x.ravel()) - whole) <= bound * math.fsum(abs(x).ravel())
        np.testing.assert_allclose(rows, [math.fsum(row) for row in x], atol=float(bound * abs(x).sum(1).max()), rtol=0)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_do_not_change_a_bit(threads):
    graph = build(lambda F, x: list(folds(F, x)), ArrayType(F64, (N, M)))
    x = np.random.default_rng(0).normal(size=(3000, 40))
    with config.override(num_threads=1):
        expected = run_compiled(graph, [x])
    with config.override(num_threads=threads):
        for found, one in zip(run_compiled(graph, [x]), expected, strict=True):
            np.testing.assert_array_equal(found, one)


# --- movement ---------------------------------------------------------------------------------------------------------


def moves(F, x):
    backwards = {"starts": (N - 1, M - 1), "steps": (-1, -1), "dims": (N, M)}
    wide = {"starts": (1, M + 2), "steps": (3, -1), "dims": (3 * N + 1, M + 3)}  # gaps between rows, columns reversed
    shifted = {"starts": (2, 0), "steps": (1, 1), "dims": (N + 5, M)}
    embedded = F.embed(x, **wide)
    return [
        F.transpose(x, [1, 0]),
        F.reshape(x, (N * M,)),
        F.reshape(F.transpose(x, [1, 0]), (N, M)),
        F.slice(x, **backwards),
        embedded,
        F.slice(embedded, starts=(1, M + 2), steps=(3, -1), dims=(N, M)),
        F.add(F.exp(F.embed(x, **shifted)), F.neg(F.embed(F.square(x), **shifted))),
        F.concat(x, F.neg(x), F.slice(x, **backwards), axis=0),
        F.concat(F.transpose(x, [1, 0]), F.reshape(F.sin(x), (M, N)), axis=1),
        F.add(F.broadcast_to(F.expand_dims(x, [0]), (2, N, M)), F.expand_dims(F.reduce("sum", x, [0]), [0])),
        F.reduce("sum", F.reshape(x, (M, N)), [0]),
    ]


def test_movement():
    check_sizes(build(moves, ArrayType(F64, (N, M))), lambda random, n, m: [random.normal(size=(n, m))])


def every_other(F, x):
    """Slices that leave the last element out where it does not fit."""
    return [
        F.slice(x, starts=(0,), steps=(2,), dims=((N + 1) // 2,)),
        F.slice(x, starts=(N - 1,), steps=(-3,), dims=(-(-N // 3),)),
    ]


def surrounded(F, x):
    """Zeros before and behind, each way in a loop of its own, and pieces that overlap in part in one loop."""
    ahead = F.embed(F.exp(x), starts=(2,), steps=(1,), dims=(N + 5,))
    back = F.embed(F.add(x, 1.0), starts=(N + 1,), steps=(-1,), dims=(N + 6,))
    pieces = [F.embed(x, starts=(start,), steps=(1,), dims=(N + 7,)) for start in (0, 3, 7)]
    pieces.append(F.embed(F.cos(x), starts=(N + 3,), steps=(-1,), dims=(N + 7,)))
    together = functools.reduce(F.add, pieces)
    return [ahead, back, together, F.reduce("sum", F.mul(F.add(ahead, 1.0), ahead), [0])]


def test_embedded_along_the_loop():
    graph = build(surrounded, ArrayType(F64, (N,)))
    check_sizes(graph, lambda random, n: [random.normal(size=n)], [(n,) for n in (0, 1, 2, 3, 4, 8, 9, 100)])


def test_parts_of_several_threads_meet():
    """Each part splits its own range: nothing is left out or read outside where two of them touch."""
    with config.override(num_threads=3):
        graph = build(surrounded, ArrayType(F64, (N,)))
        check_sizes(graph, lambda random, n: [random.normal(size=n)], [(200_003,), (99_999,)])
        graph = build(lambda F, x: moves(F, x)[:9], ArrayType(F64, (N, M)))
        check_sizes(graph, lambda random, n, m: [random.normal(size=(n, m))], [(700, 301), (2, 90_000), (90_000, 2)])


def test_steps_through_odd_and_even_sizes():
    graph = build(every_other, ArrayType(F64, (N,)))
    check_sizes(graph, lambda random, n: [random.normal(size=n)], [(n,) for n in range(12)])


# --- positions --------------------------------------------------------------------------------------------------------


def test_gathers_and_scatters():
    def make(F, x, i, j, g):
        rows = F.gather(x, i, axes=(0,), checked=True)
        return [
            rows,
            F.gather(x, i, j, axes=(0, 1), checked=True),
            F.scatter_add(rows, i, axes=(0,), dims=(N, M), checked=True),
            F.scatter_add(g, i, j, axes=(0, 1), dims=(N, M), checked=True),
            F.reduce("sum", F.mul(rows, F.gather(x, i, axes=(0,), checked=False)), [0, 1]),
        ]

    def arrays(random, n, m, k):
        return [random.normal(size=(n, m)), random.integers(0, max(n, 1), k), random.integers(0, max(m, 1), k),
                random.normal(size=k)]  # fmt: skip

    graph = build(make, ArrayType(F64, (N, M)), ArrayType(I64, (K,)), ArrayType(I64, (K,)), ArrayType(F64, (K,)))
    check_sizes(graph, arrays, [(1, 1, 0), (0, 2, 0), (3, 2, 7), (1, 1, 5), (50, 20, 3000), (4100, 2, 10)])


@pytest.mark.parametrize(("bad", "axis"), [(-1, 0), (4, 0), (5, 1)])
def test_a_position_outside_is_an_error(bad, axis):
    def make(F, x, i, j):
        return [F.gather(x, i, j, axes=(0, 1), checked=True)]

    program = Compiled(build(make, ArrayType(F64, (N, M)), ArrayType(I64, (K,)), ArrayType(I64, (K,))))
    inside = np.zeros(3, np.int64)
    outside = np.array([0, bad, 0])
    with pytest.raises(GraphcError):
        program([np.ones((4, 5)), *((outside, inside) if axis == 0 else (inside, outside))])
    assert program([np.ones((4, 5)), inside, inside])[0].tolist() == [1, 1, 1]


def test_masks():
    """The number of elements is known at run time only."""

    def make(F, x, mask):
        flat, positions = F.reshape(x, (N * M,)), F.mask_indices(F.reshape(mask, (N * M,)), symbol="count")
        chosen = F.gather(flat, positions, axes=(0,), checked=False)
        return [
            positions,
            chosen,
            F.reduce("sum", F.square(chosen), [0]),
            F.reshape(F.scatter_add(F.neg(chosen), positions, axes=(0,), dims=(N * M,), checked=False), (N, M)),
        ]

    graph = build(make, ArrayType(F64, (N, M)), ArrayType(BOOL, (N, M)))
    for share in (0.0, 0.4, 1.0):
        check_sizes(graph, lambda random, n, m, s=share: [random.normal(size=(n, m)), random.random((n, m)) < s])


# --- products ---------------------------------------------------------------------------------------------------------


def products(F, a, b, batch):
    flipped, other = F.transpose(a, [1, 0]), F.transpose(b, [1, 0])
    pairs = F.transpose(batch, [0, 2, 1])
    column = F.slice(b, starts=(0, 0), steps=(1, 1), dims=(M, 1))
    row = F.slice(a, starts=(0, 0), steps=(1, 1), dims=(1, M))
    return [
        F.matmul(a, b),
        F.matmul(other, flipped),
        F.matmul(flipped, F.add(a, 1)),
        F.matmul(b, other),
        F.add(F.matmul(F.neg(a), b), F.reduce("sum", b, [0])),
        F.matmul(batch, pairs),
        F.matmul(pairs, batch),
        F.matmul(a, column),
        F.matmul(row, b),
        F.matmul(column, row),
        F.matmul(row, column),
    ]


@pytest.mark.parametrize("short", ["f64", "f32", "i32", "bool"])
def test_products(short):
    dtype = DTYPES[short]
    if short == "bool":
        graph = build(lambda F, a, b: [F.matmul(a, b)], ArrayType(dtype, (N, M)), ArrayType(dtype, (M, K)))
    else:
        graph = build(products, *(ArrayType(dtype, dims) for dims in ((N, M), (M, K), (3, N, M))))

    def arrays(random, n, m, k):
        shapes = [(n, m), (m, k), (3, n, m)][: len(graph.params)]
        draws = [random.normal(size=shape) * 3 for shape in shapes]
        return [(d > 0) if short == "bool" else d.astype(dtype) for d in draws]

    sizes = [(1, 1, 1), (2, 3, 4), (5, 1, 7), (1, 6, 1), (33, 65, 17), (130, 40, 70)]
    check_sizes(graph, arrays, sizes, tolerance={"f64": 1e-12, "f32": 1e-3}.get(short, 0))


@pytest.mark.parametrize("size", [(0, 2, 3), (2, 0, 3), (2, 3, 0)])
def test_products_of_nothing(size):
    """An empty sum is 0, also where the library would return at once."""
    n, m, k = size
    graph = build(lambda F, a, b: [F.matmul(a, b)], ArrayType(F64, (N, M)), ArrayType(F64, (M, K)))
    (found,) = run_compiled(graph, [np.ones((n, m)), np.ones((m, k))])
    np.testing.assert_array_equal(found, np.zeros((n, k)))


# --- scalars ----------------------------------------------------------------------------------------------------------


def test_scalars_and_sizes():
    """0-d inputs and results, sizes as numbers, integer arguments, outputs that are inputs, one output twice."""
    F = Builder(OPS, ShapeFacts())
    a, x = Value(ArrayType(F64), name="a"), Value(ArrayType(F32, (N,)), name="x")
    mean = F.div(F.reduce("sum", F.cast(x, F64), [0]), F.value(product(x.dims)))
    outputs = [a, F.exp(a), mean, mean, x, F.add(F.value(K), F.value(3 * N)), F.iota(dims=(K, N), axis=0), F.value(2.5)]
    graph = finish(F, "scalars", [a, x], outputs, ints=[K])
    program = Compiled(graph)
    for n, k in ((1, 4), (9, 2), (3000, 1)):
        arrays = [np.float64(0.3), np.arange(n, dtype=np.float32)]
        for number, pair in enumerate(zip(program(arrays, [k]), interpret(graph, arrays, [k]), strict=True)):
            assert_close(*pair, 1e-15, f"output {number} of n={n}, k={k}")
