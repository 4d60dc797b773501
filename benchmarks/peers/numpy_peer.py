"""The case's function as it stands, run by NumPy: what the value alone costs without any library."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.case import Case
from benchmarks.peers.base import NotOffered, Peer


class NumPy(Peer):
    name = "numpy"
    modules = ("numpy", "scipy")

    def prepare(self, case: Case, mode: str, inputs: tuple[Any, ...]) -> Callable[[], Any]:
        if mode != "value":
            raise NotOffered("NumPy has no gradients")
        return partial(case.function, *inputs)
