"""Ranges and slices of another length in each iteration: value, gradient, both modes, second order, batches."""

from __future__ import annotations

import math

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import ConcretizationError, IndexRangeError, ShapeError, TraceTypeError, UnsupportedError
from tests.control.extents import COMPILED, PROGRAMS, TWICE, X


def slopes(f, arguments, step=1e-6):
    """The gradient by each argument, by central differences."""
    result = []
    for k, argument in enumerate(arguments):
        found = np.zeros_like(argument)
        for place in np.ndindex(argument.shape):
            sides = []
            for sign in (1, -1):
                moved = [a.copy() for a in arguments]
                moved[k][place] += sign * step
                sides.append(f(*moved))
            found[place] = (sides[0] - sides[1]) / (2 * step)
        result.append(found)
    return result


def check(f, arguments):
    numbers = tuple(range(len(arguments)))
    value, gradients = graphc.value_and_grad(f, argnums=numbers)(*arguments)
    np.testing.assert_allclose(value, f(*arguments), rtol=1e-12)
    for gradient, expected in zip(gradients, slopes(f, arguments), strict=True):
        np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6 * max(1, np.abs(expected).max()))
    return gradients


@pytest.mark.parametrize("name", PROGRAMS)
def test_value_and_gradient(name):
    f, arguments = PROGRAMS[name]
    directions = [np.cos(np.arange(a.size)).reshape(a.shape) for a in arguments]
    with override(disable_jit=True):
        gradients = check(f, arguments)
        _, pushed = graphc.jvp(f, tuple(arguments), tuple(directions))
        out, pull = graphc.vjp(f, *arguments)
        pulled = pull(np.ones_like(out))
    np.testing.assert_allclose(
        pushed, sum(np.sum(g * t) for g, t in zip(gradients, directions, strict=True)), rtol=1e-9
    )
    for one, other in zip(pulled, gradients, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)


@pytest.mark.parametrize("name", COMPILED)
def test_compiled(name):
    check(*PROGRAMS[name])


def test_loops_with_break():
    with override(disable_jit=True):
        for x in (X, np.array([0.3, 0.9, 0.2, 1.5, -2.0]), np.array([0.3, -1.2, 0.2, 1.1, 0.8])):
            check(until_small, [x])


@pytest.mark.parametrize("name", TWICE)
def test_second_order(name):
    f, arguments = PROGRAMS[name]
    direction = np.cos(np.arange(arguments[0].size)).reshape(arguments[0].shape)
    with override(disable_jit=True):
        along = graphc.grad(lambda x: np.sum(graphc.grad(f)(x, *arguments[1:]) * direction))(arguments[0])
        sides = [graphc.grad(f)(arguments[0] + s * 1e-5 * direction, *arguments[1:]) for s in (1, -1)]
    np.testing.assert_allclose(along, (sides[0] - sides[1]) / 2e-5, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["triangle", "suffix_written", "counts_from_data", "insertion_sort"])
def test_batches(name):
    f, (x,) = PROGRAMS[name]
    batch = np.stack([x, x * 1.1 + 0.01, x[::-1]])
    with override(disable_jit=True):
        np.testing.assert_allclose(graphc.vmap(f)(batch), [f(row) for row in batch], rtol=1e-12)
        gradients = graphc.vmap(graphc.grad(f))(batch)
        np.testing.assert_allclose(gradients, [graphc.grad(f)(row) for row in batch], rtol=1e-12)


def test_a_batch_has_one_length():
    with override(disable_jit=True), pytest.raises(UnsupportedError, match="differs from element to element"):
        graphc.vmap(PROGRAMS["at_the_smallest"][0])(np.stack([X, X[::-1]]))


def until_small(x):
    total = 0.0
    for i in range(x.shape[0]):
        if x[i] > 1.4:
            break
        total += np.sum(x[:i] ** 2) * x[i]
        for j in range(i, x.shape[0]):
            if x[j] < -1:
                break
            total += x[j] * x[i]
    return total


def test_one_program_serves_every_size():
    f = graphc.jit(PROGRAMS["triangle"][0])
    for n in (6, 9, 4):
        x = np.linspace(0.1, 1, n)
        np.testing.assert_allclose(f(x), PROGRAMS["triangle"][0](x))
    assert f.cache_info()["programs"] == 1


def test_masked_out_infinities_do_not_reach_the_gradient():
    def f(x):
        total = 0.0
        for i in range(1, x.shape[0]):
            total += np.sum(np.sqrt(x[:i]))
        return total

    with override(disable_jit=True):
        np.testing.assert_allclose(graphc.grad(f)(np.array([4.0, 1.0, 0.0])), [0.5, 0.5, 0.0])


def real_bound(x):
    total = 0.0
    for _ in range(x[0]):
        total += x[1]
    return total


