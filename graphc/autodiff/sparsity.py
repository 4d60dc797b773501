"""Which element of a result depends on which element of an input: the structure of a Jacobian, found from the graph.

Each value has a set of input elements for each of its elements, rows of a sparse matrix; ops move and join the rows. It
is the structure at the sizes and integers at hand: integers that follow from sizes, arguments and loop indices are
computed, floating numbers never. Loops are walked through, both sides of a branch count. What an op does with its
elements is found by running its NumPy reference on their numbers. Where the structure of an op is not known, each
element of its result depends on all that its operands depend on: never too little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy import sparse

from graphc.errors import UnsupportedError
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.interp import concrete
from graphc.ir.opdef import Bind, Compact, Contract, Control, Custom, Movement, Pointwise, Reduce, Scan
from graphc.ir.regions import carried
from graphc.ops.custom import parts

MOST_ENTRIES = 100_000_000  # of one value: a structure of more is none worth having
MOST_WALKED = 20_000  # iterations of a loop; of a longer one each counts as any

Rows: TypeAlias = Any  # a csr_array


@dataclass(frozen=True)
class Known:
    """A value: its shape, its numbers where they are known integers or flags, and what its elements depend on."""

    shape: tuple[int, ...]
    numbers: np.ndarray | None = None
    rows: Rows | None = None


def structure(graph: Graph, inputs: Sequence[np.ndarray], ints: Sequence[int], wanted: int) -> list[Rows]:
    """For each output the pattern (elements of it, elements of parameter number ``wanted``), entries 1 (int8)."""
    symbols: dict[str, int] = {}
    shapes = [(param.dims, np.shape(array)) for param, array in zip(graph.params, inputs, strict=True)]
    for dims, sizes in (*shapes, (graph.ints, tuple(ints))):
        symbols.update((str(d), s) for d, s in zip(dims, sizes, strict=True) if not isinstance(d, int))
    columns = int(np.size(inputs[wanted]))
    arguments = []
    for k, array in enumerate(map(np.asarray, inputs)):
        rows = sparse.eye_array(columns, dtype=np.int8, format="csr") if k == wanted else None
        arguments.append(Known(array.shape, array if array.dtype.kind in "biu" else None, rows))
    found = _Walk(columns).run(graph, arguments, symbols)
    return [_rows_of(value, columns) for value in found]


def _rows_of(value: Known, columns: int) -> Rows:
    if value.rows is not None:
        return value.rows
    return sparse.csr_array((int(np.prod(value.shape, dtype=np.int64)), columns), dtype=np.int8)


class _Walk:
    """Follows a graph; ``columns``: how many elements the input has."""

    def __init__(self, columns: int):
        self.columns = columns

    def run(self, graph: Graph, arguments: Sequence[Known], symbols: Mapping[str, int]) -> list[Known]:
        values = dict(zip(graph.params, arguments, strict=True))
        sizes = dict(symbols)
        for node in graph.nodes:
            inputs = [values[v] for v in node.inputs]
            values.update(zip(node.outputs, self.apply(node, inputs, sizes), strict=True))
        return [values[v] for v in graph.outputs]

    def apply(self, node: Node, inputs: list[Known], symbols: dict[str, int]) -> list[Known]:
        if isinstance(node.op.kind, Control):
            return self._control(node, inputs, symbols)
        if isinstance(node.op.kind, Custom):
            return self._ruled(node, inputs, symbols)
        if isinstance(node.op.kind, Compact):
            raise UnsupportedError("sparse: the structure depends on how many entries a mask selects",
                                   location=node.location)  # fmt: skip
        attrs = {key: concrete(attr, symbols) for key, attr in node.attrs.items()}
        numbers = self._numbers(node, inputs, attrs)
        if isinstance(node.op.kind, Bind):
            if numbers is None:
                raise UnsupportedError("sparse: a size depends on floating values", location=node.location)
            symbols[node.attrs["symbol"]] = int(numbers)
        outputs = []
        for output in node.outputs:
            shape = tuple(concrete(output.dims, symbols))
            moves = output.type.is_float and node.op.differentiable and any(i.rows is not None for i in inputs)
            rows = self._rows(node, inputs, attrs, shape) if moves else None
            outputs.append(Known(shape, numbers, rows))
        return outputs

    def _numbers(self, node: Node, inputs: Sequence[Known], attrs: Mapping[str, Any]) -> np.ndarray | None:
        """The value of a node with one output that is no floating one, made of known numbers alone."""
        if len(node.outputs) > 1 or node.outputs[0].type.is_float or any(i.numbers is None for i in inputs):
            return None
        found = node.op.ref(*(i.numbers for i in inputs), **attrs)
        return np.asarray(found, node.output.type.dtype)

    # --- rows of one op -----------------------------------------------------------------------------------------------

    def _rows(self, node: Node, inputs: list[Known], attrs: dict[str, Any], shape: tuple[int, ...]) -> Rows:
        kind, name = node.op.kind, node.op.name
        if isinstance(kind, Pointwise):
            return self._join([self._picked(i, np.broadcast_to(_numbered(i.shape), shape)) for i in inputs])
        if isinstance(kind, Movement):
            return self._rearranged(node, inputs, attrs)
        if isinstance(kind, Reduce):
            (operand,) = inputs
            kept = [1 if axis in attrs["axes"] else size for axis, size in enumerate(operand.shape)]
            return self._sent(operand, np.broadcast_to(np.arange(np.prod(kept)).reshape(kept), operand.shape), shape)
        if isinstance(kind, Scan):
            return self._scanned(inputs, attrs)
        if isinstance(kind, Contract) and len(shape) >= 2:
            return self._product(inputs[0], inputs[1], shape)
        moved = _PLACED.get(name)
        if moved is not None and all(i.numbers is not None for i in inputs[moved:]):
            return self._placed(node, inputs, attrs, shape)
        return self._everything(inputs, shape)

    def _rearranged(self, node: Node, inputs: Sequence[Known], attrs: Mapping[str, Any]) -> Rows:
        """Movement: where each element comes from is what the reference makes of the elements' numbers."""
        first, numbers, stacked = 1, [], [sparse.csr_array((1, self.columns), dtype=np.int8)]
        for operand in inputs:
            count = int(np.prod(operand.shape, dtype=np.int64))
            numbers.append(np.arange(first, first + count).reshape(operand.shape))  # 0 is an element that is new
            stacked.append(_rows_of(operand, self.columns))
            first += count
        sources = np.asarray(node.op.ref(*numbers, **attrs))
        return sparse.csr_array(sparse.vstack(stacked, format="csr"))[sources.ravel()]

    def _placed(self, node: Node, inputs: list[Known], attrs: dict[str, Any], shape: tuple[int, ...]) -> Rows:
        """Reads and writes at known positions."""
        name, positions = node.op.name, [i.numbers for i in inputs[_PLACED[node.op.name] :]]
        operand = inputs[0]
        if name in ("gather", "read"):
            return self._picked(operand, np.asarray(node.op.ref(_numbered(operand.shape), *positions, **attrs)))
        if name == "scatter_add":
            places = _REFS["gather"](_numbered(shape), *positions, axes=attrs["axes"], checked=True)
            return self._sent(operand, np.broadcast_to(places, operand.shape), shape)
        given, size = inputs[1], int(np.prod(shape, dtype=np.int64))
        if name.startswith("scatter"):
            places = _REFS["gather"](_numbered(shape), *positions, axes=attrs["axes"], checked=True)
        else:
            places = _REFS["read"](_numbered(shape), *positions, steps=attrs["steps"], dims=given.shape)
        written = self._sent(given, np.broadcast_to(places, given.shape), shape)
        if name == "update":
            kept = np.ones(size, np.int8)
            kept[places.ravel()] = 0
            before = sparse.csr_array(sparse.diags_array(kept, dtype=np.int8)) @ _rows_of(operand, self.columns)
            return self._join([_clean(before), written])
        return self._join([_rows_of(operand, self.columns), written])

    def _scanned(self, inputs: Sequence[Known], attrs: Mapping[str, Any]) -> Rows:
        axis, shape = attrs["axis"], inputs[0].shape
        length = shape[axis]
        self._require_room(length * int(np.prod(shape, dtype=np.int64)) // 2)
        lines = np.moveaxis(_numbered(shape), axis, -1).reshape(-1, length)
        later, earlier = np.tril_indices(length, -1 if attrs["exclusive"] else 0)
        if attrs["reverse"]:
            later, earlier = earlier, later
        both = [lines[:, part].ravel() for part in (later, earlier)]
        size = int(np.prod(shape, dtype=np.int64))
        joins = sparse.csr_array((np.ones(both[0].size, np.int8), (both[0], both[1])), shape=(size, size))
        return self._join([_clean(joins @ _rows_of(i, self.columns)) for i in inputs])

    def _product(self, left: Known, right: Known, shape: tuple[int, ...]) -> Rows:
        """Element (i, j) of a product depends on row i of the left factor and column j of the right one."""
        found = []
        for operand, axis in ((left, -1), (right, -2)):
            if operand.rows is None:
                continue
            kept = list(operand.shape)
            kept[axis] = 1
            places = np.arange(np.prod(kept)).reshape(kept)
            lines = Known(tuple(kept), rows=self._sent(operand, np.broadcast_to(places, operand.shape), tuple(kept)))
            found.append(self._picked(lines, np.broadcast_to(places, shape)))
        return self._join(found)

    def _everything(self, inputs: Sequence[Known], shape: tuple[int, ...]) -> Rows:
        """Each element depends on whatever an operand depends on."""
        columns = np.unique(np.concatenate([i.rows.indices for i in inputs if i.rows is not None]))
        size = int(np.prod(shape, dtype=np.int64))
        self._require_room(size * columns.size)
        starts = np.arange(size + 1) * columns.size
        data = np.ones(size * columns.size, np.int8)
        return sparse.csr_array((data, np.tile(columns, size), starts), shape=(size, self.columns))

    def _picked(self, operand: Known, sources: np.ndarray) -> Rows | None:
        """A row for each element of ``sources``: that of the operand's element of this number."""
        if operand.rows is None:
            return None
        if sources.size == operand.rows.shape[0] and np.array_equal(sources.ravel(), np.arange(sources.size)):
            return operand.rows
        return operand.rows[sources.ravel()]

    def _sent(self, operand: Known, places: np.ndarray, shape: tuple[int, ...]) -> Rows:
        """The rows of the operand's elements joined at their places in the result."""
        rows = _rows_of(operand, self.columns)
        size = int(np.prod(shape, dtype=np.int64))
        ones = np.ones(places.size, np.int8)
        joins = sparse.csr_array((ones, (places.ravel(), np.arange(places.size))), shape=(size, places.size))
        return _clean(joins.astype(np.int32) @ rows)

    def _join(self, parts: Sequence[Rows | None]) -> Rows:
        found = [part for part in parts if part is not None]
        total = found[0]
        for part in found[1:]:
            total = total if part is total else _clean(total + part)
        self._require_room(total.nnz)
        return total

    def _require_room(self, entries: int) -> None:
        if entries > MOST_ENTRIES:
            raise UnsupportedError(
                f"sparse: a value on the way depends on so much that its structure has {entries:.1g} entries: this "
                "Jacobian is not sparse; use graphc.jacobian"
            )

    # --- rules of the user's own --------------------------------------------------------------------------------------

    def _ruled(self, node: Node, inputs: list[Known], symbols: Mapping[str, int]) -> list[Known]:
        """What the rule says of the results, whatever their values are made of: the rule is walked through."""
        values = dict(zip(node.inputs, inputs, strict=True))
        results, arguments, backward, forward, _ = parts(node)
        if all(values[a].rows is None for a in arguments):
            return [Known(values[r].shape, values[r].numbers) for r in results]
        if node.attrs["forward"] is not None:
            known = [Known(values[v].shape, values[v].numbers) for v in forward]
            tangents = [Known(values[a].shape, None, values[a].rows) for a in arguments if a.type.is_float]
            rows = [found.rows for found in self.run(node.attrs["forward"], [*known, *tangents], symbols)]
        else:
            rows = self._pulled_back(node, values, backward, symbols)
        left = iter(rows)
        return [Known(values[r].shape, None, next(left)) if r.type.is_float else values[r] for r in results]

    def _pulled_back(
        self, node: Node, values: Mapping[Value, Known], known: Sequence[Value], symbols: Mapping[str, int]
    ) -> list[Rows]:
        """The rows of the floating results by a rule for cotangents: the structure of what it does, transposed."""
        results, arguments, *_ = parts(node)
        shapes = [values[r].shape for r in results if r.type.is_float]
        ends = np.cumsum([int(np.prod(shape, dtype=np.int64)) for shape in shapes])
        total = int(ends[-1])
        units = sparse.csr_array(sparse.eye_array(total, dtype=np.int8))
        spans = [slice(end - int(np.prod(shape, dtype=np.int64)), end) for end, shape in zip(ends, shapes, strict=True)]
        given = [Known(values[v].shape, values[v].numbers) for v in known]
        given += [Known(shape, None, units[span]) for shape, span in zip(shapes, spans, strict=True)]
        found = _Walk(total).run(node.attrs["backward"], given, symbols)
        joined = sparse.csr_array((total, self.columns), dtype=np.int8)
        for k, cotangent in zip(node.attrs["reached"], found, strict=True):
            turned = sparse.csr_array(_rows_of(cotangent, total).T).astype(np.int32)
            joined = self._join([joined, _clean(turned @ _rows_of(values[arguments[k]], self.columns))])
        return [sparse.csr_array(joined[span]) for span in spans]

    # --- loops and branches -------------------------------------------------------------------------------------------

    def _control(self, node: Node, inputs: list[Known], symbols: Mapping[str, int]) -> list[Known]:
        if node.op.name == "cond":
            flag = inputs[0].numbers
            if flag is not None:
                return self.run(node.regions[0 if flag else 1], inputs[1:], symbols)
            first, second = (self.run(region, inputs[1:], symbols) for region in node.regions)
            return [self._either(a, b) for a, b in zip(first, second, strict=True)]
        if node.op.name == "checkpoint":
            return self.run(node.regions[0], inputs, symbols)
        count = carried(node)
        state, captures = inputs[:count], inputs[count:]
        if node.op.name == "while":
            return self._settled(node.regions[1], (), state, captures, symbols)[0]
        trips = concrete(node.attrs["trips"], symbols)
        made = node.outputs[count:]
        if trips > MOST_WALKED:
            state, entries = self._settled(node.regions[0], (Known(()),), state, captures, symbols)
            return state + [self._stacked([e] * trips, o, symbols) for e, o in zip(entries, made, strict=True)]
        rounds: list[list[Known]] = [[]] * trips
        for i in range(trips)[:: -1 if node.attrs["reverse"] else 1]:
            index = Known((), np.asarray(i, np.int64))
            results = self.run(node.regions[0], [index, *state, *captures], symbols)
            state, rounds[i] = results[:count], results[count:]
        columns = zip(*rounds, strict=True) if rounds else [()] * len(made)
        stacked = [self._stacked(c, o, symbols) for c, o in zip(columns, made, strict=True)]
        return state + stacked

    def _settled(
        self,
        body: Graph,
        own: tuple[Known, ...],
        state: list[Known],
        captures: list[Known],
        symbols: Mapping[str, int],
    ) -> tuple[list[Known], list[Known]]:
        """What a loop of any number of iterations carries: joined until an iteration adds nothing."""
        count = len(state)
        state = [Known(s.shape, None, s.rows) for s in state]
        while True:
            results = self.run(body, [*own, *state, *captures], symbols)
            after = [self._either(a, b) for a, b in zip(state, results[:count], strict=True)]
            if all(_entries(a) == _entries(b) for a, b in zip(state, after, strict=True)):
                return after, results[count:]
            state = after

    def _either(self, a: Known, b: Known) -> Known:
        same = a.numbers is not None and b.numbers is not None and np.array_equal(a.numbers, b.numbers)
        rows = [v.rows for v in (a, b) if v.rows is not None]
        return Known(a.shape, a.numbers if same else None, self._join(rows) if rows else None)

    def _stacked(self, entries: Sequence[Known], output: Value, symbols: Mapping[str, int]) -> Known:
        shape = tuple(concrete(output.dims, symbols))
        known = all(e.numbers is not None for e in entries)
        numbers = np.stack([e.numbers for e in entries]) if entries and known else None  # type: ignore[misc]
        if all(e.rows is None for e in entries):
            return Known(shape, numbers)
        rows = sparse.vstack([_rows_of(e, self.columns) for e in entries], format="csr")
        return Known(shape, None, sparse.csr_array(rows))


def _entries(value: Known) -> int:
    return 0 if value.rows is None else value.rows.nnz


def _numbered(shape: tuple[int, ...]) -> np.ndarray:
    return np.arange(int(np.prod(shape, dtype=np.int64))).reshape(shape)


def _clean(rows: Rows) -> Rows:
    """Entries are 1, however often something stands in a sum."""
    rows = sparse.csr_array(rows)
    rows.sum_duplicates()
    rows.eliminate_zeros()
    return sparse.csr_array((np.ones(rows.nnz, np.int8), rows.indices, rows.indptr), shape=rows.shape)


def _references() -> dict[str, Any]:
    from graphc.ops.table import OPS

    return {name: OPS[name].ref for name in ("gather", "read")}


_REFS = _references()
# Where the positions begin among the operands.
_PLACED = {
    "gather": 1, "read": 1, "scatter_add": 1,
    "update": 2, "accumulate": 2, "scatter_update": 2, "scatter_accumulate": 2,
}  # fmt: skip
