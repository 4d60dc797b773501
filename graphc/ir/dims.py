"""Dims: sizes of array axes, as integers or normalised integer expressions over symbols.

A dim is an ``int`` or an ``Expr``; an ``Expr`` is never constant. An ``Expr`` is a polynomial with integer coefficients
over atoms, and an atom is a symbol's name or one of ``floordiv``, ``mod``, ``max``, ``min`` of two dims. Two equal
polynomials are equal objects in the sense of ``==``, so structural comparison decides most questions about shapes.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import TypeAlias, Union

from graphc.abi import Code

Dim: TypeAlias = Union[int, "Expr"]
Atom: TypeAlias = Union[str, "Call"]
Monomial: TypeAlias = tuple[Atom, ...]

SMALL = 16  # the most that the sizes of one element of a batch may be for its loops to run inside out


class Call:
    """An opaque atom: ``floordiv``, ``mod``, ``max`` or ``min`` of two dims."""

    __slots__ = ("args", "function", "text")

    def __init__(self, function: str, args: tuple[Dim, Dim]):
        self.function, self.args = function, args
        self.text = f"{function}({args[0]}, {args[1]})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Call) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text


class Expr:
    """A non-constant polynomial over atoms, in normal form. Made by arithmetic on ``symbol(name)``."""

    __slots__ = ("key", "terms")

    def __init__(self, terms: tuple[tuple[Monomial, int], ...]):
        self.terms = terms
        self.key = hash(terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Expr) and self.key == other.key and self.terms == other.terms

    def __hash__(self) -> int:
        return self.key

    def __add__(self, other: Dim) -> Dim:
        return self if other == 0 else _added(self, other)

    __radd__ = __add__

    def __neg__(self) -> Dim:
        return Expr(tuple((m, -c) for m, c in self.terms))

    def __sub__(self, other: Dim) -> Dim:
        return self + (-other)

    def __rsub__(self, other: Dim) -> Dim:
        return (-self) + other

    def __mul__(self, other: Dim) -> Dim:
        if isinstance(other, Expr):
            return _multiplied(self, other)
        if other in (0, 1):
            return self if other else 0
        return Expr(tuple((m, c * other) for m, c in self.terms))

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        return floordiv(self, other)

    def __rfloordiv__(self, other: Dim) -> Dim:
        return floordiv(other, self)

    def __mod__(self, other: Dim) -> Dim:
        return mod(self, other)

    def __rmod__(self, other: Dim) -> Dim:
        return mod(other, self)

    def __str__(self) -> str:
        return _to_text(self)

    __repr__ = __str__


def _terms(dim: Dim) -> tuple[tuple[Monomial, int], ...]:
    if isinstance(dim, Expr):
        return dim.terms
    return (((), int(dim)),) if dim else ()


def _order(monomial: Monomial) -> tuple[int, list[str]]:
    return -len(monomial), [str(atom) for atom in monomial]


def _from_terms(terms: Iterable[tuple[Monomial, int]]) -> Dim:
    total: dict[Monomial, int] = {}
    for monomial, coefficient in terms:
        total[monomial] = total.get(monomial, 0) + coefficient
    kept = sorted(((m, c) for m, c in total.items() if c), key=lambda term: _order(term[0]))
    if not kept:
        return 0
    if len(kept) == 1 and kept[0][0] == ():
        return kept[0][1]
    return Expr(tuple(kept))


@lru_cache(maxsize=1 << 14)  # a program's dims are few, and asked for again at each of its nodes
def _added(a: Expr, b: Dim) -> Dim:
    return _from_terms([*a.terms, *_terms(b)])


@lru_cache(maxsize=1 << 14)
def _multiplied(a: Expr, b: Expr) -> Dim:
    return _from_terms([(tuple(sorted(m1 + m2, key=str)), c1 * c2) for m1, c1 in a.terms for m2, c2 in b.terms])


def symbol(name: str) -> Expr:
    """The dim that stands for one unknown size."""
    return Expr((((name,), 1),))


def floordiv(a: Dim, b: Dim) -> Dim:
    if isinstance(a, int) and isinstance(b, int):
        return a // b
    quotient = _divide_exactly(a, b)
    return quotient if quotient is not None else Expr((((Call("floordiv", (a, b)),), 1),))


def _divide_exactly(a: Dim, b: Dim) -> Dim | None:
    """a / b where every term of a is divisible by the single term b; else None."""
    divisor = _terms(b)
    if len(divisor) != 1:
        return 1 if a == b else None
    monomial, coefficient = divisor[0]
    result = []
    for term, c in _terms(a):
        rest = list(term)
        if c % coefficient:
            return None
        for atom in monomial:
            if atom not in rest:
                return None
            rest.remove(atom)
        result.append((tuple(rest), c // coefficient))
    return _from_terms(result)


def is_multiple(a: Dim, b: Dim) -> bool:
    """Whether a is b times a single term, whatever the symbols are: ``2*m*n-4*m`` is of ``n-2``."""
    terms = _terms(b)
    for term in _terms(a):
        factor = _divide_exactly(_from_terms([term]), _from_terms(terms[:1])) if terms else None
        if factor is not None and factor * b == a:
            return True
    return a == 0


def mod(a: Dim, b: Dim) -> Dim:
    if isinstance(a, int) and isinstance(b, int):
        return a % b
    if _divide_exactly(a, b) is not None:
        return 0
    return Expr((((Call("mod", (a, b)),), 1),))


def ceildiv(a: Dim, b: Dim) -> Dim:
    return -floordiv(-a, b)


def dim_max(a: Dim, b: Dim) -> Dim:
    return _extreme("max", max, a, b)


def dim_min(a: Dim, b: Dim) -> Dim:
    return _extreme("min", min, a, b)


def _extreme(name: str, pick: Callable[[int, int], int], a: Dim, b: Dim) -> Dim:
    difference = a - b
    if isinstance(difference, int):  # includes two constants, and expressions that differ by a constant
        return b + pick(difference, 0)
    first, second = sorted((a, b), key=str)
    return Expr((((Call(name, (first, second)),), 1),))


def product(dims: Iterable[Dim]) -> Dim:
    result: Dim = 1
    for dim in dims:
        result = result * dim
    return result


def dim_sum(dims: Iterable[Dim]) -> Dim:
    """The sum of many dims: in normal form once, not after each of them."""
    return _from_terms([term for dim in dims for term in _terms(dim)])


_CALLS: dict[str, Callable[[Dim, Dim], Dim]] = {"floordiv": floordiv, "mod": mod, "max": dim_max, "min": dim_min}


def map_atoms(dim: Dim, replace: Callable[[Atom], Dim]) -> Dim:
    """The dim with every atom replaced; a ``Call`` is handed over whole."""
    if isinstance(dim, int):
        return dim
    total: Dim = 0
    for monomial, coefficient in dim.terms:
        term: Dim = coefficient
        for atom in monomial:
            term = term * replace(atom)
        total = total + term
    return total


def _rebuild(dim: Dim, leaf: Callable[[str], Dim]) -> Dim:
    def replace(atom: Atom) -> Dim:
        if isinstance(atom, str):
            return leaf(atom)
        a, b = (_rebuild(arg, leaf) for arg in atom.args)
        return _CALLS[atom.function](a, b)

    return map_atoms(dim, replace)


def substitute(dim: Dim, values: Mapping[str, Dim]) -> Dim:
    """The dim with each named symbol replaced; symbols that are not in ``values`` stay."""
    if isinstance(dim, int) or not values:
        return dim
    return _rebuild(dim, lambda name: values[name] if name in values else symbol(name))


def evaluate(dim: Dim, values: Mapping[str, int]) -> int:
    """The dim's number when every symbol has a value."""
    result = _rebuild(dim, lambda name: values[name])
    assert isinstance(result, int)
    return result


