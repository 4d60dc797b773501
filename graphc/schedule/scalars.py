"""Scalars: what a kernel computes for one element, and the affine positions of what it reads.

A scalar is interned: equal scalars of one kernel are one object, so sharing is identity and walks are linear. Positions
are affine in the loop variables, with dims as coefficients; a gathered one adds scalars times strides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.ir.dims import Dim

MOST_TOGETHER = 32  # rows that run as one (``schedule.together``): a few vectors
SELECT = "select({0}, {1}, {2})"  # of an element where conditions hold
RARE = 8  # a condition that holds for so many places of a long axis at most is taken not to hold
SHORT = 64  # places of an axis that is not long yet
BLOCK_AXIS = -1  # the loop variable that numbers the blocks of a nest with totals or temporaries


@dataclass(frozen=True)
class Affine:
    """``offset + sum(coefficient * loop variable)``: ``terms`` holds (loop axis, coefficient), sorted, none zero."""

    offset: Dim = 0
    terms: tuple[tuple[int, Dim], ...] = ()

    @staticmethod
    def make(offset: Dim, terms: Iterable[tuple[int, Dim]]) -> Affine:
        total: dict[int, Dim] = {}
        for axis, coefficient in terms:
            total[axis] = total.get(axis, 0) + coefficient
        return Affine(offset, tuple(sorted((a, c) for a, c in total.items() if c != 0)))

    @staticmethod
    def axis(axis: int) -> Affine:
        return Affine(0, ((axis, 1),))

    def plus(self, other: Affine | Dim) -> Affine:
        if not isinstance(other, Affine):
            return Affine(self.offset + other, self.terms)
        return Affine.make(self.offset + other.offset, self.terms + other.terms)

    def times(self, factor: Dim) -> Affine:
        return Affine.make(self.offset * factor, [(axis, c * factor) for axis, c in self.terms])

    def coefficient(self, axis: int) -> Dim:
        return next((c for a, c in self.terms if a == axis), 0)

    @property
    def axes(self) -> frozenset[int]:
        return frozenset(axis for axis, _ in self.terms)


@dataclass(frozen=True)
class Condition:
    """``0 <= index < size``: where an embedded array has an element."""

    index: Affine
    size: Dim

    def is_rare(self, space: Sequence[Dim]) -> bool:
        """Whether it holds at few places of a loop that is long, or may be; without a loop, for few sizes."""
        sizes = [space[axis] for axis in self.index.axes] or [self.index.offset]
        few = isinstance(self.size, int) and self.size <= RARE
        return few and any(not isinstance(size, int) or size > SHORT for size in sizes)

    @property
    def known(self) -> bool | None:
        """Whether it holds, where that is the same for all sizes and places."""
        if self.index.terms or not isinstance(self.index.offset, int):
            return None
        if self.index.offset < 0:
            return False
        return self.index.offset < self.size if isinstance(self.size, int) else None


def zero_text(short: str) -> str:
    """What an embedded array has outside of its elements."""
    return "False" if short == "bool" else "0.0" if short[0] in "fb" else "0"


class Scalar:
    """One scalar computation of a kernel; made by ``Scalars`` only.

    forms: ``load`` (LoadData; args are gathered positions), ``apply`` (ApplyData over args), ``literal`` (text),
    ``position`` (an Affine as a number), ``size`` (a dim as a number), ``holds`` (conditions as a bool), ``folded``
    (the result of the fold with this key).
    """

    __slots__ = ("args", "axes", "data", "dtype", "form", "number")

    def __init__(self, form: str, dtype: str, data: Any, args: tuple[Scalar, ...], axes: frozenset[int], number: int):
        self.form, self.dtype, self.data, self.args, self.axes, self.number = form, dtype, data, args, axes, number


@dataclass(frozen=True)
class LoadData:
    buffer: int
    index: Affine
    conditions: tuple[Condition, ...] = ()
    strides: tuple[Dim, ...] = ()


@dataclass(frozen=True)
class ApplyData:
    template: str
    cost: int
    op: str = ""  # the pointwise op's name


class Scalars:
    """Interns the scalars of one kernel. ``rename`` is applied to every affine position on the way in."""

    def __init__(self, rename: Callable[[Affine], Affine] | None = None) -> None:
        self._known: dict[tuple[Any, ...], Scalar] = {}
        self.rename = rename or (lambda position: position)

    def _conditions(self, conditions: tuple[Condition, ...]) -> tuple[Condition, ...]:
        return tuple(Condition(self.rename(c.index), c.size) for c in conditions)

    def _make(self, form: str, dtype: str, data: Any, args: tuple[Scalar, ...], axes: frozenset[int]) -> Scalar:
        key = (form, dtype, data, *(a.number for a in args))
        found = self._known.get(key)
        if found is None:
            for arg in args:
                axes = axes | arg.axes
            found = self._known[key] = Scalar(form, dtype, data, args, axes, len(self._known))
        return found

    def load(
        self,
        dtype: str,
        buffer: int,
        index: Affine,
        conditions: tuple[Condition, ...] = (),
        gathered: tuple[tuple[Scalar, Dim], ...] = (),
    ) -> Scalar:
        index, conditions = self.rename(index), self._conditions(conditions)
        axes = index.axes.union(*(c.index.axes for c in conditions))
        data = LoadData(buffer, index, conditions, tuple(stride for _, stride in gathered))
        return self._make("load", dtype, data, tuple(s for s, _ in gathered), axes)

    def reload(self, dtype: str, buffer: int, position: Affine) -> Scalar:
        """A load at a position that needs no renaming."""
        return self._make("load", dtype, LoadData(buffer, position), (), position.axes)

    def apply(self, dtype: str, template: str, args: tuple[Scalar, ...], cost: int = 1, op: str = "") -> Scalar:
        return self._make("apply", dtype, ApplyData(template, cost, op), args, frozenset())

    def rebuilt(self, scalar: Scalar, visit: Callable[[Scalar], Scalar | None], known: dict[int, Scalar]) -> Scalar:
        """The scalar with those that it is made of replaced by what ``visit`` gives, outermost first."""
        if scalar.number not in known:
            result = visit(scalar)
            if result is None and scalar.form == "apply":
                args = tuple(self.rebuilt(arg, visit, known) for arg in scalar.args)
                result = self._make("apply", scalar.dtype, scalar.data, args, frozenset())
            known[scalar.number] = scalar if result is None else result
        return known[scalar.number]

    def literal(self, dtype: str, text: str) -> Scalar:
        return self._make("literal", dtype, text, (), frozenset())

    def position(self, index: Affine) -> Scalar:
        index = self.rename(index)
        return self._make("position", "i64", index, (), index.axes)

    def size(self, dim: Dim) -> Scalar:
        return self._make("size", "i64", dim, (), frozenset())

    def holds(self, conditions: tuple[Condition, ...]) -> Scalar:
        conditions = self._conditions(conditions)
        axes = frozenset[int]().union(*(c.index.axes for c in conditions))
        return self._make("holds", "bool", conditions, (), axes)

    def folded(self, dtype: str, key: int, axes: frozenset[int]) -> Scalar:
        return self._make("folded", dtype, key, (), axes)


def walk(scalars: Iterable[Scalar]) -> list[Scalar]:
    """The scalars and all that they are made of, each once, operands first."""
    order: list[Scalar] = []
    seen: set[int] = set()
    stack = [(scalar, False) for scalar in scalars]
    stack.reverse()
    while stack:
        scalar, ready = stack.pop()
        if ready:
            order.append(scalar)
        elif scalar.number not in seen:
            seen.add(scalar.number)
            stack.append((scalar, True))
            stack.extend((arg, False) for arg in reversed(scalar.args))
    return order
