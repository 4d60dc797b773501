"""The builder ``F``: makes nodes by op name, with NumPy's promotion, broadcasting and constants.

``F.mul(a, 2.0)`` looks ``mul`` up in the op table, turns the number into a weak constant, casts the inputs to the
op's loop dtypes and infers the result's type. Tracing, derivative rules and passes all build through it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from graphc.errors import Location, ShapeError, TraceTypeError, UnsupportedError
from graphc.ir.dims import Dim, Expr, evaluate, symbol
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.halves import in_single, moves
from graphc.ir.opdef import Op, Pointwise, loop_dtypes
from graphc.ir.regions import results_of
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import BOOL, C128, F64, HALVES, I64, ArrayType

if TYPE_CHECKING:
    pass

Operand = Value | float | complex | int | bool | np.generic | Expr


class _Place:
    """Entered for every node in every pass: a generator would take three times as long."""

    __slots__ = ("before", "builder", "location")

    def __init__(self, builder: Builder, location: Location | None):
        self.builder, self.location = builder, location

    def __enter__(self) -> None:
        self.before = self.builder.location
        self.builder.location = self.location or self.before

    def __exit__(self, *error: object) -> None:
        self.builder.location = self.before


class Builder:
    """Appends nodes; ``facts`` answers questions about dims; ``location`` is given to new nodes.

    ``takes_real_parts``: a cast of a complex number to a real dtype is its real part, as derivative rules need it; else
    it is an error, since an imaginary part would be lost.
    """

    def __init__(self, ops: Mapping[str, Op], facts: ShapeFacts):
        self.ops, self.facts = ops, facts
        self.nodes: list[Node] = []
        self.location: Location | None = None
        self.takes_real_parts = True
        self._constants: dict[tuple[Any, ...], Value] = {}
        self._loops: dict[tuple[Any, ...], tuple[np.dtype, ...]] = {}

    def __getattr__(self, name: str) -> Callable[..., Any]:
        try:
            op = self.ops[name]
        except KeyError:
            raise AttributeError(f"no op named {name!r}") from None

        def build(*inputs: Operand, **attrs: Any) -> Any:
            return self.apply(op, inputs, attrs)

        self.__dict__[name] = build
        return build

    def at(self, location: Location | None) -> _Place:
        """New nodes belong to this place in the user's source (kept when it is None), within a ``with`` block."""
        return _Place(self, location)

    def apply(self, op: Op, inputs: Sequence[Operand], attrs: Mapping[str, Any]) -> Any:
        """A node of ``op``; returns its output, or the tuple of them when there are several."""
        values = [self.value(x) for x in inputs]
        if isinstance(op.kind, Pointwise) and op.name != "cast":
            try:
                if not op.takes_complex:
                    refuse_complex(op, [v.type for v in values])
                values = self._cast_to_loop(op, values)
            except (TraceTypeError, UnsupportedError) as error:
                raise type(error)(error.message, location=error.location or self.location) from None
        if not HALVES.isdisjoint([v.type.dtype for v in values]) and not moves(op):
            return in_single(self, op, values, lambda wide: self.apply(op, wide, attrs), attrs)
        outputs = self.raw(op, tuple(values), attrs).outputs
        return outputs[0] if len(outputs) == 1 else outputs

    def raw(self, op: Op, inputs: tuple[Value, ...], attrs: Mapping[str, Any], regions: tuple[Graph, ...] = ()) -> Node:
        """A node with these very inputs, no promotion."""
        try:
            given = [v.type for v in inputs]
            if not op.takes_complex:
                refuse_complex(op, given)
            types = op.result_types(self.facts, given, attrs, regions)
        except (ShapeError, UnsupportedError) as error:
            raise type(error)(error.message, location=error.location or self.location) from None
        grad = op.differentiable and any(v.grad for v in inputs)
        node = Node(op, inputs, dict(attrs), types, grad=grad, regions=regions, location=self.location)
        for output in node.outputs:
            output.grad = grad and output.type.is_float
            if regions:  # a branch has its own say in each result, and a loop's last region is its body
                output.grad = output.grad and any(r.outputs[output.index].grad for r in results_of(node))
        self.nodes.append(node)
        return node

    def _cast_to_loop(self, op: Op, values: list[Value]) -> list[Value]:
        key = (op.name, *((v.type.dtype, v.type.weak) for v in values))
        dtypes = self._loops.get(key)
        if dtypes is None:
            dtypes = self._loops[key] = loop_dtypes(op, [v.type for v in values])
        return [self.cast(v, dtype) for v, dtype in zip(values, dtypes, strict=False)]

    def value(self, operand: Operand) -> Value:
        """The operand as a value: Python numbers become weak constants, dims become ``dim`` nodes."""
        if isinstance(operand, Value):
            return operand
        if isinstance(operand, Expr):
            is_bound = self.facts.is_bound(operand)
            return self._bound_size(operand) if is_bound else self.apply(self.ops["dim"], (), {"dim": operand})
        if isinstance(operand, np.generic):
            return self.constant(operand.item(), ArrayType(operand.dtype))
        if isinstance(operand, bool):
            return self.constant(operand, ArrayType(BOOL))
        if isinstance(operand, int):
            return self.constant(operand, ArrayType(I64, weak=True))
        if isinstance(operand, complex):
            return self.constant(operand, ArrayType(C128, weak=True))
        return self.constant(float(operand), ArrayType(F64, weak=True))

    def _bound_size(self, dim: Dim) -> Value:
        """A size with a mask's count in it, counted anew: nothing else may be left of what binds the count."""
        total = self.value(0)
        terms = dim.terms if isinstance(dim, Expr) else (((), dim),)
        for monomial, coefficient in terms:
            part = self.value(coefficient)
            for atom in monomial:
                part = self.mul(part, self._count(atom))
            total = self.add(total, part)
        total.type = ArrayType(I64, weak=True)  # a size is a Python int
        return total

    def _count(self, atom: Any) -> Value:
        for node in self.nodes:
            if node.op.name == "mask_indices" and node.attrs["symbol"] == atom:
                return self.reduce("sum", self.cast(node.inputs[0], I64), (0,), False)
        size = symbol(atom) if isinstance(atom, str) else Expr((((atom,), 1),))
        return self.apply(self.ops["dim"], (), {"dim": size})

    def constant(self, number: float | complex | int | bool, type_: ArrayType) -> Value:
        """A 0-d constant; the same number of the same type is one node."""
        key = (repr(number), type_.dtype, type_.weak)
        if key not in self._constants:
            attrs = {"value": number, "dtype": type_.dtype, "weak": type_.weak}
            self._constants[key] = self.raw(self.ops["const"], (), attrs).output
        return self._constants[key]

    def cast(self, value: Value, dtype: np.dtype) -> Value:
        """The value in another dtype; the same value when it has it already (and is then no longer weak).

        Of a complex number a real dtype takes the real part (see the class), and bool whether it is not zero. Raises
        ``TraceTypeError`` for a Python integer that an integer dtype cannot hold, where NumPy raises too.
        """
        node = value.node
        if value.type.is_complex and dtype.kind not in "cb" and not self.takes_real_parts:
            message = f"a complex number where {dtype} is due: take its real part, z.real, or its size, np.abs(z)"
            raise TraceTypeError(message, location=self.location)
        if node is not None and node.op.name == "const":
            if value.type.dtype == dtype and not value.type.weak:
                return value
            number = node.attrs["value"]
            if value.type.is_complex and dtype.kind not in "cb":
                number = complex(number).real
            if value.type.weak and dtype.kind in "iu" and not np.iinfo(dtype).min <= number <= np.iinfo(dtype).max:
                raise _out_of_bounds(number, dtype, self.location)
            return self.constant(np.asarray(number).astype(dtype).item(), ArrayType(dtype))
        if value.type.dtype == dtype:
            return value
        if value.type.is_complex and dtype.kind != "c":
            return self.ne(value, 0) if dtype == BOOL else self.cast(self.real(value), dtype)
        if node is not None and node.op.name == "dim" and value.type.weak and dtype.kind in "iu":
            self._require_fits(node.attrs["dim"], dtype)
        return self.raw(self.ops["cast"], (value,), {"dtype": dtype}).output

    def _require_fits(self, size: Dim, dtype: np.dtype) -> None:
        """A size or an int argument is a Python integer, too: guarded to be one that the dtype holds."""
        facts, limits = self.facts, np.iinfo(dtype)
        if facts.hints is None or (facts.at_least(size, int(limits.min)) and (
            dtype.itemsize == I64.itemsize or facts.at_least(int(limits.max), size)
        )):  # fmt: skip
            return
        number = evaluate(size, facts.hints)
        raise _out_of_bounds(number, dtype, self.location)

    # --- shorthands that rules and NumPy functions share --------------------------------------------------------------

    def zeros(self, type_: ArrayType) -> Value:
        return self.full(type_, 0.0 if type_.is_float else 0)

    def full(self, type_: ArrayType, number: float | complex | int | bool) -> Value:
        return self.broadcast_to(self.constant(number, ArrayType(type_.dtype)), type_.dims)

    def broadcast_to(self, value: Operand, dims: tuple[Dim, ...]) -> Value:
        value = self.value(value)
        if value.dims == tuple(dims):
            return value
        return self.raw(self.ops["broadcast_to"], (value,), {"dims": tuple(dims)}).output

    def reshape(self, value: Value, dims: tuple[Dim, ...]) -> Value:
        if value.dims == tuple(dims):
            return value
        return self.raw(self.ops["reshape"], (value,), {"dims": tuple(dims)}).output

    def transpose(self, value: Value, perm: Sequence[int]) -> Value:
        if tuple(perm) == tuple(range(value.rank)):
            return value
        return self.raw(self.ops["transpose"], (value,), {"perm": tuple(perm)}).output

    def expand_dims(self, value: Value, axes: Sequence[int]) -> Value:
        """Axes of length 1 at these positions of the result (a reshape)."""
        rest = iter(value.dims)
        rank = value.rank + len(axes)
        return self.reshape(value, tuple(1 if axis in axes else next(rest) for axis in range(rank)))

    def squeeze(self, value: Value, axes: Sequence[int]) -> Value:
        """Without the axes, each of length 1 (a reshape)."""
        return self.reshape(value, tuple(dim for axis, dim in enumerate(value.dims) if axis not in axes))

    def reduce(self, name: str, value: Value, axes: Sequence[int], keepdims: bool = False) -> Value:
        """A reduce op over the axes (non-negative); the value itself when there are none."""
        axes = tuple(sorted(axes))
        result = self.apply(self.ops[name], (value,), {"axes": axes}) if axes else value
        return self.expand_dims(result, axes) if keepdims else result

    def unbroadcast(self, value: Value, dims: tuple[Dim, ...]) -> Value:
        """Sum over the axes along which an array of ``dims`` was broadcast to the value's shape."""
        extra = value.rank - len(dims)
        stretched = [a + extra for a, d in enumerate(dims) if d == 1 and value.dims[a + extra] != 1]
        summed = self.reduce("sum", value, [*range(extra), *stretched])
        return self.reshape(summed, tuple(dims))


def _out_of_bounds(number: Any, dtype: np.dtype, location: Location | None) -> TraceTypeError:
    kind = "integer" if isinstance(number, int) else "number"
    return TraceTypeError(
        f"the Python {kind} {number} is out of bounds for {dtype}; use a wider dtype", location=location
    )


def refuse_complex(op: Op, types: Sequence[ArrayType]) -> None:
    """Raise ``UnsupportedError`` for complex inputs of an op that takes none."""
    complex_ = next((t for t in types if t.is_complex), None)
    if complex_ is not None:
        raise UnsupportedError(
            f"{op.name} of {complex_.dtype} is not supported; where its real and imaginary part, its size or its angle "
            "will do, take those: z.real, z.imag, np.abs(z), np.angle(z)"
        )


def finish(
    builder: Builder, name: str, params: Sequence[Value], outputs: Sequence[Value], ints: Sequence[Dim] = ()
) -> Graph:
    """The graph of all that the builder made."""
    return Graph(name, tuple(params), tuple(builder.nodes), tuple(outputs), builder.facts.final_guards(), tuple(ints))
