"""The text form of a graph, printed and parsed back: ``print_graph(parse(text, ops)) == text``.

    graph loss(%x: f64[n,3], %w: f64[3] grad, k: int) -> (%2) where n - 2 >= 0 {
      %0: f64[n] grad = matmul %x, %w                 # model.py:12
      %1: f64[] grad = sum %0 axes=(0,)
      ...
    }

Attrs are Python literals, dims, or dtype names. Regions follow their node, indented, as nested graphs; attrs that are
graphs follow those, each under its name.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from graphc.abi import Relation
from graphc.errors import InvalidGraphError, Location
from graphc.ir.dims import Expr, dim_from_ast, parse_dim
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.shapes import RELATION_TEXT, Guard
from graphc.ir.types import DTYPES, SHORT_NAMES, ArrayType

RELATIONS = {text: relation for relation, text in RELATION_TEXT.items()}


# --- printing ---------------------------------------------------------------------------------------------------------


def print_graph(graph: Graph, *, locations: bool = True) -> str:
    """The graph's text; without ``locations`` it is the same for the same program anywhere (the key on disk)."""
    return "\n".join(_graph_lines(graph, locations, ""))


def _graph_lines(graph: Graph, locations: bool, indent: str) -> list[str]:
    names = _value_names(graph)
    params = [f"%{names[p]}: {p.type}{' grad' if p.grad else ''}" for p in graph.params]
    params += [f"{dim}: int" for dim in graph.ints]
    outputs = ", ".join(f"%{names[v]}" for v in graph.outputs)
    guards = ", ".join(str(guard) for guard in graph.guards)
    header = f"{indent}graph {graph.name}({', '.join(params)}) -> ({outputs})"
    lines = [header + (f" where {guards}" if guards else "") + " {"]
    for node in graph.nodes:
        lines.append(_node_line(node, names, locations, indent + "  "))
        for region in node.regions:
            lines.extend(_graph_lines(region, locations, indent + "    "))
        for key, attr in sorted(node.attrs.items()):
            if isinstance(attr, Graph):
                lines += [f"{indent}    {key}:", *_graph_lines(attr, locations, indent + "    ")]
    lines.append(indent + "}")
    return lines


def _value_names(graph: Graph) -> dict[Value, str]:
    names: dict[Value, str] = {}
    taken: set[str] = set()
    for position, param in enumerate(graph.params):
        name = param.name if param.name and param.name not in taken else f"p{position}"
        names[param] = name
        taken.add(name)
    counter = 0
    for node in graph.nodes:
        for output in node.outputs:
            names[output] = str(counter)
            counter += 1
    return names


def _node_line(node: Node, names: Mapping[Value, str], locations: bool, indent: str) -> str:
    results = ", ".join(f"%{names[o]}: {o.type}{' grad' if o.grad else ''}" for o in node.outputs)
    words = [node.op.name]
    if node.inputs:
        words.append(", ".join(f"%{names[v]}" for v in node.inputs))
    words += [f"{key}={print_attr(attr)}" for key, attr in sorted(node.attrs.items()) if not isinstance(attr, Graph)]
    line = f"{indent}{results} = {' '.join(words)}"
    return f"{line:<60}  # {node.location}" if locations and node.location else line


def print_attr(attr: Any) -> str:
    """A literal that ``parse_attr`` reads back.

    >>> print_attr((1, 2.0, np.dtype("f4"), float("nan")))
    '(1,2.0,f32,nan)'
    """
    if isinstance(attr, tuple):
        return "(" + ",".join(map(print_attr, attr)) + ("," if len(attr) == 1 else "") + ")"
    if isinstance(attr, np.dtype):
        return SHORT_NAMES[attr]
    if isinstance(attr, Expr):
        return str(attr).replace(" ", "")
    if isinstance(attr, complex):
        return f"complex({attr.real!r},{attr.imag!r})"
    if attr is None or isinstance(attr, bool | int | float | str):
        return repr(attr)
    raise InvalidGraphError(f"an attr of type {type(attr).__name__} has no text form")


# --- parsing ----------------------------------------------------------------------------------------------------------

_HEADER = re.compile(r"graph (\w+)\((.*)\) -> \((.*?)\)(?: where (.*))? \{$")
_NODE = re.compile(r"((?:%\w+: [^=]*?)(?:, %\w+: [^=]*?)*) = (\w+)(.*)$")
_TYPED = re.compile(r"%(\w+): ((?:weak )?\w+\[[^\]]*\])( grad)?")
_ATTR = re.compile(r" (\w+)=")


