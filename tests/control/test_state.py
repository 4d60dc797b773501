"""State of any kind in loops and branches: items of dicts and lists, attributes, tuples, closures."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

import graphc
from graphc.config import override
from graphc.errors import UnsupportedError

X = np.array([0.4, 1.1, 0.7, 0.9, 1.3, 0.6])


@dataclass
class Body:
    q: object
    v: object
    n: int = 0


class Plain:
    def __init__(self, q, v):
        self.q, self.v, self.name = q, v, "p"

    def step(self, dt):
        self.v = self.v - dt * self.q
        self.q = self.q + dt * self.v


class Pair(NamedTuple):
    a: object
    b: object


def dict_state(x):
    s = {"q": x[0], "v": x[1], "u": x * 1.0}
    for _ in range(20):
        s["v"] = s["v"] - 0.1 * s["q"]
        s["q"] = s["q"] + 0.1 * s["v"]
        s["u"] = s["u"] * 0.9
        s["u"][2] += s["q"]
    return s["q"] * s["v"] + s["u"].sum()


def list_state(x):
    p = [x[0], x[1], 0]
    for _ in range(20):
        p[1] = p[1] - 0.1 * p[0]
        p[0] += 0.1 * p[1]
        p[2] += 1
    return p[0] * p[1] * p[2]


def dataclass_state(x):
    p = Body(x[0], x[1])
    for _ in range(20):
        p.v = p.v - 0.1 * p.q
        p.q += 0.1 * p.v
        p.n += 1
    return p.q * p.v * p.n


def dataclass_rebound(x):
    p = Body(x[0], x[1])
    for _ in range(20):
        p = Body(p.q + 0.1 * p.v, p.v - 0.1 * p.q, p.n + 1)
    return p.q * p.v * p.n


def plain_object(x):
    p = Plain(x[0], x[1])
    for _ in range(20):
        p.step(0.1)
    return p.q * p.v


def namespace(x):
    p = SimpleNamespace(q=x[0], v=x[1])
    for _ in range(20):
        p.q, p.v = p.q + 0.1 * p.v, p.v - 0.1 * p.q
    return p.q * p.v


def namedtuple_state(x):
    p = Pair(x[0], x)
    for _ in range(20):
        p = Pair(p.a * 0.9 + p.b[1], p.b * 0.95)
    return p.a * p.b.sum()


def tuple_nested(x):
    s = (x[0], (x[1], [x[2], x]))
    for _ in range(20):
        a, (b, (c, d)) = s
        s = (a * 0.9 + b, (b * 0.8 + c, [c * 0.7 + d[0], d * 0.9]))
    return s[0] + s[1][0] + s[1][1][0] + s[1][1][1].sum()


def nested_dict(x):
    s = {"p": {"q": x[0], "v": x[1]}, "l": [x[2], x[3]]}
    for _ in range(10):
        s["p"]["q"] = s["p"]["q"] + 0.1 * s["p"]["v"]
        s["l"][1] = s["l"][1] * s["p"]["q"]
    return s["p"]["q"] * s["l"][1] * s["l"][0]


def dict_in_branch(x):
    s = {"q": x[0], "n": 0}
    for i in range(6):
        if x[i] > 0.8:
            s["q"] = s["q"] * x[i]
            s["n"] += 1
    if x[0] > 0.1:
        s["q"] = s["q"] * 2
    return s["q"] * s["n"]


def dict_while(x):
    s = {"r": x[0], "err": 1.0}
    while s["err"] > 1e-12:
        new = 0.5 * (s["r"] + x[1] / s["r"])
        s["err"] = abs(new - s["r"])
        s["r"] = new
    return s["r"]


def list_of_arrays(x):
    us = [x * 1.0, x * 2.0, np.zeros(6)]
    for _ in range(5):
        us[2][1:] = us[0][:-1] * us[1][1:]
        us[0], us[1] = us[1] * 0.5, us[0] + us[2]
    return us[0].sum() + (us[1] * us[2]).sum()


def helper_mutates(x):
    s = {"q": x[0], "v": x[1]}

    def step(dt):
        s["q"] = s["q"] + dt * s["v"]
        s["v"] = s["v"] - dt * s["q"]

    for _ in range(10):
        step(0.1)
    return s["q"] * s["v"]


def nonlocal_counter(x):
    total = 0.0

    def add(v):
        nonlocal total
        total = total + v * v

    for i in range(6):
        add(x[i])
    return total * x[0]


def nonlocal_loop_inside(x):
    total = 0.0

    def add(k):
        nonlocal total
        for i in range(6):
            total = total + x[i] * k
            if total > 3:
                break

    add(1.0)
    add(2.0)
    return total * x[0]


def copied_container(x):
    s = {"q": x[0]}
    t = s
    for _ in range(5):
        t["q"] = t["q"] * 1.1
    return s["q"]


def fresh_each(x):
    s = {"q": x[0]}
    for _ in range(5):
        s = {"q": s["q"] * x[1]}
        s["q"] = s["q"] + 0.1
    return s["q"]


def attribute_array(x):
    p = Plain(x * 1.0, np.zeros(6))
    for i in range(5):
        p.v[i + 1] = p.q[i] * p.v[i] + p.q[i + 1]
        p.q = p.q * 0.9
    return (p.v * p.q).sum()


def dict_of_bool(x):
    s = {"done": False, "r": x[0], "k": 0}
    while not s["done"]:
        new = 0.5 * (s["r"] + x[1] / s["r"])
        if abs(new - s["r"]) < 1e-12:
            s["done"] = True
        s["r"] = new
        s["k"] += 1
    return s["r"] * s["k"]


def delete(x):
    s = x[0]
    for i in range(5):
        t = s * x[i]
        s = s + t
        del t
    return s


PROGRAMS = [
    dict_state, list_state, dataclass_state, dataclass_rebound, plain_object, namespace, namedtuple_state,
    tuple_nested, nested_dict, dict_in_branch, dict_while, list_of_arrays, helper_mutates, nonlocal_counter,
    nonlocal_loop_inside, copied_container, fresh_each, attribute_array, dict_of_bool, delete,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_value_and_gradient(program):
    with override(disable_jit=True):
        value, gradient = graphc.value_and_grad(program)(X)
    np.testing.assert_allclose(value, program(X), rtol=1e-13)
    slopes = [(program(X + step) - program(X - step)) / 2e-6 for step in 1e-6 * np.eye(6)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-8)


# --- errors -----------------------------------------------------------------------------------------------------------


def both_rebound_and_written(x):
    s = {"q": x[0]}
    t = s
    for _ in range(5):
        s["q"] = s["q"] * 1.1
        s = {"q": s["q"] * x[1]}
    return s["q"] + t["q"]


def adds_key(x):
    s = {"q": x[0]}
    while s["q"] < 3:
        s[f"w{len(s)}"] = s["q"] = s["q"] * 1.5
    return s["q"]


def appends(x):
    s = [x[0]]
    while s[-1] < 3:
        s.append(s[-1] * 1.5)
    return s[-1]


def iterates(x):
    it = iter([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0])
    s = x[0]
    while s < 3:
        s = s + next(it) * x[1]
    return s


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (both_rebound_and_written, r"s\['q'\] is written into, and what it stands in is then replaced"),
        (adds_key, "'s', a dict, is changed"),
        (appends, "'s', a list, is changed"),
        (iterates, "'it' is an iterator"),
    ],
)
def test_what_is_refused(program, message):
    with pytest.raises(UnsupportedError, match=message) as caught:
        graphc.jit(program)(X)
    assert caught.value.location is not None
    assert caught.value.location.file == __file__
