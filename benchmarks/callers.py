"""``python -m benchmarks.callers``: derivatives where other code calls them, and where the dense way is no way.

- **a call from njit code**, beyond what the program's own driver takes: both in a loop of compiled code;
- **Hamiltonian Monte Carlo** wholly inside ``njit`` (``examples/hmc.py``), beside the same chains driven from Python
  with ``jax.jit`` of the leapfrog step, or of the density's gradient alone; one chain after the other, or all at once
  under ``jax.vmap``;
- **a banded Hessian** by coloured sweeps, beside the dense one, or a product for each column where that is too large.

Each part in a process of its own.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks import quiet
from benchmarks.driver import ROOT, environment
from benchmarks.report import align, show_time
from benchmarks.worker import restrict_cpus

STEP, LEAPFROGS = 0.04, 4
Seconds = dict[str, float]


def best(call: Callable[[], Any], repeats: int = 5) -> float:
    """Seconds of the quickest of several calls, after one that compiles."""
    call()
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


# --- a call from njit code ----------------------------------------------------------------------------------------


def njit_call() -> Seconds:
    """Seconds of one call from njit code, with ``out=``, and of the driver that it calls."""
    import numba

    import graphc
    from graphc.direct import DirectFunction, Form, record
    from graphc.runtime.direct_layout import RecordField

    restrict_cpus(1)
    cubes = graphc.grad(lambda x: np.sum(x**3))
    x, out, count = np.ones(4), np.zeros(4), 100_000

    @numba.njit
    def calls(x, out, count):
        for _ in range(count):
            cubes(x, out=out)

    built = record(DirectFunction(cubes, [Form("array", np.float64, 1)], {}).first)
    words = {field: int(built.words[field // 8]) for field in (RecordField.DRIVER, RecordField.TABLE)}
    driver = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 6)(words[RecordField.DRIVER])
    table = words[RecordField.TABLE]
    status, symbols, arena = np.zeros(2, np.int64), np.array([x.size]), np.zeros(4096, np.uint8)
    addresses = np.array([x.ctypes.data, out.ctypes.data])
    places = [array.ctypes.data for array in (status, status[1:], addresses, symbols, arena)]

    @numba.njit
    def drives(places, table, count):
        for _ in range(count):
            driver(places[0], places[1], places[2], places[3], places[4], table)

    whole = best(lambda: calls(x, out, count), 20) / count
    alone = best(lambda: drives(np.array(places), table, count), 20) / count
    np.testing.assert_array_equal(out, 3.0)
    return {"call": whole, "driver": alone}


# --- Hamiltonian Monte Carlo --------------------------------------------------------------------------------------


def hmc_graphc() -> Seconds:
    """Seconds of a leapfrog step of one chain, in draws of a thousand chains in parallel loops."""
    from examples import hmc

    starts = np.random.default_rng(1).normal(size=(1000, hmc.COLUMNS))
    hmc.sample(starts[:2], 1, 0, STEP, LEAPFROGS, 0)
    return {"njit": best(lambda: hmc.sample(starts, 20, 0, STEP, LEAPFROGS, 7), 5) / (1000 * 20 * LEAPFROGS)}


def jax_chain() -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """The density with its gradient, a leapfrog step and the acceptance of one chain, in JAX."""
    import jax
    import jax.numpy as jnp

    from examples import hmc

    X, y = jnp.asarray(hmc.X), jnp.asarray(hmc.y)

    def log_posterior(weights):
        residual = y - X @ weights
        return -0.5 * jnp.sum(residual**2) / hmc.NOISE**2 - 0.5 * jnp.sum(weights**2) / hmc.PRIOR**2

    density = jax.value_and_grad(log_posterior)

    def leapfrog(position, momentum, slope):
        momentum = momentum + 0.5 * STEP * slope
        position = position + STEP * momentum
        value, slope = density(position)
        return position, momentum + 0.5 * STEP * slope, slope, value

    def accept(key, old, new, momenta):
        energies = [state[2] - 0.5 * jnp.sum(p**2) for state, p in zip((old, new), momenta, strict=True)]
        took = jnp.log(jax.random.uniform(key)) < energies[1] - energies[0]
        return jax.tree.map(lambda a, b: jnp.where(took, a, b), new, old)

    return density, leapfrog, accept


def hmc_jax() -> Seconds:
    """The same of chains that Python drives, with JAX, the momenta's draws and the acceptance included."""
    import jax
    import jax.numpy as jnp

    from examples import hmc

    density, leapfrog, accept = jax_chain()

    def draws(count: int, chains: int, jitted_step: bool) -> float:
        """Seconds of a leapfrog step of one chain; ``chains`` of them at once, under ``jax.vmap``."""
        along = (lambda f: jax.jit(jax.vmap(f))) if chains > 1 else jax.jit
        step, gradient, decide = along(leapfrog), along(density), along(accept)
        shape = (chains, hmc.COLUMNS) if chains > 1 else (hmc.COLUMNS,)
        keys = jax.jit(lambda key: jax.random.split(key, chains) if chains > 1 else key)

        def run() -> None:
            position = jnp.asarray(np.random.default_rng(1).normal(size=shape))
            value, slope = gradient(position)
            for k in range(count):
                key = jax.random.key(k)
                old, momentum = (position, slope, value), jax.random.normal(key, shape)
                drawn = momentum
                for _ in range(LEAPFROGS):
                    if jitted_step:
                        position, momentum, slope, value = step(position, momentum, slope)
                    else:
                        momentum = momentum + 0.5 * STEP * slope
                        position = position + STEP * momentum
                        value, slope = gradient(position)
                        momentum = momentum + 0.5 * STEP * slope
                position, slope, value = decide(keys(key), old, (position, slope, value), (drawn, momentum))
            position.block_until_ready()

        return best(run, 3) / (count * LEAPFROGS * chains)

    return {
        "gradient, one chain": draws(50, 1, False),
        "step, one chain": draws(200, 1, True),
        "gradient, all chains": draws(20, 1000, False),
        "step, all chains": draws(20, 1000, True),
    }


