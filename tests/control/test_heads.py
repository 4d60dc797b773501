"""Heads of loops that stand for nested ones, and comprehensions that a function takes whole: loops of the program."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.trace import control

X = np.array([0.4, 1.1, 0.75, 0.9, 1.3, 0.6])
LONGER = np.concatenate([X, X[::-1] + 0.04])


def by_index(x):
    a, s = np.outer(x, x), 0.0
    for i, j in np.ndindex(a.shape):
        if i == j:
            continue
        s += a[i, j] ** 2 * i
    return s


def by_whole_index(x):
    a = np.outer(x, x)
    for at in np.ndindex(*a.shape):
        a[at] *= 0.5 * at[1]
    return np.sum(a)


def breaks_all_of_it(x):
    s = 0.0
    for i, j in np.ndindex(len(x), len(x)):
        s += x[i] * x[j]
        if s > 3.0:
            break
    else:
        s = -s
    return s


def returns_from_inside(x):
    for i, j in itertools.product(range(len(x)), range(1, len(x))):
        if x[i] * x[j] > 1.3:
            return x[i] * x[j] ** 2
    return x[0]


def enumerated(x):
    s = 0.0
    for (i, j), v in np.ndenumerate(np.outer(x, x)):
        s += v**2 * (j - i)
    return s


def every_element(x):
    s = 0.0
    for v in np.nditer(np.outer(x, x)):
        s += np.sin(v)
    return s


def rows_of_two(x):
    s = 0.0
    for v, w in itertools.product(x, x[1:]):
        s = s * 0.9 + v * w
    return s


def neighbours(x):
    s = 0.0
    for i, j in itertools.pairwise(range(len(x))):
        s += x[i] * x[j] * i
    for v, w in itertools.pairwise(x):
        s += (v - w) ** 2
    return s


def pairs(x):
    s = 0.0
    for i, j in itertools.combinations(range(len(x)), 2):
        s += x[i] * x[j] * (j - i)
    return s


def triples(x):
    s = 0.0
    for u, v, w in itertools.combinations(x, 3):
        s += u * v * w
    return s


def squares(x):
    return sum([v * v for v in x])


def weighted(x):
    return sum(k * v for k, v in enumerate(x)) + math.fsum(v * w for v, w in zip(x, x[::-1], strict=True))


def filtered(x):
    return sum(x[i] ** 2 for i in range(len(x)) if x[i] > 0.7 if i != 2)


def in_two_loops(x):
    return sum(x[i] * x[j] for i in range(len(x)) for j in range(i))


def array_of_numbers(x):
    return np.sum(np.array([np.sin(x[i]) * i for i in range(len(x))]) ** 2)


def array_of_rows(x):
    return np.sum(np.stack([np.cumsum(row) for row in np.outer(x, x)]) ** 2)


def array_of_lists(x):
    return np.sum(np.array([[x[i] * x[j] * i for j in range(len(x))] for i in range(len(x))]) ** 2)


def largest(x):
    return np.max([np.sin(v) for v in x]) * np.mean([v * v for v in x])


def in_a_loop(x):
    s = 0.0
    for i in range(len(x)):
        s = s * 0.5 + sum(x[j] * (i - j) for j in range(i))
    return s


def until_it_is_small(x):
    total, term = x[0], x[0]
    for n in itertools.count(2, 2):
        term = -term * x[0] ** 2 / (n * (n + 1))
        total = total + term
        if abs(term) < 1e-9:
            return total * x[1]


def around_the_rows(x):
    best = None
    for (n, v), half in zip(enumerate(itertools.cycle(x), 1), itertools.repeat(0.5)):
        best = v if best is None else best + half * v * n
        if best > 9.0:
            break
    else:
        best = 0.0
    return best


ONE_PROGRAM = [
    by_index, by_whole_index, breaks_all_of_it, returns_from_inside, enumerated, every_element, rows_of_two, neighbours,
    pairs, triples, squares, weighted, filtered, in_two_loops, array_of_numbers, array_of_rows, array_of_lists, largest,
    in_a_loop, until_it_is_small, around_the_rows,
]  # fmt: skip


def of_a_table(x):
    table = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    return sum(table[i] * x[i] for i in range(len(table)))


def of_lists(x):
    return sum([[v, v * v] for v in x], [])[3]  # noqa: RUF017 (a sum of lists)


def by_axes(x):
    a = np.outer(x, x).reshape(6, 3, 2, 1, 1) ** 2
    return np.sum(np.array([np.sum(np.sum(a, axis=k)) for k in range(5)]) * np.arange(5.0))


def of_other_lengths(x):
    return np.sum(np.concatenate([x[:k] for k in range(6)]))


def slopes(function, x):
    steps = 1e-6 * np.eye(len(x))
    return np.array([(function(x + d) - function(x - d)) / 2e-6 for d in steps])


def assert_right(f, program, x):
    value, gradient = f(x)
    np.testing.assert_allclose(value, program(x), rtol=1e-12)
    np.testing.assert_allclose(gradient, slopes(program, x), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("program", ONE_PROGRAM)
def test_one_program_for_all_sizes(program):
    f = graphc.value_and_grad(program)
    with override(disable_jit=True):
        for x in (X, LONGER):
            assert_right(f, program, x)
    assert f.cache_info()["programs"] == 1


def ended_by_its_index(x):
    table, filled, s = [1.0, 2.0, 3.0], [], x[0]
    for i in itertools.count():
        if i == 3:
            break
        s = s + table[i] * x[i] ** 2
        filled.append(s)
    return sum(filled)


@pytest.mark.parametrize("program", [of_a_table, of_lists, by_axes, of_other_lengths, ended_by_its_index])
def test_what_needs_python_is_written_out(program):
    with override(disable_jit=True):
        assert_right(graphc.value_and_grad(program), program, X)


def test_an_endless_loop_that_cannot_be_staged_is_refused(monkeypatch):
    monkeypatch.setattr(control, "MOST_OPEN", 20)

    def halved(x):
        s = x[0]
        for half in iter(lambda: 0.5, None):
            s = s * half
            if s < 1e-3:
                break
        return s

    with override(disable_jit=True), pytest.raises(graphc.UnsupportedError, match="write it as a while loop") as caught:
        graphc.grad(halved)(X)
    assert caught.value.location is not None
    assert caught.value.location.file == __file__


def test_a_function_of_the_same_name_is_called():
    def product(numbers):
        return list(numbers)[::-1]

    def doubled(x):
        s = 0.0
        for i in product(range(3)):
            s = s * 2.0 + x[i]
        return s

    with override(disable_jit=True):
        np.testing.assert_array_equal(graphc.grad(doubled)(X), [1, 2, 4, 0, 0, 0])
