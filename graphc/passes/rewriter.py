"""How local rules run: one walk over the graph, each node shown to the rules of its op.

A rule is ``rule(rewriter, node) -> Value | None``: the value that can stand for the node's only output, or None where
it does not apply. The node's inputs belong to the graph being built, so a rule sees what earlier rules made.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.regions import map_regions
from graphc.ir.rewrite import drop_dead, with_inputs
from graphc.ir.shapes import ShapeFacts
from graphc.ir.text import parse, print_graph
from graphc.passes.facts import NumberFacts

MAX_STEPS = 8  # rules that may fire one after the other at one place; what is left waits for the next round


class Rewriter:
    """What a rule may ask and build: the builder ``F``, facts about numbers, how often a value is read."""

    def __init__(self, graph: Graph, facts: ShapeFacts, ops: Mapping[str, Op]):
        self.F = Builder(ops, facts)
        self.numbers = NumberFacts()
        self._reads = Counter(value for node in graph.nodes for value in node.inputs)
        self._reads.update(graph.outputs)

    def read_once(self, value: Value) -> bool:
        """Nothing else reads the value (a value that a rule has just made has no other reader)."""
        return self._reads[value] <= 1

    def stands_for(self, new: Value, old: Value) -> None:
        """What read the old value reads the new one."""
        self._reads[new] += self._reads[old]


Rule = Callable[[Rewriter, Node], Value | None]
Rules = Mapping[str, tuple[Rule, ...]]
Pass = Callable[[Graph, Mapping[str, Op]], Graph]


def merge_rules(tables: Iterable[Rules]) -> Rules:
    """One table of all the rules, in the order of the tables."""
    merged: dict[str, tuple[Rule, ...]] = {}
    for table in tables:
        for name, rules in table.items():
            merged[name] = merged.get(name, ()) + rules
    return merged


def rewrite(graph: Graph, ops: Mapping[str, Op], rules: Rules, name: str = "") -> Graph:
    """The graph after one walk with the rules; the same object when none of them applied.

    ``name``: of these rules, so that regions to which none of them applies are known again.
    """
    return _rewrite(graph, ShapeFacts(graph.guards), ops, rules, name)


def rewrite_regions(graph: Graph, facts: ShapeFacts, ops: Mapping[str, Op], rules: Rules, name: str = "") -> Graph:
    """The graph with the rules applied in its regions, and in theirs, but not in itself."""
    if not any(node.regions for node in graph.nodes):
        return graph
    new: dict[Value, Value] = {}
    nodes = []
    for node in graph.nodes:
        current = with_inputs(node, tuple(new.get(v, v) for v in node.inputs))
        current = map_regions(current, lambda region: _rewrite(region, facts, ops, rules, name), name)
        nodes.append(current)
        new.update((a, b) for a, b in zip(node.outputs, current.outputs, strict=True) if a is not b)
    if not new:
        return graph
    outputs = tuple(new.get(v, v) for v in graph.outputs)
    return Graph(graph.name, graph.params, tuple(nodes), outputs, graph.guards, graph.ints)


def _rewrite(graph: Graph, facts: ShapeFacts, ops: Mapping[str, Op], rules: Rules, name: str) -> Graph:
    """The same of a region, too, where the facts are those of the graph around it."""
    rewriter = Rewriter(graph, facts, ops)
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        current = with_inputs(node, tuple(new.get(v, v) for v in node.inputs))
        if node.regions:
            current = map_regions(current, lambda region: _rewrite(region, facts, ops, rules, name), name)
        found = _apply_rules(rewriter, current, rules) if len(node.outputs) == 1 else None
        if found is None:
            rewriter.F.nodes.append(current)
        for old, fresh in zip(node.outputs, (found,) if found else current.outputs, strict=True):
            if fresh is not old:
                new[old] = fresh
                rewriter.stands_for(fresh, old)
    if not new:
        return graph
    outputs = tuple(new.get(v, v) for v in graph.outputs)
    return drop_dead(Graph(graph.name, graph.params, tuple(rewriter.F.nodes), outputs, graph.guards, graph.ints))


def _apply_rules(rewriter: Rewriter, node: Node, rules: Rules) -> Value | None:
    """What stands for the node after as many rules as fire in a row; None when none does."""
    if node.op.name not in rules:
        return None
    result: Value | None = None
    with rewriter.F.at(node.location):
        for _ in range(MAX_STEPS):
            found = _first_hit(rewriter, node, rules.get(node.op.name, ()))
            if found is None:
                break
            result = found
            if found.node is None or len(found.node.outputs) > 1:
                break
            node = found.node
    return result


def _first_hit(rewriter: Rewriter, node: Node, rules: tuple[Rule, ...]) -> Value | None:
    for rule in rules:
        found = rule(rewriter, node)
        if found is not None and found.type == node.output.type:  # another dtype, shape or weakness is no replacement
            return found
    return None


def apply_to_text(run_pass: Pass, text: str, ops: Mapping[str, Op]) -> str:
    """The text of the graph after the pass: how passes are shown and tested."""
    return print_graph(run_pass(parse(inspect.cleandoc(text), ops), ops))