def symbols_of(dim: Dim) -> frozenset[str]:
    if isinstance(dim, int):
        return frozenset()
    names: set[str] = set()
    for monomial, _ in dim.terms:
        for atom in monomial:
            if isinstance(atom, str):
                names.add(atom)
            else:
                names |= symbols_of(atom.args[0]) | symbols_of(atom.args[1])
    return frozenset(names)


def is_polynomial(dim: Dim) -> bool:
    """Whether the dim is made of sums and products of symbols alone."""
    return isinstance(dim, int) or all(isinstance(atom, str) for monomial, _ in dim.terms for atom in monomial)


def _to_text(dim: Expr) -> str:
    parts: list[str] = []
    for monomial, coefficient in dim.terms:
        factors = [str(atom) for atom in monomial]
        if abs(coefficient) != 1 or not factors:
            factors.insert(0, str(abs(coefficient)))
        sign = "-" if coefficient < 0 else "+"
        parts.append((sign if parts or sign == "-" else "") + "*".join(factors))
    return "".join(parts)


def parse_dim(text: str) -> Dim:
    """The dim that ``str`` printed.

    >>> parse_dim("2*n-1"), parse_dim("max(m, n)+0")
    (2*n-1, max(m, n))
    """
    return dim_from_ast(ast.parse(text.strip(), mode="eval").body)