# --- banded -------------------------------------------------------------------------------------------------------


def valley(x: Any) -> Any:
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def banded() -> Seconds:
    """Seconds of the Hessian of a chain of neighbours: 1e5 variables sparse, 4,000 both ways."""
    import graphc

    sparse, dense, products = graphc.sparse_hessian(valley), graphc.hessian(valley), graphc.hvp(valley)
    found: Seconds = {}
    for size in (4_000, 100_000):
        x = np.random.default_rng(0).normal(size=size)
        found[f"sparse {size}"] = best(lambda x=x: sparse(x))
        found[f"product {size}"] = best(lambda x=x: products(x, x))
    x = np.random.default_rng(0).normal(size=4_000)
    found["dense 4000"] = best(lambda: dense(x), 2)
    np.testing.assert_allclose(sparse(x).toarray(), dense(x), atol=1e-9)
    return found


PARTS: dict[str, tuple[str, int, Callable[[], Seconds]]] = {
    "njit_call": ("graphc", 1, njit_call),
    "hmc": ("graphc", 2, hmc_graphc),
    "hmc_jax": ("jax", 2, hmc_jax),
    "banded": ("graphc", 2, banded),
}


def table(times: dict[str, Seconds]) -> str:
    """What was measured, beside what was asked."""
    rows = [["what", "time", "beside it", "time", "ratio", "asked"]]

    def beside(what: str, seconds: float, other: str, theirs: float, asked: str) -> None:
        rows.append([what, show_time(seconds), other, show_time(theirs), f"{theirs / seconds:.1f}x", asked])

    if call := times.get("njit_call"):
        beyond = f"{show_time(call['call'] - call['driver'])} beyond"
        rows.append(["a call from njit code", show_time(call["call"]), "its driver", show_time(call["driver"]), beyond])
        rows[-1].append("less than 100 ns")
    if ours := times.get("hmc"):
        for name, seconds in times.get("hmc_jax", {}).items():
            asked = "at least 20x" if name.endswith("one chain") else ""
            beside("HMC, a leapfrog step of a chain", ours["njit"], f"jax.jit of the {name}", seconds, asked)
    if both := times.get("banded"):
        small, large = both["sparse 4000"], both["sparse 100000"]
        beside("banded Hessian, 4,000 variables", small, "dense", both["dense 4000"], "at least 50x")
        columns = 100_000 * both["product 100000"]
        beside("banded Hessian, 1e5 variables", large, "a product for each column", columns, "at least 50x")
    return align(rows)


def measure(part: str) -> Seconds:
    """The times of a part, taken in a process of its own."""
    peer, threads, _ = PARTS[part]
    quiet.Patience(30.0).wait_until_quiet()
    with tempfile.TemporaryDirectory(prefix="graphc-bench-") as folder:
        command = [sys.executable, "-m", "benchmarks.callers", "--only", part]
        variables = environment(peer, threads, os.path.join(folder, peer))
        done = subprocess.run(command, env=variables, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"{part}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}", file=sys.stderr)
        return {}
    found: Seconds = json.loads(done.stdout)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.callers", description="derivatives where others call them"
    )
    parser.add_argument("--parts", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument("--only", choices=list(PARTS), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        print(json.dumps(PARTS[options.only][2]()))
        return 0
    times = {part: measure(part) for part in options.parts}
    print(table(times))
    return int(not all(times.values()))


if __name__ == "__main__":
    sys.exit(main())
