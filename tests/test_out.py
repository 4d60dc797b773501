"""``out=``: results written into the caller's arrays, natively where those are plain, right or refused elsewhere."""

from __future__ import annotations

import functools
from collections import namedtuple
from dataclasses import dataclass

import numpy as np
import pytest

import graphc
from graphc.config import override, settings
from graphc.function import CompiledFunction

X = np.arange(1.0, 5.0)
Pair = namedtuple("Pair", "first second")


@dataclass
class Box:
    w: np.ndarray
    name: str = "box"


@pytest.fixture
def native_only(monkeypatch):
    """After the first call, a call that needs the slow path fails."""
    if settings.disable_jit:
        pytest.skip("GRAPHC_DISABLE_JIT: nothing is native")

    def refuse():
        def fail(*args):
            raise AssertionError("the slow path was taken")

        monkeypatch.setattr(CompiledFunction, "_slow_into", fail)

    return refuse


def cube(x):
    return np.sum(x**3)


def leaves(tree):
    return graphc.pytree.flatten(tree)[0]


def empty_like(tree):
    """Arrays of NaN for every array and number of a result, None elsewhere."""

    def empty(leaf):
        return np.full_like(leaf, np.nan) if isinstance(leaf, np.ndarray | np.generic) else None

    return graphc.pytree.tree_map(empty, tree)


CASES = {
    "jit": (graphc.jit(lambda x: x * 2.0), (X,)),
    "jit scalar": (graphc.jit(lambda x: x.sum()), (X,)),
    "jit tree": (graphc.jit(lambda x: {"rows": [x + 1, (x.sum(), None)], "n": 3, "pair": Pair(x, x * x)}), (X,)),
    "grad": (graphc.grad(cube), (X,)),
    "grad of a float": (graphc.grad(lambda t: t**3), (2.0,)),
    "grad by two": (graphc.grad(lambda a, b: np.sum(a * b), argnums=(0, 1)), (X, 3.0)),
    "grad float32": (graphc.grad(cube), (X.astype(np.float32),)),
    "grad with frozen": (graphc.grad(lambda p: np.sum(p["a"] * p["b"])), ({"a": X, "b": graphc.frozen(X)},)),
    "value_and_grad": (graphc.value_and_grad(cube), (X,)),
    "value_and_grad, aux": (graphc.value_and_grad(lambda x: (cube(x), {"a": x + 1}), has_aux=True), (X,)),
    "dataclass": (graphc.grad(lambda box: cube(box.w)), (Box(X),)),
    "grad of grad": (graphc.grad(lambda x: np.sum(graphc.grad(cube)(x))), (X,)),
    "jvp inside": (graphc.jit(lambda x: graphc.jvp(cube, (x,), (x,))), (X,)),
    "hessian": (graphc.hessian(cube), (X,)),
    "jacobian": (graphc.jacobian(lambda x: x**2), (X,)),
    "hvp": (graphc.hvp(cube), (X, X)),
    "vmap": (graphc.vmap(lambda t: t**2), (X,)),
}


@pytest.mark.parametrize("name", CASES)
def test_every_transform_writes_into_the_arrays(name):
    f, args = CASES[name]
    expected = f(*args)
    for _ in range(2):  # the slow path, and the native one where there is one
        out = empty_like(expected)
        given = leaves(out)
        result = f(*args, out=out)
        assert type(result) is type(expected) or np.ndim(expected) == 0
        for target, leaf, right in zip(given, leaves(result), leaves(expected), strict=True):
            if target is None:
                assert leaf is right or leaf == right
            else:
                assert leaf is target
                np.testing.assert_array_equal(target, right)


@pytest.mark.usefixtures("native_only")
@pytest.mark.parametrize("name", [name for name in CASES if name not in ("dataclass",)])
def test_it_is_native(name, native_only):
    f, args = CASES[name]
    out = empty_like(f(*args))
    native_only()
    f(*args, out=out)
    f(*args, out=None)


def test_keyword_arguments_and_out(native_only):
    f = graphc.grad(lambda x, *, scale: scale * np.sum(x**2))
    out = np.zeros(4)
    np.testing.assert_array_equal(f(X, scale=2.0, out=out), 4 * X)
    native_only()
    assert f(X, scale=3.0, out=out) is out
    np.testing.assert_array_equal(out, 6 * X)


