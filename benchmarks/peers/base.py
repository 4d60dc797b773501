"""What the worker asks of each library."""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from benchmarks.case import Case
from benchmarks.tree import tree_leaves


class NotOffered(Exception):
    """This peer has no version of this case, or no such mode. The reason is shown; it is no failure."""


class Peer(ABC):
    """Turns a case into a call without arguments, ready to be timed."""

    name: ClassVar[str]
    modules: ClassVar[tuple[str, ...]]  # what must be importable; the first one's version is reported
    has_compile_cache: ClassVar[bool] = False  # whether its first call is timed with empty and with warm cache

    @staticmethod
    def environment(threads: int, cache_dir: str) -> dict[str, str]:
        """Variables for the process, beyond those that every process gets."""
        return {}

    def load(self) -> dict[str, str]:
        """Import the library; the versions of what was imported."""
        return {name: str(importlib.import_module(name).__version__) for name in self.modules}

    def loss(self, case: Case) -> Callable[..., Any]:
        """This peer's version of the case's function."""
        if self.name not in case.peers:
            raise NotOffered(f"{case.name} has no version for {self.name}")
        return case.peers[self.name]()

    @abstractmethod
    def prepare(self, case: Case, mode: str, inputs: tuple[Any, ...]) -> Callable[[], Any]:
        """A call without arguments that does the work and returns when the result is there."""

    def warm_up(self) -> None:  # noqa: B027  (most peers compile nothing)
        """One trivial compile, so that the first call of a case is not charged for the library's own start."""

    def read(self, result: Any) -> list[np.ndarray]:
        """The arrays of a result, as NumPy arrays."""
        return [np.asarray(leaf) for leaf in tree_leaves(result)]


def differentiated(case: Case, arguments: Any) -> Any:
    """What ``argnums`` picks: the argument itself for one, a tuple for several, as results have it."""
    picked = tuple(arguments[position] for position in case.argnums)
    return picked[0] if len(picked) == 1 else picked


def libraries_argnums(case: Case) -> int | tuple[int, ...]:
    return case.argnums[0] if len(case.argnums) == 1 else case.argnums
