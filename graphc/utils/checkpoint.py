"""Recomputing in the backward part, under the names of ``torch.utils.checkpoint``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.checkpoints import checkpoint as checkpointed
from graphc.tensors.tensor import Tensor as _complete  # the methods of tensors

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """What the function makes of the arguments; nothing that it computes is saved for the backward pass.

    >>> layer = graphc.nn.Linear(2, 2)
    >>> graphc.utils.checkpoint.checkpoint(layer, graphc.ones(1, 2), use_reentrant=False).shape
    (1, 2)

    Args:
        function: a module or a function of tensors.
        use_reentrant, preserve_rng_state: PyTorch's; random numbers are the same in both passes in any case.
    """
    return checkpointed(function)(*args, **kwargs)


def checkpoint_sequential(functions: Any, segments: int, input: Any, use_reentrant: bool | None = None) -> Any:
    """The functions, or a ``Sequential``, one after the other in so many checkpoints. Raises ``ValueError``."""
    parts: Sequence[Callable[..., Any]] = list(functions)
    if not 1 <= segments <= max(len(parts), 1):
        raise ValueError(f"segments={segments} of {len(parts)} functions")
    size = -(-len(parts) // segments)
    for first in range(0, len(parts), size):
        input = checkpoint(_Chain(parts[first : first + size]), input)
    return input


class _Chain:
    def __init__(self, parts: Sequence[Callable[..., Any]]):
        self.parts = parts

    def __call__(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x


del _complete
