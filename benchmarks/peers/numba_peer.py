"""The gradient written by hand for Numba: a reference line, where writing it by hand is sensible at all."""

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
