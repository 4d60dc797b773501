"""``print`` in functions under every transform: with nothing compiled it prints numbers, once for each run."""

from __future__ import annotations

import numpy as np
import pytest

import graphc
from graphc.config import override

X = np.array([1.0, -2.0, 3.0])


def told(v):
    print("sum", float(v))


def positive_squares(x, k=2.0):
    s = 0.0
    for i in range(len(x)):
        if x[i] > 0:
            s += x[i] ** 2 * k
        print(f"{i}: {s:.1f}", end="; ")
    told(np.sum(x))
    x[0] = 7.0
    return s


TEXT = "0: 2.0; 1: 2.0; 2: 20.0; sum 2.0\n"


def of_the_vector(f):
    return graphc.hvp(f)(X, np.ones(3))


TRANSFORMS = {
    "grad": lambda f: graphc.grad(f)(X),
    "value_and_grad": lambda f: graphc.value_and_grad(f)(X),
    "jit": lambda f: graphc.jit(f)(X.copy()),
    "vjp": lambda f: graphc.vjp(f, X)[1](1.0),
    "linearize": lambda f: graphc.linearize(f, X)[1](X),
    "jvp": lambda f: graphc.jvp(f, (X,), (X,)),
    "hessian": lambda f: graphc.hessian(f)(X),
    "hvp": of_the_vector,
    "grad inside jit": lambda f: graphc.jit(lambda x: 2 * graphc.grad(f)(x))(X),
    "grad inside grad": lambda f: graphc.grad(lambda x: np.sum(graphc.grad(f)(x)))(X),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_numbers_of_a_call_are_printed_once(name, capsys):
    with override(disable_jit=True):
        TRANSFORMS[name](positive_squares)
    assert capsys.readouterr().out == TEXT
    assert X[0] == 1.0


def test_each_call_prints_its_own(capsys):
    with override(disable_jit=True):
        gradient = graphc.grad(positive_squares)
        gradient(X)
        gradient(2 * X, k=graphc.frozen(1.0))
    assert capsys.readouterr().out == TEXT + "0: 4.0; 1: 4.0; 2: 40.0; sum 4.0\n"
    with override(disable_jit=False):
        graphc.grad(lambda x: [print("compiled"), np.sum(x * x)][1])(X)
    assert capsys.readouterr().out == "compiled\n"


def test_each_element_of_a_batch_prints(capsys):
    with override(disable_jit=True):
        graphc.vmap(graphc.grad(positive_squares), in_axes=(1, None))(np.stack([X, 2 * X], axis=1), 2.0)
    assert capsys.readouterr().out == TEXT + "0: 8.0; 1: 8.0; 2: 80.0; sum 4.0\n"


class Spring:
    stiffness = 3.0

    @graphc.grad
    def energy(self, x):
        print("force", self.stiffness * x)
        return 0.5 * self.stiffness * x * x


def test_a_method_prints(capsys):
    with override(disable_jit=True):
        assert Spring().energy(2.0) == 6.0
    assert capsys.readouterr().out == "force 6.0\n"


def test_a_text_that_decides_is_no_print():
    def decided(x):
        return x if f"{x:.1f}" == "2.0" else 2 * x

    with override(disable_jit=True), pytest.raises(graphc.errors.ConcretizationError, match="GRAPHC_DISABLE_JIT=1"):
        graphc.grad(decided)(2.0)


def test_what_is_printed_before_an_error_is_seen(capsys):
    def outside(x):
        print("at", np.argmax(x))
        return x[np.argmax(x) + 1]

    with override(disable_jit=True), pytest.raises(IndexError):
        graphc.grad(outside)(X)
    assert capsys.readouterr().out == "at 2\n"
