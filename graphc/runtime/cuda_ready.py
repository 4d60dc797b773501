"""What is left to do of a captured step whose arguments are known, in a printed function.

It makes the results, notes where they and the small inputs are and what the numbers are in the parameters of launches
that are prepared, and asks the driver for all of it. Each step of Python counts, so nothing in it is a loop.
"""

from __future__ import annotations

import ctypes
import functools
import struct
from collections.abc import Callable, Mapping
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from graphc.codegen.cuda_chores import WORDS
from graphc.runtime.cuda_arrays import ALIGNED, DeviceView, Quick
from graphc.runtime.cuda_devices import Prepared
from graphc.runtime.cuda_numbers import Computation, NumbersProgram
from graphc.runtime.cuda_program import LoadedProgram
from graphc.runtime.object_layout import data_address

MOST_READY = 64  # calls of a program, and places of results for each of them
LETTERS = {"f8": "d", "f4": "f", "i8": "q", "i4": "i", "i2": "h", "i1": "b", "u8": "Q", "u4": "I", "u2": "H", "u1": "B",
           "b1": "?"}  # fmt: skip


class Computing(NamedTuple):
    """What the host computes of a call's numbers.

    ``sources``: the numbers of the inputs that it reads; ``first``: the slot of its first result.
    """

    program: NumbersProgram
    sizes: Mapping[str, int]
    sources: tuple[int, ...]
    first: int


class Done(NamedTuple):
    """A call that was served the long way, from a graph.

    ``given``: views and numbers; ``moving``: numbers of the inputs that are copied to the block, with their places;
    ``numbers``: of the inputs that are single numbers of the host, with the slot (-1 where the device does not read
    it) and the dtype of each; ``host``: what is computed of them; ``packed``: where, and how many words; ``results``:
    shape, dtype, and the place in the block that the result is copied from, -1 for one that the graph writes itself;
    ``fixed``: the addresses of those.
    """

    given: tuple[Any, ...]
    like: DeviceView
    moving: tuple[tuple[int, int], ...]
    numbers: tuple[tuple[int, int, np.dtype], ...]
    host: Computing | None
    packed: tuple[int, int]
    results: tuple[tuple[tuple[int, ...], np.dtype, int], ...]
    fixed: tuple[int, ...]
    graph: Any
    report: int
    sizes: Any


class Launches:
    """The launches around the graph, prepared, and the words in them that each call writes.

    ``moves``: of each input that moves the number of a launch and of a word in it, for its address; ``copies``: of each
    result that is copied its number, and the same for its address; ``packs``: for each place that takes one of
    ``Done.numbers`` which one it is, the words that it is written to, and the number of the word; ``compute``: what is
    called when they are written.
    """

    def __init__(self, loaded: LoadedProgram, done: Done):
        self.loaded = loaded
        self.before: list[Prepared] = []
        self.after: list[Prepared] = []
        places = self._packed_places(done)
        self.packs = [(k, *places[WORDS * slot]) for k, (_, slot, _) in enumerate(done.numbers) if slot >= 0]
        self.compute = None if done.host is None else self._computation(done, done.host, places)
        moved = self._transfers([(place, 0, _bytes(done.given[k])) for k, place in done.moving], self.before)
        self.moves = [(launch, 2 * slot) for launch, slot in moved]
        held = [k for k, (shape, _, place) in enumerate(done.results) if place >= 0 and 0 not in shape]
        pieces = []
        for shape, dtype, place in [done.results[k] for k in held]:
            pieces.append((0, place, int(np.prod(shape, dtype=int)) * dtype.itemsize))
        copied, first = self._transfers(pieces, self.after), len(self.before)
        self.copies = [(k, first + launch, 2 * slot + 1) for k, (launch, slot) in zip(held, copied, strict=True)]
        self.fixed = tuple([k for k, (_, _, place) in enumerate(done.results) if place < 0])
        self.all = (*self.before, *self.after)

    def _packed_places(self, done: Done) -> dict[int, tuple[np.ndarray, int]]:
        """The launch's words, and the number of the one among them, for each packed word."""
        places = {}
        place, words = done.packed
        for launch, first, count in self.loaded.prepared_packs(words, place):
            places.update({first + k: (launch.words, k + 1) for k in range(count)})
            self.before.append(launch)
        return places

    def _computation(self, done: Done, host: Computing, places: Mapping[int, tuple[np.ndarray, int]]) -> Computation:
        results = [places[WORDS * (host.first + k)] for k in range(host.program.outputs)]
        addresses = [data_address(words) + 8 * number for words, number in results]
        found = Computation(host.program, host.sizes, addresses)
        numbers = [k for k, _, _ in done.numbers]
        self.packs += [(numbers.index(k), found.given, WORDS * n) for n, k in enumerate(host.sources)]
        return found

    def _transfers(self, pieces: list[tuple[int, int, int]], launches: list[Prepared]) -> list[tuple[int, int]]:
        """Add the launches that copy the pieces; of each piece that has bytes its launch's number, and its slot."""
        found = []
        for launch, slots in self.loaded.prepared_pieces(pieces):
            found += [(len(launches), slot) for slot in slots]
            launches.append(launch)
        return found

    def repeated(self, graph: Any) -> Callable[[], None]:
        """What asks for these launches and the graph between them."""
        return self.loaded.repeated(graph, self.before, self.after)


