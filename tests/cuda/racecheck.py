"""The emulator with a record of every access to memory: two threads that meet in a place without a barrier are found.

Each load and store of a kernel notes its address, the block, and how many barriers the thread has passed. Two accesses
to one place, one of them a store, race where they are of different blocks, or of different threads between the same two
barriers. Steps of a warp (shuffles) are no barriers. What only one schedule of threads would show is so found in any.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
from collections import defaultdict
from unittest import mock

import numpy as np

from graphc.codegen import cuda_intrinsics
from graphc.codegen.cuda_intrinsics import INT64, SHARED_ELEMENTS, TILE_ELEMENTS, Place
from graphc.codegen.machine import LOCK, emit_object
from graphc.codegen.objects import Source, source_ir
from graphc.codegen.targets import EMULATED
from graphc.runtime import cuda_devices
from graphc.runtime.cuda_emulator import BARRIER_BYTES, Emulator, run_block
from graphc.runtime.native import load_object

LOG, EPOCH, END, PLACES = 16, 17, 18, 19  # words of the record behind those of ``Place``
READ, WRITE, ATOMIC = 0, 1, 2
MOST = 1 << 17  # accesses of a thread in a launch
NOTE = """
define internal void @note(i64* %place, i64 %address, i64 %kind) {
  %at = getelementptr i64, i64* %place, i64 16
  %word = load i64, i64* %at
  %ends = getelementptr i64, i64* %place, i64 18
  %end = load i64, i64* %ends
  %full = icmp uge i64 %word, %end
  br i1 %full, label %out, label %free
free:
  %entry = inttoptr i64 %word to i64*
  store i64 %address, i64* %entry
  %b = getelementptr i64, i64* %place, i64 2
  %block = load i64, i64* %b
  %e1 = getelementptr i64, i64* %entry, i64 1
  store i64 %block, i64* %e1
  %p = getelementptr i64, i64* %place, i64 17
  %epoch = load i64, i64* %p
  %e2 = getelementptr i64, i64* %entry, i64 2
  store i64 %epoch, i64* %e2
  %e3 = getelementptr i64, i64* %entry, i64 3
  store i64 %kind, i64* %e3
  %next = add i64 %word, 32
  store i64 %next, i64* %at
  br label %out
out:
  ret void
}
"""
_LOAD = re.compile(r"^\s*%\S+ = load (?:volatile )?[^,]+, (\S.*?\*) (%\"[^\"]+\")")
_STORE = re.compile(r"^\s*store .+, (\S.*?\*) (%\"[^\"]+\")")
_ATOMIC = re.compile(r"= atomicrmw \w+ (\S.*?\*) (%\"[^\"]+\")")
_OWN = re.compile(r"^\s*(%\"[^\"]+\") = (?:alloca\b|getelementptr [^,]+, i64\* %\"\.1\")")
_PART = re.compile(r"^\s*(%\"[^\"]+\") = (?:getelementptr [^,]+, |bitcast )\S.*?\* (%\"[^\"]+\")")


def noted(text: str, name: str) -> str:
    """The kernel's LLVM text with a note before each access to memory that is not the thread's own."""
    own = {match.group(1) for line in text.splitlines() if (match := _OWN.match(line))}
    for line in text.splitlines():  # what is a part of these, too
        match = _PART.match(line)
        if match and match.group(2) in own:
            own.add(match.group(1))
    lines, count, inside = [], 0, False
    for line in text.splitlines():
        inside = f'@"{name}"(' in line if line.startswith("define") else inside  # no function that it calls
        for pattern, kind in ((_LOAD, READ), (_STORE, WRITE), (_ATOMIC, ATOMIC)):
            found = pattern.search(line)
            if inside and found and found.group(2) not in own:
                count += 1
                lines.append(f"  %noted{count} = ptrtoint {found.group(1)} {found.group(2)} to i64")
                lines.append(f'  call void @note(i64* %".1", i64 %noted{count}, i64 {kind})')
                break
        lines.append(line)
    return "\n".join(lines) + NOTE


@contextlib.contextmanager
def counted_barriers():
    """In the block, a barrier that is emitted counts itself; what stands for a warp's step does not."""
    wait, exchanged, silent = cuda_intrinsics._wait, cuda_intrinsics._exchanged, []

    def counting(builder):
        wait(builder)
        if not silent:
            place = builder.gep(builder.function.args[0], [INT64(EPOCH)])
            builder.store(builder.add(builder.load(place), INT64(1)), place)

    def step(*arguments):
        silent.append(True)
        try:
            return exchanged(*arguments)
        finally:
            silent.pop()

    with mock.patch.multiple(cuda_intrinsics, _wait=counting, _exchanged=step):
        yield


