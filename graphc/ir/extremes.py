"""The most, or the least, that a dim can be while one symbol in it is from 0 to a limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from graphc.ir.dims import Atom, Call, Dim, Expr, ceildiv, dim_max, dim_min, floordiv, symbol, symbols_of


@dataclass(frozen=True)
class Extremes:
    """Term by term, so that an extreme need not be reached. No other symbol is negative, and no divisor below 1.

    ``lowest(dim)``: a number that the dim is never below, None where nothing is known.
    """

    name: str
    limit: Dim
    lowest: Callable[[Dim], int | None]

    def of(self, dim: Dim, *, highest: bool) -> Dim | None:
        """The most or the least that the dim can be; None where nothing is known of a part."""
        if self.name not in symbols_of(dim):
            return dim
        total: Dim = 0
        for monomial, coefficient in dim.terms if isinstance(dim, Expr) else ():
            factors = [self._positive(atom) for atom in monomial]
            term: Dim = coefficient
            for sign, _ in factors:
                term = term * sign
            wanted = highest == (isinstance(term, int) and term > 0)
            below = [] if wanted else [atom for _, atom in factors if self._may_be_negative(atom)]
            if len(below) > 1:
                return None
            for _, atom in factors:  # least where a negative one is least, and the others are largest
                end = self._atom(atom, highest=wanted or (bool(below) and atom not in below))
                if end is None:
                    return None
                term = term * end
            total = total + term
        return total

    def _positive(self, atom: Atom) -> tuple[int, Atom]:
        """``floordiv(-a, b)`` as -1 times the quotient rounded up, where a is not negative."""
        if isinstance(atom, Call) and atom.function == "floordiv" and self._is_never_negative(-atom.args[0]):
            return -1, Call("ceildiv", (-atom.args[0], atom.args[1]))
        return 1, atom

    def _atom(self, atom: Atom, *, highest: bool) -> Dim | None:
        if isinstance(atom, str):
            return symbol(atom) if atom != self.name else self.limit if highest else 0
        first, second = atom.args
        if atom.function in ("min", "max"):
            a, b = (self.of(arg, highest=highest) for arg in atom.args)
            return None if a is None or b is None else (dim_min if atom.function == "min" else dim_max)(a, b)
        if atom.function == "mod":
            most = self.of(second, highest=True)
            return None if most is None else most - 1 if highest else 0
        below = self._may_be_negative(atom)
        if not highest and not below:
            return 0
        a, least = self.of(first, highest=highest), max(self.lowest(second) or 1, 1)
        if a is None:
            return None
        quotient = (ceildiv if atom.function == "ceildiv" else floordiv)(a, least)
        return quotient if not below else (dim_max if highest else dim_min)(quotient, 0)

    def _may_be_negative(self, atom: Atom) -> bool:
        is_quotient = isinstance(atom, Call) and atom.function == "floordiv"
        return is_quotient and not self._is_never_negative(atom.args[0])  # type: ignore[union-attr]

    def _is_never_negative(self, dim: Dim) -> bool:
        """Whether it is known, perhaps only at the symbol's ends: ``(n - i) * m`` where i is at most n."""
        low = self.lowest(dim)
        if low is None or low < 0:
            least = self.of(dim, highest=False)
            low = None if least is None else self.lowest(least)
        return low is not None and low >= 0
