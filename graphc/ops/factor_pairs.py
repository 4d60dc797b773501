"""The factorisations of complex matrices on pairs of real numbers, along one more axis of length 2.

They are what a program calls: ``lu_pairs``, ``cholesky_factor_pairs`` and so on are the ops of ``factors``, of which
every complex operand and result is such an array. ``eigen_of_real`` is ``eigen`` of real matrices, whose results are
pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphc.errors import InvalidGraphError
from graphc.ir.graph import Attrs
from graphc.ir.opdef import NotDifferentiable, Op, Routine
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType, complex_dtype
from graphc.ops.factors import FACTORS
from graphc.ops.fourier import pairs, whole
from graphc.ops.matrices import Types

PAIRS = NotDifferentiable("a factorisation of pairs, which stands for one of complex numbers")


def whole_type(name: str, type_: ArrayType) -> ArrayType:
    """The type of the complex numbers in an array of pairs."""
    if type_.dtype.kind != "f" or not type_.rank or type_.dims[-1] != 2:
        raise InvalidGraphError(f"{name} of {type_}")
    return ArrayType(complex_dtype(type_.dtype), type_.dims[:-1])


def pair_type(type_: ArrayType) -> ArrayType:
    return ArrayType(type_.real_dtype, (*type_.dims, 2)) if type_.is_complex else type_


def on_pairs(op: Op, name: str, *, real: bool = False) -> Op:
    """The op on pairs; ``real``: its operands are real, and only results are pairs."""
    type_rule, reference = op.type, op.ref
    assert type_rule is not None

    def rule(facts: ShapeFacts, types: Types, attrs: Attrs) -> tuple[ArrayType, ...]:
        given = types if real else [whole_type(name, t) for t in types]
        return tuple(map(pair_type, type_rule(facts, given, attrs)))

    def ref(*arrays: np.ndarray, **attrs: Any) -> Any:
        found = reference(*(arrays if real else map(whole, arrays)), **attrs)
        return tuple(map(as_pairs, found)) if isinstance(found, tuple) else as_pairs(found)

    return Op(name, Routine(), ref, PAIRS, type=rule, cost=4 * op.cost)


def as_pairs(found: Any) -> Any:
    return pairs(found) if np.asarray(found).dtype.kind == "c" else found


EIGEN = next(op for op in FACTORS if op.name == "eigen")
FACTOR_PAIRS = [
    *(on_pairs(op, f"{op.name}_pairs") for op in FACTORS if op.takes_complex),
    on_pairs(EIGEN, "eigen_of_real", real=True),
]
