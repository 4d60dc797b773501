"""How a whole program is checked: one compiled function at all sizes, beside plain NumPy and an independent derivative.

A file of this folder is a program as a scientist writes it, with its mathematics in the docstring, and a few lines
of tests below::

    PROGRAM = Program(negative_log_likelihood, (arguments(8), arguments(21)))

    def test_gradient():
        check(PROGRAM)

Each program that is compiled costs a second, so other transforms of most programs are ``thorough`` tests, run where
``TEST_PROGRAMS`` asks for as many programs as each night.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import graphc
from graphc import pytree
from graphc.config import override
from tests.nightly import NIGHTLY

STEP = 1e-4
DIRECTIONS = 2
thorough = pytest.mark.skipif(not NIGHTLY, reason="run with TEST_PROGRAMS=2000")
WHOLE = 4  # leaves of up to as many elements are checked element by element


class Program(NamedTuple):
    """``calls``: the arguments of each call, the sizes of the problem; the derivatives are by the first argument.

    ``derivative(arguments, direction)`` is the derivative of the value along a direction by an independent route:
    differences, a complex step for what is analytic, or one of the program's own. ``plain``: the same function in NumPy
    alone, where the program itself asks graphc for derivatives. Where calls need more than one ``programs``, the file
    says why.
    """

    function: Callable[..., Any]
    calls: tuple[tuple[Any, ...], ...]
    derivative: Callable[..., Any] | None = None
    plain: Callable[..., Any] | None = None
    rtol: float = 1e-7
    programs: int = 1

    def in_numpy(self, *arguments: Any) -> Any:
        return (self.plain or self.function)(*arguments)


def check(program: Program, dear: bool = False) -> Any:
    """Value and gradient of one compiled function, at each size. Gives the compiled function.

    ``dear``: it takes seconds to compile, so its graph is interpreted here, and compiled each night alone.
    """
    if not dear or NIGHTLY:
        return _check(program)
    with override(disable_jit=True):
        interpreted = _check(program)

    def called(*arguments: Any) -> Any:
        with override(disable_jit=True):
            return interpreted(*arguments)

    return called


def _check(program: Program) -> Any:
    compiled = graphc.value_and_grad(program.function)
    for arguments in program.calls:
        kept = copied(arguments)
        value, gradient = compiled(*arguments)
        assert_same(arguments, kept, rtol=0)  # NumPy's own run below begins with what graphc was given
        expected = program.in_numpy(*kept)
        assert np.shape(value) == ()
        assert np.isfinite(value)
        np.testing.assert_allclose(value, expected, rtol=1e-10, atol=1e-12)
        assert_gradient(program, arguments, gradient, abs(expected))
    assert compiled.cache_info()["programs"] == program.programs
    return compiled


def assert_gradient(program: Program, arguments: tuple[Any, ...], gradient: Any, size: float) -> None:
    """The gradient's part along each of some directions, which lie in one leaf of the argument each."""
    derivative = program.derivative or differences(program.in_numpy)
    assert sum(1 for _ in directions(arguments[0])) > 0
    for direction in directions(arguments[0]):
        found = inner(gradient, direction)
        expected = derivative(arguments, direction)
        # What differences of numbers of this size cannot tell from zero is not asked for.
        np.testing.assert_allclose(found, expected, rtol=program.rtol, atol=program.rtol * 1e-3 * max(size, 1e-3))


def check_hvp(program: Program, calls: slice = slice(0, 1), rtol: float = 1e-6) -> None:
    """The product of the Hessian with a vector, beside differences of the gradient that ``check`` has checked."""
    product, gradient = graphc.hvp(program.function), graphc.grad(program.function)
    for arguments in program.calls[calls]:
        direction = random_like(arguments[0], np.random.default_rng(7))
        found = product(arguments[0], direction, *arguments[1:])
        expected = along(lambda point, rest=arguments[1:]: gradient(point, *rest), arguments[0], direction)
        size = max(np.max(np.abs(leaf), initial=0.0) for leaf in leaves_of(expected))
        assert_same(found, expected, rtol=rtol, atol=rtol * size)


def check_jit(program: Program) -> None:
    """The value alone, compiled: a program of its own, without anything that a gradient saves."""
    compiled = graphc.jit(program.function)
    for arguments in program.calls:
        assert_same(compiled(*arguments), program.in_numpy(*arguments), rtol=1e-10, atol=1e-12)
    assert compiled.cache_info()["programs"] == program.programs


