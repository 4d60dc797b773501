"""Random straight-line programs of creations, writes, views, aliases and reads, against plain NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import graphc
from graphc.config import override, settings
from graphc.errors import UnsupportedError
from graphc.ir.dims import evaluate, symbols_of
from graphc.ir.graph import Graph
from graphc.ir.interp import interpret
from graphc.ops.table import OPS
from graphc.passes.pipeline import optimize
from graphc.testing import check_grads

pytestmark = pytest.mark.skipif(settings.disable_jit, reason="GRAPHC_DISABLE_JIT: jit is the plain function")

X = np.array([0.31, 1.13, 0.72])
A = np.array([[0.52, 0.91, 1.33, 0.24], [0.45, 0.66, 1.77, 0.88], [1.29, 0.11, 1.43, 1.65]])

CREATIONS = [
    "np.zeros({shape})", "np.full({shape}, 0.5)", "np.ones({shape}) * {number}",
    "np.arange({size}.0).reshape({shape})", "x[{i3}] + np.zeros({shape})", "a * {number}", "a[:, 1:] + x", "x * 2.0",
    "np.array([x[0], {number}, x[2]])", "np.linspace(0.0, 1.0, {size}).reshape({shape})", "np.zeros_like(a)",
    "a.copy()", "np.eye({n}) * x[1]", "a", "x",
]  # fmt: skip
VIEWS = [
    "{v}", "{v}[{key}]", "{v}.T", "{v}.reshape(-1)", "{v}.ravel()", "{v}[..., None]", "{v}[::-1]",
    "{v}.swapaxes(0, -1)",
    "np.squeeze({v})", "{v}.reshape({v}.shape[::-1])", "np.flip({v})", "np.atleast_2d({v})",
]  # fmt: skip
COPIES = ["{v}.copy()", "{v} + 0.0", "{v}[[0, -1]]", "{v} * {number}", "np.sin({v})", "np.sum({v}[{v} > 0.5]) + {v}"]
WRITES = [
    "{v}[{key}] = {number}", "{v}[{key}] = x[{i3}]", "{v}[{key}] += {number}", "{v}[{key}] *= x[{i3}]",
    "{v} += {number}", "{v} *= x[{i3}]", "{v}[{key}] = {v}[{key}] * 0.5", "{v}[...] = {w}", "{v} += {w}",
    "{v}[{v} > 0.6037] = {number}", "{v}[{v} > x[{i3}]] *= 0.5", "{v}[[0, -1, 0]] = x[{i3}]", "{v}.fill(x[{i3}])",
    "np.add.at({v}, [0, 0], x[{i3}])", "np.add({v}, x[{i3}], out={v})", "np.copyto({v}, {w})",
    "{v}[0], {v}[-1] = {v}[-1], {v}[0]",
    "{v}[1:] += {v}[:-1]", "np.put({v}, [0, 1], x)", "{v}[[0, 1]] += {v}[[1, 0]]", "{v}[{key}] -= {w}[{key}]",
    "{v}[:, 0] = {w}[0]", "np.multiply({v}, {w}, out={v}[...])",
]  # fmt: skip
KEYS = [
    "0",
    "-1",
    "1:",
    "::-1",
    "::2",
    ":-1",
    "...",
    "..., 0",
    "..., ::-1",
    "0, 1:",
    ":, 0",
    "1",
    "None, 0",
    "-2:",
    "1, 1",
]
SHAPES = ["(3,)", "(3, 4)", "(2, 3)", "(4,)", "(2, 2, 2)", "(3, 3)"]


@st.composite
def programs(draw: Any) -> str:
    """Lines of a function of x and a; what NumPy refuses is left out of them."""
    lines: list[str] = []
    scope: dict[str, Any] = {"np": np, "x": X.copy(), "a": A.copy()}
    names: list[str] = []
    for count in range(draw(st.integers(3, 14))):
        kind = draw(st.integers(0, 9)) if names else 0
        templates = CREATIONS if kind < 2 else VIEWS if kind < 5 else COPIES if kind < 6 else WRITES
        template = draw(st.sampled_from(templates))
        shape = draw(st.sampled_from(SHAPES))
        line = template.format(
            v=draw(st.sampled_from(names)) if names else "", w=draw(st.sampled_from(names)) if names else "",
            key=draw(st.sampled_from(KEYS)), number=draw(st.sampled_from(["0.25", "1.5", "-0.75", "2"])), shape=shape,
            size=int(np.prod(eval(shape))), n=draw(st.integers(2, 3)), i3=draw(st.integers(0, 2)),
        )  # fmt: skip
        is_write = templates is WRITES
        line = line if is_write else f"v{count} = {line}"
        if _runs(line, scope):
            lines.append(line)
            if not is_write and isinstance(scope[f"v{count}"], np.ndarray) and scope[f"v{count}"].ndim:
                names.append(f"v{count}")
    return "\n    ".join([*lines, "return [" + ", ".join(["x * 1.0", "a * 1.0", *(f"{n} * 1.0" for n in names)]) + "]"])


def _runs(line: str, scope: dict[str, Any]) -> bool:
    """Run the line; False, and nothing changed, where NumPy refuses it or its numbers grow too large."""
    before = {name: value.copy() for name, value in scope.items() if isinstance(value, np.ndarray)}
    try:
        with np.errstate(all="ignore"):
            exec(line, scope)
    except (ValueError, IndexError, TypeError):
        return _restored(scope, before)
    arrays = [value for value in scope.values() if isinstance(value, np.ndarray)]
    return all(value.size and np.abs(value).max() < 100 for value in arrays) or _restored(scope, before)


def _restored(scope: dict[str, Any], before: dict[str, np.ndarray]) -> bool:
    for name in [name for name, value in scope.items() if isinstance(value, np.ndarray)]:
        if name in before:
            if scope[name].flags.writeable:
                scope[name][...] = before[name]
        else:
            del scope[name]
    return False


def compiled_from(text: str, tmp: str = "<program>") -> Any:
    import linecache

    source = f"def program(x, a):\n    {text}\n"
    name = f"<program {hash(source)}>"
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    scope: dict[str, Any] = {"np": np}
    exec(compile(source, name, "exec"), scope)
    return scope["program"]


@contextmanager
def unknown_layouts_refused() -> Iterator[None]:
    """Pass over a program whose views depend on strides that a trace cannot know: the only error allowed."""
    try:
        yield
    except UnsupportedError as error:
        assume("whether a reshaped array shares memory" not in error.message)
        raise


def check_values(found: Any, expected: Any) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        assert np.asarray(ours).dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-14)


@hypothesis_settings(derandomize=True, max_examples=60, deadline=None)
@given(programs())
def test_values_are_numpys(text):
    f = compiled_from(text)
    expected = f(X.copy(), A.copy())
    with override(disable_jit=True), unknown_layouts_refused():
        found, _ = graphc.vjp(f, X, A)  # interpreted
    check_values(found, expected)


@hypothesis_settings(derandomize=True, max_examples=25, deadline=None)
@given(programs())
def test_compiled_values_are_numpys(text):
    f = compiled_from(text)
    with unknown_layouts_refused():
        found = graphc.jit(f)(X, A)
    check_values(found, f(X.copy(), A.copy()))


def inputs_of(graph: Graph) -> list[np.ndarray]:
    """Numbers for the graph's parameters, at the sizes of X and A."""
    sizes: dict[str, int] = {}
    for param in graph.params:
        shape = {"x": X.shape, "a": A.shape}.get(param.name, ())
        sizes.update({str(d): n for d, n in zip(param.dims, shape, strict=False) if not isinstance(d, int)})
    assume(all(name in sizes for p in graph.params for d in p.dims for name in symbols_of(d)))  # not of a constant
    rng = np.random.default_rng(0)
    known = {"x": X, "a": A}
    return [
        known.get(p.name, rng.normal(size=[evaluate(d, sizes) for d in p.dims]).astype(p.type.dtype))
        for p in graph.params
    ]


@hypothesis_settings(derandomize=True, max_examples=25, deadline=None)
@given(programs())
def test_passes_change_no_value(text):
    f = compiled_from(text)
    total = graphc.grad(lambda x, a: sum(np.sum(np.sin(r)) for r in f(x, a)), argnums=(0, 1))
    for stage in ("marked", "joint"):
        with unknown_layouts_refused():
            graph = total.graph(stage, X, A)
        inputs = inputs_of(graph)
        for ours, theirs in zip(interpret(optimize(graph, OPS), inputs), interpret(graph, inputs), strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-13)


@hypothesis_settings(derandomize=True, max_examples=25, deadline=None)
@given(programs())
def test_gradients_are_the_limits_of_differences(text):
    with override(disable_jit=True), unknown_layouts_refused():
        check_grads(compiled_from(text), (X, A), order=1)
