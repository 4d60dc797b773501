"""What is known of the symbols: questions about dims are answered here, and, during a trace, guarded.

A rule that needs two dims equal, or one at least another, asks ``ShapeFacts``. It answers what follows from the
structure and from the guards at hand. What does not follow is decided by the *hints*, the sizes of the call being
traced, and recorded as a guard, so that the program is used only where the answer holds. Without hints (in passes) an
undecided question is a defect of graphc and an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

from graphc.abi import Relation
from graphc.errors import InvalidGraphError, UndecidedSizeError
from graphc.ir.dims import Dim, Expr, dim_max, evaluate, is_multiple, substitute, symbol, symbols_of
from graphc.ir.extremes import Extremes


class Guard(NamedTuple):
    """``expr`` stands in ``relation`` to zero."""

    relation: Relation
    expr: Dim

    def __str__(self) -> str:
        return f"{self.expr} {RELATION_TEXT[self.relation]} 0"

    def holds(self, values: Mapping[str, int]) -> bool:
        return _compare(self.relation, evaluate(self.expr, values))


RELATION_TEXT = {Relation.EQ: "==", Relation.NE: "!=", Relation.GE: ">="}


def _compare(relation: Relation, value: int) -> bool:
    if relation is Relation.EQ:
        return value == 0
    return value != 0 if relation is Relation.NE else value >= 0


class ShapeFacts:
    """Guards and what follows from them.

    ``hints`` gives each symbol's size in the call being traced; None outside a trace.
    """

    def __init__(self, guards: Iterable[Guard] = (), hints: dict[str, int] | None = None):
        self.hints = hints
        self.guards: list[Guard] = []
        self.solved: dict[str, Dim] = {}  # symbols that an equality replaced by other dims
        self._lower: dict[str, int] = {}
        self.limits: dict[str, Dim] = {}  # the most that symbols bound at run time can be; later ones hold earlier ones
        self._compound: dict[Guard, None] = {}  # the guards that say more than a bound of one symbol
        self._with: dict[str, dict[Guard, None]] = {}  # the guards that a symbol stands in, once resolved
        self._made_of: dict[str, set[str]] = {}  # the solved symbols that a symbol stands in
        self._resolved: dict[Expr, Dim] = {}  # what ``resolve`` has answered
        self._answers: dict[str, list[Expr]] = {}  # the questions whose answer a symbol stands in
        self._ages: dict[str, int] = {}
        for guard in guards:
            self.assume(guard)

    def new_symbol(self, name: str, hint: int, lower: int | None) -> Expr:
        """A symbol of an input: its size in this call, and the smallest it may be (None: no bound)."""
        assert self.hints is not None
        self.hints[name] = hint
        result = symbol(name)
        if lower is not None:
            self.assume(Guard(Relation.GE, result - lower))
        return result

    def bound_symbol(self, prefix: str, limit: Dim | None = None) -> Expr:
        """A symbol that a node binds at run time (the count of a mask): a size, at most ``limit``."""
        number = 0
        while f"{prefix}{number}" in self._lower or f"{prefix}{number}" in (self.hints or ()):
            number += 1
        self.know_bound(f"{prefix}{number}", limit)
        return symbol(f"{prefix}{number}")

    def know_bound(self, name: str, limit: Dim | None) -> None:
        """A symbol that a node binds at run time already: new ones get other names."""
        self._lower.setdefault(name, 0)
        if limit is not None:
            self.limits.setdefault(name, limit)

    def is_bound(self, dim: Dim) -> bool:
        """Whether, in a trace, the dim depends on a symbol that is bound at run time and so has no hint."""
        return self.hints is not None and any(name not in self.hints for name in symbols_of(self.resolve(dim)))

    def assume(self, guard: Guard) -> None:
        """Take the guard as true from here on."""
        self.guards.append(guard)
        expr = self.resolve(guard.expr)
        if isinstance(expr, int):
            return
        for name in symbols_of(expr):
            self._with.setdefault(name, {})[guard] = None
        if guard.relation is Relation.EQ and self._solve(self._without_common_factor(expr)):
            return
        if guard.relation is not Relation.GE or not self._note_bound(expr):
            self._compound[guard] = None

    def _note_bound(self, expr: Expr) -> bool:
        """Keep what ``expr >= 0`` says of one symbol; False where it says something else."""
        constant = next((c for m, c in expr.terms if m == ()), 0)
        rest = expr - constant
        if isinstance(rest, Expr) and len(rest.terms) == 1:
            (monomial, coefficient), *_ = rest.terms
            if coefficient == 1 and len(monomial) == 1 and isinstance(monomial[0], str):
                self._lower[monomial[0]] = max(-constant, self._lower.get(monomial[0], -constant))
                return True
        return False

    def _without_common_factor(self, expr: Expr) -> Expr:
        """What is zero where the expression is: without symbols that stand in each term and are positive.

        >>> n, a, b = symbol("n"), symbol("a"), symbol("b")
        >>> ShapeFacts([Guard(Relation.GE, n - 2)])._without_common_factor(n * a - n * b)
        a-b
        """
        for name in sorted(symbols_of(expr)):
            while self._lower.get(name, 0) >= 1 and all(name in monomial for monomial, _ in expr.terms):
                quotient = expr // symbol(name)
                if not isinstance(quotient, Expr):
                    return expr
                expr = quotient
        return expr

    def _solve(self, expr: Expr) -> bool:
        """Replace one symbol that stands alone with coefficient 1 or -1, the youngest first; whether there is one."""
        candidates = []
        for monomial, coefficient in expr.terms:
            if len(monomial) == 1 and isinstance(monomial[0], str) and abs(coefficient) == 1:
                name = monomial[0]
                rest = expr - coefficient * symbol(name)
                if name not in symbols_of(rest):
                    candidates.append((name, -coefficient * rest))
        if not candidates:
            return False
        self._replace(*max(candidates, key=lambda c: (self._age(c[0]), c[0])))
        return True

    def _age(self, name: str) -> int:
        if len(self._ages) != len(self.hints or ()):
            self._ages = {known: age for age, known in enumerate(self.hints or ())}
        return self._ages.get(name, -1)

    def _replace(self, name: str, value: Dim) -> None:
        """Note that the symbol is the value, and what this changes: a long trace solves as many symbols as it has."""
        inside = symbols_of(value)
        changed = {name, *self._made_of.pop(name, ())}
        for solved in changed - {name}:
            self.solved[solved] = substitute(self.solved[solved], {name: value})
        self.solved[name] = value
        for known in inside:
            self._made_of.setdefault(known, set()).update(changed)
        for question in self._answers.pop(name, ()):
            self._resolved.pop(question, None)
        guards = self._with.pop(name, {})
        for known in inside:
            self._with.setdefault(known, {}).update(guards)
        for guard in guards:
            bound = self.resolve(guard.expr)
            if guard.relation is Relation.GE and isinstance(bound, Expr) and not self._note_bound(bound):
                self._compound[guard] = None

    def resolve(self, dim: Dim) -> Dim:
        """The dim in terms of the symbols that are left after unification."""
        if isinstance(dim, int) or not self.solved:
            return dim
        known = self._resolved.get(dim)
        if known is None:
            concerns = any(name in self.solved for name in symbols_of(dim))
            known = self._resolved[dim] = substitute(dim, self.solved) if concerns else dim
            for name in symbols_of(known):
                self._answers.setdefault(name, []).append(dim)
        return known

    def equal(self, a: Dim, b: Dim) -> bool:
        return a == b or self._decide(Relation.EQ, a - b)

    def at_least(self, a: Dim, b: Dim) -> bool:
        return a == b or self._decide(Relation.GE, a - b)

    def holds(self, dim: Dim) -> bool:
        """Whether ``dim >= 0`` in the call being traced; nothing is recorded."""
        assert self.hints is not None
        return evaluate(self.resolve(dim), self.hints) >= 0

    def proves_at_least(self, a: Dim, b: Dim) -> bool:
        """Whether ``a >= b`` follows from what is known; nothing is asked, and no guard recorded."""
        difference = self.resolve(a - b)
        return difference >= 0 if isinstance(difference, int) else self._known(Relation.GE, difference) is True

    def _decide(self, relation: Relation, difference: Dim) -> bool:
        difference = self.resolve(difference)
        if isinstance(difference, int):
            return _compare(relation, difference)
        known = self._known(relation, difference)
        if known is not None:
            return known
        if self.hints is None:
            raise InvalidGraphError(f"cannot decide {difference} {RELATION_TEXT[relation]} 0 without sizes")
        if self.is_bound(difference):
            question = f"{difference} {RELATION_TEXT[relation]} 0"
            raise UndecidedSizeError(
                f"`{question}` cannot be decided: a size is known only when the program runs (it is made of a loop's "
                "index, or computed); give both lengths the same bounds, or the same largest length, or write "
                "the loop out with graphc.unroll(range(n))"
            )
        answer = _compare(relation, evaluate(difference, self.hints))
        opposite = {Relation.EQ: Guard(Relation.NE, difference), Relation.GE: Guard(Relation.GE, -difference - 1)}
        self.assume(Guard(relation, difference) if answer else opposite[relation])
        return answer

    def _known(self, relation: Relation, difference: Expr) -> bool | None:
        near = {guard: None for name in symbols_of(difference) for guard in self._with.get(name, ())}
        for guard in near:
            if guard not in self._compound:
                continue
            expr = self.resolve(guard.expr)
            if guard.relation is Relation.EQ and is_multiple(difference, expr):  # an equality that solved no symbol
                return True
            if guard.relation is Relation.NE and relation is Relation.EQ and expr in (difference, -difference):
                return False
            if guard.relation is Relation.GE and isinstance(expr, Expr):
                above, below = difference - expr, -difference - 1 - expr
                if isinstance(above, int) and above >= 0 and relation is Relation.GE:
                    return True
                if isinstance(below, int) and below >= 0:  # difference <= -1
                    return False
                if isinstance(above, int) and above > 0 and relation is Relation.EQ:
                    return False
        low = self.lowest(difference)
        if low is not None and (low > 0 or (low >= 0 and relation is Relation.GE)):
            return relation is Relation.GE
        high = self.lowest(-difference)
        if high is not None and high > 0:
            return False
        return None

    def lowest(self, dim: Dim) -> int | None:
        """The same as ``lower_bound``, with symbols of limited size at the end that makes it least.

        >>> facts = ShapeFacts([Guard(Relation.GE, symbol("n") - 2)])
        >>> i = facts.bound_symbol("i", symbol("n") - 1)
        >>> facts.lowest(symbol("n") - i)
        1
        """
        return self.lower_bound(self.lowest_end(dim))

    def always_at_least(self, a: Dim, b: Dim) -> bool:
        """Whether ``a >= b`` for all values of the symbols that are bound at run time; guarded where it is for others.

        False also where that cannot be decided.
        """
        if not self.is_bound(a - b):
            return self.at_least(a, b)
        if self.proves_at_least(a, b):
            return True
        end = self.lowest_end(self.resolve(a - b))
        return not self.is_bound(end) and self.at_least(end, 0)

    def lowest_end(self, dim: Dim) -> Dim:
        """The dim with symbols of limited size at the end that makes it least, as far as that can be said."""
        for name in reversed(self.limits):
            if name not in symbols_of(dim):
                continue
            slope = substitute(dim, {name: 1}) - substitute(dim, {name: 0})
            curved = substitute(dim, {name: 2}) - substitute(dim, {name: 1}) != slope
            if curved or not isinstance(slope, int):
                break
            dim = self.resolve(substitute(dim, {name: 0 if slope >= 0 else self.limits[name]}))
        return dim

    def highest(self, dim: Dim, names: Collection[str]) -> Dim | None:
        """A size that the dim is never above, without these symbols; None where one of them has no limit.

        >>> facts = ShapeFacts([Guard(Relation.GE, symbol("n") - 2)])
        >>> i = facts.bound_symbol("i", symbol("n") - 1)
        >>> facts.highest(symbol("n") - i, ["i0"]), facts.highest((symbol("n") - i) * i, ["i0"])
        (n, max(0, n*n-n))
        """
        for name in [*reversed(self.limits), *(name for name in names if name not in self.limits)]:
            if name in names and name in symbols_of(dim):
                limit = self.limits.get(name)
                found = None if limit is None else self._highest_by(dim, name, limit)
                if found is None:
                    return None
                dim = found
        low = self.lowest(dim)
        return dim if low is not None and low >= 0 else dim_max(dim, 0)

    def _highest_by(self, dim: Dim, name: str, limit: Dim) -> Dim | None:
        """Without one symbol: a parabola that is open above is highest at an end."""
        at = [substitute(dim, {name: k}) for k in range(4)]
        bend = self.lowest(at[2] - 2 * at[1] + at[0])
        if bend is None or bend < 0 or at[3] - 3 * at[2] + 3 * at[1] - at[0] != 0:
            return Extremes(name, limit, self.lowest).of(dim, highest=True)
        first, last = at[0], self.resolve(substitute(dim, {name: limit}))
        for one, other in ((first, last), (last, first)):
            low = self.lowest(one - other)
            if low is not None and low >= 0:
                return one
        return dim_max(first, last)

    def lower_bound(self, dim: Dim) -> int | None:
        """A number that the dim is never below, as far as the symbols' own bounds tell; None when they do not."""
        if isinstance(dim, int):
            return dim
        total = 0
        for monomial, coefficient in dim.terms:
            bounds = [self._atom_bound(atom) for atom in monomial]
            if coefficient < 0 and monomial:
                return None
            term = coefficient
            for bound in bounds:
                if bound is None or bound < 0:
                    return None
                term *= bound
            total += term
        return total

    def _atom_bound(self, atom: object) -> int | None:
        if isinstance(atom, str):
            return self._lower.get(atom)
        function, (a, b) = atom.function, atom.args  # type: ignore[attr-defined]
        low_a, low_b = self.lower_bound(a), self.lower_bound(b)
        if function == "max":
            return max((low for low in (low_a, low_b) if low is not None), default=None)
        if function == "min":
            return None if low_a is None or low_b is None else min(low_a, low_b)
        if low_b is None or low_b <= 0:
            return None
        if function == "mod":
            return 0
        return 0 if low_a is not None and low_a >= 0 else None

    def broadcast(self, shapes: Iterable[tuple[Dim, ...]]) -> tuple[Dim, ...] | None:
        """NumPy's broadcast of the shapes; None when they do not fit."""
        shapes = list(shapes)
        rank = max((len(shape) for shape in shapes), default=0)
        result: list[Dim] = [1] * rank
        for shape in shapes:
            for axis, dim in enumerate(shape, start=rank - len(shape)):
                joined = self._broadcast_dim(result[axis], self.resolve(dim))
                if joined is None:
                    return None
                result[axis] = joined
        return tuple(result)

    def _broadcast_dim(self, a: Dim, b: Dim) -> Dim | None:
        if b in (a, 1):
            return a
        if a == 1:
            return b
        if self.equal(a, b):
            return self.resolve(a)
        if not isinstance(a, int) and self.is_one(a):
            return self.resolve(b)
        if not isinstance(b, int) and self.is_one(b):
            return self.resolve(a)
        return None

    def is_one(self, dim: Dim) -> bool:
        """Whether the dim is 1 in the call being traced, and then for all that follows.

        What stretches an axis must see its 1. Where `(n+1)//2 == 1` does not tell n, n is what it is in this call.
        """
        if not self.equal(dim, 1):
            return False
        hints = self.hints or {}
        for name in sorted(symbols_of(self.resolve(dim)) & hints.keys()):
            self.assume(Guard(Relation.EQ, symbol(name) - hints[name]))
        return True

    def final_guards(self) -> tuple[Guard, ...]:
        """The guards that a call must check, without repeats.

        Solved equalities are not among them: they stand in the dims of the inputs, whose symbols they replaced.
        """
        seen: dict[Guard, None] = {}
        for guard in self.guards:
            expr = self.resolve(guard.expr)
            if isinstance(expr, int):
                continue
            implied = (
                guard.relation is Relation.GE and len(symbols_of(expr)) > 1 and (self.lower_bound(expr) or -1) >= 0
            )
            if not implied:
                seen.setdefault(Guard(guard.relation, expr), None)
        return tuple(seen)
