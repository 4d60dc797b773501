"""Written by hand for Numba, as reference lines: the gradient, where that is sensible at all, and a loop's value."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.case import Case
from benchmarks.peers.base import NotOffered, Peer


class HandWrittenNumba(Peer):
    name = "numba"
    modules = ("numba",)

    def prepare(self, case: Case, mode: str, inputs: tuple[Any, ...]) -> Callable[[], Any]:
        if mode != "grad":
            raise NotOffered("hand-written: the gradient only")
        return partial(self.loss(case), *inputs)


class NumbaPrimal(Peer):
    """The function itself: what its gradient is measured against where it is made of loops."""

    name = "numba_primal"
    modules = ("numba",)

    def prepare(self, case: Case, mode: str, inputs: tuple[Any, ...]) -> Callable[[], Any]:
        if mode != "value":
            raise NotOffered("the value only")
        return partial(self.loss(case), *inputs)
