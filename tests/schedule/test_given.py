"""Results that are written over parameters: when they are made there, when they are copied there last."""

import numpy as np
import pytest

from graphc.config import override
from graphc.errors import GraphcError
from graphc.ir.dims import symbol
from graphc.ir.graph import Graph
from graphc.ir.types import F64, I64, ArrayType
from graphc.ops.table import OPS
from graphc.runners import make_runner
from graphc.schedule.plan import schedule
from graphc.schedule.program import Copy, walk_steps
from tests.codegen.run_graph import spec_of
from tests.schedule.programs import build, steps, value_graph

ROW = ArrayType(F64, (symbol("n"),))
SQUARE = ArrayType(F64, (4, 4))


def descended(F, p, g):
    return F.sub(p, F.mul(0.5, g))


def moved(F, p, g, m, v):
    m = F.add(F.mul(0.9, m), g)
    v = F.add(F.mul(0.99, v), F.mul(g, g))
    return F.sub(p, F.div(m, F.sqrt(v))), m, v


CASES = {  # the outputs, the types of the parameters, the given ones, and copies that are needed
    "an update": (descended, (ROW, ROW), {0: 0}, 0),
    "with states": (moved, (ROW,) * 4, {0: 0, 1: 2, 2: 3}, 0),
    "not read at all": (lambda F, a, b: F.tanh(b), (ROW, ROW), {0: 0}, 0),
    "the other way round": (lambda F, a, b: (F.neg(b), F.neg(a)), (ROW, ROW), {0: 0, 1: 1}, 0),
    "exchanged": (lambda F, a, b: (b, a), (ROW, ROW), {0: 0, 1: 1}, 3),
    "unchanged": (lambda F, a, b: (a, F.add(a, b)), (ROW, ROW), {0: 0, 1: 1}, 0),
    "twice the same": (lambda F, a, b: [F.add(a, b)] * 2, (ROW, ROW), {0: 0, 1: 1}, 1),
    "read shifted": (
        lambda F, a, b: F.add(a, F.slice(a, starts=(symbol("n") - 1,), steps=(-1,), dims=(symbol("n"),))),
        (ROW, ROW), {0: 0}, 1),
    "read by a sum before": (lambda F, a, b: F.div(a, F.reduce("sum", a, (0,))), (ROW, ROW), {0: 0}, 0),
    "also a result": (lambda F, a, b: (F.add(a, b), F.neg(a)), (ROW, ROW), {0: 0}, 0),
    "a product with itself": (lambda F, a, b: F.matmul(a, a), (SQUARE, SQUARE), {0: 0}, 1),
    "a product of others": (lambda F, a, b: F.matmul(b, b), (SQUARE, SQUARE), {0: 0}, 0),
    "a step from a product": (lambda F, a, b: F.sub(a, F.matmul(b, a)), (SQUARE, SQUARE), {0: 0}, 0),
}  # fmt: skip


def run(graph: Graph, given: dict[int, int], arrays: list[np.ndarray]) -> list[np.ndarray]:
    """What the program gives, and then the parameters after it."""
    inputs = [np.array(array) for array in arrays]
    made = make_runner(graph, [spec_of(p.type) for p in graph.params], "given", given).run(inputs)
    assert made is not None
    return [*made, *inputs]


@pytest.mark.parametrize("case", CASES)
def test_results_stand_where_parameters_stood(case):
    make, types, given, copies = CASES[case]
    graph = build(make, *types)
    program = schedule(graph, OPS, given)
    assert sum(isinstance(step, Copy) for step in walk_steps(program.steps)) == copies
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(0.5, 1.5, (4, 4) if t is SQUARE else 9) for t in types]
    found = run(graph, given, arrays)
    with override(disable_jit=True):
        expected = run(graph, given, arrays)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-13)


def test_a_failing_program_changes_nothing():
    """The check comes before the first write, although the update itself could come sooner."""
    indices = ArrayType(I64, (3,))
    graph = build(
        lambda F, p, i: (F.neg(p), F.gather(p, i, axes=(0,), checked=True)), ArrayType(F64, (5,)), indices
    )  # fmt: skip
    runner = make_runner(graph, [spec_of(p.type) for p in graph.params], "given", {0: 0})
    p = np.arange(5.0)
    with pytest.raises((GraphcError, IndexError)):
        runner.run([p, np.array([0, 7, 1])])
    np.testing.assert_array_equal(p, np.arange(5.0))
    (found,) = runner.run([p, np.array([0, 4, 1])])
    np.testing.assert_array_equal(found, [0, 4, 1])
    np.testing.assert_array_equal(p, -np.arange(5.0))


def test_a_loop_gives_its_result_at_the_end():
    def relaxed(x, y):
        for k in range(1, x.shape[0]):
            x[k] = 0.5 * (x[k - 1] + y[k])
        return x, x

    def function(x, y):
        return relaxed(x.copy(), y)

    graph = value_graph(function, np.ones(6), np.ones(6))
    assert steps(schedule(graph, OPS, {0: 0}))["Loop"] == 1
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(6), rng.standard_normal(6)]
    given, x, y = run(graph, {0: 0}, arrays)
    np.testing.assert_allclose(given, function(*arrays)[0])
    np.testing.assert_array_equal(x, given)
    np.testing.assert_array_equal(y, arrays[1])
