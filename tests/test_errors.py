"""Every kind of bad input gives its own error, which names the user's line and the way out."""

from __future__ import annotations

import inspect
import operator
import re
import warnings

import numba
import numpy as np
import pytest
import scipy.linalg
import scipy.signal
from scipy import special

import graphc
from graphc.errors import (
    ConcretizationError,
    GradientError,
    GraphcError,
    IndexRangeError,
    LeakedTracerError,
    ShapeError,
    SideEffectError,
    TraceTypeError,
    UnsupportedError,
)
from graphc.trace.missing import nearest_of

X = np.arange(1.0, 5.0)


def line_of(function, marker: str) -> int:
    """The line of this file on which the function's source has the marker."""
    lines, start = inspect.getsourcelines(function)
    return next(start + i for i, line in enumerate(lines) if marker in line)


def raised(kind, function, marker: str, *args, transform=graphc.grad, says: str = "", **kwargs) -> GraphcError:
    """Differentiate and call; the error of this kind must name the line of the marker and match ``says``."""
    with pytest.raises(kind) as caught:
        transform(function)(*args, **kwargs)
    error = caught.value
    assert isinstance(error, GraphcError)
    assert error.location is not None
    assert error.location.file == __file__
    assert error.location.line == line_of(function, marker)
    assert str(error).startswith(f"{__file__}:{error.location.line}: ")
    assert re.search(says, str(error)), str(error)
    return error


# --- what comes out ---------------------------------------------------------------------------------------------------


def test_a_non_scalar_output_under_grad():
    def f(x):
        return x * 2.0  # here

    raised(GradientError, f, "here", X, says=r"shape \(4,\).*sum it, or use graphc.vjp")


def test_the_size_of_a_non_scalar_output_is_that_of_the_call():
    def f(x):
        return x[1:] * 2.0  # here

    raised(GradientError, f, "here", np.ones(7), says=r"shape \(6,\)")


def test_a_tuple_output_under_grad():
    def f(x):  # here
        return x.sum(), x

    raised(GradientError, f, "here", X, says="returns tuple.*has_aux=True")


def test_an_integer_output_under_grad():
    def f(x):
        return (x > 2).sum()  # here

    raised(GradientError, f, "here", X, says="int64: it has no derivative")


@pytest.mark.parametrize("transform", [graphc.grad, graphc.value_and_grad])
def test_a_function_that_returns_nothing(transform):
    def f(x):  # here
        x.sum()

    raised(GradientError, f, "here", X, transform=transform, says="returns nothing: it needs a return statement")


def test_has_aux_without_a_pair():
    def f(x):  # here
        return x.sum()

    raised(GradientError, f, "here", X, transform=lambda f: graphc.grad(f, has_aux=True), says="pair .value, aux.")


def test_no_influence_is_a_zero_gradient():
    f = graphc.value_and_grad(lambda x, y: (y * 2).sum())
    value, gradient = f(X, X)
    assert value == 20.0
    np.testing.assert_array_equal(gradient, np.zeros(4))
    assert graphc.grad(lambda x: 3.0)(X).tolist() == [0.0] * 4
    assert graphc.grad(lambda x: np.float64(3.0))(2.0) == 0.0


# --- what goes in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [3, np.arange(4), np.array([True]), np.int32(3), True], ids=repr)
def test_an_integer_argument_to_differentiate(bad):
    def f(x):  # here
        return (x * 1.0).sum()

    raised(TraceTypeError, f, "here", bad, says="'x' is to be differentiated.*float")


@pytest.mark.parametrize("bad", ["text", None, len], ids=repr)
def test_an_argument_without_derivative(bad):
    def f(x):  # here
        return 1.0

    raised(TraceTypeError, f, "here", bad, says="only arrays and floats have a gradient")


@pytest.mark.parametrize("argnums", [1, (0, 2), -3])
def test_argnums_beyond_the_call(argnums):
    def f(x, y=1.0):  # here
        return (x * y).sum()

    raised(GradientError, f, "here", X, transform=lambda f: graphc.grad(f, argnums=argnums),
           says="called with 1 positional argument")  # fmt: skip


