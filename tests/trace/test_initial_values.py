"""Initial value problems: the values of SciPy's RK45, gradients against differences and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.integrate import odeint, solve_ivp

import graphc
import graphc.ode
from graphc.config import override
from graphc.trace.algorithms.initial_values import _times
from tests.nightly import NIGHTLY, part
from tests.trace.scipy_cases import case, check

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


SPANS = [
    (np.array([1.0, 1.5]), (0.5, 3.0)),
    (TIMES[::-1], (4.0, -1.0)),
    (np.array([4.0]), (0.0, 4.0)),
    (TIMES, (0.0, 4.0)),
]


@pytest.mark.parametrize(("times", "span"), part(SPANS, 0, 3))
def test_values_are_those_of_scipys_steps(times: Any, span: tuple[float, float]) -> None:
    found = traced(lambda y, a: states(y, a, 0.9, times, span), START, 1.3)
    np.testing.assert_allclose(found, states(START, 1.3, 0.9, times, span), rtol=1e-11)


@pytest.mark.skipif(not NIGHTLY, reason="seconds of interpretation: of the night")
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


@pytest.mark.skipif(not NIGHTLY, reason="seconds of interpretation: of the night")
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
        ({"method": "LSODA"}, "method='LSODA' is not there; 'RK23'.*'BDF' and 'Radau' for stiff"),
        ({"method": "RK45", "min_step": 1.0}, "min_step= is not supported.*arguments are"),
    ],
)
def test_what_cannot_be_traced_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(graphc.UnsupportedError, match=text):
        graphc.jit(lambda y: solve_ivp(lambda t, y: -y, (0.0, 4.0), y, **options).y)(START)


@pytest.mark.parametrize(
    ("times", "span", "text"),
    [([0.5, 2.0], (0.0, 1.0), "not within t_span"), ([0.5, 0.2], (0.0, 1.0), "not in the order of t_span"),
     ([0.2, 0.5], (1.0, 0.0), "not in the order"), ([[0.2]], (0.0, 1.0), "is no vector")],
)  # fmt: skip
def test_times_that_scipy_refuses_are_refused(times: Any, span: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        _times(np.array(times), *span)  # what is traced, in NumPy


def test_times_outside_are_refused_by_the_program() -> None:
    with override(disable_jit=True), pytest.raises(ValueError, match="not within t_span"):
        graphc.vjp(lambda t: solve_ivp(lambda t, y: -y, (0.0, 1.0), START, "RK23", t_eval=t).y, np.array([0.5, 2.0]))


# --- methods, events, dense output ------------------------------------------------------------------------------------


def fall(t: Any, y: Any) -> Any:
    return [y[1], -9.81]


def ground(t: Any, y: Any) -> Any:
    return y[0]


ground.terminal = True  # type: ignore[attr-defined]
ground.direction = -1  # type: ignore[attr-defined]


def halfway(t: Any, y: Any) -> Any:
    return y[0] - 5.0


def dropped(height: Any, events: Any = (ground, halfway)) -> Any:
    found = solve_ivp(fall, (0.0, 9.0), [height, 0.0], events=list(events), t_eval=[0.5, 1.2, 2.0], rtol=1e-8)
    return found.t_events[0], found.y_events[0], found.y, found.t_events[-1]


@pytest.mark.parametrize("events", [(ground,), (ground, halfway)][: 2 if NIGHTLY else 1])
def test_the_times_of_events(events: Any) -> None:
    def happened(height: Any) -> Any:
        return dropped(height, events)

    with override(disable_jit=True):
        values, rates = graphc.jvp(happened, (8.0,), (1.0,))
    for found, want in zip(values, happened(8.0), strict=True):
        np.testing.assert_allclose(found, want, rtol=1e-9, atol=1e-9)
    slopes = [1 / np.sqrt(2 * 9.81 * (8 - level)) for level in (0, 5)]  # of t = sqrt(2 (h - level) / g)
    np.testing.assert_allclose([rates[0][0], rates[3][0]], [slopes[0], slopes[len(events) - 1]], rtol=1e-9)
    np.testing.assert_allclose(rates[1][0], [0.0, -9.81 * slopes[0]], rtol=1e-8, atol=1e-9)
    np.testing.assert_allclose(rates[2], [[1.0, 1.0], [0.0, 0.0]], rtol=1e-9, atol=1e-9)


@pytest.mark.skipif(not NIGHTLY, reason="half a minute: of the night")
def test_gradients_of_the_times_of_events() -> None:
    def total(height: Any) -> Any:
        first, _, _, second = dropped(height)
        return first[0] + second[0]

    found = graphc.grad(total)(8.0)
    np.testing.assert_allclose(found, 1 / np.sqrt(2 * 9.81 * 8) + 1 / np.sqrt(2 * 9.81 * 3), rtol=1e-9)


def stiff(rate: Any, method: str, rtol: float) -> Any:
    def slope(t: Any, y: Any) -> Any:
        return np.array([-rate * (y[0] - y[1]), -y[1]])

    found = solve_ivp(slope, (0.0, 0.2), [0.0, 1.0], method=method, t_eval=[0.2], rtol=rtol, atol=1e-3 * rtol)
    return found.y[0, 0]


@pytest.mark.parametrize("method", part(["Radau", "BDF"], 1, 2))
def test_stiff_methods_by_a_closed_form(method: str) -> None:
    rate, rtol = 200.0, 1e-8 if NIGHTLY else 1e-4
    with override(disable_jit=not NIGHTLY):
        value, slope = graphc.value_and_grad(stiff)(rate, method, rtol)
    decays = np.exp(-0.2) - np.exp(-rate * 0.2)
    np.testing.assert_allclose(value, rate / (rate - 1) * decays, rtol=4 * rtol)
    np.testing.assert_allclose(slope, -decays / (rate - 1) ** 2, rtol=100 * rtol)  # where the error of the steps is


EXHAUSTIVE = [
    *(case(f"integrate.solve_ivp({method})", START, 1.3, rtol=1e-9, m=method, call=lambda y, a, m: solve_ivp(
        van_der_pol, (0.0, 2.0), y, method=m, t_eval=TIMES[:3], args=(a, 0.9), rtol=1e-8, atol=1e-9).y)
      for method in ("RK23", "DOP853")),
    case("integrate.solve_ivp(steps)", START, 1.3, smooth=False, rtol=1e-9,
         call=lambda y, a: solve_ivp(van_der_pol, (0.0, 2.0), y, args=(a, 0.9)).t),
    case("integrate.solve_ivp(end)", START, 1.3, smooth=False, rtol=1e-9,
         call=lambda y, a: solve_ivp(van_der_pol, (0.0, 2.0), y, args=(a, 0.9)).y[:, -1]),
    case("integrate.solve_ivp(BDF)", START, 1.3, rtol=1e-6, call=lambda y, a: solve_ivp(
        van_der_pol, (0.0, 2.0), y, method="BDF", t_eval=TIMES[:3], args=(a, 0.9), rtol=1e-9, atol=1e-10).y),
    case("integrate.solve_ivp(complex)", 1.3, rtol=1e-9, call=lambda w: solve_ivp(
        lambda t, y: 1j * w * y, (0.0, 2.0), np.array([1 + 0j]), t_eval=TIMES[:3], rtol=1e-9, atol=1e-10).y),
    case("integrate.solve_ivp(vectorized)", START, 1.3, rtol=1e-9, call=lambda y, a: solve_ivp(
        lambda t, y: -a * y * y, (0.0, 2.0), y, vectorized=True, t_eval=TIMES[:3], max_step=0.1, first_step=0.01).y),
    case("integrate.solve_ivp(dense)", START, np.array([1.5, 0.2, 1.0]), rtol=1e-9, call=lambda y, q: solve_ivp(
        van_der_pol, (0.0, 2.0), y, dense_output=True, args=(1.3, 0.9), rtol=1e-9, atol=1e-9).sol(q)),
]  # fmt: skip


@pytest.mark.skipif(not NIGHTLY, reason="minutes of interpretation: of the night")
@pytest.mark.parametrize("tested", EXHAUSTIVE, ids=lambda tested: tested.name)
def test_every_method_and_option(tested: Any) -> None:
    check(tested)


def robertson(t: Any, y: Any, k: Any) -> Any:
    fast = 1e4 * y[1] * y[2]
    return np.array([-k * y[0] + fast, k * y[0] - fast - 3e7 * y[1] ** 2, 3e7 * y[1] ** 2])


@pytest.mark.skipif(not NIGHTLY, reason="compiles for a quarter of a minute: of the night")
@pytest.mark.parametrize("method", ["Radau", "BDF"])
def test_robertsons_reaction_is_compiled(method: str) -> None:
    def second(k: Any, rtol: float = 1e-7) -> Any:
        start = np.array([1.0, 0.0, 0.0])
        return solve_ivp(robertson, (0.0, 40.0), start, method, [40.0], args=(k,), rtol=rtol, atol=1e-8 * rtol).y[1, 0]

    value, slope = graphc.value_and_grad(second)(0.04)
    np.testing.assert_allclose(value, second(0.04, 1e-10), rtol=1e-6)
    ends = [second(0.04 + s * 1e-5, 1e-11) for s in (1, -1)]
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-5, rtol=1e-5)
