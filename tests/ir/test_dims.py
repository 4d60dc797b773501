"""Dims: normal form, text, bytecode and generated source, all against plain integers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphc.abi import Code
from graphc.ir.dims import (
    Dim,
    ceildiv,
    dim_max,
    dim_min,
    evaluate,
    parse_dim,
    substitute,
    symbol,
    symbols_of,
    to_code,
    to_python,
)

NAMES = ("k", "m", "n")
SIZES = st.fixed_dictionaries({name: st.integers(0, 9) for name in NAMES})
n, m = symbol("n"), symbol("m")


@st.composite
def expressions(draw: Any, depth: int = 4) -> tuple[Dim, str]:
    """A dim with Python source of the same meaning."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        if draw(st.booleans()):
            name = draw(st.sampled_from(NAMES))
            return symbol(name), name
        number = draw(st.integers(-4, 4))
        return number, f"({number})"
    (a, source_a), (b, source_b) = draw(expressions(depth - 1)), draw(expressions(depth - 1))
    match draw(st.sampled_from(("+", "-", "*", "//", "%", "max", "min", "neg"))):
        case "+":
            return a + b, f"({source_a} + {source_b})"
        case "-":
            return a - b, f"({source_a} - {source_b})"
        case "*":
            return a * b, f"({source_a} * {source_b})"
        case "//":
            divisor = draw(st.integers(1, 4))
            return a // divisor, f"({source_a} // {divisor})"
        case "%":
            divisor = draw(st.integers(1, 4))
            return a % divisor, f"({source_a} % {divisor})"
        case "max":
            return dim_max(a, b), f"max({source_a}, {source_b})"
        case "min":
            return dim_min(a, b), f"min({source_a}, {source_b})"
        case _:
            return -a, f"(-{source_a})"


def run_code(code: tuple[int, ...], symbols: list[int]) -> int:
    """The stack machine that native code is."""
    stack: list[int] = []
    words = iter(code)
    for word in words:
        match Code(word):
            case Code.CONST:
                stack.append(next(words))
            case Code.SYMBOL:
                stack.append(symbols[next(words)])
            case operation:
                b, a = stack.pop(), stack.pop()
                stack.append({
                    Code.ADD: lambda a, b: a + b, Code.MUL: lambda a, b: a * b, Code.FLOORDIV: lambda a, b: a // b,
                    Code.MOD: lambda a, b: a % b, Code.MAX: max, Code.MIN: min,
                }[operation](a, b))  # fmt: skip
    (result,) = stack
    return result


@settings(max_examples=100, deadline=None)
@given(expressions(), SIZES)
def test_a_dim_means_what_its_python_source_means(case: tuple[Dim, str], sizes: dict[str, int]) -> None:
    dim, source = case
    wanted = eval(source, {}, dict(sizes))
    assert evaluate(dim, sizes) == wanted
    assert run_code(to_code(dim, {name: i for i, name in enumerate(NAMES)}), [sizes[s] for s in NAMES]) == wanted
    assert eval(to_python(dim), {}, dict(sizes)) == wanted
    assert eval(to_python(dim, {s: f"{s}_" for s in NAMES}), {}, {f"{s}_": v for s, v in sizes.items()}) == wanted


@settings(max_examples=100, deadline=None)
@given(expressions())
def test_the_text_of_a_dim_parses_back(case: tuple[Dim, str]) -> None:
    dim, _ = case
    assert parse_dim(str(dim)) == dim


@settings(max_examples=60, deadline=None)
@given(expressions(depth=3), expressions(depth=3), SIZES)
def test_normal_form_of_ring_operations(a: tuple[Dim, str], b: tuple[Dim, str], sizes: dict[str, int]) -> None:
    x, y = a[0], b[0]
    assert x + y == y + x
    assert x * y == y * x
    assert (x + y) * (x - y) == x * x - y * y
    assert x - x == 0
    assert hash(x + y) == hash(y + x)


@settings(max_examples=60, deadline=None)
@given(expressions(depth=3), expressions(depth=2), SIZES)
def test_substitution_then_evaluation(a: tuple[Dim, str], b: tuple[Dim, str], sizes: dict[str, int]) -> None:
    dim, value = a[0], b[0]
    replaced = substitute(dim, {"n": value})
    assume("n" not in symbols_of(value))
    assert "n" not in symbols_of(replaced)
    assert evaluate(replaced, sizes) == evaluate(dim, {**sizes, "n": evaluate(value, sizes)})


@pytest.mark.parametrize(
    ("dim", "text"),
    [
        (n - n, "0"),
        (n + n, "2*n"),
        (n * m - m * n + 3, "3"),
        ((2 * n) // 2, "n"),
        ((n * m) // m, "n"),
        ((4 * n) % 2, "0"),
        (dim_max(n, n - 1), "n"),
        (dim_min(n + 2, n), "n"),
        (dim_max(3, 5), "5"),
        (ceildiv(7, 2), "4"),
    ],
)
def test_simplified_on_sight(dim: Dim, text: str) -> None:
    assert str(dim) == text
