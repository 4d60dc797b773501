"""Expressions that depend on the kind of dtype they are printed for."""

from __future__ import annotations

from collections.abc import Callable

Expr = Callable[[str], str]


def helper(name: str, arity: int = 1) -> str:
    """A call of the kernel helper ``<name>_<dtype>``.

    >>> helper("hypot", 2)
    'hypot_{t}({0}, {1})'
    """
    arguments = ", ".join(f"{{{k}}}" for k in range(arity))
    return f"{name}_{{t}}({arguments})"


def by_kind(*, other: str, f: str = "", u: str = "", b: str = "") -> Expr:
    """One template for floats, unsigned integers and bools each, where given; ``other`` for the rest.

    >>> by_kind(f="({0} / {1})", other="div_{t}({0}, {1})")("i64")
    'div_{t}({0}, {1})'
    """
    templates = {"f": f, "u": u, "b": b}
    return lambda short: templates.get(short[0]) or other
