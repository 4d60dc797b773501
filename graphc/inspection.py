"""What a compiled function tells of its program: graphs at each stage, sources, and ``explain`` in plain words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from graphc.abi import Check
from graphc.autodiff.adjoint import joint_vjp
from graphc.autodiff.estimate import number, size_bytes
from graphc.autodiff.prune import prune
from graphc.autodiff.tangent import jvp_graph
from graphc.differentiate import differentiate
from graphc.ir.graph import Graph, Value
from graphc.ir.shapes import RELATION_TEXT, Guard
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.program import Program
from graphc.saving import Saved, saved, saved_values
from graphc.trace.captures import Hidden
from graphc.trace.record import Traced
from graphc.transform import Transform

STAGES = ("traced", "marked", "joint", "final")


def stage_graph(program: Program, transform: Transform, stage: str) -> Graph:
    """The program's graph at a stage. Raises ``ValueError`` for a name that is none."""
    if stage not in STAGES:
        raise ValueError(f"no stage {stage!r}; there are {', '.join(STAGES)}")
    if stage == "traced":
        return program.traced.graph
    if stage == "marked" or not transform.differentiates:
        return program.marked if stage == "marked" else optimize(program.marked, OPS)
    if stage == "joint":
        primal, _ = prune(optimize(program.marked, OPS), _differentiated_outputs(transform))
        if transform.kind == "linearize":
            return jvp_graph(primal, OPS)
        return joint_vjp(primal, OPS, "params" if transform.kind == "vjp" else None)
    return final_graph(program, transform)


def final_graph(program: Program, transform: Transform) -> Graph:
    """What is scheduled: for ``vjp`` and ``linearize`` the first of two programs."""
    if transform.is_split:
        forward: Graph = program.parts.forward  # type: ignore[attr-defined]
        return forward
    transposed = [source.spec.transposed for source in program.traced.inputs]
    graph, _ = differentiate(program.marked, OPS, transposed, dropped=int(transform.kind == "grad"))
    return graph


def _differentiated_outputs(transform: Transform) -> int | None:
    return None if transform.is_split else 1


def program_source(program: Program) -> str:
    """The generated modules, driver first."""
    sources = program.runner.sources
    return "\n\n".join(sources or ["nothing was compiled: GRAPHC_DISABLE_JIT is set, the graph is interpreted"])


def program_kernels(program: Program) -> tuple[str, ...]:
    return program.runner.kernels


def require_backward(transform: Transform) -> None:
    """Raise ``ValueError`` for a function that has no backward part."""
    if not transform.differentiates or transform.kind == "linearize":
        raise ValueError(f"{transform.kind} has no backward part, so that nothing is saved for it")


def what_is_saved(program: Program, transform: Transform) -> Saved:
    """What the forward part saves."""
    sizes = program.traced.hints
    if transform.is_split:
        parts = program.parts  # type: ignore[attr-defined]
        return saved(parts.backward, parts.residuals, sizes)
    joint = stage_graph(program, transform, "joint")
    return saved(joint, saved_values(joint, len(program.marked.outputs)), sizes)


# --- in plain words ---------------------------------------------------------------------------------------------------


def explanation(program: Program, transform: Transform) -> str:
    """What was traced, pruned, specialised, read from outside, fused, and kept for the backward part."""
    traced = program.traced
    sections = [
        (f"{transform.kind} of {traced.graph.name}", _inputs(program, transform)),
        ("read from outside at each call", _outside(traced)),
        ("holds for", _guards(traced)),
    ]
    if transform.differentiates:
        _, report = prune(optimize(program.marked, OPS), _differentiated_outputs(transform))
        pruned = report.lines(traced.hints)
        operations, size = number(report.operations, traced.hints), number(report.bytes, traced.hints)
        if len(pruned) > 1 and (operations or size):
            pruned.append(f"together about {operations} operations and {size} bytes saved")
        sections.append(("pruned at the sizes of the traced call", [_in_words(p, traced.symbols) for p in pruned]))
        sections.append(("kept for the backward part", _kept(program, transform)))
    sections.append(("runs as", _fused(program, transform)))
    lines = []
    for title, entries in sections:
        if entries:
            lines.append(f"{title}:")
            lines.extend(f"  {entry}" for entry in entries)
    return "\n".join(lines)


