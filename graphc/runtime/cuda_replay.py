"""The short way of a step that was captured: look the arrays up, note what moved, ask for the graph.

What a call does is known from one like it: the sizes, where things stand in the program's block, the graph. So a
function is printed that reads of each argument what can differ (type, dtype, sizes, address) in as few steps of Python
as there are, and finds in a table what is left to do. Whatever is not as it was goes the long way (``cuda_runner``).
"""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from graphc.codegen.cuda_chores import WORDS
from graphc.runtime.cuda_arrays import ALIGNED, DeviceView, Quick
from graphc.runtime.cuda_devices import Prepared
from graphc.runtime.cuda_program import LoadedProgram

MOST_READY = 64  # of a program
LETTERS = {"f8": "d", "f4": "f", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u8": "Q", "u4": "I", "u2": "H", "u1": "B",
           "b1": "?"}  # fmt: skip


class Done(NamedTuple):
    """A call that was served the long way, from a graph.

    ``given``: views and numbers; ``moving``: numbers of the inputs that are copied to the block, with their places;
    ``numbers``: of the inputs that are packed, with the slot and the dtype of each; ``packed``: where, and how many
    words; ``results``: shape, dtype, and the place in the block that the result is copied from, -1 for one that the
    graph writes itself; ``fixed``: the addresses of those.
    """

    given: tuple[Any, ...]
    like: DeviceView
    moving: tuple[tuple[int, int], ...]
    numbers: tuple[tuple[int, int, np.dtype], ...]
    packed: tuple[int, int]
    results: tuple[tuple[tuple[int, ...], np.dtype, int], ...]
    fixed: tuple[int, ...]
    graph: Any
    report: int
    sizes: Any


class Replays:
    """Those of one program. ``fast(*objects)``: the results, or None where the call has to go the long way."""

    def __init__(self, loaded: LoadedProgram):
        self.loaded = loaded
        self.types: tuple[type, ...] = ()
        self.table: dict[tuple, Ready] = {}
        self.moving: frozenset[int] = frozenset()
        self.fast: Callable[..., Any] = _never

    def learn(self, objects: Sequence[Any], done: Done) -> None:
        """Serve calls like this one, with these arguments, from now on."""
        quick = done.like.kind.quick
        views = [given for given in done.given if isinstance(given, DeviceView)]
        if quick is None or len(objects) != len(done.given) or any(v.kind.quick is not quick for v in views):
            return
        types, moving = tuple(map(type, objects)), frozenset(k for k, _ in done.moving)
        if types != self.types or moving != self.moving:
            self.table.clear()
            self.types, self.moving = types, moving
            self.fast = _printed(quick, done, objects, self)
        if len(self.table) >= MOST_READY:
            self.table.clear()
        key = _key_of(quick, done, objects, moving)
        ready = self.table.get(key)
        if ready is None or ready.version != self.loaded.version:
            ready = self.table[key] = Ready(self.loaded, quick, done)
        ready.add(done)


def _never(*objects: Any) -> None:
    return None


def _key_of(quick: Quick, done: Done, objects: Sequence[Any], moving: frozenset[int]) -> tuple:
    key: list[Any] = []
    for k, (given, obj) in enumerate(zip(done.given, objects, strict=True)):
        if isinstance(given, DeviceView):
            key += ([] if k in moving else [quick.address(obj)]) + [obj.shape]
        elif type(obj) is int:
            key.append(obj)
    return tuple(key)


def _printed(quick: Quick, done: Done, objects: Sequence[Any], replays: Replays) -> Callable[..., Any]:
    """The function: what can differ is checked, or is part of the key, or is handed on."""
    names = [f"o{k}" for k in range(len(objects))]
    space: dict[str, Any] = {"table": replays.table}
    checks, key, addresses, numbers = [], [], [], []
    packed = {k for k, *_ in done.numbers}
    for k, (given, obj) in enumerate(zip(done.given, objects, strict=True)):
        space[f"T{k}"] = type(obj)
        checks.append(f"type(o{k}) is not T{k}")
        if isinstance(given, DeviceView):
            space[f"D{k}"] = obj.dtype
            checks.append(f"o{k}.dtype != D{k} or not {quick.plain.format(f'o{k}')}")
            if k in replays.moving:
                checks.append(f"not {quick.there.format(f'o{k}')}")
                addresses.append(quick.text.format(f"o{k}"))
            else:
                key.append(quick.text.format(f"o{k}"))
            key.append(f"o{k}.shape")
        elif k in packed:
            numbers.append(f"o{k}")
        elif type(obj) is int:
            key.append(f"o{k}")
    text = f"""def fast({", ".join(names)}):
    if {" or ".join(checks) or "False"}:
        return None
    ready = table.get(({"".join(part + ", " for part in key)}))
    if ready is None:
        return None
    return ready.run(({"".join(part + ", " for part in addresses)}), ({"".join(part + ", " for part in numbers)}))
"""
    exec(compile(text, "<cuda replay>", "exec"), space)
    fast: Callable[..., Any] = space["fast"]
    return fast


