"""What the benchmarks of calls and of memory measure: right results, and counts that do not depend on the machine."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from benchmarks import calls, memory
from benchmarks.case import find_case
from benchmarks.tree import tree_leaves
from graphc import pytree
from graphc.config import settings
from graphc.runtime.pycall import evaluate

# Bytes that a program takes for itself at the full size: sums of blocks and a few rows, never an array like an input's
# (8 MB, 24 MB of pairs, 16 MB), of which torch keeps several.
LARGEST_ARENA = {"black_scholes": 0, "nbody": 2 * 2**20, "xent": 4 * 2**20}


@pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: there is no program")
@pytest.mark.parametrize("name", LARGEST_ARENA)
def test_a_program_needs_little_memory_of_its_own(name: str) -> None:
    case = find_case(name)
    function = graphc.grad(case.function, argnums=case.argnums)
    function(*case.make_inputs(small=True))
    program = function._served((), {})
    sizes: dict[str, int] = {}
    leaves = pytree.flatten(case.make_inputs())[0]
    for param, leaf in zip(program.marked.params, leaves, strict=False):  # numbers from outside come last
        for dim, size in zip(param.dims, np.shape(leaf), strict=True):
            sizes.setdefault(str(dim), size)
    executable = program.runner.executable
    arena = evaluate(executable.arena, [sizes.get(symbol, 0) for symbol in executable.symbols])
    assert arena <= LARGEST_ARENA[name]


def test_the_calls_that_are_timed_are_right() -> None:
    ours, plain = calls.graphc_calls(), calls.numpy_calls()
    for name in plain:
        for mine, right in zip(tree_leaves(ours[name]()), tree_leaves(plain[name]()), strict=True):
            np.testing.assert_allclose(mine, right)
    for name in ("gradients", "gradients, out="):
        for gradient, value in zip(tree_leaves(ours[name]()), tree_leaves(calls.small_arrays()), strict=True):
            np.testing.assert_allclose(gradient, 2 * value)


def test_tables() -> None:
    text = calls.table({"graphc": {"yardstick": 8e-7, "one": 4e-7, "arguments": 9e-7}, "jax": {}})
    assert "| 400 ns" in text
    assert "| 71 ns" in text
    assert "at most 500 ns" in text
    assert "0.50 of the time of NumPy's own x + 1.0" in text
    found = {"xent": {"graphc": {"bytes": 2**20}, "torch": {"bytes": 4 * 2**20}, "jax": {"failed": "no"}}}
    text = memory.table(found, ["graphc", "torch", "jax"])
    assert "| 1.0 MiB" in text
    assert "| 0.25" in text


@pytest.mark.skipif(not memory.CAN_MEASURE, reason="needs /proc")
def test_memory_beyond_inputs_and_results_is_seen() -> None:
    """A peer that holds on to a large array is charged for it."""
    from benchmarks.peers import create

    class Wasteful(type(create("numpy"))):  # type: ignore[misc]
        def prepare(self, case, mode, inputs):  # type: ignore[no-untyped-def]
            size = 0 if inputs[0].size < 10_000 else 32 * 2**20

            def call():  # type: ignore[no-untyped-def]
                return float(np.ones(size // 8).sum())

            return call

        def read(self, result):  # type: ignore[no-untyped-def]
            return []

    taken = memory.beyond(Wasteful(), find_case("black_scholes"), "value")
    assert 28 * 2**20 < taken < 80 * 2**20