def open_step(x):
    total = 0.0
    for i in range(0, 6, np.argmax(x)):
        total += x[i]
    return total


def grows(x):
    u = x[:1]
    for i in range(1, 66):  # up to 64 iterations are written out
        u = x[:i]
    return np.sum(u)


def real_slice(x):
    return np.sum(x[: x[0]])


def unequal(x):
    total = 0.0
    for i in range(1, x.shape[0]):
        total += np.sum(x[:i] * x[:5])
    return total


def decides(x):
    total = 0.0
    for i in range(1, x.shape[0]):
        if len(x[:i]) > 3:
            total += x[i]
    return total


def has_its_length(x):
    return x[: np.argmin(x)]


@pytest.mark.parametrize(
    ("program", "error", "message"),
    [
        (unequal, ShapeError, "cannot be decided: a size is known only when"),
        (decides, ConcretizationError, "known only when the program runs"),
        (has_its_length, UnsupportedError, "a result whose size is a number that the program computes"),
        (real_bound, TraceTypeError, "range\\(\\) takes integers"),
        (open_step, UnsupportedError, "a step that is a traced value"),
        (grows, TraceTypeError, "'u' changes its shape in the loop"),
        (real_slice, IndexRangeError, "a slice bound must be an integer"),
    ],
)
def test_errors_name_the_line(program, error, message):
    with pytest.raises(error, match=message) as caught:
        graphc.jit(program)(X)
    assert "test_extents.py" in str(caught.value)


def test_two_sums_of_a_shrinking_block_keep_their_parts_apart():
    def sums(a, x):
        total = 0.0
        for i in range(len(x)):
            total += np.sum(a[i:]) * x[i]
        return total

    for n, m, k in [(4, 4, 4), (60, 300, 30)]:  # of one block of elements, of several
        random = np.random.default_rng(n)
        a, x, da, dx = (random.normal(size=shape) for shape in ((n, m), k, (n, m), k))
        value, slope = graphc.jvp(sums, (a, x), (da, dx))
        np.testing.assert_allclose(value, sums(a, x), rtol=1e-11)
        np.testing.assert_allclose(slope, sums(da, x) + sums(a, dx), rtol=1e-11)


def stencil_at(x, places):
    total = 0.0
    for k in places:
        total += x[2 * k - 1 : 2 * k + 2] @ np.array([1.0, -2.0, 1.0])
    return total**2


def blocks_added(x, pairs):
    """Elements of a bar, two unknowns a node: what a finite element program adds to a matrix."""
    matrix = np.zeros((8, 8))
    for e in range(len(pairs)):
        i, j = pairs[e]
        block = np.array([[x[e], 1.0], [1.0, x[e] ** 2]])
        matrix[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] += block
        matrix[2 * i : 2 * i + 2, 2 * j : 2 * j + 2] -= block.T @ block
    return np.sum(matrix**3)


PAIRS = np.array([[0, 1], [1, 2], [2, 0], [1, 3], [0, 3], [2, 3]])


@pytest.mark.parametrize(
    ("program", "places", "more"),
    [(stencil_at, np.array([1, 2, 1]), np.array([2, 2])), (blocks_added, PAIRS, PAIRS[1:])],
)
def test_slices_at_positions_from_data_have_their_whole_length(program, places, more):
    compiled = graphc.value_and_grad(program)
    for at in (places, more):
        value, gradient = compiled(X, at)
        np.testing.assert_allclose(value, program(X, at), rtol=1e-13)
        (expected,) = slopes(lambda x, at=at: program(x, at), (X,))
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-8)
    assert compiled.cache_info()["programs"] == 1


@pytest.mark.parametrize("places", [[1, 5], [1, 0], [-1, 1], [-5, 2]])
def test_a_slice_that_is_cut_short_where_its_length_is_used_is_an_error(places):
    with (
        override(disable_jit=True),
        pytest.raises(IndexRangeError, match="beyond an end of its axis"),
    ):
        graphc.grad(stencil_at)(np.arange(10.0), np.array(places))


def test_slices_whose_length_is_not_used_may_be_cut_short():
    def around(x, places):
        total = 0.0
        for k in places:
            total += np.sum(x[k : k + 3]) ** 2
        return total

    at = np.array([0, len(X) - 2, len(X)])
    with override(disable_jit=True):
        np.testing.assert_allclose(graphc.value_and_grad(around)(X, at)[0], around(X, at))


# --- integers made of floating numbers --------------------------------------------------------------------------------


