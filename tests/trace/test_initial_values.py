"""Initial value problems: the values of SciPy's RK45, gradients against differences and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import odeint, solve_ivp

import graphc
import graphc.ode
from graphc.config import override

TIMES = np.array([0.0, 0.3, 2.0, 2.1, 4.0])
START = np.array([1.0, 0.5])
WEIGHTS = np.random.default_rng(3).normal(size=(2, TIMES.size))


def van_der_pol(t: Any, y: Any, a: Any, b: Any) -> Any:
    return np.array([y[1], a * (1 - y[0] ** 2) * y[1] - b * y[0] + 0.1 * np.sin(t)])


def states(y0: Any, a: Any, b: Any, times: Any = TIMES, span: tuple[Any, Any] = (0.0, 4.0), rtol: float = 1e-5) -> Any:
    return solve_ivp(van_der_pol, span, y0, t_eval=times, args=(a, b), rtol=rtol, atol=1e-8).y


def traced(function: Any, *given: Any) -> Any:
    """The value by the traced program; without jit ``graphc.jit`` would run SciPy's own."""
    with override(disable_jit=True):
        return graphc.jvp(function, given, tuple(np.zeros_like(a) for a in given))[0]


@pytest.mark.parametrize(
    ("times", "span"),
    [
        (TIMES, (0.0, 4.0)),
        (np.array([4.0]), (0.0, 4.0)),
        (TIMES[::-1], (4.0, -1.0)),
        (np.array([1.0, 1.5]), (0.5, 3.0)),
    ],
)
def test_values_are_those_of_scipys_steps(times: Any, span: tuple[float, float]) -> None:
    found = traced(lambda y, a: states(y, a, 0.9, times, span), START, 1.3)
    np.testing.assert_allclose(found, states(START, 1.3, 0.9, times, span), rtol=1e-11)


def test_rejected_steps_are_scipys() -> None:
    def stiffer(a: Any) -> Any:
        return solve_ivp(van_der_pol, (0.0, 3.0), START, t_eval=[3.0], args=(a, 1.0), first_step=1.0, rtol=1e-6).y

    np.testing.assert_allclose(traced(stiffer, 9.0), stiffer(9.0), rtol=1e-9)


def test_compiled_gradients_are_those_of_the_sensitivity_equations() -> None:
    a, b = 1.3, 0.9

    def extended(t: Any, state: Any) -> Any:
        """The states, and their derivatives by the two starting values, a and b, with equations of their own."""
        y, sensitivities = state[:2], state[2:].reshape(4, 2)
        jacobian = np.array([[0.0, 1.0], [-2 * a * y[0] * y[1] - b, a * (1 - y[0] ** 2)]])
        forcing = np.zeros((4, 2))
        forcing[2:, 1] = (1 - y[0] ** 2) * y[1], -y[0]
        return np.concatenate([van_der_pol(t, y, a, b), (sensitivities @ jacobian.T + forcing).ravel()])

    start = np.concatenate([START, np.eye(4, 2).ravel()])
    found = solve_ivp(extended, (0.0, 4.0), start, t_eval=TIMES, rtol=1e-11, atol=1e-12).y[2:].reshape(4, 2, -1)
    loss = graphc.grad(lambda y, a, b: np.sum(states(y, a, b, rtol=1e-10) * WEIGHTS), argnums=(0, 1, 2))
    gradient = np.concatenate([np.atleast_1d(g) for g in loss(START, a, b)])
    np.testing.assert_allclose(gradient, np.sum(found * WEIGHTS, axis=(1, 2)), rtol=1e-6)  # between steps order 4


def decay(rate: Any, y0: Any, times: Any) -> Any:
    return graphc.ode.solve(lambda t, y: -rate * y, times, y0, rtol=1e-10, atol=1e-12)


def test_closed_form_to_second_order_and_in_time() -> None:
    rate, y0 = 0.7, np.array([[1.0, 2.0, -1.0]])

    def last(rate: Any, start: Any, end: Any) -> Any:
        return np.sum(decay(rate, y0, np.array([start, end]))[-1])

    with override(disable_jit=True):
        value, gradients = graphc.value_and_grad(last, argnums=(0, 1, 2))(rate, 0.5, 2.0)
        curvature = graphc.hvp(lambda r: last(r, 0.5, 2.0))(rate, 1.0)
    want = 2 * np.exp(-rate * 1.5)
    np.testing.assert_allclose(value, want, rtol=1e-9)
    np.testing.assert_allclose(gradients, (-1.5 * want, rate * want, -rate * want), rtol=1e-8)
    np.testing.assert_allclose(curvature, 1.5**2 * want, rtol=1e-7)


def test_outside_of_a_trace_it_runs_as_numpy() -> None:
    times = np.array([0.0, 1.0, 1.5])
    np.testing.assert_allclose(decay(0.7, 3.0, times), 3 * np.exp(-0.7 * times), rtol=1e-9)
    np.testing.assert_array_equal(decay(0.7, np.ones((2, 2)), times[:1]), np.ones((1, 2, 2)))


def test_odeint_by_another_method() -> None:
    def path(y0: Any, a: Any) -> Any:
        return odeint(lambda y, t, a: [y[1], -a * y[0]], y0, TIMES, args=(a,))

    np.testing.assert_allclose(traced(path, START, 1.3), path(START, 1.3), rtol=1e-6, atol=1e-6)


def test_what_is_not_reached_is_nan() -> None:
    def blow_up(y: Any) -> Any:  # at t = 1
        return graphc.ode.solve(lambda t, y: y**2, np.array([0.0, 0.5, 2.0]), y, max_steps=300)

    with np.errstate(all="ignore"):
        found = traced(blow_up, 1.0)
    np.testing.assert_allclose(found[:2], [1.0, 2.0], rtol=1e-5)
    assert np.isnan(found[2])


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"t_eval": None}, r"needs t_eval="),
        ({"t_eval": TIMES, "method": "BDF"}, "only method='RK45'"),
        ({"t_eval": TIMES, "dense_output": True}, "dense_output"),
    ],
)
def test_what_cannot_be_traced_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        graphc.jit(lambda y: solve_ivp(lambda t, y: -y, (0.0, 4.0), y, **options).y)(START)
