"""Ops that are no functions of NumPy, called by what graphc has written in NumPy: in a trace, and outside of one."""

from __future__ import annotations

from typing import Any

from graphc.ops.table import OPS
from graphc.trace.location import user_location
from graphc.trace.values import has_traced, session_of, unwrap, wrap


def apply_op(name: str, *operands: Any) -> Any:
    """The op on traced operands; on NumPy's arrays what its reference gives.

    >>> apply_op("erfinv", 0.0)
    np.float64(0.0)
    """
    if not has_traced(operands):
        return OPS[name].ref(*operands)
    session = session_of(operands)
    session.F.location = user_location()
    return wrap(session, session.F.apply(OPS[name], [unwrap(session, operand) for operand in operands], {}))
