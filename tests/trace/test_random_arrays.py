"""Random straight-line programs: values against NumPy, derivatives of all kinds against differences and each other."""

from __future__ import annotations

import functools
import warnings
from contextlib import contextmanager

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import AxisRangeError, UndecidedSizeError, UnsupportedError
from tests.nightly import NIGHTLY, RANDOM_PROGRAMS
from tests.random_arrays import Program

SEEDS = range(RANDOM_PROGRAMS) if NIGHTLY else range(3)
STEPS = (1e-5, 3e-6)


@pytest.fixture(params=SEEDS)
def program(request, tmp_path):
    """The functions of a random program, its arrays, and random numbers."""
    return loaded(Program(request.param), tmp_path)


def loaded(made, folder):
    path = folder / "program.py"
    path.write_text(made.source)
    scope: dict = {}
    exec(compile(made.source, str(path), "exec"), scope)
    return scope["values"], scope["loss"], tuple(made.arrays.values()), made.numbers


@contextmanager
def checking(**settings):
    """A program may be refused by name; NumPy's warnings are no matter."""
    with override(**settings), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except (UnsupportedError, UndecidedSizeError, AxisRangeError):
            pytest.skip("refused")


def interpreted(test):
    """The test with nothing compiled."""

    @functools.wraps(test)
    def run(program):
        with checking(disable_jit=True):
            test(program)

    return run


def close(found, expected, tolerance=1e-8):
    size = max(1.0, float(np.abs(expected).max(initial=0)))
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance * size)


def steady_slope(function, x, t):
    """The slope along t by two steps; None where they differ, or the function jumps or has a kink near by."""
    first, second = ((function(x + h * t) - function(x - h * t)) / (2 * h) for h in STEPS)
    bend = np.abs(function(x + STEPS[0] * t) + function(x - STEPS[0] * t) - 2 * function(x)).max(initial=0)
    size = max(1.0, np.abs(first).max(initial=0))
    steady = np.all(np.isfinite(first)) and np.abs(first - second).max(initial=0) < 1e-4 * size and bend < 1e-6 * size
    return first if steady else None


@interpreted
def test_values_and_first_derivatives(program):
    values, loss, arrays, random = program
    expected = values(*arrays)
    found, _ = graphc.vjp(values, *arrays)
    for name, value in expected.items():
        assert (found[name].dtype, found[name].shape) == (value.dtype, value.shape)
        close(found[name], value, 1e-10)
    gradients = graphc.grad(loss, argnums=(0, 1, 2))(*arrays)
    tangents = [random.normal(size=a.shape) for a in arrays]
    for k, (gradient, t) in enumerate(zip(gradients, tangents, strict=True)):
        slope = steady_slope(lambda x, k=k: loss(*arrays[:k], x, *arrays[k + 1 :]), arrays[k], t)
        if slope is not None:
            close(np.sum(gradient * t), slope, 2e-4)
    close(graphc.grad(loss, argnums=1)(*arrays), gradients[1])  # the others frozen
    along = sum(np.sum(g * t) for g, t in zip(gradients, tangents, strict=True))
    close(graphc.jvp(loss, arrays, tangents)[1], along, 1e-7)
    _, linear = graphc.linearize(loss, *arrays)
    _, pull = graphc.vjp(loss, *arrays)
    for factor in (1.0, -2.0):
        close(linear(*[factor * t for t in tangents]), factor * along, 1e-7)
        for pulled, gradient in zip(pull(np.float64(factor)), gradients, strict=True):
            close(pulled, factor * gradient)


@interpreted
def test_second_derivatives(program):
    _, loss, (a, b, c), random = program
    t = random.normal(size=a.shape)
    gradient = graphc.grad(loss)
    found = graphc.hvp(loss)(a, t, b, c)
    slope = steady_slope(lambda x: gradient(x, b, c), a, t)
    if slope is not None:
        close(found, slope, 1e-3)
    close(graphc.grad(lambda x: np.sum(graphc.grad(loss)(x, b, c) * t))(a), found, 1e-6)
    close(np.tensordot(graphc.hessian(loss)(a, b, c), t, axes=2), found, 1e-6)


@interpreted
def test_jacobians_and_batches(program):
    values, loss, (a, b, c), random = program
    forward, reverse = (graphc.jacobian(values, mode=mode)(a, b, c) for mode in ("fwd", "rev"))
    for name, columns in forward.items():
        close(columns, reverse[name], 1e-7)
    batch = np.stack([a, a + 0.1 * random.normal(size=a.shape)], axis=-1)
    for function in (loss, graphc.grad(loss)):
        found = graphc.vmap(function, in_axes=(-1, None, None))(batch, b, c)
        close(found, np.stack([function(batch[..., i].copy(), b, c) for i in range(2)]), 1e-7)


@pytest.mark.parametrize("seed", range(RANDOM_PROGRAMS // 20) if NIGHTLY else range(1, 2))
def test_compiled_at_other_sizes_and_layouts(seed, tmp_path):
    """One function, called with arrays of other sizes and in Fortran's order."""
    values, _, arrays, _ = loaded(Program(seed, lines=4), tmp_path)
    compiled = graphc.jit(values)
    longer = [np.repeat(a, 2, axis=0) for a in arrays]
    for given in (arrays, longer, [np.asfortranarray(a) for a in arrays]):
        with checking():
            try:
                expected = values(*[a.copy() for a in given])
            except (ValueError, IndexError, np.linalg.LinAlgError):
                continue  # other sizes do not fit
            if all(np.isfinite(v).all() for v in expected.values()):
                found = compiled(*given)
                for name, value in expected.items():
                    close(found[name], value, 1e-9)
