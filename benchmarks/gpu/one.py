"""``python -m benchmarks.gpu.one CASE [--emulated] [--times]``: one case, by itself, for ``benchmarks.gpu``.

It prints lines of JSON. Without ``--times`` its values are checked: ``{"values": ""}`` where they are right. With it,
each time is said as soon as it is known.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmarks.gpu.cases import gpu_cases
from benchmarks.gpu.checks import problem_of
from benchmarks.gpu.jobs import say
from benchmarks.gpu.machine import reason, this_machine
from benchmarks.gpu.timing import copy_bandwidth, timed
from graphc.config import override


def main(arguments: Sequence[str]) -> None:
    name, *flags = arguments
    (case,) = [case for case in gpu_cases() if case.name == name]
    with override(cuda_emulator="--emulated" in flags):
        if "--times" not in flags:
            say(values=problem_of(case))
            return
        machine = this_machine()
        say(title=machine.title)
        try:
            say(copy=copy_bandwidth(machine))
        except Exception as error:  # noqa: BLE001  the case can be timed without
            say(copy_failed=reason(error))
        timed(case, machine, say)


if __name__ == "__main__":
    main(sys.argv[1:])
