"""Runs what the host computes of a call's numbers (``graphc.cuda_numbers``) at places that stay from call to call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from graphc.abi import ALIGNMENT
from graphc.codegen.cuda_chores import WORDS
from graphc.errors import ProgramError
from graphc.runtime.cuda_call_layout import Host
from graphc.runtime.object_layout import data_address
from graphc.runtime.pycall import DRIVER, evaluate


class NumbersProgram(NamedTuple):
    """A program of the CPU over single numbers.

    ``driver`` and ``table``: addresses; ``symbols``: the sizes that it reads; ``arena``: the code of its bytes;
    ``params``, ``ints``, ``outputs``: how many; ``owner``: what keeps it alive.
    """

    driver: int
    table: int
    symbols: tuple[str, ...]
    arena: tuple[int, ...]
    params: int
    ints: int
    outputs: int
    owner: Any


class Computation:
    """The program for sizes and places. ``given``: where its numbers stand, ``WORDS`` words each.

    ``words``: what native code reads of it (``cuda_call_layout.Host``). One thread at a time may call it.
    """

    def __init__(self, program: NumbersProgram, sizes: Mapping[str, int], results: Sequence[int]):
        """``results``: addresses, each of ``WORDS`` words, of which a shorter number leaves the rest as it is."""
        self.program = program
        self.given = np.zeros(max(1, WORDS * program.params), np.int64)
        places = [data_address(self.given) + 8 * WORDS * k for k in range(program.params)]
        self.symbols = np.array([sizes[name] for name in program.symbols] or [0], np.int64)
        self.arguments = np.array([*places, *[0] * program.ints, *results], np.int64)
        self.arena = np.empty(evaluate(program.arena, self.symbols.tolist()) + ALIGNMENT, np.uint8)
        self.words = np.zeros(Host.SIZE // 8, np.int64)
        fields = {
            Host.DRIVER: program.driver, Host.ARGUMENTS: data_address(self.arguments),
            Host.SYMBOLS: data_address(self.symbols), Host.TABLE: program.table,
            Host.ARENA: data_address(self.arena) + -data_address(self.arena) % ALIGNMENT,
        }  # fmt: skip
        for field, word in fields.items():
            self.words[field // 8] = word
        self.call = DRIVER(program.driver)
        self.status = np.zeros(2, np.int64)
        first = data_address(self.status)
        self.parameters = (first, first + 8, *self.words.tolist()[1:])

    def __call__(self) -> None:
        failed = self.call(*self.parameters) or int(self.status[0])
        if failed:
            raise ProgramError(f"the numbers of a program for a device failed with status {failed}")


def computed(program: NumbersProgram, sizes: Mapping[str, int], given: Sequence[np.ndarray]) -> tuple[int, ...]:
    """The results for these numbers, 0-d arrays, as words."""
    results = np.zeros(WORDS * program.outputs, np.int64)
    run = Computation(program, sizes, [data_address(results) + 8 * WORDS * k for k in range(program.outputs)])
    for k, number in enumerate(given):
        place = run.given[WORDS * k : WORDS * (k + 1)].view(np.uint8)
        place[: number.nbytes] = np.frombuffer(number.tobytes(), np.uint8)
    run()
    return tuple(results.tolist())
