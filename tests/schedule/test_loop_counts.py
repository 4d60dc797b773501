"""What loops are made of: kernels and copies an iteration, bytes of tape; the same on every machine."""

from __future__ import annotations

from collections import Counter

import numpy as np

import graphc
from graphc.abi import Service
from graphc.codegen.control import flags_of
from graphc.codegen.driver import print_program
from graphc.schedule.program import Copy, Exchange, Loop, Section, Step, walk_steps
from tests.schedule.programs import final_graph, program_of


def per_iteration(steps: list[Step]) -> list[Counter[str]]:
    """The kinds of steps in the body of each innermost loop, in order."""
    found = []
    for step in walk_steps(steps):
        if isinstance(step, Loop) and not any(isinstance(inner, Loop) for inner in walk_steps(step.steps)):
            kinds = Counter(type(inner).__name__ for inner in walk_steps(step.steps) if not isinstance(inner, Section))
            found.append(kinds)
    return found


def counts(function, *args, transform=graphc.grad) -> list[Counter[str]]:
    return per_iteration(program_of(final_graph(transform, function, *args)).steps)


def stencil(u, steps):
    for _ in range(steps):
        new = u.copy()
        new[1:-1, 1:-1] = u[1:-1, 1:-1] + 0.1 * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2])
        u = new
    return np.sum(u * u)


def test_a_step_of_a_stencil_is_one_kernel_there_and_one_back():
    """The write is part of the stencil's loop, and two arrays trade places: nothing is copied or cleared."""
    forward, back = counts(stencil, np.ones((5, 6)), 3)
    assert forward == {"Launch": 1, Exchange.__name__: 1}
    assert back == {"Launch": 1, Exchange.__name__: 1}


def orbit(parameters, state, steps):
    for _ in range(steps):
        x, y, z = state
        a, b = parameters
        state = state + 0.01 * np.array([a * (y - x), x * z, b - y]) * np.sum(state**2)
    return np.sum(state)


def test_a_state_of_three_numbers_is_three_variables():
    """No kernel, no copy of an array: an iteration is the driver's own code, and saves the three numbers."""
    graph = final_graph(graphc.grad, orbit, np.ones(2), np.ones(3), 4)
    for kinds in per_iteration(program_of(graph).steps):
        assert set(kinds) <= {"Inline", "Copy"}
    forward = next(node for node in graph.nodes if node.op.name == "for")
    assert [o.dims for o in forward.outputs[forward.attrs["carried"] :]] == [(forward.attrs["trips"],)] * 3


def relaxed_paths(d):
    d = d.copy()
    n = d.shape[0]
    for k in range(n):
        for i in range(n):
            for j in range(n):
                around = d[i, k] + d[k, j]
                if around < d[i, j]:  # noqa: PLR1730
                    d[i, j] = around
    return np.sum(d)


def test_a_branch_that_writes_one_element_copies_no_array():
    """There and back it is written where it stands, in the branch; nothing is copied."""
    steps = program_of(final_graph(graphc.grad, relaxed_paths, np.ones((3, 3)))).steps
    for kinds in per_iteration(steps):
        assert set(kinds) <= {"Inline", "Check", "Copy", "Branch"}
    inside = [step for loop in steps if isinstance(loop, Loop) for step in walk_steps(loop.steps)]
    assert not any(isinstance(step, Copy) for step in inside)


def test_the_adjoint_of_a_branch_looks_at_the_flags_that_are_set_only():
    """What it does where the branch was taken is all that its loop does: the other side is empty."""
    program = program_of(final_graph(graphc.grad, relaxed_paths, np.ones((3, 3))))
    innermost = [s for s in walk_steps(program.steps) if isinstance(s, Loop) and not any_loop(s)]
    forward, back = innermost
    assert flags_of(forward) is None
    assert flags_of(back) is not None


def any_loop(loop: Loop) -> bool:
    return any(isinstance(step, Loop) for step in walk_steps(loop.steps))


def limited(x, low):
    """Each side of the branch adds to another array; neither does nothing."""
    out = x * 1.0
    for i in range(x.shape[0]):
        if x[i] < low[0]:
            out[i] = low[i] * 2.0
        else:
            out[i] = x[0] * out[i]
    return np.sum(out * out)


def test_where_both_sides_do_something_every_iteration_runs():
    program = program_of(final_graph(lambda f: graphc.grad(f, argnums=(0, 1)), limited, np.ones(3), np.ones(3)))
    assert all(flags_of(step) is None for step in walk_steps(program.steps) if isinstance(step, Loop))


def recurrence(x, weights):
    state = np.zeros(5)
    for t in range(x.shape[0]):
        state = np.tanh(weights @ state + x[t])
    return np.sum(state**2)


def test_an_entry_of_the_tape_is_made_where_it_stays():
    """Products and what is around them; the states go to the tape as they are made, and are read there."""
    forward, back = counts(recurrence, np.ones((4, 5)), np.ones((5, 5)), transform=lambda f: graphc.grad(f, argnums=1))
    assert forward["Copy"] == back["Copy"] == 0
    assert forward["Launch"] <= 3


def test_the_tape_of_nested_loops_is_one_array():
    """Each iteration's entry is made in it, without a row of its own in between."""
    program = program_of(final_graph(graphc.grad, relaxed_paths, np.ones((3, 3))))
    assert [str(size) for size in program.slots] == ["8*n0*n1", "n0*n0*n0"]


def test_what_grows_with_one_number_of_iterations_is_one_memory():
    """Each way out of the driver gives back what has grown: there is one for a loop, not one for each saved number."""

    def power(a, smallness):
        while np.max(np.abs(a)) > smallness:
            a = 0.4 * a @ a
        return np.sum(a)

    def squarings(a):
        for _ in range(int(np.sum(a * a))):
            a = 0.4 * a @ a
        return np.sum(a)

    for function, args in ((squarings, (np.eye(3),)), (power, (np.eye(3), 0.1))):
        program = program_of(final_graph(graphc.grad, function, *args))
        saved = {id(s) for step in walk_steps(program.steps) if isinstance(step, Section) for s in step.storage}
        assert len(saved) > 9
        assert len(program.grown) == 1


def test_what_many_loops_grew_is_given_back_by_one_line():
    """Each way out of the driver is as long for many such loops as for a few: the text is in proportion to them."""

    def powers(a):
        for times in graphc.unroll(range(1, 5)):
            for _ in range(int(times * np.sum(a * a))):
                a = 0.4 * a @ a
        return np.sum(a)

    program = program_of(final_graph(graphc.grad, powers, np.eye(3)))
    source = print_program(program, 1, "").source
    assert len(program.grown) == 4
    assert source.count(f"call_service(table[{int(Service.RELEASE)}]") == 0
    assert source.count("give_back(table, grown, 4)") == source.count("return ") > 8
