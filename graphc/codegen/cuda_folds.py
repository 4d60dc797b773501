"""How the threads of a block join what their shares of a fold came to: in each warp, then the warps' results."""

from __future__ import annotations

from graphc.codegen.fold_text import FoldPrinter, is_compensated
from graphc.codegen.text import loaded, stored
from graphc.schedule.loopnest import Fold, Phase


class CudaFoldPrinter(FoldPrinter):
    """``shared``: the threads of a block run each row together. A fold's tree has one shape for each size."""

    shared: bool

    def _add(self, fold: Fold, value: str) -> str:
        return f"add_to(total{fold.key}, {value})"

    def _sum_ends(self, fold: Fold) -> None:
        if is_compensated(fold):
            self.lines.add(f"f{fold.key} = sum_of(total{fold.key})")

    def _total(self, fold: Fold, phase: Phase) -> None:
        """What a fold across rows came to; in a phase without loops, every thread holds it already."""
        self._sum_ends(fold)
        if self.shared and phase.axes:
            self._meet(fold)

    def _meet(self, fold: Fold) -> None:
        """Join what each thread came to: by halves in each warp, then the warps' results in order, by every thread."""
        self.lines.add("distance = warp_size() // 2")
        with self.lines.inside("while distance > 0:"):
            self._join_lanes(fold)
            self.lines.add("distance = distance // 2")
        place, position = f"m{fold.key}", f"mp{fold.key}"
        self.lines.add(f"{place} = shared_{fold.dtype}()")
        if fold.index_of is not None:
            self.lines.add(f"{position} = shared_positions()")
        self.lines.add("barrier()")
        with self.lines.inside("if thread % warp_size() == 0:"):
            self.lines.add(f"{place}[thread // warp_size()] = {stored(fold.dtype, f'f{fold.key}')}")
            if fold.index_of is not None:
                self.lines.add(f"{position}[thread // warp_size()] = p{fold.key}")
        self.lines.add("barrier()")
        self.lines.add(f"f{fold.key} = {loaded(fold.dtype, f'{place}[0]')}")
        if fold.index_of is not None:
            self.lines.add(f"p{fold.key} = {position}[0]")
        with self.lines.inside("for warp in range(1, threads // warp_size()):"):
            self._join(fold, loaded(fold.dtype, f"{place}[warp]"), f"{position}[warp]")

    def _join_lanes(self, fold: Fold) -> None:
        """Take in what the thread ``distance`` further on in the warp has."""
        kind = "u8" if fold.dtype == "bool" else fold.dtype
        moved = f"shuffle_down_{kind}({stored(fold.dtype, f'f{fold.key}')}, distance)"
        self.lines.add(f"other{fold.key} = {loaded(fold.dtype, moved)}")
        if fold.index_of is not None:
            self.lines.add(f"place{fold.key} = shuffle_down_i64(p{fold.key}, distance)")
        self._join(fold, f"other{fold.key}", f"place{fold.key}")

    def _join(self, fold: Fold, other: str, place: str) -> None:
        """The fold with another thread's result; of equally good elements the first."""
        own = f"f{fold.key}"
        if fold.index_of is None:
            self.lines.add(f"{own} = {self._stepped(fold, own, other)}")
            return
        better, worse = fold.step.format(other, acc=own), fold.step.format(own, acc=other)
        with self.lines.inside(f"if {better} or ((not {worse}) and {place} < p{fold.key}):"):
            self.lines.add(f"{own} = {other}")
            self.lines.add(f"p{fold.key} = {place}")
