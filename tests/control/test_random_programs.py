"""Random imperative programs: loops, branches, writes in place, views and swaps, against plain Python."""

from __future__ import annotations

import importlib.util
import random

import numpy as np
import pytest

import graphc
from graphc.config import settings
from graphc.errors import LeakedTracerError, UnsupportedError
from graphc.trace.source import function_tree
from tests.nightly import NIGHTLY, RANDOM_PROGRAMS

X = np.array([0.4, 1.1, 0.7, -0.9, 1.3, 0.6])
ARRAYS = ("np.tanh(u + v)", "0.3 * u * v", "np.sin(v)", "u * 0.5 + v * 0.2", "u.copy()", "v.copy()")
RANGES = ("6", "1, 6", "5, -1, -1", "0, 6, 2", "x.shape[0]", "x.shape[0] - 1")


class Program:
    """The source of one program, made of the numbers that ``seed`` gives."""

    def __init__(self, seed: int):
        self.random = random.Random(seed)
        self.lines = ["import numpy as np", "", "def f(x):"]
        self.lines += ["    u, v, w = x.copy(), np.zeros(6), x[1:4] * 1.0", "    s, t = x[0], 0.5"]
        self.block(1, [], self.random.randrange(3, 7), 3)
        self.lines.append("    return np.sum(u * 0.3) + np.sum(v) * 0.7 + s + t + np.sum(w)")

    def scalar(self, loops: list[str]) -> str:
        number = self.random.randrange
        names = [
            "s",
            "t",
            f"u[{number(6)}]",
            f"v[{number(-6, 6)}]",
            "w[1]",
            "x[2]",
            f"{self.random.uniform(-1, 1):.1f}",
        ]
        for i in loops:
            names += [f"u[{i}]", f"v[{i}]", f"0.1 * {i}", f"x[{i}]"]
        return self.random.choice(names)

    def expression(self, loops: list[str]) -> str:
        a, b = self.scalar(loops), self.scalar(loops)
        forms = (a, f"0.5 * {a} + 0.3 * {b}", f"np.sin({a}) * {b}", f"np.tanh({a} - {b})", f"0.4 * {a} * {b}",
                 f"({a} if {b} > 0.2 else 0.7 * {b})")  # fmt: skip
        return self.random.choice(forms)

    def place(self, loops: list[str]) -> str:
        return f"{self.random.choice('uv')}[{self.random.choice([*loops, str(self.random.randrange(6))])}]"

    def block(self, indent: int, loops: list[str], count: int, depth: int) -> None:
        for _ in range(count):
            self.statement("    " * indent, indent, loops, depth)

    def statement(self, pad: str, indent: int, loops: list[str], depth: int) -> None:
        expression, choice = self.expression(loops), self.random.choice
        plain = [
            f"s = {expression}", f"t += 0.1 * ({expression})", f"{self.place(loops)} = {expression}",
            f"{self.place(loops)} += {expression}", "u[1:] = 0.5 * u[:-1] + 0.1 * v[1:]",
            f"{choice('uv')} = {choice(ARRAYS)}", "u, v = v, u", "v *= 0.5",
            f"row = u[2:5]\n{pad}row[{self.random.randrange(3)}] += 0.2 * ({expression})",
            "w = w * 0.9 + u[1:4] * 0.1", "s = s * 0.9", "u[v > s] *= 0.8",
        ]  # fmt: skip
        if loops:
            i = loops[-1]
            plain += [
                f"u[:{i}] *= np.cos({expression})",
                f"v[{i}:] += 0.1 * u[{i}:]",
                f"s += 0.1 * np.sum(u[:{i} + 1] * v[:{i} + 1])",
            ]
        kind = self.random.randrange(len(plain) + 4)
        if kind < len(plain) or depth == 0:
            self.lines.append(pad + plain[kind % len(plain)])
            return
        test = f"if {self.scalar(loops)} > {self.scalar(loops)}:"
        if kind < len(plain) + 2:
            i = "ijk"[len(loops)]
            inner = [f"{loops[-1]}", f"{loops[-1]}, 6", f"6 - {loops[-1]}"] if loops else []
            self.lines.append(f"{pad}for {i} in range({choice([*RANGES, *inner])}):")
            self.block(indent + 1, [*loops, i], self.random.randrange(1, 4), depth - 1)
        elif kind == len(plain) + 2 and loops:
            self.lines.append(f"{pad}{test} continue")
        else:
            self.lines.append(pad + test)
            self.block(indent + 1, loops, self.random.randrange(1, 3), depth - 1)
            if self.random.random() < 0.6:
                self.lines.append(f"{pad}else:")
                self.block(indent + 1, loops, self.random.randrange(1, 3), depth - 1)


def load(seed, folder):
    path = folder / f"program{seed}.py"
    path.write_text("\n".join(Program(seed).lines) + "\n")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.f


def differences(f, step):
    return np.array([(f(X + e) - f(X - e)) / (2 * step) for e in step * np.eye(len(X))])


def is_continuous(f, step=1e-6):
    """Whether the program does here what it does near by: rounding can decide a comparison of equal numbers."""
    here = f(X)
    jumps = [abs(f(X + e) + f(X - e) - 2 * here) for e in step * np.eye(len(X))]
    return max(jumps) < 1e-7 * max(1, abs(here))


@pytest.mark.parametrize("seed", range(RANDOM_PROGRAMS if NIGHTLY else 130))
def test_value_and_gradient(seed, tmp_path, monkeypatch):
    monkeypatch.setattr(settings, "disable_jit", True)
    f = load(seed, tmp_path)
    assert function_tree(f.__code__) is not None
    try:
        value, gradient = graphc.value_and_grad(f)(X)
    except (UnsupportedError, LeakedTracerError):
        pytest.skip("refused")
    expected = f(X)
    np.testing.assert_allclose(value, expected, rtol=1e-10)
    slopes = differences(f, 1e-6)
    steady = np.allclose(slopes, differences(f, 1e-5), rtol=1e-3, atol=1e-5)
    if steady and is_continuous(f):  # no branch changes near by
        np.testing.assert_allclose(gradient, slopes, rtol=1e-3, atol=1e-4 * max(1, np.abs(slopes).max()))
