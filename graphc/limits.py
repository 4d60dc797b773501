"""Calls that meet equal eigenvalues: which programs serve them, and how they warn where there is no derivative.

A program stops where it would divide by a difference of equal values (``autodiff.equal_values``), and says why:

``EqualValues``        a limit is needed. The function is traced anew for a program that computes limits; that one is
                       asked only where the first one has stopped, so that calls without equal values cost nothing more.
``NoDerivativeError``  there is none, or it is not found: a warning names the line, and the same program without these
                       checks serves the call.

Which of these a program can say is chosen in ``vector_rules``.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from graphc.compiler import Executable
from graphc.errors import DerivativeWarning, NoDerivativeError
from graphc.ops.index import EqualValues
from graphc.program import Runner


class _WithAnother:
    """Runs what a runner runs, or, where that stops, the one that ``make`` makes then."""

    def __init__(self, runner: Runner, make: Callable[[], Runner]):
        self.inner, self.make = runner, make
        self.executable: Executable | None = runner.executable
        self.sources, self.kernels = runner.sources, runner.kernels

    @functools.cached_property
    def other(self) -> Runner:
        return self.make()


class LimitRunner(_WithAnother):
    """Where the program meets equal values, another one computes limits."""

    def run(self, inputs: Sequence[Any]) -> list[Any] | None:
        try:
            return self.inner.run(inputs)
        except EqualValues:
            return self.other.run(inputs)


class WarningRunner(_WithAnother):
    """Where the program finds no derivative, it warns, and the other one computes NaN there."""

    def run(self, inputs: Sequence[Any]) -> list[Any] | None:
        try:
            return self.inner.run(inputs)
        except NoDerivativeError as error:
            found = self.other.run(inputs)  # which may have to be left to a program that computes limits
            warn(error)
            return found


def warn(error: NoDerivativeError) -> None:
    """Tell that a line has no derivative, once a line as Python's filters have it."""
    if error.location is None:
        warnings.warn(error.message, DerivativeWarning, stacklevel=2)
    else:
        warnings.warn_explicit(str(error), DerivativeWarning, error.location.file, error.location.line)
