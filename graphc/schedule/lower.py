"""From a value at an index to a scalar: movement becomes index arithmetic, pointwise ops become expressions.

``Lowering`` inlines everything down to *stored* values (parameters and roots), which it reads by loads; a value that
the current place of the nest already holds in a register is taken from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from graphc.ir.dims import Dim, product
from graphc.ir.graph import Node, Value
from graphc.ir.opdef import Gather, Pointwise, Reduce
from graphc.ir.positions import as_dim
from graphc.schedule.scalars import SELECT, Affine, Condition, Scalar, Scalars, zero_text

Index = tuple[Affine, ...]
ZERO = Affine()


def linear(dims: Sequence[Dim], index: Sequence[Affine]) -> Affine:
    """Position of the element in a C-contiguous buffer of these dims."""
    result = ZERO
    stride: Dim = 1
    for dim, position in zip(reversed(dims), reversed(index), strict=True):
        if dim != 1:
            result = result.plus(position.times(stride))
        stride = stride * dim
    return result


def is_trivial_reshape(source: Sequence[Dim], target: Sequence[Dim]) -> bool:
    """Whether the reshape does no more than add or drop axes of length 1."""
    return [d for d in source if d != 1] == [d for d in target if d != 1]


def unrolls(node: Node) -> bool:
    """Whether a reduction is so short, and known, that its steps are written out where it is read."""
    if not isinstance(node.op.kind, Reduce) or node.op.kind.index:
        return False
    size = product(node.inputs[0].dims[axis] for axis in node.attrs["axes"])
    return isinstance(size, int) and 1 <= size <= 4


def constant_inverse(divisor: Scalar) -> str | None:
    """The rounded inverse of a constant float divisor, as source, where ``divide_by`` may use it.

    Powers of two divide exactly by their inverse already (a pass sees to that), and very large or small divisors would
    leave the range in which the remainder is exact.
    """
    if divisor.form != "literal" or divisor.dtype not in ("f64", "f32"):
        return None
    number = float(divisor.data)
    if not 2.0**-20 < abs(number) < 2.0**20:
        return None
    if divisor.dtype == "f64":
        return repr(1.0 / number)
    return f"cast_f32({float(np.float32(1.0) / np.float32(number))!r})"


def split_gathered(index: Index, positions: Sequence[Value], axes: Sequence[int], rank: int) -> tuple[Index, Index]:
    """Of an index into a gather's result: the index operands' part, and the index into the base (0 where gathered)."""
    count = max(p.rank for p in positions)
    first = axes[0]
    remaining = iter((*index[:first], *index[first + count :]))
    return index[first : first + count], tuple(ZERO if axis in axes else next(remaining) for axis in range(rank))


def fold_step(step: str, short: str) -> str:
    """A fold's step in this dtype: NumPy adds truth values by "or" and multiplies them by "and"."""
    step = step.replace("{t}", short)
    return step.replace(" + ", " | ").replace(" * ", " & ") if short == "bool" else step


