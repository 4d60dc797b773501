"""Calls that meet equal eigenvalues: which programs serve them, and how they warn where there is no derivative.

A program stops where it would divide by a difference of equal values (``autodiff.equal_values``), and says why:

``EqualValues``        a limit is needed. The function is traced anew for a program that computes limits; that one is
                       asked only where the first one has stopped, so that calls without equal values cost nothing more.
``NoDerivativeError``  there is none, or it is not found: a warning names the line, and the same program without these
                       checks serves the call.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from graphc.autodiff.equal_values import Checked, Rule, Watched, WatchedAgain, has_limit, with_checks
from graphc.autodiff.limits import Limits, limit_tangents
from graphc.autodiff.tangent import jvp_graph
from graphc.compiler import Executable
from graphc.errors import DerivativeWarning, NoDerivativeError
from graphc.ir.graph import Graph
from graphc.ops.custom import only_mode
from graphc.ops.index import EqualValues
from graphc.ops.table import OPS
from graphc.passes.derivative_checks import derivative_checks
from graphc.program import Runner
from graphc.trace.session import Session, Vectors
from graphc.transform import Transform

_RULES: dict[Vectors, type[Rule]] = {"watched": Watched, "checked": Checked, "limits": Limits}


def rule_of(vectors: Vectors) -> Rule:
    """How the adjoint treats eigenvectors and singular vectors."""
    return _RULES[vectors]()


def rule_in(session: Session) -> Rule:
    """The same for a derivative that is taken in a trace. What is differentiated again there is only watched: the
    derivative of a limit is another than that of what computes it."""
    return WatchedAgain() if session.derivatives else rule_of(session.vectors)


def tangents_in(session: Session, graph: Graph) -> Graph:
    """The marked graph with tangents, as ``jvp_graph`` adds them, for a trace."""
    return tangents_of(graph, "watched" if session.derivatives else session.vectors)


def tangents_of(graph: Graph, vectors: Vectors, *, apart: bool = False) -> Graph:
    """As ``jvp_graph``; where limits are needed and the adjoint exists, by that."""
    if vectors == "checked":
        return jvp_graph(with_checks(graph, OPS), OPS, apart=apart, watched=False)
    meets = any(has_limit(node) and any(o.grad for o in node.outputs) for node in graph.nodes)
    if vectors == "limits" and meets and only_mode(graph) != "fwd":
        return limit_tangents(graph, OPS)
    return jvp_graph(graph, OPS, apart=apart)


def might_meet_equal_values(transform: Transform, graph: Graph) -> bool:
    """Whether a program of this traced graph might stop for equal values."""
    return bool(derivative_checks(graph)) or (transform.differentiates and _has_vectors(graph))


def _has_vectors(graph: Graph) -> bool:
    return any(has_limit(node) or any(map(_has_vectors, node.regions)) for node in graph.nodes)


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
