"""HIPS autograd: eager, tape-based, on NumPy."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks.case import Case
from benchmarks.peers.base import Peer, libraries_argnums


class Autograd(Peer):
    name = "autograd"
    modules = ("autograd",)

    def load(self) -> dict[str, str]:
        from importlib.metadata import version

        import autograd  # noqa: F401  (it carries no __version__)

        return {"autograd": version("autograd")}

    def prepare(self, case: Case, mode: str, inputs: tuple[Any, ...]) -> Callable[[], Any]:
        import autograd

        loss = self.loss(case)
        if mode == "value":
            return partial(loss, *inputs)
        transform = getattr(autograd, mode if case.derivative == "gradient" else case.derivative)
        return partial(transform(loss, libraries_argnums(case)), *inputs)