def _inputs(program: Program, transform: Transform) -> list[str]:
    traced = program.traced
    lines = []
    for source, param in zip(traced.inputs, program.marked.params, strict=True):
        if source.leaf >= 0:
            role = "differentiated" if param.grad else "not differentiated"
            role = f", {role}" if transform.differentiates else ""
            layout = ", Fortran order" if source.spec.transposed else ""
            lines.append(f"{param.name}: {_in_words(str(param.type), traced.symbols)}{role}{layout}")
    lines += [f"{traced.arguments[leaf].name}: int, of any value" for leaf in traced.int_leaves]
    return lines


def _outside(traced: Traced) -> list[str]:
    paths = traced.captures.paths
    lines = [f"{_name(traced, hidden)}: {hidden.value.type}, an input" for hidden in traced.captures.hidden.values()]
    lines = [_in_words(line, traced.symbols) for line in lines]
    for kind, path, expected, *rest in paths.all_checks():
        where = paths.describe(path)
        if kind is Check.EQUAL:
            lines.append(f"{where}: must equal {expected!r}")
        elif kind is Check.IS:
            lines.append(f"{where}: must be the same {type(expected).__name__}")
        elif kind is Check.KEYS:
            lines.append(f"{where}: must have the keys {', '.join(map(repr, expected))}")
        elif kind is Check.TYPE_LEN:
            length = f" of length {rest[0]}" if rest and rest[0] >= 0 else ""
            lines.append(f"{where}: must be a {expected.__name__}{length}")
    return lines


def _name(traced: Traced, hidden: Hidden) -> str:
    return traced.captures.paths.describe(hidden.path)


def _guards(traced: Traced) -> list[str]:
    lines = [_in_words(guard_text(guard), traced.symbols) for guard in traced.graph.guards]
    return [*lines, *(_in_words(note, traced.symbols) for note in traced.notes)]


def guard_text(guard: Guard) -> str:
    """The guard with what is negative on the other side: ``n >= 2`` for ``n-2 >= 0``, ``n <= 3`` for ``3-n >= 0``."""
    expr, relation = guard.expr, RELATION_TEXT[guard.relation]
    terms: tuple[tuple[Any, int], ...] = () if isinstance(expr, int) else expr.terms
    constant = dict(terms).get((), 0)
    variable = expr - constant
    if terms and all(coefficient < 0 for monomial, coefficient in terms if monomial):
        return f"{-variable} {'<=' if relation == '>=' else relation} {constant}"
    return f"{variable} {relation} {-constant}"


def _kept(program: Program, transform: Transform) -> list[str]:
    if transform.is_split:
        values: Sequence[Value] = program.parts.residuals  # type: ignore[attr-defined]
    else:
        values = saved_values(stage_graph(program, transform, "joint"), len(program.marked.outputs))
    sizes = program.traced.hints
    total = sum(number(size_bytes(value), sizes) for value in values)
    if not values:
        return ["nothing"]
    lines = [f"{total} bytes at the sizes of the traced call"]
    return lines + [_in_words(f"{_origin(value)}: {value.type}", program.traced.symbols) for value in values]


def _origin(value: Value) -> str:
    if value.node is None:
        return f"input {value.name}"
    return f"{value.node.op.name} ({value.node.location})" if value.node.location else value.node.op.name


def _fused(program: Program, transform: Transform) -> list[str]:
    steps = len(stage_graph(program, transform, "final").nodes)
    executable = program.runner.executable
    if executable is None:
        return [f"{steps} steps, interpreted: GRAPHC_DISABLE_JIT is set"]
    kernels = len(executable.kernels)
    entries = [f"{_count(steps, 'step')}, fused into {_count(kernels, 'kernel')}"]
    return entries + [f"{what}: {lines}" for what, lines in _launches(executable.source)]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _launches(source: str) -> list[tuple[str, str]]:
    """What the driver runs, in order, each with the user's lines that it computes (the comment above it)."""
    entries, above = [], ""
    for line in map(str.strip, source.splitlines()):
        is_kernel = line.startswith("launch(") or (line.startswith("run(") and "  # " not in line)
        what = "kernel" if is_kernel else "matrix product" if line.startswith("call_service(") else ""
        if what:
            entries.append((what, above.removeprefix("# ") if above.startswith("# ") else "no line of yours"))
        if not line.startswith("for "):
            above = line
    return entries


def _in_words(text: str, symbols: Mapping[str, str]) -> str:
    """The text with each symbol as the user knows it, such as ``x.shape[0]``."""
    return re.sub(r"\bn\d+\b", lambda match: symbols.get(match[0], match[0]), text)