@pytest.mark.parametrize(
    ("use", "kind", "says"),
    [
        (lambda: graphc.grad(np.sum, argnames=0), TypeError, "argnames is a str or a tuple of them, not 0; .* argnums"),
        (lambda: graphc.jvp(np.sin, X, X), TypeError, "primals are a tuple with one for each argument, not a ndarray"),
        (lambda: graphc.jvp(np.sin, (X,), X), TypeError, "tangents are a tuple"),
        (lambda: graphc.optim.Adm, AttributeError, "did you mean 'Adam'"),
        (lambda: graphc.nn.Relu, AttributeError, "did you mean 'ReLU'"),
        (lambda: graphc.Tensr, AttributeError, "did you mean 'Tensor'"),
        (lambda: graphc.jacrev, AttributeError, "graphc.jacobian takes either way"),
        (lambda: graphc.grad(lambda x: 1.0 if x > 0 else 0.0)(X), ConcretizationError, r"write .any\(\) or .all\(\)"),
    ],
)
def test_what_newcomers_write(use, kind, says):
    with pytest.raises(kind, match=says):
        use()


def test_a_list_of_numbers_is_named_where_it_fails():
    with pytest.raises(TypeError) as caught:
        graphc.grad(lambda weights: np.sum(weights**2))([1.0, 2.0])
    assert caught.value.__notes__ == [
        "graphc: 'weights' is a list, a container of numbers; for an array pass np.array(weights)"
    ]


def test_argnames_that_do_not_exist():
    def f(x):  # here
        return x.sum()

    raised(GradientError, f, "here", X, transform=lambda f: graphc.grad(f, argnames="z"), says="has no argument 'z'")


@pytest.mark.parametrize(
    "bad",
    [np.array([1, "a"], object), np.array(["a"]), np.ones(3, np.clongdouble), np.ones(3, np.longdouble)],
    ids=["object", "string", "long complex", "long double"],
)
def test_dtypes_that_cannot_be_traced(bad):
    def f(x, y):
        return (x * 2).sum()

    with pytest.raises(TraceTypeError, match="cannot be traced"):
        graphc.grad(f)(X, bad)


def test_an_outside_array_of_objects():
    labels = np.array(["a", "b", None], object)

    def f(x):
        return (x * labels).sum()  # here

    raised(TraceTypeError, f, "here", np.ones(3), says="Python objects")


def test_a_subclass_of_ndarray():
    with pytest.raises(TraceTypeError, match="MaskedArray"):
        graphc.grad(lambda x: x.sum())(np.ma.masked_array(X))


def test_something_that_is_no_function():
    with pytest.raises(TypeError, match="needs a function, got int"):
        graphc.grad(3)
    with pytest.raises(ValueError, match="'tpu'"):
        graphc.grad(lambda x: x, target="tpu")


# --- values that are not known ----------------------------------------------------------------------------------------


def test_a_decision_that_is_not_staged():
    def f(x):
        kept = [v for v in x if v > 0]  # here
        return kept[0]

    raised(ConcretizationError, f, "here", X, says=r"bool\(x\).*np.where")


def test_branches_of_different_kinds():
    def f(x):
        return x.sum() if x.sum() > 0 else "none"  # here

    raised(TraceTypeError, f, "here", X, says="another kind of object .*'none'")


@pytest.mark.parametrize(
    ("use", "says"),
    [
        (lambda x: operator.truth(x[0]), "np.where"),  # here
        (lambda x: [1.0, 2.0][x[0]], "np.take"),  # here
        (lambda x: operator.contains(x, 2.0), "any"),  # here
        (lambda x: {x[0]: 1}, "keys"),  # here
        (lambda x: f"{x[0]:.3f}", "format"),  # here
        (lambda x: 1.0 * round(x), r"np.round"),  # here
        (lambda x: list(range(x[0])), "Python int"),  # here
        (lambda x: np.ma.masked_less(x, 0.5), "; numpy.ma.core.masked_less cannot be traced"),  # here
    ],
)
def test_asking_for_the_numbers(use, says):
    location = use.__code__.co_firstlineno
    with pytest.raises(ConcretizationError, match=says) as caught:
        graphc.grad(lambda x: (use(x), x.sum())[1])(X)
    assert caught.value.location.line == location
    assert isinstance(caught.value, TypeError)


def plus_one(x):
    return x + 1


@pytest.mark.parametrize(
    ("ufunc", "name"), [(np.frompyfunc(abs, 1, 1), r"abs \(vectorized\)"), (numba.vectorize(plus_one), r"\S*plus_one")]
)
def test_ufuncs_of_others_are_refused_by_name_at_the_users_line(ufunc, name):
    def f(x):
        return np.sum(ufunc(x))  # here

    raised(UnsupportedError, f, "here", X, says=f": {name} is not supported")


