"""What programs are made of: kernels, library calls, passes over memory, temporaries; the same on every machine."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.ir.interp import interpret
from tests.codegen.run_graph import Compiled
from tests.schedule.programs import (
    LABELS,
    arena,
    black_scholes,
    black_scholes_inputs,
    cross_entropy,
    cross_entropy_of_shares,
    final_graph,
    mlp,
    mlp_inputs,
    numbers,
    program_of,
    readers,
    rosenbrock,
    steps,
    value_graph,
)

BOTH = pytest.mark.parametrize("transform", [graphc.grad, graphc.value_and_grad])


def test_the_gradient_of_rosenbrock_is_one_kernel():
    """Shifted reads and the pieces of the gradient meet in one loop over x, and need no memory."""
    program = program_of(final_graph(graphc.grad, rosenbrock, numbers(10)))
    assert steps(program) == {"Launch": 1}
    assert readers(program, 0) == 1
    assert program.slots == []


def test_the_value_of_rosenbrock_is_a_fold_in_the_same_loop():
    """It sums one element less than the gradient has."""
    graph = final_graph(graphc.value_and_grad, rosenbrock, numbers(10))
    program = program_of(graph)
    assert steps(program) == {"Launch": 1, "Combine": 1}
    assert readers(program, 0) == 1
    compiled = Compiled(graph)
    for size in (2, 3, 10, 9_000):
        for found, expected in zip(compiled([numbers(size)]), interpret(graph, [numbers(size)]), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-12)  # of terms around 200


def test_black_scholes_is_one_kernel():
    """Value and gradient share one pass; the total needs one partial sum a block."""
    graph = final_graph(graphc.value_and_grad, black_scholes, *black_scholes_inputs())
    program = program_of(graph)
    assert steps(program) == {"Launch": 1, "Combine": 1}
    assert [readers(program, k) for k in range(len(graph.params))] == [1] * 5
    assert arena(program, n0=1_000_000) <= 8 * 256


def test_black_scholes_by_every_input_is_one_kernel():
    transform = lambda f: graphc.value_and_grad(f, argnums=(0, 1, 2, 3, 4))  # noqa: E731
    program = program_of(final_graph(transform, black_scholes, *black_scholes_inputs()))
    assert steps(program)["Launch"] == 1


@BOTH
def test_cross_entropy_reads_the_logits_once(transform):
    """Maximum, sum of exponentials and gradient are phases of one kernel: a row stays in cache."""
    program = program_of(final_graph(transform, cross_entropy_of_shares, numbers(8, 5), numbers(8, 5)))
    assert steps(program)["Launch"] == 1
    assert readers(program, 0) == readers(program, 1) == 1


@BOTH
def test_cross_entropy_of_labels(transform):
    """A label outside the classes is read at the nearest one, and reported after the only kernel."""
    program = program_of(final_graph(transform, cross_entropy, numbers(8, 5), LABELS))
    assert steps(program)["Launch"] == 1
    assert readers(program, 0) == readers(program, 1) == 1
    assert arena(program, n0=4096, n1=1000) <= 8 * 2 * 256 * 1024  # two rows for each block of rows, and totals


@BOTH
def test_the_small_mlp(transform):
    """Of eight products the three with a thin operand are loops that fuse; between the others stand three kernels."""
    program = program_of(final_graph(transform, mlp, *mlp_inputs()))
    found = steps(program)
    assert found["Gemm"] == 5
    assert found["Launch"] == 3
    assert found["Copy"] == 0
    sizes = {"n0": 10, "n1": 32, "n4": 32, "n7": 32}
    assert arena(program, **sizes) <= 8 * 32 * 32 * 8  # six arrays of a layer's size, and sums


def test_a_frozen_layer_costs_less():
    """No gradient by the first layer: its two products and its kernel are gone."""
    params, x, y = mlp_inputs()
    first = ("w1", "b1")
    frozen = {name: graphc.frozen(value) if name in first else value for name, value in params.items()}
    whole = steps(program_of(final_graph(graphc.grad, mlp, params, x, y)))
    part = steps(program_of(final_graph(graphc.grad, mlp, frozen, x, y)))
    assert part["Gemm"] == whole["Gemm"] - 2
    assert part["Launch"] < whole["Launch"]


def layer_norm(x, scale, shift):
    centred = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(centred**2, axis=-1, keepdims=True)
    return centred / np.sqrt(variance + 1e-5) * scale + shift


def softmax(x):
    powers = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return powers / np.sum(powers, axis=-1, keepdims=True)


def log_sum(x):
    top = np.max(x)
    return top + np.log(np.sum(np.exp(x - top)))


@pytest.mark.parametrize(
    ("function", "args", "most"),
    [
        (softmax, (numbers(6, 7),), 1),
        (softmax, (numbers(3, 6, 7),), 1),
        (layer_norm, (numbers(6, 7), numbers(7), numbers(7)), 1),
        (lambda x: (np.mean(x), np.var(x)), (numbers(50),), 2),  # the variance needs the mean of all
        (lambda x: (x.sum(0), x.sum(1), (x * x).sum(), x.max()), (numbers(5, 6),), 1),
        (log_sum, (numbers(50),), 2),
        (lambda x, y: np.tanh(x) @ y, (numbers(5, 6), numbers(6)), 1),
        (lambda x, y: np.concatenate([np.exp(x), y * 2]), (numbers(5), numbers(6)), 2),  # two spaces
    ],
)
def test_values(function, args, most):
    found = steps(program_of(value_graph(function, *args)))
    assert found["Launch"] <= most
    assert found["Gemm"] == 0
