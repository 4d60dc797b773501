"""What each op on complex values is on their parts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.graph import Node, Value
from graphc.ir.opdef import Gather, Movement, Read, Scatter, Write
from graphc.ir.types import BOOL, ArrayType, real_part_dtype
from graphc.passes.complex_parts import functions, parts
from graphc.passes.complex_parts.fourier import TRANSFORMS
from graphc.passes.complex_parts.parts import Parts, Rule, Split, imaginary
from graphc.passes.complex_parts.scans import SCANS

# Linear in what is complex, with real coefficients: the op on the real parts, and on the imaginary ones.
PART_BY_PART = frozenset({"sum", "cumsum", "stop_gradient", "positive", "select"})


def is_part_by_part(node: Node) -> bool:
    return isinstance(node.op.kind, Movement | Gather | Scatter | Read | Write) or node.op.name in PART_BY_PART


def part_by_part(F: Builder, node: Node, inputs: Sequence[Split]) -> Parts:
    def on(chosen: Callable[[Parts], Value]) -> Value:
        operands = tuple(chosen(x) if isinstance(x, Parts) else x for x in inputs)
        return F.raw(node.op, operands, node.attrs).output

    re = on(lambda z: z.re)
    if all(x.im is None for x in inputs if isinstance(x, Parts)):
        return Parts(re, None)
    return Parts(re, on(lambda z: imaginary(F, z)))


def cast(F: Builder, node: Node, inputs: Sequence[Split]) -> Split:
    (z,), dtype = inputs, real_part_dtype(node.attrs["dtype"])
    if isinstance(z, Value):
        return Parts(F.cast(z, dtype), None)
    if not node.output.type.is_complex:
        return F.cast(truth(F, z) if dtype == BOOL else z.re, dtype)
    return Parts(F.cast(z.re, dtype), None if z.im is None else F.cast(z.im, dtype))


def const(F: Builder, node: Node, inputs: Sequence[Split]) -> Parts:
    number, type_ = complex(node.attrs["value"]), ArrayType(real_part_dtype(node.attrs["dtype"]))
    has_part = number.imag != 0 or math.copysign(1.0, number.imag) < 0
    return Parts(F.constant(number.real, type_), F.constant(number.imag, type_) if has_part else None)


def truth(F: Builder, z: Parts) -> Value:
    return F.logical_not(parts.is_zero(F, z))


def of_one(function: Callable[[Builder, Parts], Split]) -> Rule:
    return lambda F, node, inputs: function(F, inputs[0])  # type: ignore[arg-type]


def of_two(function: Callable[[Builder, Any, Any], Split]) -> Rule:
    return lambda F, node, inputs: function(F, *inputs)


def conj(F: Builder, z: Parts) -> Parts:
    return Parts(z.re, F.neg(imaginary(F, z)))


def whole(F: Builder, node: Node, inputs: Sequence[Split]) -> Parts:
    re, im = (F.broadcast_to(x, node.output.dims) for x in inputs)  # type: ignore[arg-type]
    return Parts(re, im)


def equal(F: Builder, a: Parts, b: Parts) -> Value:
    return F.logical_and(F.eq(a.re, b.re), F.eq(imaginary(F, a), imaginary(F, b)))


def power(F: Builder, node: Node, inputs: Sequence[Split]) -> Parts:
    a, b = inputs
    made = node.inputs[1].node
    while made is not None and made.op.name in ("broadcast_to", "reshape"):
        made = made.inputs[0].node
    known = complex(made.attrs["value"]) if made is not None and made.op.name == "const" else None
    assert isinstance(a, Parts)
    assert isinstance(b, Parts)
    return functions.power(F, a, b, known)


def guarded_mul(F: Builder, g: Parts, p: Parts) -> Parts:
    return parts.choose(F, parts.is_zero(F, g), g, parts.mul(F, g, p))


def absorbing_mul(F: Builder, a: Parts, b: Parts) -> Parts:
    return parts.choose(F, parts.is_zero(F, a), a, parts.choose(F, parts.is_zero(F, b), b, parts.mul(F, a, b)))


def matmul(F: Builder, a: Parts, b: Parts) -> Parts:
    """Four real products, two where a factor is real."""
    re = F.matmul(a.re, b.re)
    if a.im is None or b.im is None:
        im = F.matmul(a.re, b.im) if b.im is not None else F.matmul(a.im, b.re) if a.im is not None else None
        return Parts(re, im)
    return Parts(F.sub(re, F.matmul(a.im, b.im)), F.add(F.matmul(a.re, b.im), F.matmul(a.im, b.re)))


def either(test: str) -> Callable[[Builder, Parts], Value]:
    """Whether one of the parts is so."""

    def rule(F: Builder, z: Parts) -> Value:
        re = F.apply(F.ops[test], (z.re,), {})
        return re if z.im is None else F.logical_or(re, F.apply(F.ops[test], (z.im,), {}))

    return rule


def both_finite(F: Builder, z: Parts) -> Value:
    return F.isfinite(z.re) if z.im is None else F.logical_and(F.isfinite(z.re), F.isfinite(z.im))


def logical(name: str) -> Rule:
    """Of truths, or of numbers which are true where they are not 0."""

    def rule(F: Builder, node: Node, inputs: Sequence[Split]) -> Value:
        return F.apply(F.ops[name], [truth(F, x) if isinstance(x, Parts) else x for x in inputs], {})

    return rule


RULES: dict[str, Rule] = {
    **SCANS,
    **TRANSFORMS,
    **{name: of_one(function) for name, function in functions.FUNCTIONS.items()},
    "cast": cast, "const": const, "complex": whole, "pow": power, "float_power": power,
    "real": of_one(lambda F, z: z.re), "imag": of_one(imaginary), "conj": of_one(conj),
    "abs": of_one(functions.size), "isnan": of_one(either("isnan")), "isinf": of_one(either("isinf")),
    "isfinite": of_one(both_finite), "neg": of_one(parts.neg), "add": of_two(parts.add), "sub": of_two(parts.sub),
    "mul": of_two(parts.mul), "div": of_two(parts.div),
    "guarded_mul": of_two(guarded_mul), "absorbing_mul": of_two(absorbing_mul),
    "matmul": of_two(matmul), "eq": of_two(equal),
    "ne": of_two(lambda F, a, b: F.logical_not(equal(F, a, b))),
    **{name: logical(name) for name in ("logical_not", "logical_and", "logical_or", "logical_xor")},
}  # fmt: skip