class Ready:
    """What is left to do for arguments of known sizes, those that are large at known addresses."""

    def __init__(self, loaded: LoadedProgram, quick: Quick, done: Done):
        self.loaded, self.version, self.lock = loaded, loaded.version, loaded.lock
        self.stream, self.number, self.current = done.like.stream, done.like.device, quick.current_stream
        self.makers = [quick.maker(done.like, shape, dtype) for shape, dtype, _ in done.results]
        self.address, self.sizes = quick.address, done.sizes
        self.word = ctypes.c_int64.from_address(done.report) if done.report else None
        self.fixed = [k for k, (_, _, place) in enumerate(done.results) if place < 0]
        self.before: list[Prepared] = []
        self.after: list[Prepared] = []
        self.incoming: list[tuple[Any, int]] = []
        self.outgoing: list[tuple[int, Any, int]] = []
        self.packers: list[tuple[Callable[..., None], Any, int]] = []
        self.graphs: dict[tuple[int, ...], tuple[Any, Callable[[], None]]] = {}
        self._pack(done)
        pieces = [(place, 0, _bytes(done.given[k])) for k, place in done.moving]
        for launch, slots in loaded.prepared_pieces(pieces):
            self.before.append(launch)
            self.incoming += [(launch.words.data, 2 * slot) for slot in slots]
        held = [
            (k, place, shape, dtype)
            for k, (shape, dtype, place) in enumerate(done.results)
            if place >= 0 and 0 not in shape
        ]
        pieces = [(0, place, int(np.prod(shape, dtype=int)) * dtype.itemsize) for _, place, shape, dtype in held]
        numbers = iter([k for k, *_ in held])
        for launch, slots in loaded.prepared_pieces(pieces):
            self.after.append(launch)
            self.outgoing += [(next(numbers), launch.words.data, 2 * slot + 1) for slot in slots]

    def _pack(self, done: Done) -> None:
        places = {}
        place, words = done.packed
        for launch, first, count in self.loaded.prepared_packs(words, place):
            self.before.append(launch)
            places.update({first + k: (launch.words, 8 * (k + 1)) for k in range(count)})
        for _, slot, dtype in done.numbers:
            array, offset = places[WORDS * slot]
            self.packers.append((struct.Struct(LETTERS[dtype.str[1:]]).pack_into, array.view(np.uint8), offset))

    def add(self, done: Done) -> None:
        """Know the graph for results at these addresses."""
        if len(self.graphs) >= MOST_READY:
            self.graphs.clear()
        known = self.graphs.get(done.fixed)
        if known is None or known[0] is not done.graph:
            repeat = self.loaded.repeated(done.graph, self.before, self.after)
            self.graphs[done.fixed] = done.graph, repeat

    def run(self, addresses: tuple[int, ...], numbers: tuple[Any, ...]) -> list[Any] | None:
        if self.current(self.number) != self.stream or (self.word is not None and self.word.value):
            return None
        address = self.address
        made = [make() for make in self.makers]
        places = [address(array) for array in made]
        with self.lock:
            known = self.graphs.get(tuple([places[k] for k in self.fixed]))
            if known is None or self.version != self.loaded.version or self.loaded.stream != self.stream:
                return None
            for (words, slot), place in zip(self.incoming, addresses, strict=True):
                if place % ALIGNED:
                    return None
                words[slot] = place
            for (pack, words, offset), number in zip(self.packers, numbers, strict=True):
                pack(words, offset, number)
            for k, words, slot in self.outgoing:
                words[slot] = places[k]
            self.loaded.asked = self.sizes
            known[1]()
        return made


def _bytes(view: DeviceView) -> int:
    return int(np.prod(view.shape, dtype=int)) * int(view.dtype.itemsize)