class Lowering:
    """Lowers values into one kernel's ``Scalars``.

    ``stored`` maps each stored value to its buffer; ``resident`` holds the scalars that the current place has at hand,
    by (buffer, index); ``kept`` says where a row's temporaries stand instead.
    """

    def __init__(self, scalars: Scalars, stored: Mapping[Value, int]):
        self.scalars, self.stored = scalars, stored
        self.resident: dict[tuple[int, Affine], Scalar] = {}
        self.kept: dict[tuple[int, Affine], tuple[int, Affine]] = {}
        self.memo: dict[tuple[Value, Index, tuple[Condition, ...]], Scalar] = {}
        self.visited: dict[Value, Scalar] = {}

    def at(self, value: Value, index: Index, conditions: tuple[Condition, ...] = ()) -> Scalar:
        """The value's element at the index; loads are guarded by the conditions that the index depends on.

        An index that does not run along a condition's axis is inside its array wherever that loop stands: scalars that
        feed many embedded arrays are so computed once, and not once for each set of conditions.
        """
        if conditions:
            axes = frozenset[int]().union(*(position.axes for position in index))
            conditions = tuple(c for c in conditions if c.index.axes & axes or not c.index.axes)
        key = (value, index, conditions)
        found = self.memo.get(key)
        if found is None:
            found = self.memo[key] = self._lower(value, index, conditions)
            self.visited.setdefault(value, found)
        return found

    def _lower(self, value: Value, index: Index, conditions: tuple[Condition, ...]) -> Scalar:
        if value in self.stored:
            return self.load(value, linear(value.dims, index), conditions)
        return self.define(value, index, conditions)

    def define(self, value: Value, index: Index, conditions: tuple[Condition, ...] = ()) -> Scalar:
        """The value's element computed by its own op, also where the value is stored (or about to be)."""
        node = value.node
        assert node is not None, f"{value!r} is neither stored nor computed"
        kind = node.op.kind
        rule = {Pointwise: self._pointwise, Reduce: self._unrolled, Gather: self._gather}.get(type(kind))
        if rule is None:
            rule = getattr(self, "_" + node.op.name)
        result = self.memo[value, index, conditions] = rule(node, index, conditions)
        return result

    def load(self, value: Value, position: Affine, conditions: tuple[Condition, ...]) -> Scalar:
        buffer = self.stored[value]
        at_hand = self.resident.get((buffer, position))
        if at_hand is not None:
            return at_hand
        buffer, position = self.kept.get((buffer, position), (buffer, position))
        return self.scalars.load(value.type.short, buffer, position, conditions)

    def _pointwise(self, node: Node, index: Index, conditions: tuple[Condition, ...]) -> Scalar:
        args = tuple(self.at(v, self._broadcast(v.dims, index), conditions) for v in node.inputs)
        short = node.output.type.short
        if node.op.name == "cast":
            if args[0].dtype == short:
                return args[0]
            return self.scalars.apply(short, f"cast_{short}({{0}})", args)
        if node.op.name == "div" and (inverse := constant_inverse(args[1])) is not None:
            return self.scalars.apply(short, f"divide_by_{short}({{0}}, {{1}}, {inverse})", args, 4)
        names = [f"{{{k}}}" for k in range(len(args))]
        template = node.op.print_expr(node.inputs[0].type.short, names)
        if template == "{0}":
            return args[0]
        return self.scalars.apply(short, template, args, node.op.cost, node.op.name)

    @staticmethod
    def _broadcast(dims: Sequence[Dim], index: Index) -> Index:
        """The index into an operand of these dims that is broadcast to the index's space."""
        tail = index[len(index) - len(dims) :] if dims else ()
        return tuple(ZERO if d == 1 else i for d, i in zip(dims, tail, strict=True))

    def _unrolled(self, node: Node, index: Index, conditions: tuple[Condition, ...]) -> Scalar:
        source, axes = node.inputs[0], node.attrs["axes"]
        positions: list[list[Affine]] = [[]]
        rest = iter(index)
        for axis, dim in enumerate(source.dims):
            choices = [Affine(k) for k in range(dim)] if axis in axes else [next(rest)]  # type: ignore[arg-type]
            positions = [[*p, c] for p in positions for c in choices]
        result: Scalar | None = None
        for position in positions:
            element = self.at(source, tuple(position), conditions)
            step = fold_step(node.op.kind.step, source.type.short).format("{1}", acc="{0}")  # type: ignore[union-attr]
            result = element if result is None else self.scalars.apply(element.dtype, f"({step})", (result, element))
        assert result is not None
        return result

    def _gather(self, node: Node, index: Index, conditions: tuple[Condition, ...]) -> Scalar:
        """``gather(x, i0, i1, ..., axes)``: the common dims of the indices stand where the first of ``axes`` was."""
        base, *positions = node.inputs
        own, rest = split_gathered(index, positions, node.attrs["axes"], base.rank)
        gathered = self.gathered(base.dims, positions, own, node.attrs["axes"], conditions)
        return self.scalars.load(base.type.short, self.stored[base], linear(base.dims, rest), conditions, gathered)

    def _read(self, node: Node, index: Index, conditions: tuple[Condition, ...]) -> Scalar:
        """A block's element: affine where its start is known before the kernel, else at a position from memory."""
        base, *starts = node.inputs
        inner, gathered = self.block_positions(base.dims, starts, node.attrs["steps"], index)
        if not gathered:
            return self.at(base, inner, conditions)
        return self.scalars.load(
            base.type.short, self.stored[base], linear(base.dims, inner), conditions, tuple(gathered)
        )

    def block_positions(
        self, dims: Sequence[Dim], starts: Sequence[Value], steps: Sequence[int], index: Index
    ) -> tuple[Index, tuple[tuple[Scalar, Dim], ...]]:
        """Where a block's element stands in an array of ``dims``; last, what is added: scalars with their strides."""
        inner: list[Affine] = []
        gathered: list[tuple[Scalar, Dim]] = []
        for axis, (start, step, place) in enumerate(zip(starts, steps, index, strict=True)):
            known = as_dim(start)
            inner.append(place.times(step).plus(known or 0))
            if known is None:
                gathered.append((self.at(start, ()), product(dims[axis + 1 :])))
        return tuple(inner), tuple(gathered)

    def gathered(
        self,
        dims: Sequence[Dim],
        positions: Sequence[Value],
        own: Index,
        axes: Sequence[int],
        conditions: tuple[Condition, ...] = (),
    ) -> tuple[tuple[Scalar, Dim], ...]:
        """The index operands as scalars, each with the stride of the axis of ``dims`` that it indexes."""
        scalars = (self.at(p, self._broadcast(p.dims, own), conditions) for p in positions)
        return tuple((s, product(dims[axis + 1 :])) for s, axis in zip(scalars, axes, strict=True))

    # --- movement and creation, by op name ---------------------------------------------------------------------------

    def _const(self, node: Node, index: Index, conditions: tuple[Condition, ...]) -> Scalar:
        return self.scalars.literal(node.output.type.short, repr(node.attrs["value"]))

    def _dim(self, node: Node, index: Index, conditions: tuple[Condition, ...]) -> Scalar:
        return self.scalars.size(node.attrs["dim"])

    def _iota(self, node: Node, index: Index, conditions: tuple[Condition, ...]) -> Scalar:
        return self.scalars.position(index[node.attrs["axis"]])

    def _broadcast_to(self, node: Node, index: Index, conditions: tuple[Condition, ...]) -> Scalar:
        source = node.inputs[0]
        return self.at(source, self._broadcast(source.dims, index), conditions)

    def _transpose(self, node: Node, index: Index, conditions: tuple[Condition, ...]) -> Scalar:
        inner: list[Affine] = [ZERO] * len(index)
        for position, axis in enumerate(node.attrs["perm"]):
            inner[axis] = index[position]
        return self.at(node.inputs[0], tuple(inner), conditions)

    def _reshape(self, node: Node, index: Index, conditions: tuple[Condition, ...]) -> Scalar:
        source = node.inputs[0]
        if is_trivial_reshape(source.dims, node.output.dims):
            kept = iter([i for d, i in zip(node.output.dims, index, strict=True) if d != 1])
            return self.at(source, tuple(ZERO if d == 1 else next(kept) for d in source.dims), conditions)
        position = linear(node.output.dims, index)
        while source not in self.stored:  # a reshape of a reshape of what is stored
            assert source.node is not None
            source = source.node.inputs[0]
        return self.load(source, position, conditions)

    def _slice(self, node: Node, index: Index, conditions: tuple[Condition, ...]) -> Scalar:
        starts, steps = node.attrs["starts"], node.attrs["steps"]
        inner = tuple(i.times(step).plus(start) for i, start, step in zip(index, starts, steps, strict=True))
        return self.at(node.inputs[0], inner, conditions)

    def _embed(self, node: Node, index: Index, conditions: tuple[Condition, ...]) -> Scalar:
        """Zero outside the embedded region: the loads inside are guarded, and the value is selected.

        Steps are 1 or -1 here; an array embedded with gaps is stored (see ``tasks``).
        """
        source = node.inputs[0]
        inner, own = [], []
        for axis, position in enumerate(index):
            start, step, size = node.attrs["starts"][axis], node.attrs["steps"][axis], source.dims[axis]
            offset = position.plus(-start).times(step)
            if not (start == 0 and step == 1 and size == node.output.dims[axis]):
                own.append(Condition(offset, size))
            inner.append(ZERO if size == 1 else offset)
        short = source.type.short
        if any(c.known is False for c in own):
            return self.scalars.literal(short, zero_text(short))
        own = [c for c in own if c.known is None]
        if not own:
            return self.at(source, tuple(inner), conditions)
        element = self.at(source, tuple(inner), conditions + tuple(c for c in own if c not in conditions))
        zero = self.scalars.literal(short, zero_text(short))
        return self.scalars.apply(short, SELECT, (self.scalars.holds(tuple(own)), element, zero))

    def _concat(self, node: Node, index: Index, conditions: tuple[Condition, ...]) -> Scalar:
        """Pieces of a few elements beside a long one (see ``tasks.is_long_with_ends``): selected where they stand."""
        axis, short = node.attrs["axis"], node.output.type.short
        offset: Dim = 0
        places: list[tuple[Value, Condition]] = []
        for piece in node.inputs:
            places.append((piece, Condition(index[axis].plus(-offset), piece.dims[axis])))
            offset = offset + piece.dims[axis]
        places.sort(key=lambda place: isinstance(place[1].size, int))  # one that is long in any call is the last choice
        result: Scalar | None = None
        for piece, place in places:
            inner = (*index[:axis], ZERO if place.size == 1 else place.index, *index[axis + 1 :])
            if place.known:
                return self.at(piece, inner, conditions)
            if place.known is None:
                element = self.at(piece, inner, conditions if place in conditions else (*conditions, place))
                result = element if result is None else self.scalars.apply(
                    short, SELECT, (self.scalars.holds((place,)), element, result)
                )  # fmt: skip
        assert result is not None
        return result
