"""Scalars as source: names for those that are used again, each computed in the outermost loop that it depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from graphc.codegen.text import NARROW, Lines, affine_text, dim_text, literal, loaded, stored
from graphc.ir.dims import Dim, is_polynomial, symbol, symbols_of
from graphc.schedule.loopnest import Nest, Store
from graphc.schedule.scalars import SELECT, Affine, Condition, Scalar, walk, zero_text

LONGEST_INLINE = 60  # characters of an expression that may stand inside another instead of in a variable


class ScalarPrinter:
    """Names of buffers, sizes and scalars in one kernel, and the text of expressions.

    ``order`` are the axes of the loops around the place that is being printed, the outermost first.
    """

    def __init__(
        self,
        nest: Nest,
        lines: Lines,
        prefix: str = "",
        name_dim: Callable[[Dim], str] | None = None,
        variables: Mapping[int, str] = {},
    ):
        self.nest, self.lines, self.prefix, self.name_dim, self.variables = nest, lines, prefix, name_dim, variables
        self.buffers: dict[int, str] = {}  # in order of first use: the kernel's parameters
        self.sizes: dict[Dim, str] = {}  # symbols, and dims that are more than sums and products of them
        self.names: dict[int, str] = {}  # scalar number -> variable
        self.assumed: frozenset[Condition] = frozenset()  # conditions that hold where the text will stand
        self.excluded: frozenset[Condition] = frozenset()  # those that do not
        self.pinned = self._pinned()
        self.overwritten = self._overwritten()
        self.uses: dict[int, int] = {}
        self.order: tuple[int, ...] = tuple(range(len(nest.space)))
        self.ahead: tuple[int, int] = (-1, 0)  # an axis, and how far beyond its variable what is printed stands

    # --- names --------------------------------------------------------------------------------------------------------

    def buffer(self, number: int) -> str:
        return self.buffers.setdefault(number, f"{self.prefix}b{len(self.buffers)}")

    def element(self, buffer: int, index: Affine, gathered: Iterable[tuple[Scalar, Dim]]) -> str:
        return self.variables.get(buffer) or "{}[{}]".format(*self.buffer_at(buffer, index, gathered))

    def dim(self, dim: Dim) -> str:
        """The dim's text: symbols are parameters, and so is a dim that would need a division or a comparison."""
        if self.name_dim is not None:
            return self.name_dim(dim)
        if isinstance(dim, int):
            return str(dim)
        if is_polynomial(dim):
            names = {
                name: self.sizes.setdefault(symbol(name), f"n{len(self.sizes)}") for name in sorted(symbols_of(dim))
            }
            return dim_text(dim, names)
        return self.sizes.setdefault(dim, f"n{len(self.sizes)}")

    def affine(self, position: Affine) -> str:
        return affine_text(position, self._variable, self.dim)

    def _variable(self, axis: int) -> str:
        if axis < 0:
            return "block"
        return f"(i{axis} + {self.ahead[1]})" if axis == self.ahead[0] and self.ahead[1] else f"i{axis}"

    # --- levels -------------------------------------------------------------------------------------------------------

    def _pinned(self) -> set[int]:
        """Scalars that depend on a fold's result: they cannot leave the row."""
        pinned: set[int] = set()
        for scalar in walk(self.nest.scalars()):
            if scalar.form == "folded" or any(a.number in pinned for a in scalar.args):
                pinned.add(scalar.number)
        return pinned

    def _overwritten(self) -> set[int]:
        """Loads of what the same phase stores into: they come before its stores."""
        found: set[int] = set()
        for phase in self.nest.phases:
            written = {store.buffer for store in phase.stores}
            found |= {s.number for s in walk(phase.scalars()) if s.form == "load" and s.data.buffer in written}
        return found

    def level(self, scalar: Scalar) -> int:
        """Loops around the place where the scalar is computed."""
        own = 1 + max((self.order.index(a) if a >= 0 else -1 for a in scalar.axes), default=-1)
        return max(own, self.nest.row) if scalar.number in self.pinned else own

    # --- scalars ------------------------------------------------------------------------------------------------------

    def _count_uses(self, scalars: Iterable[Scalar]) -> None:
        for scalar in scalars:
            for position, arg in enumerate(scalar.args):
                times = scalar.data.template.count(f"{{{position}}}") if scalar.form == "apply" else 1
                self.uses[arg.number] = self.uses.get(arg.number, 0) + times
        for scalar in self.nest.scalars():
            self.uses[scalar.number] = self.uses.get(scalar.number, 0) + 1

    def _assign(self, scalars: Iterable[Scalar]) -> None:
        """Give each scalar a variable, unless it is short and read once by something at its own level."""
        for scalar in scalars:
            if scalar.number in self.names or scalar.form in ("literal", "size", "position", "holds", "folded"):
                continue
            text = self.text(scalar)
            hoisted = self.level(scalar) < len(self.nest.space)
            named = hoisted or scalar.number in self.overwritten
            if named or self.uses.get(scalar.number, 0) > 1 or len(text) > LONGEST_INLINE:
                name = f"{self.prefix}v{scalar.number}" + (f"_{self.ahead[1]}" if self.ahead[1] else "")
                self.lines.add(f"{name} = {text}")
                self.names[scalar.number] = name

    def text(self, scalar: Scalar) -> str:
        if scalar.number in self.names:
            return self.names[scalar.number]
        return getattr(self, "_text_" + scalar.form)(scalar)

    def _text_load(self, scalar: Scalar) -> str:
        data = scalar.data
        if not self.excluded.isdisjoint(data.conditions):
            return literal(scalar.dtype, zero_text(scalar.dtype))
        gathered = list(zip(scalar.args, data.strides, strict=True))
        conditions = [c for c in data.conditions if c not in self.assumed]
        if not conditions:
            return loaded(scalar.dtype, self.element(data.buffer, data.index, gathered))
        buffer, position = self.buffer_at(data.buffer, data.index, gathered)
        return loaded(scalar.dtype, f"load_where({self._conditions_text(conditions)}, {buffer}, {position})")

    def buffer_at(self, buffer: int, index: Affine, gathered: Iterable[tuple[Scalar, Dim]]) -> tuple[str, str]:
        """The array in which an element of a buffer is found, and its position there."""
        return self.buffer(buffer), self._position(index, gathered)

    def _position(self, index: Affine, gathered: Iterable[tuple[Scalar, Dim]]) -> str:
        text = self.affine(index)
        for scalar, stride in gathered:
            factor = "" if stride == 1 else f" * ({self.dim(stride)})"
            text += f" + {self.text(scalar)}{factor}"
        return text

    def _text_apply(self, scalar: Scalar) -> str:
        if (chosen := self._chosen(scalar)) is not None:
            return self.text(chosen)
        text = scalar.data.template.format(*(self.text(a) for a in scalar.args))
        if scalar.dtype in NARROW:
            return f"cast_{scalar.dtype}({text})"
        return text

    def _text_literal(self, scalar: Scalar) -> str:
        return literal(scalar.dtype, scalar.data)

    def _text_size(self, scalar: Scalar) -> str:
        return f"({self.dim(scalar.data)})"

    def _text_position(self, scalar: Scalar) -> str:
        return f"({self.affine(scalar.data)})"

    def _text_holds(self, scalar: Scalar) -> str:
        if not self.excluded.isdisjoint(scalar.data):
            return "False"
        conditions = [c for c in scalar.data if c not in self.assumed]
        return f"({self._conditions_text(conditions)})" if conditions else "True"

    def _chosen(self, scalar: Scalar) -> Scalar | None:
        """The operand that the scalar is where it selects by conditions of which it is known whether they hold."""
        if scalar.form != "apply" or scalar.data.template != SELECT or scalar.args[0].form != "holds":
            return None
        conditions, element, other = scalar.args
        if not self.excluded.isdisjoint(conditions.data):
            return other
        return element if self.assumed.issuperset(conditions.data) else None

    def reached(self, scalars: Iterable[Scalar]) -> set[int]:
        """The numbers of those that the scalars are made of, as far as it is known which conditions hold."""
        stack, found = list(scalars), set[int]()
        while stack:
            scalar = stack.pop()
            if scalar.number in found:
                continue
            found.add(scalar.number)
            if scalar.form == "load" and not self.excluded.isdisjoint(scalar.data.conditions):
                continue
            chosen = self._chosen(scalar)
            stack.extend(scalar.args if chosen is None else (chosen,))
        return found

    def _text_folded(self, scalar: Scalar) -> str:
        fold = next(f for phase in self.nest.phases for f in phase.folds if f.key == scalar.data)
        return f"p{fold.key}" if fold.index_of is not None else f"f{fold.key}"

    def _conditions_text(self, conditions: Iterable[Condition], without: Iterable[Condition] = ()) -> str:
        """That these conditions hold, and those ``without`` do not."""
        parts = [f"({self.affine(c.index)} >= 0) & ({self.affine(c.index)} < {self.dim(c.size)})" for c in conditions]
        parts += [f"(({self.affine(c.index)} < 0) | ({self.affine(c.index)} >= {self.dim(c.size)}))" for c in without]
        return " & ".join(parts)

    def _store(self, store: Store) -> None:
        target = self.element(store.buffer, store.index, store.gathered)
        value = self.text(store.scalar)
        dtype = store.scalar.dtype
        if store.accumulate:
            value = store.accumulate.format(value, acc=loaded(dtype, target))
        self.lines.add(f"{target} = {stored(dtype, value)}")


def conditions_of(scalar: Scalar) -> tuple[Condition, ...]:
    if scalar.form == "holds":
        return scalar.data
    return scalar.data.conditions if scalar.form == "load" else ()
