"""graphc itself: the case's plain NumPy function, decorated."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.peers.base import Peer, libraries_argnums


class Graphc(Peer):
    name = "graphc"
    modules = ("graphc",)
    has_compile_cache = True

    @staticmethod
    def environment(threads: int, cache_dir: str) -> dict[str, str]:
        return {"GRAPHC_NUM_THREADS": str(threads), "GRAPHC_CACHE_DIR": cache_dir}

    def load(self) -> dict[str, str]:
        import graphc

        return {"graphc": getattr(graphc, "__version__", "unreleased")}

    def prepare(self, case: Case, mode: str, inputs: tuple[Any, ...]) -> Callable[[], Any]:
        import graphc

        if mode == "value":
            return partial(graphc.jit(case.function), *inputs)
        if case.derivative == "batch":
            shared = [None] * (len(inputs) - 1)
            return partial(graphc.vmap(graphc.grad(case.function), in_axes=(0, *shared)), *inputs)
        transform = getattr(graphc, mode if case.derivative == "gradient" else case.derivative)
        return partial(transform(case.function, argnums=libraries_argnums(case)), *inputs)

    def warm_up(self) -> None:
        import graphc

        graphc.grad(lambda x: np.sum(x * x))(np.ones(3))
