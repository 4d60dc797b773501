"""Derivatives through vectors of equal eigenvalues or singular values: right, or NaN with a warning.

How a node with vectors is differentiated is a ``Rule``:

``Watched``  by the op's own rule. Where that is NaN the program stops, and another one, without such checks, serves the
             call after a warning (``graphc.limits``). For loops, second derivatives, and whatever has no limits.
``Checked``  the program stops where a limit is needed: another one serves the call, which computes limits.
``Limits``   (``autodiff.limits``) computes limits, for what comes after the node the cotangents anew, of other vectors,
             and their tangents. Where there is no derivative the program stops, as ``Watched`` does.

Tangents are watched or checked likewise (``push_watched``, ``with_checks``), and where a limit is needed they are the
transpose of what the adjoint with limits does to cotangents (``limit_tangents``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from graphc.autodiff.chain import Cotangents, pull_back, push_forward
from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op
from graphc.ir.rewrite import rebuild
from graphc.ir.types import I64
from graphc.ops.equal_values import any_of, scattered
from graphc.ops.index import EQUAL_VALUES, OF_EIG, OF_EIGH, OF_SVD
from graphc.ops.matrices import required
from graphc.ops.spectral_limits import LIMITS, MET, NEEDS, VALUES
from graphc.passes.facts import NumberFacts

CODES: Mapping[str, int] = {"eigh": OF_EIGH, "eig": OF_EIG, "svd": OF_SVD}


class Rule(Protocol):
    """How a node with vectors is differentiated."""

    def pull_back(self, F: Builder, facts: NumberFacts, node: Node, cotangents: Cotangents) -> Cotangents:
        """The cotangents of the node's inputs."""


def has_limit(node: Node) -> bool:
    return node.op.name in LIMITS and 0 not in node.inputs[0].dims


def unless(F: Builder, flag: Value, number: int, found: Value) -> Value:
    """What was found; the program stops with this number where the flag is true."""
    return required(F, F.cast(flag, I64), number, found)


def made_nan(F: Builder, found: Value, given: Cotangents) -> Value:
    """Whether there is NaN in what was found, and in nothing of what was given."""
    made = any_of(F, F.isnan(found))
    for value in given:
        if value is not None:
            made = F.logical_and(made, F.logical_not(any_of(F, F.isnan(value))))
    return made


class Watched:
    """The op's own rule, after which the program stops where that makes NaN."""

    def pull_back(self, F: Builder, facts: NumberFacts, node: Node, cotangents: Cotangents) -> Cotangents:
        first, *rest = pull_back(F, facts, node, cotangents)
        if first is not None:
            first = unless(F, made_nan(F, first, cotangents), CODES[node.op.name], first)
        return (first, *rest)


class WatchedAgain(Watched):
    """The same of what is differentiated again. There a cotangent of zeros for vectors is not enough to leave them out,
    since it may move: the program stops where their values are equal, too."""

    def pull_back(self, F: Builder, facts: NumberFacts, node: Node, cotangents: Cotangents) -> Cotangents:
        first, *rest = super().pull_back(F, facts, node, cotangents)
        place = VALUES[node.op.name]
        given = [g for k, g in enumerate(cotangents) if k != place and g is not None]
        if first is None or not given:
            return (first, *rest)
        unused = MET[node.op.name](F, node)
        for g in given:
            unused = F.logical_and(unused, F.logical_not(any_of(F, F.ne(g, 0.0))))
        for g in given:  # NaN, and its derivative is so where the cotangent moves
            moved = F.reduce("sum", F.mul(g, scattered(F, g.type.dtype, g.dims, 1.0)), range(g.rank))
            lost = F.cast(F.select(unused, F.mul(moved, float("nan")), 0.0), first.type.dtype)
            first = F.add(first, lost)
        return (unless(F, unused, CODES[node.op.name], first), *rest)


def push_watched(F: Builder, facts: NumberFacts, node: Node, tangents: Cotangents) -> Cotangents:
    """The tangents of the node's outputs by the op's own rule, as ``Watched``."""
    found = push_forward(F, facts, node, tangents)
    if not has_limit(node):
        return found
    number = CODES[node.op.name]
    return tuple(None if t is None else unless(F, made_nan(F, t, tangents), number, t) for t in found)


class Checked:
    """As without limits, but the program stops where one is needed."""

    def pull_back(self, F: Builder, facts: NumberFacts, node: Node, cotangents: Cotangents) -> Cotangents:
        met = NEEDS[node.op.name](F, node, cotangents)
        first, *rest = pull_back(F, facts, node, cotangents)
        assert first is not None
        return (unless(F, met, EQUAL_VALUES, first), *rest)


def with_checks(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The marked graph, which stops where vectors that are differentiated belong to values that are equal or close.

    Loops and branches stay as they are: there are no limits in them.
    """

    def visit(F: Builder, node: Node, inputs: tuple[Value, ...]) -> tuple[Value, ...] | None:
        if not has_limit(node) or not any(o.grad for o in node.outputs):
            return None
        made = F.raw(node.op, inputs, node.attrs)
        met = MET[node.op.name](F, made)
        checked = tuple(unless(F, met, EQUAL_VALUES, o) for o in made.outputs)
        for old, new, value in zip(node.outputs, made.outputs, checked, strict=True):
            new.grad = value.grad = old.grad
        return checked

    return rebuild(graph, ops, visit)
