"""Transforms on pairs: a whole array of complex numbers is read and written, with both parts beside each other."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.ir.builder import Builder
from graphc.ir.graph import Node, Value
from graphc.passes.complex_parts.parts import Parts, Rule, Split, joined, part_of


def transform(name: str) -> Rule:
    """The rule for the op of complex numbers: the op ``<name>_pairs`` on pairs."""

    def rule(F: Builder, node: Node, inputs: Sequence[Split]) -> Split:
        (x,) = inputs
        operand = x if isinstance(x, Value) else joined(F, x)
        found: Value = F.apply(F.ops[f"{name}_pairs"], (operand,), node.attrs)
        return Parts(part_of(F, found, 0), part_of(F, found, 1)) if node.output.type.is_complex else found

    return rule


TRANSFORMS = {name: transform(name) for name in ("fft", "rfft", "irfft")}