def parse(text: str, ops: Mapping[str, Op]) -> Graph:
    """The graph that ``text`` prints. Raises ``InvalidGraphError`` with the line that cannot be read."""
    lines = [line for line in text.splitlines() if line.strip()]
    graph, rest = _parse_graph(lines, 0, ops)
    if rest != len(lines):
        raise InvalidGraphError(f"text after the end of the graph: {lines[rest]!r}")
    return graph


def _parse_graph(lines: list[str], at: int, ops: Mapping[str, Op]) -> tuple[Graph, int]:
    header = _HEADER.match(lines[at].strip())
    if not header:
        raise InvalidGraphError(f"not a graph header: {lines[at]!r}")
    name, params_text, outputs_text, guards_text = header.groups()
    values: dict[str, Value] = {}
    for param, type_text, grad in _TYPED.findall(params_text):
        values[param] = Value(parse_type(type_text), bool(grad), param)
    params = tuple(values.values())
    ints = tuple(parse_dim(t.removesuffix(": int")) for t in _split(params_text) if t.endswith(": int"))
    nodes: list[Node] = []
    at += 1
    while lines[at].strip() != "}":
        node_at, at = at, at + 1
        regions: list[Graph] = []
        while lines[at].lstrip().startswith("graph "):
            region, at = _parse_graph(lines, at, ops)
            regions.append(region)
        rules: dict[str, Graph] = {}
        while (key := lines[at].strip().removesuffix(":")).isidentifier():
            rules[key], at = _parse_graph(lines, at + 1, ops)
        node = _parse_node(lines[node_at], values, ops, tuple(regions))
        node.attrs = {**node.attrs, **rules}
        nodes.append(node)
    outputs = tuple(values[word.strip()[1:]] for word in outputs_text.split(",") if word.strip())
    guards = tuple(_parse_guard(g) for g in _split(guards_text or ""))
    return Graph(name, params, tuple(nodes), outputs, guards, ints), at + 1


def _split(text: str) -> list[str]:
    """The parts between commas that stand outside brackets."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if character == "," and depth == 0:
            parts.append(text[start:position].strip())
            start = position + 1
    parts.append(text[start:].strip())
    return [part for part in parts if part]


def _parse_node(line: str, values: dict[str, Value], ops: Mapping[str, Op], regions: tuple[Graph, ...]) -> Node:
    code, _, comment = line.partition("  # ")
    match = _NODE.match(code.strip())
    if not match or match[2] not in ops:
        raise InvalidGraphError(f"not a node: {line.strip()!r}")
    results, op_name, tail = _TYPED.findall(match[1]), match[2], match[3].rstrip()
    starts = [*_ATTR.finditer(tail)]
    operands = tail[: starts[0].start()] if starts else tail
    attrs = {}
    for this, following in zip(starts, (*starts[1:], None), strict=False):
        attrs[this[1]] = parse_attr(tail[this.end() : following.start() if following else None])
    inputs = tuple(values[word.strip()[1:]] for word in operands.split(",") if word.strip())
    node = Node(ops[op_name], inputs, attrs, [parse_type(t) for _, t, _ in results], regions=regions)
    for (name, _, grad), output in zip(results, node.outputs, strict=True):
        output.grad = bool(grad)
        values[name] = output
    if comment:
        file, _, number = comment.strip().rpartition(":")
        node.location = Location(file, int(number))
    return node


def _parse_guard(text: str) -> Guard:
    expr, relation, _ = text.rsplit(" ", 2)
    return Guard(Relation(RELATIONS[relation]), parse_dim(expr))


def parse_type(text: str) -> ArrayType:
    """
    >>> str(parse_type("f64[n,2*m-1]"))
    'f64[n,2*m-1]'
    """
    weak = text.startswith("weak ")
    short, _, dims = text.removeprefix("weak ").strip().rstrip("]").partition("[")
    return ArrayType(DTYPES[short], tuple(parse_dim(d) for d in _split(dims)), weak)


def parse_attr(text: str) -> Any:
    return _attr_from_ast(ast.parse(text.strip(), mode="eval").body)


def _attr_from_ast(node: ast.expr) -> Any:
    match node:
        case ast.Tuple(elts=elements):
            return tuple(_attr_from_ast(e) for e in elements)
        case ast.Constant(value=value):
            return value
        case ast.Name(id="nan" | "inf" as name):
            return math.nan if name == "nan" else math.inf
        case ast.Name(id=name) if name in DTYPES:
            return DTYPES[name]
        case ast.Call(func=ast.Name(id="complex"), args=[re, im]):
            return complex(_attr_from_ast(re), _attr_from_ast(im))
        case ast.UnaryOp(op=ast.USub(), operand=ast.Name(id="inf")):
            return -math.inf
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=float(value))):
            return -value
    return dim_from_ast(node)
