"""Graphs of one op, and checks of a graph's derivatives against finite differences, all through the interpreter."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.requires_grad import mark
from graphc.autodiff.tangent import jvp_graph
from graphc.ir.builder import Builder, finish
from graphc.ir.graph import Graph, Value
from graphc.ir.interp import interpret
from graphc.ir.opdef import Op
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.ir.verify import verify
from graphc.ops.complex_numbers import COMPLEX
from graphc.ops.table import OPS

OF_COMPLEX = frozenset(op.name for op in COMPLEX)  # which have tests of their own

Arrays = Sequence[np.ndarray]
RELATIVE = 1e-6


def param(array: Any, name: str) -> Value:
    """A parameter of an array's type; a Python number's is weak."""
    type_ = ArrayType(np.asarray(array).dtype, np.shape(array), weak=type(array) in (int, float))
    return Value(type_, name=name)


def one_op(name: str, arrays: Sequence[Any], attrs: Mapping[str, Any] = {}, ops: Mapping[str, Op] = OPS) -> Graph:
    """The verified graph that applies one op to parameters like the arrays (which the builder casts as NumPy would)."""
    F = Builder(ops, ShapeFacts())
    params = [param(array, f"x{k}") for k, array in enumerate(arrays)]
    outputs = F.apply(ops[name], params, attrs)
    graph = finish(F, name, params, outputs if isinstance(outputs, tuple) else (outputs,))
    verify(graph)
    return graph


def floats_of(graph: Graph) -> Graph:
    """The graph with its float outputs alone, which have derivatives."""
    return replace(graph, outputs=tuple(v for v in graph.outputs if v.type.is_float))


def run(name: str, arrays: Sequence[Any], attrs: Mapping[str, Any] = {}) -> np.ndarray:
    """The op's value; the interpreter checks it against the shape rule."""
    (result,) = interpret(one_op(name, arrays, attrs), arrays)
    return result


def float_marks(graph: Graph) -> list[bool]:
    return [p.type.is_float for p in graph.params]


def gradient_graph(graph: Graph, ops: Mapping[str, Op] = OPS) -> Graph:
    """From the parameters and a cotangent of each float output to the gradient by each marked parameter."""
    joint = joint_vjp(graph, ops, seeds="params")
    verify(joint)
    gradients = joint.outputs[len(graph.outputs) :]
    return Graph(joint.name, joint.params, joint.nodes, gradients, joint.guards, joint.ints)


def gradients(graph: Graph, arrays: Arrays, cotangents: Arrays) -> list[np.ndarray]:
    return interpret(gradient_graph(graph), [*arrays, *cotangents])


# --- finite differences -----------------------------------------------------------------------------------------------


def extrapolated(difference: Callable[[float], np.ndarray], levels: int = 6) -> tuple[float, float]:
    """Central differences at halved steps, extrapolated to step 0 (Richardson); the value and its error estimate."""
    best, error = np.nan, np.inf
    row: list[float] = []
    for level in range(levels):
        fresh = [float(difference(2.0 ** -(5 + level)))]
        for k, coarser in enumerate(row):
            fresh.append(fresh[k] + (fresh[k] - coarser) / (4.0 ** (k + 1) - 1))
            doubt = max(abs(fresh[-1] - fresh[-2]), abs(fresh[-1] - coarser))
            if doubt < error:
                best, error = fresh[-1], doubt
        row = fresh
    return best, error


def numeric_gradient(graph: Graph, arrays: Arrays, position: int, cotangents: Arrays) -> tuple[np.ndarray, np.ndarray]:
    """The gradient of ``Re sum(cotangent * output)`` by one parameter, each element apart, and its error estimates.

    By a complex parameter x + iy it is the derivative by x, less i times that by y.
    """
    x = arrays[position]
    found, errors = np.zeros(x.shape, x.dtype), np.zeros(x.shape)
    for place, along in itertools.product(np.ndindex(x.shape), (1, 1j) if x.dtype.kind == "c" else (1,)):

        def difference(step: float, place: tuple[int, ...] = place, along: complex = along) -> float:
            ends = []
            for sign in (1, -1):
                moved = np.array(x)
                moved[place] += sign * step * along
                ends.append(interpret(graph, [*arrays[:position], moved, *arrays[position + 1 :]]))
            changes = (np.sum(g * (a - b)).real for g, a, b in zip(cotangents, *ends, strict=True))
            return sum(changes) / (2 * step)

        slope, doubt = extrapolated(difference)
        found[place] += slope / along
        errors[place] += doubt
    return found, errors


