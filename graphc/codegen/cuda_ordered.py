"""Prints what has an order and is shared all the same: scatters by columns or by owners, and running folds by parts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from graphc.codegen.cuda_folds import CudaFoldPrinter
from graphc.codegen.cuda_mapping import column_axis
from graphc.codegen.text import loaded, stored
from graphc.schedule.loopnest import Phase
from graphc.schedule.scalars import Scalar, walk


class OrderedPrinter(CudaFoldPrinter):
    """Each thread goes through its part in order. A printer of nests says what one round does: ``_element``."""

    def _element(self, needed: Iterable[Scalar], phase: Phase) -> None:
        raise NotImplementedError

    def _start(self) -> None:
        everything = walk(self.nest.scalars())
        self._count_uses(everything)
        self._assign(s for s in everything if self.level(s) == 0 and s.number not in self.pinned)

    def _columns(self) -> None:
        """All updates in order, by each thread for its own columns."""
        axis, (phase,) = column_axis(self.nest), self.nest.phases
        assert axis is not None
        self._start()
        self.order = (axis, *(other for other in phase.axes if other != axis))
        with self.lines.inside(f"for i{axis} in range(global_index(), count, global_count()):"):
            self._in_order(self.order[1:], lambda: self._element(walk(phase.scalars()), phase))

    def _owners(self) -> None:
        """All updates in order, of which each thread makes those of its own part of the target."""
        (phase,) = self.nest.phases
        (store,) = phase.stores
        self._start()
        self.order = phase.axes
        self.lines.add("first = count * global_index() // global_count()")
        self.lines.add("last = count * (global_index() + 1) // global_count()")

        def update() -> None:
            self._assign(s for s in walk([p for p, _ in store.gathered]) if s.number not in self.names)
            self.lines.add(f"place = {self._position(store.index, store.gathered)}")
            with self.lines.inside("if (place >= first) & (place < last):"):
                self._element(walk(phase.scalars()), phase)

        self._in_order(phase.axes, update)

    def _in_order(self, axes: Sequence[int], body: Callable[[], None]) -> None:
        """The body in loops over the axes, the first outermost."""
        names = dict(self.names)
        if axes:
            with self.lines.inside(f"for i{axes[0]} in range({self.dim(self.nest.space[axes[0]])}):"):
                self._in_order(axes[1:], body)
        else:
            body()
        self.names = names

    def _scan(self) -> None:
        """A running fold: each thread's part is folded, then run again from what the parts before it came to."""
        (phase,) = self.nest.phases
        (fold,) = phase.folds
        self._start()
        self.order = phase.axes
        own, place, size = f"f{fold.key}", f"m{fold.key}", f"({self.dim(self.nest.space[0])})"
        names, add = dict(self.names), self.lines.add
        for line in ("thread = thread_index()", "threads = thread_count()", f"first = {size} * thread // threads"):
            add(line)
        add(f"last = {size} * (thread + 1) // threads")
        self._init_fold(fold)
        with self.lines.inside("for i0 in range(first, last):"):
            self._assign(s for s in walk([fold.scalar]) if s.number not in self.names)
            self._step(fold)
        self.names = dict(names)
        add(f"{place} = shared_{fold.dtype}()")
        add(f"{place}[thread] = {stored(fold.dtype, own)}")
        add("barrier()")
        self._init_fold(fold)
        with self.lines.inside("for other in range(thread):"):
            add(f"{own} = {self._stepped(fold, own, loaded(fold.dtype, f'{place}[other]'))}")
        with self.lines.inside("for i0 in range(first, last):"):
            self._element(walk(phase.scalars()), phase)
        self.names = names
