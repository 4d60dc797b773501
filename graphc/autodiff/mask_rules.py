"""How each kind of op does with entries of which some are not there: see ``batch_masks``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from graphc.errors import UnsupportedError
from graphc.ir.builder import Builder
from graphc.ir.dims import Atom, Dim, Expr, substitute, symbol, symbols_of
from graphc.ir.graph import Node, Value
from graphc.ir.opdef import Compact, Contract, Create, Gather, Pointwise, Reduce, Scan
from graphc.ir.rewrite import copy_node
from graphc.ir.sizes import sizes_of
from graphc.ir.types import I64
from graphc.ops.reduce import highest

Inputs = tuple[Value, ...]
NEUTRAL = {"cumsum": (0,), "cumprod": (1,), "linear_scan": (1, 0)}  # what leaves the state of a scan as it is


class OrderMatters(Exception):
    """The entries of these masks must stand at the front."""

    def __init__(self, names: set[str]):
        super().__init__(names)
        self.names = names


def refused(node: Node, what: str) -> UnsupportedError:
    return UnsupportedError(
        "vmap: a mask that differs from element to element selects another number of entries in each, and "
        f"{what}; keep all entries, with np.where(mask, x, 0) in place of x[mask]",
        location=node.location,
    )


class Entries:
    """Which entries are there of what masks select.

    ``masks``: the node that binds each count. ``ordered``: the counts whose entries stand at the front.
    """

    def __init__(self, masks: Mapping[str, Node], ordered: set[str]):
        self.masks, self.ordered = masks, ordered
        self.sizes: dict[str, Dim] = {}
        for name, node in masks.items():
            self.sizes[name] = substitute(node.inputs[0].dims[0], self.sizes)  # a mask of what another one selects
        self._flags: dict[str, Value] = {}
        self._counts: dict[str, Value] = {}
        self._positions: dict[Value, Dim] = {}  # those of a mask, by the length of the mask

    def are_in(self, node: Node) -> bool:
        """Whether the node has a count in its types or attrs, or binds one."""
        if isinstance(node.op.kind, Compact):
            return node.attrs["symbol"] in self.masks
        dims = {name for v in node.inputs for dim in v.dims for name in symbols_of(dim)}
        return not self.masks.keys().isdisjoint(sizes_of(node) | dims)

    def apply(self, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
        """The node's outputs. ``old`` has the counts in its dims, ``node`` and ``inputs`` the sizes in their place."""
        rule = BY_NAME.get(old.op.name) or BY_KIND.get(type(old.op.kind))
        if rule is None:
            what = "a loop or branch reads them" if old.regions else f"{old.op.name} has no form for that"
            raise refused(old, what)
        return rule(self, F, old, node, inputs)

    def bind(self, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
        """Every position of the mask once, in place of those where it is true."""
        name, size = old.attrs["symbol"], self.sizes[old.attrs["symbol"]]
        mask = self.only(F, inputs[0], old.inputs[0].dims, (0,), False)
        self._flags[name] = mask
        self._counts[name] = F.reduce("sum", F.cast(mask, I64), (0,))
        positions = F.iota(dims=(size,), axis=0)
        if name in self.ordered:
            before = F.cumsum(F.cast(mask, I64), axis=0, reverse=False, exclusive=True)
            behind = F.add(self._counts[name], F.sub(positions, before))
            slots = F.select(mask, before, behind)
            positions = F.scatter_add(positions, slots, axes=(0,), dims=(size,), checked=False)
        self._positions[positions] = old.inputs[0].dims[0]
        return (positions,)

    def counts_in(self, dim: Dim) -> set[str]:
        return self.masks.keys() & symbols_of(dim)

    def there(self, F: Builder, dim: Dim) -> Value:
        """Flags of that many entries."""
        names = self.counts_in(dim)
        if names <= self.ordered:
            return F.lt(F.iota(dims=(substitute(dim, self.sizes),), axis=0), self.number(F, dim))
        (name, *others) = names
        if others or dim != symbol(name):
            raise OrderMatters(names)
        return self._flags[name]

    def there_along(self, F: Builder, dim: Dim, rank: int) -> Value:
        """The same along the first axis of so many."""
        flags = self.there(F, dim)
        return F.reshape(flags, (*flags.dims, *(1,) * (rank - 1)))

    def number(self, F: Builder, dim: Dim) -> Value:
        """The dim of one element."""
        if not isinstance(dim, Expr):
            return F.value(dim)
        total: Value = F.value(0)
        for monomial, coefficient in dim.terms:
            part = F.value(coefficient)
            for atom in monomial:
                part = F.mul(part, self._atom(F, atom))
            total = F.add(total, part)
        return total

    def _atom(self, F: Builder, atom: Atom) -> Value:
        if isinstance(atom, str):
            return self._counts[atom] if atom in self._counts else F.value(symbol(atom))
        function = {"max": F.maximum, "min": F.minimum, "floordiv": F.floor_divide, "mod": F.remainder}[atom.function]
        found: Value = function(*(self.number(F, arg) for arg in atom.args))
        return found

    def only(self, F: Builder, value: Value, dims: Sequence[Dim], axes: Sequence[int], neutral: float) -> Value:
        """The value with the neutral number where an entry along the axes is not there. ``dims``: with counts."""
        for axis in axes:
            if self.counts_in(dims[axis]):
                flags = self.there_along(F, dims[axis], value.rank - axis)
                value = F.select(flags, value, F.cast(F.value(neutral), value.type.dtype))
        return value

    def inside(self, F: Builder, index: Value, dims: Sequence[Dim]) -> Value:
        """Positions, 0 for what is not there."""
        return index if index in self._positions else self.only(F, index, dims, range(index.rank), 0)

    def length_of(self, index: Value) -> Dim | None:
        """Of positions that are a mask's, each once, the length of the mask; None for others."""
        return self._positions.get(index)

    def places(self, F: Builder, old: Node, axis: int, length: Dim) -> Value:
        """Where the elements of a slice, or what is embedded as such, stand along the axis; 0 for what is not there."""
        counted = F.iota(dims=(substitute(length, self.sizes),), axis=0)
        steps = F.mul(counted, F.value(old.attrs["steps"][axis]))
        return self.inside(F, F.add(self.number(F, old.attrs["starts"][axis]), steps), (length,))

    def require_front(self, *dims: Dim) -> None:
        """Raises: OrderMatters: entries counted by one of the dims stay in their places."""
        names = {name for dim in dims for name in self.counts_in(dim)}
        if not names <= self.ordered:
            raise OrderMatters(names)


# --- rules ------------------------------------------------------------------------------------------------------------


def as_it_is(entries: Entries, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
    """Each entry comes from entries at the same place."""
    return copy_node(F, node, inputs)


def create(entries: Entries, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
    if old.op.name == "dim":
        return (entries.number(F, old.attrs["dim"]),)
    if old.op.name == "iota":
        entries.require_front(old.output.dims[old.attrs["axis"]])
    return copy_node(F, node, inputs)


def reduce(entries: Entries, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
    (x,), dims, axes = inputs, old.inputs[0].dims, old.attrs["axes"]
    kind = old.op.kind
    assert isinstance(kind, Reduce)
    if kind.index:
        entries.require_front(*(dims[axis] for axis in axes))
    neutral = _number(kind.init(x.type.dtype))
    return copy_node(F, node, (entries.only(F, x, dims, axes, neutral),))


def _number(text: str) -> float:
    """A number as a fold's entry prints it."""
    return text == "True" if text in ("False", "True") else float(text) if "inf" in text else int(text)


def scan(entries: Entries, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
    axis, dims = old.attrs["axis"], old.output.dims
    if entries.counts_in(dims[axis]):
        neutral = NEUTRAL[old.op.name]
        inputs = tuple(entries.only(F, v, dims, (axis,), k) for v, k in zip(inputs, neutral, strict=True))
    return copy_node(F, node, inputs)


def contract(entries: Entries, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
    """What is not there may be no number, which zero of the other factor, or of the cotangent on the way back, would
    not cancel: it is zero in both factors, along all axes."""
    pairs = zip(inputs, old.inputs, strict=True)
    return copy_node(F, node, tuple(entries.only(F, v, was.dims, range(v.rank), 0) for v, was in pairs))


def reshape(entries: Entries, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
    """Axes of length 1 come and go; of others, what is not there must stay behind all that is."""
    before, after = ([dim for dim in dims if dim != 1] for dims in (old.inputs[0].dims, old.output.dims))
    if before != after:
        entries.require_front(*before, *after)
        if any(entries.counts_in(dim) for dim in (*before[1:], *after[1:])):
            raise refused(old, "its entries are put into other rows")
    return copy_node(F, node, inputs)


def slice_(entries: Entries, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
    """Where a slice begins at another place in each element, its positions are gathered."""
    (x,), (starts, steps, dims) = inputs, (list(node.attrs[key]) for key in ("starts", "steps", "dims"))
    for axis, (dim, start) in enumerate(zip(old.inputs[0].dims, old.attrs["starts"], strict=True)):
        if entries.counts_in(dim) and (dim, start, steps[axis]) != (old.output.dims[axis], 0, 1):
            entries.require_front(dim)
        if entries.counts_in(start):
            places = entries.places(F, old, axis, old.output.dims[axis])
            x = F.gather(x, places, axes=(axis,), checked=False)
            starts[axis], steps[axis] = 0, 1
    return (F.slice(x, starts=tuple(starts), steps=tuple(steps), dims=tuple(dims)),)


def embed(entries: Entries, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
    before, after = old.inputs[0].dims, old.output.dims
    entries.require_front(*before, *after)
    given = entries.only(F, inputs[0], before, range(inputs[0].rank), 0)
    moved = [axis for axis, start in enumerate(old.attrs["starts"]) if entries.counts_in(start)]
    if not moved:
        return copy_node(F, node, (given,))
    (axis, *others) = moved
    if others:
        raise refused(old, "a slice begins at another place in each")
    whole = {key: list(node.attrs[key]) for key in ("starts", "steps", "dims")}
    whole["starts"][axis], whole["steps"][axis], whole["dims"][axis] = 0, 1, given.dims[axis]
    given = F.embed(given, **{key: tuple(values) for key, values in whole.items()})
    places = entries.places(F, old, axis, before[axis])
    return (F.scatter_add(given, places, axes=(axis,), dims=node.output.dims, checked=False),)


def concat(entries: Entries, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
    """Where a piece ends elsewhere in each element, what comes after it is moved up to its end."""
    axis = old.attrs["axis"]
    lengths = [piece.dims[axis] for piece in old.inputs]
    (whole,) = copy_node(F, node, inputs)
    entries.require_front(*lengths)
    if not any(map(entries.counts_in, lengths[:-1])):
        return (whole,)
    rank = F.iota(dims=(whole.dims[axis],), axis=0)
    places, end, start = F.mul(rank, 0), F.value(0), F.value(0)
    for piece, length in zip(inputs, lengths, strict=True):
        here = F.sub(rank, end)
        places = F.select(F.ge(here, 0), F.add(here, start), places)
        end, start = F.add(end, entries.number(F, length)), F.add(start, F.value(piece.dims[axis]))
    places = F.select(F.lt(rank, end), places, 0)
    return (F.gather(whole, places, axes=(axis,), checked=False),)


def checked(entries: Entries, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
    (index,) = inputs
    index = _outside_too(entries, F, index, old.attrs["size"])
    return copy_node(F, node, (entries.inside(F, index, old.inputs[0].dims),))


def _outside_too(entries: Entries, F: Builder, index: Value, dim: Dim) -> Value:
    """Positions, with those of entries that are not there outside of all."""
    if not entries.counts_in(dim):
        return index
    entries.require_front(dim)
    return F.select(F.lt(index, entries.number(F, dim)), index, F.value(substitute(dim, entries.sizes)))


def gather(entries: Entries, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
    x, *indices = inputs
    places = []
    for axis, index, was in zip(old.attrs["axes"], indices, old.inputs[1:], strict=True):
        dim = old.inputs[0].dims[axis]
        if entries.length_of(index) != dim:
            entries.require_front(dim)
        found = _outside_too(entries, F, index, dim) if old.attrs["checked"] else index
        places.append(entries.inside(F, found, was.dims))
    return copy_node(F, node, (x, *places))


def scatter_add(entries: Entries, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
    """What is not there adds zero, to the first place."""
    updates, *indices = inputs
    entries.require_front(*(old.attrs["dims"][axis] for axis in old.attrs["axes"]))
    places = [entries.inside(F, index, was.dims) for index, was in zip(indices, old.inputs[1:], strict=True)]
    given = entries.only(F, updates, old.inputs[0].dims, range(updates.rank), 0)
    return copy_node(F, node, (given, *places))


def scatter_update(entries: Entries, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
    """What is not there writes what it finds; so all must go to places of their own."""
    x, v, *indices = inputs
    dims, axes = old.inputs[1].dims, old.attrs["axes"]
    if len(indices) != 1 or entries.length_of(indices[0]) is None:
        raise refused(old, "they are written to places that could be the same")
    found = F.gather(x, *indices, axes=axes, checked=False)
    flags = entries.there_along(F, dims[axes[0]], v.rank - axes[0])
    return copy_node(F, node, (x, F.select(flags, v, found), *indices))


def sort(entries: Entries, F: Builder, old: Node, node: Node, inputs: Inputs) -> Sequence[Value]:
    """What is not there comes last: a NaN behind all others, since equal ones keep their order."""
    x, dims = inputs[0], old.inputs[0].dims
    entries.require_front(dims[-1])
    last = np.nan if x.type.is_float else _number(highest(x.type.dtype))
    return copy_node(F, node, (entries.only(F, x, dims, (x.rank - 1,), last), *inputs[1:]))


Rule = Callable[[Entries, Builder, Node, Node, Inputs], Sequence[Value]]
BY_NAME: dict[str, Rule] = {
    "broadcast_to": as_it_is,
    "transpose": as_it_is,
    "reshape": reshape,
    "slice": slice_,
    "embed": embed,
    "concat": concat,
    "checked_index": checked,
    "scatter_add": scatter_add,
    "scatter_update": scatter_update,
    "sort": sort,
    "ranked": sort,
}
BY_KIND: dict[type, Rule] = {
    Pointwise: as_it_is,
    Create: create,
    Compact: Entries.bind,
    Reduce: reduce,
    Scan: scan,
    Contract: contract,
    Gather: gather,
}