class RaceChecker(Emulator):
    """``races``: what was found, a line each; ``checked``: the kernels that were run."""

    def __init__(self):
        super().__init__()
        self.races, self.checked = [], set()

    def _function(self, kernel):
        printed = kernel.printed
        if printed.name not in self.functions:
            with counted_barriers():
                text = source_ir(Source(printed.name, printed.source, "<cuda>", printed.signature), EMULATED)
            name = f"raced_{printed.name}"
            with LOCK:
                data = emit_object(noted(text, printed.name).replace(f'@"{printed.name}"', f'@"{name}"'), 1)
            count = printed.signature.count(",") + 1
            function = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * (count + 1))(load_object(data, [name])[name])
            self.functions[printed.name] = (printed.name, function, kernel.waits or "shuffle_" in printed.source)
        return self.functions[printed.name]

    def _run(self, kernel, blocks, threads, words, near):
        name, function, waits = kernel
        shared = np.zeros(2 * SHARED_ELEMENTS + 2 * TILE_ELEMENTS, np.int64)
        exchange, own = np.zeros(SHARED_ELEMENTS, np.int64), np.full(near, 0xFF, np.uint8)
        barrier, library = (ctypes.c_char * BARRIER_BYTES)(), ctypes.CDLL(None)
        library.pthread_barrier_init(barrier, None, ctypes.c_uint(threads))
        wait = ctypes.cast(library.pthread_barrier_wait, ctypes.c_void_p).value
        logs = [np.empty((MOST, 4), np.int64) for _ in range(threads)]
        used = [0] * threads

        def run(thread):
            place = np.zeros(PLACES, np.int64)
            place[Place.THREAD], place[Place.THREADS], place[Place.BLOCKS] = thread, threads, blocks
            place[Place.SHARED], place[Place.BARRIER] = shared.ctypes.data, ctypes.addressof(barrier)
            place[Place.WAIT], place[Place.WARP], place[Place.EXCHANGE] = wait, self.warp, exchange.ctypes.data
            place[Place.NEAR], place[LOG] = own.ctypes.data, logs[thread].ctypes.data
            place[END] = logs[thread].ctypes.data + logs[thread].nbytes
            for block in range(blocks):
                place[Place.BLOCK], place[EPOCH] = block, 0
                function(place.ctypes.data, *words)
            used[thread] = (int(place[LOG]) - logs[thread].ctypes.data) // 32

        run_block(run, threads, together=waits)
        library.pthread_barrier_destroy(barrier)
        assert max(used) < MOST, f"{name}: too many accesses to be noted"
        hidden = (exchange.ctypes.data, exchange.ctypes.data + exchange.nbytes)
        of_blocks = [(a.ctypes.data, a.ctypes.data + a.nbytes) for a in (shared, own)]
        self.checked.add(name)
        found = races_of([log[:count] for log, count in zip(logs, used, strict=True)], of_blocks, hidden)
        self.races += [f"{name}: {race}" for race in found]


def races_of(logs, of_blocks, hidden):
    """The places where two accesses race; ``of_blocks``: memory that each block has for itself."""
    places = defaultdict(list)
    for thread, log in enumerate(logs):
        for address, block, epoch, kind in log.tolist():
            if not hidden[0] <= address < hidden[1]:
                private = any(start <= address < end for start, end in of_blocks)
                places[address, block if private else -1].append((block, epoch, thread, kind))
    for (address, _), accesses in places.items():
        kinds = {kind for *_, kind in accesses}
        if kinds in ({READ}, {ATOMIC}):
            continue
        if len({block for block, *_ in accesses}) > 1:
            yield f"blocks meet at {address:#x}"
            continue
        between = defaultdict(set)
        for _, epoch, thread, kind in accesses:
            between[epoch].add((thread, kind))
        for epoch, met in between.items():
            if len({thread for thread, _ in met}) > 1 and {kind for _, kind in met} not in ({READ}, {ATOMIC}):
                yield f"threads {sorted(met)} meet at {address:#x} after {epoch} barriers"


@contextlib.contextmanager
def race_checker():
    """In the block, the emulator notes accesses."""
    checker = RaceChecker()
    with mock.patch.object(cuda_devices, "emulator", return_value=checker):
        yield checker
