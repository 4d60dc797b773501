"""Sums over a short inner axis: the lanes run along the axis before it, and what follows stays in the same kernel."""

from __future__ import annotations

import math

import numpy as np
import pytest

import graphc
from benchmarks.case import find_case
from graphc import config
from graphc.config import settings
from graphc.ir.dims import evaluate, symbol
from graphc.ir.interp import interpret
from graphc.ir.types import F32, F64, ArrayType
from graphc.ops.table import OPS
from graphc.schedule.plan import schedule
from graphc.schedule.program import Launch
from tests.codegen.run_graph import Compiled
from tests.schedule.programs import arena, build, final_graph, nests, program_of, readers, steps

N, M, K, B = (symbol(name) for name in "nmkb")
SIZES = [(5, 19, 3), (2, 2, 2), (7, 33, 16), (4, 23, 17), (3, 20, 100), (70, 40, 5), (3, 4, 5), (3, 16, 0), (3, 0, 4)]


def differences(F, x, y):
    return F.sub(F.expand_dims(x, [x.rank - 1]), F.expand_dims(y, [y.rank - 2]))


def distances(F, x, y):
    """Squared distances of all pairs of points."""
    both = F.square(differences(F, x, y))
    return F.reduce("sum", both, [both.rank - 1])


def pairs(dtype=F64):
    return ArrayType(dtype, (N, K)), ArrayType(dtype, (M, K))


def only_lanes(graph):
    """The kernel that does the work, beside those that copy."""
    (nest,) = [nest for nest in nests(program_of(graph)) if any(phase.lanes for phase in nest.phases)]
    return nest


# --- what is made -----------------------------------------------------------------------------------------------------


def test_distances_run_along_the_points():
    """One operand is copied, transposed; the loop over the coordinates is outside of the one over points."""
    graph = build(distances, *pairs())
    assert steps(program_of(graph)) == {"Launch": 2}
    (phase,) = only_lanes(graph).phases
    assert phase.axes == (2, 1)


def test_what_is_contiguous_along_the_sum_stays():
    """Every element has an operand of its own: nothing would be read twice."""
    graph = build(lambda F, x, y: F.reduce("sum", F.mul(x, F.expand_dims(y, [1])), [2]),
                  ArrayType(F64, (N, M, K)), ArrayType(F64, (N, K)))  # fmt: skip
    (nest,) = nests(program_of(graph))
    assert not any(phase.lanes for phase in nest.phases)


@pytest.mark.parametrize("name", ["kmeans", "nbody"])
@pytest.mark.parametrize("transform", [graphc.grad, graphc.value_and_grad])
def test_a_benchmark_is_one_kernel(name, transform):
    """The large intermediate arrays (all pairs, times coordinates) are never made; copies are of the points alone."""
    case = find_case(name)
    args = case.make_inputs(small=True)
    program = program_of(final_graph(lambda f: transform(f, argnums=case.argnums), case.function, *args))
    large = [s for s in program.steps if isinstance(s, Launch) and any(phase.lanes for phase in s.nest.phases)]
    assert len(large) == 1
    small = {"kmeans": 1, "nbody": 3}[name]
    assert steps(program)["Launch"] == 1 + small
    sizes = {"kmeans": {"n0": 50, "n1": 10, "n2": 10_000}, "nbody": {"n0": 1000, "n1": 3}}[name]
    pairs_of_points = 8 * np.prod([sizes[s] for s in (("n0", "n2") if name == "kmeans" else ("n0", "n0"))])
    assert arena(program, **sizes) < pairs_of_points / 3


def test_temporaries_do_not_grow_with_the_rows():
    """Sums, and what makes long ones exact: three rows for each of at most 64 blocks, and one transposed copy."""

    def make(F, x, y):
        return F.reduce("sum", F.exp(F.neg(distances(F, x, y))), [0, 1])

    program = program_of(build(make, *pairs()))
    points = 100_000
    for rows in (1_000, 1_000_000):
        assert arena(program, n=rows, m=points, k=3) < 8 * (3 * 64 * points + 3 * points) + 4096


