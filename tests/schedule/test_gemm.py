"""Matrix products as library calls: what is passed through strides and flags instead of being copied."""

from collections import Counter

import numpy as np
import pytest

import graphc
from benchmarks.cases.attention import inputs as attention_inputs
from benchmarks.cases.attention import transformer_loss
from graphc import config
from graphc.abi import GEMM_ACCUMULATE
from graphc.ir.dims import symbol
from graphc.ir.interp import interpret
from graphc.ir.types import F64, ArrayType
from graphc.ops.table import OPS
from graphc.schedule.pieces import join_pieces
from graphc.schedule.program import Gemm, Loop, walk_steps
from tests.codegen.run_graph import run_compiled
from tests.schedule.programs import arena, build, final_graph, program_of, steps

B, H, N, M, K = map(symbol, "bhnmk")
SIZES = {"b": 3, "h": 4, "n": 5, "m": 6, "k": 7}


def typed(*dims):
    return ArrayType(F64, dims)


def calls(program):
    return [step for step in program.steps if isinstance(step, Gemm)]


def heads(F, x, sizes):
    """[b, n, h*k] -> [b, h, n, k], as attention splits its heads."""
    return F.transpose(F.reshape(x, sizes), (0, 2, 1, 3))


def two_readers(F, c):
    return [F.transpose(c, (0, 2, 1)), F.exp(c)]


