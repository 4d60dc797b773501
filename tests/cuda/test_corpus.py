"""Every op of the table and every program of the corpus by the emulator: what the interpreter gives.

A part of them in each run, all of them with ``TEST_PROGRAMS=2000``.
"""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc import pytree
from graphc.autodiff.requires_grad import mark
from graphc.codegen.cuda_libraries import TRANSFORMS
from graphc.codegen.cuda_routines import ROUTINES
from graphc.config import override, settings
from graphc.cuda_runner import CudaRunner
from graphc.ir.interp import interpret
from graphc.runtime.cuda_devices import emulator
from tests.codegen.run_graph import as_input
from tests.codegen.test_structure_compiled import MATRICES, SMOOTH, assert_like, case_dtypes, case_graph
from tests.codegen.test_table_compiled import GROUPS, check_pointwise, pointwise_graph
from tests.control.corpus import PROGRAMS
from tests.nightly import NIGHTLY, part
from tests.ops.cases import CASES
from tests.ops.one_op import gradient_graph

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: nothing is compiled")
# Factorisations have complex cases, which a device lacks, and signs of their library: ``test_libraries`` has those of
# real matrices.
HERE = [name for name in CASES if name not in MATRICES or name in (*ROUTINES, *TRANSFORMS)]


def emulated(graph, arrays):
    """The outputs of the graph, run twice: the second time from a captured step."""
    runner = CudaRunner(graph, emulator())
    inputs = [as_input(param, array) for param, array in zip(graph.params, arrays, strict=True)]
    results = [runner.run(inputs) for _ in range(2)]
    assert None not in results
    for once, again in zip(*results, strict=True):
        np.testing.assert_array_equal(once, again)
    return [np.asarray(result) for result in results[0]]


@pytest.mark.parametrize(("short", "arity"), [g for g in GROUPS if NIGHTLY or g[0] in ("f32", "u8")])
def test_pointwise(short, arity):
    names, many, reads = pointwise_graph(short, arity)
    size = min(a.size for a in many.arrays)
    arrays = [a[:size] for a in many.arrays]
    graph = many.graph()
    for name, found, expected in zip(names, emulated(graph, arrays), interpret(graph, arrays), strict=True):
        check_pointwise(name, found, expected, [arrays[k] for k in reads[name]])


@pytest.mark.parametrize("name", part(HERE, 3, 5))
def test_cases(name):
    graph, arrays = case_graph(name, case_dtypes(name) if NIGHTLY else ["f64"])
    assert_like(emulated(graph, arrays), interpret(graph, arrays), f"{name}, case")


@pytest.mark.parametrize("name", part(SMOOTH, 1, 5))
def test_gradients_of_cases(name):
    graph, arrays = case_graph(name, ["f64"])
    joint = gradient_graph(mark(graph, [p.type.is_float for p in graph.params]))
    random = np.random.default_rng(5)
    cotangents = [random.normal(size=np.shape(y)).astype(y.dtype) for y in interpret(graph, arrays)]
    inputs = [*arrays, *cotangents]
    assert_like(emulated(joint, inputs), interpret(joint, inputs), f"gradient of {name}", scale=10)


@pytest.mark.parametrize("name", part(PROGRAMS, 3, 10))
def test_programs(name):
    function, arguments = PROGRAMS[name]
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(function)(*arguments)
    with override(cuda_emulator=True):
        found = graphc.value_and_grad(function, target="cuda")(*arguments)
    np.testing.assert_allclose(found[0], value, rtol=1e-12)
    for ours, expected in zip(pytree.flatten(found[1])[0], pytree.flatten(gradient)[0], strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-10, atol=1e-12)
