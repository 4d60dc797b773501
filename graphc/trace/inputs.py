"""Parameters of a program for arrays and numbers that are given to it."""

from __future__ import annotations

from typing import Any

from graphc.abi import LeafKind
from graphc.ir.graph import Value
from graphc.ir.types import ArrayType
from graphc.trace.leaves import LeafSpec, shape_of
from graphc.trace.session import Session


def new_input(session: Session, spec: LeafSpec, obj: Any, name: str) -> Value:
    """A parameter for an array or number; its sizes other than 0 and 1 are new symbols."""
    facts = session.F.facts
    dims: list[Any] = []
    for axis, (known, size) in enumerate(zip(spec.dims, shape_of(spec, obj), strict=True)):
        if known is None:
            symbol = f"n{len(facts.hints or ())}"
            shown = len(spec.dims) - 1 - axis if spec.transposed else axis
            session.symbols[symbol] = f"{name}.shape[{shown}]"
            dims.append(facts.new_symbol(symbol, size, lower=2))
        else:
            dims.append(known)
    return session.new_param(ArrayType(spec.dtype, tuple(dims), weak=spec.kind is LeafKind.FLOAT), name)


def oriented(session: Session, value: Value, spec: LeafSpec) -> Value:
    """The array as the user sees it: a Fortran-ordered one is the transpose of its parameter."""
    return session.F.transpose(value, range(value.rank)[::-1]) if spec.transposed else value
