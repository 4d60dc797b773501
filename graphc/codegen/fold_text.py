"""Folds as source: accumulators, and the step that takes one element; what the printers of all targets share."""

from __future__ import annotations

from graphc.codegen.scalar_text import ScalarPrinter
from graphc.codegen.text import NARROW, literal
from graphc.schedule.loopnest import Fold


def is_compensated(fold: Fold) -> bool:
    """Whether the fold is a sum of floats, whose rounding errors are summed beside it."""
    return fold.step == "{acc} + {0}" and fold.dtype in ("f64", "f32") and not fold.running


class FoldPrinter(ScalarPrinter):
    """Prints folds over what a nest computes. A printer of nests says how an element is added to a sum: ``_add``."""

    def _add(self, fold: Fold, value: str) -> str:
        raise NotImplementedError

    def _init_fold(self, fold: Fold) -> None:
        if is_compensated(fold):
            self.lines.add(f"total{fold.key} = new_sum_{fold.dtype}()")
            return
        self.lines.add(f"f{fold.key} = {literal(fold.dtype, fold.init)}")
        if fold.index_of is not None:
            self.lines.add(f"p{fold.key} = 0")

    def _step(self, fold: Fold) -> None:
        value = self.text(fold.scalar)
        if is_compensated(fold):
            self.lines.add(self._add(fold, value))
        elif fold.index_of is not None:
            with self.lines.inside(f"if {fold.step.format(value, acc=f'f{fold.key}')}:"):
                self.lines.add(f"f{fold.key} = {value}")
                self.lines.add(f"p{fold.key} = {self.affine(fold.index_of)}")
        else:
            self.lines.add(f"f{fold.key} = {self._stepped(fold, f'f{fold.key}', value)}")

    def _stepped(self, fold: Fold, accumulator: str, value: str) -> str:
        """The accumulator after the step."""
        text = fold.step.format(value, *map(self.text, fold.more), acc=accumulator)
        return f"cast_{fold.dtype}({text})" if fold.dtype in NARROW else text