def test_rounding_to_digits_is_numpys():
    f = graphc.jit(lambda x, y: (round(x[1] / 3, 2), round(y, 1), round(y * 100), round(2.5 * x[1] / x[1])))
    assert f(X, 0.46) == (0.67, 0.5, 46, 2)


def test_an_index_out_of_bounds_names_the_sizes_of_the_call():
    with pytest.raises(IndexError, match=r"index 5 is out of bounds for axis 0 with size 4 of shape \(4,\)"):
        graphc.grad(lambda x: x[5])(X)
    with pytest.raises(IndexError, match="index 7 is out of bounds for axis 0 with size 4"):
        graphc.grad(lambda x, i: x[i])(X, 7)
    with pytest.raises(IndexError, match="index -9 is out of bounds for axis 1 with size 3"):
        graphc.grad(lambda x: x[:, -9])(np.ones((2, 3)))


def test_a_library_that_wants_an_array():
    from scipy import optimize

    def f(x):
        return optimize.rosen(np.asarray(memoryview(x)))  # here

    with pytest.raises(TypeError):
        graphc.grad(f)(X)


def test_shapes_may_be_compared():
    def f(x):
        return x.sum() if x.shape[0] > 3 and x.ndim == 1 and len(x) < 100 else x.prod()

    g = graphc.grad(f)
    np.testing.assert_array_equal(g(X), np.ones(4))
    np.testing.assert_allclose(g(X[:3]), [6.0, 3.0, 2.0])
    assert g.cache_info()["programs"] == 2
    g(np.ones(50))
    assert g.cache_info()["programs"] == 2


# --- writing ----------------------------------------------------------------------------------------------------------


OUTSIDE = np.zeros(4)


def test_writing_into_an_outside_array():
    def assigns(x):
        OUTSIDE[0] = x[0]  # here
        return x.sum()

    def adds(x):
        y = OUTSIDE.T
        y += x  # here
        return x.sum()

    def gives(x):
        np.add(x, 1.0, out=OUTSIDE)  # here
        return x.sum()

    for f in (assigns, adds, gives):
        raised(SideEffectError, f, "here", X, says="array from outside.*x.copy")


def test_writing_into_an_array_of_the_function_around():
    def f(x):
        total = x * 1.0

        def inner(y):
            total[0] = 3.0  # here
            return y.sum()

        return graphc.grad(inner)(x).sum() + total.sum()

    raised(SideEffectError, f, "here", X, says="outside of the function being traced.*x.copy")


def test_casting_in_place():
    def f(x):
        y = np.zeros(4, dtype=int)
        y += x  # here
        return y.sum()

    raised(TraceTypeError, f, "here", X, says="cannot cast float64 to int64 with casting rule 'same_kind'")


def test_writing_what_does_not_fit():
    def assigned(x):
        y = x * 1.0
        y[1:] = x  # here
        return y.sum()

    def added(x):
        y = x * 1.0
        y += x[:, None]  # here
        return y.sum()

    def outside(x):
        y = x * 1.0
        y[7] = 0.0  # here
        return y.sum()

    raised(ShapeError, assigned, "here", X, says="do not fit")
    raised(ShapeError, added, "here", X, says="does not fit")
    raised(IndexRangeError, outside, "here", X, says="index 7 is out of bounds")


def test_writing_into_what_is_read_only():
    def f(x):
        y = np.broadcast_to(x, (2, 4))
        y[0] = 0.0  # here
        return y.sum()

    raised(ShapeError, f, "here", X, says="read-only")


def test_at_positions_that_may_repeat():
    def f(x):
        y = np.outer(x, x)
        np.multiply.at(y, (slice(None), np.array([0, 0])), 2.0)  # here
        return y.sum()

    raised(UnsupportedError, f, "here", X, says=r"np.add.at and np.subtract.at")


def test_a_number_is_no_array():
    def f(x):
        y = x[0]
        y[...] = 1.0
        return y

    with pytest.raises(TypeError, match="item assignment"):
        graphc.grad(f)(X)


def test_adding_to_a_scalar_in_place_rebinds_as_in_numpy():
    def f(x):
        total = 0.0
        for i in range(3):
            total += x[i] ** 2
        total *= 2.0
        return total

    np.testing.assert_allclose(graphc.grad(f)(X), [4.0, 8.0, 12.0, 0.0])


