"""The walk over the graph, and its edges: parameters, outputs and regions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from graphc.errors import UnsupportedError
from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Control, Op
from graphc.ir.regions import lead
from graphc.ir.rewrite import drop_dead, with_inputs
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.passes.complex_parts.factors import FACTOR_RULES
from graphc.passes.complex_parts.parts import Parts, Split, imaginary, joined, part_of
from graphc.passes.complex_parts.rules import RULES, is_part_by_part, part_by_part


def has_complex(graph: Graph) -> bool:
    """Whether any value of the graph or of its regions is complex."""
    return any(v.type.is_complex for v in graph.values()) or any(
        has_complex(region) for node in graph.nodes for region in node.regions
    )


def split_complex(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph on parts; the same object where nothing in it is complex.

    A complex parameter or output ``c128[n]`` becomes ``f64[n,2]``. Raises ``UnsupportedError`` for an op that is not
    known for complex numbers.
    """
    if not has_complex(graph):
        return graph
    F = Builder(ops, ShapeFacts(graph.guards))
    known: dict[Value, Split] = {}
    params = []
    for param in graph.params:
        new = param
        if param.type.is_complex:
            new = Value(ArrayType(param.type.real_dtype, (*param.dims, 2)), name=param.name)
            known[param] = Parts(part_of(F, new, 0), part_of(F, new, 1))
        else:
            known[param] = param
        params.append(new)
    _walk(F, graph.nodes, known)
    outputs = [joined(F, found) if isinstance(found := known[v], Parts) else found for v in graph.outputs]
    return drop_dead(replace(graph, params=tuple(params), nodes=tuple(F.nodes), outputs=tuple(outputs)))


def _walk(F: Builder, nodes: Iterable[Node], known: dict[Value, Split]) -> None:
    """Append what stands for each node; ``known`` has what stands for the values so far."""
    for node in nodes:
        inputs = [known[v] for v in node.inputs]
        with F.at(node.location):
            if node.regions and _touches_complex(node):
                known.update(zip(node.outputs, _control(F, node, inputs), strict=True))
            elif any(v.type.is_complex for v in (*node.inputs, *node.outputs)):
                known.update(zip(node.outputs, _split_node(F, node, inputs), strict=True))
            else:
                plain = with_inputs(node, tuple(x for x in inputs if isinstance(x, Value)))
                F.nodes.append(plain)
                known.update(zip(node.outputs, plain.outputs, strict=True))


def _touches_complex(node: Node) -> bool:
    return any(v.type.is_complex for v in (*node.inputs, *node.outputs)) or any(map(has_complex, node.regions))


def _split_node(F: Builder, node: Node, inputs: Sequence[Split]) -> tuple[Split, ...]:
    if node.op.name in FACTOR_RULES:
        return FACTOR_RULES[node.op.name](F, node, inputs)
    rule = RULES.get(node.op.name)
    if rule is not None:
        return (rule(F, node, inputs),)
    if is_part_by_part(node):
        return (part_by_part(F, node, inputs),)
    raise UnsupportedError(f"{node.op.name} of complex numbers is not supported", location=node.location)


# --- regions ----------------------------------------------------------------------------------------------------------


def _flat(F: Builder, splits: Iterable[Split]) -> Iterator[Value]:
    for split in splits:
        if isinstance(split, Parts):
            yield split.re
            yield imaginary(F, split)
        else:
            yield split


def _width(value: Value) -> int:
    return 1 + value.type.is_complex


def _control(F: Builder, node: Node, inputs: Sequence[Split]) -> list[Split]:
    """The node over parts: each complex operand, parameter and result is two."""
    assert isinstance(node.op.kind, Control)
    regions = tuple(_region(F, region) for region in node.regions)
    attrs = dict(node.attrs)
    carried = int(attrs.get("carried", 0))
    if carried:
        attrs["carried"] = sum(map(_width, node.inputs[lead(node) : lead(node) + carried]))
    if "stacked" in attrs:
        attrs["stacked"] = sum(map(_width, node.outputs[carried:]))
    made = F.raw(node.op, tuple(_flat(F, inputs)), attrs, regions)
    return list(_grouped(made.outputs, node.outputs))


def _grouped(flat: Iterable[Value], like: Iterable[Value]) -> Iterator[Split]:
    values = iter(flat)
    for value in like:
        yield Parts(next(values), next(values)) if value.type.is_complex else next(values)


def _region(around: Builder, region: Graph) -> Graph:
    F = Builder(around.ops, around.facts)
    params: list[Value] = []
    known: dict[Value, Split] = {}
    for param in region.params:
        if param.type.is_complex:
            part = ArrayType(param.type.real_dtype, param.dims)
            both = Value(part, name=f"{param.name}_re"), Value(part, name=f"{param.name}_im")
            known[param] = Parts(*both)
            params += both
        else:
            known[param] = param
            params.append(param)
    _walk(F, region.nodes, known)
    outputs = tuple(_flat(F, (known[v] for v in region.outputs)))
    return Graph(region.name, tuple(params), tuple(F.nodes), outputs)
