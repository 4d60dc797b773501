"""What a benchmark case is, and where cases are found: each module of ``benchmarks.cases`` has a tuple ``CASES``."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.roofline import Work

MODES = ("grad", "value_and_grad", "value")
SUITES = ("arrays", "loops", "derivatives", "linalg", "patterns")
DERIVATIVES = ("gradient", "hessian", "jacobian", "batch")


@dataclass(frozen=True)
class Case:
    """One piece of work, written once for NumPy and once in each peer's own idiom.

    ``function``  the plain NumPy function a user would write; graphc compiles exactly this one
    ``inputs``    ``inputs(rng, **sizes)`` makes the arguments: arrays, or dicts of arrays
    ``peers``     peer name -> builder. A builder takes nothing, imports the peer, and returns the peer's version of
                  ``function`` with the same arguments (for ``numba``: the hand-written gradient itself; for
                  ``numba_primal``: the value alone)
    ``argnums``   the arguments to differentiate
    ``static``    the arguments that are Python numbers, which a library may compile for
    ``suite``     "arrays": expressions over whole arrays; "loops": time steps, recurrences, writes in place;
                  "derivatives": others than a gradient; "linalg": factorisations of matrices; "patterns": shifts,
                  transposes, running sums and the like
    ``derivative``  "gradient"; "hessian"; "jacobian", of a function of one array that gives an array; "batch": the
                  gradient by the first argument for each of a batch of them, the other arguments being shared
    ``work``      ``work(**sizes)``: what no program for the derivative can avoid
    ``rtol``      largest difference between two peers, relative to the largest entry of the array compared
    """

    name: str
    what: str
    function: Callable[..., Any]
    inputs: Callable[..., tuple[Any, ...]]
    sizes: Mapping[str, Any]
    small_sizes: Mapping[str, Any]
    peers: Mapping[str, Callable[[], Callable[..., Any]]]
    argnums: tuple[int, ...] = (0,)
    static: tuple[int, ...] = ()
    suite: str = "arrays"
    derivative: str = "gradient"
    rtol: float = 1e-9
    main: bool = False
    modes: tuple[str, ...] = field(default=MODES)
    work: Callable[..., Work] = field(kw_only=True)

    def make_inputs(self, seed: int = 0, *, small: bool = False) -> tuple[Any, ...]:
        """The arguments of one run; the same ones in each process. ``small`` makes those of the tests."""
        import numpy as np

        return self.inputs(np.random.default_rng(seed), **(self.small_sizes if small else self.sizes))


def all_cases() -> dict[str, Case]:
    """Every case by name, the main ones first."""
    from benchmarks import cases

    found: list[Case] = []
    for module in pkgutil.iter_modules(cases.__path__):
        found.extend(importlib.import_module(f"{cases.__name__}.{module.name}").CASES)
    names = [case.name for case in found]
    duplicates = {name for name in names if names.count(name) > 1}
    if duplicates:
        raise ValueError(f"two cases have the same name: {sorted(duplicates)}")
    return {case.name: case for case in sorted(found, key=lambda case: not case.main)}


def find_case(name: str) -> Case:
    """One case. A case's name starts with that of its module, so that no other is imported: they import SciPy."""
    from benchmarks import cases

    for module in pkgutil.iter_modules(cases.__path__):
        if name.startswith(module.name):
            for case in importlib.import_module(f"{cases.__name__}.{module.name}").CASES:
                if case.name == name:
                    return case
    raise ValueError(f"no case is called {name!r}")


def select_cases(wanted: list[str] | None, suite: str = "arrays") -> list[Case]:
    """The cases named, by whole name or by the part before the first ``_``; those of the suite for None."""
    cases = all_cases()
    if wanted is None:
        return [case for case in cases.values() if case.suite == suite]
    chosen: list[Case] = []
    for name in wanted:
        matches = [case for case in cases.values() if name in (case.name, case.name.split("_")[0])]
        if not matches:
            raise ValueError(f"no case is called {name!r}; there are: {', '.join(cases)}")
        chosen.extend(case for case in matches if case not in chosen)
    return chosen
