"""Prints a loop nest as a Numba function over raw pointers.

The printer decides nothing: rows, phases, blocks and folds stand in the nest. It names values, hoists each scalar to
the outermost loop that it depends on, writes the accumulators of folds, and splits the innermost loop where embedded
arrays begin and end, so that its middle part has no conditions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from graphc.codegen.text import NARROW, Lines, affine_text, dim_text, literal, loaded, stored
from graphc.ir.dims import Dim, is_polynomial, symbol, symbols_of
from graphc.schedule.loopnest import Block, Compaction, Fold, Nest, Store, Total
from graphc.schedule.scalars import Affine, Condition, Scalar, walk

CHUNK = 2048  # elements that one accumulator sums before they are added, with compensation, to the whole
LONGEST_INLINE = 60  # characters of an expression that may stand inside another instead of in a variable


@dataclass(frozen=True)
class Part:
    """The range of axis 0 that this call runs over."""

    start: str
    stop: str


class NestPrinter:
    """Prints one nest. After it, ``buffers`` and ``sizes`` hold what the text refers to, in order of first use.

    ``prefix`` keeps the names of several nests in one function apart; ``name_dim`` gives the text of a dim where the
    driver prints the nest into itself, and ``variables`` the buffers of one number that are variables there.
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
        self.assumed: frozenset[Condition] = frozenset()
        self.pinned = self._pinned()
        self.uses: dict[int, int] = {}

    # --- names --------------------------------------------------------------------------------------------------------

    def buffer(self, number: int) -> str:
        return self.buffers.setdefault(number, f"{self.prefix}b{len(self.buffers)}")

    def element(self, buffer: int, position: str) -> str:
        return self.variables.get(buffer) or f"{self.buffer(buffer)}[{position}]"

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
        return affine_text(position, lambda axis: "block" if axis < 0 else f"i{axis}", self.dim)

    # --- levels -------------------------------------------------------------------------------------------------------

    def _pinned(self) -> set[int]:
        """Scalars that depend on a fold's result: they cannot leave the row."""
        pinned: set[int] = set()
        for scalar in walk(self.nest.scalars()):
            if scalar.form == "folded" or any(a.number in pinned for a in scalar.args):
                pinned.add(scalar.number)
        return pinned

    def level(self, scalar: Scalar) -> int:
        """Loops around the place where the scalar is computed."""
        own = max(scalar.axes) + 1 if scalar.axes else 0
        return max(own, self.nest.row) if scalar.number in self.pinned else own

    # --- the whole nest -----------------------------------------------------------------------------------------------

    def print_body(self, part: Part) -> None:
        nest = self.nest
        everything = walk(nest.scalars())
        self._count_uses(everything)
        self._assign(s for s in everything if self.level(s) == 0 and s.number not in self.pinned)
        if nest.block is None:
            self._rows(part)
            return
        with self.lines.inside(f"for block in range({part.start}, {part.stop}):"):
            block, end = self.dim(nest.block), self.dim(nest.space[0])
            self.lines.add(f"first = block * {block}")
            self.lines.add(f"last = least(first + {block}, {end})")
            for total in nest.totals:
                self._init_fold(total.fold)
            self._rows(Part("first", "last"))
            for total in nest.totals:
                result = stored(total.fold.dtype, self._total_result(total.fold))
                self.lines.add(f"{self.buffer(total.partial)}[block] = {result}")

    def _rows(self, part: Part, axis: int = 0) -> None:
        """The loops over ``space[:row]``, then what a row does."""
        if axis == self.nest.row:
            self._row(part)
            return
        with self.lines.inside(self._loop_header(axis, part)):
            names = dict(self.names)
            if axis + 1 < self.nest.row:
                everything = walk(self.nest.scalars())
                self._assign(s for s in everything if self.level(s) == axis + 1 and s.number not in self.pinned)
            self._rows(part, axis + 1)
            self.names = names

    def _loop_header(self, axis: int, part: Part) -> str:
        if axis == 0 and (self.nest.space or part.start):
            return f"for i0 in range({part.start}, {part.stop}):"
        return f"for i{axis} in range({self.dim(self.nest.space[axis])}):"

    def _row(self, part: Part) -> None:
        for number, block in enumerate(self.nest.before):
            totals = [t for t in self.nest.totals if t.in_row and t.place == number]
            self._row_block(block, totals)
            if number < len(self.nest.phases):
                phase_totals = [t for t in self.nest.totals if not t.in_row and t.place == number]
                self._phase(self.nest.phases[number], phase_totals, part)

    def _row_block(self, block: Block, totals: Sequence[Total]) -> None:
        self._assign(walk(_needed(block, totals)))
        for store in block.stores:
            self._store(store)
        for total in totals:
            self._add_to_total(total.fold, self.text(total.fold.scalar))

    # --- phases -------------------------------------------------------------------------------------------------------

    def _phase(self, block: Block, totals: Sequence[Total], part: Part) -> None:
        if not (block.stores or block.folds or totals or block.compaction):
            return
        needed = walk(_needed(block, totals))
        self._assign(s for s in needed if self.level(s) <= self.nest.row)
        for fold in block.folds:
            self._init_fold(fold)
        if block.compaction is not None:
            self.lines.add(f"{self.buffer(block.compaction.count)}[0] = 0")
        names = dict(self.names)
        self._phase_loops(self.nest.row, needed, block, totals, part)
        self.names = names
        for fold in block.folds:
            if self._is_chunked(fold):
                self.lines.add(f"f{fold.key} = sum_of(total{fold.key})")

    def _phase_loops(
        self, axis: int, needed: Sequence[Scalar], block: Block, totals: Sequence[Total], part: Part
    ) -> None:
        last = len(self.nest.space) - 1
        if axis > last:
            self._element(needed, block, totals)
        elif axis < last:
            with self.lines.inside(self._loop_header(axis, part)):
                names = dict(self.names)
                self._assign(s for s in needed if self.level(s) == axis + 1)
                self._phase_loops(axis + 1, needed, block, totals, part)
                self.names = names
        else:
            self._innermost(axis, needed, block, totals, part)

    def _innermost(
        self, axis: int, needed: Sequence[Scalar], block: Block, totals: Sequence[Total], part: Part
    ) -> None:
        start, stop = (part.start, part.stop) if axis == 0 else ("0", self.dim(self.nest.space[axis]))
        chunked = [f for f in (*block.folds, *(t.fold for t in totals)) if self._is_chunked(f)]
        size = self.nest.space[axis]
        if chunked and not (isinstance(size, int) and size <= CHUNK):
            with self.lines.inside(f"for chunk in range({start}, {stop}, {CHUNK}):"):
                self.lines.add(f"chunk_end = least(chunk + {CHUNK}, {stop})")
                self._chunk(axis, "chunk", "chunk_end", chunked, needed, block, totals)
        else:
            self._chunk(axis, start, stop, chunked, needed, block, totals)

    def _chunk(
        self, axis: int, start: str, stop: str, chunked: Sequence[Fold], needed: Sequence[Scalar], block: Block,
        totals: Sequence[Total],
    ) -> None:  # fmt: skip
        for fold in chunked:
            self.lines.add(f"a{fold.key} = {literal(fold.dtype, fold.init)}")
        for low, high, assumed in self._segments(axis, start, stop, needed):
            self.assumed = assumed
            with self.lines.inside(f"for i{axis} in range({low}, {high}):"):
                names = dict(self.names)
                self._element(needed, block, totals)
                self.names = names
            self.assumed = frozenset()
        for fold in chunked:
            self.lines.add(f"add_to(total{fold.key}, a{fold.key})")

    def _element(self, needed: Sequence[Scalar], block: Block, totals: Sequence[Total]) -> None:
        self._assign(s for s in needed if s.number not in self.names)
        if block.exclusive:
            self._stores(block)
        for fold in block.folds:
            self._step(fold)
        for total in totals:
            self._step(total.fold)
        if not block.exclusive:
            self._stores(block)
        if block.compaction is not None:
            self._compact(block.compaction)

    def _stores(self, block: Block) -> None:
        for store in block.stores:
            self._store(store)

    def _compact(self, compaction: Compaction) -> None:
        """Written at every element, kept (by counting on) where the scalar is true: no branch to mispredict."""
        count = f"{self.buffer(compaction.count)}[0]"
        self.lines.add(f"{self.buffer(compaction.buffer)}[{count}] = {self.affine(compaction.position)}")
        self.lines.add(f"{count} = {count} + {self.text(compaction.scalar)}")

    def _segments(
        self, axis: int, start: str, stop: str, needed: Sequence[Scalar]
    ) -> list[tuple[str, str, frozenset[Condition]]]:
        """The innermost loop in up to three ranges, the middle one free of the conditions on its own variable."""
        conditions = dict.fromkeys(c for s in needed for c in _conditions(s) if c.index.axes == {axis})
        lows, highs = [], []
        for condition in conditions:
            offset, coefficient = condition.index.offset, condition.index.coefficient(axis)
            if coefficient == 1:
                lows.append(self.dim(-offset))
                highs.append(self.dim(condition.size - offset))
            elif coefficient == -1:
                lows.append(self.dim(offset - condition.size + 1))
                highs.append(self.dim(offset + 1))
            else:
                return [(start, stop, frozenset())]
        if not conditions:
            return [(start, stop, frozenset())]
        low, high = start, stop
        for bound in dict.fromkeys(lows):
            low = f"greatest({low}, {bound})"
        for bound in dict.fromkeys(highs):
            high = f"least({high}, {bound})"
        self.lines.add(f"inner = least({low}, {stop})")
        self.lines.add(f"outer = greatest({high}, inner)")
        return [(start, "inner", frozenset()), ("inner", "outer", frozenset(conditions)), ("outer", stop, frozenset())]

    # --- folds --------------------------------------------------------------------------------------------------------

    @staticmethod
    def _is_chunked(fold: Fold) -> bool:
        return fold.step == "{acc} + {0}" and fold.dtype in ("f64", "f32") and not fold.running

    def _init_fold(self, fold: Fold) -> None:
        if self._is_chunked(fold):
            self.lines.add(f"total{fold.key} = new_sum_{fold.dtype}()")
            return
        self.lines.add(f"f{fold.key} = {literal(fold.dtype, fold.init)}")
        if fold.index_of is not None:
            self.lines.add(f"p{fold.key} = 0")

    def _step(self, fold: Fold) -> None:
        value = self.text(fold.scalar)
        if self._is_chunked(fold):
            self.lines.add(f"a{fold.key} = reassociating_add(a{fold.key}, {value})")
        elif fold.index_of is not None:
            with self.lines.inside(f"if {fold.step.format(value, acc=f'f{fold.key}')}:"):
                self.lines.add(f"f{fold.key} = {value}")
                self.lines.add(f"p{fold.key} = {self.affine(fold.index_of)}")
        else:
            self._plain_step(fold, value)

    def _plain_step(self, fold: Fold, value: str) -> None:
        text = fold.step.format(value, *map(self.text, fold.more), acc=f"f{fold.key}")
        if fold.dtype in NARROW:
            text = f"cast_{fold.dtype}({text})"
        self.lines.add(f"f{fold.key} = {text}")

    def _add_to_total(self, fold: Fold, value: str) -> None:
        if self._is_chunked(fold):
            self.lines.add(f"add_to(total{fold.key}, {value})")
        else:
            self._plain_step(fold, value)

    def _total_result(self, fold: Fold) -> str:
        return f"sum_of(total{fold.key})" if self._is_chunked(fold) else f"f{fold.key}"

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
            if self.uses.get(scalar.number, 0) > 1 or len(text) > LONGEST_INLINE or hoisted:
                name = f"{self.prefix}v{scalar.number}"
                self.lines.add(f"{name} = {text}")
                self.names[scalar.number] = name

    def text(self, scalar: Scalar) -> str:
        if scalar.number in self.names:
            return self.names[scalar.number]
        return getattr(self, "_text_" + scalar.form)(scalar)

    def _text_load(self, scalar: Scalar) -> str:
        data = scalar.data
        position = self._position(data.index, zip(scalar.args, data.strides, strict=True))
        conditions = [c for c in data.conditions if c not in self.assumed]
        if not conditions:
            return loaded(scalar.dtype, self.element(data.buffer, position))
        guarded = f"load_where({self._conditions_text(conditions)}, {self.buffer(data.buffer)}, {position})"
        return loaded(scalar.dtype, guarded)

    def _position(self, index: Affine, gathered: Iterable[tuple[Scalar, Dim]]) -> str:
        text = self.affine(index)
        for scalar, stride in gathered:
            factor = "" if stride == 1 else f" * ({self.dim(stride)})"
            text += f" + {self.text(scalar)}{factor}"
        return text

    def _text_apply(self, scalar: Scalar) -> str:
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
        conditions = [c for c in scalar.data if c not in self.assumed]
        return f"({self._conditions_text(conditions)})" if conditions else "True"

    def _text_folded(self, scalar: Scalar) -> str:
        fold = next(f for phase in self.nest.phases for f in phase.folds if f.key == scalar.data)
        return f"p{fold.key}" if fold.index_of is not None else f"f{fold.key}"

    def _conditions_text(self, conditions: Iterable[Condition]) -> str:
        return " & ".join(
            f"({self.affine(c.index)} >= 0) & ({self.affine(c.index)} < {self.dim(c.size)})" for c in conditions
        )

    def _store(self, store: Store) -> None:
        target = self.element(store.buffer, self._position(store.index, store.gathered))
        value = self.text(store.scalar)
        dtype = store.scalar.dtype
        if store.accumulate:
            value = store.accumulate.format(value, acc=loaded(dtype, target))
        self.lines.add(f"{target} = {stored(dtype, value)}")


def _needed(block: Block, totals: Sequence[Total]) -> list[Scalar]:
    return block.scalars() + [t.fold.scalar for t in totals]


def _conditions(scalar: Scalar) -> tuple[Condition, ...]:
    if scalar.form == "holds":
        return scalar.data
    return scalar.data.conditions if scalar.form == "load" else ()


def print_kernel(nest: Nest) -> tuple[str, list[int], list[Dim]]:
    """The kernel's source under the name ``NAME``, its buffers and its sizes, in the order of its parameters."""
    lines = Lines()
    if nest.space:
        lines.add("wide_vectors()")
    printer = NestPrinter(nest, lines)
    is_whole = nest.sequential and nest.space
    printer.print_body(Part("0", printer.dim(nest.space[0])) if is_whole else Part("start", "stop"))
    parameters = [*printer.buffers.values(), *printer.sizes.values(), "start", "stop"]
    source = f"def NAME({', '.join(parameters)}):\n{lines}\n"
    return source, list(printer.buffers), list(printer.sizes)
