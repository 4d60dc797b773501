"""Kernels that become one: the same memory afterwards, in whatever order elements run; and which ones stay apart."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphc
from graphc.config import override
from graphc.ir.shapes import ShapeFacts
from graphc.schedule.loopnest import Nest, Phase, Store
from graphc.schedule.neighbours import join_neighbours
from graphc.schedule.program import Launch, Loop, Section, Storage, walk_steps
from graphc.schedule.scalars import Affine, Scalar, Scalars, walk
from tests.schedule.programs import final_graph, program_of

COUNT, SIZE = 4, 40  # elements of a kernel; numbers in an array
STEPS = (1, 3)  # from one element to the next
ADD = "{acc} + {0}"


# --- random kernels ---------------------------------------------------------------------------------------------------

places = st.builds(lambda step, start: Affine(start, ((0, step),)), st.sampled_from(STEPS), st.integers(0, 9))
kernels = st.tuples(
    st.integers(0, 3),  # the array that is stored into
    places,
    st.booleans(),  # whether it is added to
    st.lists(st.tuples(st.integers(0, 3), places), min_size=1, max_size=2),  # what is read
)


def arrays() -> list[Storage]:
    """Three arrays, and a part of the first of them."""
    made = [Storage("arena", -1, "f64", SIZE) for _ in range(3)]
    return [*made, Storage("part", -1, "f64", SIZE - 5, whole=made[0], offset=5)]


def launch(storage: list[Storage], described: tuple) -> Launch | None:
    """The kernel; None where it would read what it writes itself."""
    target, index, adds, reads = described
    own = id(storage[target].whole or storage[target])
    if any(id(storage[b].whole or storage[b]) == own for b, _ in reads):
        return None
    table = Scalars()
    value = table.literal("f64", "2.0")
    for buffer, place in reads:
        value = table.apply("f64", "({0} + {1})", (value, table.load("f64", buffer, place)))
    nest = Nest((COUNT,), 0, [Phase((0,), stores=[Store(target, index, value, ADD if adds else "")])])
    return Launch(nest, COUNT, 1, "here.py:1")


def run(steps: list, memory: dict[int, np.ndarray], shuffled: random.Random | None) -> None:
    """What the kernels do, element by element: each reads first, and stores then."""
    for section in steps:
        for step in section.steps:
            elements = list(range(COUNT))
            if shuffled:
                shuffled.shuffle(elements)
            for i in elements:
                element(step.nest.phases[0], section.storage, memory, i)


def element(phase: Phase, storage: list[Storage], memory: dict[int, np.ndarray], i: int) -> None:
    def at(buffer: int, place: Affine) -> tuple[np.ndarray, int]:
        found, start = storage[buffer], place.offset + place.coefficient(0) * i
        return (memory[id(found.whole)], start + found.offset) if found.whole else (memory[id(found)], start)

    values: dict[int, float] = {}
    for scalar in walk(phase.scalars()):
        values[scalar.number] = number(scalar, [values[a.number] for a in scalar.args], at)
    for store in phase.stores:
        array, place = at(store.buffer, store.index)
        array[place] = values[store.scalar.number] + (array[place] if store.accumulate else 0.0)


def number(scalar: Scalar, args: list[float], at) -> float:
    if scalar.form == "load":
        array, place = at(scalar.data.buffer, scalar.data.index)
        return array[place]
    return sum(args) if args else float(scalar.data)


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.lists(kernels, min_size=2, max_size=4), st.sets(st.integers(0, 1), min_size=1), st.randoms())
def test_joined_kernels_leave_the_same_memory(described, kept, order):
    storage = arrays()
    steps = [Section(storage, [made]) for d in described if (made := launch(storage, d)) is not None]
    start = {id(s): np.random.default_rng(k).integers(0, 99, SIZE).astype(float) for k, s in enumerate(storage[:3])}
    expected = {key: array.copy() for key, array in start.items()}
    run(steps, expected, None)
    joined = join_neighbours(steps, [storage[k] for k in kept], ShapeFacts(()))
    assert len(joined) <= len(steps)
    run(joined, start, order)
    for k in kept:
        np.testing.assert_array_equal(start[id(storage[k])], expected[id(storage[k])])


def test_most_of_such_kernels_join():
    """The property above is about something: two that meet in no element are one."""
    storage = [Storage("arena", -1, "f64", SIZE) for _ in range(3)]
    row, next_row = Affine(0, ((0, 1),)), Affine(COUNT, ((0, 1),))
    first, second = launch(storage, (0, row, False, [(1, row)])), launch(storage, (2, row, True, [(0, row)]))
    shifted = launch(storage, (2, row, True, [(0, Affine(1, ((0, 1),)))]))
    beyond = launch(storage, (2, row, True, [(0, next_row)]))
    for behind, count in ((second, 1), (shifted, 2), (beyond, 1)):
        assert len(join_neighbours([Section(storage, [first, behind])], storage, ShapeFacts(()))) == count


# --- programs ---------------------------------------------------------------------------------------------------------

GRID = np.random.default_rng(6).uniform(0.5, 1.5, (7, 7))


def columns(u):
    """A value that is computed only to be written, and one that depends on the column before."""
    out, total = np.zeros_like(u), np.zeros_like(u)
    for j in range(1, u.shape[1]):
        out[:, j] = np.sqrt(u[:, j]) + u[:, j - 1]
        total[:, j] = total[:, j - 1] * 0.5 + out[:, j]
    return np.sum(total * out)


def neighbours_in_the_column(u):
    """What is written is read at other elements: two kernels."""
    out, total = np.zeros_like(u), np.zeros_like(u)
    for j in range(1, u.shape[1]):
        out[1:-1, j] = u[1:-1, j] * total[1:-1, j - 1] + 1.0
        total[1:-1, j] = out[:-2, j] + out[2:, j] * u[1:-1, j]
    return np.sum(total * out)


def overwritten_after_it_was_read(u):
    u = u.copy()
    out = np.zeros(u.shape[1])
    for i in range(u.shape[0]):
        row = u[i] * 1.0
        u[i] = 0.5 * out
        out[:] = out + row * row
    return np.sum(out * u[0])


def added_and_then_read(u):
    out, last = np.zeros(u.shape[1]), np.zeros_like(u)
    for i in range(u.shape[0]):
        out += u[i] * out + u[i]
        last[i] = out * out
        out *= 0.3 * u[i]
    return np.sum(last)


def one_place_for_all(u):
    """Each element adds to a row that the next kernel reads as a whole."""
    out = np.zeros_like(u)
    for i in range(1, u.shape[0]):
        out[i] = u[i] * out[i - 1] + u[0]
        out[0] = out[i] * u[0, i]
        out[i] += out[0] * out[i - 1]
    return np.sum(out)


PROGRAMS = (columns, neighbours_in_the_column, overwritten_after_it_was_read, added_and_then_read, one_place_for_all)


@pytest.mark.parametrize("function", PROGRAMS)
def test_programs_compute_what_numpy_does(function):
    value, gradient = graphc.value_and_grad(function)(GRID)
    np.testing.assert_allclose(value, function(GRID), rtol=1e-13)
    with override(disable_jit=True):
        expected = graphc.grad(function)(GRID)
    np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-12 * np.max(np.abs(expected)))


def launches(function, transform=graphc.grad) -> list[int]:
    """Kernels in each innermost loop."""
    steps = program_of(final_graph(transform, function, GRID)).steps
    loops = [s for s in walk_steps(steps) if isinstance(s, Loop)]
    return [sum(isinstance(s, Launch) for s in walk_steps(loop.steps)) for loop in loops]


def test_a_column_is_filled_by_one_kernel():
    """What is written is neither stored on its own first nor copied; back, all that one column does is one kernel."""
    assert launches(columns) == [1, 1]


def test_what_only_the_joined_kernel_reads_is_not_stored():
    program = program_of(final_graph(graphc.grad, columns, GRID))
    assert not any("n0" in str(size) and "n1" not in str(size) for size in program.slots)
