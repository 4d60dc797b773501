"""Factorisations on pairs: whole complex matrices are read and written, with both parts beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.ir.builder import Builder
from graphc.ir.graph import Node
from graphc.ops.factors import FACTORS
from graphc.passes.complex_parts.parts import Parts, Split, joined, part_of


def factors(F: Builder, node: Node, inputs: Sequence[Split]) -> tuple[Split, ...]:
    """The results of ``<name>_pairs``; eigenvalues of a real matrix are those of an op of their own."""
    is_real = not any(isinstance(x, Parts) for x in inputs)
    name = f"{node.op.name}_of_real" if is_real else f"{node.op.name}_pairs"
    operands = tuple(joined(F, x) if isinstance(x, Parts) else x for x in inputs)
    found = F.raw(F.ops[name], operands, node.attrs).outputs
    return tuple(
        Parts(part_of(F, new, 0), part_of(F, new, 1)) if old.type.is_complex else new
        for old, new in zip(node.outputs, found, strict=True)
    )


FACTOR_RULES = {op.name: factors for op in FACTORS if op.takes_complex}