def test_the_points_of_a_clustering_are_read_once():
    case = find_case("kmeans")
    program = program_of(final_graph(graphc.grad, case.function, *case.make_inputs(small=True)))
    assert readers(program, 1) == 1


def test_the_gradient_of_a_minimum_skips_what_is_not_the_least():
    def make(F, x, y):
        apart = distances(F, x, y)
        least = F.reduce("min", apart, [1], keepdims=True)
        weight = F.select(F.eq(apart, least), 1.0, 0.0)
        pull = F.guarded_mul(F.expand_dims(weight, [2]), differences(F, x, y))
        return F.reduce("sum", pull, [0])

    graph = build(make, *pairs())
    *_, last = only_lanes(graph).phases
    assert last.skip is not None
    assert last.axes == (1, 2)
    check(graph, SIZES[:8])


def test_few_lanes_go_another_way():
    """Three centres of a clustering in many dimensions: loops run along those."""
    program = schedule(build(distances, *pairs()), OPS)
    (choice,) = program.steps
    assert [evaluate(choice.condition, {"m": size}) for size in (0, 3, 15, 16, 1000)] == [0, 0, 0, 1, 1]
    assert not any(phase.lanes for step in choice.second.steps for phase in step.nest.phases)


# --- what it computes -------------------------------------------------------------------------------------------------


def check(graph, sizes=SIZES, rtol=1e-13):
    """Compiled once for all sizes, like the interpreter's value."""
    run = Compiled(graph)
    random = np.random.default_rng(3)
    for n, m, k in sizes:
        known = {"n": n, "m": m, "k": k, "b": 3}
        arrays = [random.normal(size=[known[str(d)] for d in p.dims]).astype(p.type.dtype) for p in graph.params]
        for found, expected in zip(run(arrays), interpret(graph, arrays), strict=True):
            np.testing.assert_allclose(found, expected, rtol=rtol, atol=rtol * 10, err_msg=str((n, m, k)))


@pytest.mark.parametrize("dtype", [F64, F32])
def test_distances(dtype):
    check(build(distances, *pairs(dtype)), rtol=1e-14 if dtype == F64 else 1e-6)


def test_distances_of_batches():
    check(build(distances, ArrayType(F64, (B, N, K)), ArrayType(F64, (B, M, K))))


def test_folds_of_every_kind_over_the_distances():
    """Totals, results for a row, for a lane, for a coordinate, for both; distances that are an output too."""

    def make(F, x, y):
        apart, differ = distances(F, x, y), differences(F, x, y)
        force = F.mul(F.expand_dims(F.div(1.0, F.sqrt(F.add(apart, 0.5))), [2]), differ)
        sums = [F.reduce("sum", force, axes) for axes in ([0], [1], [0, 1, 2], [1, 2])]
        lanes = [F.reduce(name, apart, axes) for name in ("sum", "max") for axes in ([0], [1], [0, 1])]
        shares = F.div(F.exp(F.neg(apart)), F.reduce("sum", F.exp(F.neg(apart)), [1], keepdims=True))
        return [apart, *sums, *lanes, shares]

    check(build(make, *pairs()), sizes=SIZES[:7], rtol=1e-12)


def test_what_elements_read_of_a_fold_over_lanes_is_computed_after_it():
    """The gradient of a mixture's likelihood: weights of the lanes, by the sum of all, times elements."""

    def make(F, x, y):
        powers = F.exp(F.neg(distances(F, x, y)))
        shares = F.div(powers, F.reduce("sum", powers, [1], keepdims=True))
        pull = F.guarded_mul(F.expand_dims(F.mul(shares, -0.5), [2]), differences(F, x, y))
        return [F.reduce("sum", pull, [0]), F.reduce("sum", pull, [1])]

    graph = build(make, *pairs())
    only_lanes(graph)
    check(graph, SIZES[:8])


