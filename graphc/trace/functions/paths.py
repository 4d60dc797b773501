"""In what order a product of several arrays costs least, at the sizes of the call being traced.

The order is a choice of speed alone: it is right for every size, so it guards nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import TypeAlias

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, evaluate, symbols_of

Chain: TypeAlias = int | tuple["Chain", "Chain"]

SEARCHED = 5  # terms of an einsum whose orders are all tried
TYPICAL_SIZE = 32  # stands for a dim whose size is not known while tracing


def known_size(F: Builder, dim: Dim) -> int:
    """The dim's size in the call being traced, for estimates only."""
    hints = F.facts.hints or {}
    resolved = F.facts.resolve(dim)
    if any(name not in hints for name in symbols_of(resolved)):
        return TYPICAL_SIZE
    return evaluate(resolved, hints)


def chain_order(sizes: Sequence[int]) -> Chain:
    """The cheapest bracketing of a chain of matrices, matrix i being ``sizes[i] x sizes[i + 1]``.

    >>> chain_order([10, 100, 5, 50])
    ((0, 1), 2)
    """
    count = len(sizes) - 1
    best: dict[tuple[int, int], tuple[int, Chain]] = {(i, i): (0, i) for i in range(count)}
    for length in range(1, count):
        for first in range(count - length):
            last = first + length
            options = []
            for middle in range(first, last):
                (left_cost, left), (right_cost, right) = best[first, middle], best[middle + 1, last]
                cost = left_cost + right_cost + sizes[first] * sizes[middle + 1] * sizes[last + 1]
                options.append((cost, middle, (left, right)))
            cost, _, order = min(options)
            best[first, last] = (cost, order)
    return best[0, count - 1][1]


def pair_order(operands: Sequence[str], output: str, sizes: Mapping[str, int]) -> list[tuple[int, int]]:
    """Which two terms of an einsum to contract next, until one is left, for the fewest multiplications.

    ``operands`` are the terms' labels; the result of a pair goes to the end of the list. Up to ``SEARCHED`` terms every
    order is tried; of more, the cheapest pair is taken first.

    >>> pair_order(["ij", "jk", "k"], "i", {"i": 9, "j": 9, "k": 9})
    [(1, 2), (0, 1)]
    """
    terms, steps = list(operands), []
    while len(terms) > SEARCHED:
        _, i, j = min((_size({*terms[i], *terms[j]}, sizes), i, j) for i, j in combinations(range(len(terms)), 2))
        steps.append((i, j))
        terms = after_pair(terms, (i, j), output)
    return steps + _cheapest(terms, output, sizes)[1]


def _cheapest(terms: list[str], output: str, sizes: Mapping[str, int]) -> tuple[int, list[tuple[int, int]]]:
    """The least number of multiplications, and the order that has it."""
    if len(terms) < 2:
        return 0, []
    options = []
    for pair in combinations(range(len(terms)), 2):
        cost, steps = _cheapest(after_pair(terms, pair, output), output, sizes)
        options.append((cost + _size({*terms[pair[0]], *terms[pair[1]]}, sizes), [pair, *steps]))
    return min(options)


def after_pair(terms: list[str], pair: tuple[int, int], output: str) -> list[str]:
    """The terms when the pair is contracted: its result is the last."""
    rest = [term for place, term in enumerate(terms) if place not in pair]
    return [*rest, kept_labels(terms, pair, output)]


def kept_labels(terms: Sequence[str], chosen: tuple[int, int], output: str) -> str:
    """The labels of the chosen two that another term or the output still needs, in order of appearance."""
    others = {label for place, term in enumerate(terms) if place not in chosen for label in term} | set(output)
    return "".join(dict.fromkeys(label for place in chosen for label in terms[place] if label in others))


def _size(labels: set[str], sizes: Mapping[str, int]) -> int:
    result = 1
    for label in labels:
        result *= sizes[label]
    return result
