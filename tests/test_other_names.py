"""Names that people bring from JAX, PyTorch, autograd and Numba: an error that says what it is here, or what it is."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import graphc
from graphc.errors import TraceTypeError, UnsupportedAttributeError, UnsupportedError
from graphc.other_names import KEYWORDS, NAMES
from graphc.trace.other_arrays import INSTEAD

X = np.array([1.0, 2.0, 3.0])


def loss(x):
    return np.sum(x**2)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_module(name):
    with pytest.raises(AttributeError) as error:
        getattr(graphc, name)
    assert NAMES[name] in str(error.value)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_named_instead_is_there(name):
    for word in NAMES[name].replace(",", " ").replace("(", " ").split():
        if word.startswith("graphc."):
            assert callable(graphc_attribute(word))


def graphc_attribute(dotted):
    found = graphc
    for part in dotted.split(".")[1:]:
        found = getattr(found, part)
    return found


@pytest.mark.parametrize(
    ("transform", "keyword"),
    [
        (graphc.jit, "static_argnums"),
        (graphc.jit, "donate_argnums"),
        (graphc.jit, "fastmath"),
        (graphc.grad, "wrt"),
        (graphc.value_and_grad, "create_graph"),
        (graphc.vmap, "in_dims"),
        (graphc.vmap, "axis_name"),
        (graphc.jacobian, "vectorize"),
        (graphc.hessian, "strategy"),
        (graphc.checkpoint, "policy"),
    ],
)
def test_a_keyword(transform, keyword):
    with pytest.raises(TraceTypeError, match=rf"has no argument '{keyword}'") as error:
        transform(loss, **{keyword: 0})
    assert KEYWORDS[keyword] in str(error.value)
    assert "test_other_names.py" in str(error.value)


def test_a_keyword_that_was_mistyped():
    with pytest.raises(TraceTypeError, match="did you mean 'argnums'"):
        graphc.grad(loss, argnms=0)
    with pytest.raises(TraceTypeError, match=r"has no argument 'zzz'$"):
        graphc.grad(loss, zzz=0)


def test_no_keyword_of_graphc_is_explained_away():
    import inspect

    for transform in (graphc.grad, graphc.jit, graphc.vmap, graphc.jacobian, graphc.hessian, graphc.hvp):
        assert not KEYWORDS.keys() & inspect.signature(transform).parameters.keys()


@pytest.mark.parametrize("transform", [graphc.jit, graphc.hvp, graphc.checkpoint])
def test_arguments_of_the_function_in_the_wrong_place(transform):
    with pytest.raises(TraceTypeError, match=rf"graphc.{transform.__name__}\(f\)\(x\)"):
        transform(loss, X, X)
    with pytest.raises(TypeError, match=r"graphc.grad\(f\)\(x\)"):
        graphc.grad(loss, X)


def test_argnums_by_place():
    """As in JAX, and as ``jacobian`` and ``hessian`` have it."""

    def f(a, b):
        return np.sum(a**2 * b)

    assert_allclose(graphc.grad(f, 1)(X, 2 * X), X**2)
    found = graphc.value_and_grad(f, (0, 1))(X, 2 * X)[1]
    assert_allclose(found, (4 * X**2, X**2))


# --- attributes of arrays ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [*INSTEAD, "exp", "pow", "abs", "tanh"])
def test_an_attribute_of_other_arrays(name):
    with pytest.raises(UnsupportedAttributeError) as error:
        graphc.jit(lambda x: getattr(x, name))(X)
    assert f"a traced array has no {name!r}: {INSTEAD.get(name, f'np.{name}(x)')}" in str(error.value)


def test_none_of_them_is_one_of_numpys():
    assert not [name for name in INSTEAD if hasattr(np.ndarray, name)]


# --- no_grad ----------------------------------------------------------------------------------------------------------


def plainly(x):
    with graphc.no_grad():
        weight = np.sum(x**2)
    return np.sum(x) * weight


def switched(x):
    with graphc.no_grad():
        a = x[0] * 2
        with graphc.enable_grad():
            b = x[1] * 3
    return np.sum(x) * a * b


def in_a_loop(x):
    total = 0.0
    for k in range(len(x)):
        with graphc.no_grad():
            weight = np.exp(x[k])
        total += weight * x[k]
    return total


def around_a_loop(x):
    total = 0.0
    with graphc.no_grad():
        for k in range(len(x)):
            total = total + x[k] ** 2
    return np.sum(x) * total


def around_a_gradient(x):
    with graphc.no_grad():
        inner = graphc.grad(lambda v: np.sum(v**3))(x)
    return np.sum(x * inner)


@graphc.no_grad()
def held(x):
    return np.sin(x)


def by_a_switch(x):
    graphc.set_grad_enabled(False)
    weight = np.exp(x)
    graphc.set_grad_enabled(True)
    return np.sum(weight * x)


CASES = [
    (plainly, np.full(3, 14.0)),
    (switched, 2 * 6.0 * np.ones(3) + np.array([0, 6 * 2 * 3, 0])),
    (in_a_loop, np.exp(X)),
    (around_a_loop, np.full(3, 14.0)),
    (around_a_gradient, 3 * X**2),
    (lambda x: np.sum(held(x) * x), np.sin(X)),
    (by_a_switch, np.exp(X)),
]


@pytest.mark.parametrize(("f", "want"), CASES)
def test_no_gradient_flows_through_what_arrays_make_under_no_grad(f, want):
    value, slope = graphc.value_and_grad(f)(X)
    assert_allclose(slope, want)
    assert_allclose(value, f(X) if f is not around_a_gradient else np.sum(3 * X**3))
    assert_allclose(graphc.jvp(f, (X,), (np.ones(3),))[1], np.sum(want))
    assert graphc.is_grad_enabled()


def test_a_part_under_no_grad_is_refused():
    """It would be a view, into which one may write."""

    def f(x):
        with graphc.no_grad():
            tail = x[1:]
        return np.sum(tail * x[1:])

    with pytest.raises(UnsupportedError, match=r"under graphc.no_grad\(\).*graphc.stop_gradient"):
        graphc.grad(f)(X)
