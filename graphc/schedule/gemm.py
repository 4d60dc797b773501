"""Matrix products as library calls.

Transposes are flags, rearranged operands and results strides, a batch is one call, and a sum of products accumulates.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product as choices

from graphc.abi import GEMM_ACCUMULATE, GEMM_TRANSPOSE_A, GEMM_TRANSPOSE_B
from graphc.ir.dims import Dim, product
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Contract
from graphc.schedule.program import Gemm
from graphc.schedule.views import View, contiguous, reshaped, view_of, whole

BATCH_LEVELS = 2  # axes of a batch, with strides of their own, that one call takes

Level = tuple[Dim, Dim, Dim, Dim]  # entries of a batch axis, and the strides from one to the next in a, b and c


@dataclass(frozen=True)
class Product:
    """A matmul as one call: a, b and c are views of the arrays that its operands and its result are stored in.

    ``adds``: to what products before it have stored there.
    """

    node: Node
    a: View
    b: View
    c: View
    adds: bool = False

    @property
    def reads(self) -> tuple[Value, ...]:
        return self.a.base, self.b.base

    @property
    def makes(self) -> Value:
        return self.c.base


@dataclass
class Products:
    """The products of a graph by the value that they store; ``absorbed`` nodes are what the calls see to themselves.

    ``grown``: of the values to which products were added where a parameter stood, that parameter. ``placed``: the
    inputs of a ``concat``, by number, that products compute where they belong in its result.
    """

    by_result: dict[Value, list[Product]] = field(default_factory=dict)
    placed: dict[Value, dict[int, Product]] = field(default_factory=dict)
    grown: dict[Value, Value] = field(default_factory=dict)
    absorbed: set[Node] = field(default_factory=set)

    def bases(self) -> set[Value]:
        """Every array that the calls read and write."""
        made = [call for result in (*self.by_result, *self.placed) for call in self.calls_for(result)]
        return {base for call in made for base in (*call.reads, call.makes)}

    def calls_for(self, result: Value) -> list[Product]:
        """The calls that store the value, or pieces of it."""
        return [*self.by_result.get(result, ()), *self.placed.get(result, {}).values()]


def plan_products(graph: Graph, owned: Collection[Value] = ()) -> Products:
    """Which arrays the graph's products read and write, and how. ``owned`` parameters may be overwritten."""
    users, products = graph.users(), Products()
    outputs = set(graph.outputs)
    fixed = outputs | set(graph.params) - set(owned)
    for node in graph.nodes:
        if isinstance(node.op.kind, Contract):
            _add_product(node, users, outputs, products)
        elif node.op.name == "add":
            _sum_products(node, users, fixed, products)
    _add_up(products)
    kept = outputs | products.bases()
    for node in reversed(graph.nodes):
        readers = [user for value in node.outputs for user in users[value]]
        seen_to = all(isinstance(user.op.kind, Contract) or user in products.absorbed for user in readers)
        if seen_to and readers and kept.isdisjoint(node.outputs) and not isinstance(node.op.kind, Contract):
            products.absorbed.add(node)
    return products


def _add_product(node: Node, users: Mapping[Value, Sequence[Node]], outputs: set[Value], products: Products) -> None:
    def stays(value: Value) -> bool:
        return value in products.by_result or not _worth_storing_whole(value, users)

    operands = [dict.fromkeys((view_of(v, stays), whole(v))) for v in node.inputs]
    for chain, c in _result_views(node.output, users, outputs):
        for a, b in choices(*operands):
            made = Product(node, a, b, c)
            if all(map(_is_matrix, (a, b, c))) and len(_levels(made)) <= BATCH_LEVELS:
                if chain and chain[-1].op.name == "concat":
                    piece = chain[-2].output if len(chain) > 1 else node.output
                    products.placed.setdefault(c.base, {})[chain.pop().inputs.index(piece)] = made
                else:
                    products.by_result[c.base] = [made]
                products.absorbed.update(chain)
                return
    raise AssertionError(f"{node!r}: contiguous operands are always possible")


def _sum_products(node: Node, users: Mapping[Value, Sequence[Node]], fixed: set[Value], products: Products) -> None:
    """Where both terms are products that nothing else reads, they are stored as the sum alone.

    So is a product added to a parameter, where that stands. ``fixed`` values stay as they are.
    """
    terms: list[Value] = []
    chains: list[Node] = [node]
    for term in node.inputs:
        value = term
        while value.node is not None and value.node.op.name == "reshape" and len(users[value]) == 1:
            chains.append(value.node)
            value = value.node.inputs[0]
        read_once = len(users[value]) == 1 and not {value, term} & fixed
        parameter = value is term and value.node is None
        if not (value in products.by_result or parameter) or not read_once or term.dims != node.output.dims:
            return
        terms.append(value)
    starts = [products.grown.get(term, term) for term in terms if term in products.grown or term.node is None]
    if terms[0] is terms[1] or len(starts) > 1:
        return
    first, second = (products.by_result.pop(term, []) for term in terms)
    if len(first) < len(second):  # the longer list grows: a sum of many products takes work in proportion
        second[:0] = first
    else:
        first.extend(second)
    products.by_result[node.output] = max(first, second, key=len)
    if starts:
        products.grown[node.output] = starts[0]
    products.absorbed.update(chains)


def _add_up(products: Products) -> None:
    """The calls whose results are summed store into one array: the first writes it, or all add to what stands there."""
    for value, calls in products.by_result.items():
        stands = value in products.grown
        if stands or len(calls) > 1:
            calls[:] = [
                replace(made, c=replace(made.c, base=value), adds=stands or k > 0) for k, made in enumerate(calls)
            ]


