"""Shifts and paddings: long arrays with a few elements before or after them, which loops read without storing them."""

from __future__ import annotations

import random
import re

import numpy as np
import pytest

import graphc
from tests.nightly import NIGHTLY
from tests.schedule.programs import final_graph, kernels, numbers, printed, program_of, value_graph

PERIODIC = {
    "burgers": lambda u: np.sum((u * (np.roll(u, -1) - np.roll(u, 1)) + np.roll(u, -1) - 2 * u + np.roll(u, 1)) ** 2),
    "laplace": lambda u: np.sum((np.roll(u, 1, 0) + np.roll(u, -1, 0) + np.roll(u, 1, 1) + np.roll(u, -1, 1) - u) ** 2),
    "variation": lambda u: np.sum(np.sqrt((np.roll(u, -1, 0) - u) ** 2 + (np.roll(u, -1, 1) - u) ** 2 + 1e-3)),
    "upwind": lambda u: np.sum(np.where(u > 0, u - np.roll(u, 1), np.roll(u, -1) - u) ** 2),
}


@pytest.mark.parametrize("name", PERIODIC)
def test_a_periodic_stencil_is_one_kernel_that_stores_no_shifted_array(name):
    u = numbers(9) if name in ("burgers", "upwind") else numbers(6, 7)
    graph = final_graph(graphc.value_and_grad, PERIODIC[name], u)
    program = program_of(graph)
    assert kernels(graph) == 1
    partial = [s for s in program.storage if s.place == "arena"]
    assert len(partial) <= 1  # the sums of blocks
    (source,) = (k.source for k in printed(graph).kernels if "kernel" in k.name)
    middle = source[source.index("in range(inner, outer)") : source.index("in range(outer,")]
    assert not re.search(r"load_where|>= 0\)", middle)  # there are no conditions in it


def test_an_array_with_ends_that_many_read_is_stored():
    def readers(x):
        shifted = np.roll(x, 1)
        return shifted * x, np.cos(shifted), np.sin(shifted)

    graph = value_graph(readers, numbers(9))
    assert [node.op.name for node in graph.nodes].count("concat") == 1
    assert "load_where" not in "".join(kernel.source for kernel in printed(graph).kernels)


KINDS = ("roll", "constant", "edge", "wrap", "flip", "ends", "zeros", "sine", "inside", "difference")


def changed(x, kind, amounts, axis):
    """The array in one of these forms, along the axis."""
    before, after = [(0, 0)] * axis, [(0, 0)] * (x.ndim - 1 - axis)
    if kind == "roll":
        return np.roll(x, amounts[0] - amounts[1] or 5, axis=axis)
    if kind in ("constant", "edge", "wrap"):
        return np.pad(x, [*before, amounts, *after], mode=kind)
    if kind == "ends":
        return np.concatenate([np.take(x, [0], axis=axis) * 2.0, x, np.take(x, [-1], axis=axis)], axis=axis)
    if kind == "zeros":
        return np.concatenate([x, np.zeros((2, *x.shape[1:]) if axis == 0 else (x.shape[0], 2))], axis=axis)
    if kind == "difference" and x.shape[axis] > 2:
        return np.diff(x, axis=axis)
    if kind == "inside" and x.shape[axis] > 2:
        return x[1:-1] if axis == 0 else x[:, 1:-1]
    return np.flip(x, axis) if kind == "flip" else np.sin(x) + x


def program(rng, rank):
    """Two to five changes, and products of what overlaps; drawn before it is traced."""
    plan = [
        (rng.choice(KINDS), (rng.randrange(3), rng.randrange(3)), rng.randrange(rank), rng.random(), rng.random() * 2)
        for _ in range(rng.randrange(2, 6))
    ]

    def run(x):
        values = [x]
        for kind, amounts, axis, source, other in plan:
            made = changed(values[int(source * len(values))], kind, amounts, axis)
            values.append(made)
            if other < 1:
                beside = values[int(other * len(values))]
                overlap = tuple(slice(0, min(a, b)) for a, b in zip(beside.shape, made.shape, strict=True))
                values.append(beside[overlap] * made[overlap] + 1.0)
        total = sum(np.sum(v**2 * np.arange(1.0, v.size + 1).reshape(v.shape)) / v.size for v in values[-3:])
        return total, values[-1]

    return run


@pytest.mark.parametrize("seed", range(400 if NIGHTLY else 12))
def test_random_shifts_of_short_and_long_arrays(seed):
    rng = random.Random(seed)
    shape = tuple(rng.choice([1, 2, 3, 4, 7, 12, 40, 90]) for _ in range(rng.choice([1, 2])))
    function = program(rng, len(shape))
    compiled = graphc.value_and_grad(function, has_aux=True)
    for grown in (0, 1, 5):  # the same program, but for sizes of 1
        x = np.random.default_rng(seed).normal(size=[n + grown * (n > 1) for n in shape])
        (value, last), gradient = compiled(x)
        expected, array = function(x)
        np.testing.assert_allclose(value, expected, rtol=1e-10)
        np.testing.assert_allclose(last, array, rtol=1e-12, atol=1e-14)
        along, step = np.random.default_rng(1).normal(size=x.shape), 1e-6
        slope = (function(x + step * along)[0] - function(x - step * along)[0]) / (2 * step)
        np.testing.assert_allclose(np.sum(gradient * along), slope, rtol=1e-5, atol=1e-5)
