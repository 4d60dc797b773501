"""Printed routines: sorting, searching, calls of LAPACK and transforms, for rows and matrices ``start`` to ``stop``.

A text is a kernel over its buffers ``b0, b1, ...`` (operands, results, room to work in, see ``schedule.routines``), the
sizes ``n0, n1, ...`` of one row or matrix, and ``library``, the address of the table of functions of other libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphc.codegen.fourier_routines import FOURIER_ROUTINES
from graphc.codegen.lapack_routines import LAPACK_ROUTINES
from graphc.codegen.sort_routines import precedes, ranked, sort
from graphc.schedule.program import Call

Printer = Callable[[Call], str]


EVERY_ELEMENT = """
    for row in range(start, stop):
        for e in range(n1):"""


def search(call: Call, loops: str = EVERY_ELEMENT) -> str:
    """Bisection for each element ``e`` of each row, in these loops."""
    element, key = "b0[row * n0 + middle]", "key"
    if "right" in call.flags:
        goes_on = f"not {precedes(call.dtype, key, element)}"
    else:
        goes_on = precedes(call.dtype, element, key)
    return f"""{loops}
            key = b1[row * n1 + e]
            low = 0
            high = n0
            while low < high:
                middle = (low + high) // 2
                if {goes_on}:
                    low = middle + 1
                else:
                    high = middle
            b2[row * n1 + e] = low
"""


def exchanged(call: Call) -> str:
    """The order after exchanges, and its inverse; a position outside of the row counts as its end."""
    return """
    for row in range(start, stop):
        base = row * n0
        for j in range(n0):
            b1[base + j] = j
        for j in range(n0):
            other = least(greatest(b0[base + j], 0), n0 - 1)
            kept = b1[base + j]
            b1[base + j] = b1[base + other]
            b1[base + other] = kept
        for j in range(n0):
            b2[base + b1[base + j]] = j
"""


ROUTINES: Mapping[str, Printer] = {
    "sort": sort,
    "ranked": ranked,
    "search": search,
    "exchanged": exchanged,
    **LAPACK_ROUTINES,
    **FOURIER_ROUTINES,
}


def print_routine(call: Call) -> tuple[str, str]:
    """The kernel's text, named ``NAME``, and which library it calls ("" for none): its last argument is the table."""
    body = ROUTINES[call.name](call)
    libraries = {"lapack": LAPACK_ROUTINES, "fourier": FOURIER_ROUTINES, "sorting": ("sort",)}
    library = next((name for name, called in libraries.items() if call.name in called), "")
    names = [f"b{k}" for k in range(len(call.buffers))] + [f"n{k}" for k in range(len(call.sizes))]
    arguments = ", ".join([*names, *(["library"] if library else []), "start", "stop"])
    return f"def NAME({arguments}):{body}", library