def test_an_array_that_changes_while_it_is_traced():
    def f(x):  # here
        y = scipy.linalg.toeplitz(np.zeros(4))[0]  # of a library that graphc does not follow
        z = x + y
        y[0] = 5.0
        return (z * y).sum()

    raised(SideEffectError, f, "here", X, says="changed while it was traced")


# --- what graphc does not have ----------------------------------------------------------------------------------------


def test_an_unsupported_function():
    def f(x):
        return np.busday_offset(x, 1).sum()  # here

    raised(UnsupportedError, f, "here", X, says="numpy.busday_offset is not supported.*no numbers")


def test_the_nearest_name_is_offered_only_where_it_is_near():
    assert nearest_of("numpy.cumulativ_sum", ["numpy.cumulative_sum", "numpy.sum"]).endswith("is numpy.cumulative_sum")
    assert "nearest" not in nearest_of("numpy.sort", ["numpy.sqrt"])
    assert nearest_of("b.sumn", ["a.sum", "b.sum"]).endswith("is b.sum")


def test_an_unsupported_ufunc():
    def f(x):
        return special.ellip_harm(1, 2, 1, 1, x).sum()  # here

    raised(UnsupportedError, f, "here", X, says="scipy.special.*ellip_harm is not supported.*ellipsoidal")


@pytest.mark.parametrize(
    ("use", "says"),
    [
        (np.sort_complex, "numpy.sort_complex is not.*complex.*np.lexsort"),
    ],
)
def test_what_an_unsupported_function_can_be_replaced_by(use, says):
    with pytest.raises(UnsupportedError, match=says):
        graphc.grad(lambda x: use(x).sum())(X)


def test_an_unsupported_method():
    def f(x):
        return x.summ()  # here

    error = raised(UnsupportedError, f, "here", X, says="'summ'.*nearest.*sum")
    assert isinstance(error, AttributeError)


def test_an_unsupported_form():
    def f(x):
        return np.add(x, 1.0, where=x > 0).sum()  # here

    raised(UnsupportedError, f, "here", X, says="where=")


def test_shapes_that_do_not_broadcast():
    def f(x, y):
        return (x + y).sum()  # here

    error = raised(ShapeError, f, "here", np.ones((2, 3)), np.ones((3, 2)), says=r"\(2, 3\) and \(3, 2\)")
    assert isinstance(error, ValueError)


def test_shapes_that_do_not_multiply():
    def f(x, y):
        return (x @ y).sum()  # here

    raised(ShapeError, f, "here", np.ones((2, 3)), np.ones((4, 2)), says=r"\(2, 3\) and \(4, 2\)")


# --- what leaves the trace --------------------------------------------------------------------------------------------

kept: list = []
counter = 0


class Holder:
    value = None


def test_a_tracer_kept_after_its_trace():
    holder = Holder()

    def f(x):
        object.__setattr__(holder, "value", x)  # a way that is not watched
        return x.sum()

    graphc.grad(f)(X)
    leak = [holder.value]
    with pytest.raises(LeakedTracerError, match="after its trace had ended") as caught:
        leak[0] + 1  # used here
    assert caught.value.location.line == line_of(test_a_tracer_kept_after_its_trace, "used here")
    for use in (repr, lambda t: t.shape, lambda t: t.sum(), np.sin, graphc.grad(f)):
        if use is repr:
            assert "ended" in repr(leak[0])
        else:
            with pytest.raises(LeakedTracerError):
                use(leak[0])


def test_storing_in_a_global_list():
    def f(x):
        kept.append(x)  # here
        return x.sum()

    raised(SideEffectError, f, "here", X, says="stored in a list, outside of the function")


def test_storing_in_a_global_name():
    def f(x):
        global counter  # noqa: PLW0603
        counter = x.sum()  # here
        return counter

    raised(SideEffectError, f, "here", X, says="'counter'")


def test_storing_in_an_attribute():
    holder = Holder()

    def f(x):
        holder.value = x.sum()  # here
        return x.sum()

    raised(SideEffectError, f, "here", X, says="attribute 'value' of a Holder")


def test_a_counter_that_is_read_and_changed():
    def f(x):
        global counter  # noqa: PLW0603
        counter += 1  # here
        return x.sum() * counter

    raised(SideEffectError, f, "here", X, says="changed counter, which it reads from outside")