# --- checks -----------------------------------------------------------------------------------------------------------


def cotangents_for(graph: Graph, arrays: Arrays, seed: int = 0) -> list[np.ndarray]:
    """Numbers of both signs away from zero, one array for each output; complex ones for complex outputs."""
    rng = np.random.default_rng(seed)
    return [numbers_like(rng, np.asarray(y)) for y in interpret(graph, arrays)]


def numbers_like(rng: np.random.Generator, like: np.ndarray) -> np.ndarray:
    numbers = rng.uniform(0.5, 1.5, like.shape) * rng.choice([-1.0, 1.0], like.shape)
    return numbers + 1j * rng.uniform(0.5, 1.5, like.shape) if like.dtype.kind == "c" else numbers


def check_gradient(graph: Graph, arrays: Arrays, ops: Mapping[str, Op] = OPS) -> None:
    """The gradient by every marked parameter agrees with finite differences to 1e-6, relative."""
    cotangents = cotangents_for(graph, arrays)
    found = interpret(gradient_graph(graph, ops), [*arrays, *cotangents])
    marked = [k for k, p in enumerate(graph.params) if p.grad]
    for position, gradient in zip(marked, found, strict=True):
        expected, doubt = numeric_gradient(graph, arrays, position, cotangents)
        assert (doubt <= RELATIVE / 4 * np.abs(expected) + 1e-8).all(), f"blunt finite differences: {doubt}"
        np.testing.assert_allclose(gradient, expected, rtol=RELATIVE, atol=2e-8, err_msg=f"by parameter {position}")


def check_modes_agree(graph: Graph, arrays: Arrays, ops: Mapping[str, Op] = OPS) -> None:
    """<g, jvp t> == <vjp g, t>, of complex values the real parts."""
    cotangents = cotangents_for(graph, arrays, seed=1)
    rng = np.random.default_rng(2)
    marked = [np.asarray(a) for a, p in zip(arrays, graph.params, strict=True) if p.grad]
    tangents = [
        rng.normal(size=a.shape) + (1j * rng.normal(size=a.shape) if a.dtype.kind == "c" else 0) for a in marked
    ]
    backward = interpret(gradient_graph(graph, ops), [*arrays, *cotangents])
    forward = jvp_graph(graph, ops)
    verify(forward)
    moved = interpret(forward, [*arrays, *tangents])[len(graph.outputs) :]
    left = [g * t for g, t in zip(cotangents, moved, strict=True)]
    right = [g * t for g, t in zip(backward, tangents, strict=True)]
    total, size = (sum(np.sum(function(part)) for part in left + right) for function in (np.abs, np.size))
    difference = (sum(map(np.sum, left)) - sum(map(np.sum, right))).real
    assert abs(difference) <= 1e-13 * size * total, f"forward and reverse mode differ by {difference} of {total}"


def check_orders(
    graph: Graph, arrays: Arrays, marks: Sequence[bool] | None = None, orders: int = 2, ops: Mapping[str, Op] = OPS
) -> None:
    """Gradient, agreement of the modes, and the same for the gradient's own graph, by inputs and cotangents alike."""
    graph = mark(graph, float_marks(graph) if marks is None else marks)
    for order in range(orders):
        check_gradient(graph, arrays, ops)
        check_modes_agree(graph, arrays, ops)
        if order + 1 < orders:
            arrays = [*arrays, *cotangents_for(graph, arrays, seed=3 + order)]
            marks = [p.grad for p in graph.params] + [True] * (len(arrays) - len(graph.params))
            graph = mark(gradient_graph(graph, ops), marks)