@pytest.mark.parametrize("size", [3, 7, 8, 10, 16, 17, 50, 1000])
def test_sums_are_as_exact_as_numpys(size):
    random = np.random.default_rng(size)
    x, y = random.uniform(size=(40, size)), random.uniform(size=(50, size))
    graph = build(lambda F, x, y: F.reduce("sum", F.add(F.expand_dims(x, [1]), F.expand_dims(y, [0])), [2]), *pairs())
    (found,) = Compiled(graph)([x, y])
    terms = x[:, None, :] + y[None, :, :]
    exact = np.array([[math.fsum(row) for row in rows] for rows in terms])
    error, theirs = (np.sqrt(np.mean((s - exact) ** 2)) for s in (found, terms.sum(axis=2)))
    assert error <= 1.1 * theirs


# --- functions of all pairs -------------------------------------------------------------------------------------------


def kernel_ridge(x, y):
    return np.sum((np.exp(-0.5 * np.sum((x[:, None, :] - y[None, :, :]) ** 2, axis=2)) @ y) ** 2)


def mixture(x, y):
    terms = -0.5 * np.sum(((x[:, None, :] - y[None]) / np.exp(0.1 * y)[None]) ** 2, axis=2) - np.sum(y, axis=1)[None]
    top = np.max(terms, axis=1, keepdims=True)
    return np.sum(top[:, 0] + np.log(np.sum(np.exp(terms - top), axis=1)))


def chamfer(x, y):
    apart = np.sum((x[:, None, :] - y[None, :, :]) ** 2, axis=2)
    return np.sum(np.min(apart, axis=1)) + np.sum(np.min(apart, axis=0))


def lennard_jones(x, y):
    apart = x[:, None, :] - x[None, :, :]
    same = np.eye(x.shape[0])
    power = 1.0 / (np.sum(apart * apart, axis=2) + same) ** 3
    return np.sum((power * power - power) * (1 - same)) + np.sum(y)


def soft_assignment(x, y):
    apart = np.sum(np.abs(x[:, None, :] - y[None, :, :]), axis=2)
    weights = np.exp(-apart)
    return np.sum(weights / np.sum(weights, axis=1, keepdims=True) * apart)


def attention(x, y):
    queries, keys = np.stack([x, 2 * x]), np.stack([y, -y])
    scores = np.sum(queries[:, :, None, :] * keys[:, None, :, :], axis=3)
    weights = np.exp(scores - np.max(scores, axis=2, keepdims=True))
    weights = weights / np.sum(weights, axis=2, keepdims=True)
    return np.sum(np.sum(weights[:, :, :, None] * keys[:, None, :, :], axis=2) ** 2)


@pytest.mark.parametrize("function", [kernel_ridge, mixture, chamfer, lennard_jones, soft_assignment, attention])
def test_gradients_by_all_pairs(function):
    """The same as the interpreter's, for coordinates that are few and that are many."""
    transform = lambda: graphc.value_and_grad(function, argnums=(0, 1))  # noqa: E731
    compiled, interpreted = transform(), transform()
    random = np.random.default_rng(2)
    for n, m, k in [(16, 17, 3), (3, 41, 2), (20, 24, 19), (4, 5, 6)]:
        x, y = 0.5 * random.normal(size=(n, k)), 0.5 * random.normal(size=(m, k))
        with config.override(disable_jit=True):
            value, gradients = interpreted(x, y)
        found, by_both = compiled(x, y)
        np.testing.assert_allclose(found, value, rtol=1e-12)
        for one, other in zip(by_both, gradients, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-11 * np.abs(other).max())


def test_infinite_distances():
    graph = build(distances, *pairs())
    for size in (3, 30):
        x, y = np.zeros((4, size)), np.zeros((25, size))
        x[1, 2], y[3, 1], x[2, 0] = np.inf, -np.inf, np.nan
        with np.errstate(invalid="ignore"):
            (expected,) = interpret(graph, [x, y])
        np.testing.assert_array_equal(Compiled(graph)([x, y])[0], expected)


def test_the_bits_do_not_depend_on_threads(monkeypatch):
    case = find_case("nbody")
    random = np.random.default_rng(1)
    args = random.normal(size=(300, 3)), random.uniform(0.5, 1.5, 300)
    run = graphc.value_and_grad(case.function)
    results = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(settings, "num_threads", threads)
        value, gradient = run(*args)
        results.append((float(value), gradient.tobytes()))
    assert len(set(results)) == 1
