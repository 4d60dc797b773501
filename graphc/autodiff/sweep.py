"""The reverse sweep: cotangents go back through every node, last to first."""

from __future__ import annotations

from graphc.autodiff.chain import pull_back
from graphc.autodiff.equal_values import Rule, Watched, has_limit
from graphc.autodiff.tape import Forward
from graphc.ir.builder import Builder
from graphc.ir.graph import Node, Value
from graphc.ir.opdef import Linear
from graphc.passes.facts import NumberFacts


class Reached:
    """The sum of the cotangents that have reached each value so far.

    ``vectors``: the rule of nodes that may meet equal eigenvalues.
    """

    def __init__(self, F: Builder, vectors: Rule | None = None):
        self.F, self.vectors = F, vectors or Watched()
        self.total: dict[Value, Value] = {}

    def add(self, value: Value, g: Value) -> None:
        before = self.total.get(value)
        self.total[value] = g if before is None else self.F.add(before, g)

    def so_far(self, value: Value) -> Value:
        """What has reached the value; zeros where nothing has."""
        found = self.total.get(value)
        return self.F.zeros(value.type) if found is None else found


def sweep(reached: Reached, forward: Forward) -> None:
    """Pull cotangents back through every node of the forward part; new nodes belong to the forward node's line."""
    facts = NumberFacts()
    for node in reversed(forward.nodes):
        if not any(v.grad for v in node.inputs) or all(reached.total.get(o) is None for o in node.outputs):
            continue
        with reached.F.at(node.location):
            _pull(reached, facts, node, forward)


def _pull(reached: Reached, facts: NumberFacts, node: Node, forward: Forward) -> None:
    if node in forward.plans:
        forward.plans[node].pull_back(reached, node)
        return
    cotangents = tuple(reached.total.get(o) for o in node.outputs)
    derivative = node.op.derivative
    if isinstance(derivative, Linear) and derivative.onto is not None:
        x, (g,) = node.inputs[0], cotangents
        assert g is not None
        reached.total[x] = derivative.onto(reached.F, reached.so_far(x), g, node)
        return
    pull = reached.vectors.pull_back if has_limit(node) else pull_back
    for value, g in zip(node.inputs, pull(reached.F, facts, node, cotangents), strict=True):
        if g is not None:
            reached.add(value, g)