def _worth_storing_whole(value: Value, users: Mapping[Value, Sequence[Node]]) -> bool:
    """Whether to store what the value, a slice, is taken from: it is so anyway, or slices make up all of it."""
    assert value.node is not None
    if value.node.op.name not in ("slice", "read"):
        return True
    source = value.node.inputs[0]
    while source.node is not None and source.node.op.name in ("reshape", "transpose"):
        source = source.node.inputs[0]
    if source.node is None or isinstance(source.node.op.kind, Contract):
        return True
    if value.node.op.name == "read":
        return False
    slices = [user for user in users[value.node.inputs[0]] if user.op.name == "slice"]
    total: Dim = 0
    for piece in slices:
        total = total + product(piece.output.dims)
    return total == product(value.node.inputs[0].dims)


def _result_views(
    result: Value, users: Mapping[Value, Sequence[Node]], outputs: set[Value]
) -> Iterator[tuple[list[Node], View]]:
    """Where the result may be stored: as what its only readers make of it, the farthest first, or as it is."""
    chain: list[Node] = []
    value = result
    while value not in outputs and len(users[value]) == 1 and users[value][0].op.name in ("transpose", "reshape"):
        chain.append(users[value][0])
        value = chain[-1].output
    if value not in outputs and len(users[value]) == 1 and users[value][0].op.name == "concat":
        (joined,) = users[value]
        strides, axis, k = contiguous(joined.output.dims), joined.attrs["axis"], joined.inputs.index(value)
        before = _strides_before(chain, strides)
        if before is not None and joined.inputs.count(value) == 1:
            start: Dim = 0
            for piece in joined.inputs[:k]:
                start = start + piece.dims[axis]
            yield [*chain, joined], View(joined.output, start * strides[axis], before)
    while chain:
        if chain[-1].op.name == "transpose":
            before = _strides_before(chain, contiguous(chain[-1].output.dims))
            if before is not None:
                yield list(chain), View(chain[-1].output, 0, before)
        chain.pop()
    yield [], whole(result)


def _strides_before(chain: Sequence[Node], strides: tuple[Dim, ...] | None) -> tuple[Dim, ...] | None:
    """The strides of the first node's input where those of the last one's output are given."""
    for node in reversed(chain):
        assert strides is not None
        if node.op.name == "transpose":
            perm = node.attrs["perm"]
            strides = tuple(strides[perm.index(axis)] for axis in range(len(perm)))
        else:
            strides = reshaped(node.output.dims, strides, node.inputs[0].dims)
            if strides is None:
                return None
    return strides


def _is_matrix(view: View) -> bool:
    """Whether rows or columns are contiguous and follow each other at a distance."""
    row, column = view.strides[-2:]
    return (column == 1 and row != 0) or (row == 1 and column != 0)


def _levels(made: Product) -> list[Level]:
    """The batch axes from the outermost, neighbours merged where they run through all three arrays as one."""
    levels: list[Level] = []
    for dim, *strides in zip(made.node.output.dims[:-2], made.a.strides, made.b.strides, made.c.strides, strict=False):
        if dim == 1:
            continue
        a, b, c = strides
        if levels and levels[-1][1:] == (a * dim, b * dim, c * dim):
            levels[-1] = (levels[-1][0] * dim, a, b, c)
        else:
            levels.append((dim, a, b, c))
    return levels


@dataclass(frozen=True)
class _Matrix:
    """One of a call's matrices: ``strides`` of the batch, the outer and the inner."""

    buffer: int
    offset: Dim
    transposed: bool
    leading: Dim
    strides: tuple[Dim, Dim]

    def flipped(self) -> _Matrix:
        return replace(self, transposed=not self.transposed)


def make_gemm(made: Product, stored: Mapping[Value, int]) -> Gemm:
    """The call that computes the product."""
    levels = [*[(1, 0, 0, 0)] * BATCH_LEVELS, *_levels(made)][-BATCH_LEVELS:]
    a, b, c = (
        _matrix(view, stored, (levels[0][k], levels[1][k])) for k, view in enumerate((made.a, made.b, made.c), start=1)
    )
    m, n, k = *made.node.output.dims[-2:], made.node.inputs[0].dims[-1]
    if c.transposed:  # C' = B' A'
        a, b, c, m, n = b.flipped(), a.flipped(), c.flipped(), n, m
    outer, inner = levels[0][0], levels[1][0]
    flags = (GEMM_TRANSPOSE_A if a.transposed else 0) | (GEMM_TRANSPOSE_B if b.transposed else 0)
    if b.strides[1] == 0 and not a.transposed and (a.strides[1], c.strides[1]) == (m * a.leading, m * c.leading):
        m, outer, inner = m * inner, 1, outer  # the same matrix for all: one tall product
        a, b, c = (replace(matrix, strides=(0, matrix.strides[0])) for matrix in (a, b, c))
    return Gemm(
        made.node.output.type.short,
        flags | (GEMM_ACCUMULATE if made.adds else 0),
        outer * inner,
        inner,
        m,
        n,
        k,
        a.buffer,
        b.buffer,
        c.buffer,
        (a.offset, b.offset, c.offset),
        (a.leading, b.leading, c.leading),
        (a.strides, b.strides, c.strides),
        str(made.node.location or "").rsplit("/", 1)[-1],
    )


def _matrix(view: View, stored: Mapping[Value, int], strides: tuple[Dim, Dim]) -> _Matrix:
    row, column = view.strides[-2:]
    transposed = column != 1
    return _Matrix(stored[view.base], view.offset, transposed, column if transposed else row, strides)