@pytest.mark.parametrize(
    "out",
    [
        np.zeros((3, 4), order="F"),
        np.zeros((6, 8))[::2, ::2],
        np.zeros((3, 4))[::-1],
        np.zeros((4, 3)).T,
        np.zeros(97, "u1")[1:].view("f8").reshape(3, 4),
    ],
    ids=["fortran", "strided", "reversed", "transposed", "unaligned"],
)
def test_any_layout(out):
    f = graphc.grad(lambda x: np.sum(np.sin(x)))
    x = np.arange(12.0).reshape(3, 4)
    for _ in range(2):
        out[...] = 0
        assert f(x, out=out) is out
        np.testing.assert_array_equal(out, f(x))


def test_an_input_in_fortran_order():
    f = graphc.value_and_grad(lambda x: np.sum(x**2 * np.arange(4.0)))
    x = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    for out in (np.zeros((3, 4)), np.zeros((3, 4), order="F")):
        f(x, out=(None, out))
        np.testing.assert_array_equal(out, 2 * x * np.arange(4.0))


def neighbours(x, y):
    return x[:-1] * x[1:] + np.sum(y), y * x[0]


def shifted(size):
    """Two inputs and two outputs that lie across each other in one piece of memory."""
    memory = np.linspace(1.0, 2.0, 3 * size)
    x, y = memory[:size], memory[size : 2 * size]
    return (x, y), (memory[2 : size + 1], memory[size + 1 : 2 * size + 1])


@pytest.mark.parametrize("size", [5, 4000])
def test_memory_shared_with_inputs(size):
    f = graphc.jit(neighbours)
    for _ in range(3):
        (x, y), out = shifted(size)
        expected = neighbours(x.copy(), y.copy())
        result = f(x, y, out=out)
        for target, leaf, right in zip(out, result, expected, strict=True):
            assert leaf is target
            np.testing.assert_allclose(target, right, rtol=1e-13)


def test_an_update_in_place():
    step = graphc.jit(lambda p: {"w": p["w"] - 0.1 * p["b"], "b": p["b"] + np.sum(p["w"])})
    p = {"w": X.copy(), "b": X + 1}
    w, b = X.copy(), X + 1
    for _ in range(4):
        assert step(p, out=p)["w"] is p["w"]
        w, b = w - 0.1 * b, b + np.sum(w)
        np.testing.assert_allclose(p["w"], w, rtol=1e-14)
        np.testing.assert_allclose(p["b"], b, rtol=1e-14)


def test_memory_shared_with_a_global():
    table = X.copy()
    f = graphc.jit(lambda x: x[::-1] + table[::-1])
    for _ in range(3):
        table[:] = X
        f(X, out=table)
        np.testing.assert_array_equal(table, 2 * X[::-1])


def read_only():
    array = np.zeros(4)
    array.flags.writeable = False
    return array


class Subclass(np.ndarray):
    pass