def test_numpys_global_random_numbers():
    def f(x):
        return (x * np.random.normal(size=4)).sum()  # here

    raised(SideEffectError, f, "here", X, says="draws random numbers")


def test_a_random_generator_from_outside():
    rng = np.random.default_rng(0)

    def f(x):
        return (x * rng.normal(size=4)).sum()  # here

    raised(SideEffectError, f, "here", X, says="draw them outside")


def test_hidden_random_numbers():
    def f(x):
        return (x * eval("np.random.random(4)")).sum()

    with pytest.raises(SideEffectError, match="global random state"):
        graphc.grad(f)(X)


# --- what flows through -----------------------------------------------------------------------------------------------


def test_nan_flows_through():
    value, gradient = graphc.value_and_grad(lambda x: (x * x).sum())(np.array([1.0, np.nan]))
    assert np.isnan(value)
    np.testing.assert_array_equal(gradient, [2.0, np.nan])


def test_singular_points():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert graphc.grad(lambda x: np.sqrt(x).sum())(np.zeros(1)) == np.inf
        assert graphc.grad(lambda x: np.log(x).sum())(np.zeros(1)) == np.inf
        assert graphc.grad(lambda x: (x**0.5).sum())(np.zeros(1)) == np.inf


def test_masked_pair_distances():
    def energy(p):
        d = p[:, None, :] - p[None, :, :]
        r = np.sqrt((d * d).sum(-1))
        off_diagonal = ~np.eye(p.shape[0], dtype=bool)
        inverse = np.where(off_diagonal, 1.0 / np.where(off_diagonal, r, 1.0), 0.0)
        return inverse.sum() + np.where(off_diagonal, r, 0.0).sum()

    g = graphc.grad(energy)(np.arange(6.0).reshape(3, 2) ** 1.5)
    assert np.isfinite(g).all()


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_empty_arrays(shape):
    value, gradient = graphc.value_and_grad(lambda x: np.exp(x).sum() + 1.0)(np.ones(shape))
    assert value == 1.0
    assert gradient.shape == shape


def layouts():
    base = np.arange(24.0).reshape(4, 6) / 7
    read_only = base.copy()
    read_only.flags.writeable = False
    raw = np.zeros(24 * 8 + 1, np.uint8)
    misaligned = raw[1:].view(np.float64).reshape(4, 6)
    misaligned[...] = base
    return {
        "strided": np.repeat(base, 2, axis=1)[:, ::2],
        "negative": np.ascontiguousarray(base[::-1, ::-1])[::-1, ::-1],
        "fortran": np.asfortranarray(base),
        "transposed": np.ascontiguousarray(base.T).T,
        "read-only": read_only,
        "byte-swapped": base.astype(">f8"),
        "misaligned": misaligned,
        "fortran swapped": np.asfortranarray(base.astype(">f8")),
    }


@pytest.mark.parametrize("name", layouts())
def test_layouts(name):
    x = layouts()[name]
    weights = np.arange(24.0).reshape(4, 6)
    f = graphc.value_and_grad(lambda x: (np.sin(x) * weights).sum())
    before = x.copy()
    for _ in range(2):
        value, gradient = f(x)
        np.testing.assert_allclose(value, (np.sin(x) * weights).sum())
        np.testing.assert_allclose(gradient, np.cos(x) * weights)
        assert gradient.dtype == np.float64
        assert gradient.dtype.isnative
    np.testing.assert_array_equal(x, before)


def test_an_axis_that_is_not_there_is_numpys_axis_error():
    def f(x):
        return np.sum(x, axis=2)  # here

    error = raised(graphc.AxisRangeError, f, "here", X, says="sum: axis 2 is out of bounds for an array of 1 dim")
    assert isinstance(error, np.exceptions.AxisError)
    assert isinstance(error, graphc.IndexRangeError)
    assert (error.axis, error.ndim) == (2, 1)


@pytest.mark.parametrize(("function", "says"), [(np.einsum_path, "shapes"), (np.array2string, "no numbers")])
def test_a_function_that_never_can_be_there_says_why(function, says):
    with pytest.raises(UnsupportedError, match=f"numpy.{function.__name__} is not supported.*{says}"):
        graphc.grad(lambda x: function("i", x) if function is np.einsum_path else function(x))(X)
