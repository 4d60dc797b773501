"""How derivatives treat eigenvectors and singular vectors, whose values may be equal: by the setting of a trace.

``watched``   NaN, with a warning, where values are equal
``checked``   the program does not serve calls that need limits
``limits``    limits are computed, where there are such
"""

from __future__ import annotations

from graphc.autodiff.equal_values import Checked, Rule, Watched, WatchedAgain, has_limit, with_checks
from graphc.autodiff.limits import Limits, limit_tangents
from graphc.autodiff.tangent import jvp_graph
from graphc.ir.graph import Graph
from graphc.ops.custom import only_mode
from graphc.ops.table import OPS
from graphc.passes.derivative_checks import derivative_checks
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
