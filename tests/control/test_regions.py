"""Loops and branches as graphs: text form, verifier, passes, derivatives of two orders, all by the interpreter."""

from __future__ import annotations

import numpy as np
import pytest

from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.prune import prune
from graphc.autodiff.requires_grad import mark
from graphc.errors import InvalidGraphError
from graphc.ir.interp import interpret
from graphc.ir.text import parse, print_graph
from graphc.ir.verify import verify
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from tests.control.graphs import GRAPHS, LINEAR_LOOP, OVERWRITES, SCALAR_LOOP
from tests.ops.one_op import check_orders, float_marks


def joint(text: str):
    """The optimised joint graph of output 0 or, with a cotangent, of all."""
    graph = parse(text, OPS)
    marked, _ = prune(optimize(mark(graph, float_marks(graph)), OPS))
    return optimize(joint_vjp(marked, OPS, "params"), OPS)


@pytest.mark.parametrize("name", GRAPHS)
def test_the_text_form_reads_back(name):
    text, _ = GRAPHS[name]
    graph = parse(text, OPS)
    verify(graph)
    assert print_graph(graph) == text


@pytest.mark.parametrize("name", GRAPHS)
def test_derivatives_of_two_orders(name):
    text, arrays = GRAPHS[name]
    check_orders(parse(text, OPS), arrays)


@pytest.mark.parametrize("name", GRAPHS)
def test_passes_keep_the_value_of_a_joint_graph(name):
    text, arrays = GRAPHS[name]
    graph = parse(text, OPS)
    plain = joint_vjp(mark(graph, float_marks(graph)), OPS, "params")
    verify(plain)

    def hook(pass_name, before, after):
        verify(after)

    better = optimize(plain, OPS, hook)
    seeds = [np.ones_like(y) for y in interpret(graph, arrays)]
    for found, expected in zip(interpret(better, [*arrays, *seeds]), interpret(plain, [*arrays, *seeds]), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-13)


def loops(graph):
    return [node for node in graph.nodes if node.op.name == "for"]


def test_a_linear_loop_saves_nothing():
    assert [node.attrs["stacked"] for node in loops(joint(LINEAR_LOOP))] == [0, 0]


def test_an_overwritten_element_is_saved_and_not_its_array():
    forward, back = loops(joint(OVERWRITES))
    assert [str(o.type) for o in forward.outputs[1:]] == ["f64[5]", "f64[5]"]
    names = [n.op.name for n in back.regions[0].nodes]  # what was overwritten gets its zero and its addition at once
    assert (names.count("accumulate"), names.count("update")) == (1, 1)
    assert not any(n.op.name == "embed" for n in back.regions[0].nodes)


def test_no_iteration_at_all():
    text = SCALAR_LOOP.replace("trips=5", "trips=0")
    graph = joint(text)
    assert [float(v) for v in interpret(graph, [0.3, 0.7, 1.0])] == [0.3, 1.0, 0.0]


def test_a_capture_that_is_not_differentiated_costs_nothing():
    graph = parse(SCALAR_LOOP, OPS)
    marked, _ = prune(optimize(mark(graph, [True, False]), OPS))
    (_, back) = loops(optimize(joint_vjp(marked, OPS, "params"), OPS))
    assert back.attrs["carried"] == 1


def test_what_is_carried_for_nobody_goes():
    text = """graph f(%x: f64[], %y: f64[]) -> (%0) {
      %0: f64[], %1: f64[], %2: f64[] = for %x, %y, %y carried=3 reverse=False stacked=0 trips=3
        graph body(%i: i64[], %a: f64[], %b: f64[], %c: f64[]) -> (%0, %1, %2) {
          %0: f64[] = mul %a, %b
          %1: f64[] = sin %b
          %2: f64[] = mul %c, %a
        }
    }"""
    (loop,) = loops(optimize(parse(text, OPS), OPS))
    assert loop.attrs["carried"] == 2
    assert [n.op.name for n in loop.regions[0].nodes] == ["mul", "sin"]


def test_an_operand_that_comes_twice_keeps_what_has_reached_it_elsewhere():
    text = """graph f(%x: f64[]) -> (%4) {
  %0: f64[] = const dtype=f64 value=0.4 weak=False
  %1: bool[] = lt %0, %x
  %2: f64[] = cond %1, %x, %x
    graph yes(%asked: f64[], %c: f64[]) -> (%2) {
      %0: bool[] = lt %asked, %asked
      %1: f64[] = sin %c
      %2: f64[] = select %0, %c, %1
    }
    graph no(%asked: f64[], %c: f64[]) -> (%0) {
      %0: f64[] = exp %c
    }
  %3: f64[] = square %x
  %4: f64[] = add %2, %3
}"""
    graph = joint_vjp(prune(mark(parse(text, OPS), [True]))[0], OPS)
    for x, slope in ((0.7, np.cos(0.7)), (0.2, np.exp(0.2))):
        np.testing.assert_allclose(interpret(graph, [np.array(x)])[1], slope + 2 * x, rtol=1e-12)


def test_a_body_that_changes_a_type_is_refused():
    text = SCALAR_LOOP.replace("%2: f64[] = add %1, %c", "%2: f32[] = cast %1 dtype=f32")
    with pytest.raises(InvalidGraphError, match="what a for carries: f32"):
        verify(parse(text, OPS))
