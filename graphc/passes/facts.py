"""What can be proved about the numbers in a value, from the nodes that made it.

Nothing is assumed of parameters: they may hold NaN, infinities and zeros of both signs.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable

from graphc.ir.graph import Node, Value
from graphc.ir.opdef import Gather, Movement

# fmt: off
_FINITE_OF_FINITE = frozenset({
    "neg", "abs", "sign", "sin", "cos", "tanh", "arctan", "arcsinh", "expit", "erf", "erfc", "floor", "ceil", "trunc",
    "rint", "minimum", "maximum", "fmin", "fmax", "clip", "max", "min", "select", "stop_gradient",
})
# fmt: on
_REARRANGE = frozenset({"broadcast_to", "reshape", "transpose", "slice", "flip", "gather", "take", "stop_gradient"})
_NEVER_NEGATIVE = frozenset({"exp", "exp2", "square", "abs", "cosh", "expit", "erfc"})


class NumberFacts:
    """Answers are kept, so that asking about every value of a graph costs one walk over it."""

    def __init__(self) -> None:
        self._finite: dict[Value, bool] = {}
        self._nonzero: dict[Value, bool] = {}
        self._nonnegative: dict[Value, bool] = {}

    def finite(self, value: Value) -> bool:
        """No element is infinite or NaN."""
        return _ask(value, self._finite, _finite)

    def nonzero(self, value: Value) -> bool:
        """No element is zero (of either sign)."""
        return _ask(value, self._nonzero, _nonzero)

    def nonnegative(self, value: Value) -> bool:
        """No element is less than zero, nor a zero with a minus sign (NaN is allowed)."""
        return _ask(value, self._nonnegative, _nonnegative)


Answer = bool | tuple[Value, ...]


def _ask(value: Value, known: dict[Value, bool], rule: Callable[[Value], Answer]) -> bool:
    """Ask the rule about the value: an answer, or the values of which all must have the property. No recursion."""
    stack = [value]
    while stack:
        top = stack[-1]
        if top in known:
            stack.pop()
            continue
        answer = rule(top)
        if isinstance(answer, bool):
            known[top] = answer
            continue
        if any(known.get(v) is False for v in answer):
            known[top] = False
            continue
        missing = [v for v in answer if v not in known]
        if missing:
            stack.append(missing[0])
        else:
            known[top] = True
    return known[value]


def _finite(value: Value) -> Answer:
    if not value.type.is_float:
        return True
    node = value.node
    if node is None:
        return False
    if node.op.name == "const":
        return cmath.isfinite(node.attrs["value"])
    if value.type.is_complex and not isinstance(node.op.kind, Movement | Gather):
        return False
    if node.op.name == "cast":
        return _cast_is_finite(node)
    if isinstance(node.op.kind, Movement | Gather) or node.op.name in _FINITE_OF_FINITE:
        return tuple(v for v in node.inputs if v.type.is_float)
    return False


def _cast_is_finite(node: Node) -> Answer:
    source, target = node.inputs[0].type, node.output.type
    widens = source.dtype.itemsize <= target.dtype.itemsize
    return node.inputs if not source.is_float or widens else False


def _nonzero(value: Value) -> Answer:
    node = value.node
    if node is None:
        return False
    if node.op.name == "const":
        return bool(node.attrs["value"] != 0)
    if node.op.name in _REARRANGE:
        return node.inputs[:1]
    if node.op.name == "neg" or (node.op.name == "cast" and _cast_keeps_nonzero(node)):
        return node.inputs
    if node.op.name == "select":
        return node.inputs[1:]
    if node.op.name == "div":  # a number over a size; there is no element where the size is zero
        return node.inputs[:1] if _is_moderate(node.inputs[0]) and _is_size(node.inputs[1]) else False
    return False


def _cast_keeps_nonzero(node: Node) -> bool:
    source, target = node.inputs[0].type, node.output.type
    return target.is_float and (not source.is_float or source.real_dtype.itemsize <= target.real_dtype.itemsize)


def _is_size(value: Value) -> bool:
    node = value.node
    while node is not None and node.op.name == "cast":
        node = node.inputs[0].node
    return node is not None and node.op.name == "dim"


def _is_moderate(value: Value) -> bool:
    """A constant so far from underflow that a quotient by any int64 is no zero."""
    node = value.node
    return node is not None and node.op.name == "const" and 1e-12 < abs(node.attrs["value"]) < math.inf


def _nonnegative(value: Value) -> Answer:
    if value.type.dtype.kind in "ub":
        return True
    node = value.node
    if node is None or value.type.is_complex:
        return False
    if node.op.name == "const":
        return bool(node.attrs["value"] > 0 or str(node.attrs["value"]) in ("0", "0.0"))
    if not value.type.is_float:  # integers wrap around
        return False
    if node.op.name in _NEVER_NEGATIVE or (node.op.name == "mul" and node.inputs[0] is node.inputs[1]):
        return True
    if node.op.name in ("add", "sum", "mul", "sqrt", "length", "max", "min") or node.op.name in _REARRANGE:
        return node.inputs[:1] if node.op.name in _REARRANGE else node.inputs
    return node.inputs[1:] if node.op.name == "select" else False