def quarters(x):
    total = 0.0
    for i in range(8):
        total = total + np.sum(x[: int(0.5 * i)]) * x[int(1.5 * i)] - np.prod(x[int(0.75 * i) : i + 1])
    return total


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x[int(0.9 * len(x)) :].sum(),
        lambda x: x[: int(0.9 * x.shape[0])].std(),
        lambda x: x[int(0.1 * x.size) : int(0.9 * x.size)].mean() * x[int(0.25 * x.size)],
        lambda x: np.sort(x)[: int(0.3 * len(x))].mean() - x[-int(0.2 * len(x)) :].sum(),
        lambda x: x[: int(2.0 * len(x)) - len(x)].sum() * x[int(len(x) / 3) :].sum(),
        lambda x: x[: math.ceil(0.77 * len(x))].std() + x[: round(0.77 * len(x))].std() + x[round(1.5)],
        lambda x: np.sum([x[k] ** 2 for k in range(int(0.5 * len(x)))]),
        lambda x: np.mean(x[: int(0.8 * len(x))]) - np.mean(x[int(0.8 * len(x)) :]),
        quarters,
    ],
)
def test_a_part_of_a_size_is_cut_to_an_integer(f):
    """Of ``int(0.9 * n)`` the fraction was cut first: a slice from there began at 0."""
    program = graphc.value_and_grad(f)
    for size in (20, 30, 31):
        x = np.sin(1.0 + np.arange(size))
        value, slope = program(x)
        np.testing.assert_allclose(value, f(x), rtol=1e-12)
        np.testing.assert_allclose(slope, differences(f, x), rtol=1e-6, atol=1e-7)
    assert program.cache_info()["calls_traced"] == 1


BITS = [
    lambda x, n: x[n >> 1 :].sum() * x[: (n & 3) + 1].sum(),
    lambda x, n: x[: (n & 12) + 1].sum() + x[(n | 1) - n] - x[(n ^ 3) % n],
    lambda x, n: x[: n.bit_length()].sum() * np.ones((1 << n) % 7 + 1).sum() + x[~(n - 2)],
    lambda x, n: x[:: max(1, int(0.3 * n))].sum() + np.sum(np.ones(n << 1)) * x[0] + (3 & n) * x[1] + (64 >> n) * x[2],
]


@pytest.mark.parametrize("f", BITS)
def test_sizes_are_python_integers_bit_by_bit(f):
    program = graphc.value_and_grad(lambda x: f(x, len(x)))
    for size in (11, 20):
        x = np.sin(1.0 + np.arange(size))
        value, slope = program(x)
        np.testing.assert_allclose(value, f(x, size), rtol=1e-12)
        np.testing.assert_allclose(slope, differences(lambda x, n=size: f(x, n), x), rtol=1e-6, atol=1e-7)


def test_what_integers_do_not_have_is_said_of_them():
    with pytest.raises(AttributeError, match="'int' object has no attribute 'bits'"):
        graphc.jit(lambda x: x[: x.size.bits])(np.ones(3))
    with pytest.raises(TypeError):
        graphc.jit(lambda x: x[: x.size >> 0.5])(np.ones(3))


def split(x, t):
    n = int(0.7 * len(x))
    line = np.polyfit(t[:n], x[:n], 1)
    return np.mean((x[n:] - np.polyval(line, t[n:])) ** 2)


def halves(x, t):
    n = int(0.5 * len(x))
    found = np.zeros(n)
    found[:] = x[:n] * t[:n]
    return np.sum(found**2) * np.linspace(1.0, 2.0, n)[1]


def windows(x, t):
    width = round(len(x) / 5)
    padded = np.pad(x, (0, 2 ** int(np.ceil(np.log2(len(x)))) - len(x)))
    return sum(x[i : i + width].std() for i in range(0, len(x) - width, width)) + np.sum(padded[::2] ** 2)


@pytest.mark.parametrize("f", [split, halves, windows])
def test_where_shapes_need_such_a_length_the_program_is_for_these_sizes(f):
    program = graphc.value_and_grad(f)
    for size in (20, 31, 20):
        x, t = np.sin(1.0 + np.arange(size)), np.linspace(0, 1, size)
        value, slope = program(x, t)
        np.testing.assert_allclose(value, f(x, t), rtol=1e-11)
        np.testing.assert_allclose(slope, differences(lambda x, t=t: f(x, t), x), rtol=1e-5, atol=1e-7)
    assert program.cache_info()["calls_traced"] == 2
    assert "specialised to x.shape[0]" in program.explain()


def differences(f, x, step=1e-6):
    return np.array([(f(x + step * e) - f(x - step * e)) / (2 * step) for e in np.eye(len(x))])


def test_a_position_made_of_a_fraction_is_checked():
    """The check was dropped, as if the position were 0."""

    def f(x):
        total = 0.0
        for i in range(len(x)):
            total = total + x[int(1.5 * i)]
        return total

    with pytest.raises(IndexRangeError):
        graphc.jit(f)(np.ones(9))
