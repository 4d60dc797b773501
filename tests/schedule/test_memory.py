"""What programs need beside their results: which arrays share memory, and in which order calls are made."""

import numpy as np
import pytest

import graphc
from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.requires_grad import mark
from graphc.ir.builder import Builder, finish
from graphc.ir.graph import Graph, Value
from graphc.ir.interp import interpret
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import F32, F64, ArrayType
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.schedule.program import Convolve, Gemm, Launch, step_buffers
from tests.codegen.run_graph import run_compiled
from tests.schedule.programs import arena, build, final_graph, mlp, mlp_inputs, most_alive, program_of

# --- a kernel writes over what it reads -------------------------------------------------------------------------------

M = ArrayType(F64, (20, 20))


def relu(F, x):
    return F.select(F.le(x, 0.0), 0.0, x)


def squared(F, x):
    y = F.tanh(x)
    return F.matmul(y, y)


def softmax(F, x):
    spread = F.exp(F.sub(x, F.reduce("max", x, (1,), keepdims=True)))
    return F.div(spread, F.reduce("sum", spread, (1,), keepdims=True))


CASES = {  # what is made of a product, and how many arrays of its size stand in the arena beside the results
    "the same element": (relu, 0),
    "twice": (squared, 1),
    "a row, in several phases": (softmax, 0),
    "with another product": (lambda F, p: F.mul(p, F.matmul(p, p)), 1),
    "two results": (lambda F, p: (F.tanh(p), F.neg(p)), 0),
    "also a sum": (lambda F, p: (F.tanh(p), F.reduce("sum", p, (0, 1))), 0),
    "transposed": (lambda F, p: F.sub(p, F.transpose(p, (1, 0))), 1),
    "reversed": (lambda F, p: F.add(p, F.slice(p, starts=(19, 0), steps=(-1, 1), dims=(20, 20))), 1),
    "by its row's first element": (
        lambda F, p: F.sub(p, F.slice(p, starts=(0, 0), steps=(1, 1), dims=(20, 1))), 1),
    "less its row's sum": (lambda F, p: F.sub(p, F.reduce("sum", p, (1,), keepdims=True)), 0),
    "less its sum": (lambda F, p: F.sub(p, F.reduce("sum", p, (0, 1))), 0),
    "also a result": (lambda F, p: (p, F.tanh(p)), 0),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_kernel_writes_over_a_product(case):
    """Only where each element reads of the product what it writes; the numbers are those of the interpreter."""
    make, expected = CASES[case]
    graph = build(lambda F, x: make(F, F.matmul(x, x)), M)
    program = program_of(graph)
    used = {id(s): s for step in program.steps for s in map(program.storage.__getitem__, step_buffers(step))}
    assert sum(s.place == "arena" and s.size == 400 for s in used.values()) == expected
    given = [np.random.default_rng(0).standard_normal((20, 20))]
    for found, wanted in zip(run_compiled(graph, given), interpret(graph, given), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


def test_what_the_caller_gave_is_never_written_over():
    program = program_of(build(lambda F, x, y: F.add(x, y), M, M))
    (step,) = program.steps
    assert isinstance(step, Launch)
    assert [step.nest.buffers()[k] for k in (0, 1)] == ["read", "read"]


# --- a network of convolutions ----------------------------------------------------------------------------------------

SHAPES = {"x": (32, 3, 32, 32), "w1": (16, 3, 3, 3), "b1": (16,), "w2": (32, 16, 3, 3), "b2": (32,), "w3": (10, 25088)}
FIRST, SECOND = 4 * 32 * 16 * 30 * 30, 4 * 32 * 32 * 28 * 28  # bytes of what the layers make


def network(last: str = "relu") -> Graph:
    """Two convolutions with ReLU, a dense layer, a mean square."""
    F = Builder(OPS, ShapeFacts())
    params = [Value(ArrayType(F32, shape), name=name) for name, shape in SHAPES.items()]
    x, w1, b1, w2, b2, w3 = params
    attrs = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    first = relu(F, F.convolution(x, w1, b1, **attrs, sizes=(16, 30, 30)))
    second = F.convolution(first, w2, b2, **attrs, sizes=(32, 28, 28))
    second = relu(F, second) if last == "relu" else F.tanh(second)
    scores = F.matmul(F.reshape(second, (32, 25088)), F.transpose(w3, (1, 0)))
    return finish(F, "network", params, (F.reduce("sum", F.mul(scores, scores), (0, 1)),))


def gradient(graph: Graph, *marks: bool) -> Graph:
    return optimize(joint_vjp(mark(graph, [False, *marks]), OPS), OPS)


def test_a_training_step_keeps_its_activations_and_a_mask():
    """Gradients stand where activations stood, whose signs are kept as bytes until then."""
    program = program_of(gradient(network(), *[True] * 5))
    needed = most_alive(program)
    assert needed <= FIRST + SECOND + SECOND // 4 + 4096 * 8
    assert arena(program) <= needed * 1.02


def test_a_smooth_activation_needs_one_array_more():
    """Its derivative needs its value: the gradient behind it takes memory of its own, and is then written over."""
    program = program_of(gradient(network("tanh"), *[True] * 5))
    assert arena(program) <= FIRST + 2 * SECOND + 4096 * 8


def test_frozen_layers_keep_nothing():
    program = program_of(gradient(network(), False, False, False, False, True))
    assert arena(program) <= FIRST + SECOND + 4096 * 8


def test_gradients_of_weights_come_first():
    """They end what they read, and make nothing that stays in the arena."""
    program = program_of(gradient(network(), *[True] * 5))
    backward = [s for s in program.steps if isinstance(s, Gemm | Convolve)][3:]
    made = [program.storage[s.c if isinstance(s, Gemm) else (s.weight if s.flags & 2 else s.x)] for s in backward]
    assert [s.place for s in made] == ["output", "arena", "output", "arena", "output"]


def test_a_mask_gives_the_same_gradients():
    """Of a smaller network, compiled; elements that are zero or NaN among those of the activation."""
    F = Builder(OPS, ShapeFacts())
    shapes = ((2, 2, 6, 7), (3, 2, 3, 3), (3,), (4, 60))
    params = [Value(ArrayType(F32, shape)) for shape in shapes]
    x, w, b, dense = params
    attrs = {"stride": (1, 1), "padding": (0, 0), "dilation": (1, 1), "groups": 1}
    y = relu(F, F.convolution(x, w, b, **attrs, sizes=(3, 4, 5)))
    scores = F.matmul(F.reshape(y, (2, 60)), F.transpose(dense, (1, 0)))
    graph = finish(F, "small", params, (F.reduce("sum", F.mul(scores, scores), (0, 1)),))
    graph = optimize(joint_vjp(mark(graph, [True] * 4), OPS), OPS)
    masks = [s for s in program_of(graph).storage if s.dtype == "bool" and s.size == 120]
    assert masks
    rng = np.random.default_rng(0)
    given = [rng.standard_normal(shape).astype(np.float32) for shape in shapes]
    given[0][0] = 0.0
    given[2][:] = (0.0, 0.5, -0.5)
    for found, expected in zip(run_compiled(graph, given), interpret(graph, given), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


# --- how near arenas are to what is alive at once ---------------------------------------------------------------------


def deep(params, x):
    for w in params:
        x = np.maximum(x @ w, 0.0)
    return np.sum(x * x)


def test_arenas_are_hardly_larger_than_what_is_alive():
    layers = [np.ones((256, 256)) for _ in range(6)]
    program = program_of(final_graph(graphc.grad, deep, layers, np.ones((128, 256))))
    sizes = dict.fromkeys(program.symbols, 256)
    assert arena(program, **sizes) <= most_alive(program, **sizes) * 1.05
    program = program_of(final_graph(graphc.grad, mlp, *mlp_inputs()))
    sizes = dict.fromkeys(program.symbols, 256)
    assert arena(program, **sizes) <= most_alive(program, **sizes) * 1.1
