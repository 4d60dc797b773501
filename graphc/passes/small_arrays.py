"""Small arrays that loops carry, as the numbers that they hold: a state of three numbers is three variables.

>>> print(apply_to_text(small_arrays_as_numbers, '''
... graph f(%x: f64[2], %n: f64[]) -> (%0) {
...   %0: f64[2] = for %x, %n carried=1 reverse=False stacked=0 trips=9
...     graph body(%i: i64[], %c: f64[2], %a: f64[]) -> (%0) {
...       %0: f64[2] = mul %a, %c
...     }
... }''', OPS))
graph f(%x: f64[2], %n: f64[]) -> (%8) {
  %0: f64[1] = slice %x dims=(1,) starts=(0,) steps=(1,)
  %1: f64[] = reshape %0 dims=()
  %2: f64[1] = slice %x dims=(1,) starts=(1,) steps=(1,)
  %3: f64[] = reshape %2 dims=()
  %4: f64[], %5: f64[] = for %1, %3, %n carried=2 reverse=False stacked=0 trips=9
    graph body(%i: i64[], %c: f64[], %p2: f64[], %a: f64[]) -> (%0, %1) {
      %0: f64[] = mul %a, %c
      %1: f64[] = mul %a, %p2
    }
  %6: f64[1] = reshape %4 dims=(1,)
  %7: f64[1] = reshape %5 dims=(1,)
  %8: f64[2] = concat %6, %7 axis=0
}

An array of a few numbers costs a loop in a kernel of its own, and memory, for each operation of an iteration. As
numbers, the operations are the driver's own code, and registers hold them. What a body does with its small arrays has
to be of the kinds in ``small_kinds``; a body that does something else with one of them stays as it is.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.ir.builder import Builder
from graphc.ir.graph import Graph, Node, Value
from graphc.ir.opdef import Op, Pointwise
from graphc.ir.regions import carried, lead, map_regions
from graphc.ir.rewrite import copy_node, drop_dead, with_inputs
from graphc.ir.shapes import ShapeFacts
from graphc.ir.types import ArrayType
from graphc.passes.small_kinds import BLOCKS, FOLDS, computes_with_numbers, is_small, known_number, size_of

Index = tuple[int, ...]
Numbers = list[Value]  # of a small array, the last axis fastest
Found = Value | Numbers


def small_arrays_as_numbers(graph: Graph, ops: Mapping[str, Op]) -> Graph:
    """The graph with every loop whose body can do so computing with numbers in place of its small arrays."""
    return _outside(graph, ops, ShapeFacts(graph.guards))


def _outside(graph: Graph, ops: Mapping[str, Op], facts: ShapeFacts) -> Graph:
    """A graph in which arrays stay: only the loops in it are rewritten."""
    if not any(node.regions for node in graph.nodes):
        return graph
    F = Builder(ops, facts)
    new: dict[Value, Value] = {}
    for node in graph.nodes:
        current = with_inputs(node, tuple(new.get(v, v) for v in node.inputs))
        found: Sequence[Value] | None = None
        if node.op.name in ("for", "while") and computes_with_numbers(current):
            with F.at(node.location):
                numbers = _Inside(F, {}).node(current)
                found = [_whole(F, n, o.type) for n, o in zip(numbers, current.outputs, strict=True)]
        elif node.regions:
            current = map_regions(current, lambda region: _outside(region, ops, facts), "small arrays")
        if found is None:
            F.nodes.append(current)
            found = current.outputs
        new.update((a, b) for a, b in zip(node.outputs, found, strict=True) if a is not b)
    if not new:
        return graph
    outputs = tuple(new.get(v, v) for v in graph.outputs)
    return drop_dead(Graph(graph.name, graph.params, tuple(F.nodes), outputs, graph.guards, graph.ints))


# --- numbers for arrays -----------------------------------------------------------------------------------------------


def _indices(dims: Sequence[Any]) -> list[Index]:
    return list(itertools.product(*map(range, dims)))


def _flat(index: Sequence[Any], dims: Sequence[Any]) -> int:
    place: Any = 0
    for i, dim in zip(index, dims, strict=True):
        place = place * dim + i
    return place


def _parts(F: Builder, array: Value) -> Numbers:
    """The numbers of an array that is one."""
    ones = (1,) * array.rank
    pieces = (F.slice(array, starts=i, steps=ones, dims=ones) for i in _indices(array.dims))
    return [F.reshape(piece, ()) for piece in pieces]


def _whole(F: Builder, found: Found, type_: ArrayType) -> Value:
    """The array of these numbers."""
    if isinstance(found, Value):
        return found
    pieces = [F.reshape(number, (1,)) for number in found]
    return F.reshape(F.concat(*pieces, axis=0) if len(pieces) > 1 else pieces[0], type_.dims)


def _of_type(F: Builder, value: Value, type_: ArrayType) -> Value:
    if value.type == type_:
        return value
    return F.raw(F.ops["cast"], (value,), {"dtype": type_.dtype}).output


def _number_type(type_: ArrayType) -> ArrayType:
    return ArrayType(type_.dtype)


class _Inside:
    """Appends a body's nodes to ``F`` with numbers in place of small arrays; ``new``: what stands for each value."""

    def __init__(self, F: Builder, new: dict[Value, Found]):
        self.F, self.new = F, new

    def found(self, value: Value) -> Found:
        return self.new.get(value, value)

    def numbers(self, value: Value) -> Numbers:
        """The numbers of a small array, or the one number of a scalar."""
        found = self.found(value)
        if isinstance(found, list):
            return found
        if not found.rank:
            return [found]
        self.new[value] = parts = _parts(self.F, found)
        return parts

    def number(self, value: Value) -> Value:
        (number,) = self.numbers(value)
        return number

    def kept(self, value: Value) -> Value:
        """The value as it is for an op that stays: an array where it is one."""
        return _whole(self.F, self.found(value), value.type)

    # --- regions ------------------------------------------------------------------------------------------------------

    def node(self, node: Node) -> list[Found]:
        """The node with regions over numbers; what stands for each of its outputs."""
        first, count = lead(node), carried(node)
        inputs: list[Value] = [self.kept(v) for v in node.inputs[:first]]
        widths = []
        for value in node.inputs[first:]:
            numbers = self.numbers(value) if is_small(value.type) else [self.kept(value)]
            widths.append(len(numbers))
            inputs += numbers
        stays = [k >= count and node.op.name == "for" for k in range(len(node.outputs))]  # entries are stacked whole
        regions = tuple(self._region(node, region, stays) for region in node.regions)
        attrs = dict(node.attrs)
        if "carried" in attrs:
            attrs["carried"] = sum(widths[:count])
        made = iter(self.F.raw(node.op, tuple(inputs), attrs, regions).outputs)
        return [
            [next(made) for _ in range(size_of(o.type))] if is_small(o.type) and not stay else next(made)
            for o, stay in zip(node.outputs, stays, strict=True)
        ]

    def _region(self, node: Node, region: Graph, stays: Sequence[bool]) -> Graph:
        R = Builder(self.F.ops, self.F.facts)
        params: list[Value] = []
        inside = _Inside(R, {})
        for param in region.params:
            width = size_of(param.type) if is_small(param.type) else 0
            type_ = _number_type(param.type) if width else param.type
            fresh = [Value(type_, param.grad, param.name) for _ in range(width or 1)]
            inside.new[param] = fresh if width else fresh[0]
            params += fresh
        for inner in region.nodes:
            with R.at(inner.location):
                inside.step(inner)
        outputs: list[Value] = []
        condition = node.op.name == "while" and region is node.regions[0]
        for k, output in enumerate(region.outputs):
            if is_small(output.type) and not (condition or stays[k]):
                outputs += [_of_type(R, n, _number_type(output.type)) for n in inside.numbers(output)]
            else:
                outputs.append(_of_type(R, inside.kept(output), output.type))
        return Graph(region.name, tuple(params), tuple(R.nodes), tuple(outputs), region.guards)

    # --- nodes --------------------------------------------------------------------------------------------------------

    def step(self, node: Node) -> None:
        """Append what stands for the node."""
        if node.regions:
            self.new.update(zip(node.outputs, self.node(node), strict=True))
            return
        if not any(is_small(v.type) for v in (*node.inputs, *node.outputs)):
            made = copy_node(self.F, node, tuple(self.kept(v) for v in node.inputs))
            self.new.update(zip(node.outputs, made, strict=True))
            return
        numbers = self._numbers_of(node)
        if isinstance(numbers, list):
            numbers = [_of_type(self.F, n, _number_type(node.output.type)) for n in numbers]
        self.new[node.output] = numbers[0] if isinstance(numbers, list) and not node.output.rank else numbers

    def _numbers_of(self, node: Node) -> Found:
        name = node.op.name
        if isinstance(node.op.kind, Pointwise):
            return self._pointwise(node)
        if name in FOLDS:
            return self._fold(node)
        if name in BLOCKS and not is_small(node.inputs[0].type):
            return self._block_of_large(node)
        rule: Callable[[Node], Found] = getattr(self, f"_{name}")
        return rule(node)

    def _pointwise(self, node: Node) -> Numbers:
        operands = [(self.numbers(v), v.dims) for v in node.inputs]
        results = []
        for index in _indices(node.output.dims):
            own = [numbers[_broadcast(index, dims)] for numbers, dims in operands]
            results.append(self.F.apply(node.op, own, node.attrs))
        return results

    def _fold(self, node: Node) -> Numbers:
        (source,), axes = node.inputs, node.attrs["axes"]
        numbers, totals = self.numbers(source), dict[Index, Value]()
        for index in _indices(source.dims):
            number = self.F.cast(numbers[_flat(index, source.dims)], node.output.type.dtype)
            kept = tuple(i for axis, i in enumerate(index) if axis not in axes)
            step = getattr(self.F, FOLDS[node.op.name])
            totals[kept] = step(totals[kept], number) if kept in totals else number
        return [totals[kept] for kept in _indices(node.output.dims)]

    def _matmul(self, node: Node) -> Numbers:
        F, (a, b) = self.F, node.inputs
        left, right, results = self.numbers(a), self.numbers(b), []
        for i, j in _indices(node.output.dims):
            terms = [
                F.mul(left[_flat((i, k), a.dims)], right[_flat((k, j), b.dims)])
                for k in range(a.dims[1])  # type: ignore[arg-type]
            ]
            total = terms[0]
            for term in terms[1:]:
                total = F.add(total, term)
            results.append(total)
        return results

    def _const(self, node: Node) -> Found:
        return copy_node(self.F, node, ())[0]

    def _iota(self, node: Node) -> Numbers:
        type_ = _number_type(node.output.type)
        return [self.F.constant(index[node.attrs["axis"]], type_) for index in _indices(node.output.dims)]

    # --- movement -----------------------------------------------------------------------------------------------------

    def _reshape(self, node: Node) -> Numbers:
        return self.numbers(node.inputs[0])

    def _broadcast_to(self, node: Node) -> Numbers:
        (source,) = node.inputs
        numbers = self.numbers(source)
        return [numbers[_broadcast(index, source.dims)] for index in _indices(node.output.dims)]

    def _transpose(self, node: Node) -> Numbers:
        (source,), perm = node.inputs, node.attrs["perm"]
        numbers, results = self.numbers(source), []
        for index in _indices(node.output.dims):
            inner = dict(zip(perm, index, strict=True))
            results.append(numbers[_flat(tuple(inner[a] for a in range(source.rank)), source.dims)])
        return results

    def _slice(self, node: Node) -> Numbers:
        (source,) = node.inputs
        numbers = self.numbers(source)
        places = _block(node.attrs["starts"], node.attrs["steps"], node.output.dims)
        return [numbers[_flat(place, source.dims)] for place in places]

    def _embed(self, node: Node) -> Numbers:
        (source,), type_ = node.inputs, _number_type(node.output.type)
        zero = self.F.constant(0.0 if type_.is_float else 0, type_)
        results = [zero] * size_of(node.output.type)
        places = _block(node.attrs["starts"], node.attrs["steps"], source.dims)
        for place, number in zip(places, self.numbers(source), strict=True):
            results[_flat(place, node.output.dims)] = number
        return results

    def _concat(self, node: Node) -> Numbers:
        axis, pieces = node.attrs["axis"], [(self.numbers(v), v.dims) for v in node.inputs]
        ends: list[Any] = list(itertools.accumulate(dims[axis] for _, dims in pieces))
        results = []
        for index in _indices(node.output.dims):
            k = next(k for k, end in enumerate(ends) if index[axis] < end)
            numbers, dims = pieces[k]
            inner = (*index[:axis], index[axis] - (ends[k - 1] if k else 0), *index[axis + 1 :])
            results.append(numbers[_flat(inner, dims)])
        return results

    # --- blocks -------------------------------------------------------------------------------------------------------

    def _read(self, node: Node) -> Numbers:
        source, *starts = node.inputs
        numbers = self.numbers(source)
        places = _block([known_number(s) for s in starts], node.attrs["steps"], node.attrs["dims"])
        return [numbers[_flat(place, source.dims)] for place in places]

    def _update(self, node: Node) -> Numbers:
        base, block, *starts = node.inputs
        results = list(self.numbers(base))
        places = _block([known_number(s) for s in starts], node.attrs["steps"], block.dims)
        for place, number in zip(places, self.numbers(block), strict=True):
            k = _flat(place, base.dims)
            results[k] = number if node.op.name == "update" else self.F.add(results[k], number)
        return results

    _accumulate = _update

    def _block_of_large(self, node: Node) -> Found:
        """One element of an array that stays one."""
        F = self.F
        inputs = [self.kept(v) for v in node.inputs]
        if node.op.name != "read":
            inputs[1] = F.reshape(self.number(node.inputs[1]), node.inputs[1].dims)
            return copy_node(F, node, tuple(inputs))[0]
        (made,) = copy_node(F, node, tuple(inputs))
        return [F.reshape(made, ())]


def _broadcast(index: Index, dims: Sequence[Any]) -> int:
    """Where an operand of these dims has what is broadcast to the index."""
    tail = index[len(index) - len(dims) :]
    return _flat(tuple(0 if dim == 1 else i for i, dim in zip(tail, dims, strict=True)), dims)


def _block(starts: Sequence[Any], steps: Sequence[int], dims: Sequence[Any]) -> list[Index]:
    """The places of a block, in order."""
    return [tuple(s + step * i for s, step, i in zip(starts, steps, index, strict=True)) for index in _indices(dims)]