def check_vmap(program: Program, count: int = 3, spread: float = 0.05) -> None:
    """A batch of gradients beside the gradients one by one, at some points around the first argument."""
    first, *rest = program.calls[0]
    rng = np.random.default_rng(11)
    points = [moved(first, random_like(first, rng), spread) for _ in range(count)]
    in_axes = (0,) + (None,) * len(rest)
    batch = graphc.vmap(graphc.value_and_grad(program.function), in_axes=in_axes)
    single = graphc.value_and_grad(program.function)
    found = batch(mapped(lambda *leaves: np.stack(leaves), *points), *rest)
    expected = mapped(lambda *leaves: np.stack(leaves), *[single(point, *rest) for point in points])
    assert_same(found, expected, rtol=1e-9, atol=1e-11)


def differences(function: Callable[..., Any], step: float = STEP) -> Callable[..., Any]:
    """The derivative along a direction by central differences of two steps, extrapolated (Richardson)."""

    def derivative(arguments, direction):
        first, rest = arguments[0], arguments[1:]
        return along(lambda point: function(point, *copied(rest)), first, direction, step)

    return derivative


def complex_step(function: Callable[..., Any]) -> Callable[..., Any]:
    """The derivative along a direction as the imaginary part at an imaginary step, for analytic functions only."""

    def derivative(arguments, direction):
        return np.imag(function(moved(arguments[0], direction, 1e-30j), *copied(arguments[1:]))) / 1e-30

    return derivative


def along(function: Callable[[Any], Any], point: Any, direction: Any, step: float = STEP) -> Any:
    """The derivative of the function along a direction, its error of the order of the fourth power of the step."""
    size = max((np.max(np.abs(leaf), initial=0.0) for leaf in leaves_of(direction)), default=1.0)
    step = step / max(size, 1e-12)

    def central(h):
        ends = function(moved(point, direction, h)), function(moved(point, direction, -h))
        return mapped(lambda a, b: None if a is None else (np.asarray(a) - b) / (2 * h), *ends)

    halved, whole = central(step / 2), central(step)
    return mapped(lambda near, far: None if near is None else (4 * near - far) / 3, halved, whole)


def directions(tree: Any) -> Any:
    """Directions in one leaf each: every element of a small one, else some random ones."""
    rng = np.random.default_rng(5)
    leaves, spec = pytree.flatten(tree)
    for place, leaf in enumerate(leaves):
        if not differentiable(leaf):
            continue
        size = np.size(leaf)
        chosen = np.eye(size) if size <= WHOLE else rng.normal(size=(DIRECTIONS, size))
        for numbers in chosen:
            parts = [np.zeros(np.shape(other)) if differentiable(other) else other for other in leaves]
            parts[place] = numbers.reshape(np.shape(leaf))
            yield pytree.unflatten(spec, parts)


def differentiable(leaf: Any) -> bool:
    return isinstance(leaf, float) or (isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind in "fc")


def leaves_of(tree: Any) -> list[Any]:
    return [leaf for leaf in pytree.flatten(tree)[0] if differentiable(leaf)]


def inner(gradient: Any, direction: Any) -> float:
    return sum(float(np.sum(a * b)) for a, b in zip(leaves_of(gradient), leaves_of(direction), strict=True))


def moved(point: Any, direction: Any, step: complex) -> Any:
    return mapped(lambda a, b: a + step * b if differentiable(a) else a, point, direction)


def random_like(tree: Any, rng: np.random.Generator) -> Any:
    return mapped(lambda leaf: rng.normal(size=np.shape(leaf)) if differentiable(leaf) else leaf, tree)


def copied(tree: Any) -> Any:
    return mapped(lambda leaf: leaf.copy() if isinstance(leaf, np.ndarray) else leaf, tree)


def mapped(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """The function at each leaf of containers of one structure."""
    leaves, spec = pytree.flatten(tree)
    columns = [pytree.flatten(other)[0] for other in others]
    return pytree.unflatten(spec, [function(*group) for group in zip(leaves, *columns, strict=True)])


def assert_same(found: Any, expected: Any, rtol: float, atol: float = 0.0) -> None:
    """Two containers of one structure hold the same numbers, and what is no number is equal."""
    (ours, spec), (theirs, other) = pytree.flatten(found), pytree.flatten(expected)
    assert spec == other
    for a, b in zip(ours, theirs, strict=True):
        if differentiable(b):
            np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)
        else:
            assert np.array_equal(a, b)
