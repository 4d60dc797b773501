"""``GRAPHC_NAN=1``: where a result holds NaN, the first operation that made one is found, and named in an error.

The program runs as always, and its results are looked at. Only where one is not a number, the graph is interpreted once
more, and the way of the NaN followed back from the result to the operation whose operands had none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from graphc.compiler import Executable
from graphc.errors import NanError
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.interp import interpret_all
from graphc.ir.opdef import Pointwise
from graphc.ir.types import is_floating
from graphc.ops.table import OPS
from graphc.program import Runner

Inputs = Sequence[Any]
Graphs = Callable[[], Sequence[tuple[str, Graph]]]  # what is to be searched, in order, each with its name
_MOST_SHOWN = 4
FORWARD, BACKWARD = "forward part", "backward part"
_DOMAIN = "Keep its operands in its domain: by np.maximum, or by np.where on the operand and not on the result"
_DERIVATIVE = (
    "A derivative of this line is infinite or undefined there: keep its operands away from such points, by np.maximum, "
    "a small addend, or np.where on the operand and not on the result"
)


class NanCheckedRunner:
    """Runs what another runner runs. Raises ``NanError`` for a result with NaN; ``graphs`` are made only then.

    ``count``: how many of the outputs are results, from the first; None: all.
    """

    def __init__(self, runner: Runner, graphs: Graphs, count: int | None = None):
        self.inner, self.graphs, self.count = runner, graphs, count
        self.executable: Executable | None = runner.executable
        self.sources, self.kernels = runner.sources, runner.kernels

    def run(self, inputs: Inputs) -> list[Any] | None:
        outputs = self.inner.run(inputs)
        if outputs is not None and any(map(has_nan, outputs[: self.count])):
            raise nan_error(self.graphs(), inputs)
        return outputs


def has_nan(value: Any) -> bool:
    """Whether a floating array or number holds NaN."""
    array = np.asarray(value)
    return is_floating(array.dtype) and bool(np.isnan(array).any())


def nan_error(graphs: Sequence[tuple[str, Graph]], inputs: Inputs) -> NanError:
    """The error for a program of these inputs, which made a NaN; each graph takes the same ones."""
    from graphc.passes.derivative_checks import without_derivative_checks

    for part, whole in graphs:
        graph = without_derivative_checks(whole, OPS)
        count = len(graph.params)
        inside: list[tuple[Node, list[Any], list[Any]]] = []  # in loops and branches, in the order they ran

        def watch(node: Node, given: Sequence[Any], made: Sequence[Any], found: list[Any] = inside) -> None:
            if any(map(has_nan, made)) and not any(map(has_nan, given)):
                found.append((node, list(given), list(made)))

        values = interpret_all(graph, inputs[:count], inputs[count:], watch)
        bad = next((v for v in graph.outputs if has_nan(values[v])), None)
        if bad is not None:
            return _described(part, _origin(bad, values), values, inside)
    return NanError("a result holds NaN, which the interpreter does not find: the program rounds otherwise, and "
                    "somewhere subtracts or divides infinities")  # fmt: skip


def _origin(value: Value, values: Mapping[Value, Any]) -> Value:
    """The value that the NaN in this one comes from: whose operands have none."""
    while value.node is not None:
        before = next((v for v in value.node.inputs if has_nan(values[v])), None)
        if before is None:
            return value
        value = before
    return value


def _described(part: str, value: Value, values: Mapping[Value, Any], inside: Sequence[Any]) -> NanError:
    node = value.node
    if node is None:
        return NanError(f"the input {value.name or '?'} holds NaN{_places(values[value])}: no operation made it")
    given, made = [values[v] for v in node.inputs], [values[v] for v in node.outputs]
    if node.regions and inside:
        node, given, made = inside[0]
    if node.op.name == "const":
        return NanError("this number is NaN itself: no operation made it", location=node.location)
    bad = next(array for array in made if has_nan(array))
    return NanError(
        f"{node.op.name} made the first NaN, in the {part}{_places(bad)}{_operands(node, given, bad)}. "
        f"{_DOMAIN if part == FORWARD else _DERIVATIVE}",
        location=node.location,
    )


def _places(array: Any) -> str:
    if not np.ndim(array):
        return ""
    found = np.argwhere(np.isnan(array))
    return f", at {[int(k) for k in found[0]]} ({len(found)} of {np.size(array)} elements)"


def _operands(node: Node, given: Sequence[Any], bad: Any) -> str:
    """What it was made of: the very numbers, where the operation works element by element."""
    if not isinstance(node.op.kind, Pointwise):
        shapes = ", ".join(str(np.shape(array)) for array in given[:_MOST_SHOWN])
        return f", of operands of the shapes {shapes}" if shapes else ""
    place = tuple(np.argwhere(np.isnan(bad))[0])
    numbers = [np.broadcast_to(array, np.shape(bad))[place] for array in given]
    return f": {node.op.name}({', '.join(f'{number:.6g}' for number in numbers)})"
