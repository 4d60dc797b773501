"""``np.einsum``: a product of terms with labelled axes, summed over the labels that the output lacks.

Terms are taken in pairs. A pair without summed labels is a broadcast product, one that leaves nothing but common labels
is a product and a sum, and every other is one (batched) ``matmul`` between transposes and reshapes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Value
from graphc.ir.types import BOOL
from graphc.trace.functions.arguments import (
    Implementation,
    as_array,
    cast_by,
    promoted,
    require_equal,
    shape_error,
    unsupported,
)
from graphc.trace.functions.diagonals import diagonal
from graphc.trace.functions.paths import known_size, pair_order
from graphc.trace.functions.shaping import ignore_order

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Term:
    """An array and a label for each of its axes."""

    value: Value
    labels: str

    def dim(self, label: str) -> Dim:
        return self.value.dims[self.labels.index(label)]


# --- reading the subscripts -------------------------------------------------------------------------------------------


def _from_sublists(F: Builder, arguments: Sequence[Any]) -> tuple[str, list[Any]]:
    """The form ``einsum(a, [0, 1], b, [1, 2], [0, 2])`` as subscripts and operands."""
    operands, lists = list(arguments[:-1:2]), list(arguments[1::2])
    texts = ["".join("..." if x is Ellipsis else LETTERS[int(x)] for x in labels) for labels in lists]
    if len(arguments) % 2:
        texts.append("->" + "".join("..." if x is Ellipsis else LETTERS[int(x)] for x in arguments[-1]))
    return ",".join(texts[: len(operands)]) + "".join(texts[len(operands) :]), operands


def _parse(F: Builder, subscripts: str, values: Sequence[Value]) -> tuple[list[str], str]:
    """Each operand's labels and the output's, with ``...`` spelled out in labels of its own."""
    text = subscripts.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    parts = inputs.split(",")
    if len(parts) != len(values):
        raise shape_error(F, f"einsum: {subscripts!r} names {len(parts)} operands, {len(values)} were given")
    bad = [c for c in text.replace("->", "").replace("...", "").replace(",", "") if c not in LETTERS]
    if bad:
        raise shape_error(F, f"einsum: {bad[0]!r} in {subscripts!r} is no label")
    counts = [value.rank - len(part.replace("...", "")) for part, value in zip(parts, values, strict=True)]
    if any(count < 0 or (count and "..." not in part) for part, count in zip(parts, counts, strict=True)):
        shapes = ", ".join(str(v.type) for v in values)
        raise shape_error(F, f"einsum: {subscripts!r} does not fit the dimensions of {shapes}")
    free = [letter for letter in LETTERS if letter not in text]
    longest = max((count for part, count in zip(parts, counts, strict=True) if "..." in part), default=0)
    if longest > len(free):
        raise unsupported(F, f"einsum: {subscripts!r} needs more than {len(LETTERS)} labels")
    rest = "".join(free[:longest])
    labels = [part.replace("...", rest[longest - count :]) for part, count in zip(parts, counts, strict=True)]
    if not arrow:
        letters = inputs.replace("...", "").replace(",", "")
        return labels, rest + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    output = output.replace("...", rest)
    if len(set(output)) < len(output) or not set(output) <= set("".join(labels)):
        raise shape_error(F, f"einsum: the output of {subscripts!r} repeats a label or names one that no operand has")
    return labels, output


# --- one term ---------------------------------------------------------------------------------------------------------


def _without_repeats(F: Builder, value: Value, labels: str) -> Term:
    """Axes of one label become its diagonal."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            require_equal(F, "einsum", value.dims[first], value.dims[second], (value.dims,))
            value = diagonal(F, value, 0, first, second)
            labels = "".join(c for i, c in enumerate(labels) if i not in (first, second)) + label
    return Term(value, labels)


def _fit(F: Builder, terms: Sequence[Term]) -> list[Term]:
    """Terms whose common labels have equal dims: an axis of length 1 beside a longer one is dropped."""
    dims: dict[str, Dim] = {}
    for term in terms:
        for label in term.labels:
            if label not in dims or dims[label] == 1:
                dims[label] = term.dim(label)
    fitted = []
    for term in terms:
        short = [i for i, label in enumerate(term.labels) if term.value.dims[i] == 1 and dims[label] != 1]
        labels = "".join(label for i, label in enumerate(term.labels) if i not in short)
        fitted.append(Term(F.squeeze(term.value, short), labels))
        for label in labels:
            require_equal(F, "einsum", dims[label], fitted[-1].dim(label), [t.value.dims for t in terms])
    return fitted