BATCH = (typed(B, N, K), typed(B, K, M))
CASES = {
    "plain": (lambda F, a, b: F.matmul(a, b), BATCH, 0),
    "both transposed": (
        lambda F, a, b: F.matmul(F.transpose(a, (0, 2, 1)), F.transpose(b, (0, 2, 1))),
        (typed(B, K, N), typed(B, M, K)),
        0,
    ),
    "broadcast left": (lambda F, a, b: F.matmul(F.broadcast_to(a, (B, N, K)), b), (typed(N, K), typed(B, K, M)), 0),
    "broadcast right": (lambda F, a, b: F.matmul(a, F.broadcast_to(b, (B, K, M))), (typed(B, N, K), typed(K, M)), 0),
    "batch axes exchanged": (
        lambda F, a, b: F.matmul(F.transpose(a, (1, 0, 2, 3)), b),
        (typed(H, B, N, K), typed(B, H, K, M)),
        0,
    ),
    "heads": (
        lambda F, a, b: F.matmul(heads(F, a, (B, N, 4, 7)), F.transpose(heads(F, b, (B, M, 4, 7)), (0, 1, 3, 2))),
        (typed(B, N, 28), typed(B, M, 28)),
        0,
    ),
    "result transposed": (lambda F, a, b: F.transpose(F.matmul(a, b), (0, 2, 1)), BATCH, 0),
    "result merged": (
        lambda F, a, b: F.reshape(F.transpose(F.matmul(a, b), (0, 2, 1, 3)), (B, N, H * M)),
        (typed(B, H, N, K), typed(B, H, K, M)),
        0,
    ),
    "rows of a slice": (
        lambda F, a, b: F.matmul(F.slice(a, starts=(1, 2), steps=(2, 1), dims=(2, 5)), b),
        (typed(N, K), typed(5, M)),
        0,
    ),
    "backwards": (  # negative strides are none of the library's
        lambda F, a, b: F.matmul(F.slice(a, starts=(N - 1, 0), steps=(-1, 1), dims=(N, K)), b),
        (typed(N, K), typed(K, M)),
        1,
    ),
    "a column repeated": (lambda F, a, b: F.matmul(F.broadcast_to(a, (N, K)), b), (typed(N, 1), typed(K, M)), 1),
    "three exchanged batch axes": (
        lambda F, a, b: F.matmul(F.transpose(a, (2, 1, 0, 3, 4)), b),
        (typed(2, H, B, N, K), typed(B, H, 2, K, M)),
        1,
    ),
    "a reader in between": (
        lambda F, a, b: two_readers(F, F.matmul(a, b)),
        BATCH,
        2,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_rearranged_operands_and_results(name):
    make, types, launches = CASES[name]
    graph = build(make, *types)
    found = steps(program_of(graph))
    assert found["Gemm"] == 1
    assert found["Launch"] == launches
    assert found["Copy"] == 0
    rng = np.random.default_rng(1)
    arrays = [rng.standard_normal([d if isinstance(d, int) else size_of(d) for d in t.dims]) for t in types]
    for result, expected in zip(run_compiled(graph, arrays), interpret(graph, arrays), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-13, atol=1e-13)


def size_of(dim):
    return eval(str(dim), {"__builtins__": {}}, SIZES)


def test_one_matrix_for_all_of_a_batch_is_one_tall_product():
    make, types, _ = CASES["broadcast right"]
    (call,) = calls(program_of(build(make, *types)))
    assert (call.batch, call.m) == (1, B * N)


def test_a_small_slice_does_not_store_all():
    """Of sin(a) only the part that is multiplied is computed."""
    part = {"starts": (0, 0), "steps": (1, 1), "dims": (N, 3)}
    graph = build(lambda F, a, b: F.matmul(F.slice(F.sin(a), **part), b), typed(N, 1000), typed(3, M))
    program = program_of(graph)
    (call,) = calls(program)
    assert program.storage[call.a].size == 3 * N


def test_attention_counts():
    """A layer of a transformer: no array is copied to be multiplied, and every batch is one call."""
    args = attention_inputs(np.random.default_rng(0), batch=2, tokens=6, width=16)
    program = program_of(final_graph(graphc.grad, transformer_loss, *args))
    found = steps(program)
    assert found["Copy"] == 0
    assert found["Gemm"] == 18  # 6 forward, twice that back
    assert sum(call.batch != 1 for call in calls(program)) == 6
    assert found["Launch"] <= 11
    sizes = {"n0": 256, "n7": 1024, "n16": 8, "n17": 128}
    assert set(sizes) == set(program.symbols)
    assert arena(program, **sizes) <= 52_000_000  # of the largest arrays, 4 MB each, eight at a time


TERMS = (typed(N, K), typed(K, M), typed(N, 9), typed(9, M))


def sum_of_two(F, a, b, c, d):
    return F.add(F.matmul(a, b), F.matmul(c, d))


def sum_of_three(F, a, b, c, d):
    return F.add(sum_of_two(F, a, b, c, d), F.matmul(F.sin(a), b))


def sum_after_reshapes(F, a, b, c, d):
    first, second = (F.reshape(F.matmul(x, y), (N, 2, 3)) for x, y in ((a, b), (c, d)))
    return F.add(first, second)


def transposed_sum(F, a, b, c, d):
    return F.add(F.transpose(F.matmul(a, b), (1, 0)), F.transpose(F.matmul(c, d), (1, 0)))


def twice_the_same(F, a, b, c, d):
    x = F.matmul(a, b)
    return F.add(x, x)


def read_elsewhere(F, a, b, c, d):
    x = F.matmul(a, b)
    return [F.add(x, F.matmul(c, d)), F.exp(x)]


SUMS = {
    "two": (sum_of_two, TERMS, 2, 0),
    "three": (sum_of_three, TERMS, 3, 1),
    "reshaped": (sum_after_reshapes, (typed(N, K), typed(K, 6), typed(N, 9), typed(9, 6)), 2, 0),
    "transposed": (transposed_sum, TERMS, 2, 0),
    "twice the same": (twice_the_same, TERMS, 1, 1),
    "read elsewhere": (read_elsewhere, TERMS, 2, 1),
    "broadcast": (
        lambda F, a, b, c, d: F.add(F.reshape(F.matmul(a, b), (N, 1, M)), F.matmul(c, d)),
        TERMS,
        2,
        1,
    ),
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_of_products_accumulate(name):
    make, types, products, launches = SUMS[name]
    graph = build(make, *types)
    program = program_of(graph)
    found = steps(program)
    assert (found["Gemm"], found["Launch"], found["Copy"]) == (products, launches, 0)
    if launches == 0:
        assert [bool(call.flags & GEMM_ACCUMULATE) for call in calls(program)] == [False, True]
    rng = np.random.default_rng(2)
    arrays = [rng.standard_normal([d if isinstance(d, int) else size_of(d) for d in t.dims]) for t in types]
    for result, expected in zip(run_compiled(graph, arrays), interpret(graph, arrays), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-13, atol=1e-13)


def test_gradients_of_three_projections_of_one_array_accumulate():
    """As of separate weights for queries, keys and values."""

    def loss(x, weights):
        return np.sum(np.tanh(x @ weights[0]) * np.sin(x @ weights[1]) * np.exp(x @ weights[2]))

    x, weights = np.ones((5, 4)), [np.ones((4, 3))] * 3
    program = program_of(final_graph(graphc.grad, loss, x, weights))
    assert sum(bool(call.flags & GEMM_ACCUMULATE) for call in calls(program)) == 2
    assert steps(program)["Launch"] == 1


def recurrent(w, u, x):
    def step(t, h):
        return np.tanh(h @ w + x[t] @ u)

    return np.sum(graphc.fori_loop(0, x.shape[0], step, np.zeros((x.shape[1], w.shape[0]))) ** 2)


def unrolled(w, u, x):
    h = np.zeros((x.shape[1], w.shape[0]))
    for t in range(x.shape[0]):
        h = np.tanh(h @ w + x[t] @ u)
    return np.sum(h**2)


def test_gradients_of_weights_in_a_loop_accumulate_where_they_stand():
    """Back through a recurrent network: one kernel an iteration, the products add to the results' own memory."""
    rng = np.random.default_rng(3)
    args = [0.3 * rng.standard_normal(shape) for shape in ((4, 4), (3, 4), (6, 2, 3))]

    def gradient(f):
        return graphc.grad(f, argnums=(0, 1))

    loops = [s for s in program_of(final_graph(gradient, recurrent, *args)).steps if isinstance(s, Loop)]
    back = Counter(type(step).__name__ for step in walk_steps(loops[1].steps))
    assert (back["Gemm"], back["Launch"], back["Copy"]) == (3, 1, 0)
    assert back["Exchange"] == 1  # of the cotangent of the state alone
    added = [s.flags & GEMM_ACCUMULATE for s in walk_steps(loops[1].steps) if isinstance(s, Gemm)]
    assert sum(map(bool, added)) == 2
    for found, expected in zip(gradient(recurrent)(*args), gradient(unrolled)(*args), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_sum_that_is_read_again_is_not_overwritten():
    """The state before the step is a factor of the product that is added to it."""

    def loss(w, h):
        step = graphc.fori_loop(0, 3, lambda t, h: h + np.sin(h) @ w, h)
        return np.sum(step**2)

    def plain(w, h):
        for _ in range(3):
            h = h + np.sin(h) @ w
        return np.sum(h**2)

    rng = np.random.default_rng(4)
    w, h = rng.standard_normal((4, 4)), rng.standard_normal((5, 4))
    before = h.copy()
    for argnums in (0, 1):
        found = graphc.grad(loss, argnums=argnums)(w, h)
        np.testing.assert_allclose(found, graphc.grad(plain, argnums=argnums)(w, h), rtol=1e-11)
    np.testing.assert_array_equal(h, before)


def flat_network(theta, x):
    """All parameters in one vector, as optimisers want them."""
    first, bias, second = theta[:12].reshape(3, 4), theta[12:16], theta[16:].reshape(4, 2)
    return np.sum((np.tanh(x @ first + bias) @ second) ** 2)


def test_gradients_by_pieces_of_a_vector_are_computed_where_they_belong():
    theta, x = np.linspace(-1.0, 1.0, 24), np.random.default_rng(5).standard_normal((5, 3))
    program = program_of(final_graph(graphc.grad, flat_network, theta, x))
    gradients = [call for call in calls(program) if program.storage[call.c].place == "output"]
    assert [call.offsets[2] for call in gradients] == [16, 0] or [call.offsets[2] for call in gradients] == [0, 16]
    assert steps(program)["Copy"] == 0
    with config.override(disable_jit=True):
        expected = graphc.grad(flat_network)(theta, x)
    np.testing.assert_allclose(graphc.grad(flat_network)(theta, x), expected, rtol=1e-13)


def joined(F, a, b, c, d):
    """A product, its transpose, something else, and the same piece twice."""
    x, y = F.matmul(a, b), F.sin(c)
    return F.concat(x, F.transpose(F.matmul(d, a), (1, 0)), y, y, axis=1)


def test_products_among_the_pieces_of_an_array():
    graph = build(joined, typed(N, N), typed(N, M), typed(N, K), typed(3, N))
    program = program_of(graph)
    assert all(program.storage[call.c].place == "output" for call in calls(program))
    assert steps(program)["Launch"] == 1
    rng = np.random.default_rng(6)
    arrays = [rng.standard_normal(shape) for shape in ((5, 5), (5, 6), (5, 7), (3, 5))]
    for result, expected in zip(run_compiled(graph, arrays), interpret(graph, arrays), strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-13)


def embedded(F, parts, starts):
    """The sum of the arrays, each at its place in zeros of 10 columns."""
    whole = [F.embed(p, starts=(0, s), steps=(1, 1), dims=(N, 10)) for p, s in zip(parts, starts, strict=True)]
    total = whole[0]
    for piece in whole[1:]:
        total = F.add(total, piece)
    return total


TILINGS = {  # sizes, starts, whether they tile
    "in order": ((4, 6), (0, 4), True),
    "in another order": ((6, 4), (4, 0), True),
    "three": ((3, 3, 4), (3, 0, 6), True),
    "a gap": ((3, 4), (0, 6), False),
    "an overlap": ((6, 6), (0, 4), False),
    "twice the same place": ((4, 6, 4), (0, 4, 0), False),
}


@pytest.mark.parametrize("name", TILINGS)
def test_pieces_that_tile_are_joined(name):
    sizes, starts, tiles = TILINGS[name]
    types = [typed(N, size) for size in sizes]
    graph = build(lambda F, *parts: embedded(F, parts, starts), *types)
    names = [node.op.name for node in join_pieces(graph, OPS).nodes]
    assert ("concat" in names) == tiles
    arrays = [np.random.default_rng(7).standard_normal((3, size)) for size in sizes]
    for result, expected in zip(run_compiled(graph, arrays), interpret(graph, arrays), strict=True):
        np.testing.assert_array_equal(result, expected)


def test_pieces_that_nothing_stores_stay_in_the_loop_that_reads_them():
    graph = build(lambda F, a, b: F.exp(embedded(F, (a, b), (0, 4))), typed(N, 4), typed(N, 6))
    assert join_pieces(graph, OPS) is graph
