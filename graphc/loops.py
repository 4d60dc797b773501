"""Loops and branches in explicit form, with the semantics that JAX users know. Plain Python ones read better.

In a function that graphc traces they become loops and branches of the compiled program; elsewhere they run as the plain
Python loops that they stand for. A value that is carried may be any nested container of numbers and arrays, and keeps
its structure, shapes and dtypes (a Python number takes the dtype that the body gives it).

The examples assume ``import numpy as np`` and ``import graphc``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from graphc import pytree
from graphc.errors import TraceTypeError
from graphc.ir.dims import Dim
from graphc.ir.graph import Value
from graphc.trace.callees import guarded_callee
from graphc.trace.location import user_location
from graphc.trace.regions import Body, stage_cond, stage_for, stage_while, trip_count
from graphc.trace.session import Session, current
from graphc.trace.symbolic import as_dim, wrap_dim
from graphc.trace.trees import ValueTree, value_of
from graphc.trace.values import TracedValue, wrap


def fori_loop(lower: Any, upper: Any, body: Callable[[Any, Any], Any], init: Any) -> Any:
    """``for i in range(lower, upper): init = body(i, init)``, and then ``init``.

    >>> graphc.grad(lambda x: graphc.fori_loop(0, 3, lambda i, y: y * x, 1.0))(2.0)
    np.float64(12.0)

    Args: lower, upper: integers; sizes and integer arguments stay symbols. body: ``(i, carried) -> carried``.
    Raises: TraceTypeError: the body changes the structure, a shape or a dtype of what is carried, or a bound is no
        integer.
    """
    session = current()
    if session is None:
        for i in range(lower, upper):
            init = body(i, init)
        return init
    session.F.location = user_location()
    first, last = _bound(lower), _bound(upper)
    tree, function = ValueTree(session, init, "the carried value"), guarded_callee(body)

    def run(inside: Session, params: list[Value]) -> list[Value]:
        index, *carried = params
        i = wrap(inside, index) + wrap_dim(inside, first)
        return tree.values_of(inside, function(i, tree.seen(inside, carried)), "the body of fori_loop")

    results = stage_for(session, trip_count(session, first, last), tree.values, tree.names, run)
    return tree.seen(session, results)


def _bound(number: Any) -> Dim:
    dim = as_dim(number)
    if dim is None and isinstance(number, np.integer):
        dim = int(number)
    if dim is None:
        raise TraceTypeError(
            f"fori_loop: a bound must be an integer (a size, an int argument), and this one is {number!r}; for bounds "
            "that are computed from arrays use while_loop",
            location=user_location(),
        )
    return dim


def unroll(iterable: Iterable[Any]) -> list[Any]:
    """The elements as a list: a plain loop over it is written out, one iteration after the other.

    For loops that are short, or whose index must be a Python number. The compiled program grows with their length, and
    is for that length alone.

    >>> weights = [np.eye(2), np.ones((2, 3))]
    >>> def network(x):
    ...     for i in graphc.unroll(range(2)):
    ...         x = np.tanh(x @ weights[i])
    ...     return np.sum(x)
    >>> graphc.grad(network)(np.zeros(2))
    array([3., 3.])
    """
    return list(iterable)


def while_loop(condition: Callable[[Any], Any], body: Callable[[Any], Any], init: Any) -> Any:
    """``while condition(init): init = body(init)``, and then ``init``.

    >>> graphc.jit(lambda x: graphc.while_loop(lambda y: y < 100.0, lambda y: y * x, x))(3.0)
    np.float64(243.0)

    Raises: TraceTypeError: the condition gives no single bool, or the body changes a structure, shape or dtype.
    """
    session = current()
    if session is None:
        while condition(init):
            init = body(init)
        return init
    session.F.location = user_location()
    tree = ValueTree(session, init, "the carried value")
    test, step = guarded_callee(condition), guarded_callee(body)

    def ask(inside: Session, params: list[Value]) -> list[Value]:
        return [value_of(inside, test(tree.seen(inside, params)))]

    def run(inside: Session, params: list[Value]) -> list[Value]:
        return tree.values_of(inside, step(tree.seen(inside, params)), "the body of while_loop")

    return tree.seen(session, stage_while(session, tree.values, tree.names, ask, run))


def cond(flag: Any, yes: Callable[..., Any], no: Callable[..., Any], *operands: Any) -> Any:
    """``yes(*operands)`` where the flag is true, else ``no(*operands)``; only one of them is computed.

    >>> graphc.grad(lambda x: graphc.cond(x > 1.0, np.log, np.square, x))(4.0)
    np.float64(0.25)

    Raises: TraceTypeError: the flag is no single bool, or the results differ in structure, shape or dtype.
    """
    session = current()
    if session is None or not isinstance(flag, TracedValue):
        return (yes if flag else no)(*operands)
    session.F.location = user_location()
    trees: list[ValueTree] = []

    def branch(function: Callable[..., Any]) -> Body:
        def run(inside: Session, params: list[Value]) -> list[Value]:
            tree = ValueTree(inside, guarded_callee(function)(*operands), "the result")
            if trees and trees[0].spec != tree.spec:
                raise TraceTypeError(
                    f"the branches of cond give the structures {trees[0].spec} and {tree.spec}",
                    location=user_location(),
                )
            trees.append(tree)
            return tree.values

        return run

    names = _Names(trees)
    values = stage_cond(session, value_of(session, flag), names, branch(yes), branch(no))
    return trees[0].seen(session, values)


class _Names(Sequence[str]):
    """The names of results that are known once the first branch has run."""

    def __init__(self, trees: list[ValueTree]):
        self.trees = trees

    def __len__(self) -> int:
        return len(self.trees[0].names)

    def __getitem__(self, k: Any) -> Any:
        return self.trees[0].names[k]


def scan(
    body: Callable[[Any, Any], tuple[Any, Any]], init: Any, xs: Any, length: Any = None, reverse: bool = False
) -> tuple[Any, Any]:
    """``carry, y = body(carry, x)`` for each row x of the arrays ``xs``: the last carry, and the rows y as arrays.

    >>> graphc.jit(lambda x: graphc.scan(lambda s, v: (s + v, s * v), 0.0, x))(np.array([1.0, 2.0, 3.0]))
    (np.float64(6.0), array([0., 2., 9.]))

    Args: xs: arrays with one number of rows, or None with ``length``. reverse: from the last row to the first; the
        result y of row k stands in row k all the same.
    Raises: TraceTypeError: the body changes a structure, shape or dtype, or there are no rows to count.
    """
    session = current()
    if session is None:
        return _plain_scan(body, init, xs, length, reverse)
    session.F.location = user_location()
    carried = ValueTree(session, init, "the carried value")
    rows = ValueTree(session, xs, "xs")
    trips = rows.values[0].dims[0] if rows.values else as_dim(length)
    if trips is None or any(not session.F.facts.equal(v.dims[0], trips) for v in rows.values):
        raise TraceTypeError("scan: xs must be arrays with one number of rows, or length an integer",
                             location=session.F.location)  # fmt: skip
    arrays = [wrap(session, v) for v in rows.values]
    function = guarded_callee(body)
    made: list[ValueTree] = []

    def run(inside: Session, params: list[Value]) -> list[Value]:
        index, *states = params
        here = [value_of(inside, array[wrap(inside, index)]) for array in arrays]
        carry, y = function(carried.seen(inside, states), rows.seen(inside, here))
        made[:] = [ValueTree(inside, y, "the second result")]
        return [*carried.values_of(inside, carry, "the body of scan"), *made[0].values]

    results = stage_for(session, trips, carried.values, carried.names, run, reverse=reverse)
    count = len(carried.values)
    return carried.seen(session, results[:count]), made[0].seen(session, results[count:])


def _plain_scan(body: Callable[..., Any], init: Any, xs: Any, length: Any, reverse: bool) -> tuple[Any, Any]:
    leaves, spec = pytree.flatten(xs)
    arrays = [np.asarray(leaf) for leaf in leaves if leaf is not None]
    count = len(arrays[0]) if arrays else length
    made: list[Any] = [None] * count
    for k in reversed(range(count)) if reverse else range(count):
        row = pytree.unflatten(spec, [array[k] for array in arrays]) if arrays else xs
        init, made[k] = body(init, row)
    columns = zip(*(pytree.flatten(y)[0] for y in made), strict=True)
    ys = pytree.unflatten(pytree.flatten(made[0])[1], [np.stack(column) for column in columns]) if made else None
    return init, ys
