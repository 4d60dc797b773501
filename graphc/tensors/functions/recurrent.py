"""Recurrent layers over a sequence, (l, n, features): one loop of the program, whose body is one step of time.

What the inputs contribute to the gates is one matrix product for all steps, before the loop. The formulas are those of
PyTorch's documentation of ``LSTM``, ``GRU`` and ``RNN``; weights lie as there, the gates one below the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.errors import ShapeError
from graphc.ir.builder import Builder
from graphc.ir.dims import Dim
from graphc.ir.graph import Graph, Value
from graphc.ir.types import I64, ArrayType
from graphc.tensors.functions.function import Function
from graphc.tensors.functions.promotion import promoted
from graphc.trace.functions.products import matmul

Cell = Callable[[Builder, Value, Sequence[Value], Sequence[Value]], list[Value]]


def _linear(F: Builder, x: Value, weight: Value, bias: Value | None) -> Value:
    product = matmul(F, x, F.transpose(weight, (1, 0)))
    return product if bias is None else F.add(product, bias)


def _gates(F: Builder, gates: Value, size: Dim, count: int) -> list[Value]:
    """The columns of (n, count * size), divided."""
    n = gates.dims[0]
    return [F.slice(gates, starts=(0, k * size), steps=(1, 1), dims=(n, size)) for k in range(count)]


def _require(F: Builder, name: str, what: str, value: Value, wanted: tuple[Dim, ...]) -> None:
    """Raise ``ShapeError`` unless the value has these sizes."""
    if value.rank != len(wanted) or not all(map(F.facts.equal, value.dims, wanted)):
        text = ", ".join(map(str, wanted))
        raise ShapeError(f"{name}: {what} must have the shape ({text}), it is {value.type}", location=F.location)


def _over_time(
    F: Builder, cell: Cell, inputs: Value, state: Sequence[Value], fixed: Sequence[Value], reverse: bool
) -> tuple[Value, ...]:
    """The outputs (l, n, h), the first state after each step, and the states after the last one.

    ``inputs``: what each step gets, (l, n, ...); ``fixed``: what all steps share.
    """
    length, *dims = inputs.dims
    B = Builder(F.ops, F.facts)
    B.location = F.location
    index = Value(ArrayType(I64), name="t")
    carried = [Value(v.type, name=f"s{k}") for k, v in enumerate(state)]
    shared = [Value(v.type, name=f"w{k}") for k, v in enumerate(fixed)]
    whole = Value(inputs.type, name="inputs")
    starts = (index, *(B.constant(0, ArrayType(I64)) for _ in dims))
    row = B.read(whole, *starts, steps=(1,) * inputs.rank, dims=(1, *dims))
    after = cell(B, B.squeeze(row, (0,)), carried, shared)
    body = Graph("step", (index, *carried, whole, *shared), tuple(B.nodes), (*after, after[0]))
    attrs = {"carried": len(state), "stacked": 1, "trips": length, "reverse": reverse}
    *last, outputs = F.raw(F.ops["for"], (*state, inputs, *fixed), attrs, (body,)).outputs
    return outputs, *last


# --- cells: the sum of the inputs' share and the state's, and what becomes of it --------------------------------------


def _lstm_cell(F: Builder, row: Value, state: Sequence[Value], fixed: Sequence[Value]) -> list[Value]:
    h, c = state
    weight, *projection = fixed
    i, f, g, o = _gates(F, F.add(row, _linear(F, h, weight, None)), c.dims[1], 4)
    c = F.add(F.mul(F.expit(f), c), F.mul(F.expit(i), F.tanh(g)))
    h = F.mul(F.expit(o), F.tanh(c))
    return [_linear(F, h, projection[0], None) if projection else h, c]


def _gru_cell(F: Builder, row: Value, state: Sequence[Value], fixed: Sequence[Value]) -> list[Value]:
    (h,) = state
    weight, *bias = fixed
    own = _gates(F, _linear(F, h, weight, bias[0] if bias else None), h.dims[1], 3)
    given = _gates(F, row, h.dims[1], 3)
    r, z = (F.expit(F.add(a, b)) for a, b in zip(given[:2], own[:2], strict=True))
    n = F.tanh(F.add(given[2], F.mul(r, own[2])))
    return [F.add(n, F.mul(z, F.sub(h, n)))]


def _rnn_cell(nonlinearity: str) -> Cell:
    def cell(F: Builder, row: Value, state: Sequence[Value], fixed: Sequence[Value]) -> list[Value]:
        total = F.add(row, _linear(F, state[0], fixed[0], None))
        return [F.tanh(total) if nonlinearity == "tanh" else F.select(F.gt(total, 0.0), total, 0.0)]

    return cell


# --- the functions ----------------------------------------------------------------------------------------------------


def _both(F: Builder, first: Value | None, second: Value | None) -> Value | None:
    return None if first is None or second is None else F.add(first, second)


def _require_state(F: Builder, name: str, gates: int, x: Value, h: Value, w_ih: Value, w_hh: Value) -> None:
    size = h.dims[1]
    _require(F, name, "the weight of the inputs", w_ih, (gates * size, x.dims[2]))
    _require(F, name, "the weight of the state", w_hh, (gates * size, size))
    _require(F, name, "the state", h, (x.dims[1], size))


def lstm(F: Builder, x: Value, h: Value, c: Value, *rest: Any) -> tuple[Value, ...]:
    """One layer in one direction: (l, n, i) with states (n, h): outputs (l, n, h), the last h and c.

    ``rest``: the weights of the inputs and of the state, their biases, that of the projection, and whether time runs
    backwards; a bias or projection that is not there is None.
    """
    w_ih, w_hh, b_ih, b_hh, w_hr, reverse = rest
    x, h, c, w_ih, w_hh = promoted(F, (x, h, c, w_ih, w_hh))
    n, size = x.dims[1], c.dims[1]
    _require(F, "lstm", "the weight of the inputs", w_ih, (4 * size, x.dims[2]))
    _require(F, "lstm", "the weight of the state", w_hh, (4 * size, h.dims[1]))
    _require(F, "lstm", "the cells' state", c, (n, size))
    _require(F, "lstm", "the hidden state", h, (n, size if w_hr is None else w_hr.dims[0]))
    inputs = _linear(F, x, w_ih, _both(F, b_ih, b_hh))
    return _over_time(F, _lstm_cell, inputs, (h, c), (w_hh,) if w_hr is None else (w_hh, w_hr), reverse)


def gru(F: Builder, x: Value, h: Value, *rest: Any) -> tuple[Value, ...]:
    """As ``lstm``, with one state and no projection."""
    w_ih, w_hh, b_ih, b_hh, reverse = rest
    x, h, w_ih, w_hh = promoted(F, (x, h, w_ih, w_hh))
    _require_state(F, "gru", 3, x, h, w_ih, w_hh)
    inputs = _linear(F, x, w_ih, b_ih)
    return _over_time(F, _gru_cell, inputs, (h,), (w_hh,) if b_hh is None else (w_hh, b_hh), reverse)


def rnn(F: Builder, x: Value, h: Value, *rest: Any) -> tuple[Value, ...]:
    """As ``gru``; the nonlinearity, ``"tanh"`` or ``"relu"``, comes last."""
    w_ih, w_hh, b_ih, b_hh, reverse, nonlinearity = rest
    x, h, w_ih, w_hh = promoted(F, (x, h, w_ih, w_hh))
    _require_state(F, "rnn", 1, x, h, w_ih, w_hh)
    inputs = _linear(F, x, w_ih, _both(F, b_ih, b_hh))
    return _over_time(F, _rnn_cell(nonlinearity), inputs, (h,), (w_hh,), reverse)


RECURRENT = [Function("lstm", lstm), Function("gru", gru), Function("rnn", rnn)]
