"""Rows that are run together, so that what each of them computes once is computed in vectors.

A logistic regression takes a product of each row of features, a logarithm and an ``expit`` of that, and adds a multiple
of the row to its gradient. Between two loops over a row such functions are scalar code, and cost more than both loops.
So several rows run through the first loop, then through the functions, then through the second loop; few enough that
the second finds them in cache.
"""

from __future__ import annotations

from graphc.ir.dims import Dim, dim_max, dim_min, product
from graphc.schedule.loopnest import Fold, Nest, Phase, Store
from graphc.schedule.scalars import BLOCK_AXIS, MOST_TOGETHER, Scalar, walk

IN_CACHE = 8192  # elements of the rows together
FUNCTION = 15  # operations of a scalar from which on vectors pay


def rows_together(nest: Nest) -> Dim | None:
    """How many rows of the nest to run together; None where that gains nothing, or rows do more than plain loops."""
    if nest.row != 1 or nest.sequential or not all(map(_is_plain, nest.phases)):
        return None
    dear = [s for s in walk(nest.scalars()) if _is_dear(s)]
    if not dear or any(s.axes != {0} for s in dear):
        return None  # where each element has such functions, those of a row do not matter
    loops = sum(bool(phase.axes) for phase in nest.phases)
    if loops < 2:
        return MOST_TOGETHER
    return dim_min(MOST_TOGETHER, dim_max(1, IN_CACHE // dim_max(1, product(nest.space[1:]))))


def _is_dear(scalar: Scalar) -> bool:
    return scalar.form == "apply" and scalar.data.cost >= FUNCTION and bool(scalar.axes)


def _is_plain(phase: Phase) -> bool:
    folds = [*phase.folds, *(total.fold for total in phase.totals)]
    special = phase.lanes or phase.results or phase.exclusive or phase.compaction or phase.skip is not None
    return not special and all(map(_is_plain_fold, folds)) and not any(map(_is_temporary, phase.stores))


def _is_temporary(store: Store) -> bool:
    """Whether it keeps elements of a row for later phases, in memory that has room for one row of each block."""
    return not store.accumulate and BLOCK_AXIS in store.index.axes


def _is_plain_fold(fold: Fold) -> bool:
    return fold.index_of is None and not fold.running and fold.depth == 0