def _sum(F: Builder, term: Term, kept: str) -> Term:
    """Summed over the labels that are not kept, in the dtype of the term."""
    axes = [i for i, label in enumerate(term.labels) if label not in kept]
    name = "any" if term.value.type.dtype == BOOL else "sum"
    return Term(F.reduce(name, term.value, axes), "".join(label for label in term.labels if label in kept))


def _arranged(F: Builder, term: Term, labels: str) -> Value:
    """The axes in the order of the labels, with axes of length 1 for those it lacks."""
    own = [label for label in labels if label in term.labels]
    value = F.transpose(term.value, [term.labels.index(label) for label in own])
    return F.expand_dims(value, [i for i, label in enumerate(labels) if label not in term.labels])


# --- two terms --------------------------------------------------------------------------------------------------------


def _contract(F: Builder, a: Term, b: Term, kept: str) -> Term:
    """The product of two terms, summed over what is not kept; the result's labels are in the order of ``kept``."""
    a = _sum(F, a, kept + b.labels)
    b = _sum(F, b, kept + a.labels)
    common = [label for label in a.labels if label in b.labels]
    summed = "".join(label for label in common if label not in kept)
    batch = "".join(label for label in kept if label in common)
    rows = "".join(label for label in kept if label in a.labels and label not in b.labels)
    columns = "".join(label for label in kept if label in b.labels and label not in a.labels)
    order = "".join(label for label in kept if label in batch + rows + columns)
    if not summed:
        return Term(F.mul(_arranged(F, a, order), _arranged(F, b, order)), order)
    if not rows and not columns:
        products = F.mul(_arranged(F, a, batch + summed), _arranged(F, b, batch + summed))
        return _sum(F, Term(products, batch + summed), batch)
    if rows and columns and order.index(columns[0]) < order.index(rows[0]):
        a, b, rows, columns = b, a, columns, rows
    return _by_matmul(F, a, b, (batch, rows, summed, columns))


def _by_matmul(F: Builder, a: Term, b: Term, roles: tuple[str, str, str, str]) -> Term:
    """``(batch, rows, summed) @ (batch, summed, columns)``, each role one axis (batch: all of them)."""
    batch, rows, summed, columns = roles
    batch_dims, row_dims, left_shared = ([a.dim(label) for label in part] for part in (batch, rows, summed))
    own_batch, column_dims, right_shared = ([b.dim(label) for label in part] for part in (batch, columns, summed))
    left_dims = (*batch_dims, product(row_dims), product(left_shared))
    right_dims = (*own_batch, product(right_shared), product(column_dims))
    left = F.reshape(_arranged(F, a, batch + rows + summed), left_dims)
    right = F.reshape(_arranged(F, b, batch + summed + columns), right_dims)
    return Term(F.reshape(F.matmul(left, right), (*batch_dims, *row_dims, *column_dims)), batch + rows + columns)


# --- the whole --------------------------------------------------------------------------------------------------------


def einsum(
    F: Builder, subscripts: Any, /, *operands: Any, out: None = None, optimize: Any = False, dtype: Any = None,
    order: str = "K", casting: str = "safe",
) -> Value:  # fmt: skip
    """NumPy's ``einsum`` for any number of operands; ``optimize`` is accepted, an order is always chosen."""
    ignore_order(F, order)
    if not isinstance(subscripts, str):
        subscripts, operands = _from_sublists(F, (subscripts, *operands))  # type: ignore[assignment]
    values = promoted(F, [as_array(F, operand) for operand in operands])
    if dtype is not None:
        values = [cast_by(F, "einsum", v, dtype, casting) for v in values]
    labels, output = _parse(F, subscripts, values)
    terms = _fit(F, [_without_repeats(F, v, part) for v, part in zip(values, labels, strict=True)])
    sizes = {label: known_size(F, term.dim(label)) for term in terms for label in term.labels}
    for i, j in pair_order([term.labels for term in terms], output, sizes):
        first, second = terms[i], terms[j]
        rest = [term for place, term in enumerate(terms) if place not in (i, j)]
        needed = set(output).union(*(term.labels for term in rest))
        kept = output if not rest else "".join(dict.fromkeys(c for c in first.labels + second.labels if c in needed))
        terms = [*rest, _contract(F, first, second, kept)]
    return _arranged(F, _sum(F, terms[0], output), output)


FUNCTIONS: dict[str, Implementation] = {"numpy.einsum": einsum}
