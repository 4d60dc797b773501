"""ShapeFacts: what follows from guards, what a trace decides by its sizes, and what is left to check at a call."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from graphc.abi import Relation
from graphc.errors import InvalidGraphError, ShapeError
from graphc.ir import shapes
from graphc.ir.dims import Dim, ceildiv, dim_max, evaluate, floordiv, substitute, symbol
from graphc.ir.shapes import Guard, ShapeFacts

n, m, k = symbol("n"), symbol("m"), symbol("k")


def at_least(dim: object, number: int) -> Guard:
    return Guard(Relation.GE, dim - number)  # type: ignore[operator]


def tracing(**sizes: int) -> ShapeFacts:
    facts = ShapeFacts(hints={})
    for name, size in sizes.items():
        facts.new_symbol(name, size, 2)
    return facts


def test_what_follows_from_bounds() -> None:
    facts = ShapeFacts([at_least(n, 2), at_least(m, 0)])
    assert facts.at_least(n, 1)
    assert facts.at_least(n + m, 2)
    assert facts.at_least(n * m, 0)
    assert not facts.equal(n, 1)
    assert not facts.equal(n, 0)
    assert facts.lower_bound(3 * n - 1) == 5
    assert facts.lower_bound(n - m) is None
    assert facts.at_least(dim_max(n, m), 2)


def test_an_undecided_question_outside_a_trace_is_a_defect() -> None:
    with pytest.raises(InvalidGraphError, match="cannot decide"):
        ShapeFacts([at_least(n, 2)]).equal(n, m)


def test_a_trace_decides_by_its_sizes_and_records_a_guard() -> None:
    facts = tracing(n=4, m=4, k=7)
    assert facts.equal(n, m)
    assert not facts.equal(n, k)
    assert facts.at_least(k, n)
    texts = {str(guard) for guard in facts.final_guards()}
    assert any("!= 0" in text for text in texts)
    assert any(text.endswith(">= 0") and "k" in text for text in texts)


def test_equal_symbols_become_one() -> None:
    facts = tracing(n=4, m=4)
    assert facts.equal(n, m)
    assert facts.resolve(m) == facts.resolve(n)
    assert facts.resolve(n * m) == facts.resolve(n) * facts.resolve(n)
    assert not any(guard.relation is Relation.EQ for guard in facts.final_guards())


def test_a_recorded_answer_is_the_answer_from_then_on() -> None:
    facts = tracing(n=4, m=5)
    assert not facts.equal(n, m)
    later = ShapeFacts(facts.final_guards())
    assert not later.equal(n, m)
    assert not later.equal(m, n)


@pytest.mark.parametrize(
    ("shapes", "joined"),
    [
        ([(n, 1), (m,)], (n, m)),
        ([(), (n,)], (n,)),
        ([(1, 1), (1,)], (1, 1)),
        ([(n, m), (n, m)], (n, m)),
        ([(2,), (3,)], None),
        ([(n,), (1,), (n,)], (n,)),
    ],
)
def test_broadcast(shapes: list[tuple[object, ...]], joined: tuple[object, ...] | None) -> None:
    assert ShapeFacts([at_least(n, 2), at_least(m, 2)]).broadcast(shapes) == joined  # type: ignore[arg-type]


@pytest.mark.parametrize(("relation", "holds"), [(Relation.EQ, False), (Relation.NE, True), (Relation.GE, True)])
def test_a_guard_is_checked_with_numbers(relation: Relation, holds: bool) -> None:
    assert Guard(relation, n - 2).holds({"n": 5}) is holds


def test_an_equality_that_solves_no_symbol_is_remembered() -> None:
    facts = tracing(n=6, m=4)
    assert facts.equal(n, 2 * (n // 2))
    told = ShapeFacts(facts.guards)
    assert told.equal(n, 2 * (n // 2))
    assert told.equal(m * n, 2 * m * (n // 2))
    assert told.at_least(2 * (n // 2), n)
    with pytest.raises(InvalidGraphError, match="cannot decide"):
        told.equal(m, 2 * (m // 2))


def test_a_size_bound_at_run_time_is_not_guessed() -> None:
    facts = tracing(n=5)
    count, other = facts.bound_symbol("count"), facts.bound_symbol("count")
    assert count != other
    assert facts.is_bound(n + count)
    assert not facts.is_bound(n)
    assert facts.equal(count, count)
    assert facts.at_least(count, 0)
    with pytest.raises(ShapeError, match="known only when the program runs"):
        facts.equal(count, n)
    assert facts.guards == tracing(n=5).guards


def test_many_symbols_are_solved_in_work_that_grows_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the widths of a long list of layers are: each is found equal to the one before."""
    counted: Counter[str] = Counter()

    def counting(dim, values):  # type: ignore[no-untyped-def]
        counted["substitute"] += 1
        return substitute(dim, values)

    monkeypatch.setattr(shapes, "substitute", counting)

    def chain(length: int) -> int:
        counted.clear()
        facts = ShapeFacts(hints={})
        symbols = [facts.new_symbol(f"n{k}", 3, 2) for k in range(length)]
        for before, after in pairwise(symbols):
            assert facts.equal(before, after)
            assert facts.at_least(after, 1)
        assert facts.resolve(symbols[-1]) == symbols[0]
        assert facts.final_guards() == (Guard(Relation.GE, symbols[0] - 2),)
        return counted["substitute"]

    assert chain(400) <= 2.2 * chain(200)


def test_a_common_positive_factor_is_divided_out() -> None:
    n, a, b, c = (symbol(name) for name in "nabc")
    facts = ShapeFacts([Guard(Relation.GE, n - 1), Guard(Relation.EQ, n * n * a - n * n * b)])
    assert facts.equal(a * c + 1, b * c + 1)
    unbounded = ShapeFacts([Guard(Relation.EQ, n * a - n * b)])  # n may be 0
    with pytest.raises(InvalidGraphError, match="cannot decide"):
        unbounded.equal(a, b)


def blocks(length: Dim) -> Dim:
    """How many blocks a kernel cuts so many elements into."""
    return ceildiv(length, dim_max(ceildiv(length, 3), 4))


@pytest.mark.parametrize(
    "size",
    [
        blocks((n - symbol("i")) * m),
        dim_max(ceildiv((n - symbol("i")) * m, 3), 4),
        blocks((n - symbol("i")) * m) * (symbol("i") + 1),
        7 + floordiv((symbol("i") - n) * m, 3),
        floordiv(symbol("i") * 2 - n, 3) + n,
        n - floordiv(symbol("i") - 2, 2),
        n * m - floordiv(symbol("i") - n, 3) * symbol("i"),
    ],
)
@pytest.mark.parametrize("last", [n - 1, k - 1])
def test_no_index_makes_a_size_larger_than_the_highest(size, last):
    facts = ShapeFacts([at_least(n, 2), at_least(m, 2), at_least(k, 1), at_least(n - k, 0)])
    facts.know_bound("i", last)
    found = facts.highest(size, ["i"])
    assert found is not None
    for rows, columns, trips in [(2, 2, 1), (5, 3, 4), (9, 20, 9), (30, 7, 11)]:
        sizes = {"n": rows, "m": columns, "k": trips}
        for i in range(evaluate(last, sizes) + 1):
            assert evaluate(size, {**sizes, "i": i}) <= evaluate(found, sizes)
