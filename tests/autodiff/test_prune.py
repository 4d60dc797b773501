"""What is pruned, and what the report says about it."""

from __future__ import annotations

from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.prune import prune
from graphc.autodiff.requires_grad import mark
from graphc.ir.text import parse
from graphc.ir.verify import verify
from graphc.ops.table import OPS

TEXT = """
graph loss(%x: f64[n,3], %w: f64[3], %s: f64[], %k: i64[]) -> (%8, %5) where n - 2 >= 0 {
  %0: f64[n,3] = mul %x, %w                 # m.py:1
  %1: f64[n] = sum %0 axes=(1,)             # m.py:1
  %2: f64[] = exp %s                        # m.py:2
  %3: f64[] = stop_gradient %2              # m.py:2
  %4: f64[n] = mul %1, %3                   # m.py:3
  %5: bool[n] = gt %4, %1                   # m.py:4
  %6: f64[n] = floor %4                     # m.py:5
  %7: f64[n] = add %4, %6                   # m.py:6
  %8: f64[] = sum %7 axes=(0,)              # m.py:7
  %9: f64[n,3] = tanh %0                    # m.py:8
}
"""


def test_dead_nodes_go_and_marks_stay_on_active_values_alone() -> None:
    graph, report = prune(mark(parse(TEXT, OPS), (False, True, True, False)), 1)
    verify(graph)
    names = [node.op.name for node in graph.nodes]
    assert "tanh" not in names
    assert report.dead_nodes == 1
    assert str(report.dead_bytes) == "24*n"
    marked = {node.op.name for node in graph.nodes if any(o.grad for o in node.outputs)}
    assert marked == {"mul", "sum", "add"}
    assert [p.grad for p in graph.params] == [False, True, True, False]


def test_the_report_says_what_was_cut_where_and_what_that_saved() -> None:
    _, report = prune(mark(parse(TEXT, OPS), (False, True, True, False)), 1)
    lines = "\n".join(report.lines({"n": 2}))
    assert "input x is not differentiated: 1 adjoint not computed" in lines
    assert "48 bytes" in lines
    assert "input k is int64: integers carry no gradient" in lines
    assert "cut by stop_gradient (m.py:2): 3 adjoints not computed" in lines  # of s, exp(s) and what is made of it
    assert "floor is piecewise constant: its derivative is zero (m.py:5): 1 adjoint not computed" in lines
    assert "1 step of the function that no result needs: not computed" in lines
    frozen, *_ = report.cuts
    assert str(frozen.operations) == "3*n"


def test_a_parameter_without_influence_is_named() -> None:
    graph = parse("graph f(%x: f64[], %y: f64[]) -> (%0) {\n  %0: f64[] = neg %x\n}", OPS)
    _, report = prune(mark(graph, (True, True)))
    assert report.lines({}) == ["input y has no influence on the result: its gradient is zero"]


def test_nothing_to_prune() -> None:
    graph = parse("graph f(%x: f64[]) -> (%0) {\n  %0: f64[] = neg %x\n}", OPS)
    pruned, report = prune(mark(graph, (True,)))
    assert str(pruned) == str(mark(graph, (True,)))
    assert report.lines({}) == ["nothing was pruned: every input is differentiated and every step is needed"]
    assert report.operations == 0


def test_pruning_changes_no_gradient() -> None:
    graph = mark(parse(TEXT, OPS), (True, True, True, False))
    plain, pruned = joint_vjp(graph, OPS), joint_vjp(prune(graph, 1)[0], OPS)
    assert [n.op.name for n in pruned.nodes] == [n.op.name for n in plain.nodes]