WRONG = {
    "shape": (np.zeros(3), r"float64 of shape \(4,\); the array given for it is float64 of shape \(3,\)"),
    "rank": (np.zeros((4, 1)), "shape"),
    "dtype": (np.zeros(4, np.float32), "the array given for it is float32"),
    "int": (np.zeros(4, int), "int64"),
    "byte order": (np.zeros(4, ">f8"), ">f8"),
    "read-only": (read_only(), "read-only"),
    "list": ([0.0] * 4, "structure"),
    "tuple": ((np.zeros(4),), "structure"),
    "float": (1.0, "a float cannot be written to"),
    "subclass": (np.zeros(4).view(Subclass), "Subclass"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_take_the_result(name):
    out, message = WRONG[name]
    f = graphc.grad(cube)
    f(X)
    with pytest.raises(graphc.OutputError, match=message):
        f(X, out=out)
    with pytest.raises(ValueError, match=r"test_out\.py"):
        f(X, out=out)


def test_nothing_is_written_where_a_part_does_not_fit():
    f = graphc.value_and_grad(cube)
    value = np.zeros(())
    for _ in range(2):
        with pytest.raises(graphc.OutputError):
            f(X, out=(value, np.zeros(3)))
        assert value == 0.0
        with pytest.raises(graphc.OutputError, match="pass a 0-d array"):
            f(X, out=f(X))


def test_two_arrays_that_share_memory():
    f = graphc.jit(lambda x: (x + 1, x + 2))
    memory = np.zeros(8)
    for _ in range(2):
        f(X, out=(memory[::2], memory[1::2]))
        np.testing.assert_array_equal(memory[1::2], X + 2)
        with pytest.raises(graphc.OutputError, match="share memory"):
            f(X, out=(memory[:4], memory[3:7]))
        with pytest.raises(graphc.OutputError, match="share memory"):
            f(X, out=(memory[:4], memory[:4]))


def test_one_value_twice_in_the_result():
    def twice(x):
        y = x + 1
        return y, y

    f, out = graphc.jit(twice), (np.zeros(4), np.zeros(4))
    for _ in range(2):
        assert f(X, out=out)[1] is out[1]
        np.testing.assert_array_equal(out[0], X + 1)
        np.testing.assert_array_equal(out[1], X + 1)


def test_an_argument_of_the_functions_own():
    @graphc.grad
    def f(x, out=1.0):
        return np.sum(out) * np.sum(x)

    np.testing.assert_array_equal(f(X), np.ones(4))
    np.testing.assert_array_equal(f(X, out=2.0), np.full(4, 2.0))
    np.testing.assert_array_equal(f(X, 3.0), np.full(4, 3.0))
    weights = np.arange(4.0)
    np.testing.assert_array_equal(f(X, out=weights), np.full(4, weights.sum()))
    np.testing.assert_array_equal(weights, np.arange(4.0))


def test_what_takes_any_keyword_takes_out():
    f = graphc.jit(lambda x, **options: x * options.get("out", 1.0))
    np.testing.assert_array_equal(f(X), X)
    np.testing.assert_array_equal(f(X, out=2.0), 2 * X)
    np.testing.assert_array_equal(graphc.jit(functools.partial(lambda x, out: x * out, out=3.0))(X), 3 * X)


def test_numpys_functions_mean_the_same_by_it():
    out = np.zeros(4)
    for function in (np.tanh, np.cumsum, functools.partial(np.sum, axis=0)):
        f = graphc.jit(function)
        expected = function(X)
        target = out if np.ndim(expected) else np.zeros(())
        for _ in range(2):
            assert f(X, out=target) is target
            np.testing.assert_allclose(target, expected)
    assert graphc.grad(np.sum)(X, out=out) is out
    np.testing.assert_array_equal(out, np.ones(4))


def test_a_positional_only_out_is_not_the_functions():
    f = graphc.jit(lambda out, /: out + 1)
    target = np.zeros(4)
    assert f(X, out=target) is target
    np.testing.assert_array_equal(target, X + 1)


class Model:
    def __init__(self):
        self.scale = 2.0

    @graphc.grad
    def loss(self, x):
        return self.scale * np.sum(x**2)


def test_a_method():
    model, out = Model(), np.zeros(4)
    for _ in range(2):
        assert model.loss(X, out=out) is out
        np.testing.assert_array_equal(out, 4 * X)


def test_other_sizes_and_dtypes_find_their_program():
    f = graphc.grad(cube)
    for x in (X, np.arange(7.0), X.astype(np.float32), np.ones((2, 3)), np.ones(1), np.zeros(0)):
        out = np.empty_like(x)
        assert f(x, out=out) is out
        np.testing.assert_allclose(out, 3 * x**2, rtol=1e-6)


def test_a_pullback():
    _, pullback = graphc.vjp(lambda a, b: a * b, X, 3.0)
    out = (np.zeros(4), np.zeros(()))
    assert pullback(np.ones(4), out=out)[0] is out[0]
    np.testing.assert_array_equal(out[0], np.full(4, 3.0))
    assert out[1] == X.sum()
    assert pullback(np.ones(4), out=(None, out[1]))[1] is out[1]
    ct = np.full(4, 2.0)
    pullback(ct, out=(ct, None))
    np.testing.assert_array_equal(ct, np.full(4, 6.0))
    with pytest.raises(graphc.OutputError):
        pullback(ct, out=np.zeros(4))


def test_inside_a_trace_it_is_refused():
    inner, out = graphc.grad(cube), np.zeros(4)
    with pytest.raises(graphc.UnsupportedError, match="out="):
        graphc.grad(lambda x: np.sum(inner(x, out=out)))(X)
    np.testing.assert_array_equal(graphc.jit(lambda x: inner(x, out=None))(X), 3 * X**2)


def test_interpreted():
    with override(disable_jit=True):
        f, out = graphc.value_and_grad(cube), (np.zeros(()), np.zeros(4))
        f(X, out=out)
        assert out[0] == cube(X)
        np.testing.assert_array_equal(out[1], 3 * X**2)
        memory = np.arange(5.0)
    with override(disable_jit=True, nan=True):  # else the plain function runs
        parts = graphc.jit(lambda x: (x[1:], x[:-1]))(memory, out=(memory[:4].copy(), memory[1:]))
        np.testing.assert_array_equal(parts[1], np.arange(4.0))
        np.testing.assert_array_equal(parts[0], np.arange(1.0, 5.0))
