"""Random graphs over the op table, for property tests: ``graphs()`` is a Hypothesis strategy of (graph, arrays).

Every step keeps its values moderate, so that values stay away from overflow and most derivatives can be checked by
differences. Sizes: ``n`` is 4, ``m`` is 3, ``5`` stands for a dim known when the graph is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from graphc.abi import Relation
from graphc.ir.builder import Builder, finish
from graphc.ir.dims import product, symbol
from graphc.ir.graph import Graph, Value
from graphc.ir.shapes import Guard, ShapeFacts
from graphc.ir.types import F32, F64, I64, ArrayType
from graphc.ops.table import OPS

N, M = symbol("n"), symbol("m")
SIZES = {"n": 4, "m": 3}
PARAM_DIMS: tuple[tuple[Any, ...], ...] = ((N,), (N, M), (M,), (), (5,), (M, N), (1, M))
NUMBERS = (0.0, -0.0, 1.0, -1.0, 2.0, 0.5, 0.25, -3.0, 1.7)

Draw = Callable[[st.SearchStrategy], Any]
Step = Callable[[Builder, Draw, list[Value]], Value]


def pick(draw: Draw, values: list[Value]) -> Value:
    return values[draw(st.integers(0, len(values) - 1))]


def pick_like(draw: Draw, values: list[Value], x: Value) -> Value:
    """A value that broadcasts with x."""
    return pick(draw, [v for v in values if fits(v, x)])


def fits(a: Value, b: Value) -> bool:
    pairs = zip(reversed(a.dims), reversed(b.dims), strict=False)
    return all(x == y or 1 in (x, y) for x, y in pairs)


# --- steps ------------------------------------------------------------------------------------------------------------


def smooth(F: Builder, draw: Draw, values: list[Value]) -> Value:
    """A smooth function of one value, within its domain."""
    x = pick(draw, values)
    positive = F.add(F.square(x), 0.5)
    makers: dict[str, Callable[[], Value]] = {
        "neg": lambda: F.neg(x),
        "tanh": lambda: F.tanh(x),
        "sin": lambda: F.sin(x),
        "cos": lambda: F.cos(x),
        "exp": lambda: F.exp(F.tanh(x)),
        "log": lambda: F.log(positive),
        "sqrt": lambda: F.sqrt(positive),
        "square": lambda: F.square(F.tanh(x)),
        "expit": lambda: F.expit(x),
        "arctan": lambda: F.arctan(x),
        "pow": lambda: F.pow(F.tanh(x), draw(st.sampled_from((0.0, 1.0, 2.0, 3.0, 4.0)))),
        "inverse": lambda: F.pow(positive, draw(st.sampled_from((-2.0, -1.0, 0.5, 1.5)))),
        "number": lambda: F.broadcast_to(F.constant(draw(st.sampled_from(NUMBERS)), ArrayType(F64)), x.dims),
    }
    return makers[draw(st.sampled_from(sorted(makers)))]()


def arithmetic(F: Builder, draw: Draw, values: list[Value]) -> Value:
    x = pick(draw, values)
    other: Any = pick_like(draw, values, x) if draw(st.booleans()) else draw(st.sampled_from(NUMBERS))
    name = draw(st.sampled_from(("add", "sub", "mul", "div", "rsub", "guarded_mul")))
    if name == "div":
        return F.div(x, F.add(F.square(other), 0.5) if isinstance(other, Value) else (other or 2.0))
    if name == "rsub":
        return F.sub(other, x)
    if name == "add":
        return F.add(x, other)
    if name == "sub":
        return F.sub(x, other)
    return F.apply(OPS[name], (F.tanh(x), other), {})  # bounded, so that products of products stay moderate


def kinked(F: Builder, draw: Draw, values: list[Value]) -> Value:
    """Piecewise smooth: right almost everywhere."""
    x = pick(draw, values)
    y = pick_like(draw, values, x)
    makers: dict[str, Callable[[], Value]] = {
        "maximum": lambda: F.maximum(x, y),
        "minimum": lambda: F.minimum(x, y),
        "abs": lambda: F.abs(x),
        "relu": lambda: F.select(F.gt(x, 0.0), x, 0.0),
        "select": lambda: F.select(F.logical_not(F.lt(x, y)), x, y),
        "nested": lambda: F.select(F.lt(x, y), F.select(F.lt(x, y), x, y), y),
        "floor": lambda: F.add(F.floor(x), y),
        "cast": lambda: F.mul(F.cast(F.gt(x, y), F64), x),
    }
    return makers[draw(st.sampled_from(sorted(makers)))]()


def cut(F: Builder, draw: Draw, values: list[Value]) -> Value:
    x = pick(draw, values)
    return F.mul(F.stop_gradient(F.tanh(x)), x)


def detour(F: Builder, draw: Draw, values: list[Value]) -> Value:
    """Through another dtype and back: float32, integers, truth values, positions."""
    x = pick(draw, values)
    whole = F.cast(F.mul(F.tanh(x), 9.0), I64)
    makers: dict[str, Callable[[], Value]] = {
        "float32": lambda: F.mul(F.cast(x, F32), draw(st.sampled_from(NUMBERS))),
        "twice": lambda: F.cast(F.cast(whole, F32), F64),
        "integers": lambda: F.sub(F.mul(whole, draw(st.integers(-1, 3))), draw(st.integers(-1, 1))),
        "count": lambda: F.reduce("sum", F.cast(F.ge(x, 0.0), I64), range(x.rank)),
        "truth": lambda: F.logical_or(F.gt(x, 0.0), F.logical_not(F.lt(x, 0.5))),
        "positions": lambda: F.mul(F.iota(dims=x.dims, axis=0), whole) if x.rank else whole,
        "running": lambda: F.cumsum(x, axis=0, reverse=draw(st.booleans()), exclusive=False) if x.rank else x,
        "chosen": lambda: F.gather(x, whole_index(F, draw), axes=(0,), checked=True) if x.rank else x,
    }
    return F.cast(makers[draw(st.sampled_from(sorted(makers)))](), F64)


def whole_index(F: Builder, draw: Draw) -> Value:
    """A few positions that stand in any axis that is there (position 0)."""
    return F.mul(F.iota(dims=(draw(st.sampled_from((1, 3))),), axis=0), 0)


def fold(F: Builder, draw: Draw, values: list[Value]) -> Value:
    x = pick(draw, values)
    axes = [a for a in range(x.rank) if draw(st.booleans())]
    name = draw(st.sampled_from(("sum", "sum", "max", "min")))
    if name != "sum":
        return F.reduce(name, x, axes, keepdims=draw(st.booleans()))
    mean = F.div(F.reduce("sum", x, axes, keepdims=draw(st.booleans())), product(x.dims[a] for a in axes))
    return mean


def movement(F: Builder, draw: Draw, values: list[Value]) -> Value:
    x = pick(draw, values)
    makers: dict[str, Callable[[], Value]] = {
        "transpose": lambda: F.transpose(x, draw(st.permutations(range(x.rank)))),
        "flatten": lambda: F.reshape(x, (product(x.dims),)),
        "expand": lambda: F.expand_dims(x, [draw(st.integers(0, x.rank))]),
        "squeeze": lambda: F.squeeze(x, [a for a, d in enumerate(x.dims) if d == 1]),
        "broadcast": lambda: F.broadcast_to(x, (draw(st.sampled_from((N, M, 2))), *x.dims)),
        "slice": lambda: part(F, draw, x),
        "embed": lambda: surrounded(F, draw, x),
        "concat": lambda: F.concat(x, F.neg(x), axis=draw(st.integers(0, x.rank - 1))) if x.rank else x,
        "back": lambda: there_and_back(F, draw, x),
    }
    return makers[draw(st.sampled_from(sorted(makers)))]()


def part(F: Builder, draw: Draw, x: Value) -> Value:
    """Without the first or last element along one axis, or backwards."""
    if not x.rank:
        return x
    axis = draw(st.integers(0, x.rank - 1))
    start, step, shorter = draw(st.sampled_from(((1, 1, 1), (0, 1, 1), (-1, -1, 0), (0, 1, 0))))
    size = x.dims[axis]
    if size == 1 and shorter:
        return x
    first = size - 1 if start < 0 else start
    replace = lambda value, rest: tuple(value if a == axis else r for a, r in enumerate(rest))  # noqa: E731
    dims = replace(size - shorter, x.dims)
    return F.slice(x, starts=replace(first, (0,) * x.rank), steps=replace(step, (1,) * x.rank), dims=dims)


def surrounded(F: Builder, draw: Draw, x: Value) -> Value:
    """With a zero before and after each element, or around all of them, along one axis."""
    if not x.rank:
        return x
    axis, step = draw(st.integers(0, x.rank - 1)), draw(st.sampled_from((1, 2)))
    starts = tuple(1 if a == axis else 0 for a in range(x.rank))
    steps = tuple(step if a == axis else 1 for a in range(x.rank))
    return F.embed(
        x, starts=starts, steps=steps, dims=tuple(step * d + 2 if a == axis else d for a, d in enumerate(x.dims))
    )


def there_and_back(F: Builder, draw: Draw, x: Value) -> Value:
    wide = surrounded(F, draw, x)
    if wide is x or wide.node is None:
        return x
    return F.slice(wide, starts=wide.node.attrs["starts"], steps=wide.node.attrs["steps"], dims=x.dims)


def product_of_matrices(F: Builder, draw: Draw, values: list[Value]) -> Value:
    a = pick(draw, values)
    partners = [v for v in values if v.rank == a.rank >= 2 and v.dims[:-2] == a.dims[:-2] and v.dims[-2] == a.dims[-1]]
    if not partners:
        return F.tanh(a)
    return F.matmul(F.tanh(a), F.tanh(pick(draw, partners)))


# what differences can check: smooth, and without stop_gradient, which differences do not see
SMOOTH_STEPS: tuple[Step, ...] = (smooth, arithmetic, movement, product_of_matrices)
ALL_STEPS: tuple[Step, ...] = (smooth, arithmetic, kinked, cut, fold, movement, product_of_matrices)
EVERY_DTYPE: tuple[Step, ...] = (*ALL_STEPS, detour, detour)
MAX_ELEMENTS = 400


# --- graphs -----------------------------------------------------------------------------------------------------------


@st.composite
def graphs(draw: Draw, max_ops: int = 30, steps: tuple[Step, ...] = ALL_STEPS) -> tuple[Graph, list[np.ndarray]]:
    """A graph whose output 0 is a float64 scalar, with arrays for its parameters (the last one may go unused)."""
    facts = ShapeFacts([Guard(Relation.GE, N - 2), Guard(Relation.GE, M - 2)])
    F = Builder(OPS, facts)
    params = [Value(ArrayType(F64, dims), name=f"p{i}") for i, dims in enumerate(draw(param_dims()))]
    values = list(params)
    for _ in range(draw(st.integers(1, max_ops))):
        if len(F.nodes) >= max_ops:
            break
        made = draw(st.sampled_from(steps))(F, draw, values)
        if made.rank <= 3 and elements(made) <= MAX_ELEMENTS:
            values.append(made)
    last = values[-1]
    scaled = F.mul(last, 1.0 / max(elements(last), 1))
    loss = F.reduce("sum", scaled, range(scaled.rank))
    graph = finish(F, "random", params, [loss, last])
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    return graph, [random.uniform(-1.5, 1.5, concrete(p)) for p in params]


def param_dims() -> st.SearchStrategy:
    """The first parameter shows both symbols, so that every graph can be called."""
    return st.lists(st.sampled_from(PARAM_DIMS), min_size=1, max_size=3).map(lambda found: [(N, M), *found])


def concrete(value: Value) -> tuple[int, ...]:
    from graphc.ir.dims import evaluate

    return tuple(evaluate(d, SIZES) for d in value.dims)


def elements(value: Value) -> int:
    return int(np.prod(concrete(value)))
