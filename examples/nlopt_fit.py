"""NLopt, a C library of optimisers, with an objective and a constraint compiled by graphc: C calls C.

python examples/nlopt_fit.py      (needs ``pip install nlopt``)

What is fitted: the parameters of a chain of springs that hangs between two nails, of least energy, with a bound on its
lowest point. NLopt's own Python interface would call Python at each step; here it is given the functions' addresses.
"""

from __future__ import annotations

import ctypes
import time

import numpy as np

import graphc

LINKS, SPAN, DEEPEST = 40, 1.0, -0.45
FUNCTION = "double f(unsigned n, const double x[n], double grad[n], void *data)"  # NLopt's, with the sizes


def energy(x):
    """Of links of one length each, between nails at height 0: gravity, and springs that resist being longer."""
    heights = np.concatenate([np.zeros(1), x, np.zeros(1)])
    lengths = np.sqrt((SPAN / LINKS) ** 2 + np.diff(heights) ** 2)
    return np.sum(heights) / LINKS + 20.0 * np.sum((lengths - 1.5 * SPAN / LINKS) ** 2)


def too_deep(x):
    """Not positive where the chain stays above the floor: a smooth form of its lowest point."""
    return np.log(np.sum(np.exp(-100.0 * (x - DEEPEST)))) / 100.0


def minimize(objective: int, constraint: int, start: np.ndarray) -> tuple[float, np.ndarray, int]:
    """The least value, where it is, and the number of evaluations, by SLSQP; both functions by their addresses."""
    import nlopt
    from nlopt import _nlopt

    library = ctypes.CDLL(_nlopt.__file__)
    pointer, real = ctypes.c_void_p, ctypes.c_double
    library.nlopt_create.restype = pointer
    create = library.nlopt_create(ctypes.c_int(nlopt.LD_SLSQP), ctypes.c_uint(start.size))
    options = pointer(create)
    library.nlopt_set_min_objective(options, pointer(objective), None)
    library.nlopt_add_inequality_constraint(options, pointer(constraint), None, real(1e-9))
    library.nlopt_set_xtol_rel(options, real(1e-9))
    library.nlopt_set_maxeval(options, ctypes.c_int(2000))
    x, least = start.copy(), real()
    status = library.nlopt_optimize(options, x.ctypes.data_as(ctypes.POINTER(real)), ctypes.byref(least))
    count = library.nlopt_get_numevals(options)
    library.nlopt_destroy(options)
    if status < 0:
        raise RuntimeError(f"NLopt ended with status {status}")
    return least.value, x, count


def main() -> None:
    objective, constraint = (graphc.value_and_grad(f).cfunc(FUNCTION) for f in (energy, too_deep))
    start = np.full(LINKS - 1, -0.1)
    begin = time.perf_counter()
    least, x, count = minimize(objective.address, constraint.address, start)
    seconds = time.perf_counter() - begin
    print(f"energy {least:.6f} after {count} evaluations in {1e3 * seconds:.1f} ms")
    print(f"lowest point {x.min():.3f}, allowed {DEEPEST}; the constraint is {too_deep(x):.1e}")


if __name__ == "__main__":
    main()
