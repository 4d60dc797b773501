"""Programs for calls that meet equal eigenvalues: they compute limits, and warn where there is no derivative.

A gradient's first program stops where it would divide by a difference of equal values (``autodiff.equal_values``): it
does not serve that call, and the function is traced anew for a ``LimitProgram``, which serves any call of the key. That
one is asked only where the first one has stopped, so that calls without equal values cost nothing more.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from typing import Any, Literal

from graphc.autodiff.equal_values import Checked, Limits, Rule
from graphc.differentiate import differentiate
from graphc.errors import DerivativeWarning, Location
from graphc.ops.table import OPS
from graphc.program import Program
from graphc.trace.record import Output

Vectors = Literal["unknown", "checked", "limits"]  # equal values: NaN; no program for them; limits

_KINDS = {"eigh": "eigenvalues", "eig": "eigenvalues", "svd": "singular values"}


def rule_of(vectors: Vectors) -> Rule | None:
    """How the adjoint treats eigenvectors and singular vectors, for one graph."""
    return {"unknown": lambda: None, "checked": Checked, "limits": Limits}[vectors]()


class LimitProgram(Program):
    """Its last outputs are flags: whether there was no derivative at a node."""

    @functools.cached_property
    def places(self) -> list[tuple[str, Location | None]]:
        """Where the flags come from; found when one is asked for, since what is kept on disk does not know lines."""
        limits = Limits()
        differentiate(self.marked, OPS, vectors=limits)
        return limits.places

    def deliver(self, results: Sequence[Any]) -> Any:
        outputs = [*self.outputs, *(self.kept.template if self.kept is not None else ())]
        wanted = 1 + max(output.index for output in outputs if isinstance(output, Output))
        for number, flag in enumerate(results[wanted:]):
            if flag:
                warn(*self.places[number])
        return super().deliver(results)


def warn(name: str, location: Location | None) -> None:
    """Tell that a gradient has no derivative at the line, once a line as Python's filters have it."""
    values, zero = _KINDS[name], " or zero" if name == "svd" else ""
    message = (
        f"{name}: some {values} are equal{zero} up to rounding, and no derivative was found there: what is computed "
        "depends on the choice of their vectors, and the gradient is NaN; or it has a kink like the largest of equal "
        f"values, which then share. What treats equal {values} alike (a function of the matrix, a projection onto all "
        "of their vectors) has a derivative, which is found"
    )
    if location is None:
        warnings.warn(message, DerivativeWarning, stacklevel=2)
    else:
        warnings.warn_explicit(f"{location}: {message}", DerivativeWarning, location.file, location.line)
