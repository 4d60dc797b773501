"""Random tensors, from one NumPy generator: ``manual_seed`` begins it anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.tensors.core import Tensor, from_array
from graphc.tensors.creation import shape_of
from graphc.tensors.functions.promotion import Default
from graphc.tensors.kinds import known_dtype
from graphc.tensors.memory import settled
from graphc.tensors.recording import now


class _Generator:
    """The generator that is used where none is given; made when it is first needed."""

    current: np.random.Generator | None = None


def manual_seed(seed: int) -> np.random.Generator:
    """Begin the default generator anew from the seed; the generator."""
    _Generator.current = np.random.default_rng(seed)
    return _Generator.current


def default_generator() -> np.random.Generator:
    """The generator that functions without ``generator=`` draw from."""
    if _Generator.current is None:
        _Generator.current = np.random.default_rng()
    return _Generator.current


def get_rng_state() -> dict[str, Any]:
    """The state of the default generator, as ``Generator.bit_generator.state`` has it: to go on from later."""
    return default_generator().bit_generator.state  # type: ignore[return-value]


def set_rng_state(state: dict[str, Any]) -> None:
    """Go on from a state of the default generator. Raises ``ValueError`` for that of another kind of generator."""
    default_generator().bit_generator.state = state


def drawn(draw: Callable[[], Any], dtype: Any = None, requires_grad: bool = False) -> Tensor:
    """A tensor of what ``draw`` gives; inside a compiled function it is drawn anew at each call."""
    wanted = known_dtype(np.dtype(dtype or Default.dtype))
    if now.recording.traced:
        from graphc.tensors.traced import drawn as traced_drawn

        return traced_drawn(lambda: settled(np.asarray(draw(), wanted)))
    made = from_array(settled(np.asarray(draw(), wanted)))
    return made.requires_grad_() if requires_grad else made


def known(sizes: tuple[Any, ...]) -> tuple[int, ...]:
    """A shape in numbers."""
    return tuple([int(size) for size in sizes])


def rand(
    *size: Any, generator: np.random.Generator | None = None, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Uniform numbers in [0, 1)."""
    shape = known(shape_of(size))
    return drawn(lambda: (generator or default_generator()).random(shape), dtype, requires_grad)


def randn(
    *size: Any, generator: np.random.Generator | None = None, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Standard normal numbers."""
    shape = known(shape_of(size))
    return drawn(lambda: (generator or default_generator()).standard_normal(shape), dtype, requires_grad)


def randint(low: int, high: int | None = None, size: Any = (), *, generator: np.random.Generator | None = None,
            dtype: Any = None) -> Tensor:  # fmt: skip
    """Whole numbers from ``low`` (0 where only one bound is given) below ``high``, as int64."""
    low, high = (0, low) if high is None else (low, high)
    shape = known(shape_of((size,)))
    return drawn(lambda: (generator or default_generator()).integers(low, high, shape), dtype or np.int64)


def randperm(n: int, *, generator: np.random.Generator | None = None) -> Tensor:
    """The numbers below n in random order, as int64."""
    return drawn(lambda: (generator or default_generator()).permutation(int(n)), np.int64)
