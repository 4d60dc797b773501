"""Drop what neither an output nor an active adjoint needs, and say in plain words what was dropped and why.

A value gets an adjoint only where it is active: it depends on a marked input, and the differentiated output depends on
it, by a differentiable path. The report compares with the program in which every floating input were marked and
nothing were cut.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from graphc.autodiff.estimate import number, operations, size_bytes, total
from graphc.autodiff.requires_grad import active, marked_on
from graphc.errors import Location
from graphc.ir.dims import Dim
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import NotDifferentiable, ZeroDerivative
from graphc.ir.rewrite import drop_dead


def _saved(operations: Dim, bytes_: Dim, sizes: Mapping[str, int]) -> str:
    counts = number(operations, sizes), number(bytes_, sizes)
    return f", saves about {counts[0]} operations and {counts[1]} bytes" if any(counts) else ""


@dataclass(frozen=True)
class Cut:
    """One reason why adjoints are missing, how many it cost, and the work that is saved with them."""

    reason: str
    location: Location | None
    adjoints: int
    operations: Dim
    bytes: Dim

    def text(self, sizes: Mapping[str, int]) -> str:
        """The reason and what is saved at these sizes of symbols."""
        where = f" ({self.location})" if self.location else ""
        if not self.adjoints:
            return f"{self.reason}{where}"
        noun = "adjoint" if self.adjoints == 1 else "adjoints"
        return f"{self.reason}{where}: {self.adjoints} {noun} not computed{_saved(self.operations, self.bytes, sizes)}"


@dataclass(frozen=True)
class PruneReport:
    """``cuts``: why adjoints were pruned; ``dead_nodes``: forward steps that nothing needed, with their cost."""

    cuts: tuple[Cut, ...]
    dead_nodes: int
    dead_operations: Dim
    dead_bytes: Dim

    @property
    def operations(self) -> Dim:
        return total((self.dead_operations, *(cut.operations for cut in self.cuts)))

    @property
    def bytes(self) -> Dim:
        return total((self.dead_bytes, *(cut.bytes for cut in self.cuts)))

    def lines(self, sizes: Mapping[str, int]) -> list[str]:
        """Sentences for ``explain()``, with what is saved at these sizes of symbols."""
        found = [cut.text(sizes) for cut in self.cuts]
        if self.dead_nodes:
            steps = "1 step" if self.dead_nodes == 1 else f"{self.dead_nodes} steps"
            saved = _saved(self.dead_operations, self.dead_bytes, sizes)
            found.append(f"{steps} of the function that no result needs: not computed{saved}")
        return found or ["nothing was pruned: every input is differentiated and every step is needed"]


def prune(graph: Graph, n_differentiated: int | None = None) -> tuple[Graph, PruneReport]:
    """The marked graph without dead nodes, marked on active values only, and the report.

    ``n_differentiated``: how many of the outputs, from the first, are differentiated (None: all). Parameters keep
    their marks: one that has no influence still gets its zeros.
    """
    alive = drop_dead(graph)
    outputs = alive.outputs[:n_differentiated]
    active_values = active(alive, outputs)
    kept = set(alive.nodes)
    dead = [node for node in graph.nodes if node not in kept]
    report = PruneReport(
        cuts=_cuts(alive, outputs, active_values),
        dead_nodes=len(dead),
        dead_operations=total(operations(node) for node in dead),
        dead_bytes=total(size_bytes(o) for node in dead for o in node.outputs),
    )
    return marked_on(alive, active_values), report


# --- why ------------------------------------------------------------------------------------------------------------


def _cuts(graph: Graph, outputs: Iterable[Value], active_values: set[Value]) -> tuple[Cut, ...]:
    """One entry a reason, in the order of the program; each missing adjoint counts under the first of its reasons."""
    outputs = tuple(outputs)
    reasons: dict[tuple[str, Location | None], list[tuple[Node | None, Value]]] = {}
    for param in graph.params:
        if not param.type.is_float:
            reasons[f"input {param.name} is {param.type.dtype}: integers carry no gradient", None] = []
        elif not param.grad:
            reasons[_frozen(param), None] = []
    before, after = _causes_before(graph), _causes_after(graph, outputs)
    for param in graph.params:
        if param.grad and param not in active_values and param not in after:
            reasons[f"input {param.name} has no influence on the result: its gradient is zero", None] = []
    for value in graph.values():
        if value in active_values or not value.type.is_float or value not in after or value not in before:
            continue
        cause = after[value] or before[value]
        if cause is not None:
            reasons.setdefault(cause, []).append((value.node, value))
    return tuple(_cut(*key, missing, graph) for key, missing in reasons.items())


Cause = tuple[str, Location | None]


def _frozen(param: Value) -> str:
    return f"input {param.name} is not differentiated"


def _stop(node: Node) -> Cause | None:
    """Why the node ends a path, if it does."""
    if isinstance(node.op.derivative, ZeroDerivative):
        return f"{node.op.name} is piecewise constant: its derivative is zero", node.location
    if node.attrs.get("cancels"):  # see passes.shifts
        return "the shift cancels out: its gradient is zero", node.location
    if isinstance(node.op.derivative, NotDifferentiable):
        reason = node.op.derivative.reason
        return reason if node.op.name in reason else f"{node.op.name} is {reason}", node.location
    return None


def _causes_before(graph: Graph) -> dict[Value, Cause | None]:
    """For each value that depends on a float input: None where it is varied, else the first reason why it is not."""
    found: dict[Value, Cause | None] = {}
    for param in graph.params:
        if param.type.is_float:
            found[param] = None if param.grad else (_frozen(param), None)
    for node in graph.nodes:
        reached = [found[v] for v in node.inputs if v in found]
        if reached:
            cause = None if None in reached else reached[0]
            found.update((o, _stop(node) or cause) for o in node.outputs)
    return found


def _causes_after(graph: Graph, outputs: Iterable[Value]) -> dict[Value, Cause | None]:
    """For each value that the outputs depend on: None where it is useful, else the first reason why it is not."""
    found: dict[Value, Cause | None] = dict.fromkeys(outputs)
    for node in reversed(graph.nodes):
        reached = [found[o] for o in node.outputs if o in found]
        if not reached:
            continue
        cause = _stop(node) or (None if None in reached else reached[0])
        for value in node.inputs:
            if value not in found or cause is None:
                found[value] = cause
    return found


def _cut(reason: str, location: Location | None, missing: list[tuple[Node | None, Value]], graph: Graph) -> Cut:
    values = {value for _, value in missing}
    edges = [(node, v) for node in graph.nodes for v in dict.fromkeys(node.inputs) if v in values]
    work = total(operations(node) for node, _ in edges)
    return Cut(reason, location, len(values), work, total(size_bytes(v) for v in values))
