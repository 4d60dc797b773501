"""PyTorch, eager and compiled: tensors that live in torch before the clock starts, ``torch.autograd.grad``."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.peers.base import Peer, differentiated
from benchmarks.tree import tree_leaves, tree_map, tree_unflatten


class TorchEager(Peer):
    name = "torch"
    modules = ("torch",)

    def load(self) -> dict[str, str]:
        versions = super().load()
        import torch

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
        return versions

    def transform(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return function

    def prepare(self, case: Case, mode: str, inputs: tuple[Any, ...]) -> Callable[[], Any]:
        import torch

        arguments = tree_map(as_tensor, inputs)
        if case.derivative != "gradient" and mode != "value":
            return partial(self.transform(self.derivative(case, len(arguments))), *arguments)

        loss = self.transform(self.loss(case))
        if mode == "value":

            def value() -> Any:
                with torch.no_grad():
                    return loss(*arguments)

            return value

        active = differentiated(case, arguments)
        leaves = tree_leaves(active)
        for leaf in leaves:
            leaf.requires_grad_(True)

        def gradient() -> Any:
            return torch.autograd.grad(loss(*arguments), leaves)

        def value_and_gradient() -> Any:
            result = loss(*arguments)
            return result, tree_unflatten(active, list(torch.autograd.grad(result, leaves)))

        return gradient if mode == "grad" else value_and_gradient

    def derivative(self, case: Case, count: int) -> Callable[..., Any]:
        """What is not a gradient, by ``torch.func``."""
        from torch import func

        if case.derivative == "batch":
            return func.vmap(func.grad(self.loss(case)), in_dims=(0, *[None] * (count - 1)))
        transform = func.hessian if case.derivative == "hessian" else func.jacrev
        return transform(self.loss(case), argnums=case.argnums[0])

    def read(self, result: Any) -> list[np.ndarray]:
        return [leaf.detach().numpy() for leaf in tree_leaves(result)]


class TorchCompile(TorchEager):
    name = "torch.compile"

    def transform(self, function: Callable[..., Any]) -> Callable[..., Any]:
        import torch

        return torch.compile(function)

    def loss(self, case: Case) -> Callable[..., Any]:
        return case.peers["torch"]()


def as_tensor(leaf: Any) -> Any:
    import torch

    return torch.from_numpy(leaf.copy()) if isinstance(leaf, np.ndarray) else leaf
