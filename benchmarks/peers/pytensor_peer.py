"""PyTensor in its Numba mode, with its checks of inputs off (``trust_input``), as its users do for speed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.case import Case
from benchmarks.peers.base import Peer, differentiated
from benchmarks.tree import tree_leaves, tree_map


class PyTensor(Peer):
    name = "pytensor"
    modules = ("pytensor", "numba")

    def prepare(self, case: Case, mode: str, inputs: tuple[Any, ...]) -> Callable[[], Any]:
        import pytensor
        from pytensor.gradient import hessian, jacobian

        loss = self.loss(case)
        leaves = [leaf for leaf in tree_leaves(inputs) if isinstance(leaf, np.ndarray)]
        # Python float constants take floatX: float64 would promote a float32 program.
        float_x = "float32" if leaves[0].dtype == np.float32 else "float64"
        with pytensor.config.change_flags(floatX=float_x):
            variables = tree_map(symbol_for, inputs)
            value = loss(*variables)
            active = tree_leaves(differentiated(case, variables))
            outputs: Any
            if mode == "value":
                outputs = value
            else:
                derivatives = {"gradient": pytensor.grad, "hessian": hessian, "jacobian": jacobian}
                outputs = derivatives[case.derivative](value, active)
                if mode == "value_and_grad":
                    outputs = [value, *outputs]
            symbols = [symbol for symbol in tree_leaves(variables) if hasattr(symbol, "owner")]
            function = pytensor.function(symbols, outputs, mode="NUMBA", on_unused_input="ignore")
        function.trust_input = True
        return partial(function, *leaves)


def symbol_for(leaf: Any) -> Any:
    import pytensor.tensor as pt

    if not isinstance(leaf, np.ndarray):
        return leaf
    return pt.tensor(dtype=str(leaf.dtype), shape=(None,) * leaf.ndim)