def dim_from_ast(node: ast.expr) -> Dim:
    match node:
        case ast.Constant(value=int(value)):
            return value
        case ast.Name(id=name):
            return symbol(name)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -dim_from_ast(operand)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return dim_from_ast(left) + dim_from_ast(right)
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return dim_from_ast(left) - dim_from_ast(right)
        case ast.BinOp(left=left, op=ast.Mult(), right=right):
            return dim_from_ast(left) * dim_from_ast(right)
        case ast.Call(func=ast.Name(id=name), args=[a, b]) if name in _CALLS:
            return _CALLS[name](dim_from_ast(a), dim_from_ast(b))
    raise ValueError(f"not a dim expression: {ast.unparse(node)}")


_OPCODES = {"floordiv": Code.FLOORDIV, "mod": Code.MOD, "max": Code.MAX, "min": Code.MIN}


def to_code(dim: Dim, index: Mapping[str, int]) -> tuple[int, ...]:
    """Stack bytecode (``abi.Code``) that computes the dim, given each symbol's index."""
    if isinstance(dim, int):
        return (Code.CONST, dim)
    code: list[int] = []
    for position, (monomial, coefficient) in enumerate(dim.terms):
        factors: list[tuple[int, ...]] = []
        for atom in monomial:
            if isinstance(atom, str):
                factors.append((Code.SYMBOL, index[atom]))
            else:
                factors.append((*to_code(atom.args[0], index), *to_code(atom.args[1], index), _OPCODES[atom.function]))
        if coefficient != 1 or not factors:
            factors.append((Code.CONST, coefficient))
        for count, factor in enumerate(factors):
            code.extend(factor)
            if count:
                code.append(Code.MUL)
        if position:
            code.append(Code.ADD)
    return tuple(int(c) for c in code)


def to_python(dim: Dim, names: Mapping[str, str] | None = None) -> str:
    """Python source of the dim, for generated code (all operands are int64 and Python's rounding holds)."""
    if isinstance(dim, int):
        return str(dim)
    parts: list[str] = []
    for monomial, coefficient in dim.terms:
        factors = []
        for atom in monomial:
            if isinstance(atom, str):
                factors.append(names[atom] if names else atom)
            else:
                a, b = (to_python(arg, names) for arg in atom.args)
                infix = {"floordiv": "//", "mod": "%"}.get(atom.function)
                factors.append(f"(({a}) {infix} ({b}))" if infix else f"{atom.function}({a}, {b})")
        if abs(coefficient) != 1 or not factors:
            factors.insert(0, str(abs(coefficient)))
        sign = " - " if coefficient < 0 else " + "
        parts.append((sign if parts else sign.strip().replace("+", "")) + " * ".join(factors))
    return "".join(parts)