class Ready:
    """For arguments of known sizes, those that are large at known addresses.

    ``run(*addresses, *numbers)``: of the inputs that move, and the single numbers; the results, or None where the call
    has to go the long way.
    """

    def __init__(self, loaded: LoadedProgram, quick: Quick, done: Done):
        self.version, self.launches = loaded.version, Launches(loaded, done)
        self.repeats: dict[
            tuple[int, ...], Callable[[], None]
        ] = {}  # by the addresses of results that the graph writes
        self.graphs: dict[tuple[int, ...], Any] = {}
        known = self.launches
        space: dict[str, Any] = {f"w{k}": launch.words.data for k, launch in enumerate(known.all)}
        space |= {f"m{k}": quick.maker(done.like, shape, dtype) for k, (shape, dtype, _) in enumerate(done.results)}
        for place, (k, words, _) in enumerate(known.packs):
            space[f"p{place}"] = struct.Struct(LETTERS[done.numbers[k][2].str[1:]]).pack_into
            space[f"b{place}"] = words.view(np.uint8)
        space |= {
            "current": quick.current_stream(done.like.device), "stream": done.like.stream,
            "word": ctypes.c_int64.from_address(done.report) if done.report else None,
            "lock": loaded.lock, "loaded": loaded, "live": loaded.live.data, "version": loaded.version,
            "repeats": self.repeats,
            "sizes": done.sizes, "compute": known.compute,
            "around": None if quick.around is None else quick.around(done.like),
        }  # fmt: skip
        form = _Form(
            len(done.results), known.fixed, tuple(known.moves), len(done.numbers),
            tuple([(k, 8 * word) for k, _, word in known.packs]), known.compute is not None, tuple(known.copies),
        )  # fmt: skip
        exec(_code(quick.text, form, reports=bool(done.report), around=quick.around is not None), space)
        self.run: Callable[..., list[Any] | None] = space["run"]

    def add(self, done: Done) -> None:
        """Know the graph for results at these addresses."""
        if len(self.repeats) >= MOST_READY:
            self.repeats.clear()
            self.graphs.clear()
        if self.graphs.get(done.fixed) is not done.graph:
            self.repeats[done.fixed] = self.launches.repeated(done.graph)
            self.graphs[done.fixed] = done.graph


class _Form(NamedTuple):
    """Of the launches around a graph, what their printed function depends on.

    ``moves``: of each input that moves the launch, and the word that takes its address; ``numbers``: how many;
    ``packs``: for each place that takes one which, and the offset; ``computes``: whether others follow from them;
    ``copies``: of each result that is copied its number, launch and word.
    """

    results: int
    fixed: tuple[int, ...]
    moves: tuple[tuple[int, int], ...]
    numbers: int
    packs: tuple[tuple[int, int], ...]
    computes: bool
    copies: tuple[tuple[int, int, int], ...]


@functools.lru_cache(maxsize=256)
def _code(address: str, form: _Form, *, reports: bool, around: bool) -> CodeType:
    """``run`` for such launches; names as ``Ready`` gives them. ``address``: the expression for an array's."""
    addresses = [f"a{k}" for k in range(len(form.moves))]
    aligned = [f"    if ({' | '.join(addresses)}) % {ALIGNED}:", "        return None"] if addresses else []
    places = "".join(address.format(f"r{k}") + ", " for k in form.fixed)
    lines = [
        f"def run({', '.join([*addresses, *[f'n{k}' for k in range(form.numbers)]])}):",
        f"    if current() != stream{' or word.value' if reports else ''}:",
        "        return None",
        *aligned,
        *(["    with around:"] if around and form.results else []),
        *[f"    {'    ' if around else ''}r{k} = m{k}()" for k in range(form.results)],
        "    with lock:",
        f"        repeat = repeats.get(({places}))",
        "        if repeat is None or version != live[0] or stream != live[1]:",
        "            return None",
        *[f"        w{launch}[{word}] = a{k}" for k, (launch, word) in enumerate(form.moves)],
        *[f"        p{place}(b{place}, {offset}, n{k})" for place, (k, offset) in enumerate(form.packs)],
        *(["        compute()"] if form.computes else []),
        *[f"        w{launch}[{word}] = {address.format(f'r{k}')}" for k, launch, word in form.copies],
        "        loaded.asked = sizes",
        "        repeat()",
        f"    return [{', '.join(f'r{k}' for k in range(form.results))}]",
    ]
    return compile("\n".join(lines) + "\n", "<cuda step>", "exec")


def _bytes(view: DeviceView) -> int:
    return int(np.prod(view.shape, dtype=int)) * int(view.dtype.itemsize)
