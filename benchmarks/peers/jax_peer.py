"""JAX: ``jax.jit(jax.grad(f))`` on arrays that live in JAX before the clock starts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.peers.base import Peer, libraries_argnums
from benchmarks.tree import tree_map

JACOBIANS = {"hessian": "hessian", "jacobian": "jacrev"}  # of a square Jacobian, JAX's reverse mode is the quicker


class Jax(Peer):
    name = "jax"
    modules = ("jax", "jaxlib")
    has_compile_cache = True

    @staticmethod
    def environment(threads: int, cache_dir: str) -> dict[str, str]:
        return {
            "JAX_ENABLE_X64": "1",  # float32 inputs stay float32: Python scalars are weak
            "JAX_PLATFORMS": "cpu",
            # XLA sizes its thread pool by the CPUs the process may use; the worker has limited those already.
            "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}",
            "JAX_COMPILATION_CACHE_DIR": cache_dir,
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        }

    def prepare(self, case: Case, mode: str, inputs: tuple[Any, ...]) -> Callable[[], Any]:
        import jax

        arguments = tree_map(as_jax_array, inputs)
        loss = self.loss(case)
        if mode == "value":
            function = jax.jit(loss, static_argnums=case.static)
        elif case.derivative == "batch":
            function = jax.jit(jax.vmap(jax.grad(loss), in_axes=(0, *[None] * (len(inputs) - 1))))
        else:
            transform = getattr(jax, mode if case.derivative == "gradient" else JACOBIANS[case.derivative])
            function = jax.jit(transform(loss, argnums=libraries_argnums(case)), static_argnums=case.static)
        return partial(call_and_wait, function, arguments)

    def warm_up(self) -> None:
        import jax

        jax.jit(jax.grad(lambda x: (x * x).sum()))(np.ones(3)).block_until_ready()


def call_and_wait(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """One call, waited for. The results of one executable are ready together, so the first one is asked."""
    result = function(*arguments)
    first = result
    while isinstance(first, tuple | list | dict):
        first = next(iter(first.values())) if isinstance(first, dict) else first[0]
    first.block_until_ready()
    return result


def as_jax_array(leaf: Any) -> Any:
    import jax.numpy as jnp

    return jnp.asarray(leaf) if isinstance(leaf, np.ndarray) else leaf
